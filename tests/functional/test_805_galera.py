"""Workers on both nodes of a Galera cluster, one node killed and back: every task ends, once."""
import configparser
import glob
import os
import time

import pytest

from conftest import BUILD, CACHE, sanitizer_env
from customers import Customer, disk, nothing_left, sha512
from lab.galera import Cluster
from lab.service import wait_for
from lab.stack import Stack, make_folder, remove_folder

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def with_node(stack, node, name):
    """A copy of the stack's tally.conf for the processes of another host: its database is NODE."""
    conf = configparser.RawConfigParser()
    conf.read(stack.conf.path)
    conf['database']['connection'] = conf['database']['connection'].replace(stack.mariadb.socket, node.socket)
    path = os.path.join(stack.site, 'etc', name + '.conf')
    with open(path, 'w', encoding='utf-8') as f:
        conf.write(f)
    return path


@pytest.fixture
def cluster_stack():
    folder = make_folder()
    cluster = Cluster(folder, CACHE)
    s = Stack(folder, BUILD, CACHE, sanitizer_env(folder), mariadb=cluster.nodes[0])
    s.cluster = cluster
    try:
        cluster.start()
        s.start()
        s.swift.start()
        s.worker('first').start()
        s.worker('second', config=with_node(s, cluster.nodes[1], 'second')).start()
        yield s
        assert s.worker('first').stop() in (0, None) and s.worker('second').stop() == 0
        found = glob.glob(os.path.join(folder, 'sanitizer*'))
        assert not found, ''.join(open(f, encoding='utf-8', errors='replace').read() for f in found)[:20000]
    finally:
        for service in s.services():
            service.kill()
        cluster.kill()
        remove_folder(folder)


def crowd(customer, count):
    """COUNT imports and as many clones: {import task: content's sha512}, clone tasks, the clones' source."""
    container = customer.container()
    source = customer.imported(disk(50_000))
    imports, clones = {}, []
    for n in range(count):
        data = disk(40_000)
        customer.put(container, 'd%d' % n, data)
        imports[customer.start_import(container, 'd%d' % n)['id']] = sha512(data)
        clones.append(customer.create('clone', image_id=source)['id'])
    return imports, clones, source


def ended(stack):
    return stack.sql("SELECT COUNT(*) FROM tasks WHERE status IN ('success', 'failure')")[0][0]


def test_B60_two_nodes_one_killed_and_back(cluster_stack):
    s, customer = cluster_stack, Customer(cluster_stack)
    second = s.cluster.nodes[1]
    imports, clones, source = crowd(customer, 60)
    wait_for('a third of the tasks', lambda: ended(s) > 40, 120)
    second.kill()
    s.cluster.wait_size(2)
    time.sleep(3)
    second.start(120)
    s.cluster.wait_size(3)
    docs = {t: customer.wait(t, 300) for t in (*imports, *clones)}
    assert [d['message'] for d in docs.values() if d['status'] != 'success'] == []
    images = [d['result']['image_id'] for d in docs.values()]
    assert len(set(images)) == len(images)
    assert sorted(customer.owned()) == sorted([*images, source])
    for task, digest in imports.items():
        assert customer.image(docs[task]['result']['image_id'])['os_hash_value'] == digest
    nothing_left(s, 60)
    # the second's host works again after its node came back
    s.worker('first').stop()
    customer.imported()
