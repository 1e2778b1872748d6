"""What runs and tests come to: series over time, counts, metadata, recent failures, the tree of names."""
import pytest

from evidence import fill_lists, refusal, stored
from streams import Stream

DAYS = 'start_date=2026-03-01&end_date=2026-03-31'


def stream(outcomes, salt):
    """{name: (status, seconds)}"""
    s = Stream()
    s.now = s.now.replace(microsecond=salt)
    for name, (status, seconds) in outcomes.items():
        s.test(name, status, seconds)
    return s.bytes()


RUNS = [  # when, metadata, outcomes, cpid
    ('2026-03-02T10:00:00Z', {'branch': 'main', 'node': 'a/b'}, {'x.y.one': ('success', 2), 'x.two': ('skip', 0)}, 'c1'),
    ('2026-03-02T10:59:59Z', {'branch': 'main'}, {'x.y.one': ('fail', 3), 'x.two': ('uxsuccess', 1)}, 'c1'),
    ('2026-03-02T11:00:00Z', {'branch': 'stable'}, {'x.y.one': ('success', 4), 'x.y': ('xfail', 2)}, 'c2'),
    ('2026-03-08T23:59:59Z', {'branch': 'main'}, {'x.y.one': ('success', 8), 'z': ('success', 1)}, 'c1'),
    ('2026-03-09T00:00:00Z', {'branch': 'main'}, {'x.two': ('skip', 1)}, 'c2'),
]


@pytest.fixture
def runs(empty, demo, alt):
    """Five runs of demo's, one of alt's that nobody else is told of."""
    ids = [stored(demo, stream(tests, i), [('run_at', when), ('cpid', cpid)] + [('meta.' + k, v) for k, v in meta.items()])[0]
           for i, (when, meta, tests, cpid) in enumerate(RUNS)]
    stored(alt, stream({'x.y.one': ('fail', 1), 'secret.of.alt': ('fail', 1)}, 9),
           {'run_at': '2026-03-02T10:30:00Z', 'meta.branch': 'main', 'meta.hidden': 'h'})
    return ids


def series(client, query):
    r = client.get('/v1/stats/runs?' + query)
    assert r.status_code == 200, r.text
    return r.json()['series']


def short(buckets):
    return [(b['date'][:13], b['runs'], b['failed_runs'], b['failure_rate'], b['passes'], b['fails'], b['skips'],
             b['run_time']) for b in buckets]


def test_series(runs, demo):
    assert short(series(demo, DAYS)) == [('2026-03-02T00', 3, 1, 1 / 3, 3, 2, 1, 4.0), ('2026-03-08T00', 1, 0, 0, 2, 0, 0, 9.0),
                                        ('2026-03-09T00', 1, 0, None, 0, 0, 1, None)]
    assert short(series(demo, DAYS + '&group=hour'))[:2] == [('2026-03-02T10', 2, 1, 0.5, 1, 2, 1, 2.0),
                                                            ('2026-03-02T11', 1, 0, 0, 2, 0, 0, 6.0)]
    assert [b[:2] for b in short(series(demo, DAYS + '&group=week'))] == [('2026-03-02T00', 4), ('2026-03-09T00', 1)]
    assert [b[:2] for b in short(series(demo, DAYS + '&group=month'))] == [('2026-03-01T00', 5)]


def test_series_of_some_runs(runs, demo):
    assert [b[:2] for b in short(series(demo, DAYS + '&group=month&key=branch&value=main'))] == [('2026-03-01T00', 4)]
    assert [b[:2] for b in short(series(demo, DAYS + '&group=month&key=branch&value=main&cpid=c2'))] == [('2026-03-01T00', 1)]
    assert series(demo, DAYS + '&key=branch&value=main%20') == []
    assert [b[:2] for b in short(series(demo, 'start_date=2026-03-02T10:59:59Z&end_date=2026-03-02T11:00:00Z'))] == [
        ('2026-03-02T00', 2)]
    assert series(demo, 'start_date=2026-03-08&end_date=2026-03-08')[0]['runs'] == 1


def test_series_split_by_metadata(runs, demo):
    found = series(demo, DAYS + '&by=branch')
    assert [(b['date'][:10], b['value'], b['runs'], b['run_time']) for b in found] == [
        ('2026-03-02', 'main', 2, 2.0), ('2026-03-02', 'stable', 1, 6.0), ('2026-03-08', 'main', 1, 9.0),
        ('2026-03-09', 'main', 1, None)]
    assert series(demo, DAYS + '&by=hidden') == []
    # Another value with each run: as many pieces as there are runs.
    for key in ('refstack_result_id', 'tally_sha256', 'tally_user', 'tally_project'):
        assert series(demo, DAYS + '&by=' + key) == []


def test_series_of_staff_and_others(runs, staff, alt):
    assert sum(b['runs'] for b in series(staff, DAYS)) == 6
    assert sum(b['runs'] for b in series(staff, DAYS + '&key=branch&value=main')) == 5
    assert sum(b['runs'] for b in series(alt, DAYS)) == 1


@pytest.mark.parametrize('query, word', [
    ('group=hour&start_date=2026-01-01&end_date=2026-03-01', 'group=hour'), ('group=year', 'year'),
    ('start_date=1900-01-01&end_date=2026-01-01', 'group=day'), ('key=a', 'value'), ('value=a', 'key'),
    ('start_date=2026-03-02&end_date=2026-03-01', 'start_date'), ('start_date=x', 'start_date'), ('colour=red', 'colour'),
    ('group=', 'group'), ('group=day&group=day', 'group')])
def test_series_refused(stack, demo, query, word):
    refusal(demo.get('/v1/stats/runs?' + query), 400, word)


def test_series_split_by_too_much(empty, demo):
    for i in range(101):
        stored(demo, stream({'a': ('success', 1)}, i), {'meta.build': str(i)})
    refusal(demo.get('/v1/stats/runs?by=build'), 400, 'build')
    assert demo.get('/v1/stats/metadata').json() == {'keys': [{'key': 'build', 'values': 101}]}


def test_counts(runs, demo, alt):
    doc = demo.get('/v1/stats/tests?' + DAYS).json()
    assert (doc['runs'], doc['passes'], doc['fails'], doc['skips'], doc['failed_runs']) == (5, 5, 2, 2, 1)
    assert doc['start_date'] == '2026-03-01T00:00:00Z' and doc['end_date'] == '2026-03-31T23:59:59Z'
    one = demo.get('/v1/tests?name=x.y.one').json()['tests'][0]['id']
    doc = demo.get('/v1/stats/tests?%s&test_id=%d' % (DAYS, one)).json()
    assert (doc['runs'], doc['passes'], doc['fails'], doc['skips']) == (4, 3, 1, 0)
    assert doc['run_time'] == pytest.approx(14 / 3)
    doc = alt.get('/v1/stats/tests?%s&test_id=%d' % (DAYS, one)).json()
    assert (doc['runs'], doc['passes'], doc['fails'], doc['run_time']) == (1, 0, 1, None)
    assert demo.get('/v1/stats/tests?start_date=2020-01-01&end_date=2020-01-02').json()['runs'] == 0
    refusal(demo.get('/v1/stats/tests?start_date=2020-01-01&end_date=2026-01-02'), 400, 'days')


def test_recent_failures(runs, demo, alt, staff):
    found = demo.get('/v1/stats/failures').json()
    assert [(f['test_id'], f['status'], f['uuid'], f['run_at']) for f in found['failures']] == [
        ('x.y.one', 'fail', runs[1], '2026-03-02T10:59:59Z'), ('x.two', 'uxsuccess', runs[1], '2026-03-02T10:59:59Z')]
    assert 'next' not in found
    first = demo.get('/v1/stats/failures?limit=1').json()
    assert [f['test_id'] for f in first['failures']] == ['x.y.one']
    second = demo.get(first['next']).json()
    assert [f['test_id'] for f in second['failures']] == ['x.two'] and 'next' not in second
    assert [f['test_id'] for f in alt.get('/v1/stats/failures').json()['failures']] == ['x.y.one', 'secret.of.alt']
    everybody, path = [], '/v1/stats/failures?limit=1'
    while path:
        doc = staff.get(path).json()
        everybody += doc['failures']
        path = doc.get('next')
    assert [f['test_id'] for f in everybody] == ['x.y.one', 'x.two', 'x.y.one', 'secret.of.alt']
    assert demo.get('/v1/stats/failures?key=branch&value=stable').json() == {'failures': []}
    assert len(demo.get('/v1/stats/failures?key=branch&value=main&cpid=c1').json()['failures']) == 2
    refusal(alt.get('/v1/stats/failures?marker=%d' % found['failures'][0]['test_run']), 400, 'marker')
    refusal(alt.get('/v1/stats/failures?key=a'), 400, 'value')


def test_metadata(runs, demo, alt, staff):
    assert demo.get('/v1/stats/metadata').json() == {'keys': [{'key': 'branch', 'values': 2}, {'key': 'node', 'values': 1}]}
    assert demo.get('/v1/stats/metadata/branch').json() == {'values': [{'value': 'main', 'runs': 4}, {'value': 'stable', 'runs': 1}]}
    assert alt.get('/v1/stats/metadata/branch').json() == {'values': [{'value': 'main', 'runs': 1}]}
    assert staff.get('/v1/stats/metadata/branch').json()['values'][0] == {'value': 'main', 'runs': 5}
    assert [k['key'] for k in staff.get('/v1/stats/metadata').json()['keys']] == ['branch', 'hidden', 'node']
    assert demo.get('/v1/stats/metadata?key=node').json() == {'values': [{'value': 'a/b', 'runs': 1}]}
    assert demo.get('/v1/stats/metadata/hidden').json() == {'values': []}
    page = demo.get('/v1/stats/metadata/branch?limit=1').json()
    assert demo.get(page['next']).json() == {'values': [{'value': 'stable', 'runs': 1}]}
    page = demo.get('/v1/stats/metadata?limit=1').json()
    assert demo.get(page['next']).json() == {'keys': [{'key': 'node', 'values': 1}]}


def test_metadata_goes_with_its_run(runs, demo, empty):
    assert demo.delete('/v1/subunit/' + runs[2]).status_code == 204
    assert demo.get('/v1/stats/metadata/branch').json() == {'values': [{'value': 'main', 'runs': 4}]}
    assert sum(b['runs'] for b in series(demo, DAYS)) == 4
    for run in runs[:2] + runs[3:]:
        assert demo.delete('/v1/subunit/' + run).status_code == 204
    assert demo.get('/v1/stats/metadata').json() == {'keys': []}
    assert empty.manage('db', 'check').stdout.splitlines()[-1] == '0 differences'


def test_words_are_compared_by_bytes(empty, demo):
    for i, value in enumerate(('v', 'V', 'v ', 'ü', '')):
        stored(demo, stream({'a': ('success', 1)}, i), {'meta.k': value, 'run_at': '2026-03-02'})
    assert [v['value'] for v in demo.get('/v1/stats/metadata/k').json()['values']] == ['', 'V', 'v', 'v ', 'ü']
    for value in ('v', 'V', 'v%20', '%C3%BC', ''):
        assert sum(b['runs'] for b in series(demo, DAYS + '&key=k&value=' + value)) == 1, value
        assert len(demo.get('/v1/subunit?meta.k=' + value).json()['runs']) == 1, value


def test_prefixes(runs, demo, staff):
    assert demo.get('/v1/tests/prefixes').json() == {'prefixes': [
        {'prefix': 'x', 'tests': 3, 'id': None}, {'prefix': 'z', 'tests': 1, 'id': demo.get('/v1/tests?name=z').json()['tests'][0]['id']}]}
    below = demo.get('/v1/tests/prefixes?prefix=x').json()['prefixes']
    assert [(p['prefix'], p['tests'], p['id'] is None) for p in below] == [
        ('x.two', 1, False), ('x.y', 1, False), ('x.y', 1, True)]  # a test, and what stands below its name
    assert [p['prefix'] for p in staff.get('/v1/tests/prefixes').json()['prefixes']] == ['secret', 'x', 'z']
    for prefix in ('x.', 'X', 'x.y.one', 'secret', '%25', 'x.y.o'):
        assert demo.get('/v1/tests/prefixes?prefix=' + prefix).json() == {'prefixes': []}, prefix
    page = demo.get('/v1/tests/prefixes?prefix=x&limit=1').json()
    assert [p['prefix'] for p in page['prefixes']] == ['x.two']
    page = demo.get(page['next']).json()
    assert [p['prefix'] for p in page['prefixes']] == ['x.y']
    page = demo.get(page['next']).json()
    assert [p['prefix'] for p in page['prefixes']] == ['x.y'] and 'next' not in page
    refusal(demo.get('/v1/tests/prefixes?prefix=' + 'x' * 201), 400, 'prefix')
    for marker in ('a', 'x', 'xx.y', 'secret.of', 'z'):
        refusal(demo.get('/v1/tests/prefixes?prefix=x&marker=' + marker), 400, 'marker')


def test_prefixes_of_odd_names(empty, demo):
    names = ['a.b', 'a.b-c.d', 'a.b.x', 'a.b.y.z', 'a b.c', '.', '..', 'ü.ß', 'x' * 300 + '.y', 'x' * 300 + '.z']
    stored(demo, stream({n: ('success', 1) for n in names}, 1))
    found, path = [], '/v1/tests/prefixes?limit=1'
    while path:
        doc = demo.get(path).json()
        found += doc['prefixes']
        path = doc.get('next')
        assert len(found) < 20
    assert [(p['prefix'], p['tests']) for p in found] == [
        ('', 2), ('a', 4), ('a b', 1), ('x' * 255, 1), ('ü', 1)] or [(p['prefix'], p['tests']) for p in found] == [
        ('', 2), ('a b', 1), ('a', 4), ('x' * 255, 1), ('ü', 1)]
    assert [(p['prefix'], p['tests']) for p in demo.get('/v1/tests/prefixes?prefix=a').json()['prefixes']] == [
        ('a.b', 1), ('a.b-c', 1), ('a.b', 2)]


def test_failures_behind_runs_whose_tests_are_gone(runs, demo, tally, stack):
    """subunit2sql expires test_runs by themselves: a page has an end in front of what is still there, and says so."""
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('INSERT INTO runs (uuid, passes, fails, skips, run_time, run_at)'
                    " SELECT UUID(), 0, 1, 0, 1, '2026-03-20' FROM seq_1_to_100")
        cur.execute('INSERT INTO run_info (run_id, project, user, sha256, stream_format, tests, run_at, created_at)'
                    " SELECT id, %s, 'u', UNHEX(SHA2(id, 256)), 2, 1, run_at, run_at FROM runs WHERE run_at = '2026-03-20'",
                    (stack.project('demo'),))
        fill_lists(cur)
    everything, path, empty = [], '/v1/stats/failures?limit=1', 0
    while path:
        doc = demo.get(path).json()
        everything += [f['test_id'] for f in doc['failures']]
        empty += not doc['failures']
        path = doc.get('next')
    assert everything == ['x.y.one', 'x.two'] and empty == 2  # of 40 runs each; the third page begins with the last 20
    assert tally('test', 'failed', '-f', 'value', '-c', 'test', '--limit', '1').splitlines() == ['x.y.one']
    refusal(demo.get('/v1/stats/failures?marker=00000000-0000-4000-8000-000000000000'), 400, 'marker')
    for marker in ('0', 'x', '-1', '', '7f'):
        refusal(demo.get('/v1/stats/failures?marker=' + marker), 400, 'marker')


@pytest.mark.parametrize('path', ['runs', 'tests', 'failures', 'metadata', 'metadata/k'])
def test_a_token_is_needed(stack, path):
    assert stack.client().get('/v1/stats/' + path).status_code == 401
    assert stack.client().post('/v1/stats/' + path).status_code in (401, 405)


def test_status_of_runs(runs, demo):
    """GET /v1/subunit: the failed, the passed; a run that only skips is neither."""
    def uuids(query):
        return [r['uuid'] for r in demo.get('/v1/subunit?' + query).json()['runs']]
    assert uuids('status=failed') == uuids('status=fail') == [runs[1]]
    assert uuids('status=passed') == [runs[3], runs[2], runs[0]]
    assert uuids('status=passed&meta.branch=main&cpid=c1') == [runs[3], runs[0]]
    assert uuids('meta.branch=main&start_date=2026-03-08&end_date=2026-03-08') == [runs[3]]
    refusal(demo.get('/v1/subunit?status=skip'), 400, 'status')
