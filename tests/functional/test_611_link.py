"""PUT /v1/subunit: a stream as the evidence of a result that exists."""
import uuid

import pytest

from evidence import RAW, content, counts, post, put, refusal, stored
from streams import Stream, simple

NAMES = ['pkg.mod.A.test_one', 'pkg.mod.A.test_two', 'pkg.mod.B.test_three']
UUIDS = [str(uuid.UUID(int=n + (4 << 76) + (8 << 60))) for n in (1, 2, 3)]


def make_result(stack, names, project='demo', verified=0, anonymous=0, owner=True):
    """A result as POST /v1/results leaves it; OWNER false: one that was adopted."""
    ident = str(uuid.uuid4())
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('INSERT INTO test (id, created_at, deleted, cpid, duration_seconds, verification_status)'
                    " VALUES (%s, UTC_TIMESTAMP(), 0, 'cloud', 5, %s)", (ident, verified))
        cur.executemany('INSERT INTO results (created_at, deleted, test_id, name) VALUES (UTC_TIMESTAMP(), 0, %s, %s)',
                        [(ident, n) for n in names])
        if owner:
            cur.execute('INSERT INTO result_info (result_id, project, user, anonymous, created_at)'
                        ' VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(6))',
                        (ident, None if anonymous else stack.project(project),
                         None if anonymous else stack.user_id(project), anonymous))
    return ident


def mixed():
    """The three tests pass; others do not, and do not count."""
    s = Stream()
    for name in NAMES:
        s.test(name + '[id-%s,smoke]' % UUIDS[NAMES.index(name)])
    for status in ('fail', 'skip', 'xfail', 'uxsuccess'):
        s.test('other.' + status, status)
    return s.event(test_id='other.unfinished', test_status='inprogress').bytes()


def check_linked(stack, result, run):
    assert stack.sql('SELECT i.result_id FROM run_info i JOIN runs r ON r.id = i.run_id WHERE r.uuid = %s',
                     run) == ((result,),)
    assert stack.sql("SELECT value FROM meta WHERE test_id = %s AND meta_key = 'subunit_run'", result) == ((run,),)
    assert stack.sql("SELECT m.value FROM run_metadata m JOIN runs r ON r.id = m.run_id WHERE r.uuid = %s"
                     " AND m.`key` = 'refstack_result_id'", run) == ((result,),)


@pytest.mark.smoke
@pytest.mark.parametrize('way', ['path', 'path-slash', 'query'])
def test_link(empty, demo, way):
    result = make_result(empty, NAMES)
    path = {'path': '/v1/subunit/' + result, 'path-slash': '/v1/subunit/%s/' % result,
            'query': '/v1/subunit?result_id=' + result}[way]
    r = demo.put(path, data=mixed(), headers={'Content-Type': RAW})
    assert r.status_code == 200, r.text
    assert set(r.json()) == {'uuid', 'id'} and r.json()['id'] == result
    check_linked(empty, result, r.json()['uuid'])
    run = demo.get('/v1/subunit', params={'result_id': result}).json()['subunit-data']
    assert run['uuid'] == r.json()['uuid'] and run['result-id'] == result and run['cpid'] == 'cloud'
    assert [x['uuid'] for x in demo.get('/v1/subunit?cpid=cloud').json()['runs']] == [run['uuid']]
    # the result's own rows are as they were
    assert [n for (n,) in empty.sql('SELECT name FROM results WHERE test_id = %s ORDER BY _id', result)] == NAMES
    assert empty.sql('SELECT cpid, duration_seconds FROM test') == (('cloud', 5),)


def test_with_options(empty, demo):
    result = make_result(empty, NAMES)
    r = demo.put('/v1/subunit/' + result, data=mixed(), headers={'Content-Type': RAW},
                 params={'cpid': 'other', 'meta.a': 'b', 'attachments': 'false'})
    assert r.status_code == 200, r.text
    doc = demo.get('/v1/subunit/' + r.json()['uuid']).json()['subunit-data']
    assert doc['cpid'] == 'other' and {'key': 'a', 'value': 'b'} in doc['metadata']


def test_result_of_a_post(empty, demo):
    """Success only, with the uuids of id-... attributes; then it has its run."""
    run, result = stored(demo, mixed(), {'cpid': 'mine'})
    assert empty.sql('SELECT name, uuid FROM results WHERE test_id = %s ORDER BY _id', result) == tuple(
        zip(NAMES, UUIDS))
    assert empty.sql('SELECT cpid, duration_seconds, verification_status FROM test') == (('mine', 7, 0),)
    assert empty.sql('SELECT project, user, anonymous FROM result_info') == (
        (empty.project('demo'), empty.user_id('demo'), 0),)
    assert empty.sql("SELECT value FROM meta WHERE meta_key = 'user'") == ((empty.user_id('demo'),),)
    check_linked(empty, result, run)
    doc = refusal(put(demo, result, simple(*NAMES)), 409)
    assert doc['uuid'] == run and doc['id'] == result


def test_nothing_passed(empty, demo):
    run, result = stored(demo, Stream().test('a', 'fail').test('b', 'xfail').bytes())
    assert counts(empty)['results'] == 0 and counts(empty)['test'] == 1
    assert demo.get('/v1/subunit/' + run).json()['subunit-data']['passes'] == 1  # xfail, as subunit2sql counts


@pytest.mark.parametrize('bad', ['id-6ba7b810-9dad-11d1-80b4-00c04fd430cX', 'id-', 'x-' + UUIDS[0], 'id-' + 'a' * 300])
def test_attributes_that_are_no_uuid(empty, demo, bad):
    stored(demo, simple('a[%s]' % bad))
    assert empty.sql('SELECT name, uuid FROM results') == (('a', None),)


def test_differences(empty, demo):
    result = make_result(empty, NAMES)
    before = counts(empty)
    doc = refusal(put(demo, result, simple(*NAMES[:2], 'new.a', 'new.b')), 400, '2 only in the stream',
                  '1 only in the result')
    assert doc['only_in_stream'] == ['new.a', 'new.b'] and doc['only_in_result'] == NAMES[2:]
    # one that failed did not pass
    s = Stream()
    for n in NAMES[:2]:
        s.test(n)
    doc = refusal(put(demo, result, s.test(NAMES[2], 'xfail').bytes()), 400)
    assert doc['only_in_stream'] == [] and doc['only_in_result'] == NAMES[2:]
    doc = refusal(put(demo, result, b''), 400)
    assert doc['only_in_result'] == sorted(NAMES)
    # case and blanks tell names apart
    doc = refusal(put(demo, result, simple(NAMES[0].upper(), NAMES[1] + ' ', NAMES[2])), 400)
    assert doc['only_in_stream'] == [NAMES[0].upper(), NAMES[1] + ' '] and doc['only_in_result'] == NAMES[:2]
    assert counts(empty) == before


def test_first_twenty_differences(empty, demo):
    ours = ['s.%03d' % i for i in range(45)]
    theirs = ['r.%03d' % i for i in range(30)]
    result = make_result(empty, theirs)
    doc = refusal(put(demo, result, simple(*ours)), 400, '45 only in the stream', '30 only in the result')
    assert doc['only_in_stream'] == ours[:20] and doc['only_in_result'] == theirs[:20]


def test_hostile_names_in_the_difference(empty, demo):
    names = ['a"b\\c', "x'; DROP TABLE runs; --", 'é\u202e\U0001f600', 'tab\there\nand there']
    result = make_result(empty, names)
    doc = refusal(put(demo, result, b''), 400)
    assert sorted(doc['only_in_result']) == sorted(names)
    assert put(demo, result, simple(*names)).status_code == 200


def test_names_that_come_twice(empty, demo):
    """A test that passes in the end has passed."""
    result = make_result(empty, NAMES[:1])
    s = Stream().test(NAMES[0], 'fail').test(NAMES[0], 'success')
    assert put(demo, result, s.bytes()).status_code == 200
    result = make_result(empty, NAMES[:1])
    doc = refusal(put(demo, result, Stream().test(NAMES[0]).test(NAMES[0], 'fail').bytes()), 400)
    assert doc['only_in_result'] == NAMES[:1]


def test_who_may(empty, demo, alt, staff, anonymous):
    result = make_result(empty, NAMES)
    before = counts(empty)
    refusal(put(anonymous, result, mixed()), 401)
    refusal(put(alt, result, mixed()), 404)
    refusal(put(demo, str(uuid.uuid4()), mixed()), 404)
    for other in ('nonsense', result.upper(), result[:-1], result + 'x', '%27%3b'):
        refusal(put(demo, other, mixed()), 404)
    assert counts(empty) == before
    r = put(empty.client('demo2'), result, mixed())
    assert r.status_code == 200, r.text
    # What staff links is the owner's evidence, though it was staff who sent it.
    result = make_result(empty, NAMES, project='demo')
    r = put(staff, result, simple(*NAMES))
    assert r.status_code == 200, r.text
    run = demo.get('/v1/subunit/' + r.json()['uuid']).json()['subunit-data']
    assert run['project'] == empty.project('demo') and run['user'] == empty.user_id('foundation')
    refusal(demo.get('/v1/subunit?result_id=' + result.upper()), 404)


@pytest.mark.parametrize('kind', ['anonymous', 'adopted'])
def test_nobody_s_result_is_staff_s(empty, demo, staff, kind):
    result = make_result(empty, NAMES, anonymous=kind == 'anonymous', owner=kind == 'anonymous')
    before = counts(empty)
    refusal(put(demo, result, mixed()), 404)
    assert counts(empty) == before
    r = put(staff, result, mixed())
    assert r.status_code == 200, r.text
    check_linked(empty, result, r.json()['uuid'])


def test_verified(empty, demo, staff):
    result = make_result(empty, NAMES, verified=1)
    before = content(empty)
    for client in (demo, staff):
        refusal(put(client, result, mixed()), 403, 'verified')
    assert content(empty) == before


def test_has_a_run(empty, demo, staff):
    result = make_result(empty, NAMES)
    run = put(demo, result, mixed()).json()['uuid']
    before = content(empty)
    for client in (demo, staff):
        doc = refusal(put(client, result, simple(*NAMES)), 409)
        assert doc['uuid'] == run and doc['id'] == result
    assert content(empty) == before


def test_same_stream_on_another_result(empty, demo):
    data = mixed()
    first, second = make_result(empty, NAMES), make_result(empty, NAMES)
    run = put(demo, first, data).json()['uuid']
    before = content(empty)
    doc = refusal(put(demo, second, data), 409)
    assert doc['uuid'] == run and doc['id'] == first
    doc = refusal(post(demo, data), 409)
    assert doc['subunit-uuid'] == run and doc['result-id'] == first
    assert content(empty) == before


def test_two_at_once_on_one_result(empty, demo):
    from concurrent.futures import ThreadPoolExecutor
    result = make_result(empty, NAMES)
    streams = [simple(*NAMES, salt=i) for i in range(6)]
    clients = [empty.client('demo') for _ in streams]
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda x: put(x[0], result, x[1]), zip(clients, streams)))
    assert sorted(r.status_code for r in replies) == [200] + [409] * 5, [r.text for r in replies]
    assert len({r.json()['uuid'] for r in replies}) == 1
    assert counts(empty)['runs'] == counts(empty)['run_info'] == 1


def test_unlinked_and_linked_again(empty, demo):
    result = make_result(empty, NAMES)
    data = mixed()
    run = put(demo, result, data).json()['uuid']
    assert demo.delete('/v1/subunit/' + run).status_code == 204
    assert empty.sql("SELECT COUNT(*) FROM meta WHERE meta_key = 'subunit_run'") == ((0,),)
    again = put(demo, result, data)
    assert again.status_code == 200 and again.json()['uuid'] != run
    check_linked(empty, result, again.json()['uuid'])


def test_both_ways_to_name_it(empty, demo):
    result = make_result(empty, NAMES)
    path = '/v1/subunit/%s?result_id=%s' % (result, result)
    refusal(demo.put(path, data=mixed(), headers={'Content-Type': RAW}), 400)
    refusal(demo.put('/v1/subunit', data=mixed(), headers={'Content-Type': RAW}), 400, 'result_id')
    refusal(demo.put('/v1/subunit?result_id=a&result_id=b', data=mixed(), headers={'Content-Type': RAW}), 400)
    assert counts(empty)['runs'] == 0


def test_bad_stream(empty, demo):
    result = make_result(empty, NAMES)
    before = counts(empty)
    assert isinstance(refusal(put(demo, result, mixed()[:-3]), 400, 'byte')['offset'], int)
    assert counts(empty) == before
