"""Failures that are alike, in a run and over runs, and tests that fail now and then."""
import pytest

from evidence import refusal, stored
from streams import Stream
from test_640_explain import Recorder, check, full, reads  # noqa: F401

FAILED = 'Traceback (most recent call last):\n  File "/opt/x/test_%d.py", line %d, in test\n    f()\n%s\n'


def failing(s, name, line, status='fail', label='traceback'):
    return s.test(name, status, files=[(label, 'text/x-traceback;charset=utf8', (FAILED % (1, 2, line)).encode())])


def sample(salt=0):
    s = Stream()
    s.tick(salt)
    s.test('t.ok')
    for i in range(25):
        failing(s, 't.timeout_%02d' % i, 'exc.Timeout: server 8c3bd9e2-4f55-4e4c-a5cd-6e5a4a0e6f%02x not up in %d s' % (i, i))
    failing(s, 't.other', 'ValueError: /tmp/tmp%d is not 0x%x' % (salt, 0x7f00 + salt), label='traceback-1')
    s.test('t.silent', 'fail')
    s.test('t.odd', 'uxsuccess')
    s.test('t.expected', 'xfail', files=[('traceback', 'text/plain', b'ValueError: 1')])
    return s.bytes()


def test_of_a_run(empty, demo, alt, staff, anonymous):
    run = stored(demo, sample())[0]
    path = '/v1/subunit/%s/failures' % run
    doc = demo.get(path).json()
    assert list(doc) == ['failures']
    got = [(f['message'], f['count'], len(f['tests'])) for f in doc['failures']]
    assert got[0] == ('exc.Timeout: server <uuid> not up in <N> s', 25, 20)
    assert sorted(got[1:]) == [('ValueError: <path> is not <hex>', 1, 1), ('no traceback', 1, 1),
                               ('unexpected success', 1, 1)]
    first = doc['failures'][0]['tests'][0]
    assert first == {'id': first['id'], 'test_id': 't.timeout_00', 'status': 'fail'}
    assert demo.get('/v1/tests/%d' % first['id']).json()['test_id'] == 't.timeout_00'
    assert all(len(f['signature']) == 32 for f in doc['failures'])
    seen, link = [], path + '?limit=1'
    while link:
        page = demo.get(link).json()
        seen += page['failures']
        link = page.get('next')
    assert seen == doc['failures']
    assert staff.get(path).json() == doc
    refusal(alt.get(path), 404, run)
    refusal(anonymous.get(path), 401)
    refusal(demo.get(path + '?marker=' + 'ab' * 16), 400, 'signature')
    refusal(demo.get(path + '?marker=x'), 400, 'signature')
    refusal(demo.get(path + '?what=x'), 400, 'what')
    assert demo.delete('/v1/subunit/' + run).status_code == 204
    assert empty.sql('SELECT COUNT(*) FROM test_run_failures') == ((0,),)


def test_over_runs(empty, demo, alt, staff):
    runs = [stored(demo, sample(i), {'meta.branch': 'b%d' % (i % 2), 'run_at': '2026-03-0%dT12:00:00Z' % (i + 1)})[0]
            for i in range(4)]
    stored(alt, sample(9), {'meta.branch': 'b1'})
    doc = demo.get('/v1/failures').json()
    assert doc['runs'] == 4
    assert [(f['message'], f['count'], f['runs']) for f in doc['failures']][0] == (
        'exc.Timeout: server <uuid> not up in <N> s', 100, 4)
    assert {(f['message'], f['count']) for f in doc['failures'][1:]} == {
        ('ValueError: <path> is not <hex>', 4), ('no traceback', 4), ('unexpected success', 4)}
    some = demo.get('/v1/failures?key=branch&value=b1').json()
    assert some['runs'] == 2 and some['failures'][0]['count'] == 50
    assert staff.get('/v1/failures?key=branch&value=b1').json()['runs'] == 3
    last = demo.get('/v1/failures?last=1').json()
    assert last['runs'] == 1 and last['failures'] == [
        dict(f, runs=1) for f in demo.get('/v1/subunit/%s/failures' % runs[3]).json()['failures']]
    assert demo.get('/v1/failures?key=branch&value=none').json() == {'runs': 0, 'failures': []}
    for query in ('key=a', 'value=a', 'last=0', 'last=501', 'last=x', 'x=1', 'marker=12'):
        refusal(demo.get('/v1/failures?' + query), 400, query.split('=')[0])
    seen, link = [], '/v1/failures?limit=1'
    while link:
        page = demo.get(link).json()
        seen += page['failures']
        link = page.get('next')
    assert seen == doc['failures']


# newest last; s: skipped, .: not there
HISTORIES = {'t.steady': 'pppppp', 't.broken': 'ffffff', 't.flaky': 'pfpfpf', 't.once': 'ppfppp', 't.gone': 'fp....',
             't.skips': 'psfssp', 't.xfail': 'xxufff', 't.unseen': 'ff.ff.'}
STATUS = {'p': 'success', 'f': 'fail', 's': 'skip', 'x': 'xfail', 'u': 'uxsuccess'}


@pytest.fixture
def unsteady(empty, demo):
    for i in range(6):
        s = Stream()
        s.tick(i)
        for name, history in HISTORIES.items():
            if history[i] != '.':
                s.test(name, STATUS[history[i]])
        stored(demo, s.bytes(), {'meta.branch': 'main', 'run_at': '2026-03-0%dT12:00:00Z' % (i + 1)})


def test_flaky(unsteady, demo, alt, staff):
    doc = demo.get('/v1/tests/flaky').json()
    assert doc['runs'] == 6
    got = [(t['test_id'], t['runs'], t['fails'], t['passes'], t['flips']) for t in doc['tests']]
    assert got == [('t.flaky', 6, 3, 3, 5), ('t.once', 6, 1, 5, 2), ('t.skips', 3, 1, 2, 2), ('t.xfail', 6, 4, 2, 1),
                   ('t.gone', 2, 1, 1, 1)]
    assert [t['flake_rate'] for t in doc['tests']] == [1.0, 0.4, 1.0, 0.2, 1.0]
    assert staff.get('/v1/tests/flaky?key=branch&value=main').json() == doc
    assert alt.get('/v1/tests/flaky').json() == {'runs': 0, 'tests': []}
    last = demo.get('/v1/tests/flaky?last=3').json()
    assert [(t['test_id'], t['flips']) for t in last['tests']] == [('t.flaky', 2)]
    seen, link = [], '/v1/tests/flaky?limit=2'
    while link:
        page = demo.get(link).json()
        seen += page['tests']
        link = page.get('next')
    assert seen == doc['tests']
    refusal(demo.get('/v1/tests/flaky?marker=999999'), 400, 'marker')
    refusal(demo.get('/v1/tests/flaky?key=x'), 400, 'key')
    refusal(demo.get('/v1/tests/flakyy'), 404)


def test_statements(full, demo, staff):  # noqa: F811
    """None looks through a table, however many there are of others."""
    full.sql("INSERT IGNORE INTO test_run_failures SELECT id, run_id, test_id, UNHEX(MD5(id % 700)), 'm' FROM test_runs"
             " WHERE status = 'fail'")
    full.sql('ANALYZE TABLE test_run_failures')
    run = full.sql('SELECT r.uuid FROM runs r JOIN run_info i ON i.run_id = r.id JOIN test_run_failures f'
                   ' ON f.run_id = r.id WHERE i.project = %s LIMIT 1', full.project('demo'))[0][0]
    paths = ['/v1/subunit/%s/failures' % run, '/v1/failures', '/v1/failures?key=branch&value=b7', '/v1/failures?last=500',
             '/v1/tests/flaky', '/v1/tests/flaky?last=500', '/v1/tests/flaky?key=branch&value=b7&last=500']
    with Recorder(full) as log:
        for client in (demo, staff):
            for path in paths:
                r = client.get(path)
                assert r.status_code == 200, r.text
        marker = demo.get('/v1/failures?last=500&limit=1').json()
        if 'next' in marker:
            assert demo.get(marker['next']).status_code == 200
    check(full, log.statements(), 5)
    for sql in log.statements():
        if 'test_run_failures' in sql:
            assert reads(full, sql) < 60000, sql
