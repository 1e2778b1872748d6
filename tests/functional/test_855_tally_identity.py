"""Who `tally` is: clouds.yaml, application credentials, tokens, the catalogue; and what goes wrong with each."""
import json
import os
import uuid

import pytest

from evidence import stored
from lab.keystone import call
from streams import simple
from tally_command import DATA, NO_INPUT, NOT_ALLOWED, UNAVAILABLE, Tally


@pytest.fixture
def run(stack, demo):
    stack.empty_tables()
    return stored(demo, simple())[0]


@pytest.fixture
def nobody(stack, tmp_path):
    return Tally(stack, tmp_path, user=None).set(OS_CACERT=None)


def sees(tally, *args):
    return [r['uuid'] for r in tally.json('run', 'list', *args)]


def clouds(stack, **changes):
    cloud = {'auth': {'auth_url': stack.keystone.url, 'username': 'demo', 'password': 'demo', 'project_name': 'demo',
                      'user_domain_name': 'Default', 'project_domain_id': 'default'},
             'region_name': 'RegionOne', 'cacert': stack.ca}
    auth = cloud['auth']
    for key, value in changes.items():
        (auth if key in auth else cloud)[key] = value
    return {k: v for k, v in {**cloud, 'auth': {k: v for k, v in auth.items() if v is not None}}.items() if v is not None}


def write(tally, path, **named):
    full = os.path.join(tally.folder, path)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    with open(full, 'w', encoding='utf-8') as f:
        json.dump({'clouds': named}, f)  # JSON is YAML


def test_clouds_yaml(stack, nobody, run):
    write(nobody, '.config/openstack/clouds.yaml', mine=clouds(stack))
    assert sees(nobody) == [run]  # the only one there is
    write(nobody, '.config/openstack/clouds.yaml', mine=clouds(stack), other=clouds(stack, username='alt', password='alt',
                                                                                   project_name='alt'))
    assert sees(nobody.set(OS_CLOUD='mine')) == [run] and sees(nobody.set(OS_CLOUD='other')) == []
    assert sees(nobody.set(OS_CLOUD='other'), '--os-cloud', 'mine') == [run]
    assert 'no credentials' in nobody.fails(NOT_ALLOWED, 'run', 'list')
    assert 'there are: mine other' in nobody.fails(NO_INPUT, 'run', 'list', '--os-cloud', 'none')
    # the file in the working folder comes before the one in ~
    write(nobody, 'clouds.yaml', mine=clouds(stack, password='wrong'))
    assert 'Keystone refuses' in nobody.fails(NOT_ALLOWED, 'run', 'list', '--os-cloud', 'mine')
    write(nobody, 'elsewhere.yaml', mine=clouds(stack))
    assert sees(nobody.set(OS_CLIENT_CONFIG_FILE='elsewhere.yaml', OS_CLOUD='mine')) == [run]
    nobody.file('elsewhere.yaml', 'clouds:\n  mine: [\n')
    assert 'elsewhere.yaml: line' in nobody.set(OS_CLIENT_CONFIG_FILE='elsewhere.yaml').fails(DATA, 'run', 'list')


def test_secure_yaml_and_variables_beside(stack, nobody, run):
    write(nobody, 'clouds.yaml', mine=clouds(stack, password=None))
    mine = nobody.set(OS_CLOUD='mine')
    assert 'OS_PASSWORD' in mine.fails(NOT_ALLOWED, 'run', 'list')
    assert sees(mine.set(OS_PASSWORD='demo')) == [run]
    write(nobody, 'secure.yaml', mine={'auth': {'password': 'demo'}})
    assert sees(mine) == [run] and sees(mine.set(OS_PASSWORD='wrong', OS_PROJECT_NAME='alt')) == [run]


def test_certificates(stack, nobody, run):
    write(nobody, 'clouds.yaml', mine=clouds(stack, cacert=None))
    mine = nobody.set(OS_CLOUD='mine')
    assert 'certificate' in mine.fails(UNAVAILABLE, 'run', 'list', '--retries', '0')
    assert sees(mine, '-k') == sees(mine, '--cacert', stack.ca) == sees(mine.set(OS_CACERT=stack.ca)) == [run]
    write(nobody, 'clouds.yaml', mine=clouds(stack, cacert=None, verify=False))
    assert sees(mine) == [run]
    assert 'cannot be read' in mine.fails(DATA, 'run', 'list', '--cacert', '/nowhere')
    os.symlink(stack.ca, os.path.join(nobody.folder, 'ca.pem'))
    write(nobody, 'clouds.yaml', mine=clouds(stack, cacert='~/ca.pem'))
    assert sees(mine) == [run]


def test_application_credential(stack, tmp_path, nobody, run):
    token, document = stack.token_and_doc('demo')
    secret = uuid.uuid4().hex
    status, _, doc = call(stack.keystone.url, 'POST', '/v3/users/%s/application_credentials' % document['user']['id'],
                          {'application_credential': {'name': 'ci-' + secret[:8], 'secret': secret}}, token)
    assert status == 201, doc
    made = doc['application_credential']
    with_id = nobody.set(OS_AUTH_URL=stack.keystone.url + '/v3/', OS_CACERT=stack.ca,
                         OS_APPLICATION_CREDENTIAL_ID=made['id'], OS_APPLICATION_CREDENTIAL_SECRET=secret)
    assert sees(with_id) == sees(with_id.set(OS_AUTH_TYPE='v3applicationcredential')) == [run]
    by_name = with_id.set(OS_APPLICATION_CREDENTIAL_ID=None, OS_APPLICATION_CREDENTIAL_NAME=made['name'])
    assert 'needs its user' in by_name.fails(NOT_ALLOWED, 'run', 'list')
    assert sees(by_name.set(OS_USERNAME='demo', OS_USER_DOMAIN_ID='default', OS_AUTH_TYPE='v3applicationcredential')) == [run]
    said = with_id.set(OS_APPLICATION_CREDENTIAL_SECRET='wr0ng').fails(NOT_ALLOWED, 'run', 'list')
    assert 'Keystone refuses' in said and 'wr0ng' not in said
    assert 'SECRET is not set' in with_id.set(OS_APPLICATION_CREDENTIAL_SECRET=None).fails(NOT_ALLOWED, 'run', 'list')
    assert 'are known' in with_id.set(OS_AUTH_TYPE='v3totp').fails(DATA, 'run', 'list')


def test_token(stack, nobody, run):
    given = nobody.set(OS_TOKEN=stack.token('demo'), OS_CACERT=stack.ca)
    assert sees(given.set(TALLY_URL=stack.url + '/')) == [run]
    assert sees(given, '--url', stack.url + '/v1') == [run]
    assert sees(given.set(OS_AUTH_URL=stack.keystone.url)) == [run]  # the catalogue says where
    assert 'where is Keystone' in given.fails(NOT_ALLOWED, 'run', 'list')
    bad = given.set(OS_TOKEN='gAAAAAtoken', TALLY_URL=stack.url)
    assert 'gAAAAA' not in bad.fails(NOT_ALLOWED, 'run', 'list')
    assert 'no token' in given.set(OS_TOKEN='a b', TALLY_URL=stack.url).fails(NOT_ALLOWED, 'run', 'list')


def test_catalogue(stack, nobody, run):
    base = Tally(stack, nobody.folder)
    assert sees(base.set(OS_REGION_NAME='RegionOne')) == sees(base.set(OS_INTERFACE='internalURL')) == [run]
    assert sees(base.set(OS_AUTH_URL=stack.keystone.url), '--os-region-name', 'RegionOne') == [run]
    assert 'where is Tally' in base.fails(NO_INPUT, 'run', 'list', '--os-region-name', 'Nowhere')
    assert sees(base.set(OS_REGION_NAME='Nowhere', TALLY_URL=stack.url)) == [run]
    assert 'is the address right' in base.set(TALLY_URL=stack.keystone.url).fails(NO_INPUT, 'run', 'list')


def test_a_password_is_nowhere_to_be_seen(stack, nobody, run):
    """No option takes one, so no list of processes shows it."""
    assert 'no option --os-password' in nobody.fails(64, 'run', 'list', '--os-password', 'demo')
    assert 'no option --os-token' in nobody.fails(64, 'run', 'list', '--os-token', 'x')
