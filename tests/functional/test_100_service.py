"""The service's own resources: versions, health, metrics."""
import os
import re

import pytest

REQUEST_ID = re.compile(r'^req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')


@pytest.mark.smoke
def test_versions(stack, anonymous):
    root, versions = anonymous.get('/'), anonymous.get('/versions')
    assert (root.status_code, versions.status_code) == (300, 200)
    assert root.headers['Content-Type'] == 'application/json'
    assert root.json() == versions.json()
    doc = root.json()['versions']
    assert doc[0]['status'] == 'CURRENT' and {v['status'] for v in doc[1:]} == {'SUPPORTED'}
    assert doc[0]['id'] == 'v2.15' and doc[-1]['id'] == 'v2.0'
    # built from the public URL, never from what the client says the host is
    assert {link['href'] for v in doc for link in v['links']} == {stack.url + '/v2/'}


def test_links_ignore_host(stack, anonymous):
    for headers in ({'Host': 'evil.example'}, {'X-Forwarded-Host': 'evil.example'}, {'Forwarded': 'host=evil.example'}):
        reply = anonymous.get('/versions', headers=headers)
        assert 'evil' not in reply.text + str(reply.headers)


def test_v2_redirect(stack, anonymous):
    reply = anonymous.get('/v2')
    assert reply.status_code == 302
    assert reply.headers['Location'] in (stack.url + '/v2/', '/v2/')
    assert anonymous.get('/v2/').status_code == 404


def test_root_for_a_browser(anonymous):
    reply = anonymous.get('/', headers={'Accept': 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8'})
    assert reply.status_code == 302
    assert reply.headers['Location'].endswith('/ui/')
    assert anonymous.get('/', headers={'Accept': 'application/json'}).status_code == 300


@pytest.mark.smoke
def test_healthz(anonymous):
    reply = anonymous.get('/healthz')
    assert reply.status_code == 200, reply.text
    assert reply.headers['Cache-Control'] == 'no-store'
    assert reply.json()['status'] == 'ok'


def test_healthz_without_database(stack, anonymous):
    stack.mariadb.stop()
    reply = anonymous.get('/healthz')
    assert reply.status_code == 503
    assert reply.json()['checks']['database'] != 'ok'
    stack.mariadb.start()
    assert anonymous.get('/healthz').status_code == 200


def test_healthz_without_the_image_store(stack, anonymous):
    """The rest is served all the same."""
    assert anonymous.get('/healthz').json()['checks']['image_store'] == 'ok'
    stack.conf.set('image_store', dir=os.path.join(stack.site, 'nowhere'))
    stack.restart_tally()
    reply = anonymous.get('/healthz')
    assert (reply.status_code, reply.json()['status']) == (200, 'degraded')
    assert reply.json()['checks'] == {'database': 'ok', 'identity': 'ok', 'image_store': 'failing'}


def test_healthz_tells_the_newest_heartbeat(stack, anonymous):
    def seen():
        return anonymous.get('/healthz').json()['worker_heartbeat_seconds']
    stack.sql('DELETE FROM workers')
    assert seen() is None
    for name, age in (('old', 500), ('new', 20)):
        stack.sql('INSERT INTO workers (name, host, pid, slots, started_at, heartbeat_at) VALUES '
                  "(%s, 'h', 1, 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) - INTERVAL %s SECOND)", name, age)
    assert 20 <= seen() < 30
    stack.sql('DELETE FROM workers')


def test_healthz_tells_no_secret(stack, anonymous):
    stack.mariadb.stop()
    text = anonymous.get('/healthz').text
    assert stack.mariadb.socket not in text and 'tally@' not in text and stack.keystone.url not in text


def metric(text, name):
    """Sum of a metric's samples."""
    found = [float(line.rsplit(' ', 1)[1]) for line in text.splitlines()
             if re.match(re.escape(name) + r'(\{| )', line)]
    assert found, name
    return sum(found)


def test_metrics(anonymous):
    before = anonymous.get('/metrics')
    assert before.status_code == 200
    assert before.headers['Content-Type'].startswith('text/plain')
    assert before.text.endswith('\n')
    for line in before.text.splitlines():
        assert re.match(r'^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[^}]*\})? [-+0-9.eInfNa]+)$', line), line
    for _ in range(5):
        anonymous.get('/versions')
    after = anonymous.get('/metrics')
    assert metric(after.text, 'tally_requests_total') >= metric(before.text, 'tally_requests_total') + 5


@pytest.mark.parametrize('path', ['/', '/versions', '/healthz', '/metrics', '/v2'])
def test_head_is_get_without_body(anonymous, path):
    head, get = anonymous.head(path), anonymous.get(path)
    assert head.status_code == get.status_code
    assert head.content == b''
    assert head.headers.get('Content-Type') == get.headers.get('Content-Type')


@pytest.mark.parametrize('path', ['/', '/versions', '/healthz', '/v2'])
def test_405_lists_what_is_allowed(anonymous, path):
    for method in ('POST', 'PUT', 'DELETE', 'PATCH'):
        reply = anonymous.request(method, path)
        assert reply.status_code == 405, method
        assert {m.strip() for m in reply.headers['Allow'].split(',')} == {'GET', 'HEAD'}
        assert reply.json()['error']['code'] == 405


def test_request_id(anonymous):
    seen = set()
    for path in ('/versions', '/nothing/here', '/v1/subunit', '/v2/'):
        ident = anonymous.get(path).headers['X-Openstack-Request-Id']
        assert REQUEST_ID.match(ident), ident
        seen.add(ident)
    assert len(seen) == 4


def test_request_id_of_the_client(stack, anonymous):
    mine = 'req-01234567-89ab-4cde-8f01-23456789abcd'
    mark = stack.log_size()
    reply = anonymous.get('/versions', headers={'X-Openstack-Request-Id': mine})
    assert reply.headers['X-Openstack-Request-Id'] == mine
    assert mine in stack.log(mark)
    for bad in ('x', 'req-1', mine + 'x', mine + '\x22', 'req-' + 'g' * 36):
        reply = anonymous.get('/versions', headers={'X-Openstack-Request-Id': bad})
        assert reply.headers['X-Openstack-Request-Id'] != bad
        assert REQUEST_ID.match(reply.headers['X-Openstack-Request-Id'])


def test_security_headers(anonymous):
    for path in ('/versions', '/nothing', '/v1/subunit'):
        headers = anonymous.get(path).headers
        assert headers['X-Content-Type-Options'] == 'nosniff'
        assert headers['X-Frame-Options'] == 'DENY'
        assert "default-src 'none'" in headers['Content-Security-Policy']
        assert 'max-age=' in headers['Strict-Transport-Security']
        assert not re.search(r'\d', headers.get('Server', '')), 'no version of the server'
