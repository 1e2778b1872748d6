"""nginx's connections, TLS, the places behind it, and its configuration as such."""
import os
import re
import socket
import ssl
import subprocess
import threading
import warnings

import pytest

from nginx_site import REQUEST_ID, TOP, Site, check_error, free_port, lower, params_of


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
    policy = dict(d.strip().partition(" ")[::2] for d in reply.headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'" == policy["form-action"] == policy["base-uri"] == policy["frame-ancestors"]
    assert policy["script-src"] == "'self'" == policy["style-src"] == policy["connect-src"] == policy["img-src"]
    assert policy["require-trusted-types-for"] == "'script'" and policy["trusted-types"] == "'none'"
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
