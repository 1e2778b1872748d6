"""JUnit XML as evidence: what real tools write, what hostile ones could, and what Tally itself wrote."""
import gzip
import subprocess
import sys

import pytest

from evidence import counts, multipart, nothing, post, put, refusal, stored, zstd
from streams import Stream
from streams import corpus as stream_bytes
from test_685_junit_out import junit, outcomes

XML = 'application/xml'
SAMPLE = '''
import sys
import pytest

@pytest.mark.parametrize('n', [1, 2, 'a b[c]'])
def test_param(n):
    assert n != 2, 'two is not & never <was>'

class TestGroup:
    def test_output(self):
        print('to stdout \\u00e9\\x1b[1m')
        print('to stderr', file=sys.stderr)

    @pytest.mark.skip(reason='not today')
    def test_skipped(self):
        pass

    @pytest.mark.xfail(reason='known bug')
    def test_xfail(self):
        raise ValueError(7)

    @pytest.fixture
    def broken(self):
        raise RuntimeError('set-up broke')

    def test_error(self, broken):
        pass
'''


def outcomes_of(stack, run):
    """{name: (status, seconds, {attachment: text})} of a run."""
    out = {}
    for number, name, status, start, stop in stack.sql(
            'SELECT tr.id, t.test_id, status, start_time + INTERVAL start_time_microsecond MICROSECOND,'
            ' stop_time + INTERVAL stop_time_microsecond MICROSECOND FROM test_runs tr JOIN tests t ON t.id = tr.test_id'
            ' JOIN runs r ON r.id = tr.run_id WHERE r.uuid = %s ORDER BY tr.id', run):
        files = dict(stack.sql('SELECT i.name, CONVERT(a.attachment USING utf8mb4) FROM attachments a'
                               ' JOIN attachment_info i ON i.attachment_id = a.id WHERE a.test_run_id = %s', number))
        out[name] = (status, (stop - start).total_seconds() if start and stop else None, files)
    return out


def test_pytest(empty, demo, tmp_path):
    (tmp_path / 'test_sample.py').write_text(SAMPLE)
    subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--junit-xml=out.xml',
                    '-o', 'junit_logging=all', 'test_sample.py'], cwd=tmp_path, capture_output=True, check=False)
    run, result = stored(demo, (tmp_path / 'out.xml').read_bytes(), kind='text/xml; charset=utf-8')
    got = outcomes_of(empty, run)
    assert {n: v[0] for n, v in got.items()} == {
        'test_sample.test_param[1]': 'success', 'test_sample.test_param[2]': 'fail',
        'test_sample.test_param[a b[c]]': 'success', 'test_sample.TestGroup.test_output': 'success',
        'test_sample.TestGroup.test_skipped': 'skip', 'test_sample.TestGroup.test_xfail': 'xfail',
        'test_sample.TestGroup.test_error': 'fail'}
    bad = got['test_sample.test_param[2]'][2]
    assert bad['message'].startswith('AssertionError: two is not & never <was>\nassert 2 != 2')
    assert "assert n != 2, 'two is not & never <was>'" in bad['traceback']
    output = got['test_sample.TestGroup.test_output'][2]
    assert 'to stdout \u00e9' in output['system-out'] and 'to stderr' in output['system-err']
    assert got['test_sample.TestGroup.test_skipped'][2]['reason'] == 'not today'
    assert got['test_sample.TestGroup.test_xfail'][2]['traceback'] == 'known bug'
    assert all(seconds is not None for _, seconds, _ in got.values())
    passed = {t['name'] if isinstance(t, dict) else t for t in demo.get('/v1/results/' + result).json()['results']}
    assert passed == {n for n, v in got.items() if v[0] == 'success'}
    assert empty.sql('SELECT stream_format FROM run_info') == ((3,),)


@pytest.mark.parametrize('name', ['testtools.v2.subunit', 'oslo_messaging.v2.subunit',
                                  'bdrich-neutron-lbaas__all_skips-54156b59.v2.subunit'])
def test_subunit2junitxml(empty, demo, alt, name):
    """python-subunit's own conversion: the same tests pass and fail as those of the stream itself."""
    data = stream_bytes(name)
    done = subprocess.run(['subunit2junitxml', '--no-passthrough'], input=data, capture_output=True, check=False)
    assert done.stdout.lstrip().startswith(b'<test'), done.stderr[-2000:]
    by_xml = outcomes_of(empty, stored(demo, done.stdout, kind=XML)[0])
    as_is = outcomes_of(empty, stored(alt, data)[0])
    # junitxml knows no expected failures; a test that is there twice is there twice.
    same = {'xfail': 'success', 'uxsuccess': 'fail'}
    xml = {n: same.get(v[0], v[0]) for n, v in by_xml.items()}
    own = {n: same.get(v[0], v[0]) for n, v in as_is.items() if v[0] not in ('inprogress', 'unknown')}
    missing = {n for n in own if n not in xml}
    assert len(missing) * 20 <= len(own), sorted(missing)[:10]
    differ = {n: (own[n], xml[n]) for n in own if n in xml and own[n] != xml[n]}
    assert len(differ) * 20 <= len(own), differ


def test_own_export_comes_back(empty, demo, alt):
    """What JUnit can say survives: outcomes, durations, tracebacks."""
    run = stored(demo, outcomes())[0]
    document = demo.get('/v1/subunit/%s/junit' % run).content
    again = stored(alt, document, kind=XML, query={'attr_regex': r'\[(.*)\]'})[0]
    before, after = outcomes_of(empty, run), outcomes_of(empty, again)
    def clean(name):
        return name.replace('\x01', '\ufffd').replace('\x1b', '\ufffd').replace('\ufffe', '\ufffd')
    assert {clean(n): v[0] for n, v in before.items()} == {n: v[0] for n, v in after.items()}
    assert {clean(n): v[1] for n, v in before.items() if v[0] != 'inprogress'} == {
        n: v[1] for n, v in after.items() if v[0] != 'inprogress'}
    bad = after['a.b.C.test_bad'][2]
    assert bad['traceback'] == before['a.b.C.test_bad'][2]['traceback'] and 'message' not in bad
    assert after['a.b.C.test_skip'][2]['reason'] == 'not today'
    assert set(junit(alt, again)[1]) == set(junit(demo, run)[1])


def case(inner='', name='t', more=''):
    return '<testcase classname="c" name="%s" time="1"%s>%s</testcase>' % (name, more, inner)


def suite(*cases, more=''):
    return ('<testsuite name="s"%s>%s</testsuite>' % (more, ''.join(cases))).encode()


def test_details(empty, demo):
    text = suite(case('<failure message="m"/>', 'only_message'), case('<failure message="m"> \n </failure>', 'blank'),
                 case('<failure message="m">xmy</failure>', 'held'), case('<failure message="q">xmy</failure>', 'both'),
                 case('<skipped/>', 'bare'), case('<skipped message="why">where</skipped>', 'why'),
                 case('<error>e1</error><failure>e2</failure><skipped/>', 'several'),
                 case('<system-out>a</system-out><properties><property name="p"/></properties><system-out>b</system-out>',
                      'outs'), case('', 'off', ' status="notrun"'), '<testcase name="nameless"/>',
                 '<testcase classname="" name="short"/>', more=' timestamp="2026-03-01T12:00:00.5+01:00"')
    got = outcomes_of(empty, stored(demo, text, kind=XML)[0])
    assert {n: (v[0], v[2]) for n, v in got.items()} == {
        'c.only_message': ('fail', {'traceback': 'm'}), 'c.blank': ('fail', {'traceback': 'm'}),
        'c.held': ('fail', {'traceback': 'xmy'}), 'c.both': ('fail', {'traceback': 'xmy', 'message': 'q'}),
        'c.bare': ('skip', {}), 'c.why': ('skip', {'detail': 'where', 'reason': 'why'}),
        'c.several': ('fail', {'traceback': 'e1', 'traceback-1': 'e2'}), 'c.outs': ('success', {'system-out': 'ab'}),
        'c.off': ('skip', {}), 's.nameless': ('success', {}), 'short': ('success', {})}
    first = empty.sql('SELECT start_time, start_time_microsecond, stop_time FROM test_runs ORDER BY id LIMIT 2')
    assert [str(x) for x in first[0]] == ['2026-03-01 11:00:00', '500000', '2026-03-01 11:00:01']
    assert str(first[1][0]) == '2026-03-01 11:00:01'


def test_attributes(empty, demo):
    """Tempest's attributes are cut off; what tells pytest's tests apart is not, unless asked for."""
    ident = 'id-4e40b8c5-6a7b-4d2e-9c8d-0a1b2c3d4e5f,smoke'
    text = suite(case(name='a[%s]' % ident), case(name='b[1]'), case(name='b[2]'))
    assert set(outcomes_of(empty, stored(demo, text, kind=XML)[0])) == {'c.a', 'c.b[1]', 'c.b[2]'}
    again = stored(demo, text + b'\n', kind=XML, query={'attr_regex': r'\[(.*)\].*'})[0]
    assert set(outcomes_of(empty, again)) == {'c.a', 'c.b'}


def test_codings_and_link(empty, demo):
    text = suite(case(name='x'))
    result = stored(demo, gzip.compress(text), kind=XML, Content_Encoding='gzip')[1]
    refusal(post(demo, zstd(text), kind='text/xml', Content_Encoding='zstd'), 409)
    assert demo.delete('/v1/subunit/' + empty.sql('SELECT uuid FROM runs')[0][0]).status_code == 204
    refusal(put(demo, result, text), 400)  # as subunit it is foreign
    headers = {'Content-Type': XML}
    refusal(demo.put('/v1/subunit/' + result, data=suite(case(name='y')), headers=headers), 400, 'only in the stream')
    assert demo.put('/v1/subunit/' + result, data=text, headers=headers).status_code == 200


BOMB = ('<!DOCTYPE t [<!ENTITY a "aaaaaaaaaa">' + ''.join(
    '<!ENTITY %s "%s">' % (chr(98 + i), '&%s;' % chr(97 + i) * 10) for i in range(9)) + ']><testsuite>&j;</testsuite>')
HOSTILE = {
    'entities': (BOMB.encode(), 'document type'),
    'doctype': (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><testsuite/>', 'document type'),
    'external': (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&e;"/></testsuite>',
                 'document type'),
    'undefined': (suite(case('&nbsp;')), 'malformed XML'),
    'deep': (b'<testsuite>' * 100, 'within each other'),
    'cut': (suite(case())[:-5], 'malformed XML'),
    'empty': (b'', 'malformed XML'),
    'two': (suite() + suite(), 'malformed XML'),
    'other': (b'<html/>', 'neither testsuites nor testsuite'),
    'long tag': (b'<testsuite><x ' + b'a' * (1 << 20), 'tag or a comment'),
    'long comment': (b'<testsuite><!--' + b'a' * (1 << 20), 'tag or a comment'),
    'names': (b'<testsuite>' + b''.join(b'<n%d/>' % i for i in range(400000)), 'MiB to read'),
    'nul': (b'<testsuite>\0</testsuite>', 'malformed XML'),
    'forbidden': (suite(case('<failure>&#0;</failure>')), 'malformed XML'),
    'not utf-8': (suite(case('<failure>X</failure>')).replace(b'X', b'\xff'), 'malformed XML'),
    'encoding': (b'<?xml version="1.0" encoding="EBCDIC-INT"?><testsuite/>', 'malformed XML'),
    'long id': (suite(case(name='x' * 5000)), 'id is too long'),
    'no name': (b'<testsuite name=""><testcase/></testsuite>', 'neither name nor classname'),
    'nested': (suite(case(case())), 'within a testcase'),
    'subunit': (Stream().test('a').bytes(), 'malformed XML'),
}


@pytest.mark.parametrize('name', sorted(HOSTILE))
def test_hostile(empty, demo, name):
    data, words = HOSTILE[name]
    doc = refusal(post(demo, data, kind=XML), 400, words)
    assert 0 <= doc['offset'] <= len(data)
    nothing(empty)


def test_other_encodings(empty, demo):
    text = '<?xml version="1.0" encoding="%s"?><testsuite><testcase name="\u00e9"/></testsuite>'
    for encoding in ('utf-16', 'iso-8859-1'):
        run = stored(demo, (text % encoding).encode(encoding), kind=XML)[0]
        assert set(outcomes_of(empty, run)) == {'\u00e9'}


def test_shards_of_three_kinds(empty, demo, alt):
    """Subunit v1, v2 and JUnit in one POST are one run; a test that two shards have counts once, as the last says."""
    one = b'time: 2026-03-01 12:00:00Z\ntest: in.v1\ntime: 2026-03-01 12:00:01Z\nsuccess: in.v1\ntest: in.all\nfailure: in.all\n'
    two = Stream().test('in.v2', 'skip').test('in.all', 'fail').bytes()
    three = suite('<testcase classname="in" name="junit"/>', '<testcase classname="in" name="all"/>')
    body, kind = multipart(one, two, three)
    place = body.rindex(b'application/octet-stream')
    body = body[:place] + b'text/xml' + body[place + len(b'application/octet-stream'):]
    run = stored(demo, body, kind=kind)[0]
    assert {n: v[0] for n, v in outcomes_of(empty, run).items()} == {
        'in.v1': 'success', 'in.all': 'success', 'in.v2': 'skip', 'in.junit': 'success'}
    shown = demo.get('/v1/subunit/' + run).json()['subunit-data']
    assert (shown['passes'], shown['fails'], shown['skips']) == (3, 0, 1)
    assert counts(empty)['runs'] == 1 and counts(empty)['results'] == 3
    refusal(post(demo, body, kind=kind), 409, run)
    # the other way round the failure is the last word
    body, kind = multipart(one, two)
    first = outcomes_of(empty, stored(alt, body, kind=kind)[0])
    assert first['in.all'][0] == 'fail' and len(first) == 3
