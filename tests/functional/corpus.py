"""What the corpus expects of a stream, and what the database holds, in one form that can be compared."""
import datetime
import glob
import gzip
import hashlib
import json
import os

from streams import CORPUS

OWN_METADATA = ('tally_project', 'tally_user', 'tally_sha256', 'refstack_result_id')
OPTIONS = {'--run_at': 'run_at', '--artifacts': 'artifacts', '--attr_regex': 'attr_regex',
           '--test_attr_prefix': 'test_attr_prefix', '--non_subunit_name': 'non_subunit_name'}
FLAGS = {'--use_run_wall_time': 'wall_time', '--remove_test_attr_prefix': 'remove_test_attr_prefix'}


def expectations():
    return sorted(os.path.basename(p)[:-len('.json.gz')] for p in glob.glob(CORPUS + '/expected/*.json.gz'))


def expected(name):
    with gzip.open('%s/expected/%s.json.gz' % (CORPUS, name)) as f:
        return json.load(f)


def stream_name(name):
    """The stream that an expectation is about: the name without its variant's ending."""
    return name[:name.index('.subunit') + len('.subunit')]


def query(args):
    """subunit2sql's command line as the query of POST /v1/subunit."""
    q = {'attachments': 'false'}
    args = list(args)
    while args:
        a = args.pop(0)
        if a == '--store_attachments':
            q['attachments'] = 'true'
        elif a == '--run_id':
            args.pop(0)
        elif a == '--run_meta':
            for pair in args.pop(0).split(','):
                key, value = pair.split(':', 1)
                q['meta.' + key] = value
        elif a in FLAGS:
            q[FLAGS[a]] = 'true'
        else:
            q[OPTIONS[a]] = args.pop(0)
    return q


def dump(cur):
    """Every row of subunit2sql's tables, in the corpus' form."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)

    def rows(sql):
        cur.execute(sql)
        return cur.fetchall()

    def moment(d, us=None):
        if d is None:
            return None
        if abs(d - now) < datetime.timedelta(seconds=300):
            return 'NOW'
        text = d.strftime('%Y-%m-%d %H:%M:%S')
        return text if us is None else '%s.%06d' % (text, us)

    def real(text, double):
        return None if text is None else {'text': text, 'double': double}

    runs = {i: n for n, (i,) in enumerate(rows('SELECT id FROM runs ORDER BY id'))}
    out = {'runs': [dict(skips=s, fails=f, passes=p, run_time=real(rt, rd), artifacts=a, run_at=moment(at))
                    for s, f, p, rt, rd, a, at in rows(
                        'SELECT skips, fails, passes, CONCAT(run_time), CAST(run_time AS DOUBLE), artifacts, run_at'
                        ' FROM runs ORDER BY id')]}
    out['run_metadata'] = [[runs[r], k, v] for r, k, v in rows('SELECT run_id, `key`, value FROM run_metadata'
                                                               ' ORDER BY id') if k not in OWN_METADATA]
    out['tests'] = [dict(test_id=t, run_count=c, success=s, failure=f, run_time=real(rt, rd))
                    for t, c, s, f, rt, rd in rows(
                        'SELECT test_id, run_count, success, failure, CONCAT(run_time), CAST(run_time AS DOUBLE)'
                        ' FROM tests ORDER BY id')]
    metadata, attachments = {}, {}
    for i, k, v in rows('SELECT test_run_id, `key`, value FROM test_run_metadata ORDER BY id'):
        metadata.setdefault(i, []).append([k, v])
    for i, label, content in rows('SELECT test_run_id, label, attachment FROM attachments ORDER BY id'):
        attachments.setdefault(i, []).append([label, len(content), hashlib.sha256(content).hexdigest()])
    out['test_runs'] = [dict(test_id=t, run=runs[r], status=s, start=moment(a, au), stop=moment(b, bu),
                             metadata=metadata.get(i, []), attachments=attachments.get(i, []))
                        for i, t, r, s, a, au, b, bu in rows(
                            'SELECT tr.id, t.test_id, tr.run_id, status, start_time, start_time_microsecond,'
                            ' stop_time, stop_time_microsecond FROM test_runs tr JOIN tests t ON t.id = tr.test_id'
                            ' ORDER BY tr.id')]
    out['test_metadata'] = [list(x) for x in rows('SELECT t.test_id, `key`, value FROM test_metadata m'
                                                  ' JOIN tests t ON t.id = m.test_id ORDER BY m.id')]
    return normal(out)


def normal(rows):
    """Uuids of runs become their place; tags, which subunit2sql joins in no order, are sorted."""
    place = {r['uuid']: n for n, r in enumerate(rows['runs']) if 'uuid' in r}
    out = {'tests': rows.get('tests', []), 'test_metadata': rows.get('test_metadata', [])}
    out['runs'] = [{k: v for k, v in r.items() if k != 'uuid'} for r in rows['runs']]
    out['run_metadata'] = sorted([place.get(r, r), k, v] for r, k, v in rows['run_metadata'])
    out['test_runs'] = []
    for t in rows['test_runs']:
        joined = {}
        for k, v in t['metadata']:
            joined.setdefault(k, []).extend(v if isinstance(v, list) else v.split(',') if k == 'tags' else [v])
        meta = {k: sorted(v) if k == 'tags' else v for k, v in joined.items()}
        out['test_runs'].append(dict(t, run=place.get(t['run'], t['run']), metadata=meta))
    return out


def differences(want, got, most=8):
    """Lines that say where GOT is not WANT; [] where it is."""
    out = []
    for table in sorted(set(want) | set(got)):
        a, b = want.get(table, []), got.get(table, [])
        if len(a) != len(b):
            out.append('%s: %d rows expected, %d there' % (table, len(a), len(b)))
        for i, (x, y) in enumerate(zip(a, b)):
            if x != y:
                out.append('%s[%d]\n  expected %s\n  got      %s' % (
                    table, i, json.dumps(x, sort_keys=True, ensure_ascii=False)[:900],
                    json.dumps(y, sort_keys=True, ensure_ascii=False)[:900]))
    return out[:most]
