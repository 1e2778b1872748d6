"""No thread of tally.fcgi is held by a peer that says nothing, and none is lost."""
import glob
import os
import time

import pytest
from conftest import BUILD, sanitizer_env
from fastcgi import BEGIN, BEGUN, KEEP, PARAMS, STDIN, Lone, get, params, record, upload_head
from lab.service import wait_for

THREADS = 4
PROMPT = 1.0  # seconds within which a request is answered that waits for nobody (sanitizers, a busy machine)


def make(threads=THREADS, nofile=None, **api):
    service = Lone(BUILD, {}, threads=threads, **api)
    service.tally.env = sanitizer_env(service.folder)
    service.tally.nofile = nofile
    return service


def end(service):
    try:
        assert service.stop() == 0, service.tally.tail()
        found = glob.glob(os.path.join(service.folder, 'sanitizer*'))
        assert not found, open(found[0], encoding='utf-8').read()[:8000]
    finally:
        service.remove()


@pytest.fixture(scope='module')
def lone():
    service = make()
    try:
        service.start()
        yield service
    finally:
        end(service)


SILENT = {
    'nothing': b'',
    'half a header': record(BEGIN, KEEP)[:5],
    'begin only': record(BEGIN, KEEP),
    'half the params': record(BEGIN, KEEP) + record(PARAMS, params())[:30],
    'params without end': record(BEGIN, KEEP) + record(PARAMS, params()),
    'no body record': record(BEGIN, KEEP) + record(PARAMS, params()) + record(PARAMS),
}


@pytest.mark.parametrize('name', SILENT)
def test_silent_peers_hold_no_thread(lone, name):
    """Ten times as many as there are threads; and each is closed when connection_timeout is over."""
    peers = [lone.peer().send(SILENT[name]) for _ in range(10 * THREADS)]
    began = time.monotonic()
    try:
        for _ in range(20):
            assert lone.seconds() < PROMPT
        for peer in peers:
            assert peer.closed(6)
        assert 1.5 < time.monotonic() - began < 6
    finally:
        for peer in peers:
            peer.s.close()


def test_idle_kept_connections(lone):
    """64 connections that nginx keeps, on 4 threads: each still answers, new ones are answered promptly."""
    peers = [lone.peer() for _ in range(64)]
    try:
        for peer in peers:
            assert peer.ask(get()).status == 200
        times = sorted(lone.seconds() for _ in range(100))
        assert times[-1] < PROMPT
        time.sleep(3)  # longer than connection_timeout: that is for the middle of a request
        for peer in reversed(peers):
            assert peer.ask(get()).status == 200
    finally:
        for peer in peers:
            peer.s.close()


def test_silent_in_mid_body(lone):
    """These do hold a thread, for connection_timeout at most: 408, then all is as before."""
    peers = [lone.peer().send(upload_head(1000) + record(STDIN, BEGUN)) for _ in range(THREADS)]
    try:
        began = time.monotonic()
        for peer in peers:
            reply = peer.reply()
            assert reply.status == 408 and reply.whole
        assert 1.5 < time.monotonic() - began < 6
        assert lone.seconds() < PROMPT
    finally:
        for peer in peers:
            peer.s.close()


def test_trickle_ends_at_the_deadline(lone):
    """A byte a second is never silent, and still ends: upload_deadline is 6 s."""
    before = lone.metric('tally_requests_cut_total')
    with lone.peer() as peer:
        peer.send(upload_head(1000) + record(STDIN, BEGUN))
        began = time.monotonic()
        peer.s.settimeout(0.5)
        answered = False
        while time.monotonic() - began < 12 and not answered:
            try:
                answered = bool(peer.s.recv(1, 2))  # MSG_PEEK
            except (TimeoutError, OSError):
                pass
            try:
                peer.send(record(STDIN, b'\0'))
            except OSError:
                break
        peer.s.settimeout(5)
        assert peer.reply().status == 408
        assert 5 < time.monotonic() - began < 10
    assert lone.metric('tally_requests_cut_total') == before + 1


def test_peer_that_does_not_read(lone):
    """A reply that nobody takes: the thread is free again when connection_timeout is over."""
    peers = []
    for _ in range(THREADS):
        peer = lone.peer()
        peer.s.setsockopt(1, 8, 2048)  # SOL_SOCKET, SO_RCVBUF
        peers.append(peer)
        peer.s.setblocking(False)
        try:
            while True:
                peer.s.send(get() * 10)
        except BlockingIOError:
            pass
    began = time.monotonic()
    lone.peer(20).ask(get())
    assert time.monotonic() - began < 8
    for peer in peers:
        peer.s.close()
    assert lone.seconds() < PROMPT


def test_many_at_once(lone):
    peers = [lone.peer() for _ in range(200)]
    try:
        for peer in peers:
            peer.send(get())
        assert all(peer.reply().status == 200 for peer in peers)
    finally:
        for peer in peers:
            peer.s.close()


def test_no_descriptor_is_lost(lone):
    wait_for('idle', lambda: lone.metric('tally_connections') <= 1, 10)
    before = lone.fds()
    for i in range(50):
        with lone.peer() as peer:
            peer.send((get(), upload_head(10), b'\0' * 8, record(BEGIN, KEEP))[i % 4])
    wait_for('idle', lambda: lone.fds() <= before, 10)


def test_out_of_descriptors():
    """More peers than descriptors: accepting pauses and goes on, kept connections give way, nobody is forgotten."""
    service = make(threads=4, nofile=80)
    try:
        service.start()
        silent = [service.peer() for _ in range(100)]
        time.sleep(0.5)
        assert service.tally.running(), service.tally.tail()
        assert service.fds() <= 80
        asked = service.peer(20).send(get())  # waits in the queue until the silent ones are closed
        assert asked.reply().status == 200
        for peer in silent:
            peer.s.close()
        assert service.seconds() < 2
        kept = []
        for _ in range(100):
            kept.append(service.peer(20))
            assert kept[-1].ask(get()).status == 200
        assert service.seconds() < PROMPT
        for peer in kept:
            peer.s.close()
    finally:
        end(service)


def test_descriptors_taken_by_others():
    """EMFILE itself: the limit is lowered under the process' feet."""
    import resource
    service = make(threads=4)
    try:
        service.start()
        assert service.seconds() < PROMPT
        mark = len(service.log())
        resource.prlimit(service.tally.pid, resource.RLIMIT_NOFILE, (service.fds(), 4096))
        asked = [service.peer(20).send(get()) for _ in range(10)]
        service.logs('accepting pauses', mark)
        assert service.tally.running()
        resource.prlimit(service.tally.pid, resource.RLIMIT_NOFILE, (1024, 4096))
        assert all(peer.reply().status == 200 for peer in asked)
        assert service.seconds() < PROMPT
        for peer in asked:
            peer.s.close()
    finally:
        end(service)
