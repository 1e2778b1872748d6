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


@pytest.mark.opt
@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize('how', ['delete', 'expire'])
def test_uploads_do_not_wait_for_a_deletion(empty, demo, how):
    """While a run of 50,000 tests goes, uploads that bring tests of it are served as usual."""
    run, _ = stored(demo, sample(50000, files=500), {'run_at': '2020-01-01T00:00:00Z'})
    done, waits = [], []

    def take():
        if how == 'delete':
            done.append(demo.delete('/v1/subunit/' + run).status_code == 204)
        else:
            done.append('deleted 1 run ' in empty.manage('db', 'expire', '--days', '1000').stdout)
    thread = threading.Thread(target=take)
    client = empty.client('demo')
    begin = time.monotonic()
    stored(client, sample(50, salt=2))
    usual = time.monotonic() - begin
    thread.start()
    salt = 3
    while thread.is_alive():
        begin = time.monotonic()
        stored(client, sample(50 + 997 * (salt % 5), salt=salt))
        waits.append(time.monotonic() - begin)
        salt += 1
    thread.join()
    print('%d uploads, longest %.3f s (alone: %.3f s)' % (len(waits), max(waits), usual))
    assert done == [True] and len(waits) >= 5
    assert demo.get('/v1/subunit/' + run).status_code == 404
    small = [w for i, w in enumerate(waits) if (i + 3) % 5 == 0]
    assert max(small) < usual + 1.0
    check_counters(empty)
