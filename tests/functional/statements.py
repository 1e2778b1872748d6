"""Every statement that a run's tally.fcgi and workers have prepared, and values for its question marks.

A build with faults writes each text that it prepares into a file (base/fault.h). Here the tables are filled, those of
evidence as uploads fill them (tests/bench), all others, also those that nobody has thought of yet, by the type of their
columns; and a question mark gets what the column beside it holds in one and the same row."""
import os
import re
import sys

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'bench'))
from evidence_rows import TABLES, Generator  # noqa: E402

ROWS = 10000  # of a table that is filled by the type of its columns
RUNS, TESTS = 8000, 12
BESIDE = 200  # so many characters before a question mark tell its column
ONE, TEST = 784, 7  # the row that the values are taken from: a run with failures, and the test that fails in it
PROGRAMS = ('tally.fcgi', 'tally-worker')
# Tables that hold a row a host, a process or a version.
SMALL = ('workers', 'tally_migration', 'tally_version_names')

UUID = "CONCAT(LPAD(HEX(CRC32({0})), 8, '0'), '-0000-4000-8000-', LPAD({0}, 12, '0'))"
# By name where the type says too little: how many rows share a value decides what the server does.
BY_NAME = {
    'deleted': '0', 'deleted_at': 'NULL', 'project': "CONCAT('p', {0} % 40)", 'owner': "CONCAT('p', {0} % 40)",
    'member': "CONCAT('p', {0} % 40)", 'user': "CONCAT('u', {0})", 'openid': "CONCAT('u', {0})",
    'image_quota_locks.project': "CONCAT('p', {0})",
    'images.status': "IF({0} % 20 > 2, 'active', ELT({0} % 20 + 1, 'queued', 'saving', 'deactivated'))",
    'image_members.status': "ELT({0} % 3 + 1, 'accepted', 'pending', 'rejected')",
    'tasks.status': "IF({0} % 20, ELT({0} % 2 + 1, 'success', 'failure'), ELT({0} % 3 + 1, 'pending', 'pending', 'processing'))",
    'tasks.type': "ELT({0} % 3 + 1, 'import', 'export', 'clone')",
    # few images are everybody's, and of these are those that lists ask for by a question mark: ONE is public
    'visibility': "ELT(LEAST(({0} + 16) % 100, 3) + 1, 'public', 'community', 'shared', 'private')",
    'store_objects.state': "ELT(LEAST({0} % 50, 2) + 1, 'writing', 'dead', 'live')",
    'task_leases.worker': "IF({0} % 10, NULL, CONCAT('w', {0} % 5))",
    'task_leases.lease_until': "IF({0} % 10, NULL, UTC_TIMESTAMP(6) + INTERVAL {0} SECOND)",
    'task_leases.export_turn': "IF({0} % 10, NULL, UNHEX(SHA2({0}, 256)))",
    'images.name': "CONCAT('name', {0} % 3000)", 'image_properties.name': "CONCAT('property', {0} % 20)",
    'key': "CONCAT('key', {0} % 20)", 'value': "CONCAT('value', {0} % 500)",
}


def columns(stack):
    """{table: {column: (type, kind of column)}} of all tables that are not generated."""
    found = {}
    for table, column, kind, full in stack.sql(
            "SELECT table_name, column_name, data_type, column_type FROM information_schema.columns WHERE"
            " table_schema = 'tally' AND extra NOT LIKE '%%GENERATED%%' ORDER BY table_name, ordinal_position"):
        found.setdefault(table, {})[column] = (kind, full)
    return found


def expression(table, column, kind, full):
    """SQL for the value of a column in row {0}."""
    for name in (table + '.' + column, column):
        if name in BY_NAME:
            return BY_NAME[name]
    size = int((re.search(r'\((\d+)', full) or ['', '0'])[1])
    if kind in ('varchar', 'char'):
        return UUID if size == 36 else "CONCAT('%s', {0})" % column[:4] if size > 20 else "CONCAT('x', {0} % 50)"
    if kind in ('binary', 'varbinary'):
        return 'UNHEX(SHA2({0}, %d))' % (512 if size == 64 else 256)
    if kind in ('datetime', 'timestamp'):
        return "'2026-01-01' + INTERVAL {0} * 30 MINUTE"
    if kind == 'date':
        return "'2006-01-01' + INTERVAL {0} DAY"
    if kind == 'enum':
        return str(re.search(r"\('([^']*)'", full)[1].join("''"))
    if kind == 'tinyint':
        return '({0} % 10 = 0)'
    if kind in ('float', 'double', 'decimal'):
        return '{0} / 8'
    return '{0}' if 'int' in kind else "CONCAT('%s', {0})" % column[:4]


def empty(stack):
    """What fill() filled; row by row it takes a minute."""
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('SET FOREIGN_KEY_CHECKS = 0')
        for table in columns(stack):
            if table not in SMALL and 'version' not in table:
                cur.execute('TRUNCATE TABLE `%s`' % table)


def fill(stack):
    """Every table but SMALL ones is large."""
    db = stack.connect(autocommit=False)
    try:
        generator = Generator(db, RUNS, TESTS, ['p1', 'p2', 'p3'], 'u1')
        for table in TABLES:
            generator.fill(table)
        with db.cursor() as cur:
            cur.execute("INSERT INTO tests (id, test_id, run_count, success, failure, run_time) SELECT 1000000 + seq,"
                        " CONCAT('tempest.api.compute.more.test_', seq), 2, 2, 0, 1 FROM seq_1_to_%d" % ROWS)
            cur.execute('INSERT INTO test_keys SELECT test_id_sha256, id FROM tests WHERE id > 1000000')
            cur.execute("INSERT INTO project_test_stats SELECT 'p1', id, 2, 2, 0, 2 FROM tests WHERE id > 1000000")
            for table, fields in columns(stack).items():
                if table not in TABLES and table not in SMALL and 'version' not in table:
                    cur.execute('DELETE FROM `%s`' % table)
                    cur.execute('INSERT IGNORE INTO `%s` (%s) SELECT %s FROM seq_1_to_%d' % (
                        table, ', '.join('`%s`' % c for c in fields),
                        ', '.join(expression(table, c, *f).replace('{0}', 'seq') for c, f in fields.items()), ROWS))
                    assert cur.rowcount > ROWS / 2, 'table %s: rows are alike where its keys want other ones' % table
            for table in columns(stack):
                cur.execute('ANALYZE TABLE `%s`' % table)
                cur.fetchall()
        db.commit()
    finally:
        db.close()


class Values:
    """What stands in a column: of one run and all that hangs on it, or in the row ONE of the other tables."""

    def __init__(self, stack):
        self.stack, self.columns, self.known = stack, columns(stack), {}
        every = stack.sql("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'tally'")
        self.all_columns = set(every)
        self.tables = {t for t, _ in every}

    def _where(self, table):
        """Of the tables of evidence: the row that belongs to run ONE."""
        has = {c for t, c in self.all_columns if t == table}
        result = "(SELECT result_id FROM run_info WHERE run_id = %d)" % ONE
        test_run = '%d' % ((ONE - 1) * TESTS + TEST)
        for column, value in (('test_run_id', test_run), ('run_id', str(ONE)), ('result_id', result),
                              ('tests_id', str(TEST))):
            if column in has:
                return '%s = %s' % (column, value)
        return {'runs': 'id = %d' % ONE, 'tests': 'id = %d' % TEST, 'test': 'id = ' + result}.get(
            table, 'test_id = ' + result if 'test_id' in has else '1 = 1')

    def of(self, table, column):
        """A literal."""
        if (table, column) not in self.known:
            if table in TABLES:
                rows = self.stack.sql('SELECT `%s` FROM `%s` WHERE %s LIMIT 1' % (column, table, self._where(table)))
            elif column not in self.columns[table]:
                rows = self.stack.sql('SELECT `%s` FROM `%s` LIMIT 1' % (column, table))
            else:
                text = expression(table, column, *self.columns[table][column])
                rows = self.stack.sql('SELECT ' + text.replace('{0}', str(ONE)))
            self.known[table, column] = literal(rows[0][0] if rows else 1)
        return self.known[table, column]

    def fill_in(self, text):
        """The statement with a value for each question mark."""
        aliases = {}
        for table, alias in re.findall(r'(?:FROM|JOIN|UPDATE|INTO|,)\s+`?(\w+)`?'
                                       r'(?:\s+(?:AS\s+)?(?!FROM\b|WHERE\b|JOIN\b|SET\b)(\w+))?', text):
            if table in self.tables:
                aliases.setdefault(table, table)
                aliases.setdefault(alias, table)
        pieces = re.split(r"('(?:[^']|'')*'|\?)", text)
        out, last = '', '1'
        for before, piece, behind in zip([''] + pieces, pieces, pieces[1:] + ['']):
            if piece != '?':
                out += piece
                continue
            if before.strip() != ',':  # else the next one of a list
                last = self._beside(out[-BESIDE:], aliases) or ('26' if re.search(r'LIMIT\s*$', out[-BESIDE:]) else last)
            # a flag that opens a condition is off: what it opens for is another statement
            out += '0' if re.search(r'OFFSET\s*$', out[-BESIDE:]) or re.match(r'\s*OR\b', behind) else last
        return out

    def _beside(self, before, aliases):
        found = re.search(r'(?:(\w+)\.)?`?(\w+)`?\s*(?:=|<=>|<=|>=|<>|<|>|LIKE|(?:NOT )?IN \((?:[^()?]*,)?)\s*(?:\w+\()*'
                          r'\s*$', before)
        if not found:
            return None
        qualifier, column = found.groups()
        for table in [aliases.get(qualifier)] if qualifier in aliases else dict.fromkeys(aliases.values()):
            if (table, column) in self.all_columns:
                return self.of(table, column)
        return None


def literal(value):
    if value is None:
        return 'NULL'
    if isinstance(value, bytes):
        return "x'%s'" % value.hex()
    return str(value) if isinstance(value, (int, float)) else "'%s'" % str(value).replace("'", "''")


def prepared(path):
    """The texts that tally.fcgi and tally-worker have prepared, and that read tables of ours; a list of values, which all
    would be the same one, is of two."""
    found = {}
    with open(path, encoding='utf-8', errors='replace') as f:
        for line in f:
            program, _, text = line.rstrip('\n').partition('\t')
            if program in PROGRAMS and re.match(r'\(*(SELECT|UPDATE|DELETE|INSERT)\b', text):
                found[re.sub(r'\bIN \(\?(?:, ?\?)+\)', 'IN (?, ?)', re.sub(r'\s+', ' ', text))] = program
    return sorted(t for t in found if 'information_schema' not in t and not re.match(r'INSERT.*\bVALUES\b', t))
