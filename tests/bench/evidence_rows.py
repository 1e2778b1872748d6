"""The rows of many uploads, put straight into the tables: RUNS streams of TESTS tests each, all with the same tests.

They are what POST /v1/subunit would have made of these streams, row by row (tests/functional/test_695_generate.py holds
them against real uploads), but for ids that are drawn, the stream's digest and its length. All follows from the numbers
of the run and of the test: two data sets of one size are alike.

Whose a run is, by its number modulo 4: 0 and 1 the first project's, a quarter of which have failures; 2 the second
project's, whose runs pass but for FEW of them; 3 the third project's, whose runs have failures but for FEW of them. Of
whatever a list can ask for there is something that many runs have (branch=main, cpid=cloud0, shared results), and
something that FEW have, however many runs there are, spread evenly over time (rare=yes, cpid=rare, verified results):
those a list must find without walking along all others."""

FEW = 25
BEGIN, SPACING = '2025-01-01', 900  # the first run, and seconds from run to run
CHUNK = 200000  # rows of a transaction

TABLES = ('runs', 'run_info', 'run_metadata', 'run_lists', 'project_run_metadata', 'tests', 'test_keys', 'test_runs',
          'test_run_metadata', 'test_run_info', 'attachments', 'attachment_info', 'test', 'result_info', 'meta', 'results',
          'project_test_stats')

# What is said of a run and of a test, for one session.
NUMBERS = (
    "CREATE TEMPORARY TABLE g_run (r INT PRIMARY KEY, run_uuid VARCHAR(36), result_id VARCHAR(36), project VARCHAR(64),"
    " cpid VARCHAR(64), bad INT, shared INT, verified INT, run_at DATETIME) DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_bin",
    "INSERT INTO g_run SELECT seq, {run_uuid}, {result_uuid}, ELT(seq % 4 + 1, '{first}', '{first}', '{second}',"
    " '{third}'), IF(seq % {every} = 1, 'rare', CONCAT('cloud', seq % 2)), ELT(seq % 4 + 1, seq % 16 < 2, seq % 16 < 2,"
    " seq % {every} = 2, seq % {every} <> 3), seq % 2 = 0, seq % {every} = 0,"
    " '{begin}' + INTERVAL seq * {spacing} SECOND FROM seq_1_to_{runs}",
    "CREATE TEMPORARY TABLE g_test (t INT PRIMARY KEY, name VARCHAR(255), attrs VARCHAR(255), uuid VARCHAR(36))"
    " DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_bin",
    "INSERT INTO g_test SELECT seq, CONCAT('tempest.', ELT(seq % 3 + 1, 'api', 'api', 'scenario'), '.', ELT(seq % 5 + 1,"
    " 'compute', 'network', 'volume', 'identity', 'image'), '.test_', seq DIV 100, '.Class', seq DIV 20 % 5,"
    " '.test_case_', seq), IF(seq % 10 = 1, CONCAT('id-', {test_uuid}, ',smoke'), NULL), IF(seq % 10 = 1, {test_uuid},"
    " NULL) FROM seq_1_to_{tests}",
)

STATUS = ("CASE WHEN t % 50 = 0 THEN 'skip' WHEN t % 211 = 0 THEN 'xfail' WHEN bad AND (t = 7 OR t % 97 = 0 OR"
          " t % 31 = 0 AND CRC32(CONCAT(r, '.', t)) % 10 < 3) THEN 'fail' ELSE 'success' END")
START = "(r * 7919 + t * 1104729)"  # microseconds after run_at
STOP = "(r * 7919 + t * 1104729 + 100000 + CRC32(CONCAT(t, '/', r)) % 4000 * 1000)"
LAST_LINE = (
    "ELT(t % 4 + 1, CONCAT('testtools.matchers._impl.MismatchError: ', r, ' != ', t), CONCAT('tempest.lib.exceptions."
    "TimeoutException: Server ', run_uuid, ' failed to reach ACTIVE status within ', 100 + r % 200, ' s'),"
    " 'AttributeError: no attribute \\'address\\'', CONCAT('ConnectionError: 0x', HEX(r * 4096 + t), ' refused'))")
TRACEBACK = ("CONCAT('Traceback (most recent call last):\\n  File \"/opt/tempest/test_', t DIV 100, '.py\", line ', t %% 500,"
             " ', in test_case\\n    self.check(', t, ')\\n', %s, '\\n')" % LAST_LINE)
OF_TESTS = " FROM g_run STRAIGHT_JOIN g_test WHERE r > {after} AND r <= {last}"

# (table, statement): one with {after} and {last} once for each chunk of runs.
FILL = (
    ('runs', "INSERT INTO runs (id, uuid, skips, fails, passes, run_time, artifacts, run_at) SELECT r, run_uuid,"
     " SUM(status = 'skip'), SUM(status = 'fail'), SUM(status IN ('success', 'xfail')), SUM(length) / 1e6, NULL, run_at"
     " FROM (SELECT r, run_uuid, run_at, {status} AS status, {stop} - {start} AS length" + OF_TESTS + ") d GROUP BY r"),
    ('run_info', "INSERT INTO run_info (run_id, project, user, result_id, cpid, sha256, stream_format, bytes, tests,"
     " attachments, attachment_bytes, run_at, created_at) SELECT r, project, '{user}', result_id, cpid,"
     " UNHEX(SHA2(CONCAT('generated ', r), 256)), 2, {tests} * 200, {tests}, COUNT(size),"
     " COALESCE(SUM(size), 0), run_at, run_at FROM (SELECT g_run.*, IF({status} = 'fail', OCTET_LENGTH({traceback}), NULL)"
     " AS size" + OF_TESTS + ") d GROUP BY r"),
    ('run_metadata', "INSERT INTO run_metadata (run_id, `key`, value) SELECT * FROM ("
     " SELECT r, ELT(k.seq, 'branch', 'queue', 'rare', 'refstack_result_id', 'tally_project', 'tally_user',"
     " 'tally_sha256') AS `key`, ELT(k.seq, IF(r % 5, 'main', 'stable'), CONCAT('q', r % 7), IF(r % {every} = 1, 'yes',"
     " NULL), result_id, project, '{user}', SHA2(CONCAT('generated ', r), 256)) AS value FROM g_run STRAIGHT_JOIN"
     " seq_1_to_7 k WHERE r > {after} AND r <= {last}) d WHERE value IS NOT NULL"),
    ('run_lists', "INSERT INTO run_lists (run_id, list, project, run_at, status, passes, fails, skips, run_time) SELECT"
     " i.run_id, l.list, i.project, i.run_at, IF(r.fails > 0, 2, r.passes > 0), r.passes, r.fails, r.skips, r.run_time"
     " FROM (SELECT run_id, UNHEX(SHA2('all', 256)) AS list FROM run_info UNION ALL SELECT run_id, UNHEX(SHA2(CONCAT("
     "'cpid:', cpid), 256)) FROM run_info UNION ALL SELECT run_id, {list} FROM run_metadata) l"
     " JOIN run_info i ON i.run_id = l.run_id JOIN runs r ON r.id = i.run_id WHERE r.id > {after} AND r.id <= {last}"),
    ('project_run_metadata', "INSERT INTO project_run_metadata (project, list, `key`, value, runs) SELECT i.project, {list},"
     " `key`, value, COUNT(*) FROM run_metadata m JOIN run_info i ON i.run_id = m.run_id WHERE `key` IN ('branch', 'queue',"
     " 'rare') GROUP BY 1, 3, 4"),
    ('tests', "INSERT INTO tests (id, test_id, run_count, success, failure, run_time) SELECT t, name, 0, 0, 0, NULL"
     " FROM g_test"),
    ('test_keys', "INSERT INTO test_keys (name_sha256, tests_id) SELECT UNHEX(SHA2(name, 256)), t FROM g_test"),
    ('test_runs', "INSERT INTO test_runs (id, test_id, run_id, status, start_time, start_time_microsecond, stop_time,"
     " stop_time_microsecond) SELECT (r - 1) * {tests} + t, t, r, {status}, run_at + INTERVAL {start} DIV 1000000 SECOND,"
     " {start} % 1000000, run_at + INTERVAL {stop} DIV 1000000 SECOND, {stop} % 1000000" + OF_TESTS),
    ('test_run_metadata', "INSERT INTO test_run_metadata (`key`, value, test_run_id) SELECT 'attrs', attrs, (r - 1) *"
     " {tests} + t" + OF_TESTS + " AND attrs IS NOT NULL"),
    ('test_run_metadata', "INSERT INTO test_run_metadata (`key`, value, test_run_id) SELECT 'tags', CONCAT('worker-',"
     " t % 8), (r - 1) * {tests} + t" + OF_TESTS + " AND {status} = 'fail'"),
    ('test_run_info', "INSERT INTO test_run_info (test_run_id, run_id, stream_id, route_code, tags) SELECT (r - 1) *"
     " {tests} + t, r, CONCAT(name, IF(attrs IS NULL, '', CONCAT('[', attrs, ']'))), NULL,"
     " CONCAT('[\"worker-', t % 8, '\"]')" + OF_TESTS + " AND {status} = 'fail'"),
    ('attachments', "INSERT INTO attachments (test_run_id, label, attachment) SELECT (r - 1) * {tests} + t, 'traceback',"
     " {traceback}" + OF_TESTS + " AND {status} = 'fail'"),
    ('attachment_info', "INSERT INTO attachment_info (attachment_id, run_id, test_run_id, name, mime_type, size, sha256)"
     " SELECT a.id, tr.run_id, tr.id, 'traceback', 'text/plain;charset=utf8', OCTET_LENGTH(a.attachment),"
     " UNHEX(SHA2(a.attachment, 256)) FROM attachments a JOIN test_runs tr ON tr.id = a.test_run_id"),
    ('test', "INSERT INTO test (id, created_at, deleted, cpid, duration_seconds, verification_status) SELECT result_id,"
     " run_at, 0, cpid, FLOOR(SUM(length) / 1e6), verified FROM (SELECT g_run.*, {stop} - {start} AS length" + OF_TESTS +
     ") d GROUP BY r"),
    ('result_info', "INSERT INTO result_info (result_id, project, user, anonymous, cpid, created_at, listed, verified)"
     " SELECT result_id, project, '{user}', 0, cpid, run_at, shared, verified FROM g_run"),
    ('meta', "INSERT INTO meta (created_at, deleted, test_id, meta_key, value) SELECT run_at, 0, result_id,"
     " ELT(k.seq, 'user', 'subunit_run', 'shared', 'guideline', 'target'), ELT(k.seq, '{user}', run_uuid, 'true',"
     " '2026.01', 'platform') FROM g_run STRAIGHT_JOIN seq_1_to_5 k WHERE r > {after} AND r <= {last} AND"
     " (k.seq < 3 OR k.seq = 3 AND shared OR verified)"),
    ('results', "INSERT INTO results (created_at, deleted, test_id, name, uuid) SELECT run_at, 0, result_id, name, uuid"
     + OF_TESTS + " AND {status} = 'success'"),
    ('project_test_stats', "INSERT INTO project_test_stats (project, tests_id, runs, success, failure, run_time) SELECT"
     " project, t, COUNT(*), SUM(status IN ('success', 'xfail')), SUM(status = 'fail'), SUM(IF(status IN ('success',"
     " 'xfail'), length, 0)) / 1e6 FROM (SELECT project, t, {status} AS status, {stop} - {start} AS length FROM g_run"
     " STRAIGHT_JOIN g_test) d GROUP BY project, t"),
    # The average that subunit2sql reaches step by step, and what it says of a test before it ever passed.
    ('project_test_stats', "UPDATE tests JOIN (SELECT tests_id, SUM(success) AS success, SUM(failure) AS failure,"
     " SUM(run_time) AS run_time FROM project_test_stats GROUP BY tests_id) s ON s.tests_id = tests.id SET"
     " tests.run_count = s.success + s.failure, tests.success = s.success, tests.failure = s.failure, tests.run_time ="
     " s.run_time / NULLIF(s.success, 0)"),
    ('project_test_stats', "UPDATE tests JOIN test_runs tr ON tr.test_id = tests.id AND tr.run_id = 1 SET run_time ="
     " TIMESTAMPDIFF(SECOND, tr.start_time, tr.stop_time) + (tr.stop_time_microsecond - tr.start_time_microsecond) / 1e6"
     " WHERE run_time IS NULL"),
)


def _uuid(what):
    """SQL that makes a UUID of a text."""
    h = "MD5(CONCAT('%s', seq))" % what
    return "CONCAT(LEFT(%s, 8), '-', MID(%s, 9, 4), '-4', MID(%s, 14, 3), '-8', MID(%s, 18, 3), '-', RIGHT(%s, 12))" % (
        (h,) * 5)


def _put(text, values):
    """Not by str.format, which has to know all names at once; some values have names in them again."""
    for _ in range(2):
        for name, value in values.items():
            text = text.replace('{%s}' % name, str(value))
    return text


def every(runs):
    """Something that FEW runs have, these are so many runs apart."""
    return max(8, runs // FEW // 8 * 8) if runs > 8 * FEW else 4


class Generator:
    """Fills the tables over one connection (pymysql, to the database itself). PROJECTS are three."""

    def __init__(self, db, runs, tests, projects, user):
        self.db, self.runs, self.tests = db, runs, tests
        self.values = {
            'status': STATUS, 'start': START, 'stop': STOP, 'traceback': TRACEBACK, 'run_uuid': _uuid('run'),
            'result_uuid': _uuid('result'), 'test_uuid': _uuid('test'), 'runs': runs, 'tests': tests, 'user': user,
            'first': projects[0], 'second': projects[1], 'third': projects[2], 'every': every(runs), 'begin': BEGIN,
            'spacing': SPACING, 'list': "UNHEX(SHA2(CONCAT('meta:', OCTET_LENGTH(`key`), ':', `key`, value), 256))"}
        with db.cursor() as cur:
            cur.execute('SET unique_checks = 0, foreign_key_checks = 0, join_cache_level = 0')
            for sql in NUMBERS:
                cur.execute(_put(sql, self.values))

    def indexes(self, table):
        """What stands behind ADD, and the names, of all but the primary key."""
        with self.db.cursor() as cur:
            cur.execute('SHOW CREATE TABLE `%s`' % table)
            lines = [line.strip().rstrip(',') for line in cur.fetchone()[1].splitlines()]
        keys = [line for line in lines if line.startswith(('KEY ', 'UNIQUE KEY '))]
        return keys, [key.split('`')[1] for key in keys]

    def fill(self, table):
        """The rows first, then the indexes: each is then sorted once. TABLE was empty."""
        with self.db.cursor() as cur:
            large = self.runs * self.tests > CHUNK
            keys, names = self.indexes(table) if large else ([], [])
            if keys:
                cur.execute('ALTER TABLE `%s` %s' % (table, ', '.join('DROP INDEX `%s`' % n for n in names)))
            for _, sql in (step for step in FILL if step[0] == table):
                for after, last in self._chunks() if '{after}' in sql else ((0, 0),):
                    cur.execute(_put(sql, {**self.values, 'after': after, 'last': last}))
                    self.db.commit()
            for key in keys:
                cur.execute('ALTER TABLE `%s` ADD %s' % (table, key))
            cur.execute('ANALYZE TABLE `%s`' % table)
            cur.fetchall()

    def _chunks(self):
        step = max(1, CHUNK // self.tests)
        return [(begin, min(begin + step, self.runs)) for begin in range(0, self.runs, step)]
