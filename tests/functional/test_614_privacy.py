"""Who sees what: every resource of /v1/subunit, every verb, every kind of caller."""
import uuid

import pytest

from evidence import RAW, content, counts, post, put, refusal, stored
from streams import Stream, simple

DATA = Stream().test('a', files=[('f', 'x/y', b'z')]).bytes()
OPEN = [('GET', ''), ('HEAD', ''), ('GET', '/stream'), ('HEAD', '/stream'), ('GET', '/attachments/%(file)d'),
        ('HEAD', '/attachments/%(file)d')]


@pytest.fixture
def run(empty, demo):
    ident, result = stored(demo, DATA)
    number = demo.get('/v1/subunit/' + ident).json()['attachments'][0]['id']
    return {'run': ident, 'result': result, 'file': number}


def call(client, run, method, path, **more):
    return client.request(method, ('/v1/subunit/' + run['run'] + path) % run, **more)


@pytest.mark.parametrize('method, path', OPEN)
def test_reading(stack, run, method, path, anonymous, alt, staff, demo):
    r = call(anonymous, run, method, path)
    assert r.status_code == 401 and r.headers['WWW-Authenticate'].startswith('Keystone uri=')
    assert call(stack.with_token('gAAAAnonsense'), run, method, path).status_code == 401
    r = call(alt, run, method, path)
    assert r.status_code == 404
    # as if it were not there
    nothing = alt.request(method, ('/v1/subunit/%s' % uuid.uuid4() + path) % run)
    assert nothing.status_code == 404 and set(nothing.headers) == set(r.headers)
    for client in (demo, stack.client('demo2'), staff):
        assert call(client, run, method, path).status_code == 200


def test_text_of_the_404(run, alt):
    """It says no more than that of a run that is not."""
    other = str(uuid.uuid4())
    a = refusal(alt.get('/v1/subunit/' + run['run']), 404)
    b = refusal(alt.get('/v1/subunit/' + other), 404)
    assert a['detail'].replace(run['run'], '') == b['detail'].replace(other, '')


def test_by_result(stack, run, anonymous, alt, staff, demo):
    query = {'result_id': run['result']}
    assert anonymous.get('/v1/subunit', params=query).status_code == 401
    refusal(alt.get('/v1/subunit', params=query), 404)
    for client in (demo, stack.client('demo2'), staff):
        assert client.get('/v1/subunit', params=query).json()['subunit-data']['uuid'] == run['run']


def test_lists(stack, run, anonymous, alt, staff, demo):
    assert anonymous.get('/v1/subunit').status_code == 401
    for query in ({}, {'cpid': 'unspecified'}, {'status': 'fail'}, {'meta.tally_project': stack.project('demo')}):
        assert alt.get('/v1/subunit', params=query).json() == {'runs': []}
    refusal(alt.get('/v1/subunit', params={'marker': run['run']}), 400)
    theirs, _ = stored(alt, simple('b'))
    assert [r['uuid'] for r in alt.get('/v1/subunit').json()['runs']] == [theirs]
    assert [r['uuid'] for r in demo.get('/v1/subunit').json()['runs']] == [run['run']]
    assert [r['uuid'] for r in staff.get('/v1/subunit').json()['runs']] == [theirs, run['run']]


def test_writing(empty, run, anonymous, alt, demo, staff):
    before = content(empty)
    for client, status in ((anonymous, 401), (alt, 404)):
        assert call(client, run, 'DELETE', '').status_code == status
        assert put(client, run['result'], DATA).status_code == status
        assert client.put('/v1/subunit', params={'result_id': run['result']}, data=DATA,
                          headers={'Content-Type': RAW}).status_code == status
    assert post(anonymous, DATA).status_code == 401
    assert content(empty) == before
    assert call(staff, run, 'DELETE', '').status_code == 204
    assert counts(empty)['runs'] == 0


@pytest.mark.parametrize('header, value', [
    ('X-Roles', 'admin,foundation'), ('X-Project-Id', '%(demo)s'), ('X-Tenant-Id', '%(demo)s'),
    ('X-User-Id', '%(user)s'), ('X-Identity-Status', 'Confirmed'), ('X-Is-Admin-Project', 'True'),
    ('OpenStack-System-Scope', 'all'), ('X-Service-Token', 'x'), ('TALLY_PROJECT', '%(demo)s'),
    ('TALLY-ROLES', 'foundation'), ('Tally-Project-Id', '%(demo)s'), ('REMOTE_USER', '%(user)s'),
    ('X-Forwarded-User', '%(user)s')])
def test_headers_give_nothing(stack, run, anonymous, alt, header, value):
    value %= {'demo': stack.project('demo'), 'user': stack.user_id('demo')}
    every = {'X-Identity-Status': 'Confirmed', header: value}
    assert call(anonymous, run, 'GET', '', headers=every).status_code == 401
    assert call(alt, run, 'GET', '', headers=every).status_code in (401, 404)
    assert post(anonymous, DATA, **{header: value}).status_code == 401


def test_adopted_runs_are_staff_s(empty, demo, staff):
    """Rows of subunit2sql, with no run_info of ours."""
    ident = str(uuid.uuid4())
    empty.sql('INSERT INTO runs (uuid, skips, fails, passes, run_time) VALUES (%s, 0, 0, 1, 1)', ident)
    refusal(demo.get('/v1/subunit/' + ident), 404)
    assert staff.get('/v1/subunit/' + ident).status_code == 200
    assert staff.get('/v1/subunit/%s/stream' % ident).status_code == 200
    refusal(demo.delete('/v1/subunit/' + ident), 404)
    assert staff.delete('/v1/subunit/' + ident).status_code == 204


def test_counts_are_of_the_callers_runs(empty, demo, alt, staff):
    """Tests are shared rows; what other projects did with them is theirs."""
    mine, _ = stored(demo, simple('t', 'only.mine'))
    stored(demo, simple('t', status='fail'))
    for i in range(3):
        theirs, _ = stored(alt, simple('t', status='success' if i else 'fail'))
    stored(alt, simple('t', status='skip'))

    def seen(client, run):
        return {t['test_id']: (t['run_count'], t['success'], t['failure'], t['run_time'])
                for t in client.get('/v1/subunit/' + run).json()['tests']}
    assert seen(demo, mine) == {'t': (2, 1, 1, 1), 'only.mine': (1, 1, 0, 1)}
    assert seen(alt, theirs) == {'t': (3, 2, 1, 1)}
    assert seen(staff, theirs)['t'][:3] == (5, 3, 2)


def test_the_same_stream_tells_nothing(empty, demo, alt):
    """A project does not learn that another one has uploaded this."""
    stored(demo, DATA)
    r = post(alt, DATA)
    assert r.status_code == 201
    assert alt.get('/v1/subunit/' + r.json()['subunit-uuid']).json()['tests'][0]['run_count'] == 1


@pytest.mark.parametrize('path', ['', '/{id}', '/{id}/stream', '/{id}/attachments/1'])
@pytest.mark.parametrize('method', ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'GET', 'HEAD'])
def test_no_verb_without_a_token(stack, run, anonymous, method, path):
    """401, or 405 where there is no such thing to do; nothing changes."""
    before = counts(stack)
    r = anonymous.request(method, '/v1/subunit' + path.replace('{id}', run['run']))
    assert r.status_code in (401, 405), r.status_code
    assert counts(stack) == before
