"""Blueprint: whose images are, who may share them, and whose properties are protected."""
import os

import pytest

from customers import Customer, disk

pytestmark = pytest.mark.usefixtures('fresh_module', 'worker')


@pytest.fixture
def staff(stack, worker):
    return Customer(stack, 'admin')


ONLY_OWNER = 'An image may only be exported by the image owner.'


def test_B43_member_reaches_the_imported_image(customer, other):
    data = disk()
    image = customer.imported(data)
    assert other.api.get('/v2/images/' + image).status_code == 404
    assert other.api.get('/v2/images/%s/file' % image).status_code == 404
    r = customer.share(image, other)
    assert r.status_code == 200 and r.json()['status'] == 'pending'
    # pending: by its id, in no list yet
    assert other.image(image)['owner'] == customer.project
    assert other.bytes_of(image) == data
    assert image not in other.images()
    other.answer(image, 'accepted')
    assert image in other.images()
    # only the owner exports; another customer clones first
    container = other.container()
    assert other.fails('export', image_id=image, export_to=container, export_format='raw') == ONLY_OWNER
    assert other.objects(container) == []
    clone = other.succeeds('clone', image_id=image)['image_id']
    name = other.exported(clone, container)
    assert other.get(container, name) == data


@pytest.mark.parametrize('visibility', ['public', 'community'])
def test_B43_public_and_community_images_are_reached(customer, other, staff, visibility):
    data = disk()
    image = customer.imported(data)
    setter = staff if visibility == 'public' else customer
    setter.replace(image, 'visibility', visibility)
    assert other.image(image)['visibility'] == visibility
    assert other.bytes_of(image) == data
    assert (image in other.images()) == (visibility == 'public')
    assert other.fails('export', image_id=image, export_to=other.container(), export_format='raw') == ONLY_OWNER
    customer.exported(image, customer.container())


def test_B53_importer_owns_and_only_he_shares(stack, customer, other):
    image = customer.imported()
    assert customer.image(image)['owner'] == customer.project
    assert customer.owned().count(image) == 1
    third = Customer(stack, 'tally')

    def add(who, member):
        return who.api.post('/v2/images/%s/members' % image, json={'member': member}).status_code
    assert add(other, third.project) == 404
    assert customer.share(image, other).status_code == 200
    assert add(other, other.project) in (403, 404, 409)
    assert add(other, '0' * 32) in (403, 404)
    assert other.api.delete('/v2/images/%s/members/%s' % (image, other.project)).status_code in (403, 404)
    assert other.patch(image, {'op': 'replace', 'path': '/name', 'value': 'mine'}).status_code in (403, 404)
    assert other.api.delete('/v2/images/' + image).status_code in (403, 404)
    # the owner does not answer in the member's place
    r = customer.api.put('/v2/images/%s/members/%s' % (image, other.project), json={'status': 'accepted'})
    assert r.status_code == 403
    other.answer(image, 'accepted')
    members = customer.api.get('/v2/images/%s/members' % image).json()['members']
    assert [(m['member_id'], m['status']) for m in members] == [(other.project, 'accepted')]
    assert customer.api.delete('/v2/images/%s/members/%s' % (image, other.project)).status_code == 204
    assert other.api.get('/v2/images/' + image).status_code == 404


def test_B53_another_owner_cannot_be_named(customer, other):
    container = customer.container()
    customer.put(container, 'disk', disk())
    r = customer.api.post('/v2/tasks', json={'type': 'import', 'input': {
        'import_from': container + '/disk', 'import_from_format': 'raw', 'image_properties': {'owner': other.project}}})
    assert r.status_code == 403, r.text
    image = customer.import_object(container, 'disk', owner=customer.project)
    assert customer.image(image)['owner'] == customer.project


PROTECTED = """[^x_staff_.*]
create = admin
read = admin
update = admin
delete = admin

[^x_shown_.*]
create = admin
read = admin,member
update = admin
delete = admin

[^x_none_.*]
create = !
read = !
update = !
delete = !

[.*]
create = @
read = @
update = @
delete = @
"""


@pytest.fixture
def protected(stack, worker):
    path = os.path.join(stack.site, 'etc', 'protection.conf')
    with open(path, 'w', encoding='utf-8') as f:
        f.write(PROTECTED)
    stack.conf.set('image', property_protection_file=path)
    stack.restart_tally()
    stack.restart_worker()


def test_B52_import_keeps_to_property_protection(protected, customer, staff):
    container = customer.container()
    customer.put(container, 'disk', disk())
    for name in ('x_staff_a', 'x_shown_a', 'x_none_a'):
        r = customer.api.post('/v2/tasks', json={'type': 'import', 'input': {
            'import_from': container + '/disk', 'import_from_format': 'raw', 'image_properties': {name: '1'}}})
        assert r.status_code == 403 and name in r.json()['error']['message'], r.text
    image = customer.import_object(container, 'disk', free='1')
    assert customer.image(image)['free'] == '1'
    theirs = staff.imported(x_staff_a='secret', x_shown_a='shown', free='2')
    assert staff.image(theirs)['x_staff_a'] == 'secret'
    r = staff.api.post('/v2/tasks', json={'type': 'import', 'input': {
        'import_from': 'c/o', 'import_from_format': 'raw', 'image_properties': {'x_none_a': '1'}}})
    assert r.status_code == 403


def test_B52_clone_takes_what_the_customer_may_read(protected, stack, customer, staff):
    source = staff.imported(x_staff_a='secret', x_shown_a='shown', free='2')
    staff.replace(source, 'visibility', 'public')
    seen = customer.image(source)
    assert 'x_staff_a' not in seen and seen['x_shown_a'] == 'shown'
    clone = customer.succeeds('clone', image_id=source, image_properties={'mine': '1'})['image_id']
    rows = dict(stack.sql('SELECT name, value FROM image_properties WHERE image_id = %s AND deleted = 0', clone))
    assert 'x_staff_a' not in rows
    assert rows['free'] == '2' and rows['mine'] == '1'
    r = customer.api.post('/v2/tasks', json={'type': 'clone', 'input': {
        'image_id': source, 'image_properties': {'x_staff_b': '1'}}})
    assert r.status_code == 403 and 'x_staff_b' in r.json()['error']['message']
    theirs = staff.succeeds('clone', image_id=source)['image_id']
    assert staff.image(theirs)['x_staff_a'] == 'secret'


def test_B52_export_reveals_no_property(protected, staff, customer):
    image = staff.imported(x_staff_a='the-secret-value', x_shown_a='the-shown-value')
    container = staff.container()
    head = staff.head(container, staff.exported(image, container))
    text = repr(sorted(head.items())).lower()
    assert 'the-secret-value' not in text and 'the-shown-value' not in text and 'x_staff' not in text
