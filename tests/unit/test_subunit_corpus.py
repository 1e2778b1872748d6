#!/usr/bin/python3
"""Holds what the subunit library makes of each stream of the corpus against what real subunit2sql stored.

Streams that the library refuses are listed here with the reason's code and the offset; every other stream must give
the expected rows. A stream that is refused although rows are expected, or accepted although listed, fails.
"""
import datetime
import glob
import gzip
import json
import os
import subprocess
import sys

SRC = os.path.join(os.environ.get('srcdir', '.'), 'tests')
DUMP = os.path.abspath('tests/unit/dump_subunit')
CORPUS = os.path.join(SRC, 'data', 'corpus')
FOREIGN, TRUNCATED, CORRUPT, LIMIT = 1, 2, 3, 4

# Strict reading: stream: (code, offset).
REFUSED = {
    'm002-truncated-mid-packet.v2.subunit': (TRUNCATED, 188),
    'm003-truncated-in-header.v2.subunit': (TRUNCATED, 124),
    'm004-lone-signature-at-eof.v2.subunit': (TRUNCATED, 124),
    'm006-bad-crc-of-final-status.v2.subunit': (CORRUPT, 156),
    'm007-bad-signature.v2.subunit': (FOREIGN, 124),
    'm008-length-too-long.v2.subunit': (CORRUPT, 124),
    'm009-length-too-short.v2.subunit': (CORRUPT, 124),
    'm010-length-1.v2.subunit': (CORRUPT, 124),
    'm010-length-10.v2.subunit': (CORRUPT, 124),
    'm010-length-5.v2.subunit': (CORRUPT, 124),
    'm010-length-6.v2.subunit': (CORRUPT, 124),
    'm010-length-8.v2.subunit': (CORRUPT, 124),
    'm010-length-9.v2.subunit': (CORRUPT, 124),
    'm011-length-4byte-varint.v2.subunit': (CORRUPT, 124),
    'm019-file-length-past-end.v2.subunit': (CORRUPT, 124),
    'm020-tagcount-past-end.v2.subunit': (CORRUPT, 124),
    'm021-flags-claim-missing-fields.v2.subunit': (CORRUPT, 124),
    'm022-tagcount-4byte-varint-huge.v2.subunit': (CORRUPT, 124),
    'm031-utf8-text-with-b3.v2.subunit': (FOREIGN, 124),
    'm032-binary-garbage.v2.subunit': (FOREIGN, 124),
    'm033-garbage-b3.v2.subunit': (TRUNCATED, 124),
    'm034-crlf-between.v2.subunit': (FOREIGN, 124),
    'm036-only-garbage.v2.subunit': (FOREIGN, 0),
    'm037-crlf-translated.v2.subunit': (CORRUPT, 124),
    'm038-v1-then-v2.v2.subunit': (FOREIGN, 43),
    'm039-half-utf8-before-packet.v2.subunit': (FOREIGN, 124),
    'm041-nul-bytes-between.v2.subunit': (FOREIGN, 124),
    'm050-invalid-utf8-id.v2.subunit': (CORRUPT, 124),
    'm051-truncated-utf8-id.v2.subunit': (CORRUPT, 124),
    'm052-nul-in-id.v2.subunit': (CORRUPT, 124),
    'm054-overlong-utf8-id.v2.subunit': (CORRUPT, 124),
    'm057-id-5000-chars.v2.subunit': (LIMIT, 124),
    'v003-case.v1.subunit': (FOREIGN, 34),
    'v009-multipart-size-lf.v1.subunit': (CORRUPT, 227),
    'v013-nested-start.v1.subunit': (FOREIGN, 171),
    'v014-outcome-other.v1.subunit': (FOREIGN, 167),
    'v015-outcome-without-test.v1.subunit': (FOREIGN, 119),
    'v017-time.v1.subunit': (CORRUPT, 187),
    'v017b-time-invalid.v1.subunit': (CORRUPT, 119),
    'v018b-progress-bad.v1.subunit': (CORRUPT, 119),
    'v019-noise.v1.subunit': (FOREIGN, 0),
    'v020-crlf.v1.subunit': (FOREIGN, 173),
    'v022-names.v1.subunit': (FOREIGN, 338),
    'v023-invalid-utf8.v1.subunit': (CORRUPT, 119),
    'v028-details-nested-brackets.v1.subunit': (FOREIGN, 252),
    'v030-leading-space-tabs.v1.subunit': (FOREIGN, 119),
}
# The same with non_subunit_name: only what is over a limit, or what version 1's reference dies of.
REFUSED_LENIENT = {
    'm057-id-5000-chars.v2.subunit': (LIMIT, 124),
    'v009-multipart-size-lf.v1.subunit': (CORRUPT, 227),
    'v017-time.v1.subunit': (CORRUPT, 187),
    'v017b-time-invalid.v1.subunit': (CORRUPT, 119),
    'v018b-progress-bad.v1.subunit': (CORRUPT, 119),
    'v023-invalid-utf8.v1.subunit': (CORRUPT, 119),
}
# Accepted, but subunit2sql's database could not hold it: its message says why no rows are expected.
STORAGE_FAULTS = ('Data too long', 'Illegal mix of collations', 'Duplicate entry', "Can't parse type",
                  'unknown encoding', "codec can't decode", 'Not a text type', "'float' and 'NoneType'",
                  "instances of 'NoneType'")
# Read leniently the reference dies of these; ours reports a damaged packet and goes on.
MENDED = ('read length must be non-negative', 'unpack requires a buffer')


def stream_bytes(name):
    path = os.path.join(CORPUS, 'streams', name)
    if os.path.exists(path):
        with open(path, 'rb') as f:
            return f.read()
    with gzip.open(path + '.gz') as f:
        return f.read()


def dump(data, lenient):
    args = [DUMP] + (['-n', 'stdout'] if lenient else [])
    p = subprocess.run(args, input=data, stdout=subprocess.PIPE, check=False)
    if p.returncode not in (0, 1):
        raise RuntimeError('%s: exit status %d' % (args, p.returncode))
    lines = [json.loads(line) for line in p.stdout.decode().splitlines()]
    return lines[:-1], lines[-1]


def shown(us, now):
    if us is None:
        return None
    t = datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=us)
    return 'NOW' if abs(t - now) < datetime.timedelta(seconds=300) else t.strftime('%Y-%m-%d %H:%M:%S.%f')


def rows(tests, attachments):
    """The rows that subunit2sql makes of the records, in its order."""
    now = datetime.datetime.utcnow()
    found = {}
    for t in tests:
        name = t['head'] + t['tail']
        if t['status'] == 'exists' or name == 'process-returncode':
            continue
        metadata = []
        if t['attrs']:
            metadata.append(['attrs', t['attrs']])
        if t['tags']:
            metadata.append(['tags', sorted(','.join(t['tags']).split(','))])
        labels = {}
        for a in t['attachments'] if attachments else []:
            labels[a['name'].split(':')[0]] = [a['size'], a['sha256']]
        found[name] = {
            'test_id': name, 'status': t['status'], 'start': shown(t['start'], now), 'stop': shown(t['stop'], now),
            'metadata': metadata, 'attachments': [[k] + v for k, v in labels.items()]}
    return list(found.values())


def expectations():
    for path in sorted(glob.glob(os.path.join(CORPUS, 'expected', '*.json.gz'))):
        base = os.path.basename(path)[:-len('.json.gz')]
        stream, _, variant = base.partition('.subunit')
        if variant in ('.attrregex', '.gz'):
            continue  # not a matter of reading
        with gzip.open(path) as f:
            yield stream + '.subunit', variant, json.load(f)


def check(stream, expected, faults):
    lenient = '--non_subunit_name' in expected['args']
    tests, end = dump(stream_bytes(stream), lenient)
    refused = (REFUSED_LENIENT if lenient else REFUSED).get(stream)
    got = (end['error'], end['offset']) if 'error' in end else None
    if got != refused:
        faults.append('refused: expected %s, got %s %s' % (refused, got, end.get('message', '')))
    if got is not None:
        return
    if expected['rc'] != 0:
        known = STORAGE_FAULTS + (MENDED if lenient else ())
        if not any(s in expected['error'] for s in known):
            faults.append('accepted, but the real tool said %s' % expected['error'])
        return
    want = [{k: v for k, v in r.items() if k != 'run'} for r in expected['first']['test_runs']]
    have = rows(tests, '--store_attachments' in expected['args'])
    if len(want) != len(have):
        faults.append('%d rows expected, got %d' % (len(want), len(have)))
    for w, h in zip(want, have):
        if w != h:
            faults.append('expected %s\n    got      %s' % (w, h))


def main():
    failed = count = compared = 0
    seen = set()
    for stream, variant, expected in expectations():
        faults = []
        check(stream, expected, faults)
        count += 1
        seen.add(stream)
        compared += expected['rc'] == 0
        failed += bool(faults)
        for fault in faults[:3]:
            print('%s%s: %s' % (stream, variant, fault))
    missing = sorted((set(REFUSED) | set(REFUSED_LENIENT)) - seen)
    if missing or count < 300 or compared < 240:
        print('the corpus is not whole: %d expectations, %d with rows, missing %s' % (count, compared, missing))
        failed += 1
    print('%d expectations, %d with rows, %d failed' % (count, compared, failed))
    sys.exit(failed != 0)


main()
