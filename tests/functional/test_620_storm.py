"""Uploads and deletions all at once: no test twice, no count lost."""
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

import fastcgi
from evidence import counts, post
from lab.tally import TallyFcgi
from streams import Stream

AT_ONCE = 8
STATUSES = ('success', 'success', 'success', 'fail', 'skip', 'xfail', 'uxsuccess')


def make(rng, names):
    s = Stream()
    s.now = s.now.replace(microsecond=rng.randrange(10 ** 6))
    for name in rng.sample(names, rng.randrange(len(names) // 2, len(names))):
        s.test(name, rng.choice(STATUSES), rng.randrange(1, 1000) / 1000)
    return s.bytes()


def check_counters(stack):
    """Everything that is counted, against a count made anew."""
    assert stack.sql('SELECT test_id, COUNT(*) FROM tests GROUP BY test_id_sha256 HAVING COUNT(*) > 1') == ()
    assert stack.sql('SELECT COUNT(*) FROM tests t LEFT JOIN test_keys k ON k.tests_id = t.id AND k.name_sha256 ='
                     ' t.test_id_sha256 WHERE k.tests_id IS NULL') == ((0,),)
    assert stack.sql('SELECT COUNT(*) FROM test_keys k LEFT JOIN tests t ON t.id = k.tests_id WHERE t.id IS NULL') == (
        (0,),)
    wrong = stack.sql(
        "SELECT t.test_id, t.run_count, t.success, t.failure, r.runs, r.ok, r.bad FROM tests t LEFT JOIN"
        " (SELECT test_id, COUNT(*) AS runs, SUM(status IN ('success', 'xfail')) AS ok,"
        " SUM(status IN ('fail', 'uxsuccess')) AS bad FROM test_runs GROUP BY test_id) r ON r.test_id = t.id"
        " WHERE r.runs IS NULL OR t.success <> r.ok OR t.failure <> r.bad OR t.run_count <> r.ok + r.bad")
    assert wrong == ()
    wrong = stack.sql(
        "SELECT s.project, s.tests_id, s.runs, s.success, s.failure, s.run_time, r.* FROM project_test_stats s"
        " LEFT JOIN (SELECT i.project, test_id, COUNT(*) AS runs, SUM(status IN ('success', 'xfail')) AS ok,"
        " SUM(status IN ('fail', 'uxsuccess')) AS bad, SUM(IF(status IN ('success', 'xfail'),"
        " TIMESTAMPDIFF(SECOND, start_time, stop_time) + (stop_time_microsecond - start_time_microsecond) / 1e6, 0))"
        " AS seconds FROM test_runs t JOIN run_info i ON i.run_id = t.run_id GROUP BY i.project, test_id) r"
        " ON r.project = s.project AND r.test_id = s.tests_id"
        " WHERE r.runs IS NULL OR s.runs <> r.runs OR s.success <> r.ok OR s.failure <> r.bad"
        " OR ABS(s.run_time - r.seconds) > 0.0001")
    assert wrong == ()
    assert stack.sql('SELECT COUNT(*) FROM (SELECT DISTINCT i.project, test_id FROM test_runs t JOIN run_info i'
                     ' ON i.run_id = t.run_id) x') == stack.sql('SELECT COUNT(*) FROM project_test_stats')
    wrong = stack.sql(
        "SELECT r.id FROM runs r JOIN run_info i ON i.run_id = r.id JOIN (SELECT run_id, COUNT(*) AS n,"
        " SUM(status IN ('success', 'xfail')) AS ok, SUM(status IN ('fail', 'uxsuccess')) AS bad,"
        " SUM(status = 'skip') AS skips FROM test_runs GROUP BY run_id) t ON t.run_id = r.id"
        " WHERE r.passes <> t.ok OR r.fails <> t.bad OR r.skips <> t.skips OR i.tests <> t.n")
    assert wrong == ()


def storm(stack, clients, rounds, seed, deletions, upload=post):
    """Each round brings names that nobody has seen; returns how many runs are left."""
    rng = random.Random(seed)
    left = []
    with ThreadPoolExecutor(AT_ONCE * 2) as pool:
        for n in range(rounds):
            names = ['round%d.test_%d' % (k, i) for k in (n, max(n - 1, 0)) for i in range(60)]
            jobs = [pool.submit(upload, c, make(rng, names)) for c in clients]
            gone = []
            if deletions and left:
                gone = [left.pop(rng.randrange(len(left))) for _ in range(min(len(left), AT_ONCE - 2))]
            away = [pool.submit(c.delete, '/v1/subunit/' + run) for c, run in gone]
            for c, job in zip(clients, jobs):
                r = job.result()
                assert r.status_code == 201, '%s %s' % (r.text, stack.log()[-3000:] if r.status_code == 500 else '')
                left.append((c, r.json()['subunit-uuid']))
            for job in away:
                r = job.result()
                assert r.status_code == 204, r.text
            check_counters(stack)
    assert counts(stack)['runs'] == len(left)
    return left


def clients_of(stack):
    clients = [stack.client(('demo', 'alt', 'demo2')[i % 3]) for i in range(AT_ONCE)]
    for c in clients[:3]:  # Keystone is asked before the storm, not in it
        assert c.get('/v1/subunit').status_code == 200
    return clients


ROUNDS = [pytest.param(6, id='6'), pytest.param(50, id='50', marks=[pytest.mark.long, pytest.mark.timeout(3600)])]


@pytest.mark.tsan
@pytest.mark.parametrize('rounds', ROUNDS)
def test_uploads(empty, rounds):
    left = storm(empty, clients_of(empty), rounds, 1, False)
    assert len(left) == rounds * AT_ONCE


@pytest.mark.parametrize('rounds', ROUNDS)
def test_uploads_and_deletions(empty, rounds):
    left = storm(empty, clients_of(empty), rounds, 2, True)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        codes = list(pool.map(lambda x: x[0].delete('/v1/subunit/' + x[1]).status_code, left))
    assert set(codes) <= {204}
    rows = counts(empty)
    assert not any(rows[t] for t in ('runs', 'tests', 'test_keys', 'test_runs', 'project_test_stats')), rows


def test_without_load_data(empty):
    empty.conf.set('database', load_data=False)
    empty.restart_tally()
    storm(empty, clients_of(empty), 3, 3, True)


def test_same_new_tests_by_all(empty):
    """Eight streams with the very same new names, in other orders: they meet at every key."""
    clients = clients_of(empty)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for n in range(4):
            names = ['same%d.test_%d' % (n, i) for i in range(400)]
            streams = []
            for i in range(AT_ONCE):
                random.Random(i).shuffle(names)
                s = Stream()
                s.now = s.now.replace(microsecond=n * 100 + i)
                for name in names:
                    s.test(name, 'fail' if i == 0 else 'success')
                streams.append(s.bytes())
            replies = list(pool.map(post, clients, streams))
            assert [r.status_code for r in replies] == [201] * AT_ONCE, [r.text for r in replies]
            check_counters(empty)
    assert set(empty.sql('SELECT run_count, success, failure FROM tests')) == {(8, 7, 1)}


@pytest.fixture
def second(empty):
    """Another tally.fcgi on the same database, behind a socket of its own."""
    other = TallyFcgi(empty.site, empty.build, empty.conf.path, empty.env, name='tally2')
    other.start()
    yield other
    other.stop()


def by_fcgi(stack, socket, user, data):
    """An upload without nginx."""
    wanted = fastcgi.params('POST', '/v1/subunit', CONTENT_LENGTH=str(len(data)), HTTP_X_AUTH_TOKEN=stack.token(user),
                            CONTENT_TYPE='application/x-subunit')
    body = b''.join(fastcgi.record(fastcgi.STDIN, data[at:at + 60000]) for at in range(0, len(data), 60000))
    with fastcgi.Peer(socket, 60) as peer:
        return peer.ask(fastcgi.head(wanted, False) + body + fastcgi.record(fastcgi.STDIN))


def test_two_processes(empty, second):
    rng = random.Random(5)
    sockets = (empty.tally.socket, second.socket)
    for socket in sockets:  # Keystone is asked before the storm, not in it
        for user in ('demo', 'alt'):
            assert by_fcgi(empty, socket, user, b'nothing').status == 400
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for n in range(3):
            names = ['two%d.test_%d' % (n, i) for i in range(80)]
            jobs = [pool.submit(by_fcgi, empty, sockets[i % 2], ('demo', 'alt')[i % 3 == 0], make(rng, names))
                    for i in range(AT_ONCE)]
            for job in jobs:
                assert job.result().status == 201, job.result().raw
            check_counters(empty)
    assert counts(empty)['runs'] == 3 * AT_ONCE
