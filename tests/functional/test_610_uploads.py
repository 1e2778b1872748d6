"""POST /v1/subunit: every form of body and every option; what is refused leaves nothing behind."""
import base64
import datetime
import gzip
import io
import json
import os
import random
import uuid

import pytest
import subunit

import wire
from evidence import RAW, counts, digest, multipart, nothing, post, refusal, stored, zstd
from streams import corpus, simple

V1 = b'time: 2026-03-01 12:00:00Z\ntest: a.b\ntime: 2026-03-01 12:00:01.5Z\nsuccess: a.b\n'


def sha(stack):
    return stack.sql('SELECT HEX(sha256) FROM run_info')[0][0].lower()


def v1_stream(*names):
    out = io.BytesIO()
    client = subunit.TestProtocolClient(out)
    now = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.timezone.utc)
    for i, name in enumerate(names):
        out.write(b'time: %sZ\n' % str(now + datetime.timedelta(seconds=i))[:19].encode())
        test = subunit.RemotedTestCase(name)
        client.startTest(test)
        client.addSuccess(test)
        client.stopTest(test)
    return out.getvalue()


# --- bodies that are taken ---

def as_multipart(data):
    body, kind = multipart(data)
    return body, {'Content-Type': kind}


def as_json(data):
    return json.dumps({'subunit_data': base64.b64encode(data).decode()}), {'Content-Type': 'application/json'}


FORMS = {
    'octet': lambda d: (d, {'Content-Type': 'application/octet-stream'}),
    'subunit': lambda d: (d, {'Content-Type': RAW}),
    'subunit-params': lambda d: (d, {'Content-Type': 'Application/X-Subunit; q="a;b"'}),
    'multipart': as_multipart,
    'multipart-preamble': lambda d: (b'hello\r\n' + multipart(d)[0] + b'bye', {'Content-Type': multipart()[1]}),
    'multipart-quoted': lambda d: (multipart(d, boundary='a b')[0],
                                   {'Content-Type': 'multipart/form-data; charset=utf-8; boundary="a b"'}),
    'json': as_json,
    'json-no-type': lambda d: (as_json(d)[0].encode(), {'Content-Type': None}),
    'json-charset': lambda d: (as_json(d)[0], {'Content-Type': 'application/json; charset=UTF-8'}),
    'json-blanks': lambda d: (b' \n{ "subunit_data" :\t"' + base64.b64encode(d) + b'" }\r\n ',
                              {'Content-Type': 'application/json'}),
    'json-escapes': lambda d: ('{"subunit_dat\\u0061": "%s"}' % ''.join('\\u%04x' % c for c in base64.b64encode(d)),
                               {'Content-Type': 'application/json'}),
}
CODINGS = {
    'plain': lambda d: (d, {}),
    'gzip': lambda d: (gzip.compress(d), {'Content-Encoding': 'gzip'}),
    'x-gzip': lambda d: (gzip.compress(d), {'Content-Encoding': 'X-GZIP'}),
    'gzip-members': lambda d: (gzip.compress(d[:50]) + gzip.compress(d[50:]), {'Content-Encoding': 'gzip'}),
    'zstd': lambda d: (zstd(d), {'Content-Encoding': 'zstd'}),
    'zstd-frames': lambda d: (zstd(d[:50]) + zstd(d[50:]), {'Content-Encoding': 'zstd'}),
    'chunked': lambda d: (iter([d[:7], d[7:100], d[100:]]), {}),
}

@pytest.mark.parametrize('version', ['v1', 'v2'])
@pytest.mark.parametrize('coding', CODINGS)
@pytest.mark.parametrize('form', FORMS)
def test_form(empty, demo, form, coding, version):
    data = V1 if version == 'v1' else simple('a.b', 'c.d', salt=7)
    body, headers = FORMS[form](data)
    body, more = CODINGS[coding](body if isinstance(body, bytes) else body.encode())
    r = demo.post('/v1/subunit', data=body, headers={**headers, **more})
    assert r.status_code == 201, r.text
    doc = r.json()
    assert set(doc) == {'subunit-uuid', 'result-id'}
    assert str(uuid.UUID(doc['subunit-uuid'])) == doc['subunit-uuid'] and str(uuid.UUID(doc['result-id']))
    assert r.headers['Location'] == empty.url + '/v1/subunit/' + doc['subunit-uuid']
    assert sha(empty) == digest(data)
    assert empty.sql('SELECT stream_format, bytes, tests FROM run_info') == (
        (1, len(data), 1) if version == 'v1' else (2, len(data), 2),)
    assert empty.sql('SELECT uuid FROM runs') == ((doc['subunit-uuid'],),)
    assert empty.sql('SELECT id, cpid FROM test') == ((doc['result-id'], 'unspecified'),)


@pytest.mark.smoke
def test_python_subunit_v1(empty, demo):
    data = v1_stream('x.one', 'x.two')
    stored(demo, data)
    assert empty.sql('SELECT test_id FROM tests ORDER BY id') == (('x.one',), ('x.two',))


def test_shards_are_one_run_in_any_order(empty, demo):
    parts = [simple('p%d.a' % i, 'p%d.b' % i, salt=i) for i in range(4)]
    body, kind = multipart(*parts)
    r = post(demo, body, kind=kind)
    assert r.status_code == 201, r.text
    assert sha(empty) == digest(*parts)
    assert empty.sql('SELECT passes FROM runs') == ((8,),)
    assert [t for (t,) in empty.sql('SELECT test_id FROM tests ORDER BY id')] == [
        'p%d.%s' % (i, x) for i in range(4) for x in 'ab']
    before = counts(empty)
    for _ in range(3):
        random.shuffle(parts)
        body, kind = multipart(*parts)
        again = refusal(post(demo, gzip.compress(body), kind=kind, Content_Encoding='gzip'), 409)
        assert again['subunit-uuid'] == r.json()['subunit-uuid'] and again['result-id'] == r.json()['result-id']
    # a part missing, or one of them twice, is another stream
    for others in (parts[:3], parts + parts[:1]):
        body, kind = multipart(*others)
        assert post(demo, body, kind=kind).status_code == 201
    assert counts(empty)['runs'] == before['runs'] + 2


def test_shards_of_both_versions(empty, demo):
    body, kind = multipart(V1, simple('c.d'))
    assert post(demo, body, kind=kind).status_code == 201
    assert empty.sql('SELECT test_id FROM tests ORDER BY id') == (('a.b',), ('c.d',))


def test_same_test_in_two_shards(empty, demo):
    """As one that comes twice in a stream: the later outcome, the earlier place."""
    body, kind = multipart(simple('a', 'b', salt=1), simple('a', status='fail', salt=2))
    assert post(demo, body, kind=kind).status_code == 201
    assert empty.sql('SELECT t.test_id, r.status FROM test_runs r JOIN tests t ON t.id = r.test_id ORDER BY r.id') == (
        ('a', 'fail'), ('b', 'success'))


def test_empty_stream(empty, demo):
    run, result = stored(demo, b'')
    assert empty.sql('SELECT passes, fails, skips, run_time FROM runs') == ((0, 0, 0, 0),)
    assert empty.sql('SELECT id FROM test') == ((result,),)
    assert refusal(post(demo, b''), 409)['subunit-uuid'] == run


def test_same_stream_again(empty, demo, alt):
    data = simple('a', 'b')
    r = post(demo, data)
    assert r.status_code == 201
    before = counts(empty)
    for query in (None, {'cpid': 'other', 'run_at': '2026-01-01', 'attachments': 'false', 'meta.a': 'b'}):
        doc = refusal(post(demo, data, query), 409)
        assert {k: doc[k] for k in r.json()} == r.json()
    # another user of the same project
    assert refusal(post(empty.client('demo2'), data), 409)['subunit-uuid'] == r.json()['subunit-uuid']
    assert counts(empty) == before
    other = post(alt, data)
    assert other.status_code == 201
    assert not set(other.json().values()) & set(r.json().values())
    assert empty.sql('SELECT COUNT(*) FROM tests') == ((2,),)


def test_same_stream_at_once(empty, demo):
    """Six at a time: one is stored, all name it."""
    from concurrent.futures import ThreadPoolExecutor
    data = simple(*['t%d' % i for i in range(300)])
    clients = [empty.client('demo') for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda c: post(c, data), clients))
    assert sorted(r.status_code for r in replies) == [201] + [409] * 5, [r.text for r in replies]
    assert len({r.json()['subunit-uuid'] for r in replies}) == 1
    assert len({r.json()['result-id'] for r in replies}) == 1
    assert counts(empty)['runs'] == 1 and counts(empty)['test'] == 1


# --- bodies that are refused ---

def bad(name, body, headers, status, *words):
    return pytest.param(body, headers, status, words, id=name)


GOOD = simple('a.b', 'c.d', salt=11)
B64 = base64.b64encode(GOOD).decode()
MP, MP_KIND = multipart(GOOD)
JSON = {'Content-Type': 'application/json'}
OCTET = {'Content-Type': RAW}
REFUSED = [
    bad('text', GOOD, {'Content-Type': 'text/plain'}, 415, 'text/plain'),
    bad('form', b'subunit_data=x', {'Content-Type': 'application/x-www-form-urlencoded'}, 415),
    bad('mixed', MP, {'Content-Type': 'multipart/mixed; boundary=b0undary'}, 415),
    bad('json-latin1', '{"subunit_data": ""}', {'Content-Type': 'application/json; charset=latin-1'}, 415),
    bad('deflate', GOOD, {**OCTET, 'Content-Encoding': 'deflate'}, 415, 'deflate'),
    bad('br', GOOD, {**OCTET, 'Content-Encoding': 'br'}, 415),
    bad('stacked', gzip.compress(gzip.compress(GOOD)), {**OCTET, 'Content-Encoding': 'gzip, gzip'}, 415),
    bad('stacked-two', zstd(gzip.compress(GOOD)), {**OCTET, 'Content-Encoding': 'gzip, zstd'}, 415),
    bad('not-gzip', GOOD, {**OCTET, 'Content-Encoding': 'gzip'}, 400, 'gzip'),
    bad('not-zstd', GOOD, {**OCTET, 'Content-Encoding': 'zstd'}, 400, 'zstd'),
    bad('empty-gzip', b'', {**OCTET, 'Content-Encoding': 'gzip'}, 400),
    bad('empty-zstd', b'', {**OCTET, 'Content-Encoding': 'zstd'}, 400),
    bad('gzip-cut', gzip.compress(GOOD)[:-9], {**OCTET, 'Content-Encoding': 'gzip'}, 400, 'byte'),
    bad('gzip-cut-trailer', gzip.compress(GOOD)[:-1], {**OCTET, 'Content-Encoding': 'gzip'}, 400, 'byte'),
    bad('gzip-crc', gzip.compress(GOOD)[:-8] + b'abcd' + gzip.compress(GOOD)[-4:],
        {**OCTET, 'Content-Encoding': 'gzip'}, 400),
    bad('gzip-trailing', gzip.compress(GOOD) + b'x', {**OCTET, 'Content-Encoding': 'gzip'}, 400),
    bad('gzip-unsaid', gzip.compress(GOOD), OCTET, 400),
    bad('zstd-cut', zstd(GOOD)[:-3], {**OCTET, 'Content-Encoding': 'zstd'}, 400, 'byte'),
    bad('zstd-crc', zstd(GOOD)[:-1] + bytes([zstd(GOOD)[-1] ^ 1]), {**OCTET, 'Content-Encoding': 'zstd'}, 400),
    bad('zstd-trailing', zstd(GOOD) + b'xyzw', {**OCTET, 'Content-Encoding': 'zstd'}, 400),
    bad('zstd-long-window', zstd(os.urandom(64) * 300000, '--long=27', '--single-thread'),
        {**OCTET, 'Content-Encoding': 'zstd'}, 400),
    bad('multipart-no-boundary', MP, {'Content-Type': 'multipart/form-data'}, 400, 'boundary'),
    bad('multipart-long-boundary', MP, {'Content-Type': 'multipart/form-data; boundary=' + 'x' * 71}, 400),
    bad('multipart-cut', MP[:-3], {'Content-Type': MP_KIND}, 400),
    bad('multipart-cut-in-part', MP[:120], {'Content-Type': MP_KIND}, 400),
    bad('multipart-no-end', multipart(GOOD, end=False)[0], {'Content-Type': MP_KIND}, 400),
    bad('multipart-other-boundary', MP, {'Content-Type': 'multipart/form-data; boundary=other'}, 400),
    bad('multipart-other-name', multipart(GOOD, name='file')[0], {'Content-Type': MP_KIND}, 400, 'file'),
    bad('multipart-no-part', b'--b0undary--\r\n', {'Content-Type': MP_KIND}, 400),
    bad('multipart-empty', b'', {'Content-Type': MP_KIND}, 400),
    bad('multipart-many', multipart(*[simple('t%d' % i) for i in range(17)])[0], {'Content-Type': MP_KIND}, 400, '16'),
    bad('multipart-one-bad', multipart(GOOD, GOOD[:-1])[0], {'Content-Type': MP_KIND}, 400, 'byte'),
    bad('json-empty', '', JSON, 400),
    bad('json-array', '[]', JSON, 400),
    bad('json-no-member', '{}', JSON, 400, 'subunit_data'),
    bad('json-other-member', '{"data": "%s"}' % B64, JSON, 400, 'data'),
    bad('json-more-members', '{"subunit_data": "%s", "x": 1}' % B64, JSON, 400),
    bad('json-twice', '{"subunit_data": "%s", "subunit_data": "%s"}' % (B64, B64), JSON, 400, 'twice'),
    bad('json-number', '{"subunit_data": 1}', JSON, 400),
    bad('json-null', '{"subunit_data": null}', JSON, 400),
    bad('json-cut', '{"subunit_data": "%s' % B64, JSON, 400),
    bad('json-trailing', '{"subunit_data": "%s"} x' % B64, JSON, 400),
    bad('json-control', '{"subunit_data": "%s\x01"}' % B64, JSON, 400),
    bad('base64-cut', '{"subunit_data": "%s"}' % B64.rstrip('=')[:-1], JSON, 400),
    bad('base64-bad', '{"subunit_data": "!%s"}' % B64[1:], JSON, 400),
    bad('base64-after-end', '{"subunit_data": "%s=="}' % base64.b64encode(GOOD[:-1] + b'xx').decode(), JSON, 400),
    bad('base64-url', '{"subunit_data": "-_-_"}', JSON, 400),
    bad('cut', GOOD[:-5], OCTET, 400, 'byte'),
    bad('garbage', b'hello\n', OCTET, 400, 'byte 0'),
    bad('garbage-between', GOOD + b'x', OCTET, 400, 'byte %d' % len(GOOD)),
    bad('crc', GOOD[:-1] + bytes([GOOD[-1] ^ 1]), OCTET, 400, 'byte'),
]


@pytest.mark.parametrize('body, headers, status, words', REFUSED)
def test_refused(empty, demo, body, headers, status, words):
    doc = refusal(demo.post('/v1/subunit', data=body, headers=headers), status, *words)
    if 'byte' in words:
        assert isinstance(doc['offset'], int)
    nothing(empty)


def test_offset_of_a_cut_stream(empty, demo):
    """The offset is in the decoded stream, whatever it was wrapped in: the packet that is not whole."""
    whole, more = simple('a.b', salt=3), simple('a.b', 'c.d', salt=3)
    assert more.startswith(whole)
    data = more[:-4]
    wrapped = [(data, OCTET), (gzip.compress(data), {**OCTET, 'Content-Encoding': 'gzip'}), as_json(data),
               as_multipart(data)]
    offsets = {refusal(demo.post('/v1/subunit', data=b, headers=h), 400)['offset'] for b, h in wrapped}
    assert len(offsets) == 1 and len(whole) <= offsets.pop() <= len(data)
    nothing(empty)


def test_client_that_leaves(empty):
    """It goes before it has sent what it announced."""
    data = simple('a')
    head = ('POST /v1/subunit HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n'
            % (empty.token('demo'), RAW, len(data) + 10)).encode()
    with wire.connect(empty) as s:
        s.sendall(head + data)
    assert demo_is_fine(empty)
    nothing(empty)


def demo_is_fine(stack):
    return stack.client('demo').get('/v1/subunit').status_code == 200


def test_corpus_stream_by_every_form(empty, demo):
    """A real stream comes out the same whichever way it went in."""
    data = corpus('hoangphuocbk-tacker__22-309173cc.v1.subunit')
    first = None
    for form in ('subunit', 'multipart', 'json'):
        for coding in ('plain', 'gzip', 'zstd'):
            body, headers = FORMS[form](data)
            body, more = CODINGS[coding](body if isinstance(body, bytes) else body.encode())
            r = demo.post('/v1/subunit', data=body, headers={**headers, **more})
            if first is None:
                assert r.status_code == 201, r.text
                first = r.json()
            else:
                assert refusal(r, 409)['subunit-uuid'] == first['subunit-uuid']
