"""One process that a test owns: started, watched, stopped and killed by its pid."""
import collections
import ctypes
import os
import pwd
import random
import signal
import socket
import subprocess
import time

PATH = '/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin'
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """A service did not do what it must before a test can mean anything."""


_given = collections.deque(maxlen=1000)


def free_port():
    """A TCP port of 127.0.0.1 below the kernel's ephemeral range, so that nobody's outgoing connection takes it while
    its service is stopped; and none that was given to another service that may not have been started yet."""
    mine = int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])
    workers = int(os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1'))
    for _ in range(200):
        port = random.randrange(10240 + mine, 32000, workers)
        if port in _given:
            continue
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                continue
            _given.append(port)
            return port
    raise LabError('no free port')


def wait_for(what, check, seconds=30.0, alive=None, step=0.02):
    """Calls check() until it is true. A process that died meanwhile ends the wait at once."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value:
            return value
        if alive is not None and not alive():
            raise LabError('%s: the process ended' % what)
        if time.monotonic() > end:
            raise LabError('%s: not within %g s' % (what, seconds))
        time.sleep(step)


def tcp_open(port):
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0


def unix_open(path):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(path) == 0


def unprivileged():
    """(uid, gid) for what refuses to run as root: the distribution's mysql user if it is there, else nobody. None
    where we are no root."""
    if os.geteuid() != 0:
        return None
    for name in ('mysql', 'nobody'):
        try:
            p = pwd.getpwnam(name)
        except KeyError:
            continue
        return p.pw_uid, p.pw_gid
    raise LabError('neither a user mysql nor a user nobody')


class Service:
    """argv run in a session of its own, output appended to DIR/log/NAME.out, pid in DIR/run/NAME.pid. With
    tied=True the kernel ends it when this process dies, so that an aborted test run leaves nothing."""

    def __init__(self, folder, name, tied=True):
        self.folder, self.name, self.tied = folder, name, tied
        self.proc = None
        self.out = os.path.join(folder, 'log', name + '.out')
        self.pidfile = os.path.join(folder, 'run', name + '.pid')
        for sub in ('log', 'run'):
            os.makedirs(os.path.join(folder, sub), exist_ok=True)

    # what a service says of itself
    def argv(self):
        raise NotImplementedError

    def environ(self):
        return {}

    def ids(self):
        return None

    def ready(self):
        return True

    death_signal = signal.SIGKILL

    def _child(self):
        # runs between fork and exec: a drop of rights clears the death signal, hence after it
        if self.tied:
            _libc.prctl(PR_SET_PDEATHSIG, self.death_signal)

    def start(self, seconds=60.0, wait=True):
        if self.running():
            return self
        env = {'PATH': PATH, 'LANG': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1', 'HOME': self.folder}
        env.update(self.environ())
        ids = self.ids()
        drop = {'user': ids[0], 'group': ids[1], 'extra_groups': []} if ids else {}
        with open(self.out, 'ab') as out:
            self.proc = subprocess.Popen(self.argv(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env,
                                         cwd=self.folder, start_new_session=True, preexec_fn=self._child, **drop)
        with open(self.pidfile, 'w', encoding='ascii') as f:
            f.write('%d\n' % self.proc.pid)
        if wait:
            try:
                self.wait_ready(seconds)
            except LabError as e:
                self.kill()
                raise LabError('%s\n%s' % (e, self.tail())) from None
        return self

    def wait_ready(self, seconds=60.0):
        wait_for(self.name, self.ready, seconds, self.running)

    @property
    def pid(self):
        return self.proc.pid if self.proc else None

    def running(self):
        return self.proc is not None and self.proc.poll() is None

    def is_stopped(self):
        """By SIGSTOP, its own or another's."""
        with open('/proc/%d/stat' % self.proc.pid, encoding='ascii') as f:
            return f.read().rsplit(')', 1)[1].split()[0] == 'T'

    def send(self, number):
        if self.running():
            os.kill(self.proc.pid, number)

    def stop(self, number=signal.SIGTERM, seconds=20.0):
        """Asks it to end, waits, and ends what is left of its session. Returns the exit status."""
        if self.proc is None:
            return None
        self.send(number)
        try:
            self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError('%s: did not end within %g s of signal %d' % (self.name, seconds, number)) from None
        return self._reap()

    def kill(self):
        """Ends it and its children at once (SIGKILL). Returns the exit status."""
        if self.proc is None:
            return None
        self._kill_session()
        self.proc.wait()
        return self._reap()

    def _kill_session(self):
        try:
            os.killpg(self.proc.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass

    def _reap(self):
        self._kill_session()
        status, self.proc = self.proc.returncode, None
        if os.path.exists(self.pidfile):
            os.unlink(self.pidfile)
        return status

    def tail(self, lines=30):
        try:
            with open(self.out, encoding='utf-8', errors='replace') as f:
                return ''.join(f.readlines()[-lines:])
        except FileNotFoundError:
            return ''

    def rss(self):
        """Resident bytes of the process."""
        with open('/proc/%d/status' % self.proc.pid, encoding='ascii') as f:
            for line in f:
                if line.startswith('VmRSS:'):
                    return int(line.split()[1]) * 1024
        return 0

    def peak_rss(self):
        """The most resident bytes since the start or the last reset_peak()."""
        with open('/proc/%d/status' % self.proc.pid, encoding='ascii') as f:
            for line in f:
                if line.startswith('VmHWM:'):
                    return int(line.split()[1]) * 1024
        return 0

    def reset_peak(self):
        with open('/proc/%d/clear_refs' % self.proc.pid, 'w', encoding='ascii') as f:
            f.write('5')
