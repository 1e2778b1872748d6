"""Deleting a large run: gone at once, finished by whoever comes next, and in nobody's way."""
import threading
import time

import pytest

from evidence import counts, post, stored
from lab.service import wait_for
from streams import Stream
from test_620_storm import check_counters
from test_621_kill import armed, restart, with_fault  # noqa: F401

BATCH = 1000  # tests that one transaction of a deletion takes


def sample(tests, salt=0, files=50):
    s = Stream()
    s.now = s.now.replace(microsecond=salt)
    for i in range(tests):
        s.test('d.test_%d' % i, 'fail' if i % 10 == 0 else 'skip' if i % 7 == 0 else 'success', tags=['w%d' % (i % 4)],
               files=[('log', 'text/plain', b'x' * 300)] if i % files == 0 else ())
    return s.bytes()


@pytest.mark.parametrize('commit', [1, 2, 3, 4, 5])
def test_killed_in_mid_deletion(armed, demo, staff, commit):  # noqa: F811
    """The first COMMIT takes it out of sight, three take its tests, the last one the rest."""
    data = sample(2 * BATCH + 500)
    run, result = stored(demo, data)
    shared = sample(300, salt=1)
    stored(demo, shared)
    with_fault(armed, 'db.before_commit=kill:%d' % commit)
    armed.expect_down.add('tally')
    assert demo.delete('/v1/subunit/' + run).status_code == 502
    wait_for('its death', lambda: not armed.tally.running(), 20)
    restart(armed)
    there = demo.get('/v1/subunit/' + run).status_code == 200
    assert there == (commit == 1)
    left = armed.sql('SELECT COUNT(*) FROM run_trash')[0][0]
    assert left == (0 if commit == 1 else 1)
    listed = [r['uuid'] for r in staff.get('/v1/subunit').json()['runs']]
    assert (run in listed) == there
    assert (staff.get('/v1/subunit/' + run).status_code == 200) == there
    assert demo.get('/v1/subunit?result_id=' + result).status_code == (200 if there else 404)
    if there:
        assert demo.delete('/v1/subunit/' + run).status_code == 204
    else:
        assert '\n1 difference\n' in armed.manage('db', 'check', check=False).stdout
        assert post(demo, data).status_code == 201  # nobody has it any more
        armed.manage('db', 'expire', '--days', '36500')
        assert demo.delete('/v1/subunit/' + post(demo, data).json()['subunit-uuid']).status_code == 204
    assert armed.sql('SELECT COUNT(*) FROM run_trash') == ((0,),)
    rows = counts(armed)
    assert (rows['runs'], rows['tests'], rows['test_runs'], rows['project_test_stats']) == (1, 300, 300, 300)
    check_counters(armed)
    assert armed.manage('db', 'check').stdout == '0 differences\n'


def test_two_delete_it_at_once(empty, demo):
    run, _ = stored(demo, sample(2 * BATCH))
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(demo.delete('/v1/subunit/' + run).status_code))
               for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(replies) == [204, 404, 404, 404]
    rows = counts(empty)
    assert {t for t, n in rows.items() if n} <= {'test', 'results', 'result_info', 'meta'}, rows


class LockWaits:
    """How often, how long and how long at most a transaction of the server waited for a row lock of another."""

    def __init__(self, stack):
        self.stack, self.longest, self.over = stack, 0.0, threading.Event()

    def _status(self):
        return {name: int(n) for name, n in self.stack.sql(
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_row_lock_waits', 'Innodb_row_lock_time')")}

    def _watch(self):
        """How long somebody waits without a break: INNODB_TRX would say it of each, but is no news within 0.1 s."""
        with self.stack.connect() as db, db.cursor() as cur:
            since = time.monotonic()
            while not self.over.wait(0.01):
                cur.execute("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'")
                now = time.monotonic()
                if int(cur.fetchone()[1]):
                    self.longest = max(self.longest, now - since)
                else:
                    since = now

    def __enter__(self):
        self.before, self.thread = self._status(), threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        after = self._status()
        self.times = after['Innodb_row_lock_waits'] - self.before['Innodb_row_lock_waits']
        self.seconds = (after['Innodb_row_lock_time'] - self.before['Innodb_row_lock_time']) / 1e3


def timed_upload(client, tests, salt):
    """Seconds that the server took for it, making the stream not counted."""
    data = sample(tests, salt=salt)
    begin = time.monotonic()
    stored(client, data)
    return time.monotonic() - begin


SIZES = (50, 1047, 4038)


@pytest.mark.opt
@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize('how', ['delete', 'expire'])
def test_uploads_do_not_wait_for_a_deletion(empty, demo, how):
    """While a run of 50,000 tests goes, uploads that bring tests of it wait for no lock that it holds; what they take longer
    than alone is the machine's, which does two things at once."""
    run, _ = stored(demo, sample(50000, files=500), {'run_at': '2020-01-01T00:00:00Z'})
    done, salt = [], 2
    alone, beside = {n: [] for n in SIZES}, {n: [] for n in SIZES}

    def take():
        if how == 'delete':
            done.append(demo.delete('/v1/subunit/' + run).status_code == 204)
        else:
            done.append('deleted 1 run ' in empty.manage('db', 'expire', '--days', '1000').stdout)
    thread = threading.Thread(target=take)
    client = empty.client('demo')
    for n in SIZES * 3:
        alone[n].append(timed_upload(client, n, salt))
        salt += 1
    with LockWaits(empty) as waits:
        thread.start()
        while thread.is_alive():
            n = SIZES[salt % len(SIZES)]
            beside[n].append(timed_upload(client, n, salt))
            salt += 1
        thread.join()
    for n in SIZES:
        print('%d tests: alone %s, beside the deletion %s s' % (
            n, *(' '.join('%.2f' % t for t in times[n]) for times in (alone, beside))))
    print('%d waits for row locks, %.3f s in all, the longest seen %.3f s' % (waits.times, waits.seconds, waits.longest))
    assert done == [True] and sum(map(len, beside.values())) >= 5 and beside[SIZES[0]]
    assert demo.get('/v1/subunit/' + run).status_code == 404
    assert waits.longest < 1.0
    assert max(beside[SIZES[0]]) < max(alone[SIZES[0]]) + 1.0
    check_counters(empty)
