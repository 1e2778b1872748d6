"""No statement of /v1/stats looks through a large table; series read an index and nothing else."""
import pytest

from evidence import fill_lists
from test_640_explain import RUNS, TABLES, FILL, Recorder, check, plan, reads

PATHS = ['/v1/stats/runs?start_date=2025-01-03&end_date=2025-01-05&group=hour', '/v1/stats/metadata', '/v1/stats/metadata/branch',
         '/v1/stats/runs?start_date=2025-01-03&end_date=2025-01-05&key=branch&value=b7',
         '/v1/stats/runs?start_date=2025-01-03&end_date=2025-01-04&by=branch',
         '/v1/stats/tests?start_date=2025-01-03&end_date=2025-01-05',
         '/v1/stats/tests?start_date=2025-01-03&end_date=2025-01-05&test_id=9',
         '/v1/stats/failures?limit=10', '/v1/stats/failures?limit=10&key=branch&value=b7',
         '/v1/tests/prefixes?prefix=tempest.api.compute.servers.test_servers', '/v1/tests/prefixes']


@pytest.fixture(scope='module')
def full(stack):
    stack.empty_tables()
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('SET FOREIGN_KEY_CHECKS = 0')
        for sql in FILL:
            cur.execute(sql.format(runs=RUNS, tests=5000, demo=stack.project('demo')))
        cur.execute("UPDATE runs r LEFT JOIN (SELECT run_id, COUNT(*) AS n FROM test_runs WHERE status = 'fail'"
                    " GROUP BY run_id) f ON f.run_id = r.id SET r.fails = COALESCE(f.n, 0)")
        fill_lists(cur)
        for table in TABLES:
            cur.execute('ANALYZE TABLE ' + table)
    yield stack
    stack.empty_tables()


@pytest.mark.parametrize('user', ['demo', 'foundation'])
def test_statements(full, user):
    client = full.client(user)
    with Recorder(full) as log:
        for path in PATHS:
            assert client.get(path).status_code == 200, path
        more = client.get('/v1/stats/failures?limit=10').json()['next']
        assert len(client.get(more).json()['failures']) == 10
    statements = [s for s in log.statements() if 'information_schema' not in s]
    check(full, statements, 8)
    with full.connect() as db, db.cursor() as cur:
        for sql in statements:
            rows = plan(cur, sql)
            lists = [r for r in rows if r['table'] == 'l']
            if lists and 'GROUP BY' in sql:
                assert 'Using index' in lists[0]['Extra'] and lists[0]['type'] == 'range', (sql, rows)
            # three days of a run a minute, with two tables beside; a prefix' tests
            assert reads(full, sql) < 25000, (reads(full, sql), sql)
            if 'run_lists' not in sql and 'COUNT(*)' not in sql:
                assert reads(full, sql) < 1000, (reads(full, sql), sql)
