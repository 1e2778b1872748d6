"""Exports of one image to one container take turns: who waits is pending until it is his, and the oldest is next."""
import json
import signal
import threading
import time

import pytest

from customers import disk, nothing_left
from lab.service import wait_for
from test_640_explain import Recorder, plan
from work import disk as small_disk
from work import pause

HALF, SIZE = 1_500_000, 9_000_000


def start(customer, image, container, fmt='raw'):
    return customer.create('export', image_id=image, export_to=container, export_format=fmt)['id']


class Watch:
    """What a task's row said, as often as it can be asked; {task: [status, ...]}."""

    def __init__(self, stack, tasks):
        self.stack, self.seen, self.most, self.over = stack, {t: ['pending'] for t in tasks}, 0, False
        self.thread = threading.Thread(target=self.run)

    def run(self):
        query = 'SELECT id, status FROM tasks WHERE id IN (%s)' % ','.join("'%s'" % t for t in self.seen)
        with self.stack.connect() as db, db.cursor() as cur:
            db.autocommit(True)
            while not self.over:
                cur.execute(query)
                rows = cur.fetchall()
                self.most = max(self.most, sum(status == 'processing' for _, status in rows))
                for task, status in rows:
                    if status != self.seen[task][-1]:
                        self.seen[task].append(status)
                time.sleep(0.002)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over = True
        self.thread.join()


def strict(watch):
    """Nobody went back, and no two were at it at the same moment."""
    assert all(seen in (['pending', 'success'], ['pending', 'processing', 'success']) for seen in watch.seen.values()), \
        watch.seen
    assert watch.most == 1


# --- over Swift ---

@pytest.fixture
def parted(stack, gate):
    """Exports in parts of 2 MB, through the gate."""
    stack.conf.set('object_store', large_object_bytes='2000000', segment_bytes='2000000')
    stack.restart_worker()
    return gate


@pytest.mark.usefixtures('fresh_module')
@pytest.mark.parametrize('first', ['success', 'failure'])
def test_758_B59_two_large_exports_at_once(stack, parted, customer, first):
    """Be the first a success or, cancelled, a failure that removes what it wrote: the second's object stays, and of
    the first's parts nothing does."""
    data = disk(SIZE)
    image, container, other = customer.uploaded(data), customer.container(), customer.container()
    parted.arm('up', HALF)
    one = start(customer, image, container)
    parted.wait_held()
    stack.worker('second').start()
    two, three = start(customer, image, container), start(customer, image, other)
    # another container is another matter
    assert customer.wait(three)['status'] == 'success'
    assert customer.task(two)['status'] == 'pending'
    assert 'waits for task %s, ' % one in stack.manage('task', 'show', two).stdout
    if first == 'failure':
        stack.manage('task', 'cancel', one)
    parted.release()
    docs = [customer.wait(t, 60) for t in (one, two)]
    assert [d['status'] for d in docs] == [first, 'success'], docs
    assert customer.get(container, image + '.raw') == data
    nothing_left(stack)
    parts = customer.objects(container + '_segments')
    assert len(parts) == 5 and all(p.split('/')[1].startswith(two + '.') for p in parts)
    assert len(customer.objects(other + '_segments')) == 5


# --- over a directory ---

@pytest.fixture
def image(works):
    works.start('maker')
    found = works.make_image(small_disk(2_000_000))
    works.stop('maker')
    return found


def export(works, image, container, fmt='raw'):
    return works.post('export', image_id=image, export_to=container, export_format=fmt)


@pytest.mark.tsan
def test_758_B62_the_oldest_is_next(works, image):
    """Three workers of four slots, two dozen exports to one name and others between them: one at a time, in the order
    in which they came, and nobody else waits for them."""
    container, other = works.container(), works.container()
    same, free = [], []
    for n in range(24):
        same.append(export(works, image, container, ('raw', 'vdi')[n % 8 == 7]))
        if n % 6 == 0:
            free += [export(works, image, works.container()), works.post('clone', image_id=image)]
    with Watch(works.stack, same) as watch:
        for name in ('w1', 'w2', 'w3'):
            works.start(name, fault='export.mid=sleep:20', worker__slots=4)
        for task in free + same:
            works.success(task, 120)
    strict(watch)
    order = [t for (t,) in works.stack.sql('SELECT id FROM tasks ORDER BY updated_at')]
    assert [t for t in order if t in set(same)] == same
    assert max(order.index(t) for t in free) < 24, [order.index(t) for t in free]
    assert works.listing(container) == [image + '.raw', image + '.vdi'] and works.listing(other) == []
    works.check_order()


def test_758_one_that_waits_for_another_try_keeps_nobody_waiting(works, image):
    """A turn ends with the attempt: who is next goes on while the first waits for its own."""
    container = works.container()
    one = export(works, image, container)
    works.start('w1', fault='export.mid=fail:1', worker__slots=1)
    wait_for('its wait', lambda: (works.lease(one) or (0, 0, 0, 0))[3], 10)
    works.stack.sql('UPDATE task_leases SET next_run_at = NOW(6) + INTERVAL 1 HOUR')
    works.stop('w1')
    two = export(works, image, container)
    works.start('w2')
    works.success(two)
    works.stack.sql('UPDATE task_leases SET next_run_at = NOW(6)')
    works.success(one)
    works.check_order()


def test_758_dead_worker(works, image):
    """Whoever had the turn is dead: his task is taken up first, then the one that waits."""
    container = works.container()
    one = export(works, image, container)
    works.start('doomed', fault='export.object_done=kill', wait=False)
    works.expect_kill('doomed')
    two = export(works, image, container)
    works.start('w2')
    works.success(two)
    assert works.task(one)['status'] == 'success'
    assert works.stack.sql('SELECT id FROM tasks WHERE type = %s ORDER BY updated_at', 'export') == ((one,), (two,))
    works.check_order()


@pytest.mark.parametrize('how', ['another container', 'an older Tally'])
def test_758_input_that_says_something_else_than_the_queue(works, image, how):
    """Decided by what is written to, not by what the queue was told at the POST."""
    container = works.container()
    one = export(works, image, container)
    worker = works.start('w1', fault='export.object_done=stop', worker__slots=1, worker__lease=20)
    wait_for('the first', worker.is_stopped, 20)
    if how == 'another container':
        two = export(works, image, works.container())
        works.stack.sql('UPDATE task_info SET input = %s WHERE task_id = %s', json.dumps(
            {'image_id': image, 'export_to': container, 'export_format': 'raw'}), two)
    else:
        two = export(works, image, container)
        works.stack.sql('UPDATE task_leases SET export_target = NULL WHERE task_id = %s', two)
    works.start('w2')
    wait_for('what it is told', lambda: works.stack.sql(
        'SELECT COUNT(DISTINCT export_target), COUNT(*) FROM task_leases WHERE export_target IS NOT NULL') == ((1, 2),), 10)
    pause(2.5)
    assert works.task(two)['status'] == 'pending' and works.lease(two)[:3] == (None, 1, 0)
    worker.send(signal.SIGCONT)
    works.success(one)
    works.success(two)
    works.check_order()


# --- an administrator takes a task away from a worker that is at it ---

@pytest.mark.parametrize('point, end', [('export.object_done', 'woken'), ('export.mid', 'woken'),
                                        ('export.object_done', 'killed')])
def test_758_failed_by_an_administrator(works, image, point, end):
    """The worker that has it clears away what it wrote before the next begins; if it is dead, the turn ends with its
    lease."""
    container = works.container()
    one = export(works, image, container)
    worker = works.start('w1', fault=point + '=stop', worker__lease=6)
    wait_for('the first', worker.is_stopped, 20)
    two = export(works, image, container)
    works.start('w2', fault='export.mid=sleep:50')
    works.stack.manage('task', 'fail', one, '--message', 'not wanted')
    assert works.failure(one) == 'not wanted'
    for command in ('fail', 'requeue', 'cancel'):
        more = ('--message', 'x') if command == 'fail' else ()
        assert 'ended already' in works.stack.manage('task', command, one, *more, check=False).stderr
    assert one not in works.stack.manage('worker', 'list').stdout
    pause(1)
    assert works.task(two)['status'] == 'pending'
    if end == 'woken':
        with Watch(works.stack, [two]) as watch:
            worker.send(signal.SIGCONT)
            works.success(two)
        strict(watch)
    else:
        works.stack.expect_down.add('w1')
        worker.kill()
        works.success(two, 6 + 20)
    assert works.failure(one) == 'not wanted'
    assert works.get(container, image + '.raw') == small_disk(2_000_000)
    works.check_order()


def test_758_failed_and_nobody_next(works, image):
    """What it wrote goes, and so does its place in the queue."""
    container = works.container()
    one = export(works, image, container)
    worker = works.start('w1', fault='export.object_done=stop', worker__lease=20)
    wait_for('the object', worker.is_stopped, 20)
    works.stack.manage('task', 'fail', one, '--message', 'not wanted')
    worker.send(signal.SIGCONT)
    wait_for('the object to go', lambda: works.listing(container) == [], 10)
    wait_for('its place', lambda: works.lease(one) is None, 5)
    works.check_order()


def test_758_put_back_by_an_administrator(works, image):
    """It begins anew when the worker that had it can write no more."""
    container = works.container()
    one = export(works, image, container)
    worker = works.start('w1', fault='export.before_object=stop', worker__lease=4)
    wait_for('the first', worker.is_stopped, 20)
    two = export(works, image, container)
    works.start('w2')
    works.stack.manage('task', 'requeue', one)
    began = time.monotonic()
    assert works.task(one)['status'] == 'pending'
    pause(0.5)
    assert works.task(one)['status'] == works.task(two)['status'] == 'pending'
    worker.send(signal.SIGCONT)
    works.success(one)
    assert time.monotonic() - began < 4 + 5
    works.success(two)
    assert works.get(container, image + '.raw') == small_disk(2_000_000)
    works.check_order()


# --- what it costs ---

def test_758_a_queue_full_of_those_that_wait(works, image):
    """Thousands wait for one turn: a look passes over them by the index, and finds what came after them."""
    container = works.container()
    one = export(works, image, container)
    worker = works.start('w1', fault='export.mid=stop', worker__lease=60, worker__slots=1)
    wait_for('the first', worker.is_stopped, 20)
    with works.stack.connect() as db, db.cursor() as cur:
        cur.execute('SET FOREIGN_KEY_CHECKS = 0')
        cur.execute('INSERT INTO task_leases (task_id, project, export_target, next_run_at) SELECT UUID(), l.project,'
                    ' l.export_target, NOW(6) - INTERVAL 1 HOUR FROM task_leases l JOIN seq_1_to_9000')
        cur.execute('ANALYZE TABLE task_leases')
    with Recorder(works.stack) as log:
        later = works.post('clone', image_id=image)
        began = time.monotonic()
        works.start('w2')
        works.success(later, 10)
    looks = [s for s in log.statements() if 'o.export_turn = l.export_target' in s]
    with works.stack.connect() as db, db.cursor() as cur:
        for sql in looks:
            rows = plan(cur, sql)
            assert [r['key'] for r in rows] == ['ix_task_leases_project', 'uq_task_leases_export_turn'], rows
            assert not any(word in rows[0]['Extra'] for word in ('filesort', 'temporary')), rows
    assert looks
    assert time.monotonic() - began < 5
    assert works.task(one)['status'] == 'processing'
    works.stack.sql('DELETE FROM task_leases WHERE task_id <> %s', one)
    worker.send(signal.SIGCONT)
    works.success(one)
    works.check_order()
