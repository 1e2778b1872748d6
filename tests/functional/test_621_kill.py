"""kill -9 in mid-upload, of tally.fcgi and of MariaDB; a full disk; a COMMIT whose answer is lost: all of the run or
nothing, and a repeated upload ends with the right ids."""
import os
import random
import resource
import signal
import subprocess
import threading
import time

import pytest
import requests

from evidence import RAW, counts, post, refusal, stored
from lab.service import wait_for
from streams import Stream, simple
from test_620_storm import check_counters

TESTS = 400


def sample(salt=0):
    s = Stream()
    s.now = s.now.replace(microsecond=salt)
    for i in range(TESTS):
        s.test('k.test_%d[id-%d]' % (i, i), 'fail' if i % 10 == 0 else 'success', tags=['w%d' % (i % 4)],
               files=[('log', 'text/plain', b'x' * 300)] if i % 5 == 0 else ())
    return s.bytes()


WHOLE = {'runs': 1, 'run_info': 1, 'tests': TESTS, 'test_keys': TESTS, 'test_runs': TESTS, 'attachments': TESTS // 5,
         'attachment_info': TESTS // 5, 'test_run_metadata': 2 * TESTS, 'test_run_info': TESTS,
         'project_test_stats': TESTS, 'test': 1, 'result_info': 1, 'results': TESTS - TESTS // 10, 'meta': 2,
         'run_metadata': 4, 'test_metadata': 0, 'run_lists': 6, 'project_run_metadata': 0,
         'test_run_failures': TESTS // 10}


def with_fault(stack, fault):
    """tally.fcgi anew, with this fault point armed."""
    stack.tally.stop()
    stack.tally.env = {**stack.env, 'TALLY_FAULT': fault}
    stack.tally.start()


@pytest.fixture
def armed(empty):
    yield empty
    empty.tally.env = dict(empty.env)
    if empty.tally.running():
        empty.tally.stop()


def try_post(client, data):
    """The reply, or None where there was none worth the name."""
    try:
        r = post(client, data)
    except requests.RequestException:
        return None
    return r if r.status_code in (201, 409) else None


def restart(stack):
    stack.tally.kill()
    stack.tally.env = dict(stack.env)
    stack.tally.start()


def check_all_or_nothing(stack, client, data):
    """Returns whether the run was there; afterwards it is, once."""
    rows = counts(stack)
    was_there = rows['runs'] == 1
    assert rows == WHOLE or not any(rows.values()), rows
    r = post(client, data)
    assert r.status_code == (409 if was_there else 201), r.text
    assert counts(stack) == WHOLE
    assert stack.sql('SELECT uuid FROM runs') == ((r.json()['subunit-uuid'],),)
    assert stack.sql('SELECT id FROM test') == ((r.json()['result-id'],),)
    assert stack.sql('SELECT result_id FROM run_info') == ((r.json()['result-id'],),)
    check_counters(stack)
    return was_there


@pytest.mark.parametrize('fault, there', [('db.before_commit=kill', False), ('db.after_commit=kill', True),
                                          ('spool.write=kill', False)])
def test_killed_at(armed, demo, fault, there):
    assert killed(armed, demo, fault) == there


def killed(stack, client, fault):
    data = sample()
    with_fault(stack, fault)
    stack.expect_down.add('tally')
    assert try_post(client, data) is None
    wait_for('its death', lambda: not stack.tally.running(), 20)
    restart(stack)
    return check_all_or_nothing(stack, client, data)


def statements(stack):
    """How many prepared statements the server has executed."""
    return int(stack.sql("SHOW GLOBAL STATUS LIKE 'Com_stmt_execute'")[0][1])


def count_statements(stack, client):
    """(statements of a start, statements of an upload): fault points count from the process' start."""
    data = sample()
    stack.tally.stop()
    begin = statements(stack)
    stack.tally.start()
    assert client.get('/v1/subunit?limit=0').status_code == 200
    started = statements(stack) - 1  # the list's
    assert post(client, data).status_code == 201
    done = statements(stack)
    stack.empty_tables()
    return started - begin, done - started - 1


STEPS = [pytest.param(4, id='each-4th'), pytest.param(1, id='each', marks=[pytest.mark.long,
                                                                        pytest.mark.timeout(1800)])]


@pytest.mark.parametrize('step', STEPS)
def test_killed_at_each_statement(armed, demo, step):
    before, own = count_statements(armed, demo)
    assert own >= 15
    for n in range(1, own + 1, step):
        assert killed(armed, demo, 'db.execute=kill:%d' % (before + n)) is False
        armed.empty_tables()


@pytest.mark.parametrize('step', STEPS)
def test_fails_at_each_statement(armed, demo, step):
    """The process lives and says so; the next upload is fine."""
    before, own = count_statements(armed, demo)
    for n in range(1, own + 1, step):
        fails(armed, demo, 'db.execute=fail:%d' % (before + n))
        armed.empty_tables()


@pytest.mark.parametrize('fault', ['db.before_commit=fail', 'spool.write=fail'])
def test_fails_at(armed, demo, fault):
    fails(armed, demo, fault)


def fails(stack, client, fault):
    data = sample()
    with_fault(stack, fault)
    r = post(client, data)
    assert r.status_code in (500, 503), r.text
    assert r.status_code == 500 or r.headers['Retry-After']
    assert stack.tally.running()
    assert not any(counts(stack).values())
    assert check_all_or_nothing(stack, client, data) is False


@pytest.mark.parametrize('fault, what', [('db.lose_commit', 'had not counted'), ('db.lose_answer', 'had counted')])
def test_connection_lost_in_commit(armed, demo, fault, what):
    """Whether the COMMIT counted or not: the client gets its 201, and there is one run."""
    data = sample()
    with_fault(armed, fault + '=fail')
    r = post(demo, data)
    assert r.status_code == 201, r.text
    assert what in armed.log(armed.mark)
    assert check_all_or_nothing(armed, demo, data) is True


def kill_later(stack, service, seconds):
    def work():
        time.sleep(seconds)
        service.kill()
    stack.expect_down.add(service.name)
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize('rounds', [pytest.param(4, id='4'), pytest.param(
    60, id='60', marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
@pytest.mark.parametrize('victim', ['tally', 'mariadb'])
def test_killed_at_random(empty, demo, victim, rounds):
    rng = random.Random(victim)
    data = sample()
    begin = time.monotonic()
    stored(demo, data)
    usual = time.monotonic() - begin
    seen = set()
    for _ in range(rounds):
        empty.empty_tables()
        service = getattr(empty, victim)
        thread = kill_later(empty, service, rng.random() * usual * 1.3)
        r = try_post(demo, data)
        thread.join()
        service.start()
        wait_for('service', lambda: empty.client().get('/healthz').status_code == 200, 30)
        there = check_all_or_nothing(empty, demo, data)
        assert there or r is None, 'a run that was confirmed is gone'
        seen.add(there)
    assert rounds < 60 or seen == {True, False}


def post_held_at(stack, client, data, fault, meanwhile):
    """The reply to an upload whose process stands still at FAULT while MEANWHILE() runs."""
    with_fault(stack, fault)
    replies = []
    thread = threading.Thread(target=lambda: replies.append(post(client, data)))
    thread.start()

    def stopped():
        with open('/proc/%d/stat' % stack.tally.pid, encoding='ascii') as f:
            return f.read().rpartition(')')[2].split()[0] == 'T'
    wait_for('the stop', stopped, 20)
    stack.expect_down.add('mariadb')
    meanwhile()
    stack.tally.send(signal.SIGCONT)
    thread.join(60)
    return replies[0]


def test_commit_that_nobody_knows_of(armed, demo):
    """The database dies before COMMIT is answered, and stays away: nobody is asked to send it again by himself."""
    data = sample()
    r = post_held_at(armed, demo, data, 'db.before_commit=stop', armed.mariadb.kill)
    assert r.status_code == 503 and 'Retry-After' not in r.headers, (r.text, r.headers)
    assert 'it is not known whether it was' in r.json()['detail']
    armed.mariadb.start()
    assert check_all_or_nothing(armed, demo, data) is False


@pytest.mark.parametrize('where', ['db.before_commit', 1, 6, 12, 17])
def test_database_killed_in_mid_transaction(armed, demo, where):
    """The process is held at the point while the database dies and comes back; then it goes on by itself."""
    data = sample()
    fault = where + '=stop' if isinstance(where, str) else 'db.execute=stop:%d' % (
        count_statements(armed, demo)[0] + where)

    def restarted():
        armed.mariadb.kill()
        armed.mariadb.start()
    r = post_held_at(armed, demo, data, fault, restarted)
    # it began anew on a new connection
    assert r.status_code == 201, r.text
    assert counts(armed) == WHOLE
    doc = refusal(post(demo, data), 409)
    assert doc['subunit-uuid'] == r.json()['subunit-uuid'] and doc['result-id'] == r.json()['result-id']
    check_counters(armed)


def test_database_stays_away(empty, demo):
    data = sample()
    stored(demo, simple('warm'))
    empty.empty_tables()
    empty.mariadb.stop()
    r = post(demo, data)
    assert r.status_code == 503 and r.headers['Retry-After']
    empty.mariadb.start()
    assert check_all_or_nothing(empty, demo, data) is False


# --- no room ---

def big():
    s = Stream()
    s.event(test_id='a', test_status='inprogress')
    for _ in range(24):
        s.event(test_id='a', file_name='f', mime_type='x/y', file_bytes=random.randbytes(1 << 20))
    return s.event(test_id='a', test_status='success').bytes()


@pytest.fixture
def small_disk(empty, tmp_path):
    """A spool folder that holds 8 MiB."""
    folder = str(tmp_path / 'spool')
    os.mkdir(folder)
    if os.geteuid() != 0 or subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder],
                                           stderr=subprocess.DEVNULL, check=False).returncode != 0:
        folder = None
    yield folder
    if folder:
        subprocess.run(['umount', '-l', folder], check=True)


def test_spool_is_full(empty, demo, small_disk):
    if small_disk:
        empty.conf.set('subunit', spool_dir=small_disk)
        empty.restart_tally()
    else:
        stored(demo, simple('warm'))
        empty.empty_tables()
        limit = 8 << 20  # no rights to mount: no file of the process may grow past this
        resource.prlimit(empty.tally.pid, resource.RLIMIT_FSIZE, (limit, limit))
    pid = empty.tally.pid
    r = post(demo, big())
    assert r.status_code == 503, r.text
    assert ('No space' if small_disk else 'too large') in r.json()['detail'] and r.headers['Retry-After']
    assert not any(counts(empty).values())
    assert empty.tally.running() and empty.tally.pid == pid
    # what it held is free again
    for _ in range(3):
        assert post(demo, big()).status_code == 503
    stored(demo, simple('small'))


def test_spool_file_limit(empty, demo):
    """RLIMIT_FSIZE: SIGXFSZ must not end the process."""
    stored(demo, simple('warm'))
    empty.empty_tables()
    resource.prlimit(empty.tally.pid, resource.RLIMIT_FSIZE, (8 << 20, 8 << 20))
    r = post(demo, big())
    assert empty.tally.running()
    assert r.status_code == 503, r.text
    assert not any(counts(empty).values())


def test_spool_folder_is_gone(empty, demo, tmp_path):
    empty.conf.set('subunit', spool_dir=str(tmp_path / 'none'))
    empty.restart_tally()
    r = post(demo, simple('a'))
    assert r.status_code == 503, r.text
    assert not any(counts(empty).values())


def test_client_goes_in_mid_body(empty, demo):
    """A thousand times as much announced as sent: nothing is stored, nothing is left in the spool folder."""
    data = sample()

    def half():
        yield data[:len(data) // 2]
        raise ConnectionError('gone')
    for _ in range(5):
        with pytest.raises((requests.RequestException, ConnectionError)):
            demo.post('/v1/subunit', data=half(), headers={'Content-Type': RAW})
    time.sleep(0.2)
    assert not any(counts(empty).values())
    left = [os.readlink('/proc/%d/fd/%s' % (empty.tally.pid, f)) for f in os.listdir('/proc/%d/fd' % empty.tally.pid)]
    assert not [p for p in left if 'site/tmp' in p], left
