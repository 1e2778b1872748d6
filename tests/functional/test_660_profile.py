"""GET /v1/profile: who the token says that the caller is."""
import pytest


@pytest.mark.parametrize('user, staff', [('demo', False), ('foundation', True)])
def test_660_profile(stack, user, staff):
    r = stack.client(user).get('/v1/profile')
    assert r.status_code == 200
    assert r.json() == {'openid': stack.user_id(user), 'email': None, 'fullname': user, 'is_admin': staff}


def test_661_nobody(stack):
    r = stack.client().get('/v1/profile')
    assert r.status_code == 401 and r.json()['code'] == 401
    assert r.headers['WWW-Authenticate'].startswith('Keystone uri=')


def test_662_unknown_parameter(stack):
    assert stack.client('demo').get('/v1/profile?x=1').status_code == 400
