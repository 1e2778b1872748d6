"""What nginx lets through, and the answers that it gives itself."""
import hashlib
import json
import os
import socket
import time

import pytest

from nginx_site import REQUEST_ID, Site, check_error, lower, params_of



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
