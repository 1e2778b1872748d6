"""What an attempt has left is known to whoever comes after it; what a task makes and takes has limits; none is forgotten."""
import subprocess

import pytest

from lab.service import wait_for
from work import LEASE, disk

MIB = 1 << 20


def export(works, image, container):
    return works.post('export', image_id=image, export_to=container, export_format='raw')


def exported_and_dead(works):
    """An export whose worker died when the object stood in the container: image, container, task."""
    works.start('maker')
    image, container = works.make_image(disk(300_000)), works.container()
    works.stop('maker')
    task = export(works, image, container)
    works.start('doomed', fault='export.object_done=kill', wait=False)
    works.expect_kill('doomed')
    return image, container, task


def test_760_B51_put_back_then_failed(works):
    """An export whose worker died behind its object, put back by an administrator: it fails now, and the object goes,
    although as many attempts are counted as if there had been none."""
    image, container, task = exported_and_dead(works)
    assert works.listing(container) == [image + '.raw']
    works.stack.manage('task', 'requeue', task)
    assert works.client.delete('/v2/images/' + image).status_code == 204
    works.start('w1')
    assert works.failure(task) == 'Image not found. Image: ' + image
    wait_for('the object to go', lambda: works.listing(container) == [], 10)
    works.check_order()


def test_760_clone_of_clone_of_clone(works):
    """Each clone may add properties to those of its source: all of them together stay within what one image may have."""
    works.start('w1')
    source = works.make_image()
    half = 'x' * (MIB // 2 + 1000)
    one = works.success(works.post('clone', image_id=source, image_properties={'first': half}))['result']['image_id']
    doc = works.wait(works.post('clone', image_id=one, image_properties={'second': half}))
    assert doc['message'] == "The image's properties have %d bytes; %d are allowed" % (2 * len(half) + 11, MIB)
    assert doc['status'] == 'failure'
    # in the place of the old one there is room for it
    two = works.success(works.post('clone', image_id=one, image_properties={'first': half}))['result']['image_id']
    assert works.image(two)['first'] == half
    works.check_order()


def qemu(folder, body):
    """A program in qemu-img's place."""
    program = folder / 'qemu-img'
    subprocess.run(['gcc', '-O0', '-o', program, '-x', 'c', '-'], check=True, timeout=60, text=True,
                   input='#include <unistd.h>\nint main() { %s }' % body)
    return program


def test_760_conversion_that_asks_too_much(works, tmp_path):
    """It would ask as much each time: a slot is held for [worker] convert_timeout once."""
    works.start('w1', worker__qemu_img=qemu(tmp_path, 'for (;;) ;'), worker__convert_timeout=1, task__max_attempts=3)
    task = works.post('export', image_id=works.make_image(), export_to=works.container(), export_format='vdi')
    assert works.failure(task) == 'The conversion from raw to vdi took more than 1 seconds of processor time'
    works.check_order()


def test_760_claimed_while_the_worker_begins_to_stop(works, tmp_path):
    """A task that no slot has yet, but this worker: it is handed back as all the others are."""
    works.start('maker')
    image = works.make_image()
    works.stop('maker')
    works.start('w1', fault='claim.after=sleep:2500', worker__grace=0, worker__lease=30, worker__heartbeat=5,
                worker__qemu_img=qemu(tmp_path, 'sleep(600);'))
    task = works.post('export', image_id=image, export_to=works.container(), export_format='vdi')
    wait_for('the claim', lambda: works.task(task)['status'] == 'processing', 10, step=0.02)
    works.stop('w1')
    assert works.task(task)['status'] == 'pending' and works.lease(task)[0::2] == (None, 0)
    works.start('w2')
    works.success(task)
    works.check_order()


@pytest.mark.parametrize('when', ['at once', 'after the lease', 'between two tries'])
def test_760_B51_failed_by_an_administrator_whose_worker_is_dead(works, when):
    """Nobody who wrote the object is there to take it back: another worker does."""
    image, container, task = exported_and_dead(works)
    if when != 'at once':
        wait_for('the end of the lease', lambda: works.stack.sql(
            'SELECT lease_until < UTC_TIMESTAMP(6) FROM task_leases') == ((1,),), 2 * LEASE)
    if when == 'between two tries':
        works.stack.sql("UPDATE task_leases l JOIN tasks t ON t.id = l.task_id SET t.status = 'pending', l.worker = NULL,"
                        ' l.lease_until = NULL, l.export_turn = NULL, l.next_run_at = NOW(6) + INTERVAL 1 HOUR')
    works.stack.manage('task', 'fail', task, '--message', 'not wanted')
    assert works.listing(container) == [image + '.raw']
    works.start('sweeper', fault='sweep.turn=kill', wait=False)
    works.expect_kill('sweeper')
    works.start('w1')
    wait_for('the object to go', lambda: works.listing(container) == [], 10)
    wait_for('its place in the queue', lambda: works.lease(task) is None, 5)
    assert works.failure(task) == 'not wanted'
    works.check_order()


def test_760_what_was_not_exported_stays(works):
    """Under the name of an export that was failed before it wrote there lies the object of an earlier one."""
    works.start('w1')
    image, container = works.make_image(disk(300_000)), works.container()
    works.success(export(works, image, container))
    works.stop('w1')
    task = export(works, image, container)
    works.start('doomed', fault='export.mid=kill', wait=False)
    works.expect_kill('doomed')
    works.stack.manage('task', 'fail', task, '--message', 'not wanted')
    works.start('w2')
    wait_for('its place in the queue', lambda: works.lease(task) is None, 10)
    assert works.get(container, image + '.raw') == disk(300_000)
    works.check_order()
