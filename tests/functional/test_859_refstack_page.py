"""docs/refstack-client.md as somebody follows it: `refstack-client test`, unmodified, runs unmodified Tempest against
this cloud, and `tally` sends what it leaves. Files and commands are the page's own."""
import json
import os
import re
import shutil
import subprocess

import pytest

from evidence import counts
from tally_command import CANNOT_CREATE

pytestmark = pytest.mark.timeout(300)
PAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), 'docs',
                    'refstack-client.md')
# refstack-client knows no other folder to run Tempest in.
WORKSPACE = '/var/lib/tempest'


def blocks(heading, kind=''):
    """The fenced blocks of that KIND under a heading of the page."""
    with open(PAGE, encoding='utf-8') as f:
        section = re.search(r'^## %s\n(.*?)(?=^## |\Z)' % heading, f.read(), re.S | re.M).group(1)
    return [text for name, text in re.findall(r'^```(\w*)\n(.*?)^```$', section, re.S | re.M) if name == kind]


def filled(text, stack, home):
    for shown, real in (('https://keystone.example.org:5000', stack.keystone.url), ('/home/me', home),
                        ('/etc/ssl/certs/ca-certificates.crt', stack.ca)):
        assert shown in text
        text = text.replace(shown, real)
    return text


class Shell:
    """Runs the page's commands where a folder of our own stands in the workspace's place, or in the real one where
    mounts are refused."""

    def __init__(self, tally):
        self.tally, self.env = tally, {**tally.env, 'PYTHONDONTWRITEBYTECODE': '1'}
        self.env['PATH'] = os.path.dirname(tally.argv()[0]) + ':' + self.env['PATH']
        mine = os.path.join(tally.folder, 'workspace')
        os.mkdir(mine)
        shutil.copy(WORKSPACE + '/.stestr.conf', mine)
        os.symlink(os.readlink(WORKSPACE + '/tempest'), mine + '/tempest')
        self.inside = ['unshare', '--mount', *(['--map-root-user'] if os.geteuid() else []), 'sh', '-c',
                       'mount --bind "$0" %s && exec "$@"' % WORKSPACE, mine]
        self.folder = mine
        if subprocess.run([*self.inside, 'true'], capture_output=True, check=False).returncode != 0:
            assert not os.path.exists(WORKSPACE + '/.stestr'), 'somebody works there'
            self.inside, self.folder = [], WORKSPACE

    def close(self):
        if not self.inside:
            shutil.rmtree(WORKSPACE + '/.stestr', ignore_errors=True)

    def __call__(self, command, code=0):
        """(stdout, stderr) of a command that must end with CODE."""
        done = subprocess.run([*self.inside, 'sh', '-c', command], cwd=self.tally.folder, env=self.env, check=False,
                              capture_output=True, text=True, timeout=200)
        assert done.returncode == code, '%s: %d\n%s\n%s' % (command, done.returncode, done.stdout[-4000:],
                                                            done.stderr[-4000:])
        return done.stdout, done.stderr

    def read(self, name):
        with open(os.path.join(self.folder, '.stestr', name), encoding='utf-8') as f:
            return f.read()


@pytest.fixture
def shell(tally):
    s = Shell(tally)
    yield s
    s.close()


@pytest.fixture
def shell(tally):
    s = Shell(tally)
    yield s
    s.close()


def sent(out, words):
    """{name: id} of what `tally` prints."""
    found = dict(line.split() for line in out.splitlines())
    assert set(found) == set(words), out
    return found


def test_page(shell, stack, tally, demo, alt):
    conf, = blocks('Prepare', 'ini')
    accounts, = blocks('Prepare', 'yaml')
    wanted, = blocks('Prepare', 'text')
    names = wanted.split()
    missing = next(n for n in names if 'metadef' in n)
    passed = sorted(set(names) - {missing})
    for name, text in (('tempest.conf', filled(conf, stack, tally.folder)), ('accounts.yaml', accounts),
                       ('tests.txt', wanted),
                       ('openrc', ''.join('export %s=%s\n' % (k, v) for k, v in tally.env.items() if k.startswith('OS_')))):
        tally.file(name, text)
    for name in [n for n in shell.env if n.startswith('OS_')]:
        del shell.env[name]

    cpid = next(s['id'] for s in stack.token_and_doc('demo')[1]['catalog'] if s['type'] == 'identity')
    first, said, second = blocks('Run')
    _, errors = shell(first, code=1)  # a test failed
    for line in said.splitlines():
        assert re.search(r' INFO %s$' % re.escape(line), errors, re.M), (line, errors[-4000:])
    result, stream = json.loads(shell.read('0.json')), shell.read('0')
    assert set(result) == {'cpid', 'duration_seconds', 'results'} and result['cpid'] == cpid
    assert sorted(r['name'] for r in result['results']) == passed and all(r['uuid'] for r in result['results'])
    assert 'Traceback' in stream and 'failure: ' + missing in stream
    shell(second)
    other = json.loads(shell.read('1.json'))
    assert {r['name'].rsplit('.', 2)[0] for r in other['results']} == {'tempest.api.identity.v3.test_tokens'}

    # with its evidence: the run is linked, and only the project sees it
    with_evidence, = blocks('Send the result with its evidence')
    made = json.loads(shell(with_evidence.rstrip() + ' -f json')[0])
    run = demo.get('/v1/subunit/' + made['run']).json()['subunit-data']
    assert (run['passes'], run['fails'], run['cpid'], run['result-id']) == (3, 1, cpid, made['result'])
    kept = demo.get('/v1/results/' + made['result']).json()
    assert (sorted(kept['results']), kept['cpid'], kept['duration_seconds']) == (passed, cpid, result['duration_seconds'])
    assert alt.get('/v1/results/' + made['result']).status_code == 404
    _, errors = shell(with_evidence, code=CANNOT_CREATE)
    assert 'stored as run %s of result %s already' % (made['run'], made['result']) in errors
    # alone: no evidence; and later it follows
    alone, link = blocks('Send the result alone')
    late = json.loads(shell('. ./openrc\n' + alone.rstrip() + ' -f json')[0])
    assert counts(stack)['runs'] == 1 and late['run'] is None
    linked = json.loads(shell('. ./openrc\n' + link.replace('RESULT', late['result']).rstrip() + ' -f json')[0])
    run = demo.get('/v1/subunit/' + linked['run']).json()['subunit-data']
    assert (run['fails'], run['cpid'], run['result-id']) == (0, cpid, late['result']) and run['passes'] >= 1
    # the file as refstack-client itself sends it
    upload = blocks('Or with refstack-client itself')[0].replace('https://tally.example.org', stack.url)
    out, _ = shell(upload.rstrip() + ' -y -k')
    shown = re.search(r'^URL: \S+/([0-9a-f-]{36})$', out, re.M).group(1)
    assert sorted(alt.get('/v1/results/' + shown).json()['results']) == sorted(r['name'] for r in other['results'])
