"""POST /v1/subunit: the limits, and what the query may say."""
import gzip
import os

import pytest

from evidence import RAW, counts, digest, multipart, nothing, post, refusal, stored, zstd
from streams import Stream, simple

GOOD = simple('a.b', 'c.d', salt=11)
OCTET = {'Content-Type': RAW}


# --- limits ---

@pytest.fixture
def limits(empty):
    """Sets [subunit] options in the running service."""
    def set_limits(**options):
        assert empty.client().get('/versions').status_code == 200  # it runs: before, SIGHUP would end it
        empty.conf.set('subunit', **options)
        empty.reload()
    return set_limits


def bomb(n):
    """A valid stream that compresses a thousand times: a test with N MiB of zeros."""
    s = Stream()
    s.event(test_id='bomb', test_status='inprogress')
    for _ in range(n):
        s.event(test_id='bomb', file_name='zeros', mime_type='application/octet-stream', file_bytes=bytes(1 << 20))
    return s.event(test_id='bomb', test_status='success').bytes()


@pytest.mark.parametrize('coding', ['gzip', 'zstd'])
def test_bomb_stops_at_the_ratio(empty, demo, coding):
    packed = gzip.compress(bomb(40)) if coding == 'gzip' else zstd(bomb(40), '-19')
    doc = refusal(post(demo, packed, Content_Encoding=coding), 400, 'times')
    assert doc['offset'] <= len(packed)
    nothing(empty)


def test_bomb_stops_at_the_size(empty, demo, limits):
    limits(max_stream_bytes='2M', max_ratio=100000)
    for coding, packed in (('gzip', gzip.compress(bomb(40))), ('zstd', zstd(bomb(40)))):
        refusal(post(demo, packed, Content_Encoding=coding), 400, 'larger than')
    refusal(post(demo, bomb(3)), 400, 'larger than 2097152')
    assert post(demo, bomb(1)).status_code == 201


def test_ratio_can_be_raised(empty, demo, limits):
    limits(max_ratio=100000)
    assert post(demo, gzip.compress(bomb(4)), Content_Encoding='gzip').status_code == 201


def test_max_upload_bytes(empty, demo, limits):
    limits(max_upload_bytes='64K')
    refusal(post(demo, os.urandom(65537)), 413)
    nothing(empty)
    assert post(demo, gzip.compress(simple('a')), Content_Encoding='gzip').status_code == 201


def test_max_upload_bytes_chunked(empty, demo, limits):
    """Nobody has said how long it will be."""
    limits(max_upload_bytes='64K')
    s = Stream()
    s.event(test_id='a', test_status='inprogress')
    s.event(test_id='a', file_name='f', mime_type='x/y', file_bytes=os.urandom(100000))
    data = s.event(test_id='a', test_status='success').bytes()
    refusal(post(demo, iter([data[:10000], data[10000:40000], data[40000:]])), 413)
    nothing(empty)


def test_max_transaction_bytes(empty, demo, limits):
    limits(max_transaction_bytes='1M')
    refusal(post(demo, bomb(2)), 413, '1048576')
    nothing(empty)
    # what is not kept does not count
    assert post(demo, bomb(2), {'attachments': 'false'}).status_code == 201


def test_max_tests(empty, demo, limits):
    limits(max_tests=5)
    refusal(post(demo, simple(*'abcdef')), 400, '5')
    nothing(empty)
    assert post(demo, simple(*'abcdea')).status_code == 201


def test_max_attachment_bytes(empty, demo, limits):
    limits(max_attachment_bytes='512K')
    refusal(post(demo, bomb(1)), 400, '524288')
    nothing(empty)
    s = Stream().test('a', files=[('f', 'x/y', bytes(524288))])
    assert post(demo, s.bytes()).status_code == 201


def test_id_length(empty, demo, limits):
    assert post(demo, simple('ü' * 4096)).status_code == 201
    refusal(post(demo, simple('ü' * 4097)), 400, '4096')
    limits(max_id_chars=10)
    before = counts(empty)
    refusal(post(demo, simple('01234567890')), 400, '10')
    assert counts(empty) == before
    assert post(demo, simple('0123456789')).status_code == 201


def test_max_parts(empty, demo, limits):
    limits(max_parts=2)
    parts = [simple('a%d' % i) for i in range(3)]
    body, kind = multipart(*parts)
    refusal(post(demo, body, kind=kind), 400, '2')
    nothing(empty)
    body, kind = multipart(*parts[:2])
    assert post(demo, body, kind=kind).status_code == 201


# --- query ---

@pytest.mark.parametrize('query', [
    'colour=red', 'cpid=a&cpid=b', 'cpid=', 'run_at=', 'run_at=yesterday', 'run_at=2026-02-30',
    'run_at=2026-03-01T25:00:00Z', 'run_at=2026-03-01T12:00:00Zx', 'run_at=1&run_at=2', 'run_at=1772366400',
    'attachments=maybe', 'attachments=true&attachments=true', 'wall_time=2', 'wall_time=', 'remove_test_attr_prefix=x',
    'attr_regex=(', 'attr_regex=abc', 'attr_regex=' + '(' * 80 + 'a' + ')%2b' * 80, 'attr_regex=(()|a)%2b',
    'attr_regex=(a){1,255}', 'attr_regex=(a)%5c1', 'attr_regex=' + 'x' * 257,
    'attr_regex=', 'non_subunit_name=', 'cpid=' + 'x' * 129, 'cpid=%00', 'cpid=a%00b', 'cpid=%ff', 'artifacts=%c0%80',
    'artifacts=%ed%a0%80', 'meta.=x', 'meta.' + 'k' * 256 + '=v', 'meta.k=' + 'v' * 256, 'meta.k=%ff', 'meta.%fe=x',
    'meta.k=a%00', 'meta.tally_x=1', 'meta.refstack_result_id=1', 'meta.keep=1', 'result_id=x', 'limit=3',
    '&'.join('meta.k%d=1' % i for i in range(65)),
])
def test_query_refused(empty, demo, query):
    refusal(demo.post('/v1/subunit?' + query, data=GOOD, headers=OCTET), 400)
    nothing(empty)


@pytest.mark.parametrize('text, second', [
    ('2026-03-01', '2026-03-01 00:00:00'),
    ('2026-03-01 12:34:56', '2026-03-01 12:34:56'),
    ('2026-03-01T12:34:56', '2026-03-01 12:34:56'),
    ('2026-03-01T12:34:56Z', '2026-03-01 12:34:56'),
    ('2026-03-01T12:34:56.999999Z', '2026-03-01 12:34:56'),
    ('2026-03-01T12:34:56+02:00', '2026-03-01 10:34:56'),
    ('2026-03-01T00:34:56-05:30', '2026-03-01 06:04:56'),
    ('1969-12-31T23:59:59.5Z', '1969-12-31 23:59:59'),
    ('9999-12-31T23:59:59Z', '9999-12-31 23:59:59'),
])
def test_run_at(empty, demo, text, second):
    run, _ = stored(demo, GOOD, {'run_at': text})
    assert str(empty.sql('SELECT run_at FROM runs')[0][0]) == second
    assert demo.get('/v1/subunit/' + run).json()['subunit-data']['run_at'] == second.replace(' ', 'T') + 'Z'


@pytest.mark.parametrize('text, status', [
    ('0000-00-00', 400), ('0000-01-01', 201), ('0001-01-01', 201), ('0999-12-31', 201),
    ('0000-01-01T00:00:00+10:00', 400), ('9999-12-31T23:59:59-10:00', 400)])
def test_run_at_at_the_edges(empty, demo, text, status):
    """Stored as it is or refused; never moved, never an error of ours."""
    r = post(demo, GOOD, {'run_at': text})
    assert r.status_code == status, r.text
    if status == 400:
        nothing(empty)
    else:
        shown = demo.get('/v1/subunit/' + r.json()['subunit-uuid']).json()['subunit-data']['run_at']
        assert shown == text + 'T00:00:00Z'


def test_run_at_default_is_now(empty, demo):
    stored(demo, GOOD)
    assert empty.sql('SELECT ABS(TIMESTAMPDIFF(SECOND, run_at, UTC_TIMESTAMP())) < 60 FROM runs') == ((1,),)


def test_options(empty, demo):
    run, result = stored(demo, GOOD, {'cpid': 'cloud ü ' + 'x' * 120, 'artifacts': 'https://logs.example/?a=1&b=2',
                                      'meta.branch': 'main', 'meta.v': 'v' * 255, 'meta.' + 'ü' * 255: ''})
    doc = demo.get('/v1/subunit/' + run).json()['subunit-data']
    assert doc['cpid'] == 'cloud ü ' + 'x' * 120 and doc['artifacts'] == 'https://logs.example/?a=1&b=2'
    pairs = {(m['key'], m['value']) for m in doc['metadata']}
    assert {('branch', 'main'), ('v', 'v' * 255), ('ü' * 255, '')} <= pairs
    assert ('tally_project', empty.project('demo')) in pairs and ('tally_sha256', digest(GOOD)) in pairs
    assert ('tally_user', empty.user_id('demo')) in pairs and ('refstack_result_id', result) in pairs
    assert empty.sql('SELECT cpid FROM test') == (('cloud ü ' + 'x' * 120,),)


def test_meta_may_repeat(empty, demo):
    run, _ = stored(demo, GOOD, [('meta.a', '1'), ('meta.a', '2'), ('meta.a', '1')])
    pairs = [(m['key'], m['value']) for m in demo.get('/v1/subunit/' + run).json()['subunit-data']['metadata']]
    assert [p for p in pairs if p[0] == 'a'] == [('a', '1'), ('a', '2')]


@pytest.mark.parametrize('key', ['keep', 'tally_note', 'refstack_result_id'])
def test_reserved_keys_are_staff_s(empty, staff, key):
    run, _ = stored(staff, simple('a'), {'meta.' + key: 'x'})
    pairs = {(m['key'], m['value']) for m in staff.get('/v1/subunit/' + run).json()['subunit-data']['metadata']}
    assert (key, 'x') in pairs


def test_wall_time(empty, demo):
    s = Stream()
    for i in range(4):
        s.event(test_id='t%d' % i, test_status='inprogress')
        s.tick(1)
    for i in range(4):
        s.event(test_id='t%d' % i, test_status='success')
    a, _ = stored(demo, s.bytes())
    assert demo.get('/v1/subunit/' + a).json()['subunit-data']['run_time'] == 10
    assert demo.delete('/v1/subunit/' + a).status_code == 204
    b, _ = stored(demo, s.bytes(), {'wall_time': 'true'})
    assert demo.get('/v1/subunit/' + b).json()['subunit-data']['run_time'] == 4


def test_attachments_off(empty, demo):
    data = Stream().test('a', files=[('log', 'text/plain', b'hello')]).bytes()
    stored(demo, data, {'attachments': 'false'})
    assert counts(empty)['attachments'] == counts(empty)['attachment_info'] == 0
    assert empty.sql('SELECT attachments, attachment_bytes FROM run_info') == ((0, 0),)


def test_attr_prefix(empty, demo):
    data = simple('a.b[smoke,slow,id-6ba7b810-9dad-11d1-80b4-00c04fd430c8]')
    run, _ = stored(demo, data, {'test_attr_prefix': 's'})
    assert {x for (x,) in empty.sql('SELECT value FROM test_metadata')} == {'smoke', 'slow'}
    demo.delete('/v1/subunit/' + run)
    assert counts(empty)['test_metadata'] == 0
    stored(demo, data, {'test_attr_prefix': 's', 'remove_test_attr_prefix': 'true'})
    assert {x for (x,) in empty.sql('SELECT value FROM test_metadata')} == {'moke', 'low'}


def test_attr_regex(empty, demo):
    stored(demo, simple('a.b<x,y>'), {'attr_regex': '<(.*)>'})
    assert empty.sql('SELECT test_id FROM tests') == (('a.b',),)
    assert empty.sql('SELECT `key`, value FROM test_run_metadata') == (('attrs', 'x,y'),)


def test_foreign_bytes(empty, demo):
    data = b'noise\n' + simple('a') + b'more noise' + simple('b')
    refusal(post(demo, data), 400, 'byte 0')
    nothing(empty)
    run, _ = stored(demo, data, {'non_subunit_name': 'stdout'})
    found = demo.get('/v1/subunit/' + run).json()['attachments']
    assert {a['name'] for a in found} == {'stdout'}
    assert b''.join(demo.get(a['attachment']).content for a in found) == b'noise\nmore noise'
    assert [t for (t,) in empty.sql('SELECT test_id FROM tests ORDER BY id')] == ['a', 'b']
