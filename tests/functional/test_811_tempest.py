"""Tempest's image tests, unmodified, with the real Keystone: what passes against Glance 25.1 passes here, but for what
docs/tempest.md names."""
import os
import re
import subprocess

import pytest
import subunit
import testtools

from lab.service import PATH

pytestmark = [pytest.mark.long, pytest.mark.timeout(1500)]
GLANCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data', 'tempest-image-glance.txt')
# What the service does not have (docs/tempest.md).
ELSEWHERE = r'metadefs|ImportImages|MultiStoresImportImages|ImportCopyImages'
DISCOVER = '/usr/lib/python3/dist-packages/tempest/test_discover'

CONF = """[DEFAULT]
log_dir = {home}/log
[oslo_concurrency]
lock_path = {home}/lock
[auth]
use_dynamic_credentials = true
create_isolated_networks = false
admin_username = admin
admin_password = secret
admin_project_name = admin
admin_domain_name = Default
tempest_roles = member
[identity]
uri_v3 = {keystone}/v3
auth_version = v3
region = RegionOne
default_domain_id = default
ca_certificates_file = {ca}
[identity-feature-enabled]
api_v2 = false
api_v2_admin = false
[service_available]
glance = true
swift = false
nova = false
neutron = false
cinder = false
horizon = false
[image]
catalog_type = image
endpoint_type = public
region = RegionOne
[image-feature-enabled]
import_image = false
os_glance_reserved = true
"""
STESTR = '[DEFAULT]\ntest_path=%s\ntop_dir=/usr/lib/python3/dist-packages\ngroup_regex=([^\\.]*\\.)*\n' % DISCOVER


def glances(outcome):
    """Tests with that outcome against Glance, by name without the ids."""
    found, inside = set(), False
    with open(GLANCE, encoding='utf-8') as f:
        for line in f:
            if line.startswith('== '):
                inside = line.startswith('== %s ' % outcome)
            elif inside and line.strip():
                found.add(line.split('[')[0].strip())
    return found


def outcomes(path):
    """{name: status} of a subunit stream; and the words of those that failed."""
    found, words = {}, []

    def done(test):
        name = test['id'].split('[')[0]
        found[name] = test['status']
        if test['status'] == 'fail':
            words.append(name + '\n' + ''.join(d.as_text() for d in test['details'].values())[-3000:])
    result = testtools.StreamToDict(done)
    result.startTestRun()
    with open(path, 'rb') as f:
        subunit.ByteStreamToStreamResult(f, non_subunit_name='stdout').run(result)
    result.stopTestRun()
    return found, words


def test_what_passes_against_glance_passes(stack, tmp_path):
    home = str(tmp_path)
    for sub in ('log', 'lock'):
        os.mkdir(os.path.join(home, sub))
    for name, text in (('tempest.conf', CONF.format(home=home, keystone=stack.keystone.url, ca=stack.ca)),
                       ('.stestr.conf', STESTR)):
        with open(os.path.join(home, name), 'w', encoding='utf-8') as f:
            f.write(text)
    stream = os.path.join(home, 'stream')
    with open(stream, 'wb') as out, open(os.path.join(home, 'errors'), 'wb') as err:
        subprocess.run(['tempest', 'run', '--config-file', os.path.join(home, 'tempest.conf'), '--regex',
                        r'tempest\.api\.image\.v2', '--exclude-regex', ELSEWHERE, '--concurrency', '2', '--subunit'],
                       cwd=home, stdout=out, stderr=err, check=False, timeout=1200,
                       env={'PATH': PATH, 'HOME': home, 'LANG': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1',
                            'PYTHONWARNINGS': 'ignore'})
    got, words = outcomes(stream)
    wanted = {t for t in glances('success') if not re.search(ELSEWHERE, t)}
    assert len(wanted) >= 40
    assert not words, '\n\n'.join(words)
    assert {t: got.get(t) for t in wanted if got.get(t) != 'success'} == {}
