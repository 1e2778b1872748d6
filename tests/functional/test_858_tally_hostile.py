"""`tally` against a service that is none, or means harm; and against odd descriptors, files and keys of its user."""
import itertools
import json
import os
import signal
import subprocess
import threading
import time

import pytest

from odd_server import OddServer, reply
from results import Key, body, openssl
from streams import simple
from tally_command import DATA, INTERRUPTED, IO, NO_INPUT, NOT_ALLOWED, OK, UNAVAILABLE, USAGE, Tally

SOFTWARE = 70
IDENT = '00000000-0000-4000-8000-000000000000'


@pytest.fixture
def odd():
    """Makes servers of a function's; the command that speaks to the last one is .tally."""
    made = []

    def make(answer):
        made.append(OddServer(answer).__enter__())
        return made[-1]
    yield make
    for server in made:
        server.__exit__()


@pytest.fixture
def speak(stack, tmp_path, odd):
    """(server, command) of a function's answers."""
    def make(answer):
        server = odd(answer)
        return server, Tally(stack, tmp_path, user=None).set(OS_TOKEN='t0ken', TALLY_URL=server.url, OS_CACERT=None)
    return make


COMMANDS = (('run', 'list'), ('run', 'show', IDENT), ('run', 'tests', IDENT), ('run', 'compare', IDENT, IDENT),
            ('test', 'list'), ('test', 'show', '7'), ('test', 'history', 'a'), ('stats', 'tests'), ('result', 'list'),
            ('result', 'show', IDENT), ('profile',), ('key', 'list'), ('task', 'show', IDENT), ('task', 'wait', IDENT),
            ('image', 'show', IDENT))


@pytest.mark.parametrize('content', [b'', b'<html>', b'{}', b'[[1]' + b'[' * 100, b'"x"', b'7', b'null', b'{"runs": 7}',
                                     b'{"a": 1, "a": 2}', b'\xff\xfe{'])
def test_answers_that_are_something_else(speak, content):
    _, tally = speak(lambda r: reply(content))
    for args in COMMANDS:
        said = tally.fails(SOFTWARE, *args)
        assert "is this Tally's address?" in said, (args, said)


def test_an_upload_is_answered_by_something_else(speak):
    for content in (b'', b'<html>', b'[]'):
        _, tally = speak(lambda r, c=content: reply(c, '201 Created'))
        assert 'address' in tally.fails(SOFTWARE, 'upload-subunit', tally.file('s', simple()))
        assert 'address' in tally.fails(SOFTWARE, 'upload', tally.file('r', json.dumps(body())))


def test_answers_without_end(speak):
    def endless(status, piece):
        yield b'HTTP/1.1 ' + status + b'\r\n'
        while True:
            yield piece
    for start, piece, code, words in (
            (b'200 OK\r\nContent-Type: text/plain\r\n', b' ' * 65536, DATA, 'over the limit'),
            (b'400 No\r\nContent-Type: text/plain\r\n', b'\r\n' * 32768, DATA, 'answers 400'),
            (b'200 OK', b'X: y\r\n' * 1000, DATA, 'over the limit'),
            (b'100 Continue\r\n', b'HTTP/1.1 100 Continue\r\n\r\n' * 99, DATA, 'over the limit')):
        _, tally = speak(lambda r, s=start, p=piece: endless(s, p))
        assert words in tally.fails(code, 'run', 'list', '--retries', '0')


def test_pages_without_end(speak):
    run = {'subunit-data': {'uuid': IDENT}, 'tests': [], 'test_runs': [], 'attachments': [], 'next_marker': 7}
    for args, doc in ((('run', 'list'), {'runs': [], 'next': '/v1/subunit?marker=x'}), (('run', 'tests', IDENT), run),
                      (('result', 'list'), {'results': [], 'pagination': {'total_pages': 10 ** 15}})):
        server, tally = speak(lambda r, d=doc: reply(d))
        tally.fails(SOFTWARE, *args, '--limit', '0')
        assert len(server.requests) == (2 if 'next' in doc else 1)
    numbers = itertools.count()
    server, tally = speak(lambda r: reply({'runs': [], 'next': '/v1/subunit?marker=%d' % next(numbers)}))
    assert 'pages without end' in tally.fails(SOFTWARE, 'run', 'list')
    assert len(server.requests) == 1001


def test_a_next_page_elsewhere(speak):
    """Its token goes nowhere else."""
    for link in ('http://127.0.0.1:1/v1/x', '//127.0.0.1:1/v1', '@127.0.0.1:1/'):
        server, tally = speak(lambda r, n=link: reply({'runs': [{'uuid': IDENT}], 'next': n}))
        assert tally('run', 'list', '--limit', '0', '-f', 'value', '-c', 'run') == IDENT + '\n'
        assert len(server.requests) == 1


@pytest.mark.parametrize('status', ['301 Moved', '302 Found', '307 Temporary Redirect', '308 Permanent Redirect'])
def test_redirects_are_not_followed(speak, odd, status):
    other = odd(lambda r: reply({'runs': []}))
    server, tally = speak(lambda r: reply({}, status, Location=other.url + r[0].split()[1]))
    for args in (('run', 'list'), ('run', 'export', IDENT, '-o', 'x'), ('upload-subunit', tally.file('s', simple())),
                 ('run', 'delete', IDENT)):
        assert 'answers 30' in tally.fails(DATA, *args)
    keystone = tally.set(OS_TOKEN=None, OS_AUTH_URL=server.url, OS_USERNAME='u', OS_PASSWORD='p4ssword', OS_PROJECT_NAME='p')
    said = keystone.fails(DATA, 'run', 'list')
    assert 'Keystone answers 30' in said and 'p4ssword' not in said
    assert other.requests == [] and os.listdir(tally.folder) == ['s']


def test_answers_that_break_off(speak):
    server, tally = speak(lambda r: reply({'runs': [{'uuid': IDENT}]})[:-4])
    assert 'trying again' in tally.fails(UNAVAILABLE, 'run', 'list', '--retries', '1')
    assert len(server.requests) == 2
    # of an export nothing is left, under no name
    done = tally.run('run', 'export', IDENT, '-o', 'out', '--retries', '0')
    assert done.returncode == UNAVAILABLE and os.listdir(tally.folder) == []


def test_words_of_a_server(speak):
    """An error's text moves no cursor and adds no line."""
    detail = 'a\x1b[2J\x9b31m\r\n\u202ekcab tally: all is well\x07'
    _, tally = speak(lambda r: reply({'detail': detail}, '404 Not Found'))
    said = tally.fails(NO_INPUT, 'run', 'show', IDENT)
    assert said == 'tally: a\\x1b[2J\\u009b31m\\r\\n\\u202ekcab tally: all is well\\x07\n'


def test_silence_and_ctrl_c(speak):
    held = threading.Event()

    def silent(_):
        held.wait(60)
        yield b''
    _, tally = speak(silent)
    assert 'not a byte' in tally.fails(UNAVAILABLE, 'run', 'list', '--timeout', '1', '--retries', '0')
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        child = tally.start('run', 'list', stdout=-1, stderr=-1)
        time.sleep(1)
        child.send_signal(number)
        err = child.communicate(timeout=10)[1]
        assert child.returncode == INTERRUPTED and err == b'tally: interrupted\n', err
    held.set()


def test_what_may_be_done_once_only(speak):
    """A result is sent again only if the service says that it has not been stored."""
    answers = []
    server, tally = speak(lambda r: answers.pop(0))
    path = tally.file('r', json.dumps(body()))
    good = reply({'test_id': IDENT, 'url': ''}, '201 Created')
    for first, times in ((reply({'detail': 'x'}, '503 No', Retry_After='1'), 2), (reply({'detail': 'x'}, '503 No'), 1),
                         (reply({'detail': 'x'}, '502 No'), 1), (reply({'detail': 'x'}, '504 No'), 1), (b'', 1),
                         (reply({'detail': 'x'}, '429 No', Retry_After='1'), 2)):
        answers[:] = [first, good]
        before = len(server.requests)
        done = tally.run('upload', path)
        assert len(server.requests) - before == times
        assert (done.returncode == OK) is (times == 2) and ('may be stored' in done.stderr) is (times == 1), done.stderr
        if first == good:
            continue
        answers[:] = [first, reply({'id': IDENT, 'status': 'pending'}, '201 Created')]
        before = len(server.requests)
        done = tally.run('task', 'clone', IDENT)
        assert len(server.requests) - before == times
        assert (done.returncode == OK) is (times == 2) and ('may have been done' in done.stderr) is (times == 1)


def test_a_lost_answer_of_a_deletion(speak):
    """What is gone at the second attempt went with the first."""
    answers = [b'', reply({'detail': 'not found'}, '404 Not Found'), reply({'detail': 'not found'}, '404 Not Found')]
    _, tally = speak(lambda r: answers.pop(0))
    done = tally.run('run', 'delete', IDENT, IDENT)
    assert done.returncode == NO_INPUT and done.stderr.count('deleted') == 1 and done.stderr.count('tally: not found') == 1


def test_no_password_in_an_address(speak):
    server, tally = speak(lambda r: reply({'runs': []}))
    with_password = server.url.replace('//', '//user:s3cret@')
    for other in (tally.set(TALLY_URL=with_password), tally.set(OS_TOKEN=None, OS_USERNAME='u', OS_PASSWORD='p',
                                                                OS_PROJECT_NAME='p', OS_AUTH_URL=with_password)):
        said = other.fails(DATA, 'run', 'list')
        assert 'neither belongs there' in said and 's3cret' not in said
    assert server.requests == []
    assert tally('run', 'list', '--url', server.url + '/a@b') == ''


def test_kinds_of_sign_in(speak):
    """One that is not known is not taken for another whose name is like it."""
    server, tally = speak(lambda r: reply({}))
    for kind in ('v3oidcpassword', 'v3oidcaccesstoken', 'v3tokenlessauth', 'v3totp'):
        other = tally.set(OS_TOKEN=None, OS_AUTH_TYPE=kind, OS_USERNAME='u', OS_PASSWORD='p', OS_PROJECT_NAME='p',
                          OS_AUTH_URL=server.url)
        assert 'are known' in other.fails(DATA, 'run', 'list')
    assert server.requests == []


# --- what the user gives ---------------------------------------------------------------------------------


def test_slow_standard_input(speak):
    """Nothing is sent before there is enough: a service does not wait for tests to end."""
    server, tally = speak(lambda r: reply({'subunit-uuid': IDENT, 'result-id': IDENT}, '201 Created'))
    child = tally.start('upload-subunit', '-', stdin=-1, stdout=-1, stderr=-1)
    child.stdin.write(b'first')
    child.stdin.flush()
    time.sleep(1.5)
    assert server.requests == []
    out, err = child.communicate(b'second', timeout=30)
    assert child.returncode == OK and IDENT in out.decode(), err
    (_, headers, content), = server.requests
    assert content == b'firstsecond' and headers['content-length'] == '11'


def test_evidence_is_looked_at_before_the_result_goes(speak):
    server, tally = speak(lambda r: reply({'test_id': IDENT, 'url': ''}, '201 Created'))
    path, stream = tally.file('r', json.dumps(body())), tally.file('s', simple())
    many = [w for _ in range(65) for w in ('--subunit', stream)]
    assert 'No such file' in tally.fails(NO_INPUT, 'upload', path, '--subunit', 'nowhere')
    assert 'more than 64' in tally.fails(USAGE, 'upload', path, *many)
    assert 'cannot be both' in tally.fails(USAGE, 'upload', '-', '--subunit', '-')
    assert 'KEY=VALUE' in tally.fails(USAGE, 'upload', path, '--subunit', stream, '--meta', 'x')
    assert 'alone' in tally.fails(DATA, 'upload', path, '--subunit', stream, '--subunit', '-')
    assert server.requests == []


def test_closed_descriptors(speak):
    server, tally = speak(lambda r: reply({'runs': [{'uuid': IDENT}]}))

    def without(fd, *args):
        return subprocess.run(tally.argv(*args), env=tally.env, cwd=tally.folder, check=False, stderr=subprocess.DEVNULL,
                              preexec_fn=lambda: os.close(fd)).returncode
    assert without(0, 'upload-subunit', '-') == IO and server.requests == []
    assert without(1, 'run', 'list') == IO
    assert without(2, 'run', 'list', '-c', 'nonsense') == USAGE


def test_output_into_what_is_no_file(speak):
    """It is written to, and stays what it is. A file appears whole, with the mode that others have."""
    _, tally = speak(lambda r: reply(b'stream'))
    fifo = os.path.join(tally.folder, 'fifo')
    os.mkfifo(fifo)
    got = []
    reader = threading.Thread(target=lambda: got.append(open(fifo, 'rb').read()))
    reader.start()
    tally('run', 'export', IDENT, '-o', 'fifo')
    reader.join(30)
    assert got == [b'stream'] and os.listdir(tally.folder) == ['fifo']
    tally('run', 'export', IDENT, '-o', 'out')
    with open(os.path.join(tally.folder, 'ordinary'), 'wb') as f:
        assert os.stat(os.path.join(tally.folder, 'out')).st_mode == os.fstat(f.fileno()).st_mode
    # nothing that lies beside it is touched
    for name in ('precious', 'other.part'):
        tally.file(name, b'precious')
    os.symlink('precious', os.path.join(tally.folder, 'out.part'))
    tally('run', 'export', IDENT, '-o', 'out')
    tally('run', 'export', IDENT, '-o', 'other')
    for name in ('precious', 'other.part'):
        with open(os.path.join(tally.folder, name), 'rb') as f:
            assert f.read() == b'precious'


def test_keys(speak, tmp_path):
    _, tally = speak(lambda r: reply({}))
    key = Key(tmp_path)
    assert tally.run('sign', key.path).stderr == ''
    os.chmod(key.path, 0o644)
    assert 'mode 0644' in tally.run('sign', key.path).stderr
    assert tally.run('sign', key.path, '-q').stderr == ''
    locked = str(tmp_path / 'locked')
    openssl('rsa', '-aes128', '-passout', 'pass:x', '-traditional', '-in', key.path, '-out', locked)
    child = tally.start('sign', locked, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, start_new_session=True)
    assert b'has a passphrase, and there is no terminal' in child.communicate(timeout=30)[1]
    assert child.returncode == NOT_ALLOWED
