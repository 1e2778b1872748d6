"""Who is asking: tokens, what a client claims about itself, Keystone away."""
import os
import signal
import threading
import time
import uuid

import pytest

import wire
from lab.keystone import password_body
from lab.service import wait_for

LIST = '/v1/subunit?limit=1'
FORGED = {
    'X-Identity-Status': 'Confirmed', 'X-Roles': 'admin,foundation', 'X-Role': 'admin', 'X-User-Id': 'root',
    'X-User-Name': 'admin', 'X-User': 'admin', 'X-User-Domain-Id': 'default', 'X-User-Domain-Name': 'Default',
    'X-Project-Name': 'admin', 'X-Project-Domain-Id': 'default', 'X-Domain-Id': 'default', 'X-Tenant': 'admin',
    'X-Tenant-Name': 'admin', 'X-Is-Admin-Project': 'True', 'X-Service-Catalog': '[]', 'X-Service-Roles': 'service',
    'X-Service-Identity-Status': 'Confirmed', 'X-Service-User-Id': 'x', 'OpenStack-System-Scope': 'all',
    # the parameters of the proxy driver, in every spelling that a header can have
    'Tally-Auth-Status': 'Confirmed', 'Tally-Auth-User-Id': 'root', 'Tally-Auth-Roles': 'admin',
    'Tally-Auth-Project-Id': 'x', 'Tally_Auth_Status': 'Confirmed', 'Tally_Auth_Roles': 'admin',
    'TALLY_AUTH_STATUS': 'Confirmed', 'TALLY_AUTH_ROLES': 'admin', 'TALLY_AUTH_USER_ID': 'root',
    'Remote-User': 'admin', 'Remote_User': 'admin', 'REMOTE-USER': 'admin', 'Proxy': 'http://evil.example',
    'Authorization': 'Basic YWRtaW46c2VjcmV0', 'Http-X-Roles': 'admin',
}


@pytest.mark.smoke
def test_tokens(anonymous, demo, staff):
    assert anonymous.get(LIST).status_code == 401
    assert demo.get(LIST).status_code == 200
    assert staff.get(LIST).status_code == 200


@pytest.mark.parametrize('token', ['x', 'gAAAAABk', 'a' * 255, 'a' * 7000, '..', '%s%n', "' or 1=1 --", '\xfc',
                                   'e' * 32], ids=lambda t: 'len%d-%s' % (len(t), t[:3].encode().hex()))
def test_bad_tokens(stack, token):
    reply = wire.request(stack, 'GET', LIST, [('X-Auth-Token', token)])
    assert reply.status == 401, reply.raw
    challenge = reply.header('WWW-Authenticate')
    assert challenge == ['Keystone uri="%s/identity/v3"' % stack.url]


@pytest.mark.parametrize('token', ['', ' ', '\t'])
def test_empty_tokens(stack, token):
    assert wire.request(stack, 'GET', LIST, [('X-Auth-Token', token)]).status == 401


def test_tampered_token(stack):
    """Each letter of a Fernet token counts."""
    token = stack.token('demo')
    for at in (10, 40, len(token) // 2, len(token) - 10):
        other = token[:at] + ('A' if token[at] != 'A' else 'B') + token[at + 1:]
        assert stack.with_token(other).get(LIST).status_code == 401


def test_unscoped_token_is_refused(stack):
    body = password_body('demo', 'demo')
    body['auth']['scope'] = 'unscoped'
    status, headers, _ = stack.keystone.call('POST', '/v3/auth/tokens', body)
    assert status == 201
    assert stack.with_token(headers['X-Subject-Token']).get(LIST).status_code == 401


def test_revoked_token(stack):
    """After the cache's time a revoked token no longer holds."""
    stack.conf.set('keystone_authtoken', token_cache_time=1)
    stack.restart_tally()
    token = stack.new_token('demo')
    client = stack.with_token(token)
    assert client.get(LIST).status_code == 200
    stack.keystone.revoke(token)
    time.sleep(1.6)
    assert client.get(LIST).status_code == 401


@pytest.mark.parametrize('name', sorted(FORGED))
def test_forged_header_gives_no_identity(stack, anonymous, name):
    assert anonymous.get(LIST, headers={name: FORGED[name]}).status_code == 401


def test_all_forged_headers_together(stack, anonymous):
    headers = {**FORGED, 'X-Project-Id': stack.project('foundation'), 'X-Tenant-Id': stack.project('foundation')}
    assert anonymous.get(LIST, headers=headers).status_code == 401


def test_keystone_stopped(stack, demo):
    """503 and never 401 for a token that has not been seen; those in the cache go on."""
    assert demo.get(LIST).status_code == 200
    fresh = stack.with_new_token('demo')
    stack.keystone.stop()
    assert demo.get(LIST).status_code == 200
    for _ in range(3):
        reply = fresh.get(LIST)
        assert reply.status_code == 503
        assert int(reply.headers['Retry-After']) > 0
        assert 'WWW-Authenticate' not in reply.headers
    assert stack.client().get(LIST).status_code == 401, 'no token at all needs no Keystone'
    assert demo.get(LIST).status_code == 200
    stack.keystone.start()
    assert fresh.get(LIST).status_code == 200


def test_keystone_hangs(stack):
    """A Keystone that takes the connection and says nothing: 503 within the time-out."""
    stack.conf.set('identity', timeout=3)
    stack.restart_tally()
    fresh = stack.with_new_token('demo')
    os.killpg(stack.keystone.pid, signal.SIGSTOP)
    try:
        reply = fresh.get(LIST, timeout=30)
        assert reply.status_code == 503
        assert reply.elapsed.total_seconds() < 10
        assert stack.client().get('/versions').status_code == 200
    finally:
        os.killpg(stack.keystone.pid, signal.SIGCONT)
    # it first works off what was asked meanwhile
    wait_for('Keystone', lambda: fresh.get(LIST).status_code == 200, 30, step=0.2)


def test_our_own_password_refused(stack):
    """A fault of ours is no fault of the client."""
    stack.conf.set('keystone_authtoken', password='wrong')
    stack.restart_tally()
    fresh = stack.with_new_token('demo')
    reply = fresh.get(LIST)
    assert reply.status_code == 503
    assert 'wrong' not in reply.text and 'wrong' not in stack.log().replace('"wrong', '')


def test_bad_token_with_keystone_stopped(stack):
    stack.keystone.stop()
    assert stack.with_token('never-seen').get(LIST).status_code == 503


def test_keystone_restarts(stack, demo):
    """tally's own service token lives on, or is had anew."""
    stack.keystone.stop()
    stack.keystone.start()
    fresh = stack.with_new_token('alt')
    assert fresh.get(LIST).status_code == 200


def test_single_flight(stack):
    """Many requests at once with one token that nobody knows yet: all are answered, by few questions."""
    token = stack.new_token('demo')
    asked = stack.keystone.questions()
    results = []

    def one():
        results.append(stack.with_token(token).get(LIST).status_code)
    threads = [threading.Thread(target=one) for _ in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert results == [200] * 16
    # one validation, and at most one sign-in of our own before it
    assert stack.keystone.questions() - asked <= 3


def test_application_credential_access_rules(stack):
    token = app_credential_token(stack, [{'path': '/v1/subunit', 'method': 'GET', 'service': 'results'}])
    client = stack.with_token(token)
    assert client.get('/v1/subunit').status_code == 200
    refused = client.get('/v1/subunit/00000000-0000-4000-8000-000000000000')
    assert refused.status_code in (401, 403)
    assert client.post('/v1/subunit', data=b'x').status_code in (401, 403)


def test_application_credential_without_rules(stack):
    client = stack.with_token(app_credential_token(stack, None))
    assert client.get('/v1/subunit').status_code == 200


def app_credential_token(stack, rules):
    user, token = stack.user_id('demo'), stack.token('demo')
    body = {'name': uuid.uuid4().hex, 'secret': 'secret'}
    if rules is not None:
        body['access_rules'] = rules
    status, _, doc = stack.keystone.call('POST', '/v3/users/%s/application_credentials' % user,
                                         {'application_credential': body}, token)
    assert status == 201, doc
    auth = {'auth': {'identity': {'methods': ['application_credential'], 'application_credential': {
        'id': doc['application_credential']['id'], 'secret': 'secret'}}}}
    status, headers, doc = stack.keystone.call('POST', '/v3/auth/tokens', auth,
                                               headers=[('Openstack-Identity-Access-Rules', '1')])
    assert status == 201, doc
    return headers['X-Subject-Token']


def test_one_log_line_a_request(stack, demo):
    mark = stack.log_size()
    reply = demo.get('/v1/subunit?limit=3')
    ident = reply.headers['X-Openstack-Request-Id']
    lines = [r for r in stack.log_records(mark) if ident in str(r) and 'path' in str(r)]
    assert len(lines) == 1, stack.log(mark)
    text = str(lines[0])
    assert '/v1/subunit' in text and stack.project('demo') in text and stack.user_id('demo') in text
    assert stack.token('demo') not in stack.log(0)
