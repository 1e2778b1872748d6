"""The two forms of errors, whoever makes them: tally.fcgi or nginx."""
import http.client
import json

import pytest

import wire

V1, V2 = '/v1/subunit', '/v2/tasks'


def check_error(status, headers, body, code, v1):
    """A reply in the form of its API: title = reason phrase, the words in message or detail."""
    assert status == code, body
    assert headers.get('content-type', headers.get('Content-Type', '')).startswith('application/json')
    doc = json.loads(body)
    words = {404: 'Not Found', 405: 'Method Not Allowed', 401: 'Unauthorized', 400: 'Bad Request'}
    if v1:
        assert set(doc) >= {'code', 'title', 'detail'} and 'error' not in doc
        text = doc['detail']
    else:
        assert set(doc) == {'error'} and set(doc['error']) >= {'code', 'title', 'message'}
        doc = doc['error']
        text = doc['message']
    assert doc['code'] == code
    assert doc['title'] == words.get(code, doc['title']) and doc['title']
    assert text
    return text


def raw_error(reply, code, v1):
    return check_error(reply.status, dict(reply.headers), reply.body, code, v1)


@pytest.mark.parametrize('path,v1', [('/v1/nothing', True), ('/v2/nothing', False), ('/nothing', False),
                                     ('/v1', True), ('/v1/subunit/x/y/z/w', True), ('/v1/vendors', True),
                                     ('/v1/products', True), ('/v1/guidelines', True), ('/v1/auth/signin', True)])
def test_404_of_unknown_paths(demo, path, v1):
    reply = demo.get(path)
    check_error(reply.status_code, reply.headers, reply.text, 404, v1)


@pytest.mark.parametrize('path', ['/v1/subunit/not-a-uuid', '/v1/subunit/00000000-0000-0000-0000-00000000000G',
                                  '/v1/subunit/00000000-0000-0000-0000-000000000000',
                                  '/v1/subunit/AAAAAAAA-0000-4000-8000-00000000000A'])
def test_404_of_ids(demo, path):
    reply = demo.get(path)
    check_error(reply.status_code, reply.headers, reply.text, 404, True)


@pytest.mark.parametrize('path', ['/v1/%00', '/v1/subunit/%2e%2e', '/v1/subunit/%00', '/%ff%fe', '/v1/subunit/%zz',
                                  '/v1/subunit//', "/v1/subunit/'or'1'='1", '/v1/subunit/<script>'])
def test_odd_paths(stack, path):
    token = stack.token('demo')
    reply = wire.request(stack, 'GET', path, [('X-Auth-Token', token)])
    assert reply.status in (400, 404), reply.raw
    json.loads(reply.body)
    assert b'<script>' not in reply.body or b'application/json' in reply.raw


def test_401_form(anonymous):
    reply = anonymous.get(V1)
    check_error(reply.status_code, reply.headers, reply.text, 401, True)
    assert reply.headers['WWW-Authenticate'].startswith('Keystone uri="')


def test_405_form(demo):
    for method in ('PATCH', 'DELETE'):
        reply = demo.request(method, V1)
        check_error(reply.status_code, reply.headers, reply.text, 405, True)
        allowed = {m.strip() for m in reply.headers['Allow'].split(',')}
        assert {'GET', 'HEAD', 'POST'} <= allowed and method not in allowed


@pytest.mark.parametrize('method', ['BREW', 'get', 'OPTIONS', 'PROPFIND', 'CONNECTX'])
def test_unknown_methods(stack, method):
    reply = wire.request(stack, method, V1, [('X-Auth-Token', stack.token('demo'))])
    assert reply.status in (400, 405), reply.raw
    json.loads(reply.body)


def test_trace(stack):
    """nginx answers TRACE itself."""
    assert wire.request(stack, 'TRACE', V1).status in (400, 405)


@pytest.mark.parametrize('path,v1', [('/v1/results', True), ('/v2/tasks', False)])
def test_413_of_nginx(stack, path, v1):
    reply = wire.request(stack, 'POST', path, [('Content-Length', str(3 << 20)), ('Content-Type', 'application/json'),
                                               ('X-Auth-Token', stack.token('demo'))])
    text = raw_error(reply, 413, v1)
    assert 'req-' in text or reply.header('X-Openstack-Request-Id')


def test_long_address(stack):
    """nginx gives up before it has an address to tell the API by."""
    raw_error(wire.request(stack, 'GET', '/v2/tasks?' + 'a' * 20000), 414, False)


def test_large_header(stack):
    reply = wire.request(stack, 'GET', '/versions', [('X-Big', 'a' * 20000)])
    raw_error(reply, 400, False)


def test_many_headers(stack):
    reply = wire.request(stack, 'GET', '/versions', [('X-H%d' % i, 'v' * 50) for i in range(2000)])
    raw_error(reply, 400, False)


POST = b'POST /v1/subunit HTTP/1.1\r\nHost: a\r\n'
MALFORMED = {
    'garbage': b'GARBAGE\r\n\r\n',
    'no-path': b'GET\r\n\r\n',
    'version': b'GET / HTTP/9.9\r\n\r\n',
    'tls-in-tls': b'\x16\x03\x01\r\n\r\n',
    'no-host': b'GET /versions HTTP/1.1\r\n\r\n',
    'two-hosts': b'GET /versions HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'nul-host': b'GET /versions HTTP/1.1\r\nHost: \x00\r\n\r\n',
    'negative-length': POST + b'Content-Length: -1\r\n\r\n',
    'two-lengths': POST + b'Content-Length: 1\r\nContent-Length: 2\r\n\r\nab',
    'smuggling': POST + b'Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
}


@pytest.mark.parametrize('data', MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_requests(stack, data):
    reply = wire.send(stack, data)
    assert reply.status in (400, 505), reply.raw
    doc = json.loads(reply.body)
    assert (doc.get('error') or doc)['code'] == reply.status


def test_plain_http_on_the_tls_port(stack):
    reply = wire.send(stack, b'GET /versions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', tls=False)
    text = raw_error(reply, 400, False)
    assert 'HTTPS' in text


def test_service_stopped(stack, anonymous):
    """tally.fcgi is away: nginx says so in the API's own form, with the request id."""
    stack.tally.stop()
    for path, v1 in (('/v1/subunit', True), ('/versions', False)):
        reply = anonymous.get(path)
        check_error(reply.status_code, reply.headers, reply.text, reply.status_code, v1)
        assert reply.status_code in (502, 503)
        assert reply.headers['X-Openstack-Request-Id'].startswith('req-')
    stack.tally.start()
    assert anonymous.get('/versions').status_code == 200


@pytest.mark.parametrize('name', ['X-Auth-Token', 'Content-Type', 'X-Signature', 'X-Public-Key', 'Content-Encoding',
                                  'X-Service-Token'])
def test_repeated_headers(stack, name):
    token = stack.token('demo')
    headers = [(name, token if name == 'X-Auth-Token' else 'text/plain'), (name, 'other')]
    if name != 'X-Auth-Token':
        headers.append(('X-Auth-Token', token))
    reply = wire.request(stack, 'GET', V1, headers)
    text = raw_error(reply, 400, True)
    assert name.lower() in text.lower()


def test_get_with_a_body(stack):
    headers = [('X-Auth-Token', stack.token('demo')), ('Content-Length', '5')]
    raw_error(wire.request(stack, 'GET', V1, headers, b'hello'), 400, True)


@pytest.mark.parametrize('query', ['limit=1&limit=2', 'limit=', 'limit=x', 'limit=-1', 'limit=0x10', 'limit=1e3',
                                   'limit=99999999999999999999', 'nothing=1', 'limit=%00', 'marker=%ff', 'marker=x'])
def test_bad_queries(demo, query):
    reply = demo.get(V1 + '?' + query)
    text = check_error(reply.status_code, reply.headers, reply.text, 400, True)
    assert query.partition('=')[0] in text or '%' in query


def test_http2(stack):
    done = stack.curl('--http2', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', stack.url + '/versions')
    assert done.stdout == b'2 200', done.stderr


def test_many_requests_on_one_connection(stack):
    with wire.connect(stack) as s:
        for n in range(200):
            s.sendall(('GET /%s HTTP/1.1\r\nHost: x\r\n\r\n' % ('versions' if n % 2 else 'nothing')).encode())
            reply = http.client.HTTPResponse(s)
            reply.begin()
            assert reply.status == (200 if n % 2 else 404)
            json.loads(reply.read())
