"""Every list of tasks comes in the order of an index, and reads what its page needs, wherever it begins."""
import itertools

import pytest

from tasks import ids, page
from test_640_explain import Recorder, check, plan
from test_702_task_lists import KEYS

ROWS = 30000
PAGE = 10
FILL = (
    "INSERT INTO tasks (id, type, status, owner, created_at, updated_at, expires_at, deleted, image_id, user_id)"
    " SELECT LOWER(CONCAT(LPAD(HEX(CRC32(seq)), 8, '0'), '-0000-4000-8000-', LPAD(seq, 12, '0'))), ELT(seq % 3 + 1, 'import',"
    " 'export', 'clone'), ELT(seq % 40 + 1, 'pending', 'processing', 'failure', 'failure', 'failure'), IF(seq % 2,"
    " '{demo}', CONCAT('p', seq % 50)), '2026-01-01' + INTERVAL seq SECOND, '2026-01-02' + INTERVAL seq % 7000 SECOND,"
    " NULL, seq % 5 = 0, LOWER(CONCAT(LPAD(HEX(CRC32(seq % 100)), 8, '0'), '-0000-4000-8000-000000000000')), 'u'"
    " FROM seq_1_to_{rows} WHERE seq % 40 < 5",
    "INSERT INTO tasks (id, type, status, owner, created_at, updated_at, expires_at, deleted, image_id, user_id)"
    " SELECT LOWER(CONCAT(LPAD(HEX(CRC32(seq)), 8, '0'), '-0000-4000-8000-', LPAD(seq, 12, '0'))), ELT(seq % 3 + 1, 'import',"
    " 'export', 'clone'), 'success', IF(seq % 2, '{demo}', CONCAT('p', seq % 50)), '2026-01-01' + INTERVAL seq SECOND,"
    " '2026-01-02' + INTERVAL seq % 7000 SECOND, UTC_TIMESTAMP(6) + INTERVAL 1 + seq % 100 DAY, 0,"
    " LOWER(CONCAT(LPAD(HEX(CRC32(seq % 100)), 8, '0'), '-0000-4000-8000-000000000000')), 'u' FROM seq_1_to_{rows} WHERE seq % 40 >= 5",
    "INSERT INTO task_info (task_id, input) SELECT id, '{{}}' FROM tasks",
    "INSERT INTO task_leases (task_id, project, next_run_at) SELECT id, owner, created_at FROM tasks"
    " WHERE status IN ('pending', 'processing')",
)


@pytest.fixture(scope='module')
def full(stack):
    stack.empty_tables()
    with stack.connect() as db, db.cursor() as cur:
        for sql in FILL:
            cur.execute(sql.format(rows=ROWS, demo=stack.project('demo')))
        for table in ('tasks', 'task_info', 'task_leases'):
            cur.execute('ANALYZE TABLE ' + table)
    yield stack
    stack.empty_tables()


def reads(cur, sql):
    """The rows that a statement really looks at."""
    cur.execute('FLUSH STATUS')
    cur.execute(sql)
    cur.fetchall()
    cur.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
    return sum(int(n) for _, n in cur.fetchall())


def hold(stack, statements, most):
    """Each of the lists' statements: by its index, unsorted, and MOST rows at most."""
    lists = [s for s in statements if 'FROM tasks t FORCE INDEX' in s]
    assert lists
    with stack.connect() as db, db.cursor() as cur:
        for sql in lists:
            rows = plan(cur, sql)
            assert len(rows) == 1 and rows[0]['key'] and rows[0]['key'].startswith('ix_tasks'), (sql, rows)
            assert 'filesort' not in (rows[0]['Extra'] or '') and 'temporary' not in (rows[0]['Extra'] or ''), (sql, rows)
            assert reads(cur, sql) <= most, (sql, rows, reads(cur, sql))


@pytest.mark.parametrize('user', ['demo', 'admin'])
def test_lists(full, user):
    """Twelve orders, at the beginning and in the middle of the table; the middle costs what the beginning does."""
    client = full.client(user)
    middle = full.sql("SELECT id FROM tasks WHERE owner = %s AND deleted = 0 AND expires_at IS NOT NULL"
                      " ORDER BY created_at LIMIT 7000, 1", full.project('demo'))[0][0]
    pending = full.sql("SELECT id FROM tasks WHERE owner = %s AND deleted = 0 AND expires_at IS NULL"
                       " ORDER BY id LIMIT 300, 1", full.project('demo'))[0][0]
    with Recorder(full) as log:
        for key, direction, marker in itertools.product(KEYS, ('asc', 'desc'), (None, middle, pending)):
            query = '?limit=%d&sort_key=%s&sort_dir=%s' % (PAGE, key, direction)
            found = ids(page(client, query + ('&marker=' + marker if marker else '')))
            assert len(found) == PAGE, query
    hold(full, log.statements(), 4 * PAGE)


@pytest.mark.parametrize('user', ['demo', 'admin'])
def test_lists_with_filters(full, user):
    """In the usual order a filter has an index of its own (an administrator's by type: a third of all rows match)."""
    client = full.client(user)
    with Recorder(full) as log:
        for query in ('?type=import', '?type=clone', '?status=failure', '?status=success', '?status=processing'):
            for direction in ('asc', 'desc'):
                first = page(client, '%s&limit=%d&sort_dir=%s' % (query, PAGE, direction))
                assert len(first['tasks']) == PAGE
                assert len(client.get(first['next']).json()['tasks']) == PAGE
    hold(full, log.statements(), 6 * PAGE)


def test_administrators_lists(full, admin):
    with Recorder(full) as log:
        for key in KEYS:
            for query in ('deleted=true', 'owner=p8', 'owner=' + full.project('demo')):
                assert page(admin, '?limit=%d&sort_key=%s&%s' % (PAGE, key, query))['tasks']
    hold(full, log.statements(), 4 * PAGE)


def test_one_task(full, demo):
    task = ids(page(demo, '?limit=1&status=processing'))[0]
    with Recorder(full) as log:
        assert demo.get('/v2/tasks/' + task).status_code == 200
        made = demo.post('/v2/tasks', json={'type': 'clone', 'input': {'image_id': '0' * 8 + task[8:]}})
        assert made.status_code == 201, made.text
    check(full, log.statements(), 6)
