"""Signals, reloads and services that come and go while requests are made."""
import contextlib
import signal
import threading
import time

import pytest

from streams import simple

BODY = {'Content-Type': 'application/octet-stream'}


class Traffic(threading.Thread):
    """Asks for PATHS in turn until it is stopped, and keeps what was not as it should be."""

    def __init__(self, client, paths, good=(200,)):
        super().__init__(daemon=True)
        self.client, self.paths, self.good = client, paths, good
        self.count, self.bad, self.ended = 0, [], threading.Event()

    def run(self):
        while not self.ended.is_set():
            path = self.paths[self.count % len(self.paths)]
            self.count += 1
            try:
                reply = self.client.get(path)
                if reply.status_code not in self.good:
                    self.bad.append((path, reply.status_code, reply.text[:200]))
            except OSError as e:
                self.bad.append((path, repr(e)))


@contextlib.contextmanager
def traffic(stack, user='demo', paths=('/v1/subunit', '/healthz', '/versions'), threads=3):
    """Requests by several clients all the while; afterwards none may have failed."""
    stack.token(user)
    running = [Traffic(stack.client(user), paths) for _ in range(threads)]
    for t in running:
        t.start()
    try:
        yield running
    finally:
        for t in running:
            t.ended.set()
        for t in running:
            t.join(60)
    bad = [fault for t in running for fault in t.bad]
    assert not bad, bad[:5]
    assert sum(t.count for t in running) > 10


def test_reload_changes_what_is_mutable(stack, demo):
    for _ in range(3):
        assert demo.post('/v1/subunit', data=simple(), headers=BODY).status_code == 201
    stack.conf.set('api', default_limit=2)
    stack.reload()
    assert len(demo.get('/v1/subunit').json()['runs']) == 2
    stack.conf.reset()
    stack.reload()
    assert len(demo.get('/v1/subunit').json()['runs']) > 2


def test_reload_with_mistakes_keeps_the_old(stack, demo):
    """Every mistake is logged with its line; nothing changes."""
    mark = stack.log_size()
    stack.conf.set('api', max_limit='many', nonsense='1')
    stack.conf.set('subunit', max_tests='-1')
    stack.reload()
    log = stack.log(mark)
    for word in ('max_limit', 'nonsense', 'max_tests'):
        line = stack.conf.line(word)
        assert '%s:%d:' % (stack.conf.path, line) in log, log
    assert demo.get('/v1/subunit?limit=5').status_code == 200


def test_reload_reports_what_needs_a_restart(stack, demo):
    mark = stack.log_size()
    stack.conf.set('api', threads=3)
    stack.reload()
    assert 'threads' in stack.log(mark)
    assert demo.get('/v1/subunit').status_code == 200


def test_start_with_a_wrong_configuration(stack):
    stack.tally.stop()
    stack.conf.set('api', nonsense='1')
    stack.tally.start(wait=False)
    assert stack.tally.proc.wait(20) != 0
    stack.tally.kill()


def test_reloads_under_traffic(stack):
    with traffic(stack):
        for n in range(10):
            stack.conf.set('api', max_limit=100 + n)
            stack.reload()


def test_version_table_renamed_under_traffic(stack):
    """The table moves to the name in the file while requests go on, and back."""
    with traffic(stack):
        for name in ('my_refstack_version', 'other_version', None):
            stack.conf.set('database', version_table=name)
            stack.reload()
            wanted = name or 'refstack_alembic_version'
            tables = {row[0] for row in stack.sql('SHOW TABLES')}
            assert wanted in tables
            assert not {'my_refstack_version', 'other_version', 'refstack_alembic_version'} & tables - {wanted}
    assert stack.sql('SELECT COUNT(*) FROM refstack_alembic_version') == ((1,),)


def test_term_drains(stack, demo):
    """A request under way is answered, then the process ends with 0."""
    result = []

    def slow():
        def body():
            data = simple()
            for at in range(0, len(data), 20):
                yield data[at:at + 20]
                time.sleep(0.1)
        result.append(demo.post('/v1/subunit', data=body(), headers=BODY).status_code)
    thread = threading.Thread(target=slow)
    thread.start()
    time.sleep(0.5)
    status = stack.tally.stop(signal.SIGTERM, 40)
    thread.join()
    assert status == 0
    assert result == [201]


def test_killed_database_comes_back(stack, demo):
    assert demo.get('/v1/subunit').status_code == 200
    stack.mariadb.kill()
    reply = demo.get('/v1/subunit')
    assert reply.status_code == 503 and reply.json()['code'] == 503
    stack.mariadb.start()
    assert demo.get('/v1/subunit').status_code == 200


def test_database_restarts_between_requests(stack, demo):
    """A connection that broke meanwhile is made anew, unseen by the client."""
    for _ in range(3):
        assert demo.get('/v1/subunit').status_code == 200
        stack.mariadb.stop()
        stack.mariadb.start()
    assert demo.get('/v1/subunit').status_code == 200


def test_killed_service_comes_back(stack, demo):
    stack.tally.kill()
    stack.tally.start()
    assert demo.get('/v1/subunit').status_code == 200


@pytest.mark.parametrize('number', [signal.SIGPIPE, signal.SIGWINCH, signal.SIGCHLD])
def test_other_signals_do_no_harm(stack, demo, number):
    stack.tally.send(number)
    time.sleep(0.2)
    assert stack.tally.running()
    assert demo.get('/v1/subunit').status_code == 200


@pytest.mark.tsan
def test_storm(stack):
    """Reads and uploads of several users at once, with reloads between them."""
    users = ('demo', 'alt', 'foundation', 'demo2')
    clients = [stack.client(u) for u in users]
    faults = []

    def work(client, n):
        for i in range(12):
            reply = client.post('/v1/subunit', data=simple('storm.%d' % (i % 3), 'storm.%d.%d' % (n, i)), headers=BODY)
            if reply.status_code not in (201, 409):
                faults.append((reply.status_code, reply.text[:200]))
            for path in ('/v1/subunit?limit=5', '/healthz', '/metrics', '/v1/subunit/nothing'):
                code = client.get(path).status_code
                if code not in (200, 404):
                    faults.append((path, code))
    threads = [threading.Thread(target=work, args=(c, n)) for n, c in enumerate(clients)]
    for t in threads:
        t.start()
    for _ in range(5):
        stack.reload()
    for t in threads:
        t.join()
    assert not faults, faults[:5]
