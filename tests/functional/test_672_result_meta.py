"""/v1/results/{id}/meta: what owners write."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from results import refusal, set_meta, upload


def meta(ident, key=None):
    return '/v1/results/%s/meta' % ident + ('/' + key if key else '')


def test_set_read_change_delete(empty, demo):
    ident = upload(demo)
    r = demo.post(meta(ident, 'guideline'), data='2026.01')
    assert r.status_code == 201 and r.json() is None
    assert demo.get(meta(ident, 'guideline')).json() == '2026.01'
    set_meta(demo, ident, guideline='2026.02')
    assert demo.get(meta(ident)).json() == {'guideline': '2026.02', 'user': empty.user_id('demo')}
    assert empty.sql("SELECT value FROM meta WHERE meta_key = 'guideline'") == (('2026.02',),)
    assert demo.delete(meta(ident, 'guideline')).status_code == 204
    refusal(demo.delete(meta(ident, 'guideline')), 404, 'guideline')
    # what is not there is null, as in RefStack
    r = demo.get(meta(ident, 'guideline'))
    assert r.status_code == 200 and r.json() is None


@pytest.mark.parametrize('kind', ['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'odd'])
def test_the_body_is_the_value(empty, demo, kind):
    ident = upload(demo)
    r = demo.post(meta(ident, 'target'), data=b'{"a": 1}', headers={'Content-Type': kind})
    assert r.status_code == 201
    assert demo.get(meta(ident, 'target')).json() == '{"a": 1}'


@pytest.mark.parametrize('value', ["'; DROP TABLE meta; --", 'a"b\\', '\u202e\U0001f600', 'x' * 65535, '', ' '])
def test_hostile_values(empty, demo, value):
    ident = upload(demo)
    assert demo.post(meta(ident, 'target'), data=value.encode()).status_code == 201
    assert demo.get(meta(ident, 'target')).json() == value
    assert demo.get(meta(ident)).json()['target'] == value


@pytest.mark.parametrize('data, status', [(b'\xff', 400), (b'a\0b', 400), (b'x' * 65536, 400), (b'x' * (1 << 20 | 1), 413)])
def test_values_that_are_none(empty, demo, data, status):
    ident = upload(demo)
    refusal(demo.post(meta(ident, 'target'), data=data), status)
    assert demo.get(meta(ident, 'target')).json() is None


@pytest.mark.parametrize('key', ['user', 'subunit_run', 'Shared', 'shared ', 'x' * 65, 'x' * 3000, '%27', 'a.b'])
def test_other_keys(empty, demo, staff, key):
    ident = upload(demo)
    for client in (demo, staff):
        refusal(client.post(meta(ident, key), data='x'), 403)
        refusal(client.delete(meta(ident, key)), 403)
    assert empty.sql('SELECT meta_key FROM meta') == (('user',),)


def test_keys_are_told_apart_by_their_bytes(empty, demo, anonymous):
    ident = upload(demo)
    set_meta(demo, ident, shared='true')
    refusal(anonymous.get(meta(ident, 'SHARED')), 403)
    assert anonymous.get(meta(ident, 'shared')).json() == 'true'


def test_unknown_parameters(empty, demo):
    ident = upload(demo)
    for method in ('GET', 'POST', 'DELETE'):
        refusal(demo.request(method, meta(ident, 'target') + '?x=1', data='x' if method == 'POST' else None), 400)
    refusal(demo.get(meta(ident) + '?x=1'), 400)


def test_at_once(empty, demo):
    """Many set and take away the same key: nothing doubles, nothing fails."""
    ident = upload(demo)
    clients = [empty.client('demo') for _ in range(6)]

    def work(number):
        for turn in range(5):
            if (number + turn) % 2:
                r = clients[number].post(meta(ident, 'shared'), data='by %d' % number)
                assert r.status_code == 201, r.text
            else:
                assert clients[number].delete(meta(ident, 'shared')).status_code in (204, 404)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    there = len(empty.sql("SELECT value FROM meta WHERE meta_key = 'shared'"))
    assert there in (0, 1) and empty.sql('SELECT listed FROM result_info') == ((there,),)


def test_not_verified_while_it_is_changed(empty, demo, staff):
    """Verification and the metadata that it looks at exclude each other."""
    for _ in range(8):
        ident = upload(demo)
        set_meta(demo, ident, shared='true', guideline='g', target='t')
        with ThreadPoolExecutor(2) as pool:
            gone = pool.submit(demo.delete, meta(ident, 'target'))
            done = pool.submit(staff.put, '/v1/results/' + ident, json={'verification_status': 1})
            pair = (gone.result().status_code, done.result().status_code)
        assert pair in ((204, 403), (403, 201)), pair
        has = demo.get(meta(ident, 'target')).json()
        assert (has == 't') == (pair[1] == 201)
