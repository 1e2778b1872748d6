"""GET /v1/tests: tests by name, their counts and history over the runs that the caller may see."""
import pytest

from evidence import refusal, stored
from streams import Stream


def run(salt, tests, when=None):
    """A stream of {name: (status, seconds)}."""
    s = Stream()
    s.now = s.now.replace(microsecond=salt)
    for name, (status, seconds) in tests.items():
        s.test(name, status, seconds)
    return s.bytes()


@pytest.fixture
def runs(empty, demo, alt):
    """Three runs of demo's, newest last, one of alt's."""
    names = {'a.b.C.test_%d' % i: ('success', 1.0 + i) for i in range(30)}
    ids = [stored(demo, run(1, {**names, 'z.only.once': ('skip', 1)}), {'run_at': '2026-03-01T12:00:00Z'}),
           stored(demo, run(2, {**names, 'a.b.C.test_1': ('fail', 9)}), {'run_at': '2026-03-02T12:00:00Z',
                                                                         'cpid': 'cloud'}),
           stored(demo, run(3, {**names, 'a.b.C.test_1': ('success', 4)}), {'run_at': '2026-03-03T12:00:00Z'})]
    stored(alt, run(4, {'a.b.C.test_1': ('fail', 1), 'secret.of.alt': ('success', 1)}))
    return ids


def pages(client, path):
    """All pages of a list of tests."""
    out = []
    while path:
        r = client.get(path)
        assert r.status_code == 200, r.text
        out.append(r.json()['tests'])
        path = r.json().get('next')
    return out


def test_by_name_in_pages(runs, demo):
    found = pages(demo, '/v1/tests?limit=7')
    assert [len(page) for page in found] == [7, 7, 7, 7, 3]
    names = [t['test_id'] for page in found for t in page]
    assert names == sorted(names) and len(set(names)) == 31
    assert 'secret.of.alt' not in names
    assert [t['test_id'] for t in demo.get('/v1/tests?prefix=z.').json()['tests']] == ['z.only.once']
    assert len(demo.get('/v1/tests?prefix=a.b.C.test_1').json()['tests']) == 11
    for prefix in ('a.b.c', 'secret', 'a_b', '%25', 'a.b.C.test_1 '):
        assert demo.get('/v1/tests?prefix=' + prefix).json() == {'tests': []}, prefix
    assert demo.get('/v1/tests?limit=0').json() == {'tests': [], }


def test_counts_are_the_caller_s(runs, demo, alt, staff):
    mine = demo.get('/v1/tests?name=a.b.C.test_1').json()['tests'][0]
    assert {k: mine[k] for k in ('run_count', 'success', 'failure', 'run_time')} == {
        'run_count': 3, 'success': 2, 'failure': 1, 'run_time': 3.0}
    path = '/v1/tests/%d' % mine['id']
    assert demo.get(path).json() == mine
    assert alt.get(path).json()['failure'] == 1 and alt.get(path).json()['success'] == 0
    everybody = staff.get(path).json()
    assert (everybody['run_count'], everybody['success'], everybody['failure']) == (4, 2, 2)
    once = demo.get('/v1/tests?name=z.only.once').json()['tests'][0]
    assert (once['run_count'], once['run_time']) == (0, 0)
    assert demo.get('/v1/tests?name=secret.of.alt').json() == {'tests': []}
    assert staff.get('/v1/tests?name=secret.of.alt').json()['tests'][0]['success'] == 1


def test_what_is_not_there(runs, demo, alt, anonymous):
    once = demo.get('/v1/tests?name=z.only.once').json()['tests'][0]['id']
    for path in ('%d' % once, '%d/runs' % once, '0', '-1', 'x', '99999999999999999999', '1x'):
        refusal(alt.get('/v1/tests/' + path), 404)
    assert anonymous.get('/v1/tests').status_code == 401
    assert demo.post('/v1/tests').status_code == 405
    for query in ('prefix=a&name=b', 'marker=x', 'marker=999999', 'limit=-1', 'name=', 'x=1'):
        refusal(demo.get('/v1/tests?' + query), 400)


def test_history(runs, demo, alt, staff):
    number = demo.get('/v1/tests?name=a.b.C.test_1').json()['tests'][0]['id']
    path = '/v1/tests/%d/runs' % number
    doc = demo.get(path).json()
    assert doc['test']['test_id'] == 'a.b.C.test_1' and 'next' not in doc
    assert [(r['uuid'], r['status'], r['run_time'], r['result-id']) for r in doc['runs']] == [
        (runs[2][0], 'success', 4.0, runs[2][1]), (runs[1][0], 'fail', 9.0, runs[1][1]),
        (runs[0][0], 'success', 2.0, runs[0][1])]
    assert doc['runs'][1]['cpid'] == 'cloud' and doc['runs'][1]['run_at'] == '2026-03-02T12:00:00Z'
    first = demo.get(path + '?limit=2').json()
    assert [r['uuid'] for r in first['runs']] == [runs[2][0], runs[1][0]]
    rest = demo.get(first['next']).json()
    assert [r['uuid'] for r in rest['runs']] == [runs[0][0]] and 'next' not in rest
    assert len(alt.get(path).json()['runs']) == 1
    assert len(staff.get(path).json()['runs']) == 4
    refusal(alt.get(path + '?marker=' + runs[0][0]), 400, runs[0][0])


def test_long_names_with_one_head(empty, demo):
    """Names that differ behind their first 255 characters, and a prefix that is longer than that."""
    head = 'n.\u00e9\U0001f600' + 'x' * 300
    names = [head + tail for tail in ('a', 'b', 'ba', 'c', ' ')]
    stored(demo, run(5, {name: ('success', 1) for name in names}))
    assert sorted(t['test_id'] for page in pages(demo, '/v1/tests?limit=2') for t in page) == sorted(names)
    found = demo.get('/v1/tests', params={'prefix': head + 'b'}).json()['tests']
    assert sorted(t['test_id'] for t in found) == [head + 'b', head + 'ba']
