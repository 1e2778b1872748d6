"""Children of the run: started with a clean environment, and none left behind."""
import ctypes
import os
import signal
import subprocess
import time

from . import TOP

PR_SET_CHILD_SUBREAPER = 36
PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
KEEP = ('HOME', 'TMPDIR', 'TERM', 'USER', 'LOGNAME', 'CC', 'SUBUNIT2SQL_DIR', 'REFSTACK_DIR')


def environment(**more):
    """Locale, time zone and path of the caller must not decide a test."""
    env = {k: os.environ[k] for k in KEEP if k in os.environ}
    env.update({k: v for k, v in os.environ.items() if k.startswith(('TALLY_', 'BENCH_'))})
    env.update(PATH=PATH, LC_ALL='C.UTF-8', TZ='UTC', PYTHONDONTWRITEBYTECODE='1',
               PYTHONPATH=os.path.join(TOP, 'tests'), TALLY_REQUIRE_TOOLS='1')
    env.update(more)
    return env


def become_subreaper():
    """Orphans of our children become ours, so that end_all() finds them."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children(pid):
    found = []
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open('/proc/%s/stat' % entry, encoding='utf-8', errors='replace') as f:
                    if int(f.read().rpartition(')')[2].split()[1]) == pid:
                        found.append(int(entry))
            except (OSError, ValueError, IndexError):
                continue
    return found


def descendants(pid):
    found = []
    for child in _children(pid):
        found += [child, *descendants(child)]
    return found


def end_all():
    """Kills every descendant; returns the names of those that were still alive."""
    names = set()
    for _ in range(50):
        pids = descendants(os.getpid())
        if not pids:
            break
        for pid in pids:
            try:
                with open('/proc/%d/stat' % pid, encoding='utf-8', errors='replace') as f:
                    name, _, rest = f.read().partition('(')[2].rpartition(')')
                if rest.split()[0] != 'Z':
                    names.add(name)
                os.kill(pid, signal.SIGKILL)
            except (OSError, IndexError):
                continue
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            break
        time.sleep(0.05)
    return sorted(names)


def run(argv, log=None, cwd=TOP, env=None, timeout=None):
    """Runs a command; its output goes to the file LOG, or through to ours. Returns the exit status, 124 for a
    time-out."""
    out = open(log, 'wb') if log else None
    try:
        with subprocess.Popen(argv, cwd=cwd, env=env or environment(), stdin=subprocess.DEVNULL, stdout=out,
                              stderr=subprocess.STDOUT if out else None, start_new_session=True) as p:
            try:
                return p.wait(timeout)
            except subprocess.TimeoutExpired:
                return 124
            finally:
                if p.poll() is None:
                    os.killpg(p.pid, signal.SIGKILL)
    finally:
        if out:
            out.close()


def tail(path, lines=60):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return ''.join(f.readlines()[-lines:])
    except FileNotFoundError:
        return ''
