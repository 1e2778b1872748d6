"""db/ against a real server, by a small program of its own: what is run again, what is not, and what bulk rows keep."""
import os
import subprocess

import pytest

BYTES = b'a\tb\nc\\d\0e\\N\'"\r\x80\xff'


@pytest.fixture
def probe(stack):
    """Runs one scenario in a database of its own; returns its lines."""
    stack.sql('DROP DATABASE IF EXISTS probe', database=None)
    stack.sql('CREATE DATABASE probe CHARACTER SET utf8mb4', database=None)
    stack.sql('CREATE TABLE t (id INT PRIMARY KEY, v INT)', database='probe')
    stack.sql('INSERT INTO t VALUES (1, 0), (2, 0)', database='probe')
    stack.sql('CREATE TABLE b (id INT PRIMARY KEY, x LONGBLOB, y VARCHAR(9))', database='probe')

    def run(scenario, way='load'):
        done = subprocess.run([os.path.join(stack.build, 'tests', 'unit', 'db_probe'), scenario, stack.mariadb.socket, way],
                              capture_output=True, text=True, timeout=120, check=True,
                              env={**stack.env, 'PATH': '/usr/bin:/bin'})
        return done.stdout.splitlines()
    yield run
    stack.sql('DROP DATABASE probe', database=None)


def values(stack):
    return stack.sql('SELECT v FROM t ORDER BY id', database='probe')


def test_645_deadlock_is_run_again(stack, probe):
    assert probe('deadlock') == ['1 1 tries 3']
    assert values(stack) == ((2,), (2,))


def test_645_lost_connection_is_run_again(stack, probe):
    assert probe('lost')[0].startswith('1 tries 2')
    assert values(stack) == ((10,), (10,))


def test_645_duplicate_is_not_run_again(stack, probe):
    assert probe('duplicate') == ['0 tries 1 kind 1 code 1062']


@pytest.mark.parametrize('way', ['load', 'insert'])
def test_645_bulk_keeps_every_byte(stack, probe, way):
    first, again = probe('bulk', way)
    assert first.startswith('1 rows 300') and again == '0 kind 1 code 1062'
    rows = stack.sql('SELECT id, x, y FROM b ORDER BY id', database='probe')
    assert rows == tuple((n, BYTES if n % 3 else None, '\\N' if n % 2 else '') for n in range(1, 301))


@pytest.mark.parametrize('way', ['load', 'insert'])
def test_645_nothing_is_cut(stack, probe, way):
    assert probe('long', way) == ['0 code %d' % (1406 if way == 'insert' else 1265)]
    assert stack.sql('SELECT COUNT(*) FROM b', database='probe') == ((0,),)
