"""No statement of an upload, a reading or a deletion looks through a whole table; lists come by their index."""
import pytest

from evidence import fill_lists, post, put, stored
from streams import Stream, simple

RUNS, TESTS = 20000, 30000
LARGE = 5000  # rows that only a scan of a large table reads
FILL = (
    "INSERT INTO runs (id, uuid, skips, fails, passes, run_time, run_at)"
    " SELECT seq, UUID(), 0, seq % 9 = 0, 1, 1, '2025-01-01' + INTERVAL seq MINUTE FROM seq_1_to_{runs}",
    "INSERT INTO run_info (run_id, project, user, result_id, cpid, sha256, stream_format, tests, run_at, created_at)"
    " SELECT seq, IF(seq % 2, '{demo}', CONCAT('other', seq % 50)), 'u', UUID(), CONCAT('cloud', seq % 20),"
    " UNHEX(SHA2(seq, 256)), 2, 3, '2025-01-01' + INTERVAL seq MINUTE, '2025-01-01' FROM seq_1_to_{runs}",
    "INSERT INTO run_metadata (run_id, `key`, value) SELECT seq, 'branch', CONCAT('b', seq % 30) FROM seq_1_to_{runs}",
    "INSERT INTO run_metadata (run_id, `key`, value) SELECT seq, 'queue', 'gate' FROM seq_1_to_{runs}",
    "INSERT INTO run_metadata (run_id, `key`, value) SELECT seq, 'rare', 'yes' FROM seq_1_to_{runs} WHERE seq % 1000 = 1",
    "INSERT INTO tests (id, test_id, run_count, success, failure, run_time)"
    " SELECT seq, CONCAT('tempest.api.compute.servers.test_servers.Class.test_', seq), 2, 2, 0, 1"
    " FROM seq_1_to_{tests}",
    "INSERT INTO test_keys SELECT test_id_sha256, id FROM tests",
    "INSERT INTO project_test_stats SELECT '{demo}', seq, 2, 2, 0, 2 FROM seq_1_to_{tests}",
    "INSERT INTO test_runs (id, test_id, run_id, status, start_time, stop_time) SELECT seq, seq % {tests} + 1,"
    " seq DIV 3 + 1, IF(seq % 20, 'success', 'fail'), '2025-01-01', '2025-01-01 00:00:01' FROM seq_1_to_50000",
    "INSERT INTO test_run_metadata (`key`, value, test_run_id) SELECT 'attrs', 'smoke', seq FROM seq_1_to_50000",
    "INSERT INTO test_run_info (test_run_id, run_id, tags) SELECT seq, seq DIV 3 + 1, '[\"a\"]' FROM seq_1_to_50000",
    "INSERT INTO attachments (id, test_run_id, label, attachment) SELECT seq, seq, 'log', 'x' FROM seq_1_to_30000",
    "INSERT INTO attachment_info (attachment_id, run_id, test_run_id, name, size, sha256)"
    " SELECT seq, seq DIV 3 + 1, seq, 'log', 1, UNHEX(SHA2(seq, 256)) FROM seq_1_to_30000",
    "INSERT INTO test (id, created_at, deleted, cpid, duration_seconds, verification_status)"
    " SELECT result_id, run_at, 0, cpid, 1, 0 FROM run_info",
    "INSERT INTO result_info (result_id, project, user, created_at) SELECT result_id, project, user, run_at"
    " FROM run_info",
    "INSERT INTO results (created_at, deleted, test_id, name)"
    " SELECT run_at, 0, result_id, CONCAT('name', run_id) FROM run_info",
    "INSERT INTO meta (created_at, deleted, test_id, meta_key, value)"
    " SELECT '2025-01-01', 0, result_id, 'user', 'u' FROM run_info",
)
TABLES = ('runs', 'run_info', 'run_metadata', 'tests', 'test_keys', 'project_test_stats', 'test_runs', 'attachments',
          'test_run_metadata', 'test_run_info', 'attachment_info', 'test', 'result_info', 'results', 'meta', 'run_lists',
          'project_run_metadata')


@pytest.fixture(scope='module')
def full(stack):
    stack.empty_tables()
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('SET FOREIGN_KEY_CHECKS = 0')
        for sql in FILL:
            cur.execute(sql.format(runs=RUNS, tests=TESTS, demo=stack.project('demo')))
        fill_lists(cur)
        for table in TABLES:
            cur.execute('ANALYZE TABLE ' + table)
    yield stack
    stack.empty_tables()


class Recorder:
    """What the server executes, as text with its values."""

    def __init__(self, stack):
        self.stack = stack

    def __enter__(self):
        self.stack.sql("SET GLOBAL log_output = 'TABLE'")
        self.stack.sql('TRUNCATE mysql.general_log')
        self.stack.sql('SET GLOBAL general_log = ON')
        self.stack.restart_tally()  # what was prepared before is logged without its values
        return self

    def __exit__(self, *_):
        self.stack.sql('SET GLOBAL general_log = OFF')

    def statements(self):
        rows = self.stack.sql("SELECT HEX(argument) FROM mysql.general_log WHERE command_type = 'Execute'"
                              " AND user_host LIKE 'tally%%'")
        texts = [bytes.fromhex(a).decode('utf-8', 'replace') for (a,) in rows]  # digests are no text
        return [t for t in texts if t.split(None, 1)[0] in ('SELECT', 'UPDATE', 'DELETE', 'INSERT')]


def plan(cur, sql):
    """EXPLAIN's rows that read much of a large table."""
    cur.execute('EXPLAIN ' + sql)
    names = [d[0] for d in cur.description]
    return [dict(zip(names, row)) for row in cur.fetchall()]


def scans(rows):
    # of a derived table the rows are a guess; the tables that it is made of stand in rows of their own
    return [r for r in rows if r['type'] in ('ALL', 'index') and int(r['rows'] or 0) > LARGE
            and not str(r['table']).startswith('<')]


def check(stack, statements, at_least):
    kinds = {s.split('WHERE')[0][:90] for s in statements}
    assert len(kinds) >= at_least, sorted(kinds)
    bad = []
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('SET SESSION tx_isolation = %s', ('READ-COMMITTED',))
        for sql in statements:
            if sql.startswith('INSERT') and 'SELECT' not in sql:
                continue
            for row in scans(plan(cur, sql)):
                bad.append('%s\n  %s' % (sql[:400], row))
    assert not bad, '\n'.join(bad)


def sample():
    s = Stream()
    for i in range(300):
        name = 'tempest.api.compute.servers.test_servers.Class.test_%d' % i if i < 200 else 'new.test_%d' % i
        s.test(name + '[id-%d,smoke]' % i, 'fail' if i % 9 == 0 else 'success', tags=['w'],
               files=[('log', 'text/plain', b'x')] if i % 3 == 0 else ())
    return s.bytes()


def test_upload_and_deletion(full, demo):
    with Recorder(full) as log:
        run, _ = stored(demo, b'noise\n' + sample(), {'non_subunit_name': 'out', 'test_attr_prefix': 'smoke'})
        assert post(demo, b'noise\n' + sample()).status_code == 400
        assert demo.get('/v1/subunit/' + run).status_code == 200
        assert demo.delete('/v1/subunit/' + run).status_code == 204
    check(full, log.statements(), 25)


def test_second_upload_of_a_stream(full, demo):
    data = sample()
    stored(demo, data)
    with Recorder(full) as log:
        assert post(demo, data).status_code == 409
    check(full, log.statements(), 2)


def test_link(full, demo):
    result = full.sql('SELECT result_id FROM run_info WHERE run_id = 777')[0][0]
    full.sql('DELETE FROM run_info WHERE run_id = 777')
    with Recorder(full) as log:
        assert put(demo, result, simple('name777')).status_code == 200
    check(full, log.statements(), 12)


def test_reading(full, demo, staff):
    run, result = stored(demo, b'noise\n' + sample(), {'non_subunit_name': 'out'})
    number = demo.get('/v1/subunit/' + run).json()['attachments'][5]['id']
    with Recorder(full) as log:
        for client in (demo, staff):
            for path in ('', '?status=fail', '?limit=10', '?limit=10&marker=50020', '/stream',
                         '/attachments/%d' % number):
                assert client.get('/v1/subunit/' + run + path).status_code == 200, path
            assert client.get('/v1/subunit?result_id=' + result).status_code == 200
    check(full, log.statements(), 10)


def reads(stack, sql):
    """Rows that the statement really reads."""
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('FLUSH STATUS')
        cur.execute(sql)
        cur.fetchall()
        cur.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(n) for _, n in cur.fetchall())


def rows_read(stack):
    """By all of the server's connections, ever."""
    return sum(int(n) for _, n in stack.sql("SHOW GLOBAL STATUS LIKE 'Handler_read%%'"))


@pytest.mark.parametrize('user', ['demo', 'foundation'])
@pytest.mark.parametrize('path', [
    '/v1/subunit?meta.queue=gate&meta.rare=yes&limit=10', '/v1/subunit?meta.rare=yes&meta.queue=gate&limit=10',
    '/v1/subunit?meta.rare=yes&meta.branch=b1&cpid=cloud1&limit=10',
    '/v1/stats/tests?key=queue&value=gate&cpid=cloud77&start_date=2025-01-01&end_date=2025-02-01'])
def test_few_are_found_among_many(full, user, path):
    """Whatever the order of the filters, the list with the fewest runs is the one that is walked along."""
    client = full.client(user)
    assert client.get(path).status_code == 200  # and with it the token is known
    before = rows_read(full)
    assert client.get(path).status_code == 200
    assert rows_read(full) - before < LARGE


@pytest.mark.parametrize('user', ['demo', 'foundation'])
def test_tests_and_comparison(full, user):
    client = full.client(user)
    run, base = [row[0] for row in full.sql('SELECT uuid FROM runs WHERE id IN (9001, 9003) ORDER BY id')]
    paths = ['/v1/tests', '/v1/tests?marker=777', '/v1/tests?prefix=tempest.api.compute&limit=10',
             '/v1/tests?prefix=tempest.api.compute.servers.test_servers.Class.test_2999',
             '/v1/tests?name=tempest.api.compute.servers.test_servers.Class.test_9', '/v1/tests/77',
             '/v1/tests/77/runs', '/v1/tests/77/runs?marker=' + run]
    with Recorder(full) as log:
        for path in paths:
            assert client.get(path).status_code == 200, path
        assert client.get('/v1/subunit/%s/compare/%s' % (run, base)).status_code == 200
    check(full, log.statements(), 6)
    for sql in log.statements():
        if 'information_schema' not in sql:  # of a start
            assert reads(full, sql) < 300, sql


def test_history_of_a_test_of_every_run(full, demo, staff):
    """The page costs the page: no run behind it is looked at."""
    full.sql('INSERT INTO tests (id, test_id) VALUES (90000, "in.every.run")')
    full.sql('INSERT INTO test_runs (test_id, run_id, status) SELECT 90000, seq, "success" FROM seq_1_to_%d' % RUNS)
    full.sql('UPDATE tests SET run_count = %d WHERE id = 90000' % RUNS)
    full.sql('INSERT INTO project_test_stats VALUES (%s, 90000, %s, 0, 0, 0)', full.project('demo'), RUNS // 2)
    with Recorder(full) as log:
        for client in (demo, staff):
            first = client.get('/v1/tests/90000/runs').json()
            assert len(first['runs']) == 25 and client.get(first['next']).status_code == 200
    for sql in log.statements():
        if 'information_schema' not in sql:  # of a start
            assert reads(full, sql) < 300, sql
    for table in ('test_runs', 'project_test_stats', 'tests'):
        full.sql('DELETE FROM %s WHERE %s = 90000' % (table, {'test_runs': 'test_id', 'tests': 'id'}.get(
            table, 'tests_id')))


LISTS = ['', '?limit=5', '?cpid=cloud1', '?start_date=2025-01-03&end_date=2025-01-05',
         '?cpid=cloud3&start_date=2025-01-02', '?status=failed', '?status=passed&meta.branch=b7',
         '?meta.branch=b3&status=failed', '?meta.branch=b7&cpid=cloud7', '?status=failed&start_date=2025-01-03']


@pytest.mark.parametrize('query', LISTS)
@pytest.mark.parametrize('user', ['demo', 'foundation'])
def test_lists(full, user, query):
    """In the order of an index: no sorting, and no more rows than the page needs, wherever it begins."""
    client = full.client(user)
    marker = full.sql('SELECT uuid FROM runs WHERE id = 9001')[0][0]
    with Recorder(full) as log:
        assert client.get('/v1/subunit' + query).status_code == 200
        assert client.get('/v1/subunit' + query + ('&' if query else '?') + 'marker=' + marker).status_code == 200
    lists = [s for s in log.statements() if 'ORDER BY l.run_at' in s]
    assert len(lists) == 2
    with full.connect() as db, db.cursor() as cur:
        for sql in lists:
            rows = plan(cur, sql)
            assert rows[0]['table'] == 'l' and rows[0]['key'].startswith('ix_run_lists'), rows
            assert not [r for r in rows if 'filesort' in (r['Extra'] or '') or 'temporary' in (r['Extra'] or '')], rows
            assert reads(full, sql) < 300, (reads(full, sql), rows)
