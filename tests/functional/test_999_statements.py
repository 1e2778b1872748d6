"""No statement that any test of this run has made tally.fcgi or a worker prepare looks through a large table."""
import re

import pymysql
import pytest

import statements
from test_640_explain import plan

# What may, and why: (pattern of its text, reason).
ALLOWED = (
    (r'FROM images i WHERE i\.deleted = 0 AND \(i\.visibility <> .* ORDER BY i\.(size|disk_format|container_format)\b',
     'an administrator sorts all images by what no index has: three more of them on each image, for a list that nobody pages'
     ' through often; a member so sorts what he sees, by the index of his project'),
    (r'FROM images i WHERE i\.deleted = 0 AND \(i\.visibility <> [^?]*\?\)( AND i\.os_hidden = \?)? ORDER BY i\.id( DESC)? LIMIT',
     'in the order of the primary key, until the page is full: EXPLAIN names the whole key where a UNION reads it'),
)
LARGE = 2500
pytestmark = pytest.mark.last
ER_NO_SUCH_TABLE = 1146


def scans(rows):
    """Those of EXPLAIN's rows that say that much is read; what a derived table holds is a guess."""
    return [r for r in rows if r['type'] in ('ALL', 'index') and int(r['rows'] or 0) > LARGE
            and not str(r['table']).startswith('<')]


@pytest.fixture(scope='module')
def full(stack):
    stack.empty_tables()
    statements.fill(stack)
    yield stack
    statements.empty(stack)


@pytest.mark.timeout(600)
def test_999_no_statement_scans(full):
    texts = statements.prepared(full.env['TALLY_STATEMENTS'])
    values, bad = statements.Values(full), []
    with full.connect() as db, db.cursor() as cur:
        cur.execute('SET SESSION tx_isolation = %s', ('READ-COMMITTED',))
        for text in texts:
            sql = values.fill_in(text)
            try:
                rows = scans(plan(cur, sql))
            except pymysql.err.ProgrammingError as e:
                if e.args[0] != ER_NO_SUCH_TABLE:
                    raise
                continue  # a version table, of one row, by the name that some test gave it
            if rows and not [why for pattern, why in ALLOWED if re.search(pattern, text)]:
                bad.append('%s\n%s' % (sql[:3000], '\n'.join('  %s' % row for row in rows)))
    print('%d statements' % len(texts))
    if bad:  # said by fail(): an assertion would take minutes to compare such texts
        pytest.fail('%d of %d statements:\n%s' % (len(bad), len(texts), '\n'.join(bad)), pytrace=False)


def test_999_a_scan_is_seen(full):
    """The data, the values and the check find what they look for, and only that."""
    values = statements.Values(full)
    with full.connect() as db, db.cursor() as cur:
        for text, scanned in (('SELECT id FROM tasks WHERE request_id = ? LIMIT ?', True),
                              ('SELECT COUNT(*) FROM attachments', True),
                              ('UPDATE images i SET i.min_ram = ? WHERE i.os_hash_algo = ?', True),
                              ('DELETE FROM test_runs WHERE status = ?', True),
                              ('DELETE m FROM run_info i JOIN meta m ON m.test_id = i.result_id WHERE i.run_id = ?', True),
                              ('DELETE m FROM run_info i JOIN meta m ON m.test_id = CONVERT(i.result_id USING utf8mb3)'
                               ' WHERE i.run_id = ?', False),
                              ('SELECT r.id FROM runs r JOIN run_info i ON i.run_id = r.id WHERE r.id IN (?, ?)', False),
                              ('SELECT id FROM images WHERE id = ?', False)):
            assert bool(scans(plan(cur, values.fill_in(text)))) == scanned, text
