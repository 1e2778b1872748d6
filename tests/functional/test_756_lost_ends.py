"""Ends that are in the database although nobody was told, and writers that outlive their row's death."""
import os
import signal
import socket
import threading

import pytest

from lab.service import wait_for
from work import disk, pause


class Gate:
    """A socket in front of MariaDB's. Once cut() was called, what a client says next still reaches the server, whose
    answer nobody hears; and nobody comes in until open()."""

    def __init__(self, target, path):
        self.target, self.path, self.shut = target, path, threading.Event()
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            if self.shut.is_set():
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            server.connect(self.target)
            for ends in ((client, server, False), (server, client, True)):
                threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, source, to, answers):
        try:
            while data := source.recv(65536):
                if answers and self.shut.is_set():
                    break
                to.sendall(data)
        except OSError:
            pass
        for end in (source, to):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.shut.set()

    def open(self):
        self.shut.clear()

    def close(self):
        self.socket.close()
        os.unlink(self.path)


@pytest.fixture
def gate(stack):
    g = Gate(stack.mariadb.socket, os.path.join(stack.site, 'run', 'gate'))
    yield g
    g.open()
    g.close()


def test_756_export_whose_success_nobody_heard(works, gate):
    """The last attempt commits, the answer is lost, the database stays away until the lease is over: the customer
    keeps what the task says that he has."""
    works.start('maker')
    data, container = disk(300_000), works.container()
    image = works.make_image(data)
    works.stop('maker')
    worker = works.start(fault='db.before_commit=stop', task__max_attempts=1, worker__lease=10,
                         database__connection='mysql://tally:tally@localhost/tally?unix_socket=' + gate.path)
    task = works.post('export', image_id=image, export_to=container, export_format='raw')
    wait_for('the end to come', worker.is_stopped, 20)
    gate.cut()
    worker.send(signal.SIGCONT)
    works.success(task)
    pause(5)  # three heartbeats are 3 seconds
    assert works.listing(container) == [image + '.raw']
    assert works.get(container, image + '.raw') == data
    gate.open()
    works.stop()
    works.success(task)
    assert works.get(container, image + '.raw') == data


def test_756_export_that_an_administrator_fails(works):
    """After the customer sees the object, and before the task has ended: a failure has left nothing."""
    works.start('maker')
    container, image = works.container(), works.make_image()
    works.stop('maker')
    worker = works.start(fault='export.object_done=stop', worker__lease=10)
    task = works.post('export', image_id=image, export_to=container, export_format='raw')
    wait_for('the object', worker.is_stopped, 20)
    assert works.listing(container) == [image + '.raw']
    works.stack.manage('task', 'fail', task, '--message', 'not wanted')
    worker.send(signal.SIGCONT)
    wait_for('the object to go', lambda: works.listing(container) == [], 10)
    assert works.failure(task) == 'not wanted'
    works.check_order()


def test_756_row_of_an_upload_under_way(works):
    """Of an image that was deleted while it was uploaded the row stays until nobody can write any more."""
    sql = works.stack.sql
    for key, seconds in (('over', -1), ('writing', 3600)):
        sql('INSERT INTO store_objects (object_key, project, state, created_at, writer_until) VALUES'
            " (%s, %s, 'dead', NOW(6), NOW(6) + INTERVAL %s SECOND)", key, works.project, seconds)
    works.start()
    wait_for('the sweep', lambda: sql('SELECT COUNT(*) FROM store_objects') == ((1,),), 10)
    pause(2)
    assert sql('SELECT object_key FROM store_objects') == (('writing',),)
    sql('UPDATE store_objects SET writer_until = NOW(6)')
    works.check_order()
