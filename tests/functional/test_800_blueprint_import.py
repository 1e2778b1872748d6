"""Blueprint: imports. From a customer's container in Swift to an image whose bytes lie in the image store."""
import os
import struct

import pytest
import requests

from customers import converted, disk, md5, nothing_left, qemu_img, sha512, store_files
from lab.service import wait_for

pytestmark = pytest.mark.usefixtures('fresh_module', 'worker')


def test_B34_import_goes_through_its_states_and_names_the_image(stack, gate, customer):
    container, data = customer.container(), disk(3_000_000)
    customer.put(container, 'source', data)
    gate.arm('down', 1_500_000)
    task = customer.start_import(container, 'source', name='first', color='blue')
    assert (task['status'], task['result'], task['message']) == ('pending', None, '')
    assert 'expires_at' not in task
    gate.wait_held()
    # progress is told with the worker's signs of life
    wait_for('progress', lambda: customer.task(task['id'])['progress']['bytes_total'], 20)
    task = customer.task(task['id'])
    assert (task['status'], task['result'], task['message']) == ('processing', None, '')
    assert 'expires_at' not in task
    assert task['progress']['attempt'] == 1
    assert task['progress']['bytes_total'] == len(data)
    assert 0 <= task['progress']['bytes_done'] < len(data)
    gate.release()
    task = customer.wait(task['id'])
    assert (task['status'], task['message']) == ('success', '')
    assert task['expires_at'] > task['created_at']
    image = task['result']['image_id']
    assert task['result'] == {'image_id': image} and task['image_id'] == image
    doc = customer.image(image)
    assert (doc['status'], doc['name'], doc['color'], doc['owner']) == ('active', 'first', 'blue', customer.project)
    assert (doc['disk_format'], doc['container_format'], doc['visibility']) == ('raw', 'bare', 'shared')
    assert customer.owned() == [image]


def test_B34_name_is_the_objects_where_none_is_given(customer):
    container = customer.container()
    customer.put(container, 'folder/my disk', disk())
    image = customer.import_object(container, 'folder/my disk')
    assert customer.image(image)['name'] == 'folder/my disk'


def test_B35_failures_say_what_failed(stack, customer, other):
    container = customer.container()
    before = customer.owned()
    assert customer.import_fails('no-such', 'x') == 'Container not found. Container: no-such'
    assert customer.import_fails(container, 'no-such') == 'Object not found. Object: %s/no-such' % container
    theirs = other.container()
    other.put(theirs, 'secret', disk())
    assert 'Container not found' in customer.import_fails(theirs, 'secret')
    customer.put(container, 'empty', b'')
    assert 'empty' in customer.import_fails(container, 'empty').lower()
    customer.put(container, 'disk', disk())
    message = customer.import_fails(container, 'disk', 'qcow2')
    assert 'qcow2' in message
    assert customer.owned() == before
    nothing_left(stack)


@pytest.mark.parametrize('fmt', ['raw', 'qcow2', 'vmdk'])
def test_B45_image_has_the_bytes_of_the_object(customer, tmp_path, fmt):
    data = disk(5_000_000)
    if fmt != 'raw':
        data = converted(str(tmp_path), data, fmt)
    image = customer.imported(data, fmt)
    doc = customer.image(image)
    assert doc['size'] == len(data)
    assert doc['checksum'] == md5(data)
    assert (doc['os_hash_algo'], doc['os_hash_value']) == ('sha512', sha512(data))
    if fmt != 'raw':
        assert 5_000_000 <= doc['virtual_size'] < 5_000_000 + 1024 * 1024
    assert customer.bytes_of(image) == data


def test_B47_source_stays_as_it_was(customer):
    container, data = customer.container(), disk()
    customer.put(container, 'source', data, **{'X-Object-Meta-Mine': 'yes', 'Content-Type': 'application/x-disk'})
    before, beside = customer.head(container, 'source'), customer.objects(container)
    customer.import_object(container, 'source')
    assert customer.head(container, 'source') == before
    assert customer.get(container, 'source') == data
    assert customer.objects(container) == beside


def test_B55_deleting_the_source_leaves_the_image(customer):
    container, data = customer.container(), disk()
    customer.put(container, 'source', data)
    image = customer.import_object(container, 'source')
    before = customer.image(image)
    customer.remove(container, 'source')
    assert customer.swift.delete('%s/%s' % (customer.account, container)).status_code == 204
    assert customer.bytes_of(image) == data
    assert customer.image(image) == before


def test_B58_same_content_is_not_imported_twice(stack, customer, other):
    container, data = customer.container(), disk()
    customer.put(container, 'one', data)
    customer.put(container, 'same-bytes', data)
    image = customer.import_object(container, 'one')
    assert image in customer.import_fails(container, 'one')
    assert image in customer.import_fails(container, 'same-bytes')
    # an object that got other bytes is another image
    changed = disk()
    customer.put(container, 'one', changed)
    assert customer.bytes_of(customer.import_object(container, 'one')) == changed
    # another customer's import is his own affair
    theirs = other.imported(data)
    assert other.bytes_of(theirs) == data
    customer.delete_image(image)
    again = customer.import_object(container, 'same-bytes')
    assert again != image and customer.bytes_of(again) == data
    nothing_left(stack)


def test_B58_uploads_and_clones_do_not_count(customer):
    data = disk()
    uploaded = customer.uploaded(data)
    image = customer.imported(data)
    customer.succeeds('clone', image_id=image)
    customer.succeeds('clone', image_id=image)
    assert uploaded != image


def test_B58_of_two_at_the_same_moment_one_wins(stack, customer):
    stack.worker('second').start()
    container, data = customer.container(), disk(2_000_000)
    names = ['copy-%d' % n for n in range(4)]
    for name in names:
        customer.put(container, name, data)
    started = [customer.start_import(container, name)['id'] for name in names]
    ended = [customer.wait(task) for task in started]
    won = [t for t in ended if t['status'] == 'success']
    assert len(won) == 1, ended
    for task in ended:
        if task is not won[0]:
            message = customer.message_of(task)
            assert won[0]['result']['image_id'] in message or won[0]['id'] in message
    assert len([i for i in customer.owned() if customer.image(i)['checksum'] == md5(data)]) == 1
    nothing_left(stack)


def box(kind, payload=b''):
    return struct.pack('>I', 8 + len(payload)) + kind + payload


JPEG = (b'\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x48\x00\x48\x00\x00\xff\xdb\x00\x43\x00' + bytes(range(1, 65)) +
        b'\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00')
MP4 = (box(b'ftyp', b'mp42\x00\x00\x00\x00mp42isom') + box(b'moov', box(b'mvhd', bytes(100))) + box(b'mdat', bytes(4000)))
FOREIGN = {
    'JPEG': JPEG + os.urandom(20000) + b'\xff\xd9',
    'MP4': MP4 + os.urandom(20000),
    'PNG': b'\x89PNG\r\n\x1a\n' + struct.pack('>I', 13) + b'IHDR' + struct.pack('>IIBBBBB', 64, 64, 8, 2, 0, 0, 0) +
           os.urandom(20000),
    'Matroska': b'\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x88matroska' +
                b'\x42\x87\x81\x04\x42\x85\x81\x02' + os.urandom(20000),
    'MPEG': b'\x00\x00\x01\xba\x44\x00\x04\x00\x04\x01\x00\x03\xf8' + os.urandom(20000),
    'PDF': b'%PDF-1.7\n%\xe2\xe3\xcf\xd3\n' + os.urandom(20000),
}


@pytest.mark.parametrize('what', sorted(FOREIGN))
def test_B63_pictures_and_videos_are_refused_by_name(stack, customer, what):
    container = customer.container()
    customer.put(container, 'holiday', FOREIGN[what])
    before = customer.owned()
    for fmt in ('raw', 'qcow2'):
        assert what.lower() in customer.import_fails(container, 'holiday', fmt).lower()
    assert customer.owned() == before
    nothing_left(stack)


def hostile(folder):
    """{what: (bytes, format that is claimed, a word of the reason)}: disk images that reach for other files."""
    def made(name, *args):
        path = os.path.join(folder, name)
        qemu_img('create', *args[:-1], path, args[-1])
        with open(path, 'rb') as f:
            return f.read()
    base = os.path.join(folder, 'base')
    qemu_img('create', '-f', 'raw', base, '1M')
    plain = disk(1024 * 1024)
    return {
        'backing file': (made('b', '-f', 'qcow2', '-b', base, '-F', 'raw', '1M'), 'qcow2', 'backing'),
        'data file': (made('d', '-f', 'qcow2', '-o', 'data_file=%s/extern' % folder, '1M'), 'qcow2', 'data file'),
        'foreign extent': (made('f.vmdk', '-f', 'vmdk', '-o', 'subformat=monolithicFlat', '1M'), 'vmdk', 'other files'),
        'qed': (made('q', '-f', 'qed', '1M'), 'raw', 'qed'),
        'qcow2 as vmdk': (converted(folder, plain, 'qcow2'), 'vmdk', 'qcow2'),
        'qcow2 as raw': (converted(folder, plain, 'qcow2'), 'raw', 'qcow2'),
        'vmdk as qcow2': (converted(folder, plain, 'vmdk'), 'qcow2', 'vmdk'),
        'vdi as vhd': (converted(folder, plain, 'vdi'), 'vhd', 'vdi'),
        'raw as vhdx': (plain, 'vhdx', 'vhdx'),
        'cut qcow2 header': (converted(folder, plain, 'qcow2')[:60], 'qcow2', 'qcow2'),
    }


def test_B63_images_that_reach_elsewhere_or_are_another_format_are_refused(stack, customer, tmp_path):
    container = customer.container()
    before, files = customer.owned(), len(store_files(stack))
    running = {}
    for what, (data, fmt, reason) in hostile(str(tmp_path)).items():
        customer.put(container, what, data)
        running[what] = (customer.start_import(container, what, fmt)['id'], reason)
    for what, (task, reason) in running.items():
        message = customer.message_of(customer.wait(task))
        assert reason.lower() in message.lower(), '%s: %s' % (what, message)
        assert str(tmp_path) not in message
    assert customer.owned() == before
    nothing_left(stack)
    assert len(store_files(stack)) == files


def test_B34_many_objects_by_odd_names(customer):
    container = customer.container()
    for name in ('a b', 'ü/ß', 'percent%41', 'question?mark', 'hash#mark', "quote'", 'plus+sign', 'x' * 500):
        data = disk(10_000)
        r = customer.object_request('PUT', container, requests.utils.quote(name), data=data)
        assert r.status_code == 201, r.text
        image = customer.import_object(container, name, name='odd')
        assert customer.bytes_of(image) == data
