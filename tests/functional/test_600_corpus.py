"""Every stream of the corpus, by HTTP, gives in the database the rows that are expected of it; hostile ones are refused
and leave nothing; and a run that is deleted takes every row with it."""
import json

import pytest

import corpus
from streams import corpus as stream_bytes

NAMES = corpus.expectations()
STREAMS = sorted({corpus.stream_name(n) for n in NAMES if not n.startswith('two-gzip')})
TABLES = ('runs', 'run_metadata', 'run_info', 'tests', 'test_keys', 'test_metadata', 'test_runs', 'test_run_metadata',
          'test_run_info', 'attachments', 'attachment_info', 'test_run_failures', 'project_test_stats')
# Their times are those of the load: how long their tests took cannot come again.
TIMED_BY_LOAD = ('v024-no-time.v1.subunit',)
# subunit-1to2 itself ended in the middle; Tally says where instead of storing what came before.
CUT_BY_CONVERSION = ('v009-multipart-size-lf.v1.subunit', 'v017-time.v1.subunit', 'v017b-time-invalid.v1.subunit',
                     'v018b-progress-bad.v1.subunit', 'v023-invalid-utf8.v1.subunit')
TOO_LONG_AN_ID = ('m057-id-5000-chars.v2.subunit',)


def expected(name):
    return corpus.expected(name) if name in NAMES else None


def has_parser_failure(e):
    return any(t['test_id'] == 'subunit.parser' for t in e['first'].get('test_runs', []))


def is_refused(name):
    """Foreign bytes, or what python-subunit itself calls an error (it makes a failed test of it; we say 400)."""
    e, lenient = expected(name), expected(name + '.lenient')
    if name in CUT_BY_CONVERSION + TOO_LONG_AN_ID:
        return True
    if any(w in e['error'] for w in ('Non subunit content', 'struct.error', 'read length')):
        return True
    return e['rc'] != 0 and lenient is not None and lenient['rc'] == 0 and has_parser_failure(lenient)


def truth(name):
    """The expectation that decides: the real tool's or, where it dies of what is to be mended, the mended tool's. None:
    there is no complete one."""
    for ending in ('', '.longblob', '.lenient'):
        e = expected(name + ending)
        if e and e['rc'] == 0:
            return e
    return None


def last_of_a_label(rows):
    """subunit2sql keeps the last of several attachments with one label; Tally keeps them all."""
    for t in rows['test_runs']:
        labels = {}
        for label, size, digest in t['attachments']:
            labels[label] = [label, size, digest]
        t['attachments'] = list(labels.values())
    return rows


def without_durations(rows):
    for table in ('runs', 'tests'):
        rows[table] = [{k: v for k, v in r.items() if k != 'run_time'} for r in rows[table]]
    return rows


def post(client, data, args, **more):
    return client.post('/v1/subunit', data=data, params=dict(corpus.query(args), **more),
                       headers={'Content-Type': 'application/x-subunit'})


def dump(stack):
    with stack.connect() as db, db.cursor() as cur:
        return corpus.dump(cur)


def left(stack):
    return {t: n for t in TABLES for ((n,),) in [stack.sql('SELECT COUNT(*) FROM ' + t)] if n}


@pytest.fixture
def clients(stack):
    """demo's and alt's, before empty tables."""
    stack.empty_tables()
    return stack.client('demo'), stack.client('alt')


def check_rows(stack, name, e):
    want, got = corpus.normal(e['first']), last_of_a_label(dump(stack))
    if name in TIMED_BY_LOAD:
        want, got = without_durations(want), without_durations(got)
    lines = corpus.differences(want, got)
    assert not lines, '\n'.join(lines)


def check_second(stack, e):
    """The same stream by another project: counters and averages of the shared tests."""
    want = e.get('second') or {}
    if want.get('rc', 1) != 0:
        return
    got = dump(stack)
    runs = [{k: v for k, v in r.items() if k != 'uuid'} for r in want['runs']]
    lines = corpus.differences({'runs': runs, 'tests': want['tests']}, {'runs': got['runs'], 'tests': got['tests']})
    assert not lines, '\n'.join(lines)
    assert len(got['test_runs']) == want['n_test_runs']
    assert sum(len(t['attachments']) for t in last_of_a_label(got)['test_runs']) == want['n_attachments']


def check_prefix(stack, e):
    """The real tool died on the way: what it had stored by then, but the row that it died of, is what we have."""
    want, got = corpus.normal(e['first']), last_of_a_label(dump(stack))
    rows = want['test_runs'][:-1]
    lines = corpus.differences({'test_runs': rows}, {'test_runs': got['test_runs'][:len(rows)]})
    assert not lines, '\n'.join(lines)
    assert len(got['runs']) == 1


def check_deletion(stack, *runs):
    """Each by its owner."""
    for client, uuid in runs:
        r = client.delete('/v1/subunit/' + uuid)
        assert r.status_code == 204, r.text
    assert left(stack) == {}


@pytest.mark.parametrize('name', STREAMS)
def test_600_stream(stack, clients, name):
    demo, alt = clients
    data, e = stream_bytes(name), expected(name)
    first = post(demo, data, e['args'])
    if is_refused(name):
        assert first.status_code == 400, first.text
        answer = first.json()
        assert answer['code'] == 400 and 0 <= answer['offset'] <= len(data)
        assert 'at byte %d' % answer['offset'] in answer['detail']
        assert left(stack) == {}
        return
    assert first.status_code == 201, first.text
    whole = truth(name)
    if whole is None:
        check_prefix(stack, e) if e['first'].get('test_runs') else None
        check_deletion(stack, (demo, first.json()['subunit-uuid']))
        return
    check_rows(stack, name, whole)
    second = post(alt, data, e['args'], run_at='2026-03-01 12:00:02')
    assert second.status_code == 201, second.text
    if name not in TIMED_BY_LOAD:
        check_second(stack, whole)
    check_deletion(stack, (demo, first.json()['subunit-uuid']), (alt, second.json()['subunit-uuid']))


VARIANTS = [n for n in NAMES if n != corpus.stream_name(n) and not n.startswith('two-gzip') and (
    not n.endswith(('.lenient', '.longblob')) or is_refused(corpus.stream_name(n)))]


@pytest.mark.parametrize('name', VARIANTS)
def test_601_options(stack, clients, name):
    """Options of subunit2sql as query parameters, and foreign bytes where they are let in."""
    e = expected(name)
    if corpus.stream_name(name) in CUT_BY_CONVERSION + TOO_LONG_AN_ID:
        r = post(clients[0], stream_bytes(corpus.stream_name(name)), e['args'])
        assert r.status_code == 400 and left(stack) == {}
        return
    r = post(clients[0], stream_bytes(corpus.stream_name(name)), e['args'])
    assert r.status_code == 201, r.text
    if e['rc'] == 0:
        check_rows(stack, name, e)
    check_deletion(stack, (clients[0], r.json()['subunit-uuid']))


def test_602_every_attachment_is_kept(stack, clients):
    """Two files whose labels are the same before the ':' do not overwrite each other."""
    r = post(clients[0], stream_bytes('m110-label-collision.v2.subunit'), ['--store_attachments'])
    run = clients[0].get('/v1/subunit/' + r.json()['subunit-uuid']).json()
    names = [a['name'] for a in run['attachments']]
    assert len(names) == 5 and len(set(names)) == 5, json.dumps(run['attachments'])
    for a in run['attachments']:
        content = clients[0].get(a['attachment'])
        assert content.status_code == 200 and len(content.content) == a['size']
        assert content.headers['Content-Disposition'].startswith('attachment')


@pytest.mark.parametrize('name, key', [('m066-long-attrs-tags.v2.subunit', 'attrs'),
                                       ('m067-long-tags.v2.subunit', 'tags')])
def test_603_long_values_are_split_not_cut(stack, clients, name, key):
    r = post(clients[0], stream_bytes(name), ['--store_attachments'])
    assert r.status_code == 201, r.text
    rows = stack.sql('SELECT test_run_id, value FROM test_run_metadata WHERE `key` = %s ORDER BY id', key)
    longest = max(((sum(len(v) for j, v in rows if j == i), i) for i, _ in rows))[1]
    pieces = [v for i, v in rows if i == longest]
    assert len(pieces) > 1 and all(len(p) <= 255 for p in pieces)
    sent = stack.sql('SELECT tags, stream_id FROM test_run_info WHERE test_run_id = %s', longest)
    if key == 'tags':
        assert ','.join(pieces).split(',') == json.loads(sent[0][0])
    else:
        assert '[' + ','.join(pieces) + ']' in sent[0][1] if sent else True
