"""Two hosts, each on its own node of a Galera cluster: uploads and deletions at both, one node killed and back."""
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import fastcgi
from evidence import counts
from lab.service import wait_for
from lab.tally import TallyFcgi
from test_620_storm import AT_ONCE, by_fcgi, check_counters, make
from test_805_galera import cluster_stack, with_node  # noqa: F401: a fixture

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.fixture
def hosts(cluster_stack):  # noqa: F811
    """The stack, its tests' own looks at a database seeing what is committed anywhere; the hosts' sockets."""
    s, plain = cluster_stack, cluster_stack.connect
    s.connect = lambda *args, **more: plain(*args, init_command='SET SESSION wsrep_sync_wait = 15', **more)
    other = TallyFcgi(s.site, s.build, with_node(s, s.cluster.nodes[1], 'tally2'), s.env, name='tally2').start()
    yield s, (s.tally.socket, other.socket)
    assert other.stop() == 0


def troubles(stack):
    return [r for r in stack.log_records() if r.get('level') in ('warning', 'error')][-20:]


def twice_there(stack):
    """Tests that stand twice: id, name, what the key says, runs."""
    return stack.sql('SELECT t.id, t.test_id, (SELECT tests_id FROM test_keys WHERE name_sha256 = t.test_id_sha256),'
                     " (SELECT GROUP_CONCAT(run_id, ':', status) FROM test_runs WHERE test_id = t.id) FROM tests t JOIN"
                     ' (SELECT test_id_sha256 FROM tests GROUP BY 1 HAVING COUNT(*) > 1) d USING (test_id_sha256)')


def delete(stack, socket, user, run):
    with fastcgi.Peer(socket, 60) as peer:
        return peer.ask(fastcgi.head(fastcgi.params('DELETE', '/v1/subunit/' + run,
                                                    HTTP_X_AUTH_TOKEN=stack.token(user)), False)
                        + fastcgi.record(fastcgi.STDIN)).status


def storm(stack, sockets, rounds, seed):
    """Each round's uploads bring the same new names to both hosts; what is deleted goes from the other host."""
    rng, left = random.Random(seed), []
    with ThreadPoolExecutor(AT_ONCE * 2) as pool:
        for n in range(rounds):
            names = ['galera%d.%d.test_%d' % (seed, k, i) for k in (n, max(n - 1, 0)) for i in range(60)]
            jobs = [(i % 2, ('demo', 'alt')[i % 3 == 0], make(rng, names)) for i in range(AT_ONCE)]
            gone = [left.pop(rng.randrange(len(left))) for _ in range(min(len(left), AT_ONCE // 2))]
            replies = [pool.submit(by_fcgi, stack, sockets[at], user, data) for at, user, data in jobs]
            deleted = [pool.submit(delete, stack, sockets[1 - at], user, run) for at, user, run in gone]
            for (at, user, _), reply in zip(jobs, replies):
                assert reply.result().status == 201, troubles(stack)
                left.append((at, user, json.loads(reply.result().body)['subunit-uuid']))
            assert [d.result() for d in deleted] == [204] * len(gone)
            assert (twice := twice_there(stack)) == (), (twice, troubles(stack))
            check_counters(stack)
    return left


def alike(stack):
    """Both nodes hold the same, and it adds up."""
    first = counts(stack)
    assert stack.manage('db', 'check').stdout == '0 differences\n'
    stack.mariadb = stack.cluster.nodes[1]
    try:
        assert counts(stack) == first
    finally:
        stack.mariadb = stack.cluster.nodes[0]
    return first


def test_two_hosts_two_nodes(hosts):
    stack, sockets = hosts
    for socket in sockets:  # Keystone is asked before the storm, not in it
        for user in ('demo', 'alt'):
            assert by_fcgi(stack, socket, user, b'nothing').status == 400
    left = storm(stack, sockets, 6, 1)
    assert alike(stack)['runs'] == len(left)
    node = stack.cluster.nodes[1]
    node.kill()
    stack.cluster.wait_size(2)
    assert by_fcgi(stack, sockets[1], 'demo', make(random.Random(2), ['a.b', 'a.c', 'a.d', 'a.e'])).status == 503
    left += storm(stack, sockets[:1] * 2, 2, 3)
    time.sleep(1)
    node.start(120)
    stack.cluster.wait_size(3)
    wait_for('the second host', lambda: by_fcgi(stack, sockets[1], 'demo', b'nothing').status == 400, 30)
    left += storm(stack, sockets, 2, 4)
    alike(stack)
    for at, user, run in left:
        assert delete(stack, sockets[1 - at], user, run) in (204, 404)
    rows = alike(stack)
    assert not any(rows[t] for t in ('runs', 'tests', 'test_keys', 'test_runs', 'project_test_stats')), rows
