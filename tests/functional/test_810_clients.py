"""The clients that people have: python-glanceclient, python-openstackclient, openstacksdk and the object commands
beside them, as Debian ships them."""
import json
import os

import pytest

from clients import Cli, read, table, write
from customers import disk, md5, sha512

pytestmark = pytest.mark.usefixtures('fresh_module', 'worker')


@pytest.fixture
def demo_cli(stack):
    return Cli(stack)


@pytest.fixture
def alt_cli(stack):
    return Cli(stack, 'alt')


def test_glance_tasks(customer, demo_cli):
    container, data = customer.container(), disk()
    customer.put(container, 'disk', data)
    text = demo_cli('glance', 'task-create', '--type', 'import', '--input', json.dumps({
        'import_from': container + '/disk', 'import_from_format': 'raw', 'image_properties': {'name': 'by glance'}}))
    made = table(text)
    assert (made['type'], made['status'], made['owner']) == ('import', 'pending', customer.project)
    assert customer.wait(made['id'])['status'] == 'success'
    shown = table(demo_cli('glance', 'task-show', made['id']))
    assert shown['status'] == 'success' and shown['id'] == made['id']
    image = customer.task(made['id'])['result']['image_id']
    assert image in shown['result']
    listed = demo_cli('glance', 'task-list', '--sort-key', 'status', '--sort-dir', 'desc', '--page-size', '1')
    assert made['id'] in listed
    assert made['id'] in demo_cli('glance', 'task-list', '--type', 'import', '--status', 'success')
    refused = demo_cli.run('glance', 'task-create', '--type', 'import', '--input', '{}')
    assert refused.returncode != 0 and 'import_from' in refused.stderr
    of_image = demo_cli('glance', 'image-tasks', image)  # prints message, status and time only
    assert '| success |' in of_image and customer.task(made['id'])['updated_at'] in of_image


def test_glance_images(stack, customer, demo_cli, alt_cli, tmp_path):
    data = disk()
    path, back = write(str(tmp_path), 'disk', data), str(tmp_path / 'back')
    made = table(demo_cli('glance', 'image-create', '--name', 'first', '--disk-format', 'raw', '--container-format',
                          'bare', '--property', 'colour=blue', '--file', path))
    image = made['id']
    assert (made['status'], made['checksum'], made['colour']) == ('active', md5(data), 'blue')
    assert customer.image(image)['os_hash_value'] == sha512(data)
    assert image in demo_cli('glance', 'image-list')
    assert image in demo_cli('glance', 'image-list', '--property-filter', 'name=first')
    shown = table(demo_cli('glance', 'image-show', image))
    assert (shown['name'], shown['size']) == ('first', str(len(data)))
    changed = table(demo_cli('glance', 'image-update', '--name', 'second', '--property', 'shape=round',
                             '--remove-property', 'colour', image))
    assert (changed['name'], changed['shape']) == ('second', 'round') and 'colour' not in changed
    demo_cli('glance', 'image-download', '--file', back, image)
    assert read(back) == data
    demo_cli('glance', 'image-tag-update', image, 'good')
    assert customer.image(image)['tags'] == ['good']
    demo_cli('glance', 'image-tag-delete', image, 'good')
    other = stack.project('alt')
    demo_cli('glance', 'member-create', image, other)
    assert other in demo_cli('glance', 'member-list', '--image-id', image)
    alt_cli('glance', 'member-update', image, other, 'accepted')
    assert image in alt_cli('glance', 'image-list')
    demo_cli('glance', 'member-delete', image, other)
    demo_cli('glance', 'image-deactivate', image)
    demo_cli('glance', 'image-reactivate', image)
    demo_cli('glance', 'image-delete', image)
    assert demo_cli.run('glance', 'image-show', image).returncode != 0


def test_openstack_images(stack, customer, demo_cli, alt_cli, tmp_path):
    data = disk()
    path, back = write(str(tmp_path), 'disk', data), str(tmp_path / 'back')

    def document(text):
        return json.loads(text)
    made = document(demo_cli('openstack', 'image', 'create', '-f', 'json', '--disk-format', 'raw', '--file', path,
                             '--property', 'colour=blue', '--tag', 'good', 'by-openstack'))
    image = made['id']
    assert customer.image(image)['checksum'] == md5(data)
    listed = document(demo_cli('openstack', 'image', 'list', '-f', 'json'))
    assert image in [i['ID'] for i in listed]
    shown = document(demo_cli('openstack', 'image', 'show', '-f', 'json', 'by-openstack'))
    assert (shown['id'], shown['size'], shown['tags']) == (image, len(data), ['good'])
    assert shown['properties']['colour'] == 'blue'
    demo_cli('openstack', 'image', 'set', '--property', 'shape=round', '--name', 'renamed', '--min-disk', '3', image)
    demo_cli('openstack', 'image', 'unset', '--property', 'colour', '--tag', 'good', image)
    doc = customer.image(image)
    assert (doc['name'], doc['shape'], doc['min_disk'], doc['tags']) == ('renamed', 'round', 3, [])
    assert 'colour' not in doc
    demo_cli('openstack', 'image', 'save', '--file', back, image)
    assert read(back) == data
    other = stack.project('alt')
    demo_cli('openstack', 'image', 'add', 'project', image, other)
    alt_cli('openstack', 'image', 'set', '--accept', image)
    members = document(demo_cli('openstack', 'image', 'member', 'list', '-f', 'json', image))
    assert [(m['Member ID'], m['Status']) for m in members] == [(other, 'accepted')]
    demo_cli('openstack', 'image', 'remove', 'project', image, other)
    demo_cli('openstack', 'image', 'delete', image)
    assert customer.api.get('/v2/images/' + image).status_code == 404


SDK = """
import json, sys, openstack
conn = openstack.connect()
container, name, target = %(container)r, 'disk', %(target)r
task = conn.image.create_task(type='import', input={'import_from': container + '/' + name,
                              'import_from_format': 'raw', 'image_properties': {'name': 'by sdk'}})
conn.image.wait_for_task(task, status='success', failures=['failure'], interval=1, wait=60)
done = conn.image.get_task(task.id)
ids = [t.id for t in conn.image.tasks()]
image = conn.image.get_image(done.result['image_id'])
found = conn.image.find_image('by sdk')
with open(target, 'wb') as f:
    f.write(conn.image.download_image(image).content)
made = conn.image.create_image(name='uploaded by sdk', filename=target, disk_format='raw', container_format='bare',
                               wait=True, colour='green')
conn.image.update_image(made.id, name='renamed')
names = sorted(i.name for i in conn.image.images())
conn.image.add_tag(made, 'tagged')
tags = conn.image.get_image(made.id).tags
try:
    conn.image.create_task(type='import', input={})
    refused = ''
except openstack.exceptions.BadRequestException as e:
    refused = str(e)
conn.image.delete_image(made.id)
print(json.dumps({'task': task.id, 'status': done.status, 'ids': ids, 'image': image.id, 'found': found.id,
                  'names': names, 'tags': list(tags), 'refused': refused}))
"""


def test_openstacksdk(customer, demo_cli, tmp_path):
    container, data = customer.container(), disk()
    customer.put(container, 'disk', data)
    target = os.path.join(str(tmp_path), 'back')
    out = json.loads(demo_cli.python(SDK % {'container': container, 'target': target}))
    assert out['status'] == 'success' and out['task'] in out['ids']
    assert out['image'] == out['found'] and out['image'] in customer.owned()
    assert 'by sdk' in out['names'] and 'renamed' in out['names']
    assert out['tags'] == ['tagged']
    assert 'import_from' in out['refused']
    assert read(target) == data


def test_objects_beside_it(customer, demo_cli, tmp_path):
    data = disk()
    path, back = write(str(tmp_path), 'disk', data), str(tmp_path / 'back')
    demo_cli('openstack', 'container', 'create', 'beside')
    demo_cli('openstack', 'object', 'create', '--name', 'disk', 'beside', path)
    image = customer.import_object('beside', 'disk')
    name = customer.exported(image, 'beside')
    assert name in demo_cli('openstack', 'object', 'list', 'beside')
    demo_cli('openstack', 'object', 'save', '--file', back, 'beside', name)
    assert read(back) == data
    demo_cli('openstack', 'object', 'delete', 'beside', name)
    assert customer.bytes_of(image) == data
