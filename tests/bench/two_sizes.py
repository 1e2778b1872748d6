"""The same requests to two instances (nginx and tally.fcgi) over two databases of one server, a small and a large one.
They take turns request by request, so that what else the machine does slows either."""
import contextlib
import http.client
import os
import ssl
import statistics
import sys
import time

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TESTS, os.path.join(TESTS, 'functional')]
from lab.mariadb import MariaDB  # noqa: E402
from lab.service import free_port  # noqa: E402
from lab.stack import FAST, Stack, make_folder, remove_folder  # noqa: E402
from lab.tally import Nginx, TallyFcgi, make_instance  # noqa: E402

TOP = os.path.dirname(TESTS)
BUILD = os.environ.get('TALLY_BUILD') or os.path.join(TOP, 'build-opt')
CACHE = os.environ.get('TALLY_LAB_CACHE') or os.path.join(TOP, 'build-lab')
SERVER = ('--innodb-buffer-pool-size=3G', '--innodb-log-file-size=1G', '--innodb-flush-log-at-trx-commit=0',
          '--innodb-sort-buffer-size=64M', '--innodb-doublewrite=0')
WARM_UP = 10  # requests until statements are prepared and the database's pages are in memory


class Instance:
    """nginx and tally.fcgi over one database, and one connection to them."""

    def __init__(self, stack, name, port, tally, nginx):
        self.stack, self.name, self.port, self.services = stack, name, port, (tally, nginx)
        self.connection = None

    def exists(self):
        return bool(self.stack.sql('SHOW DATABASES LIKE %s', self.name, database=None))

    def start(self):
        self.stack.sql('CREATE DATABASE IF NOT EXISTS %s CHARACTER SET utf8mb4 COLLATE utf8mb4_bin' % self.name,
                       database=None)
        self.stack.sql('GRANT ALL ON %s.* TO tally@localhost' % self.name, database=None)
        self.stack.manage('db', 'sync', config=self.services[0].config)
        for service in self.services:
            service.start()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.connection = http.client.HTTPSConnection('127.0.0.1', self.port, context=context)

    def get(self, token, path):
        """(milliseconds from the request to the last byte, the body) of what must be a 200."""
        began = time.perf_counter()
        self.connection.request('GET', path, headers={'X-Auth-Token': token} if token else {})
        reply = self.connection.getresponse()
        body = reply.read()
        took = (time.perf_counter() - began) * 1e3
        if reply.status != 200:
            sys.exit('%s of %s: %d, %r' % (path, self.name, reply.status, body[:300]))
        return took, body


def _configure(stack, users):
    """All but Keystone: the tokens stand in a file, each named like its user."""
    tokens = os.path.join(stack.folder, 'tokens')
    with open(tokens, 'w', encoding='ascii', opener=lambda path, flags: os.open(path, flags, 0o600)) as f:
        f.writelines('%s %s %s %s\n' % (token(user), user, project, role) for user, project, role in users)
    stack.conf.base['identity'] = {'driver': 'static', 'static_file': tokens}
    stack.conf.base['DEFAULT']['log_json'] = 'false'
    stack.conf.write()


def token(user):
    return 'bench-of-two-sizes-' + user


def _instance(stack, name):
    site, port = os.path.join(stack.folder, name), free_port()
    make_instance(site, BUILD=BUILD, PORT=port, NAME='127.0.0.1', KEYSTONE_URL=stack.keystone.url, **FAST)
    conf = os.path.join(site, 'etc', 'tally.conf')
    with open(stack.conf.path, encoding='ascii') as f, open(conf, 'w', encoding='ascii') as out:
        out.write(f.read().replace('@localhost/tally?', '@localhost/%s?' % name).replace(
            stack.url, stack.url[:stack.url.rindex(':') + 1] + str(port)))
    return Instance(stack, name, port, TallyFcgi(site, BUILD, conf, stack.env, 'tally'), Nginx(site, port))


@contextlib.contextmanager
def two_instances(users, kept=None):
    """Two instances, `few` and `many`, their server up, themselves not started. USERS: [(name, project, role)]. The
    databases stay in the folder KEPT, if there is one."""
    folder = make_folder()
    if kept:
        os.makedirs(kept, exist_ok=True)
        os.chmod(kept, 0o755)
    stack = Stack(folder, BUILD, CACHE, mariadb=MariaDB(kept or folder, CACHE, SERVER))
    _configure(stack, users)
    both = _instance(stack, 'few'), _instance(stack, 'many')
    try:
        stack.mariadb.start(120)
        stack.sql("CREATE USER IF NOT EXISTS tally@localhost IDENTIFIED BY 'tally'", database=None)
        yield both
        if kept:
            stack.mariadb.stop()  # orderly: a gigabyte of log takes long to apply
    finally:
        for service in (*both[0].services, *both[1].services, *stack.services()):
            service.kill()
        remove_folder(folder)


def measure(both, cases, requests):
    """CASES: (name, user or None, (path in few, path in many), rows of a body: function or None). Returns [(name, ratio)],
    of the medians, and prints all that was measured."""
    found, differ = [], []
    print('%-46s %26s %26s   ms: min, median, max of %d' % ('', *(i.name for i in both), requests), flush=True)
    for name, user, paths, check in cases:
        times, sizes = ([], []), []
        for n in range(requests + WARM_UP):
            for instance, path, out in zip(both, paths, times):
                took, body = instance.get(token(user) if user else None, path)
                if n == 0 and check:
                    sizes.append(check(body))
                if n >= WARM_UP:
                    out.append(took)
        middle = [statistics.median(t) for t in times]
        found.append((name, middle[1] / middle[0]))
        print('%-46s' % name + ''.join('   %7.2f %7.2f %7.2f' % (min(t), m, max(t)) for t, m in zip(times, middle)) +
              '   ratio %5.2f' % found[-1][1], flush=True)
        if len(set(sizes)) > 1:
            differ.append('%s: the pages are not alike: %r' % (name, sizes))
    if differ:
        sys.exit('\n'.join(differ))
    return found
