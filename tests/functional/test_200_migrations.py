"""tally-manage db sync on databases of every revision of real subunit2sql and real RefStack."""
import datetime
import glob
import itertools
import os
import re
import shutil
import time

import pytest
from conftest import BUILD, CACHE, sanitizer_env
from databases import (DATA, HEAD, MIGRATIONS, REVISIONS, TALLY_REVISIONS, Database, Server, fill_refstack,
                       fill_subunit2sql, make_folder, rows_of_refstack, rows_of_subunit2sql)
from lab.stack import remove_folder

FAULT_STATEMENTS = 400  # more than a sync from nothing passes


@pytest.fixture
def database(server):
    def make(name='adopted', **more):
        return Database(server, BUILD, sanitizer_env(server.folder), name, **more)
    return make


@pytest.fixture(scope='module')
def fresh(server):
    """What db sync makes of an empty database."""
    db = Database(server, BUILD, sanitizer_env(server.folder), 'fresh')
    db.sync()
    return db


def both(database, s_rev, r_rev):
    """RefStack under a name of its own beside subunit2sql, with rows."""
    db = database()
    db.load('subunit2sql', s_rev)
    db.load('refstack', r_rev, version_table='refstack_alembic_version')
    fill_subunit2sql(db)
    fill_refstack(db)
    return db


@pytest.mark.smoke
def test_empty_database(fresh):
    fresh.assert_head()
    before = fresh.dump()
    assert fresh.sync() == ''
    assert fresh.dump() == before


@pytest.mark.parametrize('revision', REVISIONS['subunit2sql'])
def test_adopt_subunit2sql(database, fresh, revision):
    db = database()
    db.load('subunit2sql', revision)
    fill_subunit2sql(db)
    before = rows_of_subunit2sql(db)
    db.sync()
    after = rows_of_subunit2sql(db)
    assert {table: after[table] for table in before} == before
    assert db.schema() == fresh.schema()
    db.assert_head()
    dump = db.dump()
    assert db.sync() == ''
    assert db.dump() == dump


@pytest.mark.parametrize('revision', REVISIONS['refstack'])
def test_adopt_refstack(database, fresh, revision):
    db = database()
    db.load('refstack', revision)
    fill_refstack(db)
    before, columns = rows_of_refstack(db)
    out = db.sync()
    assert 'rename alembic_version to refstack_alembic_version' in out
    assert rows_of_refstack(db, columns)[0] == before
    assert db.schema() == fresh.schema()
    db.assert_head()
    dump = db.dump()
    assert db.sync() == ''
    assert db.dump() == dump


def split_steps(path):
    """[(collation's table, statement)] of a migration; an independent reading of its form."""
    with open(path, encoding='utf-8') as f:
        text = f.read()
    for block in re.findall(r'((?:--[^\n]*\n|\n)*)([^-\n].*?);\n', text, flags=re.S):
        yield block[1]


def normal(schema):
    """Lines without what may differ: collations, which come from the database where the real tool says none."""
    return sorted(re.sub(r' (latin1|utf8mb3|utf8mb4)_\w+', '', line) for line in schema)


@pytest.mark.parametrize('family', ['subunit2sql', 'refstack'])
def test_each_revision_is_the_real_one(database, family):
    """Step by step from nothing: at each revision the schema is that of the real tool's dump."""
    ours, real = database('ours', default='utf8mb4'), database('real', default='utf8mb4')
    for number, revision in enumerate(REVISIONS[family], 1):
        for sql in split_steps(os.path.join(MIGRATIONS, family, '%03d_%s.sql' % (number, revision))):
            ours.script(sql.replace('@collation@', 'CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci') + ';')
        real = database('real', default='utf8mb4')
        real.load(family, revision, stamp=False)
        assert normal(ours.schema()) == normal(real.schema()), revision


def test_a_foreign_default_collation(database, fresh):
    """A dump that was restored where the default is another one: references need their parent's collation."""
    for revision in ('1f92cfe8a6d3', '3db7b49816d5', '1679b5bc102c'):
        db = database(default='latin1')
        db.load('subunit2sql', revision)
        fill_subunit2sql(db)
        db.query('ALTER DATABASE adopted CHARACTER SET utf32')
        db.sync()
        assert db.schema() == fresh.schema()


def test_old_latin1_tables(database, fresh):
    """subunit2sql says no character set: an old server gave it latin1."""
    db = database()
    with open(os.path.join(DATA, 'schema-subunit2sql', '28ac1ba9c3db.sql'), encoding='utf-8') as f:
        db.script(f.read().replace('CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci', 'CHARSET=latin1'))
    db.query("INSERT INTO alembic_version VALUES ('28ac1ba9c3db')")
    fill_subunit2sql(db)
    db.query("UPDATE tests SET test_id = 'tempest.größe' WHERE test_id = 'tempest.b'")
    before = rows_of_subunit2sql(db)
    db.sync()
    after = rows_of_subunit2sql(db)
    assert {table: after[table] for table in before} == before
    assert db.schema() == fresh.schema()
    db.assert_head()


@pytest.mark.parametrize('revision', ['4ca26dac400e', 'b96122f780', HEAD['subunit2sql']])
def test_tables_of_an_old_server(database, fresh, revision):
    """COMPACT rows, whose keys take 767 bytes a column, and three bytes a character: as MySQL 5.5 made them."""
    db = database()
    with open(os.path.join(DATA, 'schema-subunit2sql', revision + '.sql'), encoding='utf-8') as f:
        db.script(f.read().replace('CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci', 'CHARSET=utf8mb3 ROW_FORMAT=COMPACT'))
    db.query('INSERT INTO alembic_version VALUES (%s)', revision)
    fill_subunit2sql(db)
    before = rows_of_subunit2sql(db)
    db.sync()
    after = rows_of_subunit2sql(db)
    assert {table: after[table] for table in before} == before
    assert db.schema() == fresh.schema()
    db.assert_head()


def test_orphans_are_kept(database):
    """From 1679b5bc102c on nothing holds a test_run to its test: one without it keeps its row."""
    db = database()
    db.load('subunit2sql', 'b96122f780')
    fill_subunit2sql(db)
    db.insert('test_runs', id='0' * 36, test_id='1' * 36, run_id='2' * 36, status='fail')
    db.sync()
    assert db.query('SELECT test_id, run_id, status FROM test_runs WHERE test_id IS NULL') == [(None, None, 'fail')]
    assert len(db.query('SELECT id FROM test_runs')) == 9


def test_a_row_that_stands_twice(database):
    """10a2b6d4b06e wants metadata to be unique; the real tool stops at such a row."""
    db = database()
    db.load('subunit2sql', '35cd45895e56')
    fill_subunit2sql(db)
    for value in ('v1', 'V1', 'v1'):
        db.insert('run_metadata', key='build', value=value, run_id=1)
    db.sync()
    assert sorted(db.query("SELECT value FROM run_metadata WHERE run_id = 1")) == [('V1',), ('v1',)]


def test_run_times_of_old_tests(database):
    """5332fe255095: the average of the successful runs, where there is none yet."""
    db = database()
    db.load('subunit2sql', '28ac1ba9c3db')
    fill_subunit2sql(db)
    db.query('UPDATE tests SET run_time = NULL, success = 2')
    db.sync()
    times = dict(db.query('SELECT test_id, run_time FROM tests'))
    # runs of test 1 took 2 and 3 seconds, those of test 4 5 and 6; the others never succeeded
    assert times == {'tempest.a.test_a': 2.5, 'tempest.a.test_A': None, 'tempest.b': None, 'tempest.c': 5.5}


def test_keys_become_users(database):
    """428e5aef5534: a result signed with a registered key is its user's."""
    db = database()
    db.load('refstack', '534e20be9964')
    fill_refstack(db)
    for test, value in (('t1', 'ssh-rsa AAAA1'), ('t2', 'ssh-rsa aaaa1')):
        db.insert('meta', test_id=test, meta_key='public_key', value=value, created_at='2016-01-01')
    db.sync()
    assert sorted(db.query("SELECT test_id, meta_key, value FROM meta WHERE meta_key <> 'shared'")) == [
        ('t1', 'user', 'https://openstackid.org/user.1'), ('t2', 'public_key', 'ssh-rsa aaaa1')]
    assert sorted(db.query('SELECT result_id, project, user, anonymous FROM result_info')) == [
        ('t1', None, 'https://openstackid.org/user.1', 0), ('t2', None, None, 0)]


def test_openids_with_blanks(database):
    """434be17a6ec3: "%20" becomes "."; of two users that become one the one with the blank stays."""
    db = database()
    db.load('refstack', '59df512e82f')
    fill_refstack(db)
    old, new = 'https://openstackid.org/a%20b', 'https://openstackid.org/a.b'
    db.insert('user', openid=old, fullname='old', created_at='2016-01-01')
    db.insert('user', openid=new, fullname='new', created_at='2016-01-01')
    db.query('SET foreign_key_checks = 0')
    db.insert('pubkeys', id='k9', openid=old, format='ssh-rsa', pubkey='x', md5_hash='x', created_at='2016-01-01')
    db.query('UPDATE product SET created_by_user = %s', old)
    db.query("UPDATE user_to_group SET user_openid = %s, created_by_user = %s WHERE group_id = 'g1'", new, old)
    db.insert('meta', test_id='t1', meta_key='user', value=old, created_at='2016-01-01')
    db.sync()
    assert db.query('SELECT fullname FROM user WHERE openid = %s', new) == [('old',)]
    assert db.query("SELECT COUNT(*) FROM user WHERE openid LIKE '%%\\%%20%%'") == [(0,)]
    assert db.query("SELECT openid FROM pubkeys WHERE id = 'k9'") == [(new,)]
    assert set(db.query('SELECT created_by_user FROM product')) == {(new,)}
    assert db.query("SELECT user_openid, created_by_user FROM user_to_group WHERE group_id = 'g1'") == [(new, new)]
    assert db.query("SELECT value FROM meta WHERE meta_key = 'user'") == [(new,)]


def test_adopted_runs_belong_to_the_staff(database):
    db = both(database, HEAD['subunit2sql'], HEAD['refstack'])
    db.insert('tests', id=9, test_id='tempest.c', run_count=0)  # a double
    db.sync()
    assert db.query('SELECT run_id, project, user, result_id, tests, attachments, attachment_bytes FROM run_info '
                    'ORDER BY run_id') == [(1, None, None, None, 4, 4, 3600), (2, None, None, None, 4, 4, 3600)]
    assert [str(row[0]) for row in db.query('SELECT run_at FROM run_info ORDER BY run_id')] == [
        '2016-01-01 10:20:30', '2016-01-02 10:20:30']
    assert db.query('SELECT tests_id, runs, success, failure, run_time FROM project_test_stats '
                    "WHERE project = '' ORDER BY tests_id") == [
        (1, 2, 2, 0, 6.0), (2, 2, 0, 2, 0.0), (3, 2, 0, 0, 0.0), (4, 2, 2, 0, 12.0)]
    assert db.query("SELECT tests_id FROM test_keys WHERE name_sha256 = UNHEX(SHA2('tempest.c', 256))") == [(4,)]
    assert db.query('SELECT COUNT(*) FROM test_keys') == [(4,)]


def test_names_are_compared_by_bytes(fresh):
    for name in ('test_a', 'test_A', 'test_a ', 'test_ä', 'x' * 4096, '𝄞' * 4096):
        fresh.query('INSERT INTO tests (test_id) VALUES (%s)', name)
        assert fresh.query('SELECT test_id FROM tests WHERE test_id_sha256 = UNHEX(SHA2(%s, 256))', name) == [(name,)]
    fresh.query("INSERT INTO test (id, created_at, cpid, duration_seconds, verification_status) "
                "VALUES ('t', '2016-01-01', 'c', 1, 0)")
    for name in ('a', 'A', 'a '):
        fresh.insert('results', test_id='t', name=name, created_at='2016-01-01')
    with pytest.raises(Exception, match='Duplicate entry'):
        fresh.insert('results', test_id='t', name='a', created_at='2016-01-01')


# --- killed ---

def kill_at(db, number):
    """True where the process came to this fault point."""
    done = db.manage('db', 'sync', fault='db.statement=kill:%d' % number)
    assert done.returncode in (0, -9), done.stderr
    return done.returncode == -9


def content(db):
    """All that the database holds, line by line, but for what tells how often and when it was synced: the rows
    themselves are of 2016."""
    sync = r"INSERT INTO `tally_migration`.*?;\n|'20[2-9]\d-\d\d-\d\d [0-9:.]+'| AUTO_INCREMENT=\d+"
    return re.sub(sync, '', db.dump(), flags=re.S).splitlines()


def kill_everywhere(database, prepare, first, step):
    """Killed at every step-th fault point from the first on, then run again: it ends with what a sync that nothing
    disturbs makes of the same start."""
    db = database()
    prepare(db)
    db.sync()
    db.assert_head()
    undisturbed = content(db)
    for killed, number in enumerate(itertools.count(first, step)):
        db = database()
        prepare(db)
        if not kill_at(db, number):
            return killed
        db.sync()
        assert content(db) == undisturbed, number


def adopt_old(db):
    db.load('subunit2sql', '4ca26dac400e')
    db.load('refstack', '42278d6179b9', version_table='refstack_alembic_version')
    fill_subunit2sql(db)
    fill_refstack(db)


def test_killed_and_run_again(database):
    # around the change of ids, where most can go wrong, and a sample of the rest
    assert kill_everywhere(database, adopt_old, 7, 53) >= 3


EVERY = 8  # each piece takes every eighth statement, so that several can run at once


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize('piece', range(1, EVERY + 1))
def test_killed_at_every_statement_of_an_empty_database(database, piece):
    assert kill_everywhere(database, lambda db: None, piece, EVERY) > 150 // EVERY


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize('piece', range(1, EVERY + 1))
def test_killed_at_every_statement_of_old_databases(database, piece):
    assert kill_everywhere(database, adopt_old, piece, EVERY) > 100 // EVERY


def test_killed_at_each_statement_in_turn(database, fresh):
    """One database, killed at the third fault point of every run until nothing is left to do: that is past the
    statement at which the one before was killed, if only just."""
    db = database()
    adopt_old(db)
    before = rows_of_subunit2sql(db)
    runs = 0
    while kill_at(db, 3):
        runs += 1
        assert runs < FAULT_STATEMENTS
    assert runs > 50
    after = rows_of_subunit2sql(db)
    assert {table: after[table] for table in before} == before
    assert db.schema() == fresh.schema()
    db.assert_head()


def test_the_server_is_killed(database, fresh):
    """Killed with the server in mid-statement: what InnoDB has committed is what counts."""
    folder = make_folder()
    server = Server(folder, CACHE).start()
    try:
        for number in (30, 60):
            db = Database(server, BUILD, sanitizer_env(folder), 'crash')
            adopt_old(db)
            before = rows_of_subunit2sql(db)
            proc = db.start('db', 'sync', fault='db.statement=stop:%d' % number)
            with open('/proc/%d/stat' % proc.pid, encoding='ascii') as stat:
                for _ in range(1500):
                    stat.seek(0)
                    if stat.read().rpartition(')')[2].split()[0] == 'T':
                        break
                    time.sleep(0.02)
                else:
                    pytest.fail('it never came to statement %d' % number)
            server.kill()
            proc.kill()
            proc.communicate()
            server.start()
            db.sync()
            after = rows_of_subunit2sql(db)
            assert {table: after[table] for table in before} == before
            assert db.schema() == fresh.schema()
            db.assert_head()
    finally:
        server.kill()
        remove_folder(folder)


# --- Tally's own older revisions ---

def test_members_get_the_time_of_their_image(database, fresh):
    db = database()
    db.sync()
    db.script("""ALTER TABLE image_members DROP KEY ix_image_members_member_status, DROP KEY ix_image_members_member,
                     DROP COLUMN image_created_at, ADD KEY ix_image_members_member (member, status, image_id);
                 UPDATE tally_version SET version_num = '016_export_turns';""")
    for n in range(3):
        db.insert('images', id='image-%d' % n, status='active', created_at='2026-01-0%d 01:02:03.000004' % (n + 1),
                  updated_at='2026-05-05 05:05:05')
        for member in 'ab':
            db.insert('image_members', image_id='image-%d' % n, member=member, created_at='2026-06-06 06:06:06',
                      updated_at='2026-06-06 06:06:06')
    db.sync()
    assert db.schema() == fresh.schema()
    db.assert_head()
    assert db.query('SELECT image_id, COUNT(*), MIN(image_created_at), MAX(image_created_at) FROM image_members'
                    ' GROUP BY image_id ORDER BY image_id') == [
        ('image-%d' % n, 2, *[datetime.datetime(2026, 1, n + 1, 1, 2, 3, 4)] * 2) for n in range(3)]


# --- two at once ---

@pytest.mark.parametrize('prepare', [lambda db: None, adopt_old], ids=['empty', 'old'])
def test_several_at_once(database, fresh, prepare):
    db = database()
    prepare(db)
    procs = [db.start('db', 'sync') for _ in range(4)]
    results = [(proc.communicate(timeout=120), proc.returncode) for proc in procs]
    assert [code for _, code in results] == [0] * 4, results
    said = ''.join(out for (out, _), _ in results)
    assert said.count('Tally: revision ' + TALLY_REVISIONS[-1]) == 1, 'one of them does it'
    assert db.schema() == fresh.schema()
    db.assert_head()


def test_a_stopped_one_is_taken_over(database, fresh):
    """It neither works nor lives on: after its lease its connection is ended, and it can write nothing more."""
    db = database()
    proc = db.start('db', 'sync', fault='db.statement=stop:40')
    for _ in range(1500):
        rows = 'tally_migration' in db.tables() and db.query(
            "SELECT connection_id FROM tally_migration WHERE family = 'RefStack' OR done > 5")
        with open('/proc/%d/stat' % proc.pid, encoding='ascii') as stat:
            stopped = stat.read().rpartition(')')[2].split()[0] == 'T'
        if stopped:
            break
        time.sleep(0.02)
    assert stopped, rows
    db.query('UPDATE tally_migration SET lease_until = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND')
    db.sync()
    dump = db.dump()
    proc.send_signal(18)  # SIGCONT
    out, err = proc.communicate(timeout=60)
    assert proc.returncode != 0, out
    assert 'tally-manage: ' in err
    assert db.dump() == dump
    assert db.schema() == fresh.schema()
    db.assert_head()


# --- what it refuses, and what it only says ---

def test_dry_run_changes_nothing(database):
    db = database()
    db.load('refstack', HEAD['refstack'])
    before = db.dump()
    out = db.sync('--dry-run')
    assert 'rename alembic_version to refstack_alembic_version\n' in out
    assert 'subunit2sql: revision 5ef013efbc2 would be run\n' in out
    assert 'RefStack: revision' not in out
    assert db.dump() == before


def test_tables_without_a_revision(database):
    db = database()
    db.load('subunit2sql', HEAD['subunit2sql'], stamp=False)
    before = db.dump()
    done = db.manage('db', 'sync', '--dry-run')
    assert done.returncode == 73
    assert 'table tests is here, but no version table says' in done.stderr
    assert db.dump() == before


def test_no_server(database):
    db = database()
    with open(db.conf, 'w', encoding='utf-8') as f:
        f.write('[database]\nconnection = mysql://root@localhost/x?unix_socket=/nonexistent/socket\n')
    done = db.manage('db', 'sync')
    assert done.returncode == 69
    assert 'cannot connect' in done.stderr


def test_command_line(database):
    db = database()
    for args in ((), ('db',), ('db', 'sink'), ('dbx', 'sync'), ('db', 'sync', 'now'), ('db', 'sync', '--version'),
                 ('db', 'version', 'x')):
        done = db.manage(*args)
        assert done.returncode == 64, args
        assert done.stderr.startswith('tally-manage: '), args
    assert 'db sync' in db.manage('--help').stdout
    sample = db.manage('config', 'sample')
    assert sample.returncode == 0
    assert '[database]' in sample.stdout


def test_every_dump_is_covered():
    """The folders hold what ORDER.txt says, and as many migrations as the real projects have revisions."""
    for family, number in (('subunit2sql', 16), ('refstack', 13)):
        assert len(REVISIONS[family]) == number
        dumps = {os.path.basename(p)[:-4] for p in glob.glob(os.path.join(DATA, 'schema-' + family, '*.sql'))}
        ours = sorted(os.path.basename(p)[:-4] for p in glob.glob(os.path.join(MIGRATIONS, family, '*.sql')))
        assert dumps == set(REVISIONS[family])
        assert ours == ['%03d_%s' % pair for pair in enumerate(REVISIONS[family], 1)]
    assert shutil.which('mariadb-dump')
