"""Uploads, and what the database holds after them."""
import hashlib
import json
import os
import subprocess

TABLES = ('runs', 'run_metadata', 'run_info', 'tests', 'test_keys', 'test_metadata', 'test_runs', 'test_run_metadata',
          'test_run_info', 'attachments', 'attachment_info', 'test_run_failures', 'project_test_stats', 'test', 'results',
          'result_info', 'meta', 'run_lists', 'project_run_metadata')
RAW = 'application/x-subunit'


def fill_lists(cur):
    """Puts runs that a test wrote into the tables by itself into the lists, as the migration does with adopted ones."""
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'db', 'migrations',
                        'tally', '014_run_lists.sql')
    with open(path, encoding='utf-8') as f:
        statements = [s[s.index('INSERT'):] for s in f.read().split(';\n') if 'INSERT IGNORE' in s]
    assert len(statements) == 2
    for statement in statements:
        cur.execute(statement)


def counts(stack):
    """{table: rows} of all tables that an upload writes."""
    with stack.connect() as db, db.cursor() as cur:
        out = {}
        for table in TABLES:
            cur.execute('SELECT COUNT(*) FROM ' + table)
            out[table] = cur.fetchone()[0]
        return out


def nothing(stack):
    """Nothing of any upload is left."""
    left = {t: n for t, n in counts(stack).items() if n}
    assert not left, left


def post(client, data, query=None, kind=RAW, **headers):
    """POST of a raw stream; HEADERS with '_' for '-'."""
    return client.post('/v1/subunit', data=data, params=query,
                       headers={'Content-Type': kind, **{k.replace('_', '-'): v for k, v in headers.items()}})


def put(client, result, data, query=None):
    return client.put('/v1/subunit/' + result, data=data, params=query, headers={'Content-Type': RAW})


def stored(client, data, query=None, **headers):
    """(run, result) of an upload that must succeed."""
    r = post(client, data, query, **headers)
    assert r.status_code == 201, r.text
    return r.json()['subunit-uuid'], r.json()['result-id']


def digest(*parts):
    """What Tally calls "the same stream"."""
    each = sorted(hashlib.sha256(p).digest() for p in parts)
    return each[0].hex() if len(each) == 1 else hashlib.sha256(b''.join(each)).hexdigest()


def zstd(data, *options):
    return subprocess.run(['zstd', '-q', '-c', *options], input=data, capture_output=True, check=True).stdout


def multipart(*parts, boundary='b0undary', name='subunit_data', end=True):
    """A multipart/form-data body and its Content-Type."""
    body = b''
    for part in parts:
        body += ('--%s\r\nContent-Disposition: form-data; name="%s"; filename="x.subunit"\r\n'
                 'Content-Type: application/octet-stream\r\n\r\n' % (boundary, name)).encode() + part + b'\r\n'
    if end:
        body += ('--%s--\r\n' % boundary).encode()
    return body, 'multipart/form-data; boundary=' + boundary


def refusal(r, status, *words):
    """Checks an error's form, and that its text has WORDS; returns it."""
    assert r.status_code == status, '%d %s' % (r.status_code, r.text[:2000])
    assert r.headers['Content-Type'].startswith('application/json')
    doc = json.loads(r.content.decode('utf-8'))
    assert doc['code'] == status and doc['title'], doc
    for word in words:
        assert word in doc['detail'], doc
    return doc


def content(stack):
    """All rows of an upload without ids and times of the load, for comparisons of two of them."""
    queries = (
        'SELECT skips, fails, passes, CAST(run_time AS DOUBLE), artifacts, run_at FROM runs ORDER BY id',
        'SELECT `key`, value FROM run_metadata WHERE `key` <> "refstack_result_id" ORDER BY run_id, id',
        'SELECT project, user, cpid, HEX(sha256), stream_format, bytes, tests, attachments, attachment_bytes, run_at'
        ' FROM run_info ORDER BY run_id',
        'SELECT test_id, run_count, success, failure, CAST(run_time AS DOUBLE) FROM tests ORDER BY id',
        'SELECT HEX(name_sha256), t.test_id FROM test_keys k JOIN tests t ON t.id = k.tests_id ORDER BY 1',
        'SELECT t.test_id, status, start_time, start_time_microsecond, stop_time, stop_time_microsecond'
        ' FROM test_runs r JOIN tests t ON t.id = r.test_id ORDER BY r.id',
        'SELECT t.test_id, `key`, value FROM test_run_metadata m JOIN test_runs r ON r.id = m.test_run_id'
        ' JOIN tests t ON t.id = r.test_id ORDER BY m.id',
        'SELECT t.test_id, `key`, value FROM test_metadata m JOIN tests t ON t.id = m.test_id ORDER BY m.id',
        'SELECT t.test_id, stream_id, route_code, tags FROM test_run_info i JOIN test_runs r ON r.id = i.test_run_id'
        ' JOIN tests t ON t.id = r.test_id ORDER BY r.id',
        'SELECT a.label, HEX(a.attachment), i.name, i.mime_type, i.size, HEX(i.sha256), t.test_id FROM attachments a'
        ' LEFT JOIN attachment_info i ON i.attachment_id = a.id LEFT JOIN test_runs r ON r.id = a.test_run_id'
        ' LEFT JOIN tests t ON t.id = r.test_id ORDER BY a.id',
        'SELECT s.project, t.test_id, s.runs, s.success, s.failure, s.run_time FROM project_test_stats s'
        ' JOIN tests t ON t.id = s.tests_id ORDER BY 1, t.id',
        'SELECT cpid, duration_seconds, verification_status FROM test ORDER BY 1, 2, 3',
        'SELECT name, uuid FROM results ORDER BY _id',
        'SELECT meta_key FROM meta ORDER BY _id',
        # that of the result's id is another each time
        'SELECT COUNT(*), project, run_at, status, passes, fails, skips, run_time FROM run_lists GROUP BY run_id, project,'
        ' run_at, status, passes, fails, skips, run_time ORDER BY run_id',
        'SELECT * FROM project_run_metadata ORDER BY project, list',
    )
    with stack.connect() as db, db.cursor() as cur:
        out = []
        for sql in queries:
            cur.execute(sql.replace('"', "'"))
            out.append(cur.fetchall())
        return out
