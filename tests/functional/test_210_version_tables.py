"""Which table holds which family's revision: found by what they hold, renamed, split, refused."""
import signal
import socket
import subprocess
import threading

import pytest
from conftest import BUILD, sanitizer_env
from databases import (HEAD, TALLY_REVISIONS, Database, fill_refstack, fill_subunit2sql, rows_of_refstack,
                       rows_of_subunit2sql)
from lab.service import wait_for

HOST = socket.gethostname()


@pytest.fixture
def database(server):
    return Database(server, BUILD, sanitizer_env(server.folder), 'names')


@pytest.fixture(scope='module')
def fresh(server):
    db = Database(server, BUILD, sanitizer_env(server.folder), 'fresh')
    db.sync()
    return db


def filled(db):
    """Rows that have to be there at the end; call it when both families' tables are."""
    fill_subunit2sql(db)
    fill_refstack(db)
    return rows_of_subunit2sql(db), rows_of_refstack(db)


def assert_kept(db, before):
    subunit, (refstack, columns) = before
    after = rows_of_subunit2sql(db)
    assert {table: after[table] for table in subunit} == subunit
    assert rows_of_refstack(db, columns)[0] == refstack


# --- the ways in which a database comes to hold both ---

@pytest.mark.parametrize('revision', ['42278d6179b9', HEAD['refstack']])
def test_refstack_under_alembic_version_and_then_tally(database, fresh, revision):
    database.load('refstack', revision, version_table='alembic_version')
    fill_refstack(database)
    before, columns = rows_of_refstack(database)
    database.sync()
    database.assert_head()
    assert rows_of_refstack(database, columns)[0] == before
    assert database.schema() == fresh.schema()


def test_refstack_renamed_by_its_recheck_and_then_subunit2sql(database, fresh):
    database.load('refstack', '35bf54e2c13c', version_table='refstack_alembic_version')
    database.load('subunit2sql', 'b96122f780', version_table='alembic_version')
    before = filled(database)
    database.sync()
    database.assert_head()
    assert_kept(database, before)
    assert database.schema() == fresh.schema()


@pytest.mark.parametrize('revisions', [('35bf54e2c13c', 'b96122f780'), (HEAD['refstack'], HEAD['subunit2sql'])])
def test_one_table_stamped_by_hand_with_both(database, fresh, revisions):
    database.load('refstack', revisions[0])
    database.load('subunit2sql', revisions[1], stamp=False)
    database.query('INSERT INTO alembic_version VALUES (%s)', revisions[1])
    before = filled(database)
    assert 'split alembic_version: revision %s of RefStack' % revisions[0] in database.sync()
    database.assert_head()
    assert_kept(database, before)
    assert database.schema() == fresh.schema()
    assert not [t for t in database.tables() if t.startswith(('tally_split', 'tally_aside', 'tally_move'))]


def test_killed_while_tables_are_split_and_renamed(database):
    """Both in one table, empty ones in the way: killed before and after each change, then run again."""
    for number in range(1, 40):
        database = Database(database.server, BUILD, database.env, 'names')
        database.load('refstack', HEAD['refstack'], version_table='versions')
        database.load('subunit2sql', HEAD['subunit2sql'], stamp=False)
        database.query('INSERT INTO versions VALUES (%s)', HEAD['subunit2sql'])
        for table in ('refstack_alembic_version', 'alembic_version'):
            database.query('CREATE TABLE %s (version_num VARCHAR(32) NOT NULL PRIMARY KEY)' % table)
        done = database.manage('db', 'sync', fault='db.statement=kill:%d' % number)
        assert done.returncode == -9
        migrating = 'tally_migration' in database.tables()
        database.sync()
        database.assert_head()
        assert not [t for t in database.tables() if t.startswith(('tally_split', 'tally_aside', 'tally_move'))]
        if migrating:  # the names were settled
            break
    assert number > 6


def test_both_stamped_where_neither_is_to_be(database):
    database.load('refstack', HEAD['refstack'], version_table='versions')
    database.load('subunit2sql', HEAD['subunit2sql'], stamp=False)
    database.query('INSERT INTO versions VALUES (%s)', HEAD['subunit2sql'])
    database.sync()
    database.assert_head()
    assert 'versions' not in database.tables()


@pytest.mark.parametrize('empty', ['refstack_alembic_version', 'alembic_version', 'both'])
def test_an_empty_table_in_the_way(database, fresh, empty):
    database.load('refstack', '23843be3da52', version_table='refstack_versions')
    database.load('subunit2sql', '2822a408bdd0', version_table='subunit_versions')
    for table in ('refstack_alembic_version', 'alembic_version') if empty == 'both' else (empty,):
        database.query('CREATE TABLE %s (version_num VARCHAR(32) NOT NULL PRIMARY KEY)' % table)
    before = filled(database)
    out = database.sync()
    assert 'drop the empty table ' in out
    database.assert_head()
    assert_kept(database, before)
    assert database.schema() == fresh.schema()
    assert not [t for t in database.tables() if t.startswith('tally_aside')]
    assert not database.tables() & {'refstack_versions', 'subunit_versions'}


def test_an_empty_table_of_a_family_that_has_none_yet(database, fresh):
    database.query('CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)')
    database.sync()
    database.assert_head()


def test_two_tables_that_have_changed_names(database):
    database.load('refstack', HEAD['refstack'], version_table='alembic_version')
    database.load('subunit2sql', HEAD['subunit2sql'], version_table='refstack_alembic_version')
    database.sync()
    database.assert_head()


# --- what is refused ---

def refused(db, *args):
    before = db.dump()
    done = db.manage('db', 'sync', *args)
    assert done.returncode == 73, done.stdout + done.stderr
    assert db.dump() == before
    return done.stderr


def test_a_table_that_holds_something_else(database):
    database.query('CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)')
    database.query("INSERT INTO alembic_version VALUES ('11111111abcd')")
    said = refused(database)
    assert '[database] subunit2sql_version_table = alembic_version' in said
    assert 'revision 11111111abcd' in said


def test_a_name_that_another_family_needs(database):
    database.sync()
    done = database.manage('db', 'sync', '--version-table', 'alembic_version')
    assert done.returncode == 65
    assert 'must differ' in done.stderr
    database.assert_head()


def test_two_tables_of_one_family(database):
    database.load('refstack', '35bf54e2c13c', version_table='alembic_version')
    database.query('CREATE TABLE old_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)')
    database.query("INSERT INTO old_version VALUES ('42278d6179b9')")
    assert 'tables alembic_version and old_version both hold a revision of RefStack' in refused(database)


def test_two_revisions_of_one_family(database):
    database.load('refstack', '35bf54e2c13c', version_table='alembic_version')
    database.query("INSERT INTO alembic_version VALUES ('42278d6179b9')")
    assert 'more than one revision of RefStack' in refused(database)


def test_a_table_with_other_columns_under_the_name(database):
    database.load('refstack', HEAD['refstack'], version_table='alembic_version')
    database.query('CREATE TABLE refstack_alembic_version (id INT PRIMARY KEY, note TEXT)')
    done = database.manage('db', 'sync')
    assert done.returncode != 0
    assert database.versions('alembic_version') == [HEAD['refstack']]
    assert 'refstack_alembic_version' in done.stderr


@pytest.mark.parametrize('name', ['', 'a' * 65, 'a/b', 'a.b', 'a '])
def test_what_is_no_name(database, name):
    done = database.manage('db', 'sync', '--version-table', name)
    assert done.returncode == 65
    assert 'is no name of a table' in done.stderr


def test_a_name_with_quotes(database):
    name = 'ver`si"on\'; --'
    database.sync('--version-table', name)
    rows = [t for t in database.tables() if t == name]
    assert rows == [name]
    database.sync('--version-table', 'refstack_alembic_version')
    database.assert_head()


# --- renaming ---

def test_names_of_the_command_line(database):
    database.sync('--version-table', 'r', '--subunit2sql-version-table', 's', '--tally-version-table', 't')
    assert database.versions('r') == [HEAD['refstack']]
    assert database.versions('s') == [HEAD['subunit2sql']]
    assert database.versions('t') == [TALLY_REVISIONS[-1]]
    before = database.dump()
    database.sync('--version-table', 'r', '--subunit2sql-version-table', 's', '--tally-version-table', 't')
    assert database.dump() == before
    assert database.manage('db', 'version').stdout.split() == [
        'subunit2sql', HEAD['subunit2sql'], 's', '(head)', 'RefStack', HEAD['refstack'], 'r', '(head)',
        'Tally', TALLY_REVISIONS[-1], 't', '(head)']


def test_names_of_the_file(database):
    database.sync()
    database.configure(version_table='r2', subunit2sql_version_table='refstack_alembic_version',
                       tally_version_table='alembic_version')
    database.sync()
    assert database.versions('r2') == [HEAD['refstack']]
    assert database.versions('refstack_alembic_version') == [HEAD['subunit2sql']]
    assert database.versions('alembic_version') == [TALLY_REVISIONS[-1]]
    assert 'tally_version' not in database.tables()
    database.configure()
    database.sync()
    database.assert_head()


def test_another_host_has_renamed(database):
    """This host's file has not been changed yet: it finds the table and leaves its name."""
    database.sync()
    database.query('RENAME TABLE refstack_alembic_version TO told')
    database.query("INSERT INTO tally_version_names VALUES ('another-host', 'RefStack', 'told')")
    before = database.dump()
    database.sync()
    assert database.dump() == before
    assert database.manage('db', 'version').stdout.split()[4:8] == ['RefStack', HEAD['refstack'], 'told', '(head)']
    # told
    database.configure(version_table='told')
    database.sync()
    assert database.versions('told') == [HEAD['refstack']]
    # told otherwise
    database.configure(version_table='refstack_alembic_version')
    database.sync()
    database.assert_head()


def test_a_host_that_was_never_seen(database):
    """Its file says nothing yet that a name which somebody chose should give way to."""
    database.sync()
    database.query('RENAME TABLE refstack_alembic_version TO told')
    database.query("UPDATE tally_version_names SET host = 'another-host', name = 'told' "
                   "WHERE host = %s AND family = 'RefStack'", HOST)
    database.sync()
    assert database.versions('told') == [HEAD['refstack']]
    # but a name that nobody chose does
    database.query('DELETE FROM tally_version_names')
    database.sync()
    database.assert_head()


def test_many_at_once(database):
    database.load('refstack', HEAD['refstack'])
    database.load('subunit2sql', HEAD['subunit2sql'], stamp=False)
    database.query('INSERT INTO alembic_version VALUES (%s)', HEAD['subunit2sql'])
    database.query('CREATE TABLE refstack_alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)')
    procs = [database.start('db', 'sync') for _ in range(6)]
    for proc in procs:
        _, err = proc.communicate(timeout=120)
        assert proc.returncode == 0, err
    database.assert_head()
    for number in range(10):
        a, b = 'name_%d' % number, 'other_%d' % number
        database.query('CREATE TABLE %s (version_num VARCHAR(32) NOT NULL PRIMARY KEY)' % a)
        procs = [database.start('db', 'sync', '--version-table', a, '--subunit2sql-version-table', b)
                 for _ in range(4)]
        for proc in procs:
            _, err = proc.communicate(timeout=120)
            assert proc.returncode == 0, err
        assert database.versions(a) == [HEAD['refstack']]
        assert database.versions(b) == [HEAD['subunit2sql']]
    assert not [t for t in database.tables() if t.startswith(('tally_split', 'tally_aside', 'tally_move'))]


# --- tally.fcgi ---

def test_a_database_that_is_not_at_head_is_not_served(stack):
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('UPDATE tally_version SET version_num = %s', (TALLY_REVISIONS[-2],))
    stack.tally.stop()
    try:
        env = dict(stack.env, PATH='/usr/bin:/bin')
        proc = subprocess.run([BUILD + '/manage/tally-manage', '--config', stack.conf.path, 'db', 'check'], env=env,
                              capture_output=True, text=True, check=False)
        assert proc.returncode == 73
        assert 'run "tally-manage db sync"' in proc.stderr
        stack.expect_down.add(stack.tally.name)
        stack.tally.start(wait=False)
        wait_for('tally.fcgi ends', lambda: not stack.tally.running(), 60)
        assert stack.tally.proc.returncode == 78
        with open(stack.log_path, encoding='utf-8') as log:
            assert 'tally-manage db sync' in log.read()
    finally:
        with stack.connect() as db, db.cursor() as cur:
            cur.execute('UPDATE tally_version SET version_num = %s', (TALLY_REVISIONS[-1],))
        stack.tally.kill()
        stack.tally.start()


def version_tables(stack):
    with stack.connect() as db, db.cursor() as cur:
        cur.execute("SELECT table_name FROM information_schema.columns WHERE table_schema = DATABASE() "
                    "GROUP BY table_name HAVING COUNT(*) = 1 AND MAX(column_name) = 'version_num'")
        return {row[0] for row in cur.fetchall()}


def test_sighup_renames_while_requests_go_on(stack):
    """The file's name changes and SIGHUP: the table is renamed, and no request fails meanwhile."""
    answers, going = [], True
    # the token is known from here on: Keystone's speed is not what is asked
    wait_for('a first answer', lambda: stack.client('demo').get('/v1/subunit').status_code == 200, 90)

    def ask():
        client = stack.client('demo')
        while going:
            answer = client.get('/v1/subunit')
            answers.append((answer.status_code, answer.text if answer.status_code != 200 else ''))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for t in threads:
        t.start()
    try:
        for name in ('told', 'told_again', 'refstack_alembic_version'):
            stack.conf.set('database', version_table=name)
            stack.tally.send(signal.SIGHUP)
            wait_for('the table is called ' + name, lambda n=name: n in version_tables(stack), 20)
            assert version_tables(stack) == {name, 'alembic_version', 'tally_version'}
            more = len(answers) + 20
            wait_for('requests are answered', lambda n=more: len(answers) >= n, 60)
    finally:
        going = False
        for t in threads:
            t.join()
    assert set(answers) == {(200, '')}
