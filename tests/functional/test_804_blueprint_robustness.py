"""Blueprint: what happens when something changes, dies, hangs or takes too long in the middle of a task."""
import datetime
import json
import signal
import time

import pytest

from customers import Customer, disk, md5, nothing_left, sha512, store_files
from lab.service import wait_for

pytestmark = pytest.mark.usefixtures('fresh_module', 'worker')
HALF, SIZE = 1_500_000, 9_000_000  # more than the kernel buffers of a connection hold


@pytest.fixture
def staff(stack, worker):
    return Customer(stack, 'admin')


@pytest.fixture
def short(stack, gate):
    """Leases that end soon, in all workers of the test."""
    stack.conf.set('worker', lease=4, heartbeat=1)
    stack.restart_worker()
    return gate


def half_imported(customer, gate, fmt='raw', **properties):
    """An import that stands still with half of its bytes read: (task id, container, data)."""
    container, data = customer.container(), disk(SIZE)
    customer.put(container, 'source', data)
    gate.arm('down', HALF)
    task = customer.start_import(container, 'source', fmt, **properties)['id']
    gate.wait_held()
    assert customer.task(task)['status'] == 'processing'
    return task, container, data


def half_exported(customer, gate, fmt='raw'):
    """An export that stands still with half of its bytes written: (task id, image, container, data)."""
    data = disk(SIZE)
    image, container = customer.imported(data), customer.container()
    gate.arm('up', HALF)
    task = customer.create('export', image_id=image, export_to=container, export_format=fmt)['id']
    gate.wait_held()
    assert customer.task(task)['status'] == 'processing'
    return task, image, container, data


def set_input(stack, task, text):
    stack.sql('UPDATE task_info SET input = %s WHERE task_id = %s', text, task)


@pytest.mark.parametrize('text', [
    '{"import_from": "nothing", "import_from_format": "raw", "image_properties": {}}',
    '{"import_from": "c/o", "import_from_format": "floppy", "image_properties": {}}',
    '{"import_from":', '[]'])
def test_B40_input_of_an_import_becomes_invalid(stack, gate, customer, text):
    before, files = customer.owned(), len(store_files(stack))
    task, container, data = half_imported(customer, gate)
    set_input(stack, task, text)
    gate.release()
    wait_for('the end', lambda: stack.sql('SELECT status FROM tasks WHERE id = %s', task)[0][0] == 'failure', 60)
    assert stack.sql('SELECT message FROM task_info WHERE task_id = %s', task)[0][0]
    assert customer.owned() == before
    nothing_left(stack)
    assert len(store_files(stack)) == files
    assert customer.get(container, 'source') == data


def test_B40_input_of_an_export_becomes_invalid(stack, gate, customer):
    task, image, container, _ = half_exported(customer, gate)
    set_input(stack, task, json.dumps({'image_id': image, 'export_to': container, 'export_format': 'floppy'}))
    gate.release()
    customer.message_of(customer.wait(task))
    assert customer.objects(container) == []
    assert customer.image(image)['status'] == 'active'


def attempts(stack, task):
    """The epochs under which bytes were written for a task."""
    return {row[0] for row in stack.sql('SELECT epoch FROM store_objects WHERE task_id = %s', task)}


def test_B41_another_worker_takes_over_from_a_dead_one(stack, short, customer):
    before = customer.owned()
    task, _, data = half_imported(customer, short)
    stack.worker('second').start()
    stack.worker().kill()
    doc = customer.wait(task)
    assert doc['status'] == 'success', doc['message']
    image = doc['result']['image_id']
    assert sorted(customer.owned()) == sorted([*before, image])
    assert customer.bytes_of(image) == data
    nothing_left(stack)
    assert attempts(stack, task) == {2}


def test_B41_same_worker_started_again_takes_over(stack, short, customer):
    task, image, container, data = half_exported(customer, short)
    stack.worker().kill()
    short.release()
    stack.worker().start()
    doc = customer.wait(task)
    assert doc['status'] == 'success', doc['message']
    assert customer.objects(container) == [image + '.raw']
    assert customer.get(container, image + '.raw') == data


@pytest.mark.parametrize('kind', ['import', 'export'])
def test_B41_stuck_worker_that_wakes_up_commits_nothing(stack, short, customer, kind):
    if kind == 'import':
        task, container, data = half_imported(customer, short)
    else:
        task, image, container, data = half_exported(customer, short)
    stack.worker().send(signal.SIGSTOP)
    stack.worker('second').start()
    doc = customer.wait(task)
    assert doc['status'] == 'success', doc['message']
    after = customer.owned()
    short.release()
    stack.worker().send(signal.SIGCONT)
    time.sleep(2)
    assert stack.worker().running()
    assert customer.task(task) == doc
    assert customer.owned() == after
    nothing_left(stack)
    if kind == 'import':
        image = doc['result']['image_id']
        assert customer.bytes_of(image) == data
        assert attempts(stack, task) == {2}
    else:
        assert customer.objects(container) == [image + '.raw']
        assert customer.get(container, image + '.raw') == data
    # and it goes on with other work
    stack.worker('second').stop()
    customer.imported()


@pytest.mark.parametrize('kind', ['import', 'export'])
def test_B42_over_its_time(stack, gate, customer, kind):
    stack.conf.set('task', timeout=3)
    stack.restart_worker()
    before = sorted(customer.owned())
    if kind == 'import':
        task, container, _ = half_imported(customer, gate)
    else:
        task, image, container, _ = half_exported(customer, gate)
        before = sorted([*before, image])
    message = customer.message_of(customer.wait(task))
    assert 'time' in message.lower() and '3 s' in message
    gate.release()
    assert sorted(customer.owned()) == before
    assert customer.objects(container) == (['source'] if kind == 'import' else [])
    nothing_left(stack)


def test_B42_silent_source(stack, gate, customer):
    stack.conf.set('task', stall_timeout=2, max_attempts=1)
    stack.conf.set('object_store', retries=0)
    stack.restart_worker()
    before = customer.owned()
    task, _, _ = half_imported(customer, gate)
    gate.arm('down', 0, 'hold', times=1000)
    message = customer.message_of(customer.wait(task, 120))
    assert 'not a byte for 2 seconds' in message
    assert customer.owned() == before
    gate.release()
    nothing_left(stack)


def test_B49_source_deleted_in_mid_import(stack, gate, customer):
    before = customer.owned()
    task, container, _ = half_imported(customer, gate)
    customer.remove(container, 'source')
    gate.release()
    customer.message_of(customer.wait(task))
    assert customer.owned() == before
    nothing_left(stack)


def test_B49_source_replaced_in_mid_import(stack, gate, customer):
    before = customer.owned()
    task, container, _ = half_imported(customer, gate)
    customer.put(container, 'source', disk(SIZE))
    gate.release()
    customer.message_of(customer.wait(task))
    assert customer.owned() == before
    nothing_left(stack)


def test_B50_image_deleted_in_mid_export(stack, gate, customer):
    task, image, container, _ = half_exported(customer, gate)
    start = time.monotonic()
    customer.delete_image(image)
    assert time.monotonic() - start < 5
    assert customer.api.get('/v2/images/' + image).status_code == 404
    gate.release()
    message = customer.message_of(customer.wait(task))
    assert image in message
    assert customer.objects(container) == []
    nothing_left(stack)


@pytest.mark.parametrize('point', ['clone.found', 'clone.before_copy', 'clone.copied', 'clone.before_commit'])
def test_B50_image_deleted_in_mid_clone(stack, customer, point):
    image = customer.imported()
    stack.worker().stop()
    held = stack.worker('held', env={'TALLY_FAULT': point + '=stop'}).start()
    task = customer.create('clone', image_id=image)['id']
    wait_for('the worker to stand still', held.is_stopped, 20)
    before, start = sorted(customer.owned()), time.monotonic()
    customer.delete_image(image)
    assert time.monotonic() - start < 5
    held.send(signal.SIGCONT)
    assert customer.message_of(customer.wait(task)) == 'Image not found. Image: ' + image
    assert sorted([*customer.owned(), image]) == before
    nothing_left(stack)


@pytest.mark.parametrize('kind', ['import', 'export'])
def test_B51_connection_that_breaks_again_and_again(stack, gate, customer, kind):
    stack.conf.set('object_store', retries=1)
    stack.conf.set('task', max_attempts=1)
    stack.restart_worker()
    image, data = customer.imported(), disk(SIZE)
    before = sorted(customer.owned())
    container = customer.container()
    if kind == 'import':
        customer.put(container, 'source', data)
        gate.arm('down', 200_000, 'cut', times=1000)
        task = customer.start_import(container, 'source')['id']
    else:
        gate.arm('up', 100_000, 'cut', times=1000)
        task = customer.create('export', image_id=image, export_to=container, export_format='raw')['id']
    customer.message_of(customer.wait(task))
    gate.release()
    assert sorted(customer.owned()) == before
    assert customer.objects(container) == (['source'] if kind == 'import' else [])
    nothing_left(stack)


@pytest.mark.parametrize('kind', ['import', 'export'])
def test_B51_killed_worker_leaves_nothing_for_long(stack, short, customer, kind):
    """No further attempt is allowed: the sweeper ends the task and removes what lies about."""
    stack.conf.set('task', max_attempts=1)
    stack.conf.set('object_store', large_object_bytes='512K', segment_bytes='512K')
    stack.restart_worker()
    before = sorted(customer.owned())
    if kind == 'import':
        task, container, _ = half_imported(customer, short)
    else:
        task, image, container, _ = half_exported(customer, short)
        before = sorted([*before, image])
    stack.worker().kill()
    short.release()
    stack.worker().start()
    customer.message_of(customer.wait(task))
    assert sorted(customer.owned()) == before
    nothing_left(stack)
    containers = customer.swift.get(customer.account, params={'prefix': container}).text.split()
    left = [o for c in containers for o in customer.objects(c)]
    assert left == (['source'] if kind == 'import' else [])


def test_B51_failed_by_an_administrator_after_a_kill(stack, short, customer):
    """Its worker is dead and its requester's token gone with the task: a sweeper takes the large object back, by our own
    authority."""
    stack.conf.set('object_store', large_object_bytes='512K', segment_bytes='512K')
    stack.restart_worker()
    image, container = customer.imported(disk(SIZE)), customer.container()
    stack.worker().stop()
    task = customer.create('export', image_id=image, export_to=container, export_format='raw')['id']
    stack.expect_down.add('doomed')
    doomed = stack.worker('doomed', env={'TALLY_FAULT': 'export.object_done=kill'}).start(wait=False)
    wait_for('its death', lambda: not doomed.running(), 30)
    doomed.kill()
    assert customer.objects(container) == [image + '.raw'] and len(customer.objects(container + '_segments')) > 1
    stack.manage('task', 'fail', task, '--message', 'not wanted')
    stack.worker().start()
    wait_for('the object to go', lambda: customer.objects(container) == customer.objects(container + '_segments') == [], 30)
    wait_for('its place in the queue', lambda: stack.sql('SELECT COUNT(*) FROM task_leases') == ((0,),), 10)
    assert customer.message_of(customer.wait(task)) == 'not wanted'
    nothing_left(stack)


def test_B60_one_worker_a_task(stack, customer):
    for n in range(3):
        stack.worker('more%d' % n).start()
    source = customer.imported(disk(50_000))
    before = set(customer.owned())
    tasks = [customer.create('clone', image_id=source)['id'] for _ in range(40)]
    docs = [customer.wait(t) for t in tasks]
    assert [d['status'] for d in docs] == ['success'] * len(docs)
    images = [d['result']['image_id'] for d in docs]
    assert len(set(images)) == len(images)
    assert set(customer.owned()) - before == set(images)
    assert {customer.image(i)['checksum'] for i in images} == {customer.image(source)['checksum']}
    written = stack.sql('SELECT task_id, COUNT(*), MAX(epoch) FROM store_objects WHERE task_id IN (%s) GROUP BY task_id'
                        % ','.join(['%s'] * len(tasks)), *tasks)
    assert sorted(written) == sorted((t, 1, 1) for t in tasks)
    nothing_left(stack)


def test_B61_expired_task_stays_for_staff(stack, customer, staff):
    image = customer.imported()
    task = customer.run('clone', image_id=image)
    old = datetime.datetime(2020, 1, 1)
    stack.sql('UPDATE tasks SET expires_at = %s WHERE id = %s', old, task['id'])
    # gone for its owner at once, whether or not anybody has swept
    assert customer.api.get('/v2/tasks/' + task['id']).status_code == 404
    assert task['id'] not in [t['id'] for t in customer.api.get('/v2/tasks?limit=1000').json()['tasks']]
    wait_for('the soft deletion', lambda: stack.sql('SELECT deleted FROM tasks WHERE id = %s', task['id'])[0][0], 90)
    assert customer.api.get('/v2/tasks/' + task['id']).status_code == 404
    assert stack.sql('SELECT COUNT(*) FROM task_info WHERE task_id = %s', task['id'])[0][0] == 1
    listed = stack.manage('task', 'list', '--expired').stdout
    assert task['id'] in listed
    shown = stack.manage('task', 'show', task['id']).stdout
    assert task['id'] in shown and image in shown
    r = staff.api.get('/v2/tasks', params={'deleted': 'true', 'limit': 1000})
    assert r.status_code == 200 and task['id'] in [t['id'] for t in r.json()['tasks']]
    assert staff.api.get('/v2/tasks/' + task['id']).status_code == 200
    assert customer.api.get('/v2/tasks?deleted=true').status_code == 400
    # the image that it made is nobody's business to remove
    assert customer.image(task['result']['image_id'])['status'] == 'active'


def test_B62_many_tasks_at_once(stack, customer, other):
    """One project's crowd of tasks does not starve another's few."""
    stack.conf.set('worker', slots=2)
    stack.worker().stop()
    container, theirs = customer.container(), other.container()
    crowd, few = {}, {}
    for n in range(40):
        data = disk(60_000)
        customer.put(container, 'd%d' % n, data)
        crowd[customer.start_import(container, 'd%d' % n)['id']] = sha512(data)
    for n in range(3):
        data = disk(60_000)
        other.put(theirs, 'd%d' % n, data)
        few[other.start_import(theirs, 'd%d' % n)['id']] = sha512(data)
    stack.worker().start()
    for who, tasks in ((other, few), (customer, crowd)):
        for task, digest in tasks.items():
            doc = who.wait(task, 120)
            assert doc['status'] == 'success', doc['message']
            assert who.image(doc['result']['image_id'])['os_hash_value'] == digest
    order = [row[0] for row in stack.sql('SELECT id FROM tasks WHERE id IN (%s) ORDER BY updated_at'
                                         % ','.join(['%s'] * 43), *crowd, *few)]
    assert max(order.index(t) for t in few) < 20, 'the few came at %s' % [order.index(t) for t in few]
    nothing_left(stack)


def test_B62_imports_exports_and_clones_together(stack, customer):
    stack.worker('second').start()
    data = [disk(100_000) for _ in range(6)]
    container, out = customer.container(), customer.container()
    base = customer.imported(disk(100_000))
    for n, content in enumerate(data):
        customer.put(container, 'd%d' % n, content)
    tasks = []
    for n in range(6):
        tasks.append(customer.start_import(container, 'd%d' % n)['id'])
        tasks.append(customer.create('clone', image_id=base)['id'])
        tasks.append(customer.create('export', image_id=base, export_to=out, export_format='raw')['id'])
    docs = [customer.wait(t) for t in tasks]
    assert [d['status'] for d in docs] == ['success'] * 18, [d['message'] for d in docs]
    for n, content in enumerate(data):
        assert customer.image(docs[3 * n]['result']['image_id'])['checksum'] == md5(content)
    assert customer.objects(out) == [base + '.raw']
    nothing_left(stack)
