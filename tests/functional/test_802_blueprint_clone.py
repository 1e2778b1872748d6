"""Blueprint: clones. A new image of the caller's, with data of its own."""
import pytest

from customers import disk, md5, nothing_left, sha512, store_files

pytestmark = pytest.mark.usefixtures('fresh_module', 'worker')


def test_B38_clone_is_a_new_image_with_its_own_data(stack, customer):
    data = disk(2_000_000)
    source = customer.imported(data, name='source', color='blue')
    files = len(store_files(stack))
    task = customer.run('clone', image_id=source, image_properties={'name': 'clone', 'size_of_shoe': '44'})
    assert (task['status'], task['message'], task['image_id']) == ('success', '', source)
    clone = task['result']['image_id']
    assert task['result'] == {'image_id': clone} and clone != source
    before, doc = customer.image(source), customer.image(clone)
    assert (doc['name'], doc['color'], doc['size_of_shoe']) == ('clone', 'blue', '44')
    assert (doc['owner'], doc['status'], doc['protected']) == (customer.project, 'active', False)
    for member in ('size', 'checksum', 'os_hash_algo', 'os_hash_value', 'disk_format', 'container_format',
                   'virtual_size', 'min_disk', 'min_ram'):
        assert doc[member] == before[member], member
    assert (doc['checksum'], doc['os_hash_value']) == (md5(data), sha512(data))
    assert customer.bytes_of(clone) == customer.bytes_of(source) == data
    assert len(store_files(stack)) == files + 1


def test_B38_without_properties(customer):
    source = customer.imported(name='plain')
    clone = customer.succeeds('clone', image_id=source)['image_id']
    assert customer.image(clone)['name'] == 'plain'
    assert {source, clone} <= set(customer.owned())


def test_B38_of_what_others_share(customer, other):
    data = disk()
    source = customer.imported(data)
    customer.replace(source, 'visibility', 'community')
    clone = other.succeeds('clone', image_id=source)['image_id']
    doc = other.image(clone)
    assert doc['owner'] == other.project and doc['visibility'] != 'community'
    assert clone in other.owned() and clone not in customer.owned()
    assert customer.api.get('/v2/images/' + clone).status_code == 404
    assert other.bytes_of(clone) == data


def test_B39_failures_say_what_failed(stack, customer, other):
    nobodys = '00000000-0000-4000-8000-000000000000'
    before = customer.owned()
    missing = customer.fails('clone', image_id=nobodys)
    assert nobodys in missing
    theirs = other.uploaded(visibility='private')
    assert customer.fails('clone', image_id=theirs).replace(theirs, '') == missing.replace(nobodys, '')
    gone = customer.imported()
    customer.delete_image(gone)
    assert gone in customer.fails('clone', image_id=gone)
    queued = customer.queued(disk_format='raw', container_format='bare')
    assert 'active' in customer.fails('clone', image_id=queued)
    assert sorted(customer.owned()) == sorted([*before, queued])
    nothing_left(stack)


def test_B39_deactivated_source(customer):
    image = customer.imported()
    assert customer.api.post('/v2/images/%s/actions/deactivate' % image).status_code == 204
    assert 'active' in customer.fails('clone', image_id=image)


def test_B57_deleting_the_source_leaves_the_clone(stack, customer):
    data = disk()
    source = customer.imported(data)
    clone = customer.succeeds('clone', image_id=source)['image_id']
    before = customer.image(clone)
    customer.delete_image(source)
    nothing_left(stack)
    assert customer.image(clone) == before
    assert customer.bytes_of(clone) == data


def test_B57_deleting_the_clone_leaves_the_source(stack, customer):
    data = disk()
    source = customer.imported(data)
    clone = customer.succeeds('clone', image_id=source)['image_id']
    customer.delete_image(clone)
    nothing_left(stack)
    assert customer.bytes_of(source) == data
