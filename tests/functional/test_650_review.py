"""What a reading of the whole found."""
import datetime
import io
import json
import time

import pytest
import subunit.v2
import testtools

from evidence import fill_lists, post, stored
from streams import Stream, simple

FIRST = 20  # statements of tally.fcgi: the one of the attachments is among the six that follow


def test_list_longer_than_any_buffer(empty, demo, stack):
    """140 runs with artifacts of 64 KiB each: the page is sent while it is written."""
    stored(demo, simple('t'))
    with stack.connect() as db, db.cursor() as cur:
        cur.execute("INSERT INTO runs (uuid, skips, fails, passes, run_time, artifacts, run_at)"
                    " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 140)"
                    " SELECT UUID(), 0, 0, 1, 1, REPEAT('x', 65535), '2026-01-01' FROM n")
        cur.execute("INSERT INTO run_info (run_id, project, user, cpid, sha256, stream_format, bytes, tests, attachments,"
                    " attachment_bytes, run_at, created_at)"
                    " SELECT r.id, i.project, i.user, i.cpid, UNHEX(SHA2(r.uuid, 256)), 2, 0, 1, 0, 0, r.run_at,"
                    " i.created_at FROM runs r JOIN run_info i WHERE r.artifacts IS NOT NULL")
        fill_lists(cur)
        db.commit()
    r = demo.get('/v1/subunit?limit=1000')
    assert r.status_code == 200
    runs = json.loads(r.content)['runs']
    assert len(runs) == 141 and len({run['uuid'] for run in runs}) == 141
    assert [len(run['artifacts'] or '') for run in runs] == [0] + [65535] * 140


def test_many_words_in_tags(empty, demo, stack):
    """A packet full of tags becomes 60,000 values, each kept once, in no more time than their number takes."""
    words = ['%064d' % i for i in range(59000)] + ['%064d' % 7] * 400
    tags = {','.join(words[i:i + 990]) for i in range(0, len(words), 990)}
    stream = Stream()
    for name in 'abc':
        stream.event(test_id=name, test_status='success', test_tags=tags)
    began = time.monotonic()
    stored(demo, stream.bytes())
    assert time.monotonic() - began < 25
    with stack.connect() as db, db.cursor() as cur:
        cur.execute("SELECT COUNT(*), COUNT(DISTINCT value) FROM test_run_metadata WHERE `key` = 'tags'"
                    " GROUP BY test_run_id")
        rows = cur.fetchall()
    assert len(rows) == 3 and all(total == distinct for total, distinct in rows)
    assert rows[0][0] > 19000


def test_durations_of_centuries(empty, demo, stack):
    """Their sum in microseconds is more than 63 bits hold."""
    first = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    last = datetime.datetime(2106, 1, 1, tzinfo=datetime.timezone.utc)
    stream = Stream()
    for i in range(2500):
        stream.event(test_id='t%d' % i, test_status='inprogress', timestamp=first)
        stream.event(test_id='t%d' % i, test_status='success', timestamp=last)
    run, result = stored(demo, stream.bytes())
    seconds = 2500 * (last - first).total_seconds()
    doc = demo.get('/v1/subunit/%s?limit=1' % run).json()['subunit-data']
    assert abs(doc['run_time'] / seconds - 1) < 1e-5
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('SELECT duration_seconds FROM test WHERE id = %s', (result,))
        assert cur.fetchone()[0] == 2 ** 31 - 1


def test_foreign_bytes_after_an_open_test(empty, demo, stack):
    """The attachment of a test that never ended and the bytes behind it are two."""
    stream = Stream()
    stream.event(test_id='open', test_status='inprogress')
    stream.event(test_id='open', file_name='log', mime_type='text/plain', file_bytes=b'words of the test', eof=True)
    r = post(demo, stream.bytes() + b'foreign to all\n', {'non_subunit_name': 'stdout'})
    assert r.status_code == 201, r.text
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('SELECT i.name, a.attachment, HEX(i.sha256) = SHA2(a.attachment, 256) FROM attachment_info i'
                    ' JOIN attachments a ON a.id = i.attachment_id ORDER BY a.id')
        rows = cur.fetchall()
    assert rows == (('log', b'words of the test', 1), ('stdout', b'foreign to all\n', 1)), rows


def test_export_of_many_tags(empty, demo):
    """Tags that fill a packet come out as they went in, and are not repeated with each piece of a file."""
    tags = {'%05d,%s' % (i, 'x' * 65000) for i in range(60)}
    stream = Stream()
    stream.event(test_id='t', test_status='inprogress', test_tags=tags)
    stream.event(test_id='t', file_name='log', mime_type='text/plain', file_bytes=b'z' * 3000000, eof=True)
    stream.event(test_id='t', test_status='success')
    run = stored(demo, stream.bytes())[0]
    r = demo.get('/v1/subunit/%s/stream' % run)
    assert r.status_code == 200 and len(r.content) < 12000000
    seen = []
    result = testtools.StreamToDict(seen.append)
    result.startTestRun()
    subunit.v2.ByteStreamToStreamResult(io.BytesIO(r.content)).run(result)
    result.stopTestRun()
    assert [(t['id'], t['status'], t['tags'] == tags) for t in seen] == [('t', 'success', True)]
    assert b''.join(seen[0]['details']['log'].iter_bytes()) == b'z' * 3000000


@pytest.fixture
def armed(empty):
    """Without LOAD DATA, and with a function that starts tally.fcgi with a fault point armed."""
    def arm(fault):
        empty.tally.stop()
        empty.tally.env = {**empty.env, 'TALLY_FAULT': fault}
        empty.tally.start()

    empty.conf.set('database', load_data=False)
    yield arm
    empty.tally.env = dict(empty.env)


def test_no_part_of_a_value_stays_behind(empty, demo, armed):
    """A statement that failed after it was sent a long value gives the next one nothing of it."""
    failed = 0
    for n in range(FIRST, FIRST + 6):
        armed('db.execute=fail:%d' % n)
        for letter in 'ab':
            stream = Stream()
            stream.event(test_id='t%d' % n, test_status='inprogress')
            stream.event(test_id='t%d' % n, file_name=letter, mime_type='text/plain',
                         file_bytes=letter.encode() * 100000, eof=True)
            r = post(demo, stream.event(test_id='t%d' % n, test_status='success').bytes())
            assert r.status_code in (201, 500), r.text
            failed += r.status_code == 500
            time.sleep(0.3)  # the connection is given back behind the reply, and the next one is to get it
        for label, content in empty.sql('SELECT label, attachment FROM attachments'):
            assert content == label.encode() * 100000, (n, label, len(content))
    assert failed == 6
