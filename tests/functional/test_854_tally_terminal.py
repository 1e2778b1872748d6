"""`tally` at a terminal and in pipes: progress, tables that fit, stestr's streams, help, completion, the manual."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

import bigstream
from conftest import TOP
from evidence import counts, stored
from gate import Gate
from lab.service import PATH
from streams import simple
from tally_command import IO, NOT_ALLOWED, USAGE, Tally


class Terminal:
    """Runs a command with a terminal of COLUMNS on the descriptors that ON names."""

    def __init__(self, tally, *args, columns=80, on=(0, 1, 2)):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
        given = {0: slave, 1: slave, 2: slave}
        self.proc = subprocess.Popen(tally.argv(*args), env=tally.env, cwd=tally.folder, start_new_session=True,
                                     stdin=given[0] if 0 in on else subprocess.DEVNULL,
                                     stdout=given[1] if 1 in on else subprocess.PIPE,
                                     stderr=given[2] if 2 in on else subprocess.PIPE,
                                     preexec_fn=lambda: fcntl.ioctl(slave, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.text = ''

    def read(self, until=None, seconds=60):
        """What came, up to the end or to UNTIL."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not (until and until in self.text):
            if not select.select([self.master], [], [], 0.2)[0]:
                if self.proc.poll() is not None:
                    break
                continue
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.text += data.decode('utf-8', 'replace')
        return self.text

    def end(self):
        self.read()
        self.proc.wait(60)
        os.close(self.master)
        return self.proc.returncode


def test_progress(stack, tally):
    """A bar with rate and time while it is sent; nothing of it is left, and none of it is in a pipe."""
    path = tally.file('run', b''.join(bigstream.tests(1200, os.urandom(10_000))))
    with Gate(stack.port) as gate:
        through = tally.set(TALLY_URL='https://127.0.0.1:%d' % gate.port)
        gate.arm('up', 6_000_000, 'hold')
        terminal = Terminal(through, 'upload-subunit', path, '-f', 'value', '-c', 'run', on=(2,))
        gate.wait_held()
        time.sleep(1.5)
        gate.release()
        out = terminal.proc.stdout.read()
        assert terminal.end() == 0, terminal.text
    lines = terminal.text.split('\r')
    bars = [line for line in lines if '%' in line]
    assert bars and all(re.search(r'\[#* *\] +\d+%  [\d.]+ [kM]?B of 12\.\d MB', line) for line in bars), lines
    assert any('ETA' in line and 'MB/s' in line for line in bars)
    assert all(len(line.replace('\x1b[K', '').rstrip('\n')) < 80 for line in bars)
    assert len(out.strip()) == 36 and b'%' not in out and 'tally: sent 12.' in lines[-1] + lines[-2]
    quiet = Terminal(tally, 'upload-subunit', tally.file('two', simple()), '-q', on=(2,))
    quiet.proc.stdout.read()
    assert quiet.end() == 0 and quiet.text == ''


def test_a_table_fits_the_terminal(tally, demo):
    run, _ = stored(demo, simple('pkg.' + 'very_long_name.' * 20 + 'test', '\u6f22\u5b57' * 60),
                    {'meta.note': 'wide \u6f22\u5b57 ' * 20})
    for columns in (60, 100):
        for args in (('run', 'list'), ('run', 'tests', run), ('test', 'list')):
            terminal = Terminal(tally, *args, columns=columns, on=(1,))
            assert terminal.end() == 0
            lines = terminal.text.replace('\r', '').splitlines()
            widths = [sum(2 if '\u4e00' <= c <= '\u9fff' else 1 for c in line) for line in lines]
            assert len(lines) >= 2 and max(widths) <= columns, lines
            assert '\u2026' in terminal.text
    # in a pipe nothing is cut
    assert 'very_long_name.' * 20 + 'test' in tally('run', 'tests', run)


def test_password_at_the_terminal(stack, tally, demo):
    """It is asked for, and not shown."""
    without = tally.set(OS_PASSWORD=None)
    terminal = Terminal(without, 'run', 'list', '-f', 'json')
    terminal.read('Password: ')
    os.write(terminal.master, b'demo\n')
    assert terminal.end() == 0 and '[]' in terminal.text and 'demo' not in terminal.text
    terminal = Terminal(without, 'run', 'list')
    terminal.read('Password: ')
    os.write(terminal.master, b'wrong\n')
    assert terminal.end() == NOT_ALLOWED and 'wrong' not in terminal.text


def test_a_stream_is_nothing_for_a_terminal(tally, demo):
    run, _ = stored(demo, simple())
    terminal = Terminal(tally, 'run', 'export', run)
    assert terminal.end() == USAGE and '-o FILE' in terminal.text
    terminal = Terminal(tally, 'upload-subunit', '-')
    assert terminal.end() not in (0, None) and 'is a terminal' in terminal.text


def test_stestr(stack, tally, demo, tmp_path):
    """stestr's own last stream through a pipe, while no file may grow by a byte."""
    (tmp_path / 'tests').mkdir()
    (tmp_path / 'tests' / '__init__.py').write_text('')
    (tmp_path / 'tests' / 'test_it.py').write_text(
        'import unittest\nclass It(unittest.TestCase):\n    def test_good(self): pass\n'
        '    def test_bad(self): self.fail("no")\n    @unittest.skip("later")\n    def test_later(self): pass\n')
    (tmp_path / '.stestr.conf').write_text('[DEFAULT]\ntest_path=./tests\ntop_dir=./\n')
    env = {**tally.env, 'PYTHONDONTWRITEBYTECODE': '1'}

    def bash(line, **more):
        return subprocess.run(['bash', '-c', line], cwd=tmp_path, env={**env, **more}, capture_output=True, text=True,
                              check=False, timeout=120)

    bash('stestr init; stestr run --serial')
    done = bash('set -o pipefail; stestr last --subunit | (ulimit -f 0; %s upload-subunit - -f value -c run)'
                % tally.argv()[0])
    assert done.returncode == 0, done.stderr
    run = demo.get('/v1/subunit/' + done.stdout.strip()).json()
    assert (run['subunit-data']['passes'], run['subunit-data']['fails'], run['subunit-data']['skips']) == (1, 1, 1)
    assert {t['test_id'] for t in run['tests']} == {'tests.test_it.It.test_' + n for n in ('good', 'bad', 'later')}
    # python-subunit's own filter in the middle
    done = bash('set -o pipefail; stestr last --subunit | subunit-filter -s --passthrough | %s upload-subunit - -f value '
                '-c run' % tally.argv()[0])
    assert done.returncode == 0 and counts(stack)['runs'] == 2, done.stderr


def test_output_that_is_not_taken(tally, demo):
    stored(demo, simple())
    with open('/dev/full', 'wb') as full:
        for args in (('run', 'list'), ('run', 'list', '-f', 'json'), ('--help',)):
            done = subprocess.run(tally.argv(*args), env=tally.env, stdout=full, stderr=subprocess.PIPE, check=False)
            assert done.returncode == IO, args


def test_help(tally):
    nobody = Tally(tally.stack, tally.folder, user=None)
    text = nobody('--help')
    commands = re.findall(r'^  (\S+(?: [a-z]+)?) ', text.split('options of')[0], re.M)
    assert {'upload', 'upload-subunit', 'run list', 'task wait', 'sign', 'image show'} <= set(commands)
    assert nobody('help') == text
    for command in commands:
        words = command.split()
        one = nobody('help', *words)
        assert one == nobody(*words, '--help') and one.startswith('usage: tally %s [OPTIONS]' % command)
        assert all(len(line) <= 120 for line in one.splitlines())
    assert re.fullmatch(r'tally \d+\.\d+\.\d+\n', nobody('--version')) and nobody('-V') == nobody('--version')


@pytest.mark.parametrize('args, said', [
    ((), 'which command?'), (('uplaod',), 'is it "upload"?'), (('run',), 'needs one of: list, show'),
    (('run', 'lits'), 'is it "run list"?'), (('dance',), 'no command "dance"'), (('run', 'list', '--limt', '1'),
                                                                                 'is it --limit?'),
    (('completion',), 'needs one of: bash'), (('completion', 'bash', 'x'), 'takes no word'),
    (('run', 'list', '--limit'), 'needs a value'), (('run', 'list', '--limit', '-1'), 'no number'),
    (('run', 'list', '-f', 'xml'), 'none of: table json value'), (('run', 'list', '-c', 'x'), 'there are run run_at'),
    (('run', 'list', '--wait'), 'takes no --wait'), (('run', 'show'), 'needs RUN'),
    (('run', 'show', 'a', 'b'), "not also 'b'"), (('run', 'list', '--url', 'ftp://x'), 'https:// or http://'),
    (('run', 'list', '--retries', 'x'), 'no number'), (('run', 'list', '--quiet=1'), 'takes no value')])
def test_wrong_lines(tally, args, said):
    done = tally.run(*args)
    assert done.returncode in (USAGE, 65) and said in done.stderr and done.stdout == ''


def complete(folder, *words):
    """What bash offers for the last of WORDS."""
    script = ('source "$1/completion"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _tally; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    done = subprocess.run(['bash', '-c', script, 'bash', folder, *words], cwd=folder, env={'PATH': PATH}, check=True,
                          capture_output=True, text=True)
    assert done.stderr == ''
    return done.stdout.split()


def test_completion(tally):
    tally.file('completion', tally('completion', 'bash'))
    where = tally.folder
    assert complete(where, 'tally', 'up') == ['upload', 'upload-subunit']
    assert complete(where, 'tally', '') == ['upload', 'upload-subunit', 'run', 'failures', 'stats', 'metadata', 'test',
                                           'result', 'profile', 'key', 'sign', 'task', 'image', 'completion', 'help']
    assert complete(where, 'tally', 'run', 'sh') == ['show']
    assert complete(where, 'tally', '--url', 'x', 'run', 'comp') == ['compare']
    assert complete(where, 'tally', 'help', 'task', 'im') == ['import']
    assert complete(where, 'tally', 'run', 'list', '--me') == ['--meta']
    assert '--subunit' in complete(where, 'tally', 'upload', '--') and '--link' not in complete(where, 'tally',
                                                                                                'upload', '--')
    assert complete(where, 'tally', 'run', 'list', '-f', 'j') == ['json']
    assert complete(where, 'tally', 'run', 'list', '-c', 'pa') == ['passes']
    assert complete(where, 'tally', 'key', 'list', '--column', '') == ['key', 'format', 'comment', 'public', 'user']
    assert complete(where, 'tally', 'stats', 'runs', '--group', 'w') == ['week']
    assert complete(where, 'tally', 'upload', 'comp') == ['completion']
    with open(os.path.join(tally.stack.build, 'cli', 'completion', 'tally'), encoding='utf-8') as f:
        assert f.read() == tally('completion', 'bash')


def own_options(text, heading='options'):
    """The long options under one heading of a help."""
    section = re.search(r'^%s:\n((?:  .*\n)+)' % heading, text, re.M)
    return set(re.findall(r'^ .{5}--([a-z-]+)', section.group(1), re.M)) if section else set()


def test_the_manual_has_every_command_with_its_options_and_no_other(tally):
    with open(os.path.join(TOP, 'docs', 'man', 'tally.1'), encoding='utf-8') as f:
        page = f.read()
    items = [m.group(1) or m.group(2) for m in re.finditer(r'^\.It (?:Xo\n((?:.*\n)*?)\.Xc|(Ic .*))$', page, re.M)]
    described = {re.search(r'\bIc ([a-z-]+(?: [a-z]+)?)', item).group(1): item for item in items}
    run_options = set(re.findall(r'Fl -([a-z-]+)', re.search(r'^The run options:\n(.*?)^They mean', page, re.S | re.M).group(1)))
    commands = re.findall(r'^  ((?:[a-z-]+)(?: [a-z]+)?) ', tally('--help').split('options of')[0], re.M)
    assert sorted(described) == sorted(commands)
    for command in commands:
        named = set(re.findall(r'Fl -([a-z-]+)', described[command]))
        more = run_options if 'Op run options' in described[command] else set()
        assert named | more == own_options(tally('help', *command.split())), command
    common = re.search(r'^\.Ss Options of every command\n(.*?)^\.Sh', page, re.S | re.M).group(1)
    assert set(re.findall(r'^\.It Fl -([a-z-]+)', common, re.M)) == own_options(tally('--help'), 'options of every command')
