"""The queue: who is next, what waits, what is given up, and what outlives a database or a disk that is not there."""
import os
import signal
import subprocess
import time

import pytest

from lab.service import wait_for
from work import LEASE, Works, disk

SLOW = 'import.mid=sleep:300'  # for each half MiB


@pytest.fixture
def others(stack, works):
    return Works(stack, 'alt')


def big_import(works, size=8_000_000):
    container = works.container()
    works.put(container, 'big', disk(size, int(container[2:], 16)))
    return works.post_import(container, 'big')


def begun(works, task):
    return wait_for('its first bytes', lambda: works.task(task)['status'] == 'processing'
                    and works.task(task).get('progress', {}).get('bytes_done'), 20)


# --- who is next ---

def test_753_B62_one_project_does_not_starve_another(works, others):
    works.start('maker')
    mine, theirs = works.make_image(), others.make_image()
    works.stop('maker')
    many = [works.post('clone', image_id=mine) for _ in range(25)]
    few = [others.post('clone', image_id=theirs) for _ in range(3)]
    works.start(worker__slots=1)
    for task in many:
        works.success(task)
    order = [row[0] for row in works.stack.sql('SELECT id FROM tasks WHERE type = %s ORDER BY updated_at', 'clone')]
    assert max(order.index(task) for task in few) < 8
    assert [t for t in order if t in set(many)] == many, 'a project keeps its order'


@pytest.mark.tsan
def test_753_max_per_project(works, others):
    for name in ('w1', 'w2'):
        works.start(name, fault=SLOW, worker__slots=3, task__max_per_project=1)
    tasks = [(works, big_import(works, 1_200_000)) for _ in range(3)]
    tasks += [(others, big_import(others, 1_200_000)) for _ in range(3)]
    both = 0
    while any(w.task(t)['status'] not in ('success', 'failure') for w, t in tasks):
        rows = works.stack.sql("SELECT l.project, COUNT(*) FROM task_leases l JOIN store_objects o ON"
                               " o.task_id = l.task_id AND o.epoch = l.epoch WHERE l.worker IS NOT NULL"
                               " GROUP BY l.project")
        assert all(n == 1 for _, n in rows), rows
        both += len(rows) == 2
        time.sleep(0.05)
    assert both
    for w, t in tasks:
        w.success(t)
    works.check_order()


def test_753_woken_at_once(works):
    works.start(worker__poll_interval=3600)
    works.make_image()
    time.sleep(2)  # its looks are far apart by now
    source = works.make_image()
    times = []
    for _ in range(10):
        task = works.post('clone', image_id=source)
        works.success(task)
        times += works.stack.sql('SELECT TIMESTAMPDIFF(MICROSECOND, created_at, updated_at) FROM tasks WHERE id = %s',
                                 task)[0]
    assert sorted(times)[-2] < 1_000_000, times


# --- drain ---

@pytest.mark.tsan
def test_753_drain_hands_back(works):
    works.start(fault=SLOW, worker__grace=0)
    task = big_import(works)
    begun(works, task)
    works.stop(seconds=5)
    assert works.task(task)['status'] == 'pending'
    assert works.lease(task)[:3] == (None, 1, 0)
    assert works.stack.sql('SELECT started_at FROM task_leases') == ((None,),), 'its time has not begun'
    assert works.stack.sql("SELECT COUNT(*) FROM store_objects WHERE state = 'writing'") == ((0,),)
    works.start('w2')
    works.success(task)
    works.check_order()


def test_753_drain_lets_tasks_end_but_begins_none(works):
    works.start(fault=SLOW, worker__grace=60, worker__slots=1)
    first, second = big_import(works, 3_000_000), big_import(works, 1000)
    begun(works, first)
    works.stop(seconds=30)
    assert works.task(first)['status'] == 'success'
    assert works.task(second)['status'] == 'pending' and works.lease(second)[:3] == (None, 0, 0)


@pytest.mark.tsan
def test_753_reload(works, stack):
    worker = works.start()
    works.make_image()
    mark = stack.log_size()
    worker.settings.set('image', max_bytes='1000')
    worker.send(signal.SIGHUP)
    wait_for('reload', lambda: 'taken over' in stack.log(mark), 10)
    assert '1000 bytes' in works.failure(big_import(works))
    worker.settings.set('image', max_bytes='nonsense')
    mark = stack.log_size()
    worker.send(signal.SIGHUP)
    wait_for('refusal', lambda: 'the old configuration stays' in stack.log(mark), 10)
    assert '1000 bytes' in works.failure(big_import(works))


# --- what is given up ---

def test_753_too_many_attempts(works):
    task = big_import(works)
    for n in range(2):
        works.start('doomed%d' % n, fault='import.mid=kill:2', task__max_attempts=2)
        works.expect_kill('doomed%d' % n)
    works.start(task__max_attempts=2)
    assert '2 times' in works.failure(task)
    works.check_order()
    assert works.files() == {}


def test_753_waits_and_tries_again(works):
    works.start(fault='import.mid=fail:2')
    task = big_import(works)
    wait_for('its wait', lambda: (works.lease(task) or (0, 0, 0, 0))[3], 10)
    lease = works.lease(task)
    assert lease[0] is None and lease[2] == 1 and 'import.mid' in lease[3]
    assert works.task(task)['status'] == 'pending'
    works.success(task)
    works.check_order()


def test_753_fails_after_the_last_attempt(works):
    works.start(fault='import.mid=fail:2', task__max_attempts=1)
    assert 'given up after 1 attempt)' in works.failure(big_import(works))
    works.check_order()
    assert works.files() == {}


@pytest.mark.parametrize('kind', ['import', 'export'])
def test_753_B42_deadline(works, kind):
    works.start('maker')
    image, container = works.make_image(disk(8_000_000)), works.container()
    works.stop('maker')
    files = works.files()
    works.start(fault='%s.mid=sleep:300' % kind, task__timeout=1)
    task = big_import(works) if kind == 'import' else works.post('export', image_id=image, export_to=container,
                                                                 export_format='raw')
    message = works.failure(task)
    assert message.startswith('Time-out') and '1 seconds' in message
    works.check_order()
    assert works.files() == files and works.listing(container) == []


@pytest.mark.tsan
def test_753_cancel(works):
    works.start(fault=SLOW)
    task = big_import(works, 20_000_000)
    begun(works, task)
    works.stack.sql('UPDATE task_leases SET cancel = 1 WHERE task_id = %s', task)
    assert 'cancelled' in works.failure(task, 5)
    works.check_order()
    assert works.files() == {}


# --- what is not there ---

@pytest.mark.tsan
def test_753_database_restarts(works, stack):
    """The transfer goes on; nothing is begun twice."""
    works.start(fault=SLOW, worker__lease=30, worker__heartbeat=1)
    task = big_import(works, 12_000_000)
    begun(works, task)
    stack.mariadb.kill()
    stack.mariadb.start()
    works.success(task)
    assert stack.sql('SELECT MAX(epoch), COUNT(*) FROM store_objects') == ((1, 1),)
    works.check_order()


@pytest.mark.tsan
def test_753_database_is_away_longer_than_the_lease(works, stack):
    """The transfer is given up, and begun again."""
    works.start(fault=SLOW)
    task = big_import(works, 4_000_000)
    begun(works, task)
    stack.mariadb.send(signal.SIGSTOP)
    time.sleep(LEASE + 1)
    stack.mariadb.send(signal.SIGCONT)
    works.success(task)
    assert stack.sql('SELECT COUNT(*), MIN(epoch) > 1 FROM store_objects') == ((1, 1),)
    works.check_order()


def test_753_worker_waits_for_the_database(works, stack):
    stack.mariadb.stop()
    worker = works.start(wait=False)
    time.sleep(1)
    worker.send(signal.SIGHUP)
    time.sleep(1)
    assert worker.running()
    stack.mariadb.start()
    works.make_image()


@pytest.fixture
def small_disk(works):
    """The image store on a file system of 16 MiB."""
    subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', works.images], check=True)
    yield works.images
    subprocess.run(['umount', '-l', works.images], check=True)


def test_753_disk_full(works, small_disk):
    works.start(image_store__min_free=0)
    one = works.success(big_import(works))['result']['image_id']
    message = works.failure(big_import(works, 12_000_000))
    assert 'room' in message and small_disk not in message
    works.check_order()
    assert os.statvfs(small_disk).f_bavail * 4096 > 7_000_000
    assert len(works.image_bytes(one)) == 8_000_000
    works.stop()


# --- sweeping ---

def test_753_B61_expired_tasks_are_kept_but_not_shown(works):
    works.start()
    task = works.success(big_import(works, 1000))['id']
    works.stack.sql('UPDATE tasks SET expires_at = NOW(6) - INTERVAL 1 SECOND WHERE id = %s', task)
    wait_for('the sweep', lambda: works.stack.sql('SELECT deleted, deleted_at IS NOT NULL FROM tasks WHERE id = %s',
                                                  task) == ((1, 1),), 10)
    assert works.client.get('/v2/tasks/' + task).status_code == 404
    assert works.stack.sql('SELECT COUNT(*) FROM task_info WHERE task_id = %s', task) == ((1,),)


def test_753_dead_uploads_are_undone(works):
    sql = works.stack.sql
    sql("INSERT INTO images (id, status, created_at, updated_at, owner) VALUES ('i', 'saving', NOW(6), NOW(6), %s)",
        works.project)
    sql("INSERT INTO store_objects (object_key, project, image_id, state, created_at, writer_until) VALUES"
        " ('i/r.0', %s, 'i', 'writing', NOW(6), NOW(6) + INTERVAL 1 SECOND)", works.project)
    works.start()
    wait_for('the sweep', lambda: sql("SELECT status FROM images WHERE id = 'i'") == (('queued',),), 10)
    wait_for('its object', lambda: sql('SELECT COUNT(*) FROM store_objects') == ((0,),), 10)


def test_753_workers_not_heard_of(works):
    sql = works.stack.sql
    for name, days in (('old', 2), ('young', 0)):
        sql('INSERT INTO workers (name, host, pid, slots, started_at, heartbeat_at) VALUES'
            ' (%s, "h", 1, 1, NOW(6), NOW(6) - INTERVAL %s DAY)', name, days)
    works.start()
    wait_for('the sweep', lambda: sql("SELECT name FROM workers WHERE host = 'h'") == (('young',),), 10)


# --- what an administrator sees ---

def test_753_worker_list(works, stack):
    worker = works.start(fault=SLOW, worker__slots=3)
    task = big_import(works)
    begun(works, task)
    wait_for('its row', lambda: stack.sql('SELECT COUNT(*) FROM workers') == ((1,),), 10)
    lines = stack.manage('worker', 'list').stdout.splitlines()
    assert len(lines) == 2
    assert 'pid %d, 3 slots, heard of ' % worker.pid in lines[0]
    assert lines[1].startswith('    %s  import of %s, attempt 1, lease for ' % (task, works.project))
    assert lines[1].endswith(' of 8000000 bytes')
    worker.kill()
    stack.expect_down.add('w1')
    wait_for('the end of its lease', lambda: 'lease ran out' in stack.manage('worker', 'list').stdout, 10)
    works.start('w2')
    works.success(task)
    assert stack.manage('worker', 'list', 'x', check=False).returncode == 64
