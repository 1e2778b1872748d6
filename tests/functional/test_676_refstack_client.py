"""Debian's refstack-client, unmodified, over TLS with --url and -k alone."""
import hashlib
import json
import re
import subprocess

import pytest

from lab.service import PATH
from results import NAMES, Key, body, listed, register, upload
from streams import simple

UUID = '5f4d2ba5-1d1a-4c1d-9b1a-0a2c43b6dfe7'
V1 = ('test: %s[id-%s,smoke]\nsuccess: %s[id-%s,smoke]\ntest: %s\nsuccess: %s\ntest: other.fails\nfailure: other.fails [\n'
      'Traceback\n]\ntest: other.skips\nskip: other.skips\n' % (NAMES[0], UUID, NAMES[0], UUID, NAMES[1], NAMES[1]))


class Client:
    def __init__(self, stack, folder):
        self.stack, self.folder = stack, folder

    def __call__(self, command, *args, stdin='', network=True):
        argv = ['/usr/bin/refstack-client', command]
        argv += ['--url', self.stack.url, '-k'] if network else []
        done = subprocess.run([*argv, *args], input=stdin, text=True, capture_output=True, timeout=120, check=False,
                              cwd=self.folder, env={'PATH': PATH, 'HOME': str(self.folder)})
        return done

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def upload(self, *args, command='upload'):
        """The result's id, from the URL that the client prints."""
        done = self(command, '-y', *args)
        assert done.returncode == 0, done.stderr
        match = re.search(r'^Test results uploaded!\nURL: (\S+)/([0-9a-f-]{36})$', done.stdout, re.M)
        assert match and match.group(1) == self.stack.url + '/v1/results', (done.stdout, done.stderr)
        return match.group(2)


@pytest.fixture
def client(empty, tmp_path):
    return Client(empty, tmp_path)


@pytest.fixture(scope='module')
def key(tmp_path_factory):
    return Key(tmp_path_factory.mktemp('keys'))


@pytest.mark.smoke
def test_upload_anonymous(client, anonymous):
    ident = client.upload(client.file('r.json', json.dumps(body([{'name': NAMES[0], 'uuid': UUID}, NAMES[1]]))))
    got = anonymous.get('/v1/results/' + ident).json()
    assert got['results'] == NAMES[:2] and got['user_role'] == 'user' and got['duration_seconds'] == 5
    assert listed(anonymous) == [ident]


def test_sign_register_and_upload_signed(client, demo, anonymous, key):
    """What "sign" prints is what a profile takes; then -i makes the upload the user's."""
    client.file(key.path + '.pub', key.text + ' me@there\n')
    done = client('sign', key.path, network=False)
    text, signature = re.search(r'^Public key:\n(.*)\n\nSelf signature:\n(.*)\n', done.stdout, re.M).groups()
    assert text == key.text and done.returncode == 0
    r = demo.post('/v1/profile/pubkeys', json={'raw_key': text, 'self_signature': signature})
    assert r.status_code == 201, r.text
    ident = client.upload('-i', key.path, client.file('r.json', json.dumps(body())))
    assert demo.get('/v1/results/' + ident).json()['user_role'] == 'owner'
    assert anonymous.get('/v1/results/' + ident).status_code == 401
    assert listed(demo, {'signed': ''}) == [ident] and listed(anonymous) == []
    # the same file by the same key once more
    done = client('upload', '-y', '-i', key.path, str(client.folder / 'r.json'))
    assert 'uploaded!' not in done.stdout and 'signed this body before' in done.stderr


def test_unregistered_key(client, key, empty):
    done = client('upload', '-y', '-i', key.path, client.file('r.json', json.dumps(body())))
    assert 'uploaded!' not in done.stdout and 'User with specified key not found' in done.stderr
    assert empty.sql('SELECT COUNT(*) FROM test') == ((0,),)


@pytest.mark.parametrize('sign', [False, True])
def test_upload_subunit(client, empty, demo, staff, key, sign):
    """It reads subunit version 1; the tests that passed are the result, and their uuids come along."""
    if sign:
        register(demo, key)
    ident = client.upload('--keystone-endpoint', 'https://cloud.example:5000/v3', *(['-i', key.path] if sign else []),
                          client.file('run.subunit', V1), command='upload-subunit')
    got = (demo if sign else staff).get('/v1/results/' + ident).json()
    assert got['results'] == NAMES[:2] and got['duration_seconds'] == 0
    assert got['cpid'] == hashlib.md5(b'cloud.example').hexdigest()
    assert empty.sql('SELECT uuid FROM results ORDER BY _id') == ((UUID,), (None,))
    # the whole stream then becomes its evidence
    r = (demo if sign else staff).put('/v1/subunit/' + ident, data=V1,
                                      headers={'Content-Type': 'application/x-subunit'})
    assert r.status_code == 200, r.text


def test_upload_subunit_with_nothing_that_passed(client, empty):
    done = client('upload-subunit', '-y', '--keystone-endpoint', 'https://cloud.example:5000/v3',
                  client.file('run.subunit', 'test: a\nfailure: a\n'))
    assert 'uploaded!' not in done.stdout and 'at least one passing test' in done.stderr
    assert empty.sql('SELECT COUNT(*) FROM test') == ((0,),)


def test_list(client, stack, empty, anonymous, demo):
    """All pages. On Python 3 the client's own generator ends in a RuntimeError behind the last one (it raises
    StopIteration itself), so its exit status says nothing."""
    stack.conf.set('api', results_per_page=2)
    stack.reload()
    idents = [upload(anonymous) for _ in range(5)]
    private = upload(demo)
    for day, ident in enumerate(idents):
        empty.sql('UPDATE result_info SET created_at = %s WHERE result_id = %s', '2026-01-0%d' % (day + 1), ident)
        empty.sql('UPDATE test SET created_at = %s WHERE id = %s', '2026-01-0%d' % (day + 1), ident)

    def lines(*args):
        done = client('list', *args, stdin='\n' * 20)
        return [line.replace('Press Enter to go to next page...', '') for line in done.stdout.splitlines()
                if '/v1/results/' in line], done.stderr

    want = ['2026-01-0%dT00:00:00Z - %s/v1/results/%s' % (day + 1, stack.url, ident) for day, ident in enumerate(idents)]
    got, errors = lines()
    assert got == want[::-1] and 'Failed to list' not in errors and private not in ''.join(got)
    assert lines('--start-date', '2026-01-02 00:00:00', '--end-date', '2026-01-03 12:00:00')[0] == want[1:3][::-1]
    assert lines('--start-date', '2027-01-01 00:00:00')[0] == []
    assert 'Failed to list' in lines('--start-date', 'yesterday')[1]


def test_what_was_posted_as_subunit_is_listed_when_shared(client, demo):
    r = demo.post('/v1/subunit', data=simple(*NAMES), headers={'Content-Type': 'application/x-subunit'})
    ident = r.json()['result-id']
    assert ident not in client('list', stdin='\n\n').stdout
    assert demo.post('/v1/results/%s/meta/shared' % ident, data='true').status_code == 201
    assert ident in client('list', stdin='\n\n').stdout
