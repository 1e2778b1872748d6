"""What the tests of identity/ share: the probe that asks a driver, and a Keystone that counts what it is asked."""
import contextlib
import datetime
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from conftest import BUILD, CACHE, sanitizer_env
from lab.keystone import Keystone

LINE = re.compile(r'^(GET|POST|HEAD|DELETE|PATCH|PUT) (\S+) (\d+)$', re.M)


def expiring(doc):
    """When a token ends, as time.time() counts."""
    # Keystone leaves the Z out where an application credential ends first
    when = datetime.datetime.fromisoformat(doc['expires_at'].rstrip('Z'))
    return when.replace(tzinfo=datetime.timezone.utc).timestamp()


def wait_until_expired(doc):
    time.sleep(max(0.0, expiring(doc) - time.time()) + 0.05)


class Asked:
    """The requests that Keystone saw: logins of the service user, validations, and those that it answered 401."""

    def __init__(self, lines):
        self.logins = sum(1 for m, u, _ in lines if m == 'POST' and u == '/v3/auth/tokens?nocatalog')
        validations = [s for m, u, s in lines if m == 'GET' and u.startswith('/v3/auth/tokens?nocatalog')]
        self.validations, self.refused = len(validations), validations.count('401')


class LoggedKeystone(Keystone):
    """A Keystone of a test file's own, whose tokens live LIFETIME seconds."""

    def __init__(self, folder, name='keystone', lifetime=86400):
        super().__init__(folder, CACHE, name)
        self.lifetime = lifetime
        self.token_options['expiration'] = lifetime

    def requests(self):
        with open(self.out, encoding='utf-8', errors='replace') as f:
            return LINE.findall(f.read())

    @contextlib.contextmanager
    def counting(self):
        """Counts what Keystone is asked inside; the numbers are there afterwards."""
        result = Asked([])
        before = self._settled()
        yield result
        after = self._settled()
        result.__init__(after[len(before):])

    def _settled(self):
        """uwsgi logs a request after it has answered: a marker of ours shows that all before it are written."""
        marker = '/v3?%x' % time.monotonic_ns()
        assert self.call('GET', marker)[0] == 200
        end = time.monotonic() + 5
        while time.monotonic() < end:
            seen = self.requests()
            if any(u == marker for _, u, _ in seen):
                time.sleep(0.02)  # a neighbour thread's line may be a moment behind
                return self.requests()
            time.sleep(0.01)
        raise AssertionError('Keystone did not log %s' % marker)

    def a_while(self, seconds=5):
        """SECONDS on a quiet machine, more on a busy one: a lifetime that a few exchanges do not use up."""
        start = time.monotonic()
        self.token('demo')
        return int(seconds + 12 * (time.monotonic() - start))

    def call_as(self, token, method, path, subject=None):
        """call() with an X-Subject-Token."""
        req = urllib.request.Request(self.url + path, method=method)
        req.add_header('X-Auth-Token', token)
        if subject:
            req.add_header('X-Subject-Token', subject)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(req, timeout=60) as r:
                return r.status, r.headers, r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read()


class Answer:
    """A line of the probe's."""

    def __init__(self, line):
        self.line = line
        status, _, self.text = line.partition(' ')
        self.status = int(status)
        self.user = self.project = None
        if self.status == 200:
            self.user, self.project, roles, admin, staff = self.text.split(' ')
            self.roles = [r for r in roles.split(',') if r]
            self.admin, self.staff = admin == 'admin=1', staff == 'staff=1'

    def __repr__(self):
        return self.line


class Probe:
    """tests/unit/identity_probe with a configuration of its own; options name sections: keystone_authtoken={...}."""

    def __init__(self, folder, url, environ=None, **sections):
        self.dir = tempfile.mkdtemp(prefix='probe-', dir=folder)
        values = {'DEFAULT': {}, 'identity': {'driver': 'keystone', 'timeout': 10},
                  'keystone_authtoken': {'auth_url': url, 'www_authenticate_uri': url, 'username': 'tally',
                                         'password': 'tally', 'project_name': 'service'}}
        for section, options in sections.items():
            values.setdefault(section, {}).update(options)
        conf = os.path.join(self.dir, 'tally.conf')
        with open(conf, 'w', encoding='utf-8') as f:
            for section, options in values.items():
                f.write('[%s]\n%s' % (section, ''.join('%s = %s\n' % o for o in options.items())))
        self._log = os.path.join(self.dir, 'log')
        env = {'PATH': '/usr/bin:/bin', **sanitizer_env(folder), **(environ or {})}
        with open(self._log, 'wb') as log:
            self.proc = subprocess.Popen([os.path.join(BUILD, 'tests', 'unit', 'identity_probe'), conf],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=env,
                                         cwd=self.dir)

    def log(self):
        with open(self._log, encoding='utf-8', errors='replace') as f:
            return f.read()

    def send(self, *words):
        self.proc.stdin.write((' '.join(words) + '\n').encode())
        self.proc.stdin.flush()

    def line(self):
        got = self.proc.stdout.readline().decode()
        assert got.endswith('\n'), 'the probe ended: ' + self.log()
        return got[:-1]

    def ask_all(self, token, service=None, method='GET', path='/v1/subunit', count=1, params=()):
        """COUNT requests at once; an answer each."""
        self.send(method, path, token or '-', service or '-', str(count), *params)
        return [Answer(self.line()) for _ in range(count)]

    def ask(self, token, service=None, **more):
        return self.ask_all(token, service, **more)[0]

    def healthy(self):
        self.send('healthy')
        return self.line() == 'yes'

    def time(self, token, count):
        """(nanoseconds a check, checks that said 200)."""
        self.send('time', token, str(count))
        nanoseconds, _, good, _ = self.line().split()
        return int(nanoseconds), int(good)

    def close(self):
        self.proc.stdin.close()
        try:
            status = self.proc.wait(60)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            raise
        finally:
            self.proc.stdout.close()
        text = self.log()
        shutil.rmtree(self.dir)
        assert status == 0, text
