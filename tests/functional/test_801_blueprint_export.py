"""Blueprint: exports. From an image to an object in a container of its owner's."""
import os
import threading

import pytest

from customers import converted, disk, md5, qemu_img, sha512

pytestmark = pytest.mark.usefixtures('fresh_module', 'worker')


def test_B36_success_says_where_the_object_is(customer):
    container, data = customer.container(), disk()
    image = customer.imported(data)
    task = customer.run('export', image_id=image, export_to=container, export_format='raw')
    assert (task['status'], task['message']) == ('success', '')
    assert task['result'] == {'export_location': '%s/%s.raw' % (container, image)}
    assert task['image_id'] == image
    assert customer.objects(container) == [image + '.raw']
    assert customer.get(container, image + '.raw') == data


def test_B36_of_an_uploaded_image_in_the_other_spelling(customer):
    container, data = customer.container(), disk()
    image = customer.uploaded(data)
    result = customer.succeeds('export', image_uuid=image, receiving_swift_container=container)
    assert result == {'export_location': '%s/%s.raw' % (container, image)}
    assert customer.get(container, image + '.raw') == data


def test_B37_failures_say_what_failed(customer, other):
    container, image = customer.container(), customer.imported()

    def message(image=image, container=container, fmt='raw'):
        return customer.fails('export', image_id=image, export_to=container, export_format=fmt)
    assert message(container='no-such') == 'Container not found. Container: no-such'
    nobodys = '00000000-0000-4000-8000-000000000000'
    assert nobodys in message(image=nobodys)
    # an image that he cannot see is none to him
    theirs = other.uploaded(visibility='private')
    assert message(image=theirs).replace(theirs, '') == message(image=nobodys).replace(nobodys, '')
    queued = customer.queued(disk_format='raw', container_format='bare')
    assert 'active' in message(image=queued)
    assert 'Container not found' in message(container=other.container())
    deleted = customer.imported()
    customer.delete_image(deleted)
    assert deleted in message(image=deleted)
    assert customer.objects(container) == []


def test_B37_full_container(customer):
    small = customer.container(**{'X-Container-Meta-Quota-Bytes': '1000'})
    image = customer.imported(disk(200_000))
    message = customer.fails('export', image_id=image, export_to=small, export_format='raw')
    assert 'quota' in message.lower() or 'large' in message.lower() or 'room' in message.lower()
    assert customer.objects(small) == []


def test_B44_exported_is_not_imported_again(customer, other):
    container, data = customer.container(), disk()
    image = customer.imported(data)
    name = customer.exported(image, container)
    assert 'export' in customer.import_fails(container, name).lower()
    # copied inside Swift, with and without its metadata
    for fresh in ('false', 'true'):
        r = customer.object_request('COPY', container, name, headers={'Destination': '%s/copy-%s' % (container, fresh),
                                                                      'X-Fresh-Metadata': fresh})
        assert r.status_code == 201
        assert 'export' in customer.import_fails(container, 'copy-' + fresh).lower()
    # downloaded and uploaded again
    customer.put(container, 'uploaded', customer.get(container, name))
    assert 'export' in customer.import_fails(container, 'uploaded').lower()
    # also after the image is gone
    customer.delete_image(image)
    assert 'export' in customer.import_fails(container, 'uploaded').lower()
    # the mark holds for everybody, the content for the project that exported it
    marks = {k: v for k, v in customer.head(container, name).items() if k.lower().startswith('x-object-meta-')}
    theirs = other.container()
    other.put(theirs, 'marked', data, **marks)
    assert 'export' in other.import_fails(theirs, 'marked').lower()
    other.put(theirs, 'plain', data)
    assert other.bytes_of(other.import_object(theirs, 'plain')) == data


def test_B44_holds_for_a_converted_export_too(customer, tmp_path):
    container = customer.container()
    image = customer.imported(converted(str(tmp_path), disk(1024 * 1024), 'qcow2'), 'qcow2')
    name = customer.exported(image, container, 'raw')
    customer.put(container, 'again', customer.get(container, name))
    assert 'export' in customer.import_fails(container, 'again').lower()


@pytest.mark.parametrize('fmt', ['raw', 'qcow2'])
def test_B46_object_has_the_bytes_of_the_image(customer, tmp_path, fmt):
    data = disk(5_000_000)
    if fmt != 'raw':
        data = converted(str(tmp_path), data, fmt)
    image, container = customer.imported(data, fmt), customer.container()
    name = customer.exported(image, container, fmt)
    assert customer.get(container, name) == data
    doc, head = customer.image(image), customer.head(container, name)
    assert head['Etag'] == doc['checksum'] == md5(data)
    assert doc['os_hash_value'] == sha512(data)
    assert int(head['Content-Length']) == doc['size'] == len(data)


@pytest.mark.parametrize('fmt,into', [('qcow2', 'raw'), ('raw', 'qcow2'), ('qcow2', 'vmdk'), ('raw', 'vhd'),
                                      ('vmdk', 'vdi'), ('vdi', 'vhdx')])
def test_B46_converted_object_is_the_same_disk(customer, tmp_path, fmt, into):
    data = disk(4 * 1024 * 1024)
    if fmt != 'raw':
        data = converted(str(tmp_path), data, fmt)
    image, container = customer.imported(data, fmt), customer.container()
    name = customer.exported(image, container, into)
    assert name == '%s.%s' % (image, into)
    names = {'vhd': 'vpc'}
    for path, content in (('before', data), ('after', customer.get(container, name))):
        with open(os.path.join(tmp_path, path), 'wb') as f:
            f.write(content)
    assert 'identical' in qemu_img('compare', '-f', names.get(fmt, fmt), '-F', names.get(into, into),
                                   os.path.join(tmp_path, 'before'), os.path.join(tmp_path, 'after'))


def test_B48_image_stays_as_it_was(customer):
    data = disk()
    image, container = customer.imported(data, os_distro='debian'), customer.container()
    before = customer.image(image)
    customer.exported(image, container)
    customer.exported(image, container, 'qcow2')
    assert customer.image(image) == before
    assert customer.bytes_of(image) == data
    assert before['owner'] == customer.project


def test_B54_exported_copy_is_no_image(customer, other):
    image, container = customer.imported(), customer.container()
    name = customer.exported(image, container)
    assert image in customer.owned()
    assert customer.images(name=name) == [] and customer.images(name='%s/%s' % (container, name)) == []
    before = customer.owned()
    for address in (name, '%s%%2F%s' % (container, name)):
        r = customer.api.post('/v2/images/%s/members' % address, json={'member': other.project})
        assert r.status_code == 404
        assert customer.api.get('/v2/images/' + address).status_code == 404
    assert customer.owned() == before
    # the image itself is his as before, and so is the sharing of it
    assert customer.image(image)['owner'] == customer.project
    assert customer.share(image, other).status_code == 200


def test_B56_deleting_the_image_leaves_the_object(customer):
    data = disk()
    image, container = customer.imported(data), customer.container()
    name = customer.exported(image, container)
    before = customer.head(container, name)
    customer.delete_image(image)
    assert customer.api.get('/v2/images/' + image).status_code == 404
    assert customer.head(container, name) == before
    assert customer.get(container, name) == data


def test_B56_deleting_the_object_leaves_the_image(customer):
    data = disk()
    image, container = customer.imported(data), customer.container()
    customer.remove(container, customer.exported(image, container))
    assert customer.bytes_of(image) == data


def test_B59_exported_again_and_never_seen_half_written(customer):
    data = disk(6_000_000)
    image, container = customer.imported(data), customer.container()
    name = customer.exported(image, container)
    first = customer.head(container, name)
    seen, stop = [], threading.Event()

    def look():
        while not stop.is_set():
            r = customer.object_request('GET', container, name)
            seen.append((r.status_code, md5(r.content)))
    reader = threading.Thread(target=look)
    reader.start()
    try:
        for _ in range(3):
            assert customer.exported(image, container) == name
    finally:
        stop.set()
        reader.join()
    assert set(seen) == {(200, md5(data))}
    assert customer.objects(container) == [name]
    assert customer.head(container, name)['X-Timestamp'] > first['X-Timestamp']


def test_B59_large_object_is_replaced_whole(stack, customer):
    stack.conf.set('object_store', large_object_bytes='1M', segment_bytes='1M')
    stack.restart_worker()
    data = disk(3_500_000)
    image, container = customer.imported(data), customer.container()
    for _ in range(2):
        name = customer.exported(image, container)
        assert customer.get(container, name) == data
    # manifest and the segments of the last time, wherever they lie
    listing = customer.swift.get(customer.account, params={'prefix': container}).text.split()
    objects = [o for c in listing for o in customer.objects(c)]
    assert objects.count(name) == 1
    assert len(objects) == 1 + 4, objects
