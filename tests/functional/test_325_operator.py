"""docs/deployment.md: what an operator types, to MariaDB, Keystone and Swift; what he is told to watch."""
import os
import re
import subprocess

import pytest

from conftest import BUILD, CACHE, TOP, sanitizer_env
from corpus import CORPUS
from customers import Customer
from evidence import counts
from lab.keystone import ADMIN, password_body
from lab.service import PATH
from lab.stack import Stack, make_folder, remove_folder

with open(os.path.join(TOP, 'docs', 'deployment.md'), encoding='utf-8') as _f:
    DOCUMENT = _f.read()


def blocks(text):
    """The fenced blocks behind TEXT, up to the next chapter or bold word."""
    part = re.split(r'^(?:## |\*\*)', DOCUMENT.split(text, 1)[1], flags=re.M)[0]
    return re.findall(r'^```\n(.*?)^```$', part, re.S | re.M)


def type_in(stack, text, *changes):
    """TEXT as the operator's shell would have it; CHANGES: [(what the document says, what it is here)]."""
    for this, that in (('sudo ', ''), ('tally-manage ', '"$MANAGE" --config "$CONF" '), *changes):
        assert this not in changes or this in text
        text = text.replace(this, that)
    env = {**stack.env, 'PATH': PATH, 'HOME': stack.folder, 'LANG': 'C.UTF-8', 'CONF': stack.conf.path,
           'MANAGE': os.path.join(BUILD, 'manage', 'tally-manage'), 'OS_AUTH_URL': stack.keystone.url + '/v3',
           'OS_USERNAME': ADMIN[0], 'OS_PASSWORD': ADMIN[1], 'OS_PROJECT_NAME': ADMIN[2],
           'OS_USER_DOMAIN_ID': 'default', 'OS_PROJECT_DOMAIN_ID': 'default', 'OS_IDENTITY_API_VERSION': '3'}
    done = subprocess.run(['bash', '-euo', 'pipefail', '-c', text], cwd=stack.folder, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, text + done.stdout + done.stderr
    return done.stdout


def forget(keystone):
    """Takes away what the lab's Keystone knows of Tally already."""
    _, headers, _ = keystone.call('POST', '/v3/auth/tokens', password_body(*ADMIN))
    token = headers['X-Subject-Token']
    for kind, name in (('users', 'tally'), ('roles', 'foundation'), ('services', 'tally')):
        found = keystone.call('GET', '/v3/%s?name=%s' % (kind, name), None, token)[2][kind]
        assert len(found) == 1
        assert keystone.call('DELETE', '/v3/%s/%s' % (kind, found[0]['id']), None, token)[0] == 204


@pytest.fixture(scope='module')
def site():
    """A stack whose database and service user the document's own commands have made."""
    folder = make_folder()
    s = Stack(folder, BUILD, CACHE, sanitizer_env(folder))
    with open(os.path.join(folder, '.my.cnf'), 'w', encoding='ascii') as f:
        f.write('[client]\nuser = root\nsocket = %s\n' % s.mariadb.socket)
    try:
        s.mariadb.start()
        type_in(s, blocks('**Database.**')[0], ("'...'", "'tally'"))
        s.keystone.start()
        forget(s.keystone)
        for block in blocks('**Keystone.**'):
            type_in(s, block, ('--password-prompt', '--password tally'), ('https://tally.example.org', s.url))
        s.conf.set('image_store', driver='swift')
        s.swift.start()
        s.start()
        s.worker().start()
        yield s
        assert s.stop()['tally'] == 0
    finally:
        for service in s.services():
            service.kill()
        remove_folder(folder)


@pytest.fixture(scope='module')
def run(site):
    """An upload and an image, so that there is something to lose."""
    customer = Customer(site)
    customer.imported()
    with open(os.path.join(CORPUS, 'streams', 'hoangphuocbk-tacker__12-ba01efd4.v1.subunit.gz'), 'rb') as f:
        reply = site.client('demo').post('/v1/subunit', data=f.read(), headers={
            'Content-Type': 'application/x-subunit', 'Content-Encoding': 'gzip'})
    assert reply.status_code == 201, reply.text
    return reply.json()['subunit-uuid']


def test_options_of_the_database(site):
    """Those that the document sets are options of this server, and its values are taken."""
    (text,) = [b for b in blocks('**Database.**') if b.startswith('[mysqld]')]
    options = re.findall(r'^(\w+) = (\S+)', text, re.M)
    assert len(options) == 5
    for name, _ in options:
        assert site.sql('SHOW GLOBAL VARIABLES LIKE %s', name), name


def test_images_in_swift(site, run):
    """By the role that the document gives, and none of the lab's."""
    assert run
    doc = site.client().get('/healthz').json()
    assert doc['status'] == 'ok'
    (example,) = [b for b in blocks('**Start.**') if b.startswith('{')]
    assert re.sub(r'\d+', '', example.strip()) == re.sub(r'\d+', '', site.client().get('/healthz').text)
    assert site.manage('store', 'check').stdout.startswith('0 objects ')


def test_backup_and_restore(site, run):
    dump, restore = blocks('## Backup')
    type_in(site, dump)
    (name,) = [n for n in os.listdir(site.folder) if n.endswith('.sql.zst')]
    before = counts(site)
    site.sql('DROP DATABASE tally', database=None)
    said = type_in(site, restore, (re.search(r'tally-[-\d]+\.sql\.zst', restore).group(), name))
    assert said.startswith('0 differences\n') and said.endswith('0 images without bytes; 0 foreign\n'), said
    assert counts(site) == before
    assert site.client('demo').get('/v1/subunit/' + run).status_code == 200


def test_alerts_name_what_is_there(site, run):
    assert run
    (rules,) = [b for b in blocks('## Monitoring') if b.startswith('groups:')]
    text = site.client().get('/metrics').text
    labels = dict(re.findall(r'^(tally_\w+)\{(.*)\}', text, re.M))
    for name, selector in re.findall(r'\b(tally_\w+)(?:\{(\w+)=)?', rules):
        assert name in labels, name
        assert selector + '=' in labels[name]
    assert all('process="' in label for label in labels.values())
    # a counter is added up over the processes: each of them alone is a process' own
    assert not re.findall(r'expr: (?:rate|increase)', rules)
