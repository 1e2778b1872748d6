"""GET and DELETE of what was uploaded."""
import datetime
import io
import uuid

import pytest
import subunit.v2
import testtools

from evidence import counts, post, refusal, stored
from streams import START, Stream, corpus, simple


def listed(client, query=None):
    r = client.get('/v1/subunit', params=query)
    assert r.status_code == 200, r.text
    return r.json()


def uuids(client, query=None):
    return [r['uuid'] for r in listed(client, query)['runs']]


@pytest.fixture
def runs(empty, demo):
    """Seven runs, oldest first; two begin at the same moment."""
    out = []
    for i, day in enumerate((1, 2, 3, 3, 4, 5, 6)):
        status = 'fail' if i in (2, 5) else 'success'
        out.append(stored(demo, simple('t%d' % i, status=status),
                          {'run_at': '2026-03-%02dT10:00:00Z' % day, 'cpid': 'even' if i % 2 == 0 else 'odd',
                           'meta.n': str(i), 'meta.kind': 'a' if i < 4 else 'b'})[0])
    return out


# --- lists ---

def test_list_of_none(empty, demo):
    assert listed(demo) == {'runs': []}


@pytest.mark.smoke
def test_list_newest_first(runs, demo):
    doc = listed(demo)
    assert [r['uuid'] for r in doc['runs']] == runs[::-1] and 'next' not in doc
    one = doc['runs'][0]
    assert one['run_at'] == '2026-03-06T10:00:00Z' and one['cpid'] == 'even' and one['passes'] == 1
    assert {'key': 'n', 'value': '6'} in one['metadata'] and str(uuid.UUID(one['result-id']))


@pytest.mark.parametrize('limit', [1, 2, 3, 7, 8])
def test_pages(runs, demo, limit):
    seen, path = [], '/v1/subunit?limit=%d' % limit
    while path:
        r = demo.get(path)
        assert r.status_code == 200, r.text
        page = r.json()
        assert 0 < len(page['runs']) <= limit
        seen += [x['uuid'] for x in page['runs']]
        path = page.get('next')
        assert len(seen) <= 7
    assert seen == runs[::-1]


def test_next_keeps_the_filters(runs, demo):
    query = {'cpid': 'even', 'meta.kind': 'a', 'limit': '1', 'start_date': '2026-03-01 00:00:00',
             'end_date': '2026-03-31'}
    page = listed(demo, query)
    assert [r['uuid'] for r in page['runs']] == [runs[2]]
    second = demo.get(page['next']).json()
    assert [r['uuid'] for r in second['runs']] == [runs[0]] and 'next' not in second


def test_pages_are_stable_under_inserts(runs, demo):
    page = listed(demo, {'limit': 3})
    for day in (9, 3, 1):
        stored(demo, simple('late'), {'run_at': '2026-03-%02dT10:00:00Z' % day})
    rest = demo.get(page['next']).json()
    seen = [r['uuid'] for r in page['runs'] + rest['runs']]
    # those that came in behind the marker are seen, the newer one is not, and none comes twice
    old = [u for u in seen if u in runs]
    assert len(seen) == len(set(seen)) and old == runs[::-1][:len(old)]
    path = rest.get('next')
    while path:
        rest = demo.get(path).json()
        seen += [r['uuid'] for r in rest['runs']]
        path = rest.get('next')
    assert [u for u in seen if u in runs] == runs[::-1] and len(seen) == len(set(seen)) == 9


def test_marker_that_was_deleted(runs, demo):
    assert demo.delete('/v1/subunit/' + runs[3]).status_code == 204
    refusal(demo.get('/v1/subunit?marker=' + runs[3]), 400, 'marker')


@pytest.mark.parametrize('query, which', [
    ({'cpid': 'even'}, [6, 4, 2, 0]), ({'cpid': 'odd', 'status': 'fail'}, [5]), ({'status': 'fail'}, [5, 2]),
    ({'cpid': 'EVEN'}, []), ({'cpid': "even' OR '1'='1"}, []), ({'cpid': 'even '}, []),
    ({'meta.n': '3'}, [3]), ({'meta.kind': 'a', 'meta.n': '1'}, [1]), ({'meta.kind': 'b', 'meta.n': '1'}, []),
    ({'meta.none': 'x'}, []), ({'meta.kind': 'A'}, []), ({'start_date': '2026-03-04'}, [6, 5, 4]),
    ({'end_date': '2026-03-03'}, [3, 2, 1, 0]), ({'start_date': '2026-03-03', 'end_date': '2026-03-03'}, [3, 2]),
    ({'start_date': '2026-03-03 10:00:00', 'end_date': '2026-03-03T10:00:00Z'}, [3, 2]),
    ({'start_date': '2026-03-03 10:00:01', 'end_date': '2026-03-04 09:59:59'}, []),
    ({'start_date': '2026-03-05T12:00:00+02:00'}, [6, 5]), ({'limit': '0'}, []),
    ({'limit': '999999'}, [6, 5, 4, 3, 2, 1, 0]),
])
def test_filters(runs, demo, staff, query, which):
    assert uuids(demo, query) == [runs[i] for i in which]
    assert uuids(staff, query) == [runs[i] for i in which]


@pytest.mark.parametrize('query', [
    'limit=-1', 'limit=x', 'limit=1.5', 'limit=', 'limit=1&limit=2', 'marker=', 'marker=x',
    'marker=00000000-0000-4000-8000-000000000000',
    'status=success', 'status=', 'start_date=now', 'start_date=', 'end_date=2026-13-01', 'colour=red', 'cpid=',
    'cpid=a&cpid=b', 'result_id=', '&'.join('meta.k%d=1' % i for i in range(9)),
])
def test_bad_query(runs, demo, query):
    refusal(demo.get('/v1/subunit?' + query), 400)


def test_limit_is_capped(stack, runs, demo):
    stack.conf.set('api', default_limit=2, max_limit=3)
    stack.restart_tally()
    assert len(uuids(demo)) == 2
    page = listed(demo, {'limit': 1000})
    assert len(page['runs']) == 3 and 'next' in page
    assert len(demo.get(page['next']).json()['runs']) == 3


def test_head(runs, demo):
    r = demo.head('/v1/subunit')
    assert r.status_code == 200 and r.content == b''
    r = demo.head('/v1/subunit/' + runs[0])
    assert r.status_code == 200 and r.headers['Content-Type'] == 'application/json' and r.content == b''
    assert demo.head('/v1/subunit/%s/stream' % runs[0]).status_code == 200


# --- one run ---

def sample():
    s = Stream()
    s.test('a.pass[smoke,id-1]', 'success', 1.25, tags=['t1', 't2'])
    s.test('a.fail', 'fail', 0.000001, files=[('traceback', 'text/plain;charset=utf8', b'boom'),
                                              ('log:1', 'text/x-log', b'l')])
    s.test('a.skip', 'skip', 0.5, files=[('reason', 'text/plain', 'nö'.encode())])
    s.test('a.xfail', 'xfail', 2)
    s.test('a.uxsuccess', 'uxsuccess', 4)
    s.event(test_id='a.never', test_status='inprogress')
    return s.bytes()


def test_run(empty, demo):
    run, result = stored(demo, sample(), {'run_at': '2026-03-01', 'cpid': 'c', 'artifacts': 'http://x/'})
    doc = demo.get('/v1/subunit/' + run).json()
    assert set(doc) == {'subunit-data', 'tests', 'test_runs', 'attachments'}
    data = doc['subunit-data']
    assert {k: data[k] for k in ('uuid', 'passes', 'fails', 'skips', 'run_time', 'run_at', 'artifacts', 'cpid',
                                 'result-id', 'project', 'user', 'tests', 'attachments')} == {
        'uuid': run, 'passes': 2, 'fails': 2, 'skips': 1, 'run_time': 7.750001, 'run_at': '2026-03-01T00:00:00Z',
        'artifacts': 'http://x/', 'cpid': 'c', 'result-id': result, 'project': empty.project('demo'),
        'user': empty.user_id('demo'), 'tests': 6, 'attachments': 3}
    names = {t['id']: t for t in doc['tests']}
    rows = {names[t['test_id']]['test_id']: t for t in doc['test_runs']}
    assert [names[t['test_id']]['test_id'] for t in doc['test_runs']] == [
        'a.pass', 'a.fail', 'a.skip', 'a.xfail', 'a.uxsuccess', 'a.never']
    assert [t['status'] for t in doc['test_runs']] == ['success', 'fail', 'skip', 'xfail', 'uxsuccess', 'inprogress']
    one = rows['a.pass']
    assert (one['start_time'], one['start_time_microsecond']) == ('2026-03-01T12:00:00Z', 0)
    assert (one['stop_time'], one['stop_time_microsecond']) == ('2026-03-01T12:00:01Z', 250000)
    meta = {m['key']: m['value'] for m in one['metadata']}
    assert meta['attrs'] == 'smoke,id-1' and set(meta['tags'].split(',')) == {'t1', 't2'}
    assert rows['a.never']['stop_time'] is None and rows['a.never']['stop_time_microsecond'] is None
    counters = {t['test_id']: (t['run_count'], t['success'], t['failure']) for t in doc['tests']}
    assert counters == {'a.pass': (1, 1, 0), 'a.fail': (1, 0, 1), 'a.skip': (0, 0, 0), 'a.xfail': (1, 1, 0),
                        'a.uxsuccess': (1, 0, 1), 'a.never': (0, 0, 0)}
    files = {(a['test_run_id'], a['label'], a['name'], a['mime_type'], a['size']) for a in doc['attachments']}
    assert files == {(rows['a.fail']['id'], 'traceback', 'traceback', 'text/plain;charset=utf8', 4),
                     (rows['a.fail']['id'], 'log', 'log:1', 'text/x-log', 1),
                     (rows['a.skip']['id'], 'reason', 'reason', 'text/plain', 3)}
    for a in doc['attachments']:
        assert a['attachment'] == '%s/v1/subunit/%s/attachments/%d' % (empty.url, run, a['id'])
    by_result = demo.get('/v1/subunit', params={'result_id': result}).json()
    assert by_result == doc


@pytest.mark.parametrize('status, names', [
    ('fail', ['a.fail']), ('success', ['a.pass']), ('skip', ['a.skip']), ('inprogress', ['a.never']), ('unknown', [])])
def test_run_by_status(empty, demo, status, names):
    run, result = stored(demo, sample())
    for path in ('/v1/subunit/' + run, '/v1/subunit?result_id=' + result):
        doc = demo.get(path, params={'status': status}).json()
        assert [t['test_id'] for t in doc['tests']] == names
        assert [t['status'] for t in doc['test_runs']] == [status] * len(names)
        assert {a['test_run_id'] for a in doc['attachments']} <= {t['id'] for t in doc['test_runs']}
        assert doc['subunit-data']['passes'] == 2


@pytest.mark.parametrize('limit', [1, 3, 10, 1000])
def test_run_by_pages(empty, demo, limit):
    data = corpus('bopopescu-OSA-C-tempest__118-3a3e3dfa.v1.subunit')
    run, _ = stored(demo, data)
    whole = demo.get('/v1/subunit/' + run).json()
    limit = max(limit, len(whole['test_runs']) // 12)
    tests, rows, files, marker = [], [], [], 0
    while marker is not None:
        page = demo.get('/v1/subunit/' + run, params={'limit': limit, 'marker': marker}).json()
        assert len(page['test_runs']) <= limit and page['subunit-data'] == whole['subunit-data']
        tests += page['tests']
        rows += page['test_runs']
        files += page['attachments']
        marker = page.get('next_marker')
    assert (tests, rows, files) == (whole['tests'], whole['test_runs'], whole['attachments'])


@pytest.mark.parametrize('query', ['limit=0', 'limit=x', 'marker=-1', 'marker=x', 'status=passed', 'status=', 'x=y',
                                   'status=fail&status=skip'])
def test_run_bad_query(empty, demo, query):
    run, _ = stored(demo, sample())
    refusal(demo.get('/v1/subunit/%s?%s' % (run, query)), 400)


def test_unknown(empty, demo, staff):
    for client in (demo, staff):
        for path in ('', '/stream', '/attachments/1'):
            for ident in (str(uuid.uuid4()), 'x', "'", str(uuid.uuid4()).upper()):
                refusal(client.get('/v1/subunit/' + ident + path), 404)
        refusal(client.get('/v1/subunit', params={'result_id': str(uuid.uuid4())}), 404)
        refusal(client.delete('/v1/subunit/' + str(uuid.uuid4())), 404)


# --- the stream again ---

class Folded:
    """What testtools makes of a stream: a record a test, in the order of their ends."""

    def __init__(self, data):
        self.tests = []
        result = testtools.StreamToDict(self.tests.append)
        result.startTestRun()
        subunit.v2.ByteStreamToStreamResult(io.BytesIO(data), non_subunit_name='stdout').run(result)
        result.stopTestRun()

    def dicts(self):
        out = {}
        for t in self.tests:
            details = {n: (d.content_type.type + '/' + d.content_type.subtype, b''.join(d.iter_bytes()))
                       for n, d in t['details'].items()}
            out[t['id']] = (t['status'], frozenset(t['tags']), tuple(t['timestamps']), details)
        return out


def exported(client, run):
    r = client.get('/v1/subunit/%s/stream' % run)
    assert r.status_code == 200
    assert r.headers['Content-Type'] == 'application/x-subunit' and r.headers['X-Content-Type-Options'] == 'nosniff'
    assert r.headers['Content-Disposition'].startswith('attachment')
    return r.content


def test_stream(empty, demo):
    data = sample()
    run, _ = stored(demo, data)
    want, got = Folded(data).dicts(), Folded(exported(demo, run)).dicts()
    assert set(got) == set(want)
    for name, (status, tags, times, details) in want.items():
        assert got[name][0] == status and got[name][3] == details, name
        assert got[name][1] == tags
        assert got[name][2] == times or status == 'inprogress'


def test_stream_keeps_routes_tags_and_long_attributes(empty, demo):
    s = Stream()
    for name in ('x[' + 'a' * 700 + ']', 'y[' + ','.join('v%d' % i for i in range(300)) + ']', 'z[a][b]', 'a[1] tail',
                 '[x]'):
        s.event(test_id=name, test_status='inprogress', route_code='0/1', test_tags=['b', 'a', 'c,d'])
        s.tick()
        s.event(test_id=name, test_status='success', route_code='0/1', test_tags=['b', 'a', 'c,d'])
    # without tags or route: nothing but the attributes is there to keep
    for name in ('x2[' + 'a' * 700 + ']', 'y2[' + ','.join('v%d' % i for i in range(300)) + ']',
                 'w2[' + ','.join(['same' * 20] * 9) + ']'):
        s.test(name)
    run, _ = stored(demo, s.bytes())
    events = []

    class Log(testtools.StreamResult):
        def status(self, **more):
            events.append((more.get('test_id'), more.get('route_code'), more.get('test_tags'), more.get('test_status')))

    def read(data):
        events.clear()
        subunit.v2.ByteStreamToStreamResult(io.BytesIO(data)).run(Log())
        return sorted({(i, r, frozenset(t or ())) for i, r, t, st in events if st == 'inprogress'}, key=str)
    assert read(exported(demo, run)) == read(s.bytes())


def test_stream_of_the_stream_is_the_same(empty, demo, alt):
    """What goes out comes in again as the same rows."""
    data = corpus('bopopescu-OSA-C-tempest__118-3a3e3dfa.v1.subunit')
    run, _ = stored(demo, data)
    out = exported(demo, run)
    second, _ = stored(alt, out)
    a, b = demo.get('/v1/subunit/' + run).json(), alt.get('/v1/subunit/' + second).json()
    for key in ('passes', 'fails', 'skips', 'run_time', 'tests', 'attachments'):
        assert a['subunit-data'][key] == b['subunit-data'][key]

    def rows(doc):
        names = {t['id']: t['test_id'] for t in doc['tests']}
        return sorted((names[t['test_id']], t['status'], t['start_time'], t['start_time_microsecond'], t['stop_time'],
                       t['stop_time_microsecond'], str(t['metadata'])) for t in doc['test_runs'])
    assert rows(a) == rows(b)
    assert sorted((x['name'], x['size']) for x in a['attachments']) == sorted(
        (x['name'], x['size']) for x in b['attachments'])
    assert Folded(out).dicts() == Folded(exported(alt, second)).dicts()


def test_large_attachment_in_the_stream(empty, demo):
    """Longer than one packet holds."""
    content = bytes(i * 7 % 251 for i in range(5 << 20))
    s = Stream()
    s.event(test_id='big', test_status='inprogress')
    for at in range(0, len(content), 1 << 20):
        s.event(test_id='big', file_name='core', mime_type='application/octet-stream',
                file_bytes=content[at:at + (1 << 20)])
    data = s.event(test_id='big', test_status='success').bytes()
    run, _ = stored(demo, data)
    assert Folded(exported(demo, run)).dicts()['big'][3] == {'core': ('application/octet-stream', content)}
    a = demo.get('/v1/subunit/' + run).json()['attachments'][0]
    assert demo.get(a['attachment']).content == content


# --- attachments ---

@pytest.mark.parametrize('mime, sent', [
    ('text/html', 'text/plain; charset=utf-8'), ('TEXT/HTML', None),
    ('text/html; charset=x', 'text/plain; charset=utf-8'),
    ('image/svg+xml', 'application/octet-stream'), ('application/xhtml+xml', 'application/octet-stream'),
    ('text/plain', 'text/plain; charset=utf-8'), ('text/xml', 'text/plain; charset=utf-8'),
    ('nonsense', 'application/octet-stream'),
    ('application/javascript', 'application/octet-stream'), ('application/pdf', 'application/octet-stream'),
    ('text/plain\r\nX-Evil: 1', 'text/plain; charset=utf-8'), ('', 'application/octet-stream')])
def test_safe_type(empty, demo, mime, sent):
    data = Stream().test('t', files=[('page', mime, b'<script>alert(1)</script>')]).bytes()
    run, _ = stored(demo, data)
    a = demo.get('/v1/subunit/' + run).json()['attachments'][0]
    r = demo.get(a['attachment'])
    assert r.content == b'<script>alert(1)</script>'
    assert r.headers['Content-Type'] in ((sent,) if sent else ('application/octet-stream', 'text/plain; charset=utf-8'))
    assert r.headers['X-Content-Type-Options'] == 'nosniff' and 'X-Evil' not in r.headers
    assert r.headers['Content-Disposition'] == 'attachment; filename="page"'
    assert a['mime_type'] == (mime or None)
    head = demo.head(a['attachment'])
    assert head.headers['Content-Length'] == '25' and head.content == b''


@pytest.mark.parametrize('name, filename', [
    ('../../etc/passwd', 'attachment'), ('a"b;c', 'a_b_c'), ('a\r\nX-Evil: 1', 'a__X-Evil__1'), ('x' * 300, 'x' * 100),
    ('ünï', '__n__'), ('.htaccess', 'attachment'), ('a/b', 'a_b')])
def test_file_name(empty, demo, name, filename):
    data = Stream().test('t', files=[(name, 'x/y', b'z')]).bytes()
    run, _ = stored(demo, data)
    a = demo.get('/v1/subunit/' + run).json()['attachments'][0]
    assert a['name'] == name
    r = demo.get(a['attachment'])
    assert r.headers['Content-Disposition'] == 'attachment; filename="%s"' % filename and 'X-Evil' not in r.headers


def test_attachment_of_another(empty, demo, alt, staff):
    data = Stream().test('t', files=[('f', 'x/y', b'z')]).bytes()
    mine, _ = stored(demo, data)
    other, _ = stored(demo, Stream().test('u', files=[('f', 'x/y', b'w')]).bytes())
    theirs, _ = stored(alt, data)
    number = {run: client.get('/v1/subunit/' + run).json()['attachments'][0]['id']
              for run, client in ((mine, demo), (other, demo), (theirs, alt))}
    path = '/v1/subunit/%s/attachments/%s'
    assert demo.get(path % (mine, number[mine])).content == b'z'
    for run, ident in ((mine, number[other]), (mine, number[theirs]), (theirs, number[theirs]), (mine, 0),
                       (mine, 'x'), (mine, '%d.0' % number[mine]), (mine, -1), (mine, '9' * 30)):
        refusal(demo.get(path % (run, ident)), 404)
    assert staff.get(path % (theirs, number[theirs])).content == b'z'
    refusal(staff.get(path % (mine, number[theirs])), 404)


# --- deletion ---

def counters(stack):
    return (stack.sql('SELECT test_id, run_count, success, failure, ROUND(run_time, 4) FROM tests ORDER BY test_id'),
            stack.sql('SELECT s.project, t.test_id, s.runs, s.success, s.failure, ROUND(s.run_time, 6)'
                      ' FROM project_test_stats s JOIN tests t ON t.id = s.tests_id ORDER BY 1, 2'))


def test_delete(empty, demo, alt, anonymous):
    run, result = stored(demo, sample())
    before = counts(empty)
    refusal(anonymous.delete('/v1/subunit/' + run), 401)
    refusal(alt.delete('/v1/subunit/' + run), 404)
    refusal(demo.delete('/v1/subunit/%s?force=1' % run), 400)
    assert counts(empty) == before
    r = demo.delete('/v1/subunit/' + run)
    assert r.status_code == 204 and r.content == b''
    for path in ('', '/stream'):
        refusal(demo.get('/v1/subunit/' + run + path), 404)
    refusal(demo.delete('/v1/subunit/' + run), 404)
    refusal(demo.get('/v1/subunit', params={'result_id': result}), 404)
    left = {t: n for t, n in counts(empty).items() if n}
    assert left == {'test': 1, 'results': 1, 'result_info': 1, 'meta': 1}  # the result stays, unlinked
    assert empty.sql('SELECT meta_key FROM meta') == (('user',),)


def test_counters_go_back(empty, demo, alt):
    stored(demo, simple('a', 'b', salt=1))
    stored(alt, simple('b', 'c', status='fail', salt=2))
    before, rows = counters(empty), counts(empty)
    for client, more in ((demo, simple('a', 'b', 'c', 'd', salt=3)), (alt, simple('a', 'd', status='skip', salt=4)),
                         (demo, sample())):
        run, _ = stored(client, more)
        assert counters(empty) != before
        assert client.delete('/v1/subunit/' + run).status_code == 204
        assert counters(empty) == before
    results = ('test', 'results', 'result_info', 'meta')
    assert {t: n for t, n in counts(empty).items() if t not in results} == {
        t: n for t, n in rows.items() if t not in results}


def test_delete_by_staff(empty, demo, staff):
    run, _ = stored(demo, sample())
    assert staff.delete('/v1/subunit/' + run).status_code == 204
    assert listed(demo) == {'runs': []}


def test_evidence_of_a_verified_result_stays(empty, demo, staff):
    run, result = stored(demo, sample())
    empty.sql('UPDATE test SET verification_status = 1 WHERE id = %s', result)
    before = counts(empty)
    for client in (demo, staff):
        refusal(client.delete('/v1/subunit/' + run), 403, 'verified')
    assert counts(empty) == before and demo.get('/v1/subunit/' + run).status_code == 200


def test_deleted_twice_at_once(empty, demo):
    from concurrent.futures import ThreadPoolExecutor
    stored(demo, simple('a', 'b', salt=1))
    before = counters(empty)
    run, _ = stored(demo, simple('a', 'b', salt=2))
    clients = [empty.client('demo') for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        got = sorted(r.status_code for r in pool.map(lambda c: c.delete('/v1/subunit/' + run), clients))
    assert got == [204, 404, 404, 404]
    assert counters(empty) == before


def test_the_same_again_after_deletion(empty, demo):
    data = sample()
    run, _ = stored(demo, data)
    demo.delete('/v1/subunit/' + run)
    again = post(demo, data)
    assert again.status_code == 201 and again.json()['subunit-uuid'] != run


def test_times(empty, demo):
    """Microseconds, and no times at all."""
    s = Stream()
    s.now = START + datetime.timedelta(microseconds=999999)
    s.test('a', seconds=0.000002)
    s.event(test_id='b', test_status='success', timestamp=None)
    run, _ = stored(demo, s.bytes())
    a, b = demo.get('/v1/subunit/' + run).json()['test_runs']
    assert (a['start_time'], a['start_time_microsecond']) == ('2026-03-01T12:00:00Z', 999999)
    assert (a['stop_time'], a['stop_time_microsecond']) == ('2026-03-01T12:00:01Z', 1)
    assert [b[k] for k in ('start_time', 'start_time_microsecond', 'stop_time', 'stop_time_microsecond')] == [None] * 4


def test_pieces_that_differ_in_blanks_only(empty, demo):
    """MySQL's unique key takes them for one."""
    word = 'w' * 253
    name = 'a[%s ,%s,%s]' % (word, word, word + ' ')
    run, _ = stored(demo, simple(name))
    assert list(Folded(exported(demo, run)).dicts()) == [name]
