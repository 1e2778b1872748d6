"""What the worker's figures have in common: a stack without Keystone, over directories, and its numbers."""
import hashlib
import os
import re
import statistics
import subprocess
import sys
import threading
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
sys.path[:0] = [TESTS, os.path.join(TESTS, 'functional')]
from lab.service import wait_for  # noqa: E402
from lab.stack import Stack, make_folder, remove_folder  # noqa: E402
from work import Works, fresh  # noqa: E402

TOP = os.path.dirname(TESTS)
BUILD = os.environ.get('TALLY_BUILD') or os.path.join(TOP, 'build-opt')
CACHE = os.environ.get('TALLY_LAB_CACHE') or os.path.join(TOP, 'build-lab')
TOKEN = 'bench-worker-token'
MIB = 1 << 20


class Bench:
    """with Bench() as b: b.works has containers, tasks and workers."""

    def __init__(self, **settings):
        self.folder = make_folder()
        self.stack = Stack(self.folder, BUILD, CACHE)
        tokens = os.path.join(self.folder, 'tokens')
        with open(tokens, 'w', encoding='ascii', opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
            f.write('%s demo demo member\n' % TOKEN)
        self.stack.conf.base['identity'] = {'driver': 'static', 'static_file': tokens}
        self.stack.conf.write()
        self.stack._tokens['demo'] = (TOKEN, {'project': {'id': 'demo'}, 'user': {'id': 'demo'}})
        self.settings = settings

    def __enter__(self):
        stack = self.stack
        try:
            stack.mariadb.start()
            for statement in ('CREATE DATABASE tally CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
                              "CREATE USER tally@localhost IDENTIFIED BY 'tally'", 'GRANT ALL ON tally.* TO tally@localhost'):
                stack.sql(statement, database=None)
            stack.manage('db', 'sync')
            stack.tally.start()
            stack.nginx.start()
            fresh(stack)
            self.works = Works(stack)
            self.works.base['identity'] = stack.conf.base['identity']
            self.works.base['worker'].update({'lease': 60, 'heartbeat': 15, 'slots': 4, **self.settings})
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for service in self.stack.services():
            service.kill()
        remove_folder(self.folder)


def say(what, values, unit):
    print('%-44s %8.0f %8.0f %8.0f %s (min, median, max of %d)' % (
        what, min(values), statistics.median(values), max(values), unit, len(values)))


# --- transfers ---

def hash_limit(path, size):
    """Bytes a second of md5 and sha512 over the file, in a thread each, by the same OpenSSL."""
    def run(name):
        digest = hashlib.new(name)
        with open(path, 'rb', buffering=0) as f:
            while block := f.read(MIB):
                digest.update(block)
    threads = [threading.Thread(target=run, args=(name,)) for name in ('md5', 'sha512')]
    began = time.monotonic()
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return size / (time.monotonic() - began)


def curl(path, size):
    """Bytes a second of curl, which reads the same file and throws it away."""
    done = subprocess.run(['curl', '-sS', '-o', '/dev/null', '-w', '%{size_download} %{time_total}', 'file://' + path],
                          capture_output=True, text=True, check=True)
    got, seconds = done.stdout.split()
    if int(got) != size:
        sys.exit('curl read %s bytes' % got)
    return size / float(seconds)


def task_rate(bench, task, size):
    """Bytes a second of a task, as its worker's log has it."""
    doc = bench.works.success(task, 600)
    # the worker says so a moment after the database does
    found = wait_for('the time that it took', lambda: re.search('task %s: [a-z]+ success in ([0-9]+) ms' % task,
                                                                bench.stack.log()))
    return doc, size * 1000 / int(found.group(1))


def show(what, rates, limits, size, peak, who):
    """What was measured, ours and its LIMITS."""
    print('%d MiB; %s had %d MiB at most' % (size // MIB, who, peak // MIB))
    for name, values in limits.items():
        say(name, [v / MIB for v in values], 'MiB/s')
    say(what, [v / MIB for v in rates], 'MiB/s')


def report(what, rates, limits, size, peak, who='the worker'):
    """What was measured; the last line is the ratio to the lowest of LIMITS."""
    show(what, rates, limits, size, peak, who)
    lowest = min(statistics.median(values) for values in limits.values())
    print('ratio %.2f (limit 0.8)' % (statistics.median(rates) / lowest))
