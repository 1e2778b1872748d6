"""Everything a request and a task meet, in one folder: nginx, tally.fcgi, tally-worker, MariaDB, Keystone, Swift."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

import pymysql
import requests

from .keystone import Keystone
from .mariadb import MariaDB
from .service import PATH, LabError, free_port, wait_for
from .swift import Swift
from .tally import Config, Nginx, TallyFcgi, TallyWorker, make_instance

FAST = {'RATE': '100000r/s', 'BURST': '100000', 'UPLOAD_RATE': '100000r/s', 'UPLOAD_BURST': '100000',
        'UPLOAD_CONNECTIONS': '1000', 'UPLOAD_MAX': '8g'}


class Client(requests.Session):
    """A session of one user: paths instead of URLs, the stack's certificate, never a proxy."""

    def __init__(self, stack, token=None):
        super().__init__()
        self.stack, self.verify, self.trust_env = stack, stack.ca, False
        if token:
            self.headers['X-Auth-Token'] = token

    def request(self, method, path, **more):
        url = path if path.startswith('http') else self.stack.url + path
        more.setdefault('timeout', 120)
        more['allow_redirects'] = False
        reply = super().request(method, url, **more)
        if self.stack.replies and url.startswith(self.stack.url):
            body = None if more.get('stream') else reply.content
            self.stack.replies.check(method, url[len(self.stack.url):], reply.status_code,
                                     reply.headers.get('Content-Type', ''), body)
        return reply


class Stack:
    """start() takes about three seconds; every service can be stopped, killed and started again. Swift and the
    workers are started by who needs them: swift.start(), worker().start().

    The folder must be reachable by the user that mariadbd runs as. BUILD is where make was run, CACHE where the
    services' templates are kept, ENV what tally.fcgi and tally-manage get besides (sanitizer options), MARIADB a server
    other than one made for it."""

    def __init__(self, folder, build, cache, env=None, settings=None, mariadb=None):
        self.folder, self.build, self.env = folder, build, dict(env or {})
        self.port = free_port()
        self.url = 'https://127.0.0.1:%d' % self.port
        self.mariadb = mariadb or MariaDB(folder, cache)
        self.keystone = Keystone(folder, cache)
        make_instance(os.path.join(folder, 'site'), BUILD=build, PORT=self.port, NAME='127.0.0.1',
                      KEYSTONE_URL=self.keystone.url, **{**FAST, **(settings or {})})
        self.site = os.path.join(folder, 'site')
        self.ca = os.path.join(self.site, 'etc', 'tls.crt')
        self.log_path = os.path.join(self.site, 'log', 'tally.log')
        self.conf = Config(os.path.join(self.site, 'etc', 'tally.conf'), self._options())
        self.tally = TallyFcgi(self.site, build, self.conf.path, self.env)
        self.nginx = Nginx(self.site, self.port)
        self.swift = Swift(folder, self.keystone.url, free_port())
        self.keystone.name_service('image', self.url)
        self.keystone.name_service('object-store', self.swift.url)
        self.workers = {}
        self._tokens = {}
        self.replies = None  # an openapi.Document that every reply is held against
        self.mark = 0  # where the log stood when the test at hand began
        self.expect_down = set()  # services that the test at hand ends by other means than stop() and kill()

    def _options(self):
        return {
            'DEFAULT': {'log_target': 'file', 'log_file': os.path.join(self.site, 'log', 'tally.log'),
                        'log_level': 'info', 'log_json': 'true'},
            'api': {'public_url': self.url, 'threads': 8},
            'database': {'connection': 'mysql://tally:tally@localhost/tally?unix_socket=' + self.mariadb.socket},
            'identity': {'driver': 'keystone'},
            'keystone_authtoken': {'auth_url': self.keystone.url,
                                   'www_authenticate_uri': self.url + '/identity/v3', 'username': 'tally',
                                   'password': 'tally', 'project_name': 'service'},
            'subunit': {'spool_dir': os.path.join(self.site, 'tmp')},
            'task': {'secret_key': '5a' * 32},
            'worker': {'lease': 10, 'heartbeat': 2, 'poll_interval': 1, 'grace': 10,
                       'wake_socket': os.path.join(self.site, 'run', 'wake'),
                       'work_dir': os.path.join(self.site, 'tmp')},
            'image_store': {'driver': 'dir', 'dir': os.path.join(self.site, 'images'), 'min_free': '64M'},
            'object_store': {'driver': 'swift', 'dir': os.path.join(self.site, 'containers'), 'min_free': '64M'},
        }

    def worker(self, name='worker', env=None, config=None):
        """The worker of that name, not started yet; a new one with an environment or a file of its own."""
        if name not in self.workers or env or config:
            self.workers[name] = TallyWorker(self.site, self.build, config or self.conf.path,
                                             {**self.env, **(env or {})}, name,
                                             self._options()['worker']['wake_socket'] if config is None else None)
        return self.workers[name]

    # --- life ---

    def start(self):
        self.keystone.start(wait=False)  # it takes longest: the rest starts meanwhile
        self.mariadb.start()
        with self.connect(database=None) as db, db.cursor() as cur:
            cur.execute('CREATE DATABASE IF NOT EXISTS tally CHARACTER SET utf8mb4 COLLATE utf8mb4_bin')
            cur.execute("CREATE USER IF NOT EXISTS tally@localhost IDENTIFIED BY 'tally'")
            cur.execute('GRANT ALL ON tally.* TO tally@localhost')
        self.manage('db', 'sync')
        self.tally.start()
        self.nginx.start()
        self.keystone.wait_ready()
        return self

    def stop(self):
        """Ends all; returns {name: exit status} of those that ran."""
        status = {}
        for service in reversed(self.services()):
            if service.proc is not None:
                number = signal.SIGQUIT if service is self.nginx else signal.SIGTERM
                status[service.name] = service.stop(number, 60)
        return status

    def services(self):
        return (self.mariadb, self.keystone, self.swift, self.tally, *self.workers.values(), self.nginx)

    def restart_worker(self):
        """For options that a running one does not take."""
        self.worker().stop()
        return self.worker().start()

    def restart_tally(self):
        self.tally.stop()
        self.tally.start()

    def reload(self, seconds=10.0):
        """SIGHUP, and waits until tally.fcgi says in its log that it has read its configuration (or refused it)."""
        mark = self.log_size()
        self.tally.send(signal.SIGHUP)
        wait_for('reload', lambda: 'configuration' in self.log(mark), seconds)

    # --- tools ---

    def manage(self, *args, check=True, config=None, env=None):
        """Runs tally-manage; returns the finished process (stdout and stderr as text)."""
        done = subprocess.run([os.path.join(self.build, 'manage', 'tally-manage'), '--config',
                               config or self.conf.path, *args], capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=300,
                              env={'PATH': PATH, 'HOME': self.folder, **self.env, **(env or {})})
        if check and done.returncode != 0:
            raise LabError('tally-manage %s: %d\n%s%s' % (' '.join(args), done.returncode, done.stdout, done.stderr))
        return done

    def connect(self, database='tally', **more):
        """A new connection to MariaDB as root, autocommit."""
        more.setdefault('autocommit', True)
        return pymysql.connect(unix_socket=self.mariadb.socket, user='root', database=database, charset='utf8mb4',
                               **more)

    def sql(self, statement, *args, database='tally'):
        """Rows of one statement, as tuples."""
        with self.connect(database) as db, db.cursor() as cur:
            cur.execute(statement, args or None)
            return cur.fetchall()

    def empty_tables(self):
        """Removes every row but the versions' and what a migration put there."""
        with self.connect() as db, db.cursor() as cur:
            cur.execute('SET FOREIGN_KEY_CHECKS = 0')
            cur.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'tally' "
                        "AND table_type = 'BASE TABLE' AND table_name NOT LIKE '%%version%%'")
            for (table,) in cur.fetchall():
                cur.execute('DELETE FROM `%s`' % table)

    def token(self, user):
        """A token of demo, demo2 (same project), alt, foundation, admin, tally; one a session."""
        return self.token_and_doc(user)[0]

    def token_and_doc(self, user):
        if user not in self._tokens:
            self._tokens[user] = self.keystone.token(user)
        return self._tokens[user]

    def new_token(self, user):
        """One that nothing has seen, hence nothing has cached."""
        return self.keystone.token(user)[0]

    def project(self, user):
        return self.token_and_doc(user)[1]['project']['id']

    def user_id(self, user):
        return self.token_and_doc(user)[1]['user']['id']

    def client(self, user=None):
        """An HTTP client of one of the lab's users, or of nobody."""
        return Client(self, self.token(user) if user else None)

    def with_token(self, token):
        """An HTTP client with any token."""
        return Client(self, token)

    def with_new_token(self, user):
        return Client(self, self.new_token(user))

    def curl(self, *args):
        """curl's finished process, for what requests would not send."""
        return subprocess.run(['curl', '--silent', '--show-error', '--cacert', self.ca, *args], capture_output=True,
                              check=False, timeout=120, env={'PATH': PATH, 'HOME': self.folder})

    def log_size(self):
        return os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0

    def log(self, offset=0):
        """tally.fcgi's log from an offset that log_size() gave."""
        if not os.path.exists(self.log_path):
            return ''
        with open(self.log_path, 'rb') as f:
            f.seek(offset)
            return f.read().decode('utf-8', 'replace')

    def log_records(self, offset=0):
        """The same, as documents."""
        return [json.loads(line) for line in self.log(offset).splitlines() if line.startswith('{')]


def make_folder():
    """A short path (sockets have 108 bytes) that other users may enter."""
    folder = tempfile.mkdtemp(prefix='tally-')
    os.chmod(folder, 0o755)
    return folder


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
