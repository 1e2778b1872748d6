"""Links that break and services that do not answer: `tally` says so, tries again, and nothing is stored twice."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

import bigstream
from evidence import counts, nothing
from gate import Gate
from lab.service import wait_for
from results import body
from streams import simple
from tally_command import INTERRUPTED, UNAVAILABLE, Tally

RATE = 10_000_000
MB = 1_000_000


class Link(Gate):
    """A link of 10 MB/s upwards. With LOSE_ANSWER set, what comes down after so many bytes went up is cut off."""

    def __init__(self, target):
        super().__init__(target)
        self.lose_answer = None
        self.up = self.flowed = 0
        self.began = time.monotonic()

    def _caught(self, direction, total):
        if direction == 'up':
            self.up = total
            self.flowed += 65536
            ahead = self.flowed / RATE - (time.monotonic() - self.began)
            if ahead > 0:
                time.sleep(ahead)
        elif self.lose_answer is not None and self.up > self.lose_answer:
            self.lose_answer = None
            return 'cut'
        return super()._caught(direction, total)


@pytest.fixture
def link(empty):
    with Link(empty.port) as g:
        g.url = 'https://127.0.0.1:%d' % g.port
        yield g


@pytest.fixture
def tally(empty, link, tmp_path):
    """Through the link."""
    return Tally(empty, tmp_path).set(TALLY_URL=link.url)


@pytest.fixture(scope='module')
def stream():
    """About 24 MB."""
    return b''.join(bigstream.tests(2400, os.urandom(10_000)))


def one_run(stack, made):
    rows = counts(stack)
    assert (rows['runs'], rows['run_info'], rows['test']) == (1, 1, 1)
    assert stack.sql('SELECT uuid FROM runs') == ((made,),)
    assert stack.sql('SELECT COUNT(*) FROM test_runs') == ((2400,),)


def test_a_file(stack, tally, link, stream):
    link.arm('up', 9 * MB, 'cut')
    done = tally.run('upload-subunit', tally.file('run', stream), '-f', 'value', '-c', 'run')
    assert done.returncode == 0, done.stderr
    said = re.search(r'tally: run: the link broke after ([\d.]+) MB of ([\d.]+) MB: .*; trying again in [\d.]+ s \(1 of 5\)',
                     done.stderr.replace(tally.folder + '/', ''))
    assert said and 5 < float(said.group(1)) < 20 and float(said.group(2)) == pytest.approx(len(stream) / MB, 0.1)
    assert link.caught == 1
    one_run(stack, done.stdout.strip())


def test_shards(stack, tally, link, stream):
    shards = [tally.file('one', stream), tally.file('two', simple('last.one'))]
    link.arm('up', 9 * MB, 'cut')
    done = tally.run('upload-subunit', *shards, '-f', 'value', '-c', 'run')
    assert done.returncode == 0 and '2 shards: the link broke' in done.stderr
    assert counts(stack)['runs'] == 1 and counts(stack)['test_runs'] == 2401


def test_again_and_again(stack, tally, link, stream):
    link.arm('up', 5 * MB, 'cut', times=10)
    done = tally.run('upload-subunit', tally.file('run', stream), '--retries', '2')
    assert done.returncode == UNAVAILABLE and done.stdout == ''
    assert done.stderr.count('trying again') == 2 and done.stderr.count('the link broke') == 3
    assert 'nothing is stored' in done.stderr
    wait_for('the service to notice', lambda: counts(stack)['runs'] == 0, 10)
    nothing(stack)


def test_standard_input(stack, tally, link, stream):
    """Beyond what is kept it cannot be sent again: it is said, and nothing of it is stored."""
    link.arm('up', 12 * MB, 'cut')
    done = tally.run('upload-subunit', '-', stdin=stream)
    assert done.returncode == UNAVAILABLE and done.stdout == ''
    assert 'standard input: the link broke after' in done.stderr and 'trying again' not in done.stderr
    assert 'cannot be sent again: nothing is stored' in done.stderr
    nothing(stack)


def test_the_beginning_of_standard_input(stack, tally, link, stream):
    link.arm('up', 2 * MB, 'cut')
    done = tally.run('upload-subunit', '-', '-f', 'value', '-c', 'run', stdin=stream)
    assert done.returncode == 0 and 'trying again' in done.stderr, done.stderr
    one_run(stack, done.stdout.strip())


def test_standard_input_from_a_file(stack, tally, link, stream):
    link.arm('up', 12 * MB, 'cut')
    with open(tally.file('run', stream), 'rb') as f:
        done = tally.run('upload-subunit', '-', '-f', 'value', '-c', 'run', stdin=f)
    assert done.returncode == 0 and 'trying again' in done.stderr, done.stderr
    one_run(stack, done.stdout.strip())


def test_a_lost_answer(stack, tally, link, stream):
    """The first attempt is stored; the second finds it."""
    link.lose_answer = len(stream) * 0.98
    done = tally.run('upload-subunit', tally.file('run', stream), '-f', 'value', '-c', 'run')
    assert done.returncode == 0, done.stderr
    assert 'all was sent, but no answer came' in done.stderr and 'an earlier attempt had arrived' in done.stderr
    assert link.lose_answer is None
    one_run(stack, done.stdout.strip())


def test_a_lost_answer_of_a_result(stack, tally, link, tmp_path):
    """RefStack's results know no repetition: it is not sent again."""
    path = tally.file('r.json', json.dumps(body(['pkg.test_%d' % i for i in range(1000)])))
    link.lose_answer = 10000
    done = tally.run('upload', path)
    assert done.returncode == UNAVAILABLE and 'it may be stored: look' in done.stderr, done.stderr
    assert 'trying again' not in done.stderr
    wait_for('the result', lambda: counts(stack)['test'] == 1)


def test_evidence_after_its_result(stack, tally, link, stream):
    """The result is there, its evidence is lost on the way for good: it is said how to send it later."""
    names = ['pkg.mod%d.Class.test_%d' % (i % 97, i) for i in range(2400) if i % 50]
    path = tally.file('r.json', json.dumps(body(names)))
    run = tally.file('run', stream)
    link.arm('up', 5 * MB, 'cut', times=10)
    done = tally.run('upload', path, '--subunit', run, '--retries', '1')
    assert done.returncode == UNAVAILABLE
    command = re.search(r'tally upload-subunit --link (\S+) (\S+)', done.stderr)
    assert command and counts(stack)['runs'] == 0
    link.release()
    made = tally.json('upload-subunit', '--link', command.group(1), command.group(2))
    assert made['result'] == command.group(1)
    one_run(stack, made['run'])


def test_interrupted(stack, tally, link, stream):
    link.arm('up', 6 * MB, 'hold')
    child = tally.start('upload-subunit', tally.file('run', stream), stdout=-1, stderr=-1)
    link.wait_held()
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=30)
    link.release()
    assert child.returncode == INTERRUPTED and out == b''
    assert b'nothing is stored' in err and b'trying again' not in err
    nothing(stack)


def test_a_service_that_comes_back(stack, tally, tmp_path):
    direct = tally.set(TALLY_URL=None)
    path = direct.file('run', simple())
    stack.expect_down.add('nginx')
    stack.nginx.stop(signal.SIGQUIT, 30)
    done = direct.run('upload-subunit', path, '--retries', '1')
    assert done.returncode == UNAVAILABLE and 'trying again' in done.stderr and 'nothing is stored' in done.stderr
    done = direct.run('run', 'list', '--retries', '0')
    assert done.returncode == UNAVAILABLE and 'trying again' not in done.stderr
    child = direct.start('upload-subunit', path, stdout=-1, stderr=-1)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(2)
    stack.nginx.start()
    err = child.communicate(timeout=60)[1]
    assert child.returncode == 0 and b'trying again' in err, err
    assert counts(stack)['runs'] == 1


def test_keystone_away(stack, tally):
    """tally.fcgi then says 503 with Retry-After: the pause that it asks for is kept."""
    token = stack.new_token('demo')
    given = tally.set(OS_TOKEN=token, OS_USERNAME=None, OS_PASSWORD=None, OS_AUTH_URL=None, TALLY_URL=stack.url)
    stack.expect_down.add('keystone')
    stack.keystone.stop()
    done = given.run('run', 'list', '--retries', '1')
    assert done.returncode == UNAVAILABLE and 'Keystone' in done.stderr and '(1 of 1)' in done.stderr
    done = tally.run('run', 'list', '--retries', '0')
    assert done.returncode == UNAVAILABLE and 'Keystone at http://127.0.0.1' in done.stderr
    assert token not in done.stderr
