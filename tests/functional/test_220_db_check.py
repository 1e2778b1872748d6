"""db check says what is not as it must be; db expire removes old runs with all that they added."""
import datetime
import glob
import hashlib
import os
import subprocess
import uuid

import pytest
from conftest import BUILD, sanitizer_env
from databases import DATA, HEAD, Database, fill_subunit2sql
from evidence import fill_lists
from lab.service import PATH


@pytest.fixture
def database(server):
    db = Database(server, BUILD, sanitizer_env(server.folder), 'checked')
    db.sync()
    return db


def add_run(db, project, outcomes, run_at='2026-01-02 03:04:05', metadata=(), result=None, attachment=b''):
    """A run as an upload leaves it: {test: status}, each 1.5 s long. Returns its id."""
    with db.server.connect(db.name) as conn, conn.cursor() as cur:
        cur.execute('INSERT INTO runs (uuid, passes, fails, skips, run_time, run_at) VALUES (%s, 1, 0, 0, 1.5, %s)',
                    (str(uuid.uuid4()), run_at))
        run = cur.lastrowid
        cur.execute('INSERT INTO run_info (run_id, project, user, result_id, sha256, stream_format, tests, '
                    'attachments, attachment_bytes, run_at, created_at) '
                    "VALUES (%s, %s, 'u', %s, %s, 2, %s, %s, %s, %s, %s)",
                    (run, project, result, hashlib.sha256(b'%d' % run).digest(), len(outcomes),
                     len(outcomes) if attachment else 0, len(attachment) * len(outcomes), run_at, run_at))
        for key in metadata:
            cur.execute("INSERT INTO run_metadata (`key`, value, run_id) VALUES (%s, '1', %s)", (key, run))
        for name, status in outcomes.items():
            digest = hashlib.sha256(name.encode()).digest()
            cur.execute('SELECT tests_id FROM test_keys WHERE name_sha256 = %s', (digest,))
            row = cur.fetchone()
            if not row:
                cur.execute('INSERT INTO tests (test_id, run_count, success, failure) VALUES (%s, 0, 0, 0)', (name,))
                row = (cur.lastrowid,)
                cur.execute('INSERT INTO test_keys VALUES (%s, %s)', (digest, row[0]))
            passed, failed = status in ('success', 'xfail'), status in ('fail', 'uxsuccess')
            cur.execute('INSERT INTO test_runs (test_id, run_id, status, start_time, stop_time, '
                        'start_time_microsecond, stop_time_microsecond) '
                        "VALUES (%s, %s, %s, '2026-01-01', '2026-01-01 00:00:02', 500000, 0)",
                        (row[0], run, status))
            test_run = cur.lastrowid
            cur.execute('UPDATE tests SET run_count = run_count + %s, success = success + %s, failure = failure + %s, '
                        'run_time = 1.5 WHERE id = %s', (passed or failed, passed, failed, row[0]))
            cur.execute('INSERT INTO project_test_stats VALUES (%s, %s, 1, %s, %s, %s) ON DUPLICATE KEY UPDATE '
                        'runs = runs + 1, success = success + VALUES(success), failure = failure + VALUES(failure), '
                        'run_time = run_time + VALUES(run_time)',
                        (project, row[0], passed, failed, 1.5 * passed))
            if attachment:
                cur.execute("INSERT INTO attachments (test_run_id, label, attachment) VALUES (%s, 'x', %s)",
                            (test_run, attachment))
                cur.execute("INSERT INTO attachment_info VALUES (%s, %s, %s, 'x', NULL, %s, %s)",
                            (cur.lastrowid, run, test_run, len(attachment), hashlib.sha256(attachment).digest()))
        cur.execute('DELETE FROM project_run_metadata')
        fill_lists(cur)
        return run


def check(db):
    done = db.manage('db', 'check')
    assert done.returncode in (0, 1), done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == '%d difference%s' % (len(lines) - 1, '' if len(lines) == 2 else 's')
    assert (done.returncode == 1) == (len(lines) > 1)
    return lines[:-1]


# --- the schema ---

@pytest.mark.parametrize('change, said', [
    ('ALTER TABLE runs DROP KEY ix_run_at', 'missing: index runs.ix_run_at (run_at)'),
    ('ALTER TABLE runs ADD COLUMN note TEXT', 'not expected: column runs.note text utf8mb4_bin null'),
    ('ALTER TABLE meta MODIFY value VARCHAR(99) COLLATE utf8mb4_bin',
     'differs: column meta.value varchar(99) utf8mb4_bin null; must be: text utf8mb4_bin null'),
    ('ALTER TABLE tests DROP KEY ix_tests_test_id, ADD KEY ix_tests_test_id (test_id(20))',
     'differs: index tests.ix_tests_test_id (test_id(20)); must be: (test_id(30))'),
    ('ALTER TABLE run_info DROP FOREIGN KEY fk_run_info_run_id',
     'missing: foreign key run_info.fk_run_info_run_id (run_id) references runs (id) on delete cascade'),
    ('ALTER TABLE attachments MODIFY attachment BLOB',
     'differs: column attachments.attachment blob null; must be: longblob null'),
    ('ALTER TABLE test ALTER duration_seconds SET DEFAULT 7',
     "differs: column test.duration_seconds int not null default '7'; must be: int not null"),
    ('ALTER TABLE pubkeys ENGINE=MyISAM', None),
    ('DROP TABLE test_keys', 'missing: table test_keys InnoDB utf8mb4_bin'),
])
def test_a_difference_of_the_schema(database, change, said):
    if said is None:
        database.query('ALTER TABLE pubkeys DROP FOREIGN KEY pubkeys_ibfk_1')
        said = 'differs: table pubkeys MyISAM utf8mb3_general_ci; must be: InnoDB utf8mb3_general_ci'
    database.query(change)
    before = database.dump()
    assert said in check(database)
    assert database.dump() == before


def test_other_tables_are_no_difference(database):
    database.query('CREATE TABLE something_else (id INT)')
    assert check(database) == []


def test_version_tables_are_said_and_left(database):
    database.query('RENAME TABLE tally_version TO elsewhere')
    database.query('DELETE FROM tally_version_names')
    assert check(database) == ['version tables: rename elsewhere to tally_version']
    assert 'elsewhere' in database.tables()
    database.sync()
    database.assert_head()


# --- counters ---

def test_counters(database):
    one = add_run(database, 'p', {'a': 'success', 'b': 'fail', 'c': 'skip'}, attachment=b'xyz')
    add_run(database, 'p', {'a': 'success'})
    add_run(database, 'q', {'a': 'uxsuccess', 'd': 'xfail'})
    assert check(database) == []
    database.query("UPDATE project_test_stats SET success = 3, run_time = 2.5 WHERE project = 'p' AND success = 2")
    database.query('UPDATE run_info SET tests = 9, attachment_bytes = 1 WHERE run_id = %s', one)
    database.query('DELETE FROM attachment_info ORDER BY attachment_id LIMIT 1')
    database.query("DELETE FROM test_keys WHERE name_sha256 = UNHEX(SHA2('d', 256))")
    database.query("UPDATE test_keys SET tests_id = 999 WHERE name_sha256 = UNHEX(SHA2('b', 256))")
    database.query('UPDATE attachment_info SET size = 4 ORDER BY attachment_id LIMIT 1')
    a = database.query("SELECT id FROM tests WHERE test_id = 'a'")[0][0]
    said = check(database)
    assert 'run %d: run_info.tests is 9, but it has 3' % one in said
    assert 'run %d: run_info says 3 attachments of 1 bytes, but it has 3 of 9' % one in said
    assert ('test %d of project p: project_test_stats is off by runs 0, success 1, failure 0, run_time -0.500000' % a
            in said)
    assert [line for line in said if line.endswith('is not in test_keys: another tool made it')]
    assert 'test_keys leads to test 999, which is not that test' in said
    assert [line for line in said if 'attachment_info.size is 4, but it has 3' in line]
    assert len(said) == 6


def test_lists(database):
    one = add_run(database, 'p', {'a': 'success'}, metadata=('branch', 'node'))
    two = add_run(database, 'p', {'a': 'fail'}, metadata=('branch',))
    assert check(database) == []
    database.query("UPDATE runs SET fails = 7 WHERE id = %s", two)
    assert check(database) == ['run %d does not stand in its lists as it is: another tool changed it' % two]
    database.query("UPDATE runs SET fails = 0 WHERE id = %s", two)
    database.query("INSERT INTO run_metadata (`key`, value, run_id) VALUES ('late', 'x', %s)", one)
    database.query("DELETE FROM project_run_metadata WHERE `key` = 'node'")
    assert check(database) == ['run %d does not stand in its lists as it is: another tool changed it' % one,
                               'metadata late=x of project p: project_run_metadata is off by runs -1',
                               'metadata node=1 of project p: project_run_metadata is off by runs -1']


def test_a_run_that_another_tool_loaded(database):
    database.query("INSERT INTO runs (uuid) VALUES ('u-u-i-d')")
    assert check(database) == ['run u-u-i-d has no run_info: another tool loaded it']


def test_adopted_counters(server):
    db = Database(server, BUILD, sanitizer_env(server.folder), 'adopted')
    db.load('subunit2sql', HEAD['subunit2sql'])
    fill_subunit2sql(db)
    # a clock that went back, a status that nobody set, a time that is missing
    db.query("UPDATE test_runs SET start_time = '2016-01-01 00:00:09', start_time_microsecond = 750000 WHERE id = 1")
    db.query('UPDATE test_runs SET status = NULL WHERE id = 2')
    db.query('UPDATE test_runs SET stop_time = NULL WHERE id = 4')
    db.sync()
    assert check(db) == []
    done = db.manage('db', 'expire', '--before', '2016-01-02')
    assert (done.returncode, done.stdout) == (0, 'deleted 1 run from before 2016-01-02 00:00:00\n'), done.stderr
    assert check(db) == []
    assert db.query('SELECT COUNT(*) FROM test_runs') == [(4,)]


def test_results_that_another_tool_has_touched(database):
    """What lists are read from is a copy."""
    database.query("INSERT INTO test (id, created_at, cpid, duration_seconds, verification_status) VALUES "
                   "('a', NOW(), 'c', 1, 0), ('b', NOW(), 'c', 1, 0), ('c', NOW(), 'c', 1, 0), ('d', NOW(), 'c', 1, 0)")
    assert check(database) == ['result %s has no result_info: another tool made it' % i for i in 'abcd']
    database.query("INSERT INTO result_info (result_id, cpid, created_at) SELECT id, cpid, created_at FROM test")
    assert check(database) == []
    database.query("INSERT INTO meta (created_at, test_id, meta_key, value) VALUES (NOW(), 'a', 'shared', 'true'),"
                   " (NOW(), 'd', 'shared', '')")
    database.query("UPDATE test SET verification_status = 1 WHERE id = 'b'")
    database.query("UPDATE test SET cpid = 'c ' WHERE id = 'c'")
    assert check(database) == ['result %s: another tool has shared, verified or changed it: lists show it as it was' % i
                               for i in 'abc']


# --- expiry ---

def names(db):
    return {row[0] for row in db.query('SELECT test_id FROM tests')}


def runs(db):
    return [row[0] for row in db.query('SELECT id FROM runs ORDER BY id')]


def test_expire(database):
    database.query("INSERT INTO test (id, created_at, cpid, duration_seconds, verification_status) VALUES "
                   "('verified', NOW(), 'c', 1, 1), ('plain', NOW(), 'c', 1, 0)")
    database.query("INSERT INTO result_info (result_id, cpid, verified, created_at) VALUES "
                   "('verified', 'c', 1, NOW()), ('plain', 'c', 0, NOW())")
    old = add_run(database, 'p', {'a': 'success', 'gone': 'fail'}, '2020-01-01 00:00:00', attachment=b'x' * 70000)
    kept = add_run(database, 'p', {'a': 'success', 'kept': 'fail'}, '2020-01-01 00:00:01', metadata=('keep', 'other'))
    verified = add_run(database, 'p', {'v': 'success'}, '2020-01-01 00:00:02', result='verified')
    plain = add_run(database, 'q', {'a': 'fail'}, '2020-01-01 00:00:03', result='plain', metadata=('Keep',))
    edge = add_run(database, 'q', {'a': 'skip'}, '2020-01-02 00:00:00')
    before = database.dump()
    done = database.manage('db', 'expire', '--before', '2020-01-02', '--dry-run')
    assert done.stdout == 'would delete 2 runs from before 2020-01-02 00:00:00, spared 1 of verified results\n'
    assert database.dump() == before
    done = database.manage('db', 'expire', '--before', '2020-01-02')
    assert done.stdout == 'deleted 2 runs from before 2020-01-02 00:00:00, spared 1 of verified results\n'
    assert runs(database) == [kept, verified, edge]
    assert old not in runs(database) and plain not in runs(database)
    assert names(database) == {'a', 'kept', 'v'}
    assert sorted(database.query('SELECT id FROM test')) == [('plain',), ('verified',)]
    for table in ('attachments', 'attachment_info'):
        assert database.query('SELECT COUNT(*) FROM ' + table) == [(0,)]
    assert check(database) == []
    before = database.dump()
    assert database.manage('db', 'expire', '--before', '2020-01-02').stdout.startswith('deleted 0 runs ')
    assert database.dump() == before


def test_expire_by_days(database):
    now = datetime.datetime.now(datetime.timezone.utc)
    ids = [add_run(database, 'p', {'a': 'success'}, (now - datetime.timedelta(days=d)).strftime('%Y-%m-%d %H:%M:%S'))
           for d in (400, 187, 185, 9, 0)]
    assert database.manage('db', 'expire').stdout.startswith('deleted 2 runs from before ')  # 186 in the file
    assert runs(database) == ids[2:]
    database.manage('db', 'expire', '--days', '10')
    assert runs(database) == ids[3:]
    done = database.manage('db', 'expire', '--days', '0')
    assert (done.returncode, done.stdout) == (0, 'nothing expires: 0 days\n')
    with open(database.conf, 'a', encoding='utf-8') as f:
        f.write('[subunit]\nexpire_days = 5\n')
    database.manage('db', 'expire')
    assert runs(database) == ids[4:]
    assert check(database) == []


def test_expire_many_among_kept_ones(database):
    """More than one batch, with those in between that stay."""
    for number in range(330):
        add_run(database, 'p', {'t%d' % (number % 7): 'success'}, '2020-01-01 00:%02d:00' % (number % 60),
                metadata=('keep',) if number % 3 == 0 else ())
    assert database.manage('db', 'expire', '--days', '1').stdout.startswith('deleted 220 runs ')
    assert len(runs(database)) == 110
    assert check(database) == []


def test_an_adopted_run_without_a_time(server):
    """It is as old as its adoption."""
    db = Database(server, BUILD, sanitizer_env(server.folder), 'adopted')
    db.load('subunit2sql', HEAD['subunit2sql'])
    fill_subunit2sql(db)
    db.query('UPDATE runs SET run_at = NULL WHERE id = 1')
    db.sync()
    assert db.manage('db', 'expire', '--days', '1').stdout.startswith('deleted 1 run ')
    assert runs(db) == [1]
    db.query("UPDATE run_info SET created_at = '2020-01-01'")
    assert db.manage('db', 'expire', '--days', '1').stdout.startswith('deleted 1 run ')
    assert runs(db) == []
    assert check(db) == []


def test_expire_refuses(database):
    for args in (('--days', '-1'), ('--days', 'x'), ('--before', 'yesterday'), ('--before', '2020-02-30'),
                 ('--days', '1', '--before', '2020-01-01'), ('now',)):
        done = database.manage('db', 'expire', *args)
        assert done.returncode == 64, args
    database.query('UPDATE tally_version SET version_num = %s', '001_subunit2sql_columns')
    done = database.manage('db', 'expire', '--days', '1')
    assert done.returncode == 73
    assert 'tally-manage db sync' in done.stderr


# --- the service's own rows ---

def test_uploads_and_deletions_leave_no_difference(empty, demo, alt):
    """Streams of the corpus in two projects, then one deleted, then all expired: every counter agrees."""
    def check_stack():
        argv = [os.path.join(BUILD, 'manage', 'tally-manage'), '--config', empty.conf.path, 'db', 'check']
        done = subprocess.run(argv, env=dict(empty.env, PATH=PATH), capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    runs_made = []
    streams = sorted(glob.glob(os.path.join(DATA, 'corpus', 'streams', '*')))[::12]
    for number, path in enumerate(streams):
        with open(path, 'rb') as f:
            body = f.read()
        for client in (demo, alt) if number % 2 else (demo,):
            headers = {'Content-Type': 'application/octet-stream'}
            if path.endswith('.gz'):
                headers['Content-Encoding'] = 'gzip'
            answer = client.post('/v1/subunit', data=body, headers=headers)
            if answer.status_code == 201:
                runs_made.append((client, answer.json()['subunit-uuid']))
    assert len(runs_made) >= len(streams)
    assert check_stack() == '0 differences\n'
    for client, run in runs_made[::2]:
        assert client.delete('/v1/subunit/' + run).status_code == 204
    assert check_stack() == '0 differences\n'
    with empty.connect() as db, db.cursor() as cur:
        cur.execute('SELECT COUNT(*) FROM runs')
        assert cur.fetchone()[0] == len(runs_made) - len(runs_made[::2])
