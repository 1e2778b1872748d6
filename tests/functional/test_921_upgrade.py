"""docs/upgrade.md: its commands, on databases that the real tools made, answer what it says."""
import os
import re
import shlex
import subprocess

import pytest
from conftest import BUILD, sanitizer_env
from databases import HEAD, Database, fill_refstack, fill_subunit2sql, rows_of_refstack, rows_of_subunit2sql
from lab.service import PATH

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def chapter(title):
    """[(command, [line of its answer])] of a chapter of the document."""
    with open(os.path.join(TOP, 'docs', 'upgrade.md'), encoding='utf-8') as f:
        text = re.search(r'^## %s\n(.*?)(?=^## )' % title, f.read(), re.S | re.M).group(1)
    steps = []
    for block in re.findall(r'```console\n(.*?)```', text, re.S):
        for line in block.splitlines():
            if line.startswith('$ '):
                steps.append((line[2:], []))
            else:
                steps[-1][1].append(line)
    assert steps
    return steps


def run(server, db, command):
    if command.startswith('tally-manage '):
        done = db.manage(*shlex.split(command)[1:])
    else:
        command = re.sub(r'\b(mariadb|mariadb-dump) ', r'\1 --no-defaults -uroot -S %s ' % server.socket, command, count=1)
        done = subprocess.run(['bash', '-euc', command], cwd=server.folder, env={'PATH': PATH}, capture_output=True,
                              text=True, check=False)
    assert done.returncode == 0, command + '\n' + done.stdout + done.stderr
    return done.stdout.splitlines()


def as_said(server, db, title):
    """Runs the chapter; an answer is what the document says, "..." standing for any number of lines."""
    for command, said in chapter(title):
        pattern = ''.join('(?:.*\n)*' if line == '...' else re.escape(line) + '\n' for line in said)
        answer = ''.join(line + '\n' for line in run(server, db, command))
        assert re.fullmatch(pattern, answer), '$ %s\n%s' % (command, answer)


@pytest.fixture
def database(server):
    def make(name):
        return Database(server, BUILD, sanitizer_env(server.folder), name)
    return make


def test_refstack_alone(server, database):
    db = database('refstack')
    db.load('refstack', HEAD['refstack'])
    fill_refstack(db)
    before, columns = rows_of_refstack(db)
    as_said(server, db, 'RefStack alone')
    assert rows_of_refstack(db, columns)[0] == before
    db.assert_head()


def test_subunit2sql_alone(server, database):
    db = database('subunit2sql')
    db.load('subunit2sql', HEAD['subunit2sql'])
    fill_subunit2sql(db)
    before = rows_of_subunit2sql(db)
    as_said(server, db, 'subunit2sql alone')
    after = rows_of_subunit2sql(db)
    assert {table: after[table] for table in before} == before
    db.assert_head()


def test_both(server, database):
    """Two databases become one, each row of either stays."""
    refstack, db = database('refstack'), database('subunit2sql')
    refstack.load('refstack', HEAD['refstack'])
    fill_refstack(refstack)
    db.load('subunit2sql', HEAD['subunit2sql'])
    fill_subunit2sql(db)
    results, columns = rows_of_refstack(refstack)
    runs = rows_of_subunit2sql(db)
    as_said(server, db, 'Both')
    assert rows_of_refstack(db, columns)[0] == results
    after = rows_of_subunit2sql(db)
    assert {table: after[table] for table in runs} == runs
    db.assert_head()


def test_refstack_keeps_its_name(server, database):
    """The other way: RefStack's file is left alone."""
    db = database('refstack')
    db.load('refstack', HEAD['refstack'])
    fill_refstack(db)
    names = re.search(r'^tally-manage db sync (--version-table .*)$',
                      open(os.path.join(TOP, 'docs', 'upgrade.md'), encoding='utf-8').read(), re.M).group(1).split()
    db.sync(*names)
    assert db.versions('alembic_version') == [HEAD['refstack']]
    assert db.versions('subunit2sql_alembic_version') == [HEAD['subunit2sql']]
    db.configure(version_table='alembic_version', subunit2sql_version_table='subunit2sql_alembic_version')
    assert db.sync() == ''
