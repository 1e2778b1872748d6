"""A private Keystone under uwsgi, Fernet tokens, its own SQLite file: stopping MariaDB does not stop it.

Schema, keys, projects and users are made once and copied; only the port differs from start to start."""
import grp
import hashlib
import json
import os
import pwd
import re
import shutil
import sqlite3
import subprocess
import urllib.error
import urllib.request

from . import template
from .service import PATH, LabError, Service, free_port, tcp_open

# user: (password, project, roles in it); two users of one project, and staff by the admin role.
USERS = {
    'demo': ('demo', 'demo', ('member',)),
    'demo2': ('demo2', 'demo', ('member',)),
    'alt': ('alt', 'alt', ('member',)),
    'foundation': ('foundation', 'admin', ('admin',)),
    'tally': ('tally', 'service', ('service', 'admin', 'ResellerAdmin')),
    'swift': ('swift', 'service', ('service', 'admin')),
}
ADMIN = ('admin', 'secret', 'admin')
TEMPLATE_URL = 'http://keystone.invalid:1'
# What the catalogue has beside Keystone itself. The address, a stack's own, is filled in when the template is copied.
SERVICES = {
    'image': ('tally', 'http://image.invalid:1'),
    'object-store': ('swift', 'http://object-store.invalid:1/v1/AUTH_%(project_id)s'),
}

CONF = """[DEFAULT]
log_file = {home}/keystone.log
[database]
connection = sqlite:///{home}/keystone.db
[identity]
password_hash_rounds = 4
[token]
provider = fernet
expiration = 86400
[fernet_tokens]
key_repository = {home}/fernet-keys
[fernet_receipts]
key_repository = {home}/fernet-keys
[credential]
key_repository = {home}/credential-keys
[cache]
enabled = true
backend = dogpile.cache.memory
[oslo_policy]
policy_file = {home}/policy.yaml
"""

UWSGI = """[uwsgi]
plugins = python3
http-socket = 127.0.0.1:{port}
add-header = Connection: close
wsgi-file = /usr/bin/keystone-wsgi-public
env = OS_KEYSTONE_CONFIG_DIR={home}
chdir = {home}
master = true
processes = 1
threads = 8
enable-threads = true
lazy-apps = true
buffer-size = 65535
listen = 128
die-on-term = true
no-orphans = true
need-app = true
worker-reload-mercy = 3
reload-mercy = 3
log-format = %(method) %(uri) %(status)
"""


def _write_conf(home, token=None):
    """TOKEN: options of [token] besides."""
    text = CONF.format(home=home)
    for option, value in (token or {}).items():
        text = re.sub(r'^%s = .*\n' % option, '', text, flags=re.M)
        text = text.replace('[token]\n', '[token]\n%s = %s\n' % (option, value))
    with open(os.path.join(home, 'keystone.conf'), 'w', encoding='utf-8') as f:
        f.write(text)
    with open(os.path.join(home, 'policy.yaml'), 'w', encoding='utf-8') as f:
        f.write('{}\n')


def call(base, method, path, body=None, token=None, headers=()):
    """One JSON request to a Keystone: (status, headers, document)."""
    req = urllib.request.Request(base + path, method=method, data=json.dumps(body).encode() if body else None)
    req.add_header('Content-Type', 'application/json')
    if token:
        req.add_header('X-Auth-Token', token)
    for name, value in headers:
        req.add_header(name, value)
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(req, timeout=60) as r:
            text = r.read()
            return r.status, r.headers, json.loads(text) if text else None
    except urllib.error.HTTPError as e:
        return e.code, e.headers, json.loads(e.read() or b'null')


def password_body(user, password, project=None):
    domain = {'id': 'default'}
    auth = {'identity': {'methods': ['password'],
                         'password': {'user': {'name': user, 'domain': domain, 'password': password}}}}
    if project:
        auth['scope'] = {'project': {'name': project, 'domain': domain}}
    return {'auth': auth}


def _seed(base):
    """The projects, users, roles and endpoints of the lab, through Keystone's own API."""
    status, headers, _ = call(base, 'POST', '/v3/auth/tokens', password_body(*ADMIN))
    if status != 201:
        raise LabError('keystone: no admin token: %d' % status)
    token = headers['X-Subject-Token']

    def make(kind, collection, body):
        status, _, doc = call(base, 'POST', '/v3/' + collection, {kind: body}, token)
        if status != 201:
            raise LabError('keystone: POST %s %r: %d %r' % (collection, body, status, doc))
        return doc[kind]['id']

    roles = {r['name']: r['id'] for r in call(base, 'GET', '/v3/roles', None, token)[2]['roles']}
    for name in ('service', 'foundation', 'ResellerAdmin', 'swiftoperator'):
        if name not in roles:
            roles[name] = make('role', 'roles', {'name': name})
    projects = {p['name']: p['id'] for p in call(base, 'GET', '/v3/projects', None, token)[2]['projects']}
    for name in ('demo', 'alt', 'service'):
        projects[name] = make('project', 'projects', {'name': name, 'domain_id': 'default'})
    for name, (password, project, has) in USERS.items():
        user = make('user', 'users', {'name': name, 'password': password, 'domain_id': 'default'})
        for role in has:
            path = '/v3/projects/%s/users/%s/roles/%s' % (projects[project], user, roles[role])
            status, _, doc = call(base, 'PUT', path, None, token)
            if status != 204:
                raise LabError('keystone: PUT %s: %d %r' % (path, status, doc))
    for kind, (name, url) in SERVICES.items():
        service = make('service', 'services', {'name': name, 'type': kind})
        for interface in ('public', 'internal', 'admin'):
            make('endpoint', 'endpoints', {'service_id': service, 'interface': interface, 'url': url,
                                           'region_id': 'RegionOne'})


def _install(folder):
    _write_conf(folder)
    env = {'PATH': PATH, 'HOME': folder, 'LANG': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1',
           'PYTHONWARNINGS': 'ignore'}
    conf = ['--config-file', os.path.join(folder, 'keystone.conf')]
    os.mkdir(os.path.join(folder, 'fernet-keys'), 0o700)
    os.mkdir(os.path.join(folder, 'credential-keys'), 0o700)
    url = TEMPLATE_URL + '/v3'
    me = ['--keystone-user', pwd.getpwuid(os.geteuid()).pw_name, '--keystone-group', grp.getgrgid(os.getegid()).gr_name]
    for args in (['fernet_setup', *me], ['credential_setup', *me], ['db_sync'],
                 ['bootstrap', '--bootstrap-username', ADMIN[0], '--bootstrap-password', ADMIN[1],
                  '--bootstrap-project-name', ADMIN[2], '--bootstrap-role-name', 'admin',
                  '--bootstrap-service-name', 'keystone', '--bootstrap-region-id', 'RegionOne',
                  '--bootstrap-public-url', url, '--bootstrap-internal-url', url, '--bootstrap-admin-url', url]):
        done = subprocess.run(['/usr/bin/keystone-manage', *conf, *args], env=env, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise LabError('keystone-manage %s:\n%s' % (args[0], done.stdout))
    # Keystone reads in one session while it writes in another: only the write-ahead log lets it
    db = sqlite3.connect(os.path.join(folder, 'keystone.db'))
    db.execute('PRAGMA journal_mode=WAL')
    db.close()
    with_server = Keystone(os.path.dirname(folder), None, name=os.path.basename(folder))
    with_server.start()
    try:
        _seed(with_server.url)
    finally:
        with_server.stop()


def _version():
    out = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', 'python3-keystone'], capture_output=True, text=True,
                         check=False)
    return out.stdout


def prepare(cache):
    """Makes what a Keystone is copied from, if it is not there; returns the folder."""
    key = hashlib.sha256(repr((_version(), CONF, USERS, ADMIN, SERVICES)).encode()).hexdigest()
    return template.get(cache, 'keystone-' + key[:12], _install)


class Keystone(Service):
    """http://127.0.0.1:PORT, the same port over every restart."""

    def __init__(self, folder, cache, name='keystone', tied=True):
        super().__init__(folder, name, tied)
        self.home = os.path.join(folder, name)
        self.port = free_port()
        self.url = 'http://127.0.0.1:%d' % self.port
        self.token_options = {}  # of [token], from the next start on
        if cache is not None and not os.path.isdir(self.home):
            shutil.copytree(prepare(cache), self.home)
            self.move_endpoints(TEMPLATE_URL, self.url)
        _write_conf(self.home)
        with open(os.path.join(self.home, 'uwsgi.ini'), 'w', encoding='utf-8') as f:
            f.write(UWSGI.format(home=self.home, port=self.port))

    def move_endpoints(self, old, new):
        """Only while it is stopped: it keeps its catalogue in memory."""
        db = sqlite3.connect(os.path.join(self.home, 'keystone.db'))
        with db:
            db.execute('UPDATE endpoint SET url = replace(url, ?, ?)', (old, new))
        db.close()

    def name_service(self, kind, url):
        """Puts the address of the stack's own image or object-store service into the catalogue."""
        template = SERVICES[kind][1].split('/v1')[0]
        self.move_endpoints(template, url)

    def start(self, seconds=60.0, wait=True):
        if not self.running():
            _write_conf(self.home, self.token_options)
        return super().start(seconds, wait)

    def argv(self):
        return ['/usr/bin/uwsgi', '--ini', os.path.join(self.home, 'uwsgi.ini')]

    def ready(self):
        if not tcp_open(self.port):
            return False
        try:
            return call(self.url, 'GET', '/v3')[0] == 200
        except (OSError, ValueError):
            return False

    def wait_ready(self, seconds=60.0):
        """Also lets it load its policy: several first requests at once can get a 403 out of a Keystone that is still
        at it."""
        super().wait_ready(seconds)
        status, headers, _ = self.call('POST', '/v3/auth/tokens', password_body(*ADMIN))
        if status == 201:
            token = headers['X-Subject-Token']
            self.call('GET', '/v3/auth/tokens', None, token, [('X-Subject-Token', token)])

    def token(self, user, password=None, project=None):
        """A project-scoped token of one of the lab's users: (token, document)."""
        if user == ADMIN[0]:
            password, project = password or ADMIN[1], project or ADMIN[2]
        else:
            password, project = password or USERS[user][0], project or USERS[user][1]
        status, headers, doc = call(self.url, 'POST', '/v3/auth/tokens', password_body(user, password, project))
        if status != 201:
            raise LabError('keystone: no token for %s: %d %r' % (user, status, doc))
        return headers['X-Subject-Token'], doc['token']

    def call(self, method, path, body=None, token=None, headers=()):
        return call(self.url, method, path, body, token, headers)

    def revoke(self, token):
        status, _, doc = self.call('DELETE', '/v3/auth/tokens', None, token, [('X-Subject-Token', token)])
        if status != 204:
            raise LabError('keystone: cannot revoke: %d %r' % (status, doc))

    def questions(self):
        """How many requests about tokens it has answered."""
        with open(self.out, encoding='utf-8', errors='replace') as f:
            return sum(1 for line in f if ' /v3/auth/tokens' in line)
