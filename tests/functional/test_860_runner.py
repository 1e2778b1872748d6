"""tests/run NAME ...: each name means what goes by it, several mean all of these, and one that nothing goes by fails."""
import os
import subprocess
import sys

import pytest

from conftest import TESTS
from lab.service import PATH
from runner import named

CHECKS = ['tests/unit/test_str', 'tests/unit/test_openapi.py', 'tests/static/check-man', 'tests/fuzz/fuzz_v2']
FILES = ['/t/test_100_one.py', '/t/test_200_two.py']
NODES = ['/t/test_100_one.py::test_plain', '/t/test_100_one.py::test_both[list::a]', '/t/test_100_one.py::test_both[list::b]',
         '/t/test_200_two.py::TestIt::test_list', '/t/test_200_two.py::test_word[Upper]']


def find(*names):
    found = named.find(names, CHECKS, ['bench-x'], FILES, lambda: NODES)
    return found.checks, found.benches, found.paths, found.unknown


@pytest.mark.parametrize('names, wanted', [
    (['test_str.c'], (CHECKS[:1], [], [], [])),
    (['tests/unit/test_openapi.py', 'check-man'], ([CHECKS[1], CHECKS[2]], [], [], [])),
    (['fuzz_v2'], (CHECKS[3:], [], [], [])),
    (['bench-x.c'], ([], ['bench-x'], [], [])),
    (['test_100_one'], ([], [], FILES[:1], [])),
    (['tests/functional/test_200_two.py::TestIt::test_list'], ([], [], [NODES[3]], [])),
    # a function whole, by its own or its file's name; a test by its parameters
    (['both'], ([], [], ['/t/test_100_one.py::test_both'], [])),
    (['200'], ([], [], [NODES[3], '/t/test_200_two.py::test_word'], [])),
    (['LIST'], ([], [], [NODES[3], NODES[1], NODES[2]], [])),
    (['upper'], ([], [], NODES[4:], [])),
    (['list::b'], ([], [], [NODES[2]], [])),
    # a word and a file: both; nothing twice
    (['both', 'test_200_two'], ([], [], [FILES[1], '/t/test_100_one.py::test_both'], [])),
    (['both', 'test_100_one'], ([], [], FILES[:1], [])),
    (['both', 'plain', 'both'], ([], [], ['/t/test_100_one.py::test_both', NODES[0]], [])),
    (['nothing'], ([], [], [], ['nothing'])),
    (['bench-y', 'test_str', 'test_300_three.py::test_x'], (CHECKS[:1], [], [], ['bench-y', 'test_300_three.py::test_x'])),
])
def test_names(names, wanted):
    assert find(*names) == wanted


def test_a_name_of_nothing_fails_at_once():
    done = subprocess.run([sys.executable, '-m', 'runner', 'test_100_service', 'no-such-test'], capture_output=True, text=True,
                          cwd=os.path.dirname(TESTS), check=False, timeout=120,
                          env={'PATH': PATH, 'PYTHONPATH': TESTS, 'PYTHONDONTWRITEBYTECODE': '1'})
    assert done.returncode == 1, done.stdout + done.stderr
    assert 'FAILED no-such-test\nno test has this in its name' in done.stdout
    assert done.stdout.splitlines()[-1] == '0 passed, 1 failed' and 'functional' not in done.stdout.split('no test has')[0]
