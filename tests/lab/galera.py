"""Two MariaDB nodes and an arbitrator: a Galera cluster on loopback, whose majority survives the death of one node."""
import socket

import pymysql

from .mariadb import MariaDB
from .service import LabError, Service, free_port, wait_for

PROVIDER = '/usr/lib/galera/libgalera_smm.so'
NAME = 'lab'
# A dead neighbour is noticed within seconds; a busy machine is no dead one.
TIMES = 'evs.keepalive_period=PT0.5S;evs.suspect_timeout=PT4S;evs.inactive_timeout=PT8S'


def free_ports(count):
    """COUNT free ports in a row: a node counts on from its first."""
    for _ in range(100):
        first = free_port()
        held = []
        try:
            for n in range(count):
                s = socket.socket()
                held.append(s)
                s.bind(('127.0.0.1', first + n))
            return first
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise LabError('no %d free ports in a row' % count)


class Node(MariaDB):
    """One node. The first of a cluster is started with bootstrap=True, others take their data from it (rsync)."""

    def __init__(self, folder, cache, name, port, cluster):
        super().__init__(folder, cache, name=name)
        self.port, self.cluster, self.bootstrap = port, cluster, False

    def argv(self):
        mine = '127.0.0.1:%d' % self.port
        options = [o for o in super().argv() if o != '--skip-log-bin']
        return options + [
            '--wsrep-on=ON', '--wsrep-provider=' + PROVIDER, '--wsrep-cluster-name=' + NAME,
            '--wsrep-cluster-address=gcomm://' + ','.join('127.0.0.1:%d' % p for p in self.cluster),
            '--wsrep-node-name=' + self.name, '--wsrep-node-address=' + mine,
            '--wsrep-node-incoming-address=' + mine,
            '--wsrep-sst-method=rsync', '--wsrep-sst-receive-address=127.0.0.1:%d' % (self.port + 2),
            '--wsrep-provider-options=gmcast.listen_addr=tcp://%s;ist.recv_addr=127.0.0.1:%d;gcache.size=64M;%s'
            % (mine, self.port + 1, TIMES),
            '--binlog-format=ROW', '--innodb-autoinc-lock-mode=2',
            *(['--wsrep-new-cluster'] if self.bootstrap else [])]

    def status(self, name):
        with pymysql.connect(unix_socket=self.socket, user='root', autocommit=True) as db, db.cursor() as cur:
            cur.execute('SHOW GLOBAL STATUS LIKE %s', (name,))
            row = cur.fetchone()
            return row[1] if row else None

    def ready(self):
        if not super().ready():
            return False
        try:
            return self.status('wsrep_ready') == 'ON' and self.status('wsrep_local_state_comment') == 'Synced'
        except pymysql.MySQLError:
            return False


class Arbitrator(Service):
    """garbd: a vote without data."""

    def __init__(self, folder, cluster):
        super().__init__(folder, 'garbd')
        self.port, self.cluster = free_port(), cluster

    def argv(self):
        return ['/usr/bin/garbd', '--address', 'gcomm://' + ','.join('127.0.0.1:%d' % p for p in self.cluster),
                '--group', NAME, '--options', 'gmcast.listen_addr=tcp://127.0.0.1:%d;%s' % (self.port, TIMES)]


class Cluster:
    """self.nodes (two) and self.arbitrator."""

    def __init__(self, folder, cache):
        ports = [free_ports(3), free_ports(3)]
        self.nodes = [Node(folder, cache, 'node%d' % (n + 1), port, ports) for n, port in enumerate(ports)]
        self.arbitrator = Arbitrator(folder, ports)

    def start(self):
        first, second = self.nodes
        first.bootstrap = True
        first.start()
        first.bootstrap = False
        second.start(120)
        self.arbitrator.start()
        self.wait_size(3)
        return self

    def wait_size(self, size, seconds=60):
        wait_for('a cluster of %d' % size,
                 lambda: all(n.status('wsrep_cluster_size') == str(size) for n in self.nodes if n.running()), seconds)

    def kill(self):
        for service in (self.arbitrator, *self.nodes):
            service.kill()
