"""tally-worker over directories: the three kinds of tasks from POST to their end."""
import hashlib
import os
import subprocess

import pytest

from lab.service import wait_for
from work import disk

pytestmark = pytest.mark.tsan


def test_750_import_clone_export(works):
    works.start()
    data, container = disk(300_000), works.container()
    works.put(container, 'a/disk', data)
    done = works.success(works.post_import(container, 'a/disk', colour='blue'))
    image = works.image(done['result']['image_id'])
    assert done['result'] == {'image_id': done['image_id']}
    assert (image['status'], image['name'], image['colour']) == ('active', 'a/disk', 'blue')
    assert (image['disk_format'], image['container_format']) == ('raw', 'bare')
    assert image['checksum'] == hashlib.md5(data).hexdigest()
    assert (image['os_hash_algo'], image['os_hash_value']) == ('sha512', hashlib.sha512(data).hexdigest())
    assert image['size'] == image['virtual_size'] == len(data)
    assert works.image_bytes(image['id']) == data

    done = works.success(works.post('clone', image_id=image['id'], image_properties={'name': 'other', 'shape': 'round'}))
    clone = works.image(done['result']['image_id'])
    assert clone['id'] != image['id'] and (clone['name'], clone['colour'], clone['shape']) == ('other', 'blue', 'round')
    assert [clone[k] for k in ('checksum', 'os_hash_value', 'size', 'virtual_size', 'status')] == [
        image[k] for k in ('checksum', 'os_hash_value', 'size', 'virtual_size', 'status')]
    assert works.image_bytes(clone['id']) == data

    done = works.success(works.post('export', image_id=image['id'], export_to=container, export_format='raw'))
    name = image['id'] + '.raw'
    assert done['result'] == {'export_location': container + '/' + name}
    assert works.get(container, name) == data
    assert works.get(container, 'a/disk') == data
    works.check_order()


@pytest.mark.parametrize('size', [0, 1, 512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 5_000_000])
def test_750_any_size(works, size):
    """Around the pipeline's blocks, and through all of its ring."""
    works.start()
    data, container = disk(size), works.container()
    works.put(container, 'x', data)
    task = works.post_import(container, 'x')
    if size == 0:
        assert 'empty' in works.failure(task)
        return
    image = works.success(task)['result']['image_id']
    assert works.image_bytes(image) == data
    assert works.image(image)['os_hash_value'] == hashlib.sha512(data).hexdigest()
    works.check_order()


def test_750_workers_row_comes_and_goes(works):
    worker = works.start(worker__slots=3)
    row = wait_for('its row', lambda: works.stack.sql('SELECT pid, slots, draining FROM workers'), 10)
    assert row == ((worker.pid, 3, 0),)
    works.stop()
    assert works.stack.sql('SELECT name FROM workers') == ()
    assert not [n for n in os.listdir(os.path.join(works.stack.site, 'run')) if n.startswith('wake.')]


def qemu_img(*args):
    return subprocess.run(['qemu-img', *args], capture_output=True, text=True, check=True).stdout


def test_750_export_converted(works, tmp_path):
    works.start()
    raw, container = str(tmp_path / 'raw'), works.container()
    with open(raw, 'wb') as f:
        f.write(disk(2_000_000) + b'\0' * 97152)
    qemu_img('convert', '-f', 'raw', '-O', 'qcow2', raw, works.path(container, 'q'))
    image = works.success(works.post_import(container, 'q', 'qcow2'))['result']['image_id']
    assert works.image(image)['virtual_size'] == 2097152
    done = works.success(works.post('export', image_id=image, export_to=container, export_format='vmdk'))
    assert done['result'] == {'export_location': '%s/%s.vmdk' % (container, image)}
    path = works.path(container, image + '.vmdk')
    assert 'identical' in qemu_img('compare', '-f', 'raw', '-F', 'vmdk', raw, path)
    folder = os.path.join(works.stack.site, 'tmp')
    assert [n for n in os.listdir(folder) if n.startswith('tally-worker-')]
    assert not [n for f in os.listdir(folder) if f.startswith('tally-worker-') for n in os.listdir(os.path.join(folder, f))]
    works.check_order()
    # what was exported comes in no more, also under another name
    with open(path, 'rb') as f:
        works.put(container, 'again', f.read())
    assert 'exported' in works.failure(works.post_import(container, 'again', 'vmdk'))
    works.stop()
    assert not [n for n in os.listdir(folder) if n.startswith('tally-worker-')]
    works.check_order()
