"""tally.fcgi's memory does not grow with what goes through it."""
import hashlib
import time

import pytest

import bigstream
from evidence import RAW, stored

LIMIT = 64 << 20
MIB = 1 << 20

pytestmark = pytest.mark.opt


@pytest.fixture
def fresh(empty):
    """A service just started, with large limits."""
    empty.conf.set('subunit', max_upload_bytes='8G', max_stream_bytes='8G', max_transaction_bytes='8G',
                   max_tests=2000000)
    empty.conf.set('api', upload_deadline=7200)
    empty.conf.set('database', read_timeout=1800, write_timeout=1800)
    empty.restart_tally()
    return empty


def upload(client, pieces, sizes, kind):
    def counted():
        for p in pieces:
            sizes.append(len(p))
            yield p
    r = client.post('/v1/subunit', data=counted(), headers={'Content-Type': kind}, timeout=7200)
    assert r.status_code == 201, r.text
    return r.json()['subunit-uuid']


def drain(client, path):
    """Reads a reply to its end; returns its size and digest."""
    size, sha = 0, hashlib.sha256()
    with client.get(path, stream=True, timeout=7200) as r:
        assert r.status_code == 200
        for piece in r.iter_content(MIB):
            size += len(piece)
            sha.update(piece)
    return size, sha.hexdigest()


def through(stack, client, pieces, record, name, kind=RAW):
    """Up, down as JSON and as a stream, and away; the peaks in MiB and seconds of each."""
    sizes, peaks, run = [], {}, None

    def step(what, fn):
        stack.tally.reset_peak()
        begin = time.monotonic()
        out = fn()
        peaks[what] = (round(stack.tally.peak_rss() / MIB, 1), round(time.monotonic() - begin, 1))
        return out
    run = step('upload', lambda: upload(client, pieces, sizes, kind))
    step('json', lambda: drain(client, '/v1/subunit/' + run))
    size, _ = step('stream', lambda: drain(client, '/v1/subunit/%s/stream' % run))
    assert size > sum(sizes) * 0.9
    if len(sizes) < 200 and kind == RAW:
        (a,) = client.get('/v1/subunit/' + run).json()['attachments']
        got = step('attachment', lambda: drain(client, a['attachment']))
        assert got[0] == a['size']
    gone = step('delete', lambda: client.delete('/v1/subunit/' + run, timeout=7200))
    record('%s: %.0f MiB sent; MiB and seconds: %s' % (name, sum(sizes) / MIB, peaks))
    over = {k: v for k, v in peaks.items() if v[0] * MIB >= LIMIT}
    assert not over, peaks
    assert gone.status_code == 204, gone.text


@pytest.fixture
def record(capsys):
    def say(line):
        with capsys.disabled():
            print('\n' + line)
    return say


def test_small(fresh, demo, record):
    """What CI has time for: 20,000 tests, 80 MB."""
    stored(demo, b'')
    through(fresh, demo, bigstream.tests(20000, b'x' * 3900), record, '20,000 tests')


def test_attachment(fresh, demo, record):
    through(fresh, demo, bigstream.attachment(100 << 20), record, 'an attachment of 100 MiB')


def junit(count, output):
    """Pieces of a JUnit report of COUNT tests, each of which says OUTPUT, every fiftieth fails."""
    yield b'<?xml version="1.0" encoding="utf-8"?>\n<testsuites><testsuite name="s" timestamp="2026-03-01T10:00:00">\n'
    for i in range(count):
        fault = b'<failure message="%d != 0">Traceback\nE  %d != 0</failure>' % (i, i) if i % 50 == 0 else b''
        yield b'<testcase classname="pkg.mod%d.Class" name="test_%d" time="0.5">%s<system-out>%s</system-out></testcase>\n' % (
            i % 97, i, fault, output)
    yield b'</testsuite></testsuites>\n'


@pytest.mark.parametrize('tests,output', [(5000, b'z&lt;' + b'z' * 3900),
                                          pytest.param(50000, b'z' * 3950, marks=pytest.mark.long)], ids=['20', '200'])
def test_junit(fresh, demo, record, tests, output):
    through(fresh, demo, junit(tests, output), record, 'JUnit, %d tests' % tests, 'application/xml')


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_two_gigabytes(fresh, demo, record):
    through(fresh, demo, bigstream.tests(520000, b'y' * 3800), record, '520,000 tests')
