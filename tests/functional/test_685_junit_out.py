"""GET /v1/subunit/{uuid}/junit: what a continuous integration tool reads, whatever the stream held."""
import xml.etree.ElementTree as ET

import pytest

from evidence import refusal, stored
from streams import Stream
from streams import corpus as stream_bytes
from test_600_corpus import STREAMS

TRACE = (b'Traceback (most recent call last):\n  File "/a/b.py", line 7, in test\n    raise ValueError("x < 3 & \\"q\\"")\n'
         b'ValueError: x < 3 & "q" ]]> in 0x7f00\n')
HOSTILE = 'h.<script>&"\'.]]>\u00e9\U0001f600.test_\x01\x1b\ufffe\u2028[id-1,smoke]'


def junit(client, run):
    """(testsuite, {(classname, name): testcase}); the reply is well-formed, by another parser than ours."""
    r = client.get('/v1/subunit/%s/junit' % run)
    assert r.status_code == 200, r.text
    assert r.headers['Content-Type'].startswith('application/xml')
    assert r.headers['Content-Disposition'] == 'attachment; filename="%s.xml"' % run
    assert r.headers['X-Content-Type-Options'] == 'nosniff'
    root = ET.fromstring(r.content)
    assert root.tag == 'testsuites' and [e.tag for e in root] == ['testsuite']
    cases = list(root[0])
    assert {c.tag for c in cases} <= {'testcase'}
    check_totals(root[0])
    return root[0], {(c.get('classname'), c.get('name')): c for c in cases}


def check_totals(suite):
    assert int(suite.get('tests')) == len(suite)
    for attribute, tag in (('failures', 'failure'), ('errors', 'error'), ('skipped', 'skipped')):
        assert int(suite.get(attribute)) == len(suite.findall('./testcase/' + tag)), attribute
    times = sum(float(c.get('time', 0)) for c in suite)
    assert abs(float(suite.get('time')) - times) < 1e-5 * max(1, len(suite))


def outcomes():
    s = Stream()
    s.test('a.b.C.test_ok[id-1,smoke]', 'success', 1.25, [('stdout', 'text/plain', b'said\r\n\x1b[31m\xff\xe2\x82')])
    s.test('a.b.C.test_bad', 'fail', 0.5, [('log', 'text/plain;charset=utf8', b'<log>'),
                                           ('traceback', 'text/x-traceback;language=python', TRACE),
                                           ('stderr', 'text/plain', b'oops'), ('core', 'application/x-core', b'\0\1\2')])
    s.test('a.b.C.test_skip', 'skip', 0, [('reason', 'text/plain', b'not today')])
    s.test('a.b.C.test_xfail', 'xfail', 1, [('traceback', 'text/x-traceback', TRACE)])
    s.test('a.b.C.test_odd', 'uxsuccess', 1)
    s.test('setUpClass (a.b.C)', 'fail', 1)
    s.event(test_id='a.b.C.test_open', test_status='inprogress')
    s.test(HOSTILE)
    return s.bytes()


def test_outcomes(empty, demo):
    run = stored(demo, outcomes())[0]
    suite, cases = junit(demo, run)
    assert suite.get('name') == run and suite.get('timestamp') == '2026-03-01T12:00:00'
    ok = cases['a.b.C', 'test_ok[id-1,smoke]']
    assert ok.get('time') == '1.250000' and [e.tag for e in ok] == ['system-out']
    assert ok[0].text == 'said\r\n\ufffd[31m\ufffd\ufffd\ufffd'  # each byte of what is no character
    bad = cases['a.b.C', 'test_bad']
    assert [e.tag for e in bad] == ['failure', 'system-out', 'system-err']
    assert bad[0].get('type') == 'ValueError' and bad[0].get('message') == 'ValueError: x < 3 & "q" ]]> in 0x7f00'
    assert bad[0].text == TRACE.decode()
    assert bad[1].text == 'log: {{{\n<log>\n}}}\ncore (application/x-core): 3 bytes\n' and bad[2].text == 'oops'
    skip = cases['a.b.C', 'test_skip']
    assert [e.tag for e in skip] == ['skipped', 'system-out'] or [e.tag for e in skip] == ['skipped']
    assert skip[0].get('message') == 'not today'
    xfail = cases['a.b.C', 'test_xfail'][0]
    assert (xfail.tag, xfail.get('type')) == ('skipped', 'pytest.xfail') and xfail.text == TRACE.decode()
    odd = cases['a.b.C', 'test_odd'][0]
    assert (odd.tag, odd.get('type'), odd.get('message')) == ('failure', 'uxsuccess', 'unexpected success')
    assert cases['', 'setUpClass (a.b.C)'][0].tag == 'failure'
    assert cases['a.b.C', 'test_open'][0].tag == 'error'
    clean = HOSTILE.replace('\x01', '\ufffd').replace('\x1b', '\ufffd').replace('\ufffe', '\ufffd')
    assert tuple(clean.rsplit('.', 1)) in cases, list(cases)


def test_who_may_see_it(empty, demo, alt, staff, anonymous):
    run = stored(demo, outcomes())[0]
    path = '/v1/subunit/%s/junit' % run
    assert staff.get(path).status_code == 200
    refusal(alt.get(path), 404, run)
    refusal(anonymous.get(path), 401)
    refusal(demo.get(path + '?x=1'), 400, 'x')
    head = demo.head(path)
    assert head.status_code == 200 and head.content == b'' and 'xml' in head.headers['Content-Type']
    refusal(demo.get('/v1/subunit/x/junit'), 404)


@pytest.mark.parametrize('name', [n for n in STREAMS if 'm0' in n or 'm1' in n or n.startswith('bdrich')])
def test_corpus(empty, demo, name):
    """Whatever Tally takes comes out well-formed, a testcase a test."""
    r = demo.post('/v1/subunit', data=stream_bytes(name), params={'non_subunit_name': 'out'},
                  headers={'Content-Type': 'application/x-subunit'})
    if r.status_code == 400:
        return
    run = r.json()['subunit-uuid']
    suite, _ = junit(demo, run)
    assert len(suite) == empty.sql('SELECT COUNT(*) FROM test_runs')[0][0]
