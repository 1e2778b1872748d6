#!/usr/bin/python3
"""Holds the subunit library against python-subunit and testtools on streams made at random.

test_subunit_reference.py [CASES [SEED]]

Streams of the corpus are cut, spliced and damaged, and lines of version 1 are thrown together. What python reads
without a complaint ours must read, and the same events and records must come out; what python refuses ours must refuse
too. Read leniently (non_subunit_name), python's complaints must come out as well. Each stream is fed in pieces of
another size, so this also shows that the pieces do not matter.
"""
import datetime
import functools
import glob
import gzip
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import warnings
import zlib

warnings.simplefilter('ignore')
try:
    import subunit
    import testtools
    from subunit.v2 import StreamResultToBytes
    from testtools.testresult import real
except ImportError as e:  # `make check` skips, as tests/static/lib.sh does; tests/run has installed it
    print(e)
    sys.exit(1 if os.environ.get('TALLY_REQUIRE_TOOLS') else 77)

SRC = os.path.join(os.environ.get('srcdir', '.'), 'tests')
DUMP = os.path.abspath('tests/unit/dump_subunit')
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
LIMIT = 4
# Python parses MIME types when it folds, and dies of odd ones; ours keeps them as they came.
real._make_content_type = lambda mime_type=None: mime_type
real.Content = lambda content_type, get_bytes: _Content(content_type, get_bytes)
# The conversion makes a summary that nobody reads, and decodes attachments for it.
real.StreamSummary._gather_test = lambda self, test_dict: None


class _Content:
    def __init__(self, content_type, get_bytes):
        self.content_type = content_type
        self.iter_bytes = get_bytes


class Events(testtools.StreamResult):
    """Collects events as dump_subunit -e prints them."""

    def __init__(self):
        super().__init__()
        self.events = []

    def status(self, test_id=None, test_status=None, test_tags=None, runnable=True, file_name=None, file_bytes=None,
               eof=False, mime_type=None, route_code=None, timestamp=None):
        self.events.append({
            'status': test_status or 'unknown', 'id': test_id, 'route': route_code, 'time': micros(timestamp),
            'has_tags': test_tags is not None, 'tags': sorted(test_tags or ()), 'mime': mime_type,
            'file_name': file_name, 'file': None if file_name is None else file_bytes.hex(),
            'eof': eof, 'runnable': runnable, 'restarts': False, 'void': False})


def micros(t):
    return None if t is None else (t - EPOCH) // datetime.timedelta(microseconds=1)


def convert(data):
    """Version 1 to version 2 as subunit-1to2 does."""
    out = io.BytesIO()
    result = testtools.ExtendedToStreamDecorator(StreamResultToBytes(out))
    test = subunit.ProtocolTestCase(io.BytesIO(data), passthrough=out)
    result.startTestRun()
    test.run(result)
    result.stopTestRun()
    return out.getvalue()


def fold(events):
    """The records of testtools' StreamToDict."""
    records = []
    to_dict = testtools.StreamToDict(functools.partial(records.append))
    to_dict.startTestRun()
    for e in events:
        to_dict.status(
            test_id=e['id'], test_status=None if e['status'] == 'unknown' else e['status'],
            test_tags=set(e['tags']) if e['has_tags'] else None, file_name=e['file_name'],
            file_bytes=None if e['file'] is None else bytes.fromhex(e['file']), mime_type=e['mime'],
            route_code=e['route'], timestamp=e['time'])
    to_dict.stopTestRun()
    return [(r['id'], r['status'], about(r['timestamps'][0]), about(r['timestamps'][1]), sorted(r['tags']),
             [(n, d.content_type, zlib.crc32(b''.join(d.iter_bytes())), sum(map(len, d.iter_bytes())))
              for n, d in r['details'].items()]) for r in records]


def about(us):
    """A time; those of the conversion's own clock all alike."""
    if us is not None and abs(us - micros(datetime.datetime.now(datetime.timezone.utc))) < 300e6:
        return 'now'
    return us


def reference(data, version, lenient):
    """(events, complaint) of python."""
    collected = Events()
    try:
        if version == 1:
            data = convert(data)
        with tempfile.TemporaryFile() as f:
            f.write(data)
            f.seek(0)
            subunit.ByteStreamToStreamResult(f, non_subunit_name='stdout' if lenient else None).run(collected)
    except Exception as e:  # pylint: disable=broad-except
        return collected.events, repr(e)
    if not lenient and any(e['id'] == 'subunit.parser' and e['file_name'] == 'Parser Error' for e in collected.events):
        return collected.events, 'damaged packet'
    return collected.events, None


def ours(data, lenient, chunk, mode):
    args = [DUMP, '-c', str(chunk)] + mode + (['-n', 'stdout'] if lenient else [])
    p = subprocess.run(args, input=data, stdout=subprocess.PIPE, check=False)
    if p.returncode not in (0, 1):
        raise RuntimeError('%s: exit status %d' % (args, p.returncode))
    lines = [json.loads(line) for line in p.stdout.decode().split('\n')[:-1]]
    return lines[:-1], lines[-1]


def merge(events):
    """Adjacent foreign bytes in one event."""
    merged = []
    for e in events:
        last = merged[-1] if merged else None
        if last and e['id'] is None and e['file_name'] == 'stdout' and \
                {k: v for k, v in last.items() if k != 'file'} == {k: v for k, v in e.items() if k != 'file'}:
            last['file'] += e['file']
        else:
            merged.append(dict(e, tags=sorted(e['tags'])))
    return merged


def plain(records):
    """Records of dump_subunit in the form of fold()'s, the contents by length alone where python's are hashed."""
    return [(r['id'], r['status'], about(r['start']), about(r['stop']), sorted(r['tags']),
             [(a['name'], a['mime'], a['crc'], a['size']) for a in r['attachments']]) for r in records]


def compare(data, version, lenient, chunk):
    """What is wrong, or None."""
    want, complaint = reference(data, version, lenient)
    events, end = ours(data, lenient, chunk, ['-e'])
    if 'error' in end:
        # Past a chunk size that is none, the reference may read on from bytes that it took for that size.
        if end['error'] == LIMIT or complaint is not None or (version == 1 and 'invalid chunk size' in end['message']):
            return None
        return 'refused (%s), python reads it' % end
    if complaint is not None:
        return None if lenient else 'accepted, python says %s' % complaint
    if end['end'] not in (0, version):
        return 'taken for version %d' % end['end']
    if version == 2 and merge(events) != merge(want):
        for a, b in zip(merge(want), merge(events)):
            if a != b:
                return 'python %s\n  ours   %s' % (a, b)
        return '%d events, ours %d' % (len(merge(want)), len(merge(events)))
    records, _ = ours(data, lenient, chunk, [])
    if plain(records) != fold(want):
        for a, b in zip(fold(want), plain(records)):
            if a != b:
                return 'python %s\n  ours   %s' % (a, b)
        return '%d records, ours %d' % (len(fold(want)), len(records))
    return None


# --- making streams ---------------------------------------------------------------------------------------------

def number(n):
    if n < 64:
        return bytes([n])
    if n < 16384:
        return struct.pack('>H', n | 0x4000)
    if n < 4194304:
        return struct.pack('>I', n | 0x800000)[1:]
    return struct.pack('>I', n | 0xc0000000)


def text(r, n=12):
    letters = ['a', 'B', '.', ' ', '[', ']', ',', '\n', 'é', '漢', '😀', ':']
    return ''.join(r.choice(letters) for _ in range(r.randrange(n)))


def packet(r, ids):
    """A packet that is mostly well formed."""
    flags = 0x2000 | r.randrange(8) | (r.random() < .5) << 8 | (r.random() < .3) << 4
    body = b''

    def put(s):
        raw = s.encode() if r.random() < .995 else bytes(r.randrange(256) for _ in range(r.randrange(6)))
        return number(len(raw) if r.random() < .998 else r.randrange(200)) + raw
    if r.random() < .8:
        flags |= 0x200
        body += struct.pack('>I', r.randrange(1 << 32)) + number(r.choice([0, 500, 1500, 2500, 999999999, 1 << 29,
                                                                          r.randrange(1 << 30)]))
    if r.random() < .9:
        flags |= 0x800
        body += put(r.choice(ids))
    if r.random() < .4:
        flags |= 0x80
        count = r.randrange(5) if r.random() < .9 else 40
        tags = [r.choice(['t', 'u', 'é', '', text(r, 4)]) for _ in range(count)]
        body += number(len(tags) if r.random() < .99 else r.randrange(1 << 20)) + b''.join(map(put, tags))
    if r.random() < .4:
        flags |= 0x20
        body += put(r.choice(['text/plain', 'x', '', text(r)]))
    if r.random() < .4:
        flags |= 0x40
        data = bytes(r.randrange(256) for _ in range(r.choice([0, 1, 3, 70, 17000 if r.random() < .1 else 5])))
        body += put(r.choice(['log', 'traceback', '', text(r)])) + number(len(data)) + data
    if r.random() < .4:
        flags |= 0x400
        body += put(r.choice(['0', '1', '']))
    if r.random() < .02:
        body += b'tail'
    size = 3 + 4 + len(body)
    size += 1 if size < 63 else 2 if size < 16382 else 3
    if r.random() < .01:
        size = r.randrange(20)
    raw = b'\xb3' + struct.pack('>H', flags) + number(size) + body
    return raw + struct.pack('>I', zlib.crc32(raw) if r.random() < .99 else 0)


def make_v2(r):
    ids = ['a.b.C.d', 'e[id-1,smoke]', 'f', 'é', ''] + [text(r) for _ in range(3)]
    out = [packet(r, ids) for _ in range(r.randrange(1, 25))]
    if r.random() < .3:
        noise = [b'text\n', b'\xc3\xb3\n', b'\xe2\x82', b'\xc3', b'\xff', b'\xb3', 'ñó³\n'.encode(), b'\r\n', b'\0']
        for _ in range(r.randrange(1, 5)):
            out.insert(r.randrange(1, len(out) + 1), r.choice(noise))
    return out


def damage(r, data):
    data = bytearray(data)
    for _ in range(r.randrange(1, 4)):
        how, at = r.randrange(4), r.randrange(len(data)) if data else 0
        if not data:
            break
        if how == 0:
            data[at] = r.randrange(256)
        elif how == 1:
            del data[at:at + r.randrange(1, 30)]
        elif how == 2:
            data[at:at] = bytes(r.choice(b'\n]\r[ :;0123\xb3') for _ in range(r.randrange(1, 4)))
        else:
            del data[at:]
    return bytes(data)


PLAIN = [b'plain\n', b' ] quoted\n', b'  ]\n', b'\n', b' \n', b']x\n', b'] \n', b'test: x\n',
         b'\xb3\xff\n', b'] ]\n', b' ]\n']
TYPES = [b'Content-Type: text/plain;charset=utf8\n', b'X: a/b\n', b'Content-Type: /\n',
         b'Content-Type: application/octet-stream\n']
BAD_TYPES = [b'bad\n', b'C: a/b/c\n', b'C: \n']
PARTS = [b'log\n', b'traceback\n', b'\n', 'é\n'.encode(), b'a b:c\n']
BAD_SIZES = [b'%x\n', b'z\r\n', b'\r\n', b'5\r\r\n', b'00%x\r\n']
NAMES = [b'a.b.C.d', b'e[id-1]', 'é x'.encode(), b' lead', b'x [', b'y [ multipart']
TIMES = [b'2026-03-01 12:00:00.000000Z', b'2026-03-01 12:00:01.25Z', b'2026-3-1T12:00:02', b'1970-01-01 00:00:00Z',
         b'2026-02-28 23:59:59.999999Z', b'2000-02-29 00:00:00.123456789012345678Z', b'2026-03-01 12:00:00+02:30',
         b'2026-03-01 12:00:00-11:59junk', b'2026-03-01 12:00:00.Z', b'2026-03-01 12:00:00.0000005Z']
BAD_TIMES = [b'1969-12-31 23:59:59Z', b'2107-01-01 00:00:00Z', b'2026-13-01 12:00:00Z', b'2026-02-29 12:00:00Z',
             b'2026-03-01', b'now', b'2026-03-01 12:00:60Z', b'2026-03-01 12:00:00+24:00', b'0001-01-01 00:00:00Z',
             b'2026-03-01 12:00:00.99999999999999999999Z', b'2026-03-01 12:00Z']
TAGS = [b't', b'u', b'-t', b'-u', b'w-1', 'é'.encode(), b'-', '\u2003v'.encode(), b'\x1cq']
PROGRESS = [b'10', b'+1', b'-2', b'push', b'pop', b' 1_0 ']
BAD_PROGRESS = [b'x', b'+', b'1__0', b'+ 5', b'pushed', b'_1']
NOISE = [b'noise\n', b'\n', b' test: x\n', b'TEST: x\n', b'test:\n', b'success: other\n', b'test: \n', b'time:x\n',
         b'x' * 200 + b'\n', b': foo\n']
STARTS = [b'test: ', b'test ', b'testing: ', b'testing ', b'test:: ', b'test:\t']
OUTCOMES = [b'success', b'successful', b'failure', b'error', b'skip', b'xfail', b'uxsuccess', b'ski', b'p']


def mostly(r, good, bad, share=.95):
    return r.choice(good if r.random() < share else bad)


def chunk_of(r):
    data = bytes(r.choice(b'ab\n\r]0\xff') for _ in range(r.choice([1, 2, 5, 16, 40])))
    size = mostly(r, [b'%X\r\n'], BAD_SIZES, .98)
    return (size % len(data) if b'%' in size else size) + data


def details(r):
    if r.random() < .4:
        body = b''.join(r.choice(PLAIN) for _ in range(r.randrange(5)))
        return b' [\n' + body + mostly(r, [b']\n'], [b']'], .97)
    out = b' [ multipart\n'
    for _ in range(r.randrange(4)):
        out += mostly(r, TYPES, BAD_TYPES, .97) + r.choice(PARTS)
        out += b''.join(chunk_of(r) for _ in range(r.randrange(4))) + b'0\r\n'
    return out + mostly(r, [b']\n'], [b''], .97)


def make_v1(r, noise):
    out = []
    for _ in range(r.randrange(1, 12)):
        if r.random() < .7:
            out.append(b'time: ' + mostly(r, TIMES, BAD_TIMES) + b'\n')
        if r.random() < .3:
            out.append(b'tags: ' + b' '.join(r.choice(TAGS) for _ in range(r.randrange(1, 4))) + b'\n')
        if r.random() < .1:
            out.append(b'progress: ' + mostly(r, PROGRESS, BAD_PROGRESS, .9) + b'\n')
        if r.random() < noise:
            out.append(r.choice(NOISE))
        name = r.choice(NAMES)
        out.append(r.choice(STARTS) + name + b'\n')
        if r.random() < .5:
            out.append(b'time: ' + r.choice(TIMES) + b'\n')
        if r.random() < .2:
            out.append(b'tags: x -t\n')
        if r.random() < .95:
            end = b'\n' if r.random() < .5 else details(r)
            out.append(r.choice(OUTCOMES) + r.choice([b': ', b' ', b'::: ']) + name + end)
    return out


def corpus(r, version):
    paths = sorted(glob.glob(os.path.join(SRC, 'data', 'corpus', 'streams', '*.v%d.subunit*' % version)))
    path = r.choice([p for p in paths if os.path.getsize(p) < 30000])
    with (gzip.open if path.endswith('.gz') else open)(path, 'rb') as f:
        return f.read(200000)


def case(r):
    """(data, version, lenient)."""
    version, lenient = r.choice([1, 2]), r.random() < .4
    kind = r.random()
    if kind < .15:
        data = corpus(r, version)
        # Only where foreign bytes are no matter of decoding do the conversion and ours see the same noise.
        if version == 1 and lenient and not data.isascii():
            lenient = False
        return data, version, lenient
    if kind < .25:
        return damage(r, corpus(r, version)), version, lenient and version == 2
    parts = make_v2(r) if version == 2 else make_v1(r, .3 if lenient else .02)
    data = b''.join(parts)
    if version == 1 and lenient and (b'\xb3' in data or b'\xff' in data):
        lenient = False
    if kind < .35:
        data, lenient = damage(r, data), lenient and version == 2
    return data, version, lenient


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    failed = 0
    counts = {}
    for i in range(cases):
        r = random.Random('%d.%d' % (seed, i))
        data, version, lenient = case(r)
        # A stream that begins otherwise is recognised as the other version.
        if version == 2 and data[:1] != b'\xb3' or version == 1 and data[:1] == b'\xb3':
            continue
        fault = compare(data, version, lenient, r.choice([0, 1, 2, 3, 7, 64, 65536]))
        key = 'v%d %s' % (version, 'lenient' if lenient else 'strict')
        counts[key] = counts.get(key, 0) + 1
        if fault:
            failed += 1
            if failed <= 5:
                print('case %d (seed %d, %s): %s' % (i, seed, key, fault[:1500]))
                print('  %r' % data[:600])
    print('%s; %d failed' % (', '.join('%s: %d' % kv for kv in sorted(counts.items())), failed))
    sys.exit(failed != 0 or len(counts) < 4)


main()
