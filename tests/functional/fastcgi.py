"""A FastCGI peer that sends what no web server would: records by hand, on tally.fcgi's own socket."""
import os
import resource
import socket
import struct
import time

from lab.service import wait_for
from lab.stack import make_folder, remove_folder
from lab.tally import Config, TallyFcgi

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, GET_VALUES = 1, 2, 3, 4, 5, 6, 9
TOKEN = 'fcgi-test-token'
KEEP = b'\0\1\1\0\0\0\0\0'
ONCE = b'\0\1\0\0\0\0\0\0'
BEGUN = b'\xb3\x29\x01\x9f\xff\xff'  # a subunit v2 packet of 2 MiB begins: more must come


def record(kind, content=b'', ident=1, padding=0, version=1):
    return struct.pack('>BBHHBB', version, kind, ident, len(content), padding, 0) + content + b'\0' * padding


def length(n):
    return bytes([n]) if n < 128 else struct.pack('>I', n | 0x80000000)


def pair(name, value):
    name, value = name.encode(), value if isinstance(value, bytes) else value.encode()
    return length(len(name)) + length(len(value)) + name + value


def params(method='GET', uri='/versions', pairs=(), **more):
    """PARAMS' content: method, URI and what else; names in MORE are header names in CGI's form."""
    named = {'REQUEST_METHOD': method, 'REQUEST_URI': uri, 'REMOTE_ADDR': '192.0.2.1', 'CONTENT_LENGTH': '', **more}
    return b''.join(pair(k, v) for k, v in [*named.items(), *pairs])


def head(content, keep=True):
    return record(BEGIN, KEEP if keep else ONCE) + record(PARAMS, content) + record(PARAMS)


def get(uri='/versions', keep=True, **more):
    return head(params('GET', uri, **more), keep) + record(STDIN)


def upload_head(size='', keep=False, **more):
    return head(params('POST', '/v1/subunit', CONTENT_LENGTH=str(size), CONTENT_TYPE='application/x-subunit',
                       HTTP_X_AUTH_TOKEN=TOKEN, **more), keep)


class Reply:
    """What came up to END_REQUEST, or to the connection's end (then whole is False)."""

    def __init__(self, out, whole):
        self.whole, self.raw = whole, out
        top, _, self.body = out.partition(b'\r\n\r\n')
        self.headers = dict(line.split(': ', 1) for line in top.decode().split('\r\n') if ': ' in line)
        self.status = int(self.headers['Status'].split()[0]) if 'Status' in self.headers else None


class Peer:
    def __init__(self, path, timeout=15):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(timeout)
        self.s.connect(path)
        self.held = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def send(self, data):
        self.s.sendall(data)
        return self

    def take(self, n):
        while len(self.held) < n:
            try:
                more = self.s.recv(65536)
            except ConnectionResetError:
                more = b''
            if not more:
                return None
            self.held += more
        piece, self.held = self.held[:n], self.held[n:]
        return piece

    def reply(self):
        out = b''
        while True:
            header = self.take(8)
            if header is None:
                return Reply(out, False)
            _, kind, _, n, padding, _ = struct.unpack('>BBHHBB', header)
            content = self.take(n + padding)
            if content is None:
                return Reply(out, False)
            if kind == STDOUT:
                out += content[:n]
            if kind == END:
                return Reply(out, True)

    def closed(self, seconds):
        """Does the other side close within SECONDS, without a word more?"""
        self.s.settimeout(seconds)
        try:
            return self.s.recv(1) == b''
        except ConnectionResetError:
            return True
        except socket.timeout:
            return False

    def ask(self, data):
        return self.send(data).reply()


class Limited(TallyFcgi):
    """With few descriptors, where NOFILE says so."""

    nofile = None

    def _child(self):
        super()._child()
        if self.nofile:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.nofile, self.nofile))


class Lone:
    """tally.fcgi alone: no nginx, no database, tokens in a file. It starts in no time and may be tortured."""

    def __init__(self, build, env, **api):
        self.folder = make_folder()
        self.tokens = os.path.join(self.folder, 'tokens')
        with open(self.tokens, 'w', encoding='ascii', opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write('%s demo demo member\n' % TOKEN)
        options = {'public_url': 'https://tally.example', 'threads': 4, 'connection_timeout': 2,
                   'request_deadline': 4, 'upload_deadline': 6, 'drain_timeout': 5, **api}
        self.log_path = os.path.join(self.folder, 'tally.log')
        self.conf = Config(os.path.join(self.folder, 'tally.conf'), {
            'DEFAULT': {'log_target': 'file', 'log_file': self.log_path, 'log_level': 'info'},
            'api': options,
            'database': {'connection': 'mysql://tally:x@localhost/tally?unix_socket=%s/no.sock' % self.folder},
            'identity': {'driver': 'static', 'static_file': self.tokens},
            'subunit': {'spool_dir': self.folder},
        })
        self.tally = Limited(self.folder, build, self.conf.path, env)

    def start(self):
        self.tally.start()
        wait_for('serving', lambda: ': serving' in self.log(), 30, self.tally.running)
        return self

    def stop(self):
        """Its exit status, 0 unless something is wrong."""
        return self.tally.stop()

    def remove(self):
        self.tally.kill()
        if not os.environ.get('TALLY_KEEP'):
            remove_folder(self.folder)

    def peer(self, timeout=15):
        return Peer(self.tally.socket, timeout)

    def ask(self, data):
        with self.peer() as peer:
            return peer.ask(data)

    def log(self):
        try:
            with open(self.log_path, encoding='utf-8') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def logs(self, text, mark=0, seconds=8):
        """Waits until the log, from MARK on, has TEXT."""
        wait_for('"%s" in the log' % text, lambda: text in self.log()[mark:], seconds, self.tally.running)

    def seconds(self, data=None):
        """How long an ordinary request takes now, on a connection of its own."""
        began = time.monotonic()
        reply = self.ask(data or get())
        assert reply.status == 200 and reply.whole
        return time.monotonic() - began

    def metric(self, name):
        text = self.ask(get('/metrics')).body.decode()
        return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name + '{process='))

    def fds(self):
        return len(os.listdir('/proc/%d/fd' % self.tally.pid))


