"""nginx as deploy/instance sets it up, before a FastCGI peer that tells what arrived."""
import hashlib
import http.client
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time
import urllib.parse
import warnings
from pathlib import Path

import pytest

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
        self.instance("init", f"PORT={self.port}", "ADDRESS=0.0.0.0", *pairs)
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


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("n"))
    (site.dir / "web/ui").mkdir()
    (site.dir / "web/ui/index.html").write_text("<!doctype html><title>Tally</title>")
    (site.dir / "web/ui/a.js").write_text("1;")
    (site.dir / "images/a").mkdir()
    (site.dir / "images/a/b").write_bytes(b"image" * 1000)
    site.instance("start", "nginx")
    yield site
    site.close()


@pytest.fixture
def tight(tmp_path):
    """A site of short times and small rates."""
    site = Site(tmp_path, UPLOAD_RATE="1r/m", UPLOAD_BURST=2, UPLOAD_MAX="1m")
    site.edit("limits.conf", "client_body_timeout 30s", "client_body_timeout 1s")
    site.edit("limits.conf", "client_header_timeout 15s", "client_header_timeout 1s")
    site.edit("fastcgi.conf", "fastcgi_read_timeout 75s", "fastcgi_read_timeout 1s")
    site.instance("start", "nginx")
    yield site
    site.close()


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


# --- what the service is told ---------------------------------------------------------------------

CLAIMS = """X-Identity-Status X-Role X-Roles X-User X-User-Id X-User-Name X-User-Domain-Id X-User-Domain-Name
    X-Project-Id X-Project-Name X-Project-Domain-Id X-Project-Domain-Name X-Domain-Id X-Domain-Name X-Tenant
    X-Tenant-Id X-Tenant-Name X-Is-Admin-Project X-Service-Catalog OpenStack-System-Scope
    X-Service-Identity-Status X-Service-Roles X-Service-User-Id X-Service-User-Name X-Service-Project-Id
    X-Service-Project-Name X-Service-Project-Domain-Id X-Service-User-Domain-Id X-Service-User-Domain-Name
    X-Service-Project-Domain-Name X-Token-Info Proxy""".split()


@pytest.mark.parametrize("path", ["/", "/v1/results", "/v1/subunit", "/v2/tasks", "/metrics"])
def test_claims_of_a_client_go_no_further(site, path):
    claims = CLAIMS + [name.lower() for name in CLAIMS] + [name.replace("-", "_") for name in CLAIMS]
    params = params_of(site.ask("GET", path, [(name, "evil") for name in claims]))
    assert [name for name, value in params if "evil" in value] == []


@pytest.mark.parametrize("path", ["/", "/v1/subunit/x", "/v2/tasks"])
def test_parameters_of_the_proxy_driver_are_nginx_s_own(site, path):
    names = ["TALLY_AUTH_STATUS", "TALLY_AUTH_USER_ID", "TALLY_AUTH_USER_NAME", "TALLY_AUTH_PROJECT_ID",
             "TALLY_AUTH_PROJECT_NAME", "TALLY_AUTH_ROLES"]
    claims = names + [name.replace("_", "-") for name in names]
    query = "&".join(f"{name}=evil" for name in names)
    params = params_of(site.ask("GET", f"{path}?{query}", [(name, "evil") for name in claims]))
    for name in names:
        assert [value for n, value in params if n == name] == [""]
    # What the client sent arrives under a name that cannot be taken for nginx's.
    assert ("HTTP_TALLY_AUTH_ROLES", "evil") in params


def test_tokens_and_the_address_arrive_as_sent(site):
    params = dict(params_of(site.ask("PUT", "/v1//a%2Fb/./c?x=%20&y",
                                     [("X-Auth-Token", "t"), ("X-Service-Token", "s"), ("X-Signature", "00"),
                                      ("Content-Type", "application/x-subunit")], b"12345")))
    assert params["HTTP_X_AUTH_TOKEN"] == "t"
    assert params["HTTP_X_SERVICE_TOKEN"] == "s"
    assert params["HTTP_X_SIGNATURE"] == "00"
    assert params["REQUEST_URI"] == "/v1//a%2Fb/./c?x=%20&y"
    assert params["QUERY_STRING"] == "x=%20&y"
    assert params["REQUEST_METHOD"] == "PUT"
    assert params["CONTENT_LENGTH"] == "5"
    assert params["CONTENT_TYPE"] == "application/x-subunit"
    assert params["HTTPS"] == "on"
    assert params["REMOTE_ADDR"] == "127.0.0.1"


def test_a_repeated_header_is_shown_twice(site):
    params = params_of(site.ask("GET", "/v2/tasks", [("X-Auth-Token", "a"), ("X-Auth-Token", "b")]))
    assert [value for name, value in params if name == "HTTP_X_AUTH_TOKEN"] == ["a", "b"]


# --- request ids ----------------------------------------------------------------------------------

def test_request_id_is_kept_if_it_is_one(site):
    mine = "req-01234567-89ab-cdef-0123-456789abcdef"
    for given, kept in [(mine, True), (mine + "0", False), ("x" + mine, False), ("req-1", False),
                        (mine.replace("-", ""), False), ("", False)]:
        reply = site.ask("GET", "/v2/x", [("X-Openstack-Request-Id", given)])
        told = dict(params_of(reply))["HTTP_X_OPENSTACK_REQUEST_ID"]
        assert reply.headers.get_all("X-Openstack-Request-Id") == [told]
        assert (reply.headers["X-Openstack-Request-Id"] == mine) == kept
        assert REQUEST_ID.match(reply.headers["X-Openstack-Request-Id"])


def test_made_request_ids_differ_and_are_version_4(site):
    ids = {site.ask("GET", "/v2/x").headers["X-Openstack-Request-Id"] for _ in range(20)}
    assert len(ids) == 20
    assert all(i[18] == "4" and i[23] in "89ab" for i in ids)


# --- errors ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/v1/x", "/v1/subunit", "/v2/x", "/other"])
def test_502_when_the_service_breaks_off(site, path):
    reply = site.ask("GET", path + "?do=cut")
    assert reply.status == 502
    check_error(502, lower(reply), reply.body, path)


@pytest.mark.parametrize("path,prefix", [("/v1", "/v1"), ("/v1?x", "/v1"), ("/v12", "/v2")])
def test_which_form_an_error_has(site, path, prefix):
    reply = site.ask("POST", path, body=b"x" * (3 << 20))
    assert reply.status == 413
    check_error(413, lower(reply), reply.body, prefix)


def test_404_of_a_static_file(site):
    for path in ("/ui/nothing", "/.tally/store/a/b", "/.tally/error", "/.tally/error/494"):
        reply = site.ask("GET", path)
        assert reply.status == 404
        check_error(404, lower(reply), reply.body, path)


def test_405_says_what_is_allowed(site):
    reply = site.ask("POST", "/ui/index.html", body=b"x")
    assert reply.status == 405
    assert reply.headers["Allow"] == "GET, HEAD"
    check_error(405, lower(reply), reply.body, "/ui")
    reply = site.ask("TRACE", "/v1/results")
    assert reply.status == 405 and reply.headers["Allow"]
    check_error(405, lower(reply), reply.body, "/v1")


def test_head_of_an_error_has_no_body(site):
    reply = site.ask("HEAD", "/v2/x?do=cut")
    assert reply.status == 502 and reply.body == b""
    assert REQUEST_ID.match(reply.headers["X-Openstack-Request-Id"])


@pytest.mark.parametrize("request_bytes,status,text", [
    (b"GET /v2/x HTTP/1.1\r\n\r\n", 400, "malformed"),
    (b"nonsense\r\n\r\n", 400, "malformed"),
    (b"GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400, "malformed"),
    (b"POST /v2/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400, "malformed"),
    (b"POST /v2/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400, "malformed"),
    (b"GET /v2/x HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 9000 + b"\r\n\r\n", 400, "too large"),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n", 414, "too long"),
    (b"POST /v2/x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: foo\r\n\r\n", 501, "not implemented"),
    (b"GET / HTTP/3.0\r\nHost: localhost\r\n\r\n", 505, "version"),
])
def test_malformed_requests(site, request_bytes, status, text):
    got, headers, body = site.raw(request_bytes)
    assert got == status
    check_error(status, headers, body, "/")
    assert text in json.loads(body)["error"]["message"]


def test_plain_http_on_the_tls_port(site):
    with socket.create_connection(("127.0.0.1", site.port), timeout=10) as sock:
        sock.sendall(b"GET /v1/x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = sock.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert b"HTTPS only" in answer


def test_times_and_rates(tight):
    for data in (b"POST /v1/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nabc", b"GET / HTTP/1.1\r\nHost"):
        began = time.monotonic()
        with tight.connect() as sock:
            sock.sendall(data)
            assert sock.recv(1000) == b""  # nginx closes without a word
        assert 0.9 < time.monotonic() - began < 5
    reply = tight.ask("GET", "/v2/x?do=slow")
    assert reply.status == 504
    check_error(504, lower(reply), reply.body, "/v2")
    statuses = []
    for _ in range(6):
        reply = tight.ask("GET", "/v1/subunit")
        statuses.append(reply.status)
    assert statuses == [200] * 3 + [429] * 3
    check_error(429, lower(reply), reply.body, "/v1")
    assert reply.headers["Retry-After"] == "1"
    assert tight.ask("GET", "/v1/results").status == 200


def test_without_a_service(tmp_path):
    site = Site(tmp_path)
    site.peer.close()
    try:
        site.instance("start", "nginx")
        for path in ("/healthz", "/v1/subunit"):
            reply = site.ask("GET", path)
            assert reply.status == 502
            check_error(502, lower(reply), reply.body, path)
    finally:
        site.close()


# --- bodies ---------------------------------------------------------------------------------------

def test_limits_a_location(site):
    assert site.ask("POST", "/v2/tasks", body=b"x" * (2 << 20)).status == 200
    for path in ("/v2/tasks", "/v1/results/", "/v1/subunitx"):
        reply = site.ask("POST", path, body=b"x" * ((2 << 20) + 1))
        assert reply.status == 413
        check_error(413, lower(reply), reply.body, path)
    body = os.urandom(8 << 20)
    for method, path in (("POST", "/v1/subunit"), ("POST", "/v1/subunit/"), ("PUT", "/v1/subunit/x?a=b")):
        reply = site.ask(method, path, body=body)
        assert json.loads(reply.body)["sha256"] == hashlib.sha256(body).hexdigest()


def test_limit_of_uploads(tight):
    reply = tight.ask("POST", "/v1/subunit", body=b"x" * ((1 << 20) + 1))
    assert reply.status == 413
    check_error(413, lower(reply), reply.body, "/v1")


@pytest.mark.parametrize("chunked", [False, True])
def test_uploads_are_not_stored_first(site, chunked):
    first, second = b"a" * 100000, b"b" * 50000
    length = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(first + second)
    frame = (lambda data: b"%x\r\n%s\r\n" % (len(data), data)) if chunked else (lambda data: data)
    with site.connect() as sock:
        site.peer.seen = 0
        sock.sendall(b"POST /v1/subunit HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + length + b"\r\n\r\n")
        sock.sendall(frame(first))
        until = time.monotonic() + 10
        while site.peer.seen < len(first) and time.monotonic() < until:
            time.sleep(0.01)
        assert site.peer.seen == len(first)
        sock.sendall(frame(second) + (b"0\r\n\r\n" if chunked else b""))
        answer = b""
        while more := sock.recv(65536):
            answer += more
    assert b"200 OK" in answer
    assert hashlib.sha256(first + second).hexdigest().encode() in answer


def test_an_early_answer_reaches_the_client(site):
    status, _, body = site.raw(b"POST /v1/subunit?do=early HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                               b"Content-Length: 50000000\r\n\r\n" + b"x" * 3000000)
    assert status == 413
    assert b"{}" in body


def test_an_answer_to_a_client_that_waits_before_it_sends(site):
    with site.connect() as sock:
        sock.sendall(b"POST /v1/subunit?do=early HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000000\r\n\r\n")
        began = time.monotonic()
        assert sock.recv(1000).startswith(b"HTTP/1.1 413")
        assert time.monotonic() - began < 2


# --- connections ----------------------------------------------------------------------------------

def test_connections_to_the_service_are_kept(site):
    for path in ("/v2/x", "/v1/subunit"):
        before = site.peer.connections
        for _ in range(20):
            assert site.ask("GET", path).status == 200
        used = site.peer.connections - before
        # Two nginx workers keep one each; uploads take a fresh one every time.
        assert used == 20 if path == "/v1/subunit" else used <= 2


def test_tls_versions(site):
    for version, good in ((ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True),
                          (ssl.TLSVersion.TLSv1_3, True)):
        context = ssl.create_default_context(cafile=site.dir / "etc/tls.crt")
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.set_alpn_protocols(["h2", "http/1.1"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = version
        with socket.create_connection(("127.0.0.1", site.port), timeout=10) as raw:
            if good:
                with context.wrap_socket(raw, server_hostname="localhost") as sock:
                    assert sock.version() == version.name.replace("v1_", "v1.")
                    assert sock.selected_alpn_protocol() == "h2"
                    assert sock.cipher()[2] >= 128
            else:
                with pytest.raises((ssl.SSLError, ConnectionError)):
                    context.wrap_socket(raw, server_hostname="localhost")


def test_http2(site):
    out = subprocess.run(["curl", "-sS", "-i", "--http2", "--cacert", site.dir / "etc/tls.crt",
                          "-H", "X-Roles: evil", "-F", "subunit_data=@/etc/hostname",
                          f"https://localhost:{site.port}/v1/subunit"], check=True, capture_output=True, text=True,
                         env={"PATH": os.environ["PATH"]}).stdout
    assert out.startswith("HTTP/2 200")
    assert "evil" not in out


@pytest.mark.parametrize("method,path,status", [
    ("POST", "/v1/results", 413), ("POST", "/v2/x", 413), ("PUT", "/ui/index.html", 405), ("TRACE", "/v2/x", 405),
    ("GET", "/ui/nothing", 404), ("GET", "/v2/x?do=cut", 502)])
def test_errors_in_http2(site, tmp_path, method, path, status):
    (tmp_path / "body").write_bytes(b"x" * (3 << 20))
    body = ["--data-binary", f"@{tmp_path}/body"] if status == 413 else []
    out = subprocess.run(["curl", "-sS", "-i", "--http2", "-X", method, "--cacert", site.dir / "etc/tls.crt", *body,
                          f"https://localhost:{site.port}{path}"], check=True, capture_output=True, text=True).stdout
    head, _, text = out.replace("\r", "").partition("\n\n")
    lines = head.split("\n")
    assert lines[0].split() == ["HTTP/2", str(status)]
    check_error(status, dict(line.split(": ", 1) for line in lines[1:]), text, path)


def test_security_headers_are_on_every_answer(site):
    for path in ("/v2/x", "/v1/subunit", "/metrics", "/ui/", "/ui/nothing", "/v2/x?do=cut", "/v2/x?do=accel", "/ui"):
        headers = site.ask("GET", path).headers
        assert headers.get_all("Strict-Transport-Security") == ["max-age=31536000"], path
        assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
        assert headers.get_all("X-Frame-Options") == ["DENY"]
        assert len(headers.get_all("Content-Security-Policy")) == 1
        assert len(headers.get_all("Cache-Control")) == 1
        assert headers["Server"] == "nginx"
    assert site.ask("GET", "/v2/x").headers["Cache-Control"] == "private"  # the service's own word


# --- places ---------------------------------------------------------------------------------------

def test_front_door(site):
    reply = site.ask("GET", "/", [("Accept", "text/html,application/xhtml+xml;q=0.9"), ("Host", "evil.example")])
    assert (reply.status, reply.headers["Location"]) == (302, "/ui/")
    for accept in ("*/*", "application/json", ""):
        assert dict(params_of(site.ask("GET", "/", [("Accept", accept)])))["REQUEST_URI"] == "/"
    reply = site.ask("POST", "/", [("Accept", "text/html")], b"x")
    assert dict(params_of(reply))["REQUEST_METHOD"] == "POST"


def test_page(site):
    reply = site.ask("GET", "/ui/")
    assert reply.status == 200 and b"Tally" in reply.body
    assert reply.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in reply.headers["Content-Security-Policy"]
    assert site.ask("GET", "/ui/a.js").headers["Content-Type"] == "text/javascript; charset=utf-8"
    reply = site.ask("GET", "/ui")
    assert (reply.status, reply.headers["Location"]) == (308, "/ui/")
    for path in ("/ui/../../etc/tls.key", "/ui/%2e%2e/%2e%2e/etc/tls.key", "/ui../etc/tls.key"):
        assert b"PRIVATE" not in site.ask("GET", path).body


def test_image_store_is_reached_by_the_service_only(site):
    reply = site.ask("GET", "/v2/images/x/file?do=accel")
    assert reply.status == 200 and reply.body == b"image" * 1000
    reply = site.ask("GET", "/v2/images/x/file?do=accel", [("Range", "bytes=5-9")])
    assert (reply.status, reply.body) == (206, b"image")
    assert site.ask("GET", "/.tally/store/a/b").status == 404


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return sock.getsockname()[0]


def test_metrics_are_for_loopback(site):
    assert site.ask("GET", "/metrics").status == 200
    address = own_address()
    if not address or address.startswith("127."):
        pytest.skip("this host has no address but loopback")
    for path in ("/metrics", "/metrics/", "//metrics", "/%6detrics", "/v2/../metrics", "/metrics?x", "/metrics#x"):
        status = site.ask("GET", path, host=address).status
        assert status == 403, path
    reply = site.ask("GET", "/metrics", host=address)
    check_error(403, lower(reply), reply.body, "/metrics")
    assert site.ask("GET", "/v2/x", host=address).status == 200


def test_metrics_for_another_network(tmp_path):
    address = own_address()
    if not address or address.startswith("127."):
        pytest.skip("this host has no address but loopback")
    other = Site(tmp_path, METRICS_ALLOW=f"allow {address};")
    try:
        other.instance("start", "nginx")
        assert other.ask("GET", "/metrics", host=address).status == 200
    finally:
        other.close()


def test_keystone_is_behind_identity(tmp_path):
    class Keystone(threading.Thread):
        def __init__(self):
            super().__init__(daemon=True)
            self.listener = socket.create_server(("127.0.0.1", 0))
            self.start()

        def run(self):
            conn, _ = self.listener.accept()
            with conn:
                self.request = conn.recv(65536).decode()
                conn.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-Subject-Token: tok\r\n"
                             b"X-Openstack-Request-Id: req-x\r\nConnection: close\r\n\r\n{}")

    keystone = Keystone()
    other = Site(tmp_path, KEYSTONE_URL=f"http://127.0.0.1:{keystone.listener.getsockname()[1]}")
    try:
        other.instance("start", "nginx")
        reply = other.ask("POST", "/identity/v3/auth/tokens", [("Proxy", "evil")], b"{}")
        assert (reply.status, reply.headers["X-Subject-Token"]) == (201, "tok")
        assert REQUEST_ID.match(reply.headers["X-Openstack-Request-Id"])
        assert keystone.request.startswith("POST /v3/auth/tokens HTTP/1.1\r\n")
        assert "evil" not in keystone.request
        keystone.listener.close()
        assert other.ask("GET", "/identity/v3").status == 502
    finally:
        other.close()


def test_without_keystone_the_service_answers_for_its_address(site):
    assert dict(params_of(site.ask("GET", "/identity/v3")))["REQUEST_URI"] == "/identity/v3"


# --- the configuration itself ---------------------------------------------------------------------

@pytest.mark.parametrize("settings", [(), ("KEYSTONE_URL=http://127.0.0.1:5000", "METRICS_ALLOW=allow 192.0.2.0/24;")])
def test_configuration_has_no_warning(tmp_path, settings):
    folder = tmp_path / "i"
    subprocess.run([TOP / "deploy/instance", folder, "init", f"PORT={free_port()}", *settings], check=True)
    out = subprocess.run(["/usr/sbin/nginx", "-t", "-p", folder, "-c", folder / "etc/nginx.conf",
                          "-e", folder / "log/nginx.log"], capture_output=True, text=True, check=False)
    assert out.returncode == 0, out.stderr
    assert re.sub(r"nginx: (the configuration file|configuration file) \S+ (syntax is ok|test is successful)\n", "",
                  out.stderr) == ""
    for file in (folder / "etc/nginx").iterdir():
        assert not re.search(r"@[A-Z_]+@|#if|#end", file.read_text()), file
