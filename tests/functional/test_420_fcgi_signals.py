"""tally.fcgi's signals: SIGTERM and SIGUSR1 drain, SIGHUP reads the configuration anew; and how it starts."""
import glob
import os
import signal
import socket
import subprocess
import threading
import time

import pytest
from conftest import BUILD, sanitizer_env
from fastcgi import BEGUN, STDIN, TOKEN, Peer, Lone, get, record, upload_head
from lab.service import unix_open, wait_for

PROGRAM = os.path.join(BUILD, 'fcgi', 'tally.fcgi')


@pytest.fixture
def lone():
    service = Lone(BUILD, {})
    service.tally.env = sanitizer_env(service.folder)
    try:
        yield service.start()
        if service.tally.running():
            assert service.stop() == 0, service.tally.tail()
        found = glob.glob(os.path.join(service.folder, 'sanitizer*'))
        assert not found, open(found[0], encoding='utf-8').read()[:8000]
    finally:
        service.remove()


def finished(service, seconds=10):
    status = service.tally.proc.wait(seconds)
    return status


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_drain(lone, number):
    """A request in mid-body goes on to its end; an idle connection is closed; the end is clean."""
    idle, busy = lone.peer(), lone.peer()
    assert idle.ask(get()).status == 200
    busy.send(upload_head('', keep=True) + record(STDIN, BEGUN))
    time.sleep(0.3)
    lone.tally.send(number)
    assert idle.closed(2)
    lone.logs('stopping')
    assert lone.tally.running()
    time.sleep(0.5)
    reply = busy.send(record(STDIN)).reply()  # the packet is cut off: 400
    assert reply.status == 400 and reply.whole
    assert busy.closed(2)
    assert finished(lone) == 0
    assert 'stopped' in lone.log()


def test_drain_takes_what_is_in_the_queue(lone):
    """What connected before the signal is answered, also if it had not come to be accepted."""
    os.kill(lone.tally.pid, signal.SIGSTOP)
    peers = [lone.peer().send(get(keep=i % 2 == 0)) for i in range(50)]
    os.kill(lone.tally.pid, signal.SIGTERM)
    os.kill(lone.tally.pid, signal.SIGCONT)
    assert [peer.reply().status for peer in peers] == [200] * 50
    assert finished(lone) == 0


def test_drain_ends_at_its_timeout(lone):
    with lone.peer() as peer:
        peer.send(upload_head(1000) + record(STDIN, BEGUN))
        done = threading.Event()

        def trickle():
            while not done.wait(0.3):
                try:
                    peer.send(record(STDIN, b'\x20'))
                except OSError:
                    return
        thread = threading.Thread(target=trickle)
        thread.start()
        time.sleep(0.3)
        began = time.monotonic()
        lone.tally.send(signal.SIGTERM)
        try:
            assert finished(lone, 15) == 0
        finally:
            done.set()
            thread.join()
        assert 3 < time.monotonic() - began < 9  # drain_timeout is 5 s, upload_deadline 6 s


def test_reload_takes_the_new_values(lone):
    assert b'https://tally.example/' in lone.ask(get()).body
    with lone.peer() as kept:
        kept.ask(get())
        lone.conf.set('api', public_url='https://other.example')
        lone.tally.send(signal.SIGHUP)
        lone.logs('configuration is taken over')
        assert b'https://other.example/' in kept.ask(get()).body


def test_reload_of_a_bad_file(lone):
    """Every mistake is told with its line; the old values stay, also those that were well changed."""
    lone.conf.set('api', public_url='https://other.example', threads='many', no_such_option='1')
    lone.conf.set('nonsense', a='b')
    lone.tally.send(signal.SIGHUP)
    lone.logs('old configuration stays')
    log = lone.log()
    for option in ('threads', 'no_such_option'):
        assert '%s:%d: ' % (lone.conf.path, lone.conf.line(option)) in log
    assert 'nonsense' in log
    assert b'https://tally.example/' in lone.ask(get()).body
    lone.conf.reset()
    mark = len(log)
    lone.tally.send(signal.SIGHUP)
    lone.logs('configuration is taken over', mark)


def test_reload_tells_what_takes_a_restart(lone):
    lone.conf.set('api', threads=9)
    lone.tally.send(signal.SIGHUP)
    lone.logs('api.threads')
    lone.logs('configuration is taken over')


def test_reload_opens_the_log_anew(lone):
    os.rename(lone.log_path, lone.log_path + '.1')
    lone.ask(get('/before'))
    lone.tally.send(signal.SIGHUP)
    lone.logs('configuration is taken over')
    lone.ask(get('/after'))
    assert '/after' in lone.log() and '/before' not in lone.log()
    assert '/before' in open(lone.log_path + '.1', encoding='utf-8').read()


def test_reload_reads_tokens_anew(lone):
    assert lone.ask(get('/v1/subunit', HTTP_X_AUTH_TOKEN='second')).status == 401
    with open(lone.tokens, 'a', encoding='ascii') as f:
        f.write('second demo demo member\n')
    lone.tally.send(signal.SIGHUP)
    lone.logs('configuration is taken over')
    assert lone.ask(get('/v1/subunit', HTTP_X_AUTH_TOKEN='second')).status == 503  # known; there is no database
    assert lone.ask(get('/v1/subunit', HTTP_X_AUTH_TOKEN=TOKEN)).status == 503


def test_no_request_fails_while_reloading(lone):
    """Requests without a pause, on kept and on new connections, through 30 reloads."""
    stop, wrong = threading.Event(), []

    def ask(keep):
        peer = lone.peer()
        while not stop.is_set():
            if not keep:
                peer.s.close()
                peer = lone.peer()
            reply = peer.ask(get(keep=keep))
            if reply.status != 200 or not reply.whole:
                wrong.append(reply.raw)
        peer.s.close()
    threads = [threading.Thread(target=ask, args=(i % 2 == 0,)) for i in range(6)]
    for thread in threads:
        thread.start()
    try:
        for i in range(30):
            lone.conf.set('api', public_url='https://n%d.example' % i)
            mark = len(lone.log())
            lone.tally.send(signal.SIGHUP)
            lone.logs('configuration is taken over', mark)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong


# --- start ----------------------------------------------------------------------------------------------------------

def run(*args, **more):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=20, check=False, **more)


def test_version_and_usage():
    done = run('--version')
    assert done.returncode == 0 and done.stdout.startswith('tally.fcgi ')
    assert run('--nonsense').returncode == 64
    assert run('stray').returncode == 64


def test_without_a_listening_socket(lone):
    done = run('--config', lone.conf.path, stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    assert 'listening socket' in done.stderr


def test_bad_configuration(lone):
    lone.conf.set('api', threads='many')
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.join(lone.folder, 'other.sock'))
        s.listen()
        done = run('--config', lone.conf.path, stdin=s)
    assert done.returncode != 0
    assert '%s:%d: ' % (lone.conf.path, lone.conf.line('threads')) in done.stderr


def test_standard_descriptors_closed(lone):
    """Started without stdout and stderr: no connection becomes descriptor 1 and gets the log's lines."""
    path = os.path.join(lone.folder, 'own.sock')
    proc = subprocess.Popen(['/bin/sh', '-c', 'exec "$0" "$@" >&- 2>&-', PROGRAM, '--config', lone.conf.path,
                             '--listen', 'unix:' + path], stdin=subprocess.DEVNULL)
    try:
        wait_for('socket', lambda: unix_open(path), 10)
        with Peer(path) as peer:
            reply = peer.ask(get())
        assert reply.status == 200 and reply.raw.startswith(b'Status: 200')
        assert sorted(os.listdir('/proc/%d/fd' % proc.pid), key=int)[:3] == ['0', '1', '2']
        for fd in (0, 1, 2):
            assert os.readlink('/proc/%d/fd/%d' % (proc.pid, fd)) == '/dev/null'
    finally:
        proc.terminate()
        assert proc.wait(10) == 0


def test_listen_refuses_a_socket_in_use(lone):
    done = run('--config', lone.conf.path, '--listen', 'unix:' + lone.tally.socket)
    assert done.returncode != 0
    assert lone.ask(get()).status == 200
