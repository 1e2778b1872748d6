"""The builds, each in a folder of its own outside the sources."""
import os
import time

from . import TOP
from .process import environment, run, tail

BUILDS = {
    'asan': (['--enable-asan', '--enable-ubsan', '--enable-faults'], '-g -O1', None),
    'opt': ([], '-g -O2', None),
    'tsan': (['--enable-tsan', '--enable-faults', '--disable-page'], '-g -O1', None),
    # clang takes an enum for unsigned where gcc does not
    'fuzz': (['--enable-fuzz', '--enable-asan', '--enable-ubsan', '--disable-page'], '-g -O1 -Wno-sign-conversion', 'clang'),
}


class BuildError(Exception):
    pass


def folder(name):
    return os.path.join(TOP, 'build-' + name)


def cache():
    """Where the lab keeps what it makes once."""
    return os.path.join(TOP, 'build-lab')


def sanitizer_options(logs):
    """Reports go to files, so that no test can swallow one."""
    path = os.path.join(logs, 'sanitizer')
    suppressions = os.path.join(TOP, 'tests', 'runner', 'tsan.suppress')
    return {
        'ASAN_OPTIONS': 'log_path=%s:detect_leaks=1:abort_on_error=0:detect_stack_use_after_return=1' % path,
        'UBSAN_OPTIONS': 'log_path=%s:print_stacktrace=1' % path,
        'TSAN_OPTIONS': 'log_path=%s:halt_on_error=0:second_deadlock_stack=1:suppressions=%s' % (path, suppressions),
    }


def _step(what, argv, log, cwd):
    if run(argv, log, cwd) != 0:
        raise BuildError('%s\n%s' % (what, tail(log)))


def _autogen():
    made = os.path.join(TOP, 'configure')
    sources = [os.path.join(TOP, 'configure.ac')]
    if os.path.exists(made) and all(os.path.getmtime(s) <= os.path.getmtime(made) for s in sources):
        return
    os.makedirs(cache(), exist_ok=True)
    _step('autogen.sh', ['./autogen.sh'], os.path.join(cache(), 'autogen.log'), TOP)


def build(name, report, jobs=2, targets=('check', 'TESTS=')):
    """Configures where needed and makes everything, the test programs included. Returns the folder."""
    start = time.monotonic()
    if os.path.exists(os.path.join(TOP, 'config.status')):
        raise BuildError('the sources are configured in place: run `make distclean` there first')
    options, cflags, compiler = BUILDS[name]
    where = folder(name)
    os.makedirs(where, exist_ok=True)
    _autogen()
    if not os.path.exists(os.path.join(where, 'Makefile')):
        more = ['CC=' + compiler] if compiler else []
        _step('configure ' + name, [os.path.join(TOP, 'configure'), '--quiet', *options, 'CFLAGS=' + cflags, *more],
              os.path.join(where, 'configure.out'), where)
    # without tests `check` only makes their programs
    for wanted in (('all',), targets):
        _step('make ' + name, ['make', '-j%d' % jobs, *wanted], os.path.join(where, 'make.out'), where)
    report.say('built %s in %d s' % (name, time.monotonic() - start))
    return where


def environ_for(where, logs):
    return environment(TALLY_BUILD=where, TALLY_LAB_CACHE=cache(), **sanitizer_options(logs))
