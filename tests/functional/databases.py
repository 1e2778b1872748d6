"""Databases as real subunit2sql and real RefStack leave them, and tally-manage on them."""
import os
import re
import shutil
import subprocess
import tempfile
import uuid

import pymysql
from lab.mariadb import MariaDB
from lab.service import PATH

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DATA = os.path.join(TESTS, 'data')
MIGRATIONS = os.path.join(os.path.dirname(TESTS), 'db', 'migrations')


def _order(family):
    with open(os.path.join(DATA, 'schema-' + family, 'ORDER.txt'), encoding='ascii') as f:
        return [line.split()[-1] for line in f]


REVISIONS = {family: _order(family) for family in ('subunit2sql', 'refstack')}
HEAD = {family: revisions[-1] for family, revisions in REVISIONS.items()}
TALLY_REVISIONS = sorted(name[:-4] for name in os.listdir(os.path.join(MIGRATIONS, 'tally')))
TABLES = {
    'subunit2sql': ['tests', 'runs', 'test_runs', 'run_metadata', 'test_metadata', 'test_run_metadata', 'attachments'],
    'refstack': ['user', 'group', 'user_to_group', 'organization', 'product', 'product_version', 'test', 'meta',
                 'results', 'pubkeys'],
}


def make_folder():
    """In memory where there is room: a migration is little but files made and synced."""
    memory = '/dev/shm'
    room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 << 30
    folder = tempfile.mkdtemp(prefix='tally-', dir=memory if room else None)
    os.chmod(folder, 0o755)
    return folder


class Server(MariaDB):
    """A MariaDB that need not survive a power failure."""

    def __init__(self, folder, cache):
        super().__init__(folder, cache, options=('--innodb-flush-log-at-trx-commit=0', '--innodb-flush-method=nosync'))

    def connect(self, database=None):
        return pymysql.connect(unix_socket=self.socket, user='root', database=database, charset='utf8mb4',
                               autocommit=True)


class Database:
    """One database of a Server, made anew; its default collation is none that any tool asks for."""

    def __init__(self, server, build, env, name='adopted', default='latin1'):
        self.server, self.build, self.name = server, build, name
        self.env = {'PATH': PATH, 'LANG': 'C.UTF-8', **env}
        with server.connect() as db, db.cursor() as cur:
            cur.execute('DROP DATABASE IF EXISTS `%s`' % name)
            cur.execute('CREATE DATABASE `%s` CHARACTER SET %s' % (name, default))
        self.conf = os.path.join(server.folder, name + '.conf')
        self.configure()

    def configure(self, **options):
        with open(self.conf, 'w', encoding='utf-8') as f:
            f.write('[database]\nconnection = mysql://root@localhost/%s?unix_socket=%s\n'
                    % (self.name, self.server.socket))
            for option, value in options.items():
                f.write('%s = %s\n' % (option, value))

    # --- SQL ---

    def query(self, sql, *values):
        with self.server.connect(self.name) as db, db.cursor() as cur:
            cur.execute(sql, values or None)
            return list(cur.fetchall())

    def script(self, text):
        subprocess.run(['mariadb', '--no-defaults', '-uroot', '-S', self.server.socket, self.name], input=text,
                       text=True, check=True, env={'PATH': PATH}, capture_output=True)

    def dump(self):
        return subprocess.run(['mariadb-dump', '--no-defaults', '-uroot', '-S', self.server.socket, '--skip-dump-date',
                               '--hex-blob', '--order-by-primary', self.name], text=True, check=True,
                              env={'PATH': PATH}, capture_output=True).stdout

    def tables(self):
        return {row[0] for row in self.query('SHOW TABLES')}

    def columns(self, table):
        return {row[0]: row[1] for row in self.query(
            'SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = DATABASE() '
            'AND table_name = %s ORDER BY ordinal_position', table)}

    def versions(self, table):
        return sorted(row[0] for row in self.query('SELECT version_num FROM `%s`' % table))

    # --- as the real tools leave it ---

    def load(self, family, revision, version_table='alembic_version', stamp=True):
        """The schema that the real tool makes at this revision, stamped as it stamps."""
        path = os.path.join(DATA, 'schema-' + family, revision + '.sql')
        with open(path, encoding='utf-8') as f:
            text = f.read()
        text = re.sub(r'DROP TABLE IF EXISTS `alembic_version`;', '', text)
        if stamp:
            text = text.replace('`alembic_version`', '`%s`' % version_table)
        else:
            text = re.sub(r'CREATE TABLE `alembic_version` \(.*?;', '', text, flags=re.S)
        self.script(text)
        if stamp:
            self.query('INSERT INTO `%s` VALUES (%%s)' % version_table, revision)

    def insert(self, table, **row):
        """Those of the values for which the table has a column."""
        have = self.columns(table)
        row = {k: v for k, v in row.items() if k in have}
        self.query('INSERT INTO `%s` (%s) VALUES (%s)' % (
            table, ', '.join('`%s`' % k for k in row), ', '.join(['%s'] * len(row))), *row.values())

    # --- tally-manage ---

    def start(self, *args, fault=None):
        env = dict(self.env, TALLY_FAULT=fault) if fault else self.env
        argv = [os.path.join(self.build, 'manage', 'tally-manage'), '--config', self.conf, *args]
        return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def manage(self, *args, fault=None):
        proc = self.start(*args, fault=fault)
        out, err = proc.communicate(timeout=250)
        return subprocess.CompletedProcess(args, proc.returncode, out, err)

    def sync(self, *args):
        done = self.manage('db', 'sync', *args)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def schema(self):
        """Every table, column, index and foreign key as a line, but for version tables."""
        done = self.manage('db', 'check', '--print')
        assert done.returncode == 0, done.stderr
        versions = {row[0] for row in self.query(
            "SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE() GROUP BY table_name "
            "HAVING COUNT(*) = 1 AND MAX(column_name) = 'version_num'")}
        return [line for line in done.stdout.splitlines()
                if re.match(r'(?:table|column|index|foreign key) ([^ .]+)', line).group(1) not in versions]

    def assert_head(self, refstack='refstack_alembic_version', subunit2sql='alembic_version', tally='tally_version'):
        assert self.versions(refstack) == [HEAD['refstack']]
        assert self.versions(subunit2sql) == [HEAD['subunit2sql']]
        assert self.versions(tally) == [TALLY_REVISIONS[-1]]
        done = self.manage('db', 'check')
        assert (done.returncode, done.stdout) == (0, '0 differences\n'), done.stdout + done.stderr


# --- rows ---

def _id(db, table, number):
    """The number-th id: a UUID where the revision has them."""
    return number if db.columns(table).get('id') == 'bigint' else str(uuid.UUID(int=number * 7919))


def fill_subunit2sql(db):
    """Rows as subunit2sql writes them; two tests differ in case only, one test_run has lost its test."""
    have = db.tables()
    for n, name in enumerate(['tempest.a.test_a', 'tempest.a.test_A', 'tempest.b', 'tempest.c'], 1):
        db.insert('tests', id=_id(db, 'tests', n), test_id=name, run_count=n, success=n - 1, failure=1, run_time=n / 4)
    for n in (1, 2):
        if 'runs' in have:
            db.insert('runs', id=_id(db, 'runs', n), uuid=str(uuid.UUID(int=n * 7919)), skips=0, fails=1, passes=n,
                      run_time=1.5 * n, artifacts='https://logs/%d' % n, run_at='2016-01-0%d 10:20:30' % n)
        if 'run_metadata' in have:
            db.insert('run_metadata', id=_id(db, 'run_metadata', n), key='build', value='v%d' % n,
                      run_id=_id(db, 'runs', n))
    row = 0
    for run in (1, 2) if 'test_runs' in have else ():
        for test, status in ((1, 'success'), (2, 'fail'), (3, 'skip'), (4, 'success')):
            row += 1
            db.insert('test_runs', id=_id(db, 'test_runs', row), test_id=_id(db, 'tests', test),
                      run_id=_id(db, 'runs', run), status=status, start_time='2016-01-01 00:00:00',
                      stop_time='2016-01-01 00:00:%02d' % (run + test), start_time_microsecond=0,
                      stop_time_microsecond=500000)
            if 'test_run_metadata' in have:
                for k, tag in enumerate(('smoke', 'Smoke', 'worker-%d' % test)):
                    db.insert('test_run_metadata', id=_id(db, 'test_run_metadata', row * 3 + k), key='tags%d' % k,
                              value=tag, test_run_id=_id(db, 'test_runs', row))
            if 'attachments' in have:
                db.insert('attachments', id=_id(db, 'attachments', row), test_run_id=_id(db, 'test_runs', row),
                          label='traceback', attachment=bytes([row, 0, 255]) * 300)
    if 'test_metadata' in have:
        db.insert('test_metadata', id=_id(db, 'test_metadata', 1), key='k', value='v', test_run_id=_id(db, 'tests', 3),
                  test_id=_id(db, 'tests', 3))


def rows_of_subunit2sql(db):
    """The same of any revision: a test is known by its name and run_count, a run by its UUID."""
    have, found = db.tables(), {}
    names = {row[0]: row[1:] for row in db.query('SELECT id, test_id, run_count FROM tests')}
    found['tests'] = sorted(db.query('SELECT test_id, run_count, success, failure FROM tests'), key=repr)
    if 'runs' not in have:
        return found
    key = 'uuid' if 'uuid' in db.columns('runs') else 'id'
    runs = dict(db.query('SELECT id, %s FROM runs' % key))
    found['runs'] = sorted(db.query('SELECT %s, skips, fails, passes, run_time, artifacts FROM runs' % key))
    if 'test_runs' not in have:
        return found
    test_runs = {row[0]: (names.get(row[1]), runs.get(row[2])) + row[3:] for row in db.query(
        'SELECT id, test_id, run_id, status, start_time, stop_time FROM test_runs')}
    found['test_runs'] = sorted(test_runs.values(), key=repr)
    for table, parents, columns in (('run_metadata', runs, ('run_id',)), ('test_metadata', names,
                                                                          ('test_id', 'test_run_id')),
                                    ('test_run_metadata', test_runs, ('test_run_id',)),
                                    ('attachments', test_runs, ('test_run_id',))):
        if table in have:
            column = [c for c in columns if c in db.columns(table)][0]
            what = 'label, attachment' if table == 'attachments' else '`key`, value'
            found[table] = sorted(((parents.get(row[0]),) + row[1:] for row in db.query(
                'SELECT %s, %s FROM %s' % (column, what, table))), key=repr)
    return found


def fill_refstack(db):
    have = db.tables()
    now = '2016-02-03 04:05:06'
    more = dict(created_at=now, updated_at=now, deleted=0)
    for n in (1, 2):
        user = 'https://openstackid.org/user.%d' % n
        rows = {
            'user': dict(openid=user, email='u%d@example.org' % n, fullname='Zoë %d' % n),
            'group': dict(id='g%d' % n, name='group', description='d'),
            'user_to_group': dict(created_by_user=user, group_id='g%d' % n, user_openid=user),
            'organization': dict(id='o%d' % n, type=0, name='org', description='d', group_id='g%d' % n,
                                 created_by_user=user, properties='{}'),
            'product': dict(created_by_user=user, id='p%d' % n, name='product', product_id='x', product_ref_id='x',
                            type=1, product_type=2, public=1, organization_id='o%d' % n, properties='{}'),
            'product_version': dict(created_by_user=user, id='v%d' % n, product_id='p%d' % n, version='1', cpid='c'),
            'test': dict(id='t%d' % n, cpid='cloud', duration_seconds=n, product_version_id='v%d' % n,
                         verification_status=n - 1),
            'meta': dict(test_id='t%d' % n, meta_key='shared', value='true'),
            'pubkeys': dict(id='k%d' % n, openid=user, format='ssh-rsa', pubkey='AAAA%d' % n, md5_hash='h', comment=''),
        }
        for table in TABLES['refstack']:
            if table == 'results':
                for name in ('tempest.a', 'tempest.b', 'Stärke'):
                    db.insert(table, test_id='t%d' % n, name=name, uuid=str(uuid.UUID(int=n)), **more)
            elif table in have:
                db.insert(table, **rows[table], **more)


def rows_of_refstack(db, columns=None):
    """({table: rows}, {table: columns}); the second is given back for what the tables held before."""
    if columns is None:
        columns = {t: [c for c in db.columns(t) if c not in ('product_id', 'product_ref_id')]
                   for t in TABLES['refstack'] if t in db.tables()}
    return {t: sorted(db.query('SELECT %s FROM `%s`' % (', '.join('`%s`' % c for c in names), t)), key=repr)
            for t, names in columns.items()}, columns
