"""Text that would break SQL, LOAD DATA, JSON, headers or a terminal: stored as it came, or refused; by both ways in
which rows go into the database."""
import io
import json

import pytest
import subunit.v2
import testtools

from evidence import content, counts, post, refusal, stored
from streams import START, Stream, corpus, simple

TEXTS = {
    'sql': "'; DROP TABLE tests; -- \" ` /* */ # %s %d ? :1 {0}",
    'union': "x') UNION SELECT user, password FROM mysql.user WHERE ('1'='1",
    'backslash': 'a\\b\\\\c\\n\\t\\0\\N\\',
    'null-marker': '\\N',
    'tab-newline': 'a\tb\nc\r\nd\re',
    'ends-with-newline': 'x\n',
    'ends-with-backslash': 'x\\',
    'controls': ''.join(map(chr, range(1, 32))) + '\x7f',
    'c1': ''.join(map(chr, range(0x80, 0xa0))),
    'quotes': '"\'`\u2018\u2019\u201c\u201d',
    'emoji': '\U0001f600\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0010ffff',
    'rtl': '\u202eabc\u202c \u2066x\u2069 \u200f\u061c',
    'combining': 'e\u0301 vs \u00e9 \u1100\u1161\u11a8',
    'nonchars': '\ufffe\uffff\ufeff\u2028\u2029\u0085',
    'blanks': '  lead and trail  ',
    'html': '<script>alert("x")</script>&amp;<!--',
    'json': '{"a": [1, "\\u0000"]}',
    'template': '${jndi:ldap://x} {{7*7}} $(id) `id` %n%n%n',
    'path': '../../../../etc/passwd',
    'null-word': 'NULL',
    'one-blank': ' ',
    'comma': ',a,,b,',
}


def events(data):
    """(id, route, tags, mime types and names of files) of a stream."""
    out = set()

    class Log(testtools.StreamResult):
        def status(self, **e):
            if e.get('test_id') is not None:
                out.add((e['test_id'], e.get('route_code'), e.get('test_status'), frozenset(e.get('test_tags') or ()),
                         e.get('file_name'), e.get('mime_type'), bytes(e.get('file_bytes') or b'')))
    subunit.v2.ByteStreamToStreamResult(io.BytesIO(data)).run(Log())
    return out


def hostile_stream(text):
    s = Stream()
    name = 'mod.' + text
    s.event(test_id=name, test_status='inprogress', route_code=text, test_tags=[text, 'plain'])
    s.tick()
    s.event(test_id=name, route_code=text, file_name=text, mime_type=text, file_bytes=text.encode(), eof=True,
            test_tags=[text, 'plain'])
    s.event(test_id=name, test_status='skip', route_code=text, test_tags=[text, 'plain'])
    s.test('second' + text)  # what comes behind it must still be in order
    return s.bytes(), name


def check_hostile(stack, client, text):
    data, name = hostile_stream(text)
    key = text
    if min(map(ord, text)) < 32:  # names of parameters have no control characters
        refusal(post(client, data, {'meta.' + text: 'x'}), 400, 'control')
        assert not any(counts(stack).values())
        key = 'plain'
    r = post(client, data, {'cpid': text[:128], 'artifacts': text, 'meta.' + key: text})
    assert r.status_code == 201, r.text
    run = r.json()['subunit-uuid']
    doc = json.loads(client.get('/v1/subunit/' + run).content.decode('utf-8'))
    names = {t['test_id']: t['id'] for t in doc['tests']}
    attrs = text[text.index('[') + 1:text.rindex(']')] if '[' in text else None
    plain = name if attrs is None else name.replace('[%s]' % attrs, '', 1)
    assert plain in names, names
    row = [t for t in doc['test_runs'] if t['test_id'] == names[plain]][0]
    tags = ','.join(m['value'] for m in row['metadata'] if m['key'] == 'tags')
    assert tags in (text + ',plain', 'plain,' + text)
    data_of = doc['subunit-data']
    assert data_of['cpid'] == text[:128] and data_of['artifacts'] == text
    assert {'key': key, 'value': text} in data_of['metadata']
    (a,) = doc['attachments']
    assert (a['name'], a['mime_type'], a['label']) == (text, text, text.split(':')[0])
    got = client.get(a['attachment'])
    assert got.content == text.encode()
    stream = client.get('/v1/subunit/%s/stream' % run).content
    mine = [e for e in events(stream) if e[0] == name]
    assert mine and {e[1] for e in mine} == {text}
    assert [e for e in mine if e[4] == text and e[5] == text and e[6] == text.encode()]
    assert any(e[3] == {text, 'plain'} for e in mine)
    listed = json.loads(client.get('/v1/subunit', params={'cpid': text[:128]}).content.decode('utf-8'))
    assert [x['uuid'] for x in listed['runs']] == [run]
    assert client.get('/v1/subunit', params={'meta.' + key: text}).json()['runs'][0]['uuid'] == run
    assert stack.sql('SELECT COUNT(*) FROM tests') == ((2,),)
    assert client.delete('/v1/subunit/' + run).status_code == 204


@pytest.mark.parametrize('kind', TEXTS)
def test_everywhere(empty, demo, kind):
    check_hostile(empty, demo, TEXTS[kind])


def test_everywhere_without_load_data(empty, demo):
    empty.conf.set('database', load_data=False)
    empty.restart_tally()
    for text in TEXTS.values():
        check_hostile(empty, demo, text)
        empty.empty_tables()


# --- bytes that are no text ---

def patched(stream, old, new):
    """A stream with bytes of the same length exchanged and the checksums made right."""
    import struct
    import zlib
    assert len(old) == len(new)
    data = stream.replace(old, new)
    out, at = b'', 0
    while at < len(data):
        first = data[at + 3]
        size = {0: 1, 1: 2, 2: 3, 3: 4}[first >> 6]
        length = int.from_bytes(data[at + 3:at + 3 + size], 'big') & ((1 << (8 * size - 2)) - 1)
        packet = data[at:at + length]
        out += packet[:-4] + struct.pack('>I', zlib.crc32(packet[:-4]) & 0xffffffff)
        at += length
    return out


@pytest.mark.parametrize('raw', [b'\xff\xfe\xfd\xfc', b'ab\xc0\x80', b'\xed\xa0\x80x', b'\xf4\x90\x80\x80', b'abc\xc3',
                                 b'\xf8\x88\x80\x80', b'a\xe2\x82b'], ids=lambda b: b.hex())
@pytest.mark.parametrize('field', ['id', 'tag', 'route', 'mime', 'file'])
def test_bytes_that_are_no_text(empty, demo, field, raw):
    s = Stream()
    mark = {k: 'MARK' if k == field else 'x' for k in ('id', 'tag', 'route', 'mime', 'file')}
    s.event(test_id=mark['id'], test_status='inprogress', route_code=mark['route'], test_tags=[mark['tag']])
    s.event(test_id=mark['id'], route_code=mark['route'], file_name=mark['file'], mime_type=mark['mime'],
            file_bytes=b'z', test_tags=[mark['tag']])
    s.event(test_id=mark['id'], test_status='success', route_code=mark['route'], test_tags=[mark['tag']])
    r = post(demo, patched(s.bytes(), b'MARK', raw))
    assert r.status_code in (201, 400), r.text
    if r.status_code == 400:
        refusal(r, 400, 'byte')
        assert not any(counts(empty).values())
        return
    run = r.json()['subunit-uuid']
    json.loads(demo.get('/v1/subunit/' + run).content.decode('utf-8'))
    assert demo.get('/v1/subunit/%s/stream' % run).status_code == 200


@pytest.mark.parametrize('field', ['id', 'tag', 'route', 'mime', 'file'])
def test_nul(empty, demo, field):
    s = Stream()
    mark = {k: 'MARK' if k == field else 'x' for k in ('id', 'tag', 'route', 'mime', 'file')}
    s.event(test_id=mark['id'], test_status='inprogress', route_code=mark['route'], test_tags=[mark['tag']])
    s.event(test_id=mark['id'], route_code=mark['route'], file_name=mark['file'], mime_type=mark['mime'],
            file_bytes=b'z', test_tags=[mark['tag']])
    s.event(test_id=mark['id'], test_status='success', route_code=mark['route'], test_tags=[mark['tag']])
    r = post(demo, patched(s.bytes(), b'MARK', b'a\0b\0'))
    assert r.status_code in (201, 400), r.text
    if r.status_code == 400:
        assert not any(counts(empty).values())
        return
    doc = json.loads(demo.get('/v1/subunit/' + r.json()['subunit-uuid']).content.decode('utf-8'))
    texts = [t['test_id'] for t in doc['tests']] + [m['value'] for t in doc['test_runs'] for m in t['metadata']]
    texts += [a['name'] for a in doc['attachments']] + [str(a['mime_type']) for a in doc['attachments']]
    assert field == 'route' or any('a\0b\0' in t for t in texts), texts


def test_v1_bytes_that_are_no_text(empty, demo):
    for data in (b'test: a\xff\nsuccess: a\xff\n', b'test: a\0b\nsuccess: a\0b\n',
                 b'tags: \xff\xfe\ntest: a\nsuccess: a\n', b'test: a\nskip: a [\n\xff\x00\xfe\n]\n',
                 b'test: a\nfailure: a [ multipart\nContent-Type: \xff/x\nn\xff\n1\r\nx0\r\n]\n'):
        r = post(demo, data)
        assert r.status_code in (201, 400), (data, r.text)
        if r.status_code == 201:
            run = r.json()['subunit-uuid']
            json.loads(demo.get('/v1/subunit/' + run).content.decode('utf-8'))
            assert demo.get('/v1/subunit/%s/stream' % run).status_code == 200


def test_skip_reason(empty, demo):
    reason = ''.join(TEXTS.values()).encode() + b'\0\xff\xfe'
    s = Stream().test('a', 'skip', files=[('reason', 'text/plain;charset=utf8', reason)])
    run, _ = stored(demo, s.bytes())
    (a,) = demo.get('/v1/subunit/' + run).json()['attachments']
    assert demo.get(a['attachment']).content == reason


def test_every_byte_in_an_attachment(empty, demo, staff):
    """LOAD DATA's escaping, and the pieces in which long ones go."""
    contents = [bytes(range(256)) * 3, b'\\' * 70001, b'\t\n\0\\' * 40000, b'\\N', b'', b'\n', bytes(200000)]
    s = Stream()
    for i, c in enumerate(contents):
        s.test('t%d' % i, files=[('f', 'x/y', c)] if c else [])
    for load in (True, False):
        empty.conf.set('database', load_data=load)
        empty.restart_tally()
        run, _ = stored(demo, s.bytes())
        doc = demo.get('/v1/subunit/' + run).json()
        assert [demo.get(a['attachment']).content for a in doc['attachments']] == [c for c in contents if c]
        assert demo.delete('/v1/subunit/' + run).status_code == 204


@pytest.mark.parametrize('path', ["/v1/subunit/'%20OR%201=1", '/v1/subunit?cpid=%27%3B--', '/v1/subunit?marker=%27',
                                  '/v1/subunit?meta.%27=%27', '/v1/subunit?result_id=%27', '/v1/subunit?%ff=1',
                                  '/v1/subunit?cpid=%ff%fe', '/v1/subunit?meta.a=%ff', '/v1/subunit?start_date=%ff',
                                  '/v1/subunit?marker=%ff', '/v1/subunit?status=%c0%80', '/v1/subunit/%ff'])
def test_hostile_queries(empty, demo, path):
    stored(demo, simple('a'))
    r = demo.get(path)
    assert r.status_code in (200, 400, 404), r.text
    doc = json.loads(r.content.decode('utf-8'))
    assert r.status_code != 200 or doc == {'runs': []}


# --- both ways give the same rows ---

SAME = ['hoangphuocbk-tacker__22-309173cc.v1.subunit', 'bopopescu-OSA-C-tempest__118-3a3e3dfa.v1.subunit',
        'bdrich-neutron-lbaas__8-3a0e99ec.v1.subunit', 'm055-unicode-ids.v2.subunit', 'm066-long-attrs-tags.v2.subunit',
        'm110-label-collision.v2.subunit', 'm067-long-tags.v2.subunit', 'dommgifer-repo__12-2c9dbb18.v1.subunit',
        'bdrich-neutron-lbaas__all_skips-54156b59.v2.subunit', 'm052-nul-in-id.v2.subunit']


def upload_all(stack, client):
    stack.empty_tables()
    query = {'run_at': '2026-03-01', 'test_attr_prefix': 's'}
    codes = [post(client, corpus(name), query).status_code for name in SAME]
    s = Stream()
    for text in TEXTS.values():
        s.now = START
        s.test('x.' + text, 'skip', tags=[text], files=[(text, text, text.encode() * 9000)])
    codes += [post(client, s.bytes(), dict(query, **{'meta.k': TEXTS['backslash']})).status_code]
    # more than one statement's rows, all of them known already the second time
    many = Stream()
    for i in range(1234):
        many.test('many.%d[id-%d,smoke]' % (i, i), 'fail' if i % 7 == 0 else 'success', tags=['t%d' % (i % 3)])
    codes += [post(client, many.bytes(), query).status_code]
    many.test('one.more')
    codes += [post(client, many.bytes(), query).status_code]
    return codes, content(stack)


def test_both_ways_give_the_same_rows(empty, demo):
    codes, rows = upload_all(empty, demo)
    assert 201 in codes and not set(codes) - {201, 400}
    empty.conf.set('database', load_data=False)
    empty.restart_tally()
    again, others = upload_all(empty, demo)
    assert again == codes
    for a, b in zip(rows, others):
        assert a == b
    assert len(rows[5]) > 2400
