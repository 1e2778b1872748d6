"""A private MariaDB on a unix socket. Its empty data folder is made once and copied for every start from nothing."""
import hashlib
import os
import shutil
import subprocess
import tempfile

from . import template
from .service import PATH, LabError, Service, unix_open, unprivileged

BASE = ('--no-defaults', '--innodb-log-file-size=48M', '--innodb-data-file-path=ibdata1:12M:autoextend',
        '--innodb-temp-data-file-path=ibtmp1:12M:autoextend', '--innodb-undo-tablespaces=0')
OPTIONS = BASE + (
    '--skip-networking', '--skip-name-resolve', '--max-connections=200', '--innodb-buffer-pool-size=256M',
    '--innodb-flush-log-at-trx-commit=1', '--max-allowed-packet=256M', '--local-infile=ON', '--skip-log-bin',
    '--character-set-server=utf8mb4', '--collation-server=utf8mb4_general_ci', '--performance-schema=OFF',
    '--innodb-buffer-pool-dump-at-shutdown=OFF', '--innodb-buffer-pool-load-at-startup=OFF')


def _version():
    out = subprocess.run(['mariadbd', '--version'], env={'PATH': PATH}, capture_output=True, text=True, check=True)
    return out.stdout.strip()


def _install(folder):
    # Made elsewhere: the user that we drop to may be unable to enter the checkout (/root, a private home).
    with tempfile.TemporaryDirectory(prefix='tally-') as place:
        os.chmod(place, 0o755)
        data = os.path.join(place, 'data')
        os.mkdir(data)
        ids = unprivileged()
        drop = {'user': ids[0], 'group': ids[1], 'extra_groups': []} if ids else {}
        if ids:
            _chown_tree(place, ids)
        # --force: no name is looked up, for there may be no /etc/hosts.
        done = subprocess.run(['mariadb-install-db', *BASE, '--datadir=' + data, '--tmpdir=' + place,
                               '--auth-root-authentication-method=normal', '--skip-test-db', '--force'],
                              env={'PATH': PATH, 'HOME': place}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, cwd='/', **drop)
        if done.returncode != 0:
            raise LabError('mariadb-install-db:\n' + done.stdout)
        shutil.move(data, os.path.join(folder, 'data'))


def _chown_tree(top, ids):
    os.chown(top, *ids)
    for base, dirs, files in os.walk(top):
        for name in dirs + files:
            os.chown(os.path.join(base, name), *ids)


def prepare(cache):
    """Makes what a MariaDB is copied from, if it is not there; returns the folder."""
    key = hashlib.sha256(repr((_version(), BASE, unprivileged())).encode()).hexdigest()
    return template.get(cache, 'mariadb-' + key[:12], _install)


class MariaDB(Service):
    """Socket self.socket, user root without a password."""

    def __init__(self, folder, cache, options=(), name='mariadb', tied=True):
        super().__init__(folder, name, tied)
        self.options = tuple(options)
        self.home = os.path.join(folder, name)
        self.socket = os.path.join(self.home, 'sock')
        self.errlog = os.path.join(self.home, 'error.log')
        if not os.path.isdir(os.path.join(self.home, 'data')):
            self._create(cache)

    def _create(self, cache):
        shutil.copytree(prepare(cache), self.home)
        if unprivileged():
            _chown_tree(self.home, unprivileged())

    def argv(self):
        return ['/usr/sbin/mariadbd', *OPTIONS, *self.options, '--datadir=' + os.path.join(self.home, 'data'),
                '--socket=' + self.socket, '--pid-file=' + os.path.join(self.home, 'pid'),
                '--log-error=' + self.errlog, '--tmpdir=' + self.home]

    def ids(self):
        return unprivileged()

    def ready(self):
        return unix_open(self.socket)

    def tail(self, lines=30):
        try:
            with open(self.errlog, encoding='utf-8', errors='replace') as f:
                return super().tail(lines) + ''.join(f.readlines()[-lines:])
        except FileNotFoundError:
            return super().tail(lines)
