"""[task] max_per_project holds in the claim: no worker has one too many for a moment, and none is handed back for it."""
import contextlib
import signal
import time

import pytest
from lab.service import wait_for
from work import LEASE, disk

SLOW = 'import.mid=sleep:300'  # for each half MiB
PATIENT = {'worker__lease': 30, 'worker__heartbeat': 10}  # its own time goes on while it sleeps


def imports(works, n, size=3_000_000):
    tasks = []
    for salt in range(n):
        container = works.container()
        works.put(container, 'big', disk(size, salt))
        tasks.append(works.post_import(container, 'big'))
    return tasks


def due(works, task, seconds):
    works.stack.sql('UPDATE task_leases SET next_run_at = NOW(6) + INTERVAL %s SECOND WHERE task_id = %s', seconds, task)


def states(works):
    """{task: (status, epoch)} of those that have not ended, all of one moment."""
    return {task: (status, epoch) for task, status, epoch in works.stack.sql(
        'SELECT t.id, t.status, l.epoch FROM tasks t JOIN task_leases l ON l.task_id = t.id')}


def waits_untouched(works, task, other):
    """Nobody takes TASK, for however short a time, until OTHER has ended."""
    seen = 0
    while other in (now := states(works)):
        assert now[task] == ('pending', 0), now
        seen += 1
        time.sleep(0.02)
    assert seen > 0
    for done in (task, other):
        works.success(done)
    works.check_order()


@contextlib.contextmanager
def turn_taken(works):
    """The project's turn at its limits is somebody else's as long as the block lasts."""
    with contextlib.closing(works.stack.connect(autocommit=False)) as other, other.cursor() as cur:
        cur.execute('INSERT INTO image_quota_locks (project, changes) VALUES (%s, 1)'
                    ' ON DUPLICATE KEY UPDATE changes = changes + 1', (works.project,))
        yield


@pytest.mark.tsan
def test_761_two_that_claim_at_the_same_moment(works):
    """Each looked when there was no task but the one that it goes for."""
    tasks = first, second = imports(works, 2, 100_000_000)
    for name, task, other in (('w1', first, second), ('w2', second, first)):
        due(works, other, 3600)
        due(works, task, 0)
        works.start(name, fault='claim.before=sleep:5000', **PATIENT, worker__slots=1, task__max_per_project=1)
        time.sleep(1.2)
    due(works, first, 0)
    with turn_taken(works):
        time.sleep(5)
        assert states(works) == {task: ('pending', 0) for task in tasks}, 'seen before it was decided'
    wait_for('a claim', lambda: ('processing', 1) in states(works).values(), 10)
    now = states(works)
    waits_untouched(works, *sorted(tasks, key=lambda task: now[task] != ('pending', 0)))


def test_761_one_that_claims_late(works):
    """What it found is not what it finds."""
    first, second = imports(works, 2)
    due(works, second, 3600)
    works.start('w1', fault='claim.before=sleep:3000', **PATIENT, worker__slots=1, task__max_per_project=1)
    time.sleep(1)
    due(works, first, 3600)
    due(works, second, 0)
    works.start('w2', fault=SLOW, worker__slots=1, task__max_per_project=1)
    wait_for('the second', lambda: states(works)[second][0] == 'processing', 10)
    due(works, first, 0)
    waits_untouched(works, first, second)


@pytest.mark.tsan
def test_761_a_dead_workers_task_counts_until_another_has_it(works):
    first, second = imports(works, 2)
    works.start('w1', fault=SLOW, worker__slots=1, task__max_per_project=1)
    wait_for('the first', lambda: states(works)[first][0] == 'processing', 10)
    works.worker('w1').send(signal.SIGKILL)
    works.expect_kill('w1')
    time.sleep(LEASE + 0.5)
    works.start('w2', fault=SLOW, worker__slots=3, task__max_per_project=1)
    waits_untouched(works, second, first)


def test_761_a_lower_limit_leaves_none_behind(works):
    """Of those that a dead worker had more than one project may now run at once: they go on nevertheless."""
    tasks = imports(works, 3, 2_000_000)
    works.start('w1', fault=SLOW, worker__slots=3, task__max_per_project=3)
    wait_for('all', lambda: set(states(works).values()) == {('processing', 1)}, 10)
    works.worker('w1').send(signal.SIGKILL)
    works.expect_kill('w1')
    works.start('w2', worker__slots=1, task__max_per_project=1)
    for task in tasks:
        works.success(task)
    works.check_order()
