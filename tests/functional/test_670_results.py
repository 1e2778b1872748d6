"""POST /v1/results, GET, PUT and DELETE of a result: RefStack's validation and forms."""
import json
import uuid

import pytest

from evidence import post, put, stored
from results import NAMES, body, no_rows, refusal, set_meta, upload, verify
from streams import simple

UUIDS = ['%08x-9dad-41d1-80b4-00c04fd430c8' % n for n in (0xa7b810, 0xa7b811, 0xa7b812)]


@pytest.mark.smoke
def test_upload_and_read(empty, demo):
    doc = body([{'name': n, 'uuid': u} for n, u in zip(NAMES, UUIDS)], 'my cloud', 77)
    r = demo.post('/v1/results/', json=doc)
    assert r.status_code == 201, r.text
    ident = r.json()['test_id']
    assert r.json() == {'test_id': ident, 'url': empty.url + '/v1/results/' + ident}
    assert r.headers['Location'] == empty.url + '/v1/results/' + ident
    got = demo.get('/v1/results/' + ident).json()
    assert got.pop('created_at').endswith('Z')
    assert got == {'id': ident, 'cpid': 'my cloud', 'duration_seconds': 77, 'meta': {'user': empty.user_id('demo')},
                   'product_version': None, 'verification_status': 0, 'results': NAMES, 'user_role': 'owner'}
    # as RefStack's own tools see it
    assert empty.sql('SELECT name, uuid FROM results ORDER BY _id') == tuple(zip(NAMES, UUIDS))
    assert empty.sql('SELECT id, cpid, duration_seconds, verification_status, product_version_id FROM test') == (
        (ident, 'my cloud', 77, 0, None),)
    assert empty.sql('SELECT project, user, anonymous, listed, verified, cpid FROM result_info') == (
        (empty.project('demo'), empty.user_id('demo'), 0, 0, 0, 'my cloud'),)


@pytest.mark.parametrize('path', ['/v1/results', '/v1/results/'])
def test_both_forms_of_the_path(empty, demo, path):
    assert demo.post(path, json=body()).status_code == 201
    assert demo.get(path).status_code == 200


def test_the_project_owns_it(empty, demo, alt, anonymous):
    ident = upload(demo)
    assert empty.client('demo2').get('/v1/results/' + ident).json()['user_role'] == 'owner'
    refusal(alt.get('/v1/results/' + ident), 404)
    refusal(anonymous.get('/v1/results/' + ident), 401)


def test_anonymous(empty, anonymous, demo):
    ident = upload(anonymous)
    for client in (anonymous, demo):
        got = client.get('/v1/results/' + ident).json()
        assert got['user_role'] == 'user' and got['meta'] == {} and got['results'] == NAMES and 'cpid' not in got
    assert empty.sql('SELECT project, user, anonymous, listed FROM result_info') == ((None, None, 1, 1),)
    assert empty.sql('SELECT COUNT(*) FROM meta') == ((0,),)


def test_anonymous_switched_off(stack, empty, anonymous, demo):
    stack.conf.set('api', enable_anonymous_upload='false')
    stack.reload()
    r = anonymous.post('/v1/results/', json=body())
    refusal(r, 401, 'disabled')
    assert r.headers['WWW-Authenticate'].startswith('Keystone uri=')
    no_rows(empty)
    upload(demo)
    # what does not hold is no anonymity
    refusal(stack.with_token('gAAAAnonsense').post('/v1/results/', json=body()), 401)


def test_bad_token(stack, empty):
    refusal(stack.with_token('gAAAAnonsense').post('/v1/results/', json=body()), 401)
    refusal(stack.with_token('gAAAAnonsense').get('/v1/results'), 401)
    no_rows(empty)


BAD = {
    'no object': ('[]', 'object'),
    'no json': ('{"cpid": }', 'line 1'),
    'empty body': ('', ''),
    'no cpid': ({'duration_seconds': 1, 'results': [{'name': 'a'}]}, 'cpid'),
    'no duration': ({'cpid': 'c', 'results': [{'name': 'a'}]}, 'duration_seconds'),
    'no results': ({'cpid': 'c', 'duration_seconds': 1}, 'results'),
    'nothing passed': (body([]), 'at least one passing test'),
    'cpid a number': (body(cpid=5), 'cpid'),
    'cpid null': (body(cpid=None), 'cpid'),
    'cpid too long': (body(cpid='c' * 129), 'cpid'),
    'cpid with NUL': (body(cpid='c\0'), 'cpid'),
    'duration a string': (body(seconds='5'), 'duration_seconds'),
    'duration a fraction': (body(seconds=1.5), 'duration_seconds'),
    'duration true': (body(seconds=True), 'duration_seconds'),
    'duration negative': (body(seconds=-1), 'duration_seconds'),
    'duration over the column': (body(seconds=2 ** 31), 'duration_seconds'),
    'results an object': ({**body(), 'results': {'name': 'a'}}, 'results'),
    'a test a string': ({**body(), 'results': ['a']}, 'results[0]'),
    'a test without a name': (body([{'uuid': UUIDS[0]}]), 'results[0].name'),
    'the second one without': (body(['a', {'uuid': UUIDS[0]}]), 'results[1].name'),
    'name null': (body([{'name': None}]), 'results[0].name'),
    'name empty': (body(['']), 'results[0].name'),
    'name too long': (body(['n' * 4097]), 'results[0].name'),
    'name with NUL': (body(['a\0b']), 'results[0].name'),
    'uuid no uuid': (body([{'name': 'a', 'uuid': 'x'}]), 'results[0].uuid'),
    'uuid a number': (body([{'name': 'a', 'uuid': 5}]), 'results[0].uuid'),
    'uuid too long': (body([{'name': 'a', 'uuid': UUIDS[0] + '0'}]), 'results[0].uuid'),
    'unknown member': (body(meta={'user': 'x'}), 'meta'),
    'two uuids of a name': (body([{'name': 'a', 'uuid': UUIDS[0]}, {'name': 'a', 'uuid': UUIDS[1]}]), 'uuids'),
    'member twice': ('{"cpid": "a", "cpid": "b", "duration_seconds": 1, "results": [{"name": "a"}]}', 'cpid'),
    'half a surrogate': (r'{"cpid": "\ud800", "duration_seconds": 1, "results": [{"name": "a"}]}', ''),
    'no UTF-8': (b'{"cpid": "\xff", "duration_seconds": 1, "results": [{"name": "a"}]}', ''),
}


@pytest.mark.parametrize('case', BAD)
def test_refused(empty, demo, case):
    doc, word = BAD[case]
    data = doc if isinstance(doc, (str, bytes)) else json.dumps(doc)
    refusal(demo.post('/v1/results/', data=data, headers={'Content-Type': 'application/json'}), 400, word)
    no_rows(empty)


def test_media_type_and_size(empty, demo):
    refusal(demo.post('/v1/results/', data=json.dumps(body()), headers={'Content-Type': 'text/plain'}), 415)
    refusal(demo.post('/v1/results/', json=body(), headers={'Content-Encoding': 'gzip'}), 415)
    large = json.dumps(body(['x' * 4000 + str(i) for i in range(300)]))
    assert len(large) > 1 << 20
    refusal(demo.post('/v1/results/', data=large, headers={'Content-Type': 'application/json'}), 413)
    refusal(demo.post('/v1/results/?x=1', json=body()), 400, 'x')
    no_rows(empty)


def test_as_much_as_fits(empty, demo):
    """A body just below the limit: tens of thousands of tests."""
    names = ['t%05d' % i for i in range(52000)]
    data = json.dumps(body(names), separators=(',', ':'))
    assert 900000 < len(data) <= 1 << 20
    r = demo.post('/v1/results/', data=data, headers={'Content-Type': 'application/json'})
    assert r.status_code == 201, r.text
    assert demo.get('/v1/results/' + r.json()['test_id']).json()['results'] == names


HOSTILE = ["Robert'); DROP TABLE results;--", '" OR ""="', 'a\\', '%s%n', '\u202e', 'é\U0001f600',
           'x' * 4096, '\U0001f600' * 4096, 'tab\tand\nlines', ' blank ', 'a', 'A', 'a ']


def test_hostile_names(empty, demo):
    ident = upload(demo, body(HOSTILE, cpid="c'; DROP TABLE test; --"))
    got = demo.get('/v1/results/' + ident).json()
    assert got['results'] == HOSTILE and got['cpid'] == "c'; DROP TABLE test; --"


def test_a_name_given_twice_counts_once(empty, demo):
    one = {'name': 'b', 'uuid': UUIDS[0]}
    ident = upload(demo, body(['c', one, 'a', one, 'c', one]))
    assert demo.get('/v1/results/' + ident).json()['results'] == ['c', 'b', 'a']


@pytest.mark.parametrize('text', [UUIDS[0], UUIDS[0].upper(), UUIDS[0].replace('-', '')])
def test_forms_of_a_uuid(empty, demo, text):
    upload(demo, body([{'name': 'a', 'uuid': text, 'more': 1}]))
    assert empty.sql('SELECT uuid FROM results') == ((text,),)


def test_widest_values(empty, demo):
    ident = upload(demo, body(cpid='\U0001f600' * 128, seconds=2 ** 31 - 1))
    got = demo.get('/v1/results/' + ident).json()
    assert got['cpid'] == '\U0001f600' * 128 and got['duration_seconds'] == 2 ** 31 - 1
    assert demo.get('/v1/results/' + upload(demo, body(cpid='', seconds=0))).json()['cpid'] == ''


@pytest.mark.parametrize('ident', ['x', UUIDS[0].upper(), '0', '%27', UUIDS[0] + 'x'])
def test_ids_that_are_none(empty, demo, anonymous, ident):
    for client in (demo, anonymous):
        for method in ('GET', 'DELETE'):
            refusal(client.request(method, '/v1/results/' + ident), 404)
        refusal(client.put('/v1/results/' + ident, json={'verification_status': 1}), 404)
        refusal(client.post('/v1/results/%s/meta/shared' % ident, data='1'), 404)


def test_not_there(empty, demo, staff, anonymous):
    path = '/v1/results/' + str(uuid.uuid4())
    for client, status in ((demo, 404), (staff, 404), (anonymous, 401)):
        refusal(client.get(path), status)
        refusal(client.delete(path), status)
        refusal(client.put(path, json={}), status)
        refusal(client.get(path + '/meta'), status)
        refusal(client.get(path + '/meta/shared'), status)
        refusal(client.post(path + '/meta/shared', data='1'), status)
        refusal(client.delete(path + '/meta/shared'), status)


def test_test_results_url(stack, empty, demo):
    stack.conf.set('api', test_results_url='/ui/#/results/%s')
    stack.reload()
    r = demo.post('/v1/results/', json=body())
    assert r.json()['url'] == stack.url + '/ui/#/results/' + r.json()['test_id']
    assert demo.get('/v1/results?signed').json()['results'][0]['url'] == r.json()['url']


# --- PUT ---


@pytest.mark.parametrize('change', [{'verification_status': 2}, {'verification_status': -1}, {'verification_status': True},
                                    {'verification_status': '1'}, {'verification_status': None}, {'cpid': 'x'},
                                    {'product_version_id': 5}])
def test_put_refused(empty, demo, staff, change):
    ident = upload(demo)
    refusal(staff.put('/v1/results/' + ident, json=change), 400)
    assert empty.sql('SELECT cpid, verification_status FROM test') == (('cloud', 0),)


@pytest.mark.parametrize('missing', ['shared', 'guideline', 'target', None])
def test_preconditions_of_verification(empty, demo, staff, missing):
    ident = upload(demo)
    set_meta(demo, ident, **{k: 'x' for k in ('shared', 'guideline', 'target') if k != missing})
    r = staff.put('/v1/results/' + ident, json={'verification_status': 1})
    if missing:
        refusal(r, 403, 'must be shared')
        set_meta(demo, ident, **{missing: ''})
        refusal(staff.put('/v1/results/' + ident, json={'verification_status': 1}), 403)
    else:
        assert r.status_code == 201 and r.json()['verification_status'] == 1
    assert empty.sql('SELECT t.verification_status, o.verified FROM test t JOIN result_info o ON o.result_id = t.id') == (
        (0, 0) if missing else (1, 1),)


def test_verified_and_back(empty, demo, staff):
    ident = upload(demo)
    verify(staff, demo, ident)
    refusal(demo.put('/v1/results/' + ident, json={'verification_status': 0}), 403, 'permission')
    refusal(demo.put('/v1/results/' + ident, json={'product_version_id': None}), 403, 'verified')
    for client in (demo, staff):
        refusal(client.delete('/v1/results/' + ident), 403, 'verified')
        refusal(client.post('/v1/results/%s/meta/target' % ident, data='other'), 403, 'verified')
        refusal(client.delete('/v1/results/%s/meta/shared' % ident), 403, 'verified')
    assert demo.get('/v1/results/%s/meta/target' % ident).json() == 'platform'
    assert staff.put('/v1/results/' + ident, json={'verification_status': 0}).json()['verification_status'] == 0
    assert demo.delete('/v1/results/' + ident).status_code == 204


def test_put_nothing(empty, demo):
    ident = upload(demo)
    r = demo.put('/v1/results/' + ident, json={})
    assert r.status_code == 201 and r.json()['id'] == ident


def test_product_version(empty, demo, staff):
    """Of an adopted database: there are no vendors here who could take a result as theirs."""
    ident, version = upload(demo), str(uuid.uuid4())
    refusal(demo.put('/v1/results/' + ident, json={'product_version_id': version}), 404)
    with empty.connect() as db, db.cursor() as cur:
        cur.execute('SET FOREIGN_KEY_CHECKS = 0')
        cur.execute("INSERT INTO product_version (created_at, deleted, created_by_user, id, product_id, version)"
                    " VALUES (UTC_TIMESTAMP(), 0, 'u', %s, 'p', '1')", (version,))
    refusal(demo.put('/v1/results/' + ident, json={'product_version_id': version}), 403)
    r = staff.put('/v1/results/' + ident, json={'product_version_id': version})
    assert r.status_code == 201 and r.json()['product_version'] == {'id': version}
    for nothing in (None, ''):
        r = demo.put('/v1/results/' + ident, json={'product_version_id': nothing})
        assert r.status_code == 201 and r.json()['product_version'] is None


# --- DELETE ---


def test_delete_takes_the_run_along(empty, demo, anonymous):
    data = simple(*NAMES)
    ident = upload(demo)
    run = put(demo, ident, data).json()['uuid']
    other, _ = stored(demo, simple('other'))
    assert demo.get('/v1/results/%s/meta/subunit_run' % ident).json() == run
    assert demo.delete('/v1/results/' + ident).status_code == 204
    refusal(demo.get('/v1/results/' + ident), 404)
    refusal(demo.get('/v1/subunit/' + run), 404)
    refusal(demo.delete('/v1/results/' + ident), 404)
    assert demo.get('/v1/subunit/' + other).status_code == 200
    assert empty.sql('SELECT COUNT(*) FROM runs') == ((1,),)
    assert empty.sql('SELECT COUNT(*) FROM test_runs') == ((1,),)
    for table in ('test', 'result_info', 'results'):
        assert empty.sql('SELECT COUNT(*) FROM ' + table) == ((1,),), table
    assert empty.manage('db', 'check').stdout == '0 differences\n'
    # the stream may come again
    assert post(demo, data).status_code == 201


def test_delete_of_a_posted_run_s_result(empty, demo):
    run, result = stored(demo, simple(*NAMES))
    assert demo.get('/v1/results/' + result).json()['results'] == NAMES
    assert demo.delete('/v1/results/' + result).status_code == 204
    refusal(demo.get('/v1/subunit/' + run), 404)
    no_rows(empty)


def test_delete_of_the_run_leaves_the_result(empty, demo):
    run, result = stored(demo, simple(*NAMES))
    assert demo.delete('/v1/subunit/' + run).status_code == 204
    got = demo.get('/v1/results/' + result).json()
    assert got['results'] == NAMES and 'subunit_run' not in got['meta']


def test_deleted_once_by_many(empty, demo):
    from concurrent.futures import ThreadPoolExecutor
    _, result = stored(demo, simple(*NAMES))
    clients = [empty.client('demo') for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda c: c.delete('/v1/results/' + result).status_code, clients))
    assert sorted(codes) == [204] + [404] * 5
    no_rows(empty)


def test_head_and_methods(empty, demo):
    ident = upload(demo)
    r = demo.head('/v1/results/' + ident)
    assert r.status_code == 200 and r.content == b''
    assert demo.head('/v1/results').status_code == 200
    for path, allow in (('/v1/results', 'GET, HEAD, POST'), ('/v1/results/' + ident, 'GET, HEAD, PUT, DELETE'),
                        ('/v1/results/%s/meta' % ident, 'GET, HEAD'),
                        ('/v1/results/%s/meta/shared' % ident, 'GET, HEAD, POST, DELETE')):
        r = demo.patch(path, json={})
        assert r.status_code == 405 and r.headers['Allow'] == allow
