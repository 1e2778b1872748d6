"""Counts results and prints them as they come."""
import sys
import time


class Report:
    def __init__(self):
        self.counts = {'passed': 0, 'failed': 0, 'skipped': 0}
        self.failures = []
        self.start = time.monotonic()

    def say(self, text):
        print('[%4d s] %s' % (time.monotonic() - self.start, text), flush=True)

    def add(self, passed=0, failed=0, skipped=0):
        self.counts['passed'] += passed
        self.counts['failed'] += failed
        self.counts['skipped'] += skipped

    def fail(self, name, why=''):
        """One failure that is no test of its own: a build, a manifest line, a leak."""
        self.counts['failed'] += 1
        self.failures.append(name)
        self.say('FAILED %s%s' % (name, ('\n' + why.rstrip()) if why else ''))

    def finish(self):
        """Prints the last line; returns the exit status."""
        for name in self.failures:
            print('failed: ' + name)
        line = '%(passed)d passed, %(failed)d failed' % self.counts
        if self.counts['skipped']:
            line += ', %(skipped)d skipped' % self.counts
        print(line)
        sys.stdout.flush()
        return 1 if self.counts['failed'] or not self.counts['passed'] else 0
