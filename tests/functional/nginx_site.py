"""nginx as deploy/instance sets it up, before a FastCGI peer that tells what arrived."""
import hashlib
import http.client
import json
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
REQUEST_ID = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
BEGIN, END, PARAMS, STDIN, STDOUT = 1, 3, 4, 5, 6


class Gone(Exception):
    """nginx closed the connection."""


class Peer:
    """A FastCGI server: answers with the parameters and the body's digest, or does as ?do= says."""

    def __init__(self, path):
        self.connections = 0
        self.seen = 0  # body bytes of the request that is arriving
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.bind(str(path))
        self.sock.listen(64)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(conn,), daemon=True).start()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        except OSError:
            pass
        self.sock.close()

    def serve(self, conn):
        with conn:
            try:
                while self.request(conn):
                    pass
            except (Gone, OSError):
                pass

    @staticmethod
    def exactly(conn, size):
        data = b""
        while len(data) < size:
            more = conn.recv(size - len(data))
            if not more:
                raise Gone
            data += more
        return data

    def record(self, conn):
        _, kind, _, length, padding = struct.unpack("!BBHHBx", self.exactly(conn, 8))
        content = self.exactly(conn, length)
        self.exactly(conn, padding)
        return kind, content

    @staticmethod
    def pairs(data):
        pos, out = 0, []
        while pos < len(data):
            sizes = []
            for _ in range(2):
                if data[pos] < 128:
                    sizes.append(data[pos])
                    pos += 1
                else:
                    sizes.append(struct.unpack_from("!I", data, pos)[0] & 0x7FFFFFFF)
                    pos += 4
            name = data[pos:pos + sizes[0]].decode("latin-1")
            value = data[pos + sizes[0]:pos + sum(sizes)].decode("latin-1")
            pos += sum(sizes)
            out.append((name, value))
        return out

    def request(self, conn):
        kind, content = self.record(conn)
        assert kind == BEGIN
        keep = content[2] & 1
        raw = b""
        while True:
            kind, content = self.record(conn)
            if not content:
                break
            raw += content
        params = self.pairs(raw)
        names = dict(params)
        do = urllib.parse.parse_qs(names["QUERY_STRING"]).get("do", [""])[0]
        if do == "cut":
            return False
        if do == "early":
            self.answer(conn, "Status: 413 Too Large\r\nContent-Type: application/json\r\n\r\n{}")
        digest, self.seen = hashlib.sha256(), 0
        while True:
            kind, content = self.record(conn)
            assert kind == STDIN
            if not content:
                break
            digest.update(content)
            self.seen += len(content)
        if do == "early":
            return bool(keep)
        if do == "slow":
            time.sleep(3)
        if do == "accel":
            self.answer(conn, "X-Accel-Redirect: /.tally/store/a/b\r\nContent-Type: application/octet-stream\r\n\r\n")
            return bool(keep)
        body = json.dumps({"params": params, "length": self.seen, "sha256": digest.hexdigest()})
        self.answer(conn, "Status: 200 OK\r\nContent-Type: application/json\r\nX-Openstack-Request-Id: req-other\r\n"
                          "Cache-Control: private\r\n\r\n" + body)
        return bool(keep)

    @staticmethod
    def answer(conn, text):
        data = text.encode()
        while data:
            part, data = data[:60000], data[60000:]
            conn.sendall(struct.pack("!BBHHBx", 1, STDOUT, 1, len(part), 0) + part)
        conn.sendall(struct.pack("!BBHHBx", 1, STDOUT, 1, 0, 0))
        conn.sendall(struct.pack("!BBHHBxIB3x", 1, END, 1, 8, 0, 0, 0))


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Site:
    """An instance of which only nginx runs; Peer stands in tally.fcgi's place."""

    def __init__(self, folder, **settings):
        self.dir = folder / "i"
        self.port = free_port()
        pairs = [f"{k}={v}" for k, v in settings.items()]
        self.instance("init", f"BUILD={folder}", f"PORT={self.port}", "ADDRESS=0.0.0.0", *pairs)
        self.peer = Peer(self.dir / "run/tally.sock")
        self.context = ssl.create_default_context(cafile=self.dir / "etc/tls.crt")

    def instance(self, *args):
        return subprocess.run([TOP / "deploy/instance", self.dir, *args], check=True, timeout=60,
                              capture_output=True, text=True).stdout

    def edit(self, name, old, new):
        path = self.dir / "etc/nginx" / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def connect(self, host="127.0.0.1"):
        """A TLS connection on which HTTP/1.1 can be spoken by hand."""
        raw = socket.create_connection((host, self.port), timeout=20)
        context = ssl.create_default_context(cafile=self.dir / "etc/tls.crt")
        context.set_alpn_protocols(["http/1.1"])
        return context.wrap_socket(raw, server_hostname="localhost")

    def ask(self, method, path, headers=(), body=None, host="127.0.0.1"):
        conn = http.client.HTTPConnection("localhost", self.port, timeout=20)
        conn.sock = self.connect(host)
        conn.putrequest(method, path, skip_accept_encoding=True, skip_host="Host" in dict(headers))
        for name, value in headers:
            conn.putheader(name, value)
        if body is not None:
            conn.putheader("Content-Length", str(len(body)))
        conn.endheaders(body)
        reply = conn.getresponse()
        reply.body = reply.read()
        conn.close()
        return reply

    def raw(self, data):
        """Sends bytes; the whole answer as status, headers (lower case), body."""
        with self.connect() as sock:
            try:
                sock.sendall(data)
            except OSError:
                pass  # refused half way: the answer is there all the same
            answer = b""
            while True:
                try:
                    more = sock.recv(65536)
                except (ConnectionResetError, ssl.SSLError):
                    break
                if not more:
                    break
                answer += more
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}
        return int(lines[0].split()[1]), headers, body

    def close(self):
        self.instance("stop")
        self.peer.close()


def params_of(reply):
    assert reply.status == 200, reply.body
    return [(name, value) for name, value in json.loads(reply.body)["params"]]


def check_error(status, headers, body, path):
    """An error of nginx's own has its API's form and the same request id in both places."""
    assert headers["content-type"] == "application/json"
    assert REQUEST_ID.match(headers["x-openstack-request-id"])
    data = json.loads(body)
    if path.startswith("/v1"):
        assert sorted(data) == ["code", "detail", "title"]
        text = data["detail"]
    else:
        assert list(data) == ["error"]
        data = data["error"]
        assert sorted(data) == ["code", "message", "title"]
        text = data["message"]
    assert data["code"] == status
    assert data["title"] == http.client.responses[status]
    assert text.endswith(headers["x-openstack-request-id"])
    assert headers["x-content-type-options"] == "nosniff"


def lower(reply):
    return {name.lower(): value for name, value in reply.getheaders()}
