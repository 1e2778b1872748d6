"""Real subunit2sql and real RefStack go on working on a database that Tally has adopted or made.

SUBUNIT2SQL_DIR and REFSTACK_DIR name checkouts; without one its tests are skipped. They need Debian's python3-alembic,
python3-oslo.db, python3-oslo.log, python3-sqlalchemy, python3-six, python3-stevedore and python3-pymysql."""
import json
import os
import subprocess

import pytest
from conftest import BUILD, sanitizer_env
from databases import HEAD, REVISIONS, Database, fill_refstack, fill_subunit2sql
from lab.service import PATH

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture
def database(server):
    return Database(server, BUILD, sanitizer_env(server.folder), 'real')


def use(variable, script, db, *args):
    checkout = os.environ.get(variable)
    if not checkout:
        pytest.skip(variable + ' names no checkout')
    url = 'mysql+pymysql://root@localhost/%s?unix_socket=%s&charset=utf8mb4' % (db.name, db.server.socket)
    done = subprocess.run(['/usr/bin/python3', '-W', 'ignore', os.path.join(HERE, script), url, *args],
                          env={'PATH': PATH, 'PYTHONPATH': checkout, 'LANG': 'C.UTF-8', 'PBR_VERSION': '99'},
                          cwd=db.server.folder, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def assert_real_subunit2sql(db, tests, runs):
    before = db.schema()
    said = use('SUBUNIT2SQL_DIR', 'real_subunit2sql.py', db)
    assert said == {
        'tests': tests, 'runs': runs, 'loaded': [2, 1, 0], 'failing': 1,
        'of the run': ['real.test_fail', 'real.test_pass', 'tempest.b'], 'counters': said['counters'],
        'attachment': 100000, 'metadata': {'build': 'real'}, 'prefixes': ['real', 'tempest'],
        'runs after': runs}
    assert db.schema() == before
    db.sync()


@pytest.mark.parametrize('revision', [REVISIONS['subunit2sql'][0], 'b96122f780', HEAD['subunit2sql']])
def test_subunit2sql_on_an_adopted_database(database, revision):
    database.load('subunit2sql', revision)
    fill_subunit2sql(database)
    database.sync()
    if not database.query('SELECT id FROM runs'):
        database.query("INSERT INTO runs (uuid) VALUES ('only')")
    runs = database.query('SELECT COUNT(*) FROM runs')[0][0]
    assert_real_subunit2sql(database, ['tempest.a.test_A', 'tempest.a.test_a', 'tempest.b', 'tempest.c'], runs)
    # its own deletion takes our row along
    assert database.query('SELECT COUNT(*) FROM run_info') == [(runs - 1,)]


def test_subunit2sql_on_a_database_of_ours(database):
    database.sync()
    database.query("INSERT INTO runs (uuid) VALUES ('only')")
    assert_real_subunit2sql(database, [], 1)


@pytest.mark.parametrize('revision', [REVISIONS['refstack'][0], '35bf54e2c13c', HEAD['refstack']])
def test_refstack_on_an_adopted_database(database, revision):
    database.load('refstack', revision)
    fill_refstack(database)
    database.sync()
    database.query("INSERT IGNORE INTO user (created_at, openid, fullname) VALUES "
                   "('2016-01-01', 'https://openstackid.org/user.1', 'Zoë 1')")
    before = database.schema()
    said = use('REFSTACK_DIR', 'real_refstack.py', database, 'refstack_alembic_version')
    assert said == {'version': HEAD['refstack'], 'users': 'Zoë 1', 'results': ['real.A', 'real.a'],
                    'meta': 'https://openstackid.org/user.1', 'found': 3, 'page': 3, 'verified': 1,
                    'keys': 0 if revision == REVISIONS['refstack'][0] else 1, 'left': 2}
    assert database.schema() == before
    assert database.sync() == ''
