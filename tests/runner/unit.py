"""Unit programs, static checks and replayed fuzz corpora: all that `make check` runs."""
import glob
import os
import re

from . import TOP
from .build import environ_for
from .process import run, tail

RESULT = re.compile(r'^:test-result: (\w+)', re.M)
RUNNING = re.compile(r'^\[==========\] .*?: Running (\d+) test\(s\)|^\[==========\] Running (\d+) test\(s\)', re.M)
COUNT = re.compile(r'^\[  (PASSED|FAILED|SKIPPED) ? \] .*?(\d+) test\(s\)', re.M)


class Outcome:
    """What one program of `make check` gave."""

    def __init__(self, trs):
        self.log = trs[:-4] + '.log'
        with open(trs, encoding='utf-8') as f:
            self.result = RESULT.search(f.read()).group(1)
        text = tail(self.log, 100000)
        counts = {}
        for word, number in COUNT.findall(text):
            counts[word] = counts.get(word, 0) + int(number)
        self.passed, self.failed, self.skipped = (counts.get(k, 0) for k in ('PASSED', 'FAILED', 'SKIPPED'))
        self.ran = sum(int(a or b) for a, b in RUNNING.findall(text))
        bad = self.result in ('FAIL', 'ERROR', 'XPASS')
        if bad and not self.failed:
            self.failed = 1  # it died
        if not self.ran:
            self.passed = 1 if self.result == 'PASS' else 0
            self.skipped = 1 if self.result == 'SKIP' else 0
            self.ran = 1


def check(where, report, logs, jobs=2, only=None):
    """`make check`; returns {name: Outcome}, the name as in TESTS."""
    for old in glob.glob(os.path.join(where, 'tests', '*', '*.trs')):
        os.unlink(old)
    argv = ['make', '-k', '-j%d' % jobs, 'check']
    if only:
        argv.append('TESTS=' + ' '.join(only))
    out = os.path.join(logs, 'make-check.out')
    status = run(argv, out, where, environ_for(where, logs), timeout=1200)
    outcomes = {}
    for trs in sorted(glob.glob(os.path.join(where, 'tests', '*', '*.trs'))):
        name = os.path.relpath(trs[:-4], where)
        got = outcomes[name] = Outcome(trs)
        report.add(got.passed, got.failed, got.skipped)
        if got.failed:
            report.failures.append(name)
            report.say('FAILED %s\n%s' % (name, tail(got.log, 40)))
    if status != 0 and not any(o.failed for o in outcomes.values()):
        report.fail('make check', tail(out, 40))
    report.say('unit and static: %d programs' % len(outcomes))
    return outcomes


def names():
    """Every test of `make check` that the sources hold, as TESTS names them."""
    found = glob.glob(os.path.join(TOP, 'tests', 'unit', 'test_*.c'))
    found += glob.glob(os.path.join(TOP, 'tests', 'fuzz', 'fuzz_*.c'))
    found = [f[:-2] for f in found]
    for pattern in (('unit', 'test_*.py'), ('static', 'check-*')):
        found += glob.glob(os.path.join(TOP, 'tests', *pattern))
    return sorted(os.path.relpath(f, TOP) for f in found)


def threaded():
    """Those whose programs make threads of their own: worth a second run under ThreadSanitizer."""
    found = []
    for path in glob.glob(os.path.join(TOP, 'tests', 'unit', 'test_*.c')):
        with open(path, encoding='utf-8') as f:
            if 'pthread_create' in f.read():
                found.append(os.path.relpath(path[:-2], TOP))
    return sorted(found)
