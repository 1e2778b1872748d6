"""tally.fcgi against a peer that breaks FastCGI: each is refused, none hurts the next."""
import glob
import os
import re
import socket
import struct
import time

import pytest
from conftest import BUILD, sanitizer_env
from fastcgi import (ABORT, BEGIN, BEGUN, GET_VALUES, KEEP, PARAMS, STDIN, TOKEN, Lone, get, head, pair, params, record,
                     upload_head)


@pytest.fixture(scope='module')
def lone():
    service = Lone(BUILD, {})
    service.tally.env = sanitizer_env(service.folder)
    try:
        yield service.start()
        assert service.stop() == 0, service.tally.tail()
        found = glob.glob(os.path.join(service.folder, 'sanitizer*'))
        assert not found, open(found[0], encoding='utf-8').read()[:8000]
    finally:
        service.remove()


@pytest.fixture(autouse=True)
def unhurt(lone):
    """Whatever a test did: the same process goes on and answers at once, and no descriptor is lost."""
    pid = lone.tally.pid
    yield
    assert lone.tally.running() and lone.tally.pid == pid, lone.tally.tail()
    assert lone.seconds() < 1.0


# --- what is no request's beginning ---------------------------------------------------------------------------------

BROKEN = {
    'http': b'GET /versions HTTP/1.1\r\nHost: x\r\n\r\n',
    'zeros': b'\0' * 64,
    'version 2': record(BEGIN, KEEP, version=2),
    'params first': record(PARAMS, params()),
    'stdin first': record(STDIN),
    'abort first': record(ABORT),
    'begin of request 0': record(BEGIN, KEEP, ident=0),
    'short begin': record(BEGIN, KEEP[:4]),
    'authorizer': record(BEGIN, b'\0\2\1\0\0\0\0\0'),
    'filter': record(BEGIN, b'\0\3\1\0\0\0\0\0'),
    'two begins': record(BEGIN, KEEP) * 2,
    'another request between': record(BEGIN, KEEP) + record(PARAMS, params(), ident=2),
    'abort in params': record(BEGIN, KEEP) + record(PARAMS, params()) + record(ABORT),
    'stdin in params': record(BEGIN, KEEP) + record(PARAMS, params()) + record(STDIN),
    # libfcgi answers GET_VALUES through a buffer of 64 bytes on its stack
    'get values': record(GET_VALUES, pair('FCGI_MAX_CONNS', '') * 40, ident=0),
    'get values in params': record(BEGIN, KEEP) + record(GET_VALUES, pair('FCGI_MAX_CONNS', '') * 40, ident=0),
    'name past its record': head(b'\x7f\0A'),
    'value past its record': head(b'\1\x7fA'),
    'name of 2 GiB': head(b'\xff\xff\xff\xff\0A'),
    'name and value of 2 GiB': head(b'\xff\xff\xff\xff\xff\xff\xff\xffAA'),
    'sum that overflows': head(b'\xff\xff\xff\xfe\x80\0\0\2AA'),
    'length cut off': head(b'\x80\0'),
    'nameless': head(b'\0\1x'),
    'NUL in a name': head(b'\3\1A\0Bx'),
    'NUL in a value': head(pair('A', b'x\0y')),
    '= in a name': head(pair('A=B', 'x')),
    'too many params': head(params(pairs=[('A%d' % i, 'x') for i in range(300)])),
}


@pytest.mark.parametrize('name', BROKEN)
def test_broken_beginning_is_closed(lone, name):
    before = lone.metric('tally_connections_refused_total')
    with lone.peer() as peer:
        # what libfcgi would still wait for is there: it is refused for what it is, not for being late
        peer.send(BROKEN[name] + record(PARAMS) + record(STDIN))
        assert peer.closed(1.0)
    assert lone.metric('tally_connections_refused_total') == before + 1


def test_params_over_the_limit(lone):
    with lone.peer() as peer:
        try:
            peer.send(record(BEGIN, KEEP))
            for i in range(40):
                peer.send(record(PARAMS, pair('A%d' % i, 'x' * 4000)))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert peer.closed(1.0)


def test_largest_params_pass(lone):
    reply = lone.ask(head(params(pairs=[('HTTP_A%d' % i, 'x' * 1000) for i in range(60)])) + record(STDIN))
    assert reply.status == 200


def test_params_byte_by_byte(lone):
    with lone.peer() as peer:
        for byte in get():
            peer.send(bytes([byte]))
        assert peer.reply().status == 200


def test_params_in_many_records(lone):
    content = params(pairs=[('HTTP_X', 'y' * 200)])
    data = record(BEGIN, KEEP) + b''.join(record(PARAMS, content[i:i + 3], padding=i % 7)
                                          for i in range(0, len(content), 3)) + record(PARAMS) + record(STDIN)
    assert lone.ask(data).status == 200


def test_requests_one_after_another(lone):
    with lone.peer() as peer:
        for i in range(20):
            reply = peer.ask(get('/versions' if i % 2 else '/nothing'))
            assert reply.whole and reply.status == (200 if i % 2 else 404)


def test_pipelined_requests(lone):
    with lone.peer() as peer:
        peer.send(get() * 5)
        assert [peer.reply().status for _ in range(5)] == [200] * 5


def test_no_keep_conn_closes(lone):
    with lone.peer() as peer:
        assert peer.ask(get(keep=False)).status == 200
        assert peer.closed(1.0)


# --- what HTTP it carries -------------------------------------------------------------------------------------------

@pytest.mark.parametrize('uri,status', [
    ('', 400), ('versions', 400), ('*', 400), ('http://x/versions', 400), ('/versions%', 400), ('/versions%4', 400),
    ('/version%zz', 400), ('/%00', 400), ('/a%0d%0aX: y', 400), ('/..', 400), ('/a/../versions', 400),
    ('/%2e%2e/x', 400), ('/%ff', 400), ('/%c0%af', 400), ('/versions%2f', 404), ('/versions%2Fx', 404),
    ('/%76ersions', 200), ('/versions?%', 400), ('/versions?a=%00', 400), ('/versions?=1', 400),
    ('/versions?a=%ff', 400), ('/versions?a=1', 200), ('//versions', 404), ('/versions/', 404),
    ('/' + 'a' * 40000, 400)])
def test_targets(lone, uri, status):
    reply = lone.ask(get(uri))
    assert reply.status == status and reply.whole
    if status >= 400:
        assert reply.headers['Content-Type'] == 'application/json'


@pytest.mark.parametrize('name', ['HTTP_X_AUTH_TOKEN', 'HTTP_X_SERVICE_TOKEN', 'HTTP_X_SIGNATURE', 'HTTP_X_PUBLIC_KEY',
                                  'HTTP_CONTENT_ENCODING', 'HTTP_CONTENT_TYPE', 'CONTENT_TYPE'])
def test_repeated_header(lone, name):
    reply = lone.ask(head(params(pairs=[(name, 'a'), (name, 'a')])) + record(STDIN))
    assert reply.status == 400
    assert b'more than once' in reply.body


def test_no_parameters_at_all(lone):
    assert lone.ask(head(b'') + record(STDIN)).status == 400


@pytest.mark.parametrize('value', ['-1', '1x', '+1', '1.0', ' 1', '99999999999999999999', '0x10'])
def test_content_length_that_is_none(lone, value):
    assert lone.ask(get(CONTENT_LENGTH=value)).status == 400


def test_body_where_none_belongs(lone):
    for method in ('GET', 'HEAD'):
        assert lone.ask(head(params(method, CONTENT_LENGTH='1')) + record(STDIN, b'x') + record(STDIN)).status == 400
        # nothing said of it, but there it is: chunked at nginx
        assert lone.ask(head(params(method)) + record(STDIN, b'x') + record(STDIN)).status == 400


def test_unknown_methods(lone):
    for method in ('OPTIONS', 'TRACE', 'get', '', 'G\tET', 'PROPFIND'):
        reply = lone.ask(head(params(method)) + record(STDIN))
        assert reply.status == 405
        assert reply.headers['Allow'] == 'GET, HEAD'


def test_log_cannot_be_forged(lone):
    lone.ask(head(params('GE\nT /forged 200', '/a\nb')) + record(STDIN))
    lone.ask(head(params('GET', '/x', REMOTE_ADDR='1\n2026 forged line')) + record(STDIN))
    assert not [line for line in lone.log().splitlines() if not re.match(r'^\d{4}-\d\d-\d\dT', line)]


def test_request_id_is_kept_or_made(lone):
    mine = 'req-01234567-89ab-4cde-8f01-23456789abcd'
    assert lone.ask(get(HTTP_X_OPENSTACK_REQUEST_ID=mine)).headers['X-Openstack-Request-Id'] == mine
    assert lone.ask(get(REQUEST_ID='0123456789abcdef0123456789abcdef')).headers['X-Openstack-Request-Id'] == (
        'req-01234567-89ab-cdef-0123-456789abcdef')
    for bad in ('x', mine + '\r\nX-Evil: 1', mine.upper(), 'req-' + 'g' * 36):
        reply = lone.ask(get(HTTP_X_OPENSTACK_REQUEST_ID=bad))
        assert re.match(r'^req-[0-9a-f-]{36}$', reply.headers['X-Openstack-Request-Id'])
        assert 'X-Evil' not in reply.headers


# --- bodies ---------------------------------------------------------------------------------------------------------

NOT_SUBUNIT = b'this is not subunit\n' * 10


def test_body_in_all_pieces(lone):
    """A stream that is none is read, and refused for what it is: the body has come through."""
    for size in (1, 7, 200):
        data = b''.join(record(STDIN, NOT_SUBUNIT[i:i + size], padding=i % 8) for i in range(0, len(NOT_SUBUNIT), size))
        reply = lone.ask(upload_head(len(NOT_SUBUNIT)) + data + record(STDIN))
        assert reply.status == 400 and reply.whole
        assert b'offset' in reply.body or b'subunit' in reply.body


def test_no_token_is_answered_before_the_body(lone):
    content = params('POST', '/v1/subunit', CONTENT_LENGTH='1000000')
    with lone.peer() as peer:
        reply = peer.ask(head(content) + record(STDIN, b'x' * 100))
        assert reply.status == 401 and reply.whole
        assert 'WWW-Authenticate' in reply.headers


def test_early_answer_survives_the_rest_of_the_body(lone):
    """The answer is out before the body is in: what still comes is thrown away, the answer stays readable."""
    content = params('POST', '/v1/subunit', CONTENT_LENGTH='1000000')
    with lone.peer() as peer:
        peer.send(head(content) + record(STDIN, b'x' * 60000))
        for _ in range(10):
            peer.send(record(STDIN, b'x' * 60000))
        reply = peer.reply()
        assert reply.status == 401 and reply.whole


@pytest.mark.parametrize('size', [1, 7, 60000, 3000000])
@pytest.mark.parametrize('late', [False, True])
def test_the_connection_serves_on_after_an_early_answer(lone, size, late):
    """nginx keeps a connection whose request it has sent whole, read or not: its next request is not lost."""
    body = record(STDIN, b'x', padding=7) + b''.join(record(STDIN, b'x' * min(60000, size - at)) for at in range(0, size, 60000))
    with lone.peer() as peer:
        for _ in range(3):
            begin = head(params('POST', '/v1/subunit', CONTENT_LENGTH=str(size + 1)))
            if late:
                reply = peer.ask(begin + body[:20])
                peer.send(body[20:])
                time.sleep(0.01)
                peer.send(record(STDIN))
            else:
                reply = peer.ask(begin + body + record(STDIN))
            assert reply.status == 401 and reply.whole
            reply = peer.ask(get())
            assert reply.status == 200 and reply.whole


def test_an_early_answer_then_the_next_request_in_one_piece(lone):
    with lone.peer() as peer:
        peer.send((head(params('PUT', '/v1/profile', CONTENT_LENGTH='5')) + record(STDIN, b'12345') + record(STDIN)) * 20 +
                  get())
        assert [peer.reply().status for _ in range(21)] == [405] * 20 + [200]


@pytest.mark.parametrize('rest', [record(STDIN, b'x', ident=2), record(ABORT), record(BEGIN, KEEP), b'\xff' * 8, None],
                         ids=['another request', 'abort', 'begin again', 'no FastCGI', 'vanishes'])
def test_what_does_not_belong_after_an_early_answer(lone, rest):
    with lone.peer() as peer:
        reply = peer.ask(head(params('PUT', '/v1/profile', CONTENT_LENGTH='50')) + record(STDIN, b'12345'))
        assert reply.status == 405 and reply.whole
        if rest is None:
            peer.s.shutdown(socket.SHUT_WR)
        else:
            peer.send(rest + get())
        assert peer.closed(1.0)


def test_a_last_request_is_closed_after_an_early_answer(lone):
    with lone.peer() as peer:
        peer.send(head(params('PUT', '/v1/profile', CONTENT_LENGTH='5'), keep=False) + record(STDIN, b'12'))
        assert peer.reply().status == 405
        assert peer.closed(1.0)


def test_too_large_by_its_length(lone):
    reply = lone.ask(upload_head(1 << 50) + record(STDIN, b'x'))
    assert reply.status == 413


@pytest.mark.parametrize('name,rest', [
    ('vanishes', None),
    ('abort', record(ABORT)),
    ('another request', record(STDIN, b'x', ident=2)),
    ('begin again', record(BEGIN, KEEP)),
    ('management', record(GET_VALUES, pair('FCGI_MAX_CONNS', '') * 40, ident=0)),
    ('half a header', record(STDIN, b'x')[:5]),
    ('half a record', struct.pack('>BBHHBB', 1, STDIN, 1, 500, 0, 0) + b'half'),
    ('no FastCGI', b'\xff' * 16),
    ('end before its length', record(STDIN)),
])
def test_body_that_breaks_off(lone, name, rest):
    """Whatever ends a body early is told from its end: never stored, logged as the client's going."""
    mark = len(lone.log())
    with lone.peer() as peer:
        peer.send(upload_head(100000) + record(STDIN, BEGUN) + (rest or b''))
        if name in ('vanishes', 'half a header', 'half a record'):
            peer.s.shutdown(1)
        peer.closed(5)
    lone.logs('POST /v1/subunit 499', mark)


def test_body_longer_than_its_length(lone):
    reply = lone.ask(upload_head(10) + record(STDIN, NOT_SUBUNIT) + record(STDIN))
    assert reply.status == 400 and reply.whole


def test_proxy_parameters_mean_nothing_here(lone):
    reply = lone.ask(head(params('GET', '/v1/subunit', TALLY_USER_ID='root', TALLY_PROJECT_ID='demo',
                                 HTTP_X_ROLES='admin', HTTP_X_PROJECT_ID='demo')) + record(STDIN))
    assert reply.status == 401


def test_metrics_count(lone):
    before = lone.metric('tally_request_seconds_count')
    lone.ask(get())
    assert lone.metric('tally_request_seconds_count') == before + 2  # the GET, and the first look itself
    assert lone.metric('tally_requests_in_flight') == 1
    assert lone.metric('tally_database_connections_in_use') == 0
    text = lone.ask(get('/metrics')).body.decode()
    assert 'tally_requests_total{method="GET",status="2xx",process="%d"}' % lone.tally.pid in text
    assert 'le="+Inf",process="%d"}' % lone.tally.pid in text


def test_token_works(lone):
    """... so that the 401s above mean what they say. There is no database: 503."""
    reply = lone.ask(get('/v1/subunit', HTTP_X_AUTH_TOKEN=TOKEN))
    assert reply.status == 503
    assert int(reply.headers['Retry-After']) > 0
