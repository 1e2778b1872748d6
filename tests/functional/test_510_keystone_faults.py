"""identity/'s keystone driver when Keystone misbehaves in ways that no real one can be made to: silence, slow drops,
nonsense, a certificate of nobody's. The peer here speaks just enough HTTP for that."""
import contextlib
import json
import socket
import ssl
import subprocess
import threading
import time

import pytest

from identity import Probe
from lab.stack import make_folder, remove_folder

TOKEN = {'token': {'user': {'id': 'u', 'name': 'u', 'domain': {'id': 'd', 'name': 'd'}},
                   'project': {'id': 'p', 'name': 'p', 'domain': {'id': 'd', 'name': 'd'}},
                   'roles': [{'id': 'r', 'name': 'member'}], 'expires_at': '2100-01-01T00:00:00.000000Z'}}


@pytest.fixture(scope='module')
def folder():
    path = make_folder()
    yield path
    remove_folder(path)


class Peer:
    """Answers each request by answer(method, path): bytes, or None for silence until the peer is closed."""

    def __init__(self, answer, context=None):
        self.answer, self.context = answer, context
        self.requests = []
        self.over = threading.Event()
        self.sock = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.url = 'http%s://127.0.0.1:%d' % ('s' if context else '', self.sock.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                conn, _ = self.sock.accept()
                threading.Thread(target=self._serve, args=(conn,), daemon=True).start()

    def _serve(self, conn):
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(conn.close)
            if self.context:
                conn = stack.enter_context(self.context.wrap_socket(conn, server_side=True))
            text = b''
            while b'\r\n\r\n' not in text:
                more = conn.recv(65536)
                if not more:
                    return
                text += more
            method, path, _ = text.split(b'\r\n', 1)[0].decode().split(' ')
            self.requests.append((method, path))
            reply = self.answer(method, path)
            if reply is None:
                self.over.wait(60)
            else:
                conn.sendall(reply)
                conn.shutdown(socket.SHUT_WR)
                while not self.context and conn.recv(65536):  # the rest of the request, or a reset eats the reply
                    pass

    def close(self):
        self.over.set()
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


def reply(status, body=b'', headers=''):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = 'HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n%s\r\n' % (status, len(body), headers)
    return head.encode() + body


ISSUED = reply(201, TOKEN, 'X-Subject-Token: ours\r\n')
VALID = reply(200, TOKEN)


@pytest.fixture
def peer():
    made = []

    def make(answer, context=None):
        made.append(Peer(answer, context))
        return made[-1]

    yield make
    for p in made:
        p.close()


@pytest.fixture
def probe(folder):
    made = []

    def make(url, **options):
        made.append(Probe(folder, url, **options))
        return made[-1]

    yield make
    for p in made:
        p.close()


def answers(login, validation):
    return lambda method, path: login if method == 'POST' else validation


def test_the_peer_can_play_keystone(peer, probe):
    """What the others prove rests on this."""
    answer = probe(peer(answers(ISSUED, VALID)).url).ask('t')
    assert (answer.status, answer.user, answer.project, answer.roles) == (200, 'u', 'p', ['member'])


def token_with(**parts):
    return reply(200, {'token': {**TOKEN['token'], **parts}})


@pytest.mark.parametrize('login, validation, status', [
    (reply(500), VALID, 503), (reply(404), VALID, 503), (reply(401), VALID, 503), (reply(200, TOKEN), VALID, 503),
    (reply(201, b'{}', 'X-Subject-Token: ours\r\n'), VALID, 503), (reply(201, TOKEN), VALID, 503),
    (reply(201, TOKEN, 'X-Subject-Token: a b\r\n'), VALID, 503), (b'', VALID, 503), (b'junk\r\n\r\n', VALID, 503),
    (reply(302, b'', 'Location: /v3/auth/tokens\r\n'), VALID, 503),
    (ISSUED, reply(500), 503), (ISSUED, reply(502, b'<html>'), 503), (ISSUED, reply(401), 503),
    (ISSUED, reply(403), 503), (ISSUED, reply(429), 503), (ISSUED, reply(302, b'', 'Location: /\r\n'), 503),
    (ISSUED, reply(204), 503), (ISSUED, b'', 503), (ISSUED, VALID[:-10], 503), (ISSUED, reply(200, b'not JSON'), 503),
    (ISSUED, reply(200, b'{"token": {}}'), 503), (ISSUED, reply(200, b'[' * 100000), 503),
    (ISSUED, reply(200, b'"' + b'x' * (2 << 20) + b'"'), 503), (ISSUED, token_with(expires_at='never'), 503),
    (ISSUED, token_with(roles='admin'), 503), (ISSUED, token_with(user=None), 503),
    (ISSUED, reply(404), 401), (ISSUED, reply(404, {'error': {'code': 404}}), 401),
    (ISSUED, token_with(expires_at='2001-01-01T00:00:00.000000Z'), 401), (ISSUED, token_with(project=None), 503),
    (ISSUED, token_with(project={'id': 'x\ny', 'name': 'p', 'domain': {'id': 'd'}}), 401),
    (ISSUED, token_with(user={'id': 'x' * 256, 'name': 'p', 'domain': {'id': 'd'}}), 401),
])
def test_nonsense_is_503_never_401(peer, probe, login, validation, status):
    """401 would make clients throw a good token away: only Keystone's own word gives it."""
    p = probe(peer(answers(login, validation)).url)
    answer = p.ask('t')
    assert answer.status == status, answer
    assert p.ask('t').status == status


@pytest.mark.tsan
def test_a_silent_keystone_holds_one_thread(peer, probe):
    """The first requests run into their time-out; from then on one at a time tries, the rest fails at once."""
    there = peer(lambda method, path: ISSUED if method == 'POST' else None)
    p = probe(there.url, identity={'timeout': 1})
    for most in (50, 1):
        before, start = len(there.requests), time.monotonic()
        assert all(a.status == 503 for a in p.ask_all('t*', count=50))
        assert time.monotonic() - start < 10
        asked = [r for r in there.requests[before:] if r[0] == 'GET']
        assert 1 <= len(asked) <= most


def test_a_silent_login_is_made_once(peer, probe):
    there = peer(lambda method, path: None)
    p = probe(there.url, identity={'timeout': 3})
    start = time.monotonic()
    assert all(a.status == 503 for a in p.ask_all('t*', count=50))
    assert time.monotonic() - start < 10
    assert 1 <= len(there.requests) <= 3  # a thread that a busy machine starts a second late may ask again


def test_a_keystone_that_speaks_again_is_heard(peer, probe):
    silent = threading.Event()
    there = peer(lambda method, path: None if silent.is_set() else ISSUED if method == 'POST' else VALID)
    p = probe(there.url, identity={'timeout': 1})
    assert p.ask('t1').status == 200
    silent.set()
    assert p.ask('t2').status == 503
    assert p.ask('t1').status == 200  # cached tokens go on
    silent.clear()
    assert p.ask('t2').status == 200


def test_a_validation_takes_no_longer_than_its_time(peer, probe):
    """Login and validation together, each of which alone would pass."""

    def slow(method, path):
        time.sleep(1.6)
        return ISSUED if method == 'POST' else VALID

    p = probe(peer(slow).url, identity={'timeout': 3})
    start = time.monotonic()
    assert p.ask('t').status == 503
    assert time.monotonic() - start < 6
    assert p.ask('t').status == 200  # the login was not lost


def test_many_bad_tokens_do_not_push_out_a_good_one(peer, probe):
    there = peer(lambda method, path: ISSUED if method == 'POST' else
                 VALID if len([r for r in there.requests if r[0] == 'GET']) == 1 else reply(404))
    p = probe(there.url)
    assert p.ask('good').status == 200
    for n in range(300):
        assert p.ask('bad-%d' % n).status == 401
    assert p.ask('good').status == 200
    assert len(there.requests) == 302


def test_what_is_asked(peer, probe):
    """The catalog is not wanted, and allow_expired only with a service token."""
    service = token_with(roles=[{'id': 's', 'name': 'service'}])
    there = peer(answers(ISSUED, service))
    p = probe(there.url)
    assert p.ask('t').status == 200
    assert p.ask('u', 's').status == 200
    assert there.requests == [('POST', '/v3/auth/tokens?nocatalog'), ('GET', '/v3/auth/tokens?nocatalog'),
                              ('GET', '/v3/auth/tokens?nocatalog'),
                              ('GET', '/v3/auth/tokens?nocatalog&allow_expired=1')]


# --- TLS ---

@pytest.fixture(scope='module')
def certificate(folder):
    """(certificate, key) of 127.0.0.1, signed by itself."""
    crt, key = folder + '/peer.crt', folder + '/peer.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
                    '-keyout', key, '-out', crt, '-days', '2', '-subj', '/CN=keystone', '-addext',
                    'subjectAltName=IP:127.0.0.1'], check=True, capture_output=True)
    return crt, key


def test_the_certificate_is_checked(peer, probe, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    there = peer(answers(ISSUED, VALID), context)
    assert probe(there.url).ask('t').status == 503
    assert there.requests == []  # no password went to whom we do not know
    assert probe(there.url, keystone_authtoken={'cafile': certificate[0]}).ask('t').status == 200
    assert probe(there.url.replace('127.0.0.1', 'localhost'),
                 keystone_authtoken={'cafile': certificate[0]}).ask('t').status == 503
    assert probe(there.url, keystone_authtoken={'insecure': 'true'}).ask('t').status == 200
