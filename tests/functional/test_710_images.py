"""/v2/images: one image made, shown and deleted, as Glance does it."""
import os
import re
import threading
import uuid

import pytest
from catalogue import NOBODY, RECORDED, changed, create, error, op, patch, share

UUID = re.compile(r'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')


def test_710_create(stack, demo):
    """The status, headers and members of Glance's recorded answer."""
    r = demo.post('/v2/images', json={'name': 'n', 'disk_format': 'raw', 'container_format': 'bare'})
    assert r.status_code == 201
    image = r.json()
    assert UUID.match(image['id'])
    assert r.headers['Location'] == '%s/v2/images/%s' % (stack.url, image['id'])
    assert r.headers['Content-Type'] == 'application/json'
    assert list(image) == RECORDED['members']
    assert re.match(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$', image['created_at'])
    assert image == {
        'name': 'n', 'disk_format': 'raw', 'container_format': 'bare', 'visibility': 'shared', 'size': None,
        'virtual_size': None, 'status': 'queued', 'checksum': None, 'protected': False, 'min_ram': 0, 'min_disk': 0,
        'owner': stack.project('demo'), 'os_hidden': False, 'os_hash_algo': None, 'os_hash_value': None,
        'id': image['id'], 'created_at': image['created_at'], 'updated_at': image['created_at'], 'tags': [],
        'self': '/v2/images/' + image['id'], 'file': '/v2/images/%s/file' % image['id'], 'schema': '/v2/schemas/image'}
    assert demo.get('/v2/images/' + image['id']).json() == image


def test_710_create_with_everything(stack, demo):
    given = {'id': str(uuid.uuid4()), 'name': '\U0001f427' * 255, 'disk_format': 'qcow2', 'container_format': 'ova',
             'visibility': 'community', 'protected': True, 'os_hidden': True, 'min_ram': 2147483647, 'min_disk': 1,
             'tags': ['b', 'a', 'b'], 'os_distro': 'debian', 'hw_disk_bus': '', 'a/b~c': '"\\\u2028\'; DROP TABLE images',
             'kernel_id': None, 'ramdisk_id': NOBODY}
    r = demo.post('/v2/images', json=given)
    assert r.status_code == 201, r.text
    assert {k: r.json()[k] for k in given} == {**given, 'tags': ['a', 'b']}
    assert demo.get('/v2/images/' + given['id']).json() == r.json()
    error(demo.post('/v2/images', json={'id': given['id']}), 409, 'Image ID %s already exists!' % given['id'])


def test_710_no_body(demo):
    error(demo.post('/v2/images'), 400, 'Body expected in request.')
    assert demo.post('/v2/images', json={}).json()['name'] is None
    error(demo.post('/v2/images', data=b'{"a": "1", "a": "2"}'), 400)
    error(demo.post('/v2/images', data=b'{', headers={'Content-Type': 'application/json'}), 400)
    error(demo.post('/v2/images', data=b'[]'), 400)
    error(demo.post('/v2/images', data=b'{}', headers={'Content-Type': 'text/plain'}), 415)


@pytest.mark.parametrize('body, status, words', [
    ({'status': 'active'}, 403, "Attribute 'status' is read-only."),
    ({'size': 1}, 403, "Attribute 'size' is read-only."),
    ({'file': 'x'}, 403, "Attribute 'file' is read-only."),
    ({'stores': 'x'}, 403, "Attribute 'stores' is read-only."),
    ({'locations': []}, 403, 'reserved'),
    ({'deleted': 'x'}, 403, "Attribute 'deleted' is reserved."),
    ({'os_glance_import_task': 'x'}, 403, 'reserved'),
    ({'visibility': 'public'}, 403, 'You are not authorized to complete publicize_image action.'),
    ({'owner': 'somebody'}, 403, "You are not permitted to create images owned by 'somebody'"),
    ({'owner': None}, 403, 'You are not permitted'),
    ({'name': 5}, 400, "does not match schema 'image': name"),
    ({'name': 'n' * 256}, 400, 'name is longer than 255 characters'),
    ({'disk_format': 'floppy'}, 400, "disk_format: 'floppy' is not one of"),
    ({'container_format': ''}, 400, 'container_format'),
    ({'min_ram': -1}, 400, "Invalid value '-1' for parameter 'min_ram': Cannot be a negative value"),
    ({'min_ram': 1 << 31}, 400, 'min_ram'),
    ({'protected': 'yes'}, 400, 'protected must be true or false'),
    ({'x': 5}, 400, 'x must be a string'),
    ({'x' * 256: 'v'}, 400, 'Custom property should not be greater than 255 characters.'),
    ({'id': 'short'}, 400, 'id must be a UUID'),
    ({'tags': ['a' * 256]}, 400, '255'),
    ({'p%d' % i: 'v' for i in range(129)}, 413, 'Attempted: 129, Maximum: 128'),
    ({'tags': ['t%d' % i for i in range(129)]}, 413, 'number of allowed image tags'),
])
def test_710_refused(stack, demo, body, status, words):
    before = stack.sql('SELECT COUNT(*) FROM images')
    error(demo.post('/v2/images', json=body), status, words)
    assert stack.sql('SELECT COUNT(*) FROM images') == before


def test_710_admin_may(stack, admin, demo):
    image = create(admin, visibility='public', owner=stack.project('demo'))
    assert image['owner'] == stack.project('demo') and image['visibility'] == 'public'
    assert demo.get('/v2/images/' + image['id']).json()['owner'] == stack.project('demo')


def test_710_head(demo):
    image = create(demo)
    r = demo.head('/v2/images/' + image['id'])
    assert r.status_code == 200 and r.content == b'' and int(r.headers['Content-Length']) > 500


@pytest.mark.parametrize('which', [NOBODY, 'none', '%27', NOBODY.replace('0', 'A'), 'x' * 300, ' ' + NOBODY])
def test_710_unknown(demo, which):
    assert error(demo.get('/v2/images/' + which), 404).startswith('No image found with ID ')
    error(demo.delete('/v2/images/' + which), 404, 'Failed to find image')


def test_710_no_token(anonymous):
    assert anonymous.get('/v2/images').status_code == 401
    assert anonymous.post('/v2/images', json={}).status_code == 401
    assert anonymous.get('/v2/schemas/image').status_code == 401


@pytest.mark.parametrize('visibility, status, seen', [
    ('private', None, False), ('shared', None, False), ('shared', 'pending', True), ('shared', 'accepted', True),
    ('shared', 'rejected', True), ('community', None, True), ('public', None, True)])
def test_710_who_sees(stack, demo, alt, admin, visibility, status, seen):
    """What one may not see is, word for word, what does not exist; what one sees is not one's to change."""
    image = create(admin, visibility=visibility, owner=stack.project('demo'))
    if status:
        share(demo, image, stack.project('alt'), status)
    mine, theirs = (c.get('/v2/images/' + image['id']) for c in (demo, alt))
    assert mine.status_code == 200 and admin.get('/v2/images/' + image['id']).status_code == 200
    r = alt.delete('/v2/images/' + image['id'])
    if seen:
        assert theirs.status_code == 200 and theirs.json() == mine.json()
        error(r, 403, 'You do not own this image')
    else:
        assert error(theirs, 404) == error(alt.get('/v2/images/' + NOBODY), 404).replace(NOBODY, image['id'])
        error(r, 404)
    assert demo.delete('/v2/images/' + image['id']).status_code == 204


def test_710_delete(stack, demo):
    image = create(demo, tags=['t'], extra={'p': 'v'})
    r = demo.delete('/v2/images/' + image['id'])
    assert r.status_code == 204 and r.content == b''
    error(demo.get('/v2/images/' + image['id']), 404, 'No image found with ID ' + image['id'])
    error(demo.delete('/v2/images/' + image['id']), 404, 'Failed to find image %s to delete' % image['id'])
    assert stack.sql('SELECT deleted, status FROM images WHERE id = %s', image['id']) == ((1, 'deleted'),)
    for table in ('image_tags', 'image_properties', 'image_members'):
        assert not stack.sql('SELECT 1 FROM %s WHERE image_id = %%s' % table, image['id'])
    error(demo.post('/v2/images', json={'id': image['id']}), 409)


def test_710_delete_protected(demo):
    image = create(demo, protected=True)
    error(demo.delete('/v2/images/' + image['id']), 403,
          'Image %s is protected and cannot be deleted.' % image['id'])
    changed(demo, image, op('replace', '/protected', False))
    assert demo.delete('/v2/images/' + image['id']).status_code == 204


def test_710_delete_at_once(demo):
    """Of several deletions at the same moment one is answered with 204."""
    image, got = create(demo), []
    clients = [demo.stack.client('demo') for _ in range(6)]
    threads = [threading.Thread(target=lambda c=c: got.append(c.delete('/v2/images/' + image['id']).status_code))
               for c in clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(got) == [204] + [404] * 5


def test_710_schemas(demo):
    one, many = demo.get('/v2/schemas/image').json(), demo.get('/v2/schemas/images').json()
    assert sorted(one['properties']) == RECORDED['schema']
    assert one['name'] == 'image' and one['additionalProperties'] == {'type': 'string'}
    assert one['properties']['disk_format']['type'] == ['null', 'string']
    assert set(one['properties']['disk_format']['enum']) == {
        None, 'ami', 'ari', 'aki', 'vhd', 'vhdx', 'vmdk', 'raw', 'qcow2', 'vdi', 'iso', 'ploop'}
    assert set(one['properties']['container_format']['enum']) == {
        None, 'ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'}
    assert one['properties']['size'].get('readOnly') and 'readOnly' not in one['properties']['id']
    assert [x['rel'] for x in one['links']] == ['self', 'enclosure', 'describedby']
    assert many['properties']['images']['items'] == one
    assert sorted(many['properties']) == ['first', 'images', 'next', 'schema']
    assert demo.get('/v2/schemas/image/' + NOBODY).status_code == 404
    r = demo.post('/v2/schemas/image')
    assert r.status_code == 405 and r.headers['Allow'] == 'GET, HEAD'


def test_710_discovery(demo):
    assert demo.get('/v2/info/import').json() == {
        'import-methods': {'description': 'Import methods available.', 'type': 'array', 'value': []}}
    assert demo.get('/v2/info/stores').json() == {'stores': [{'id': 'images', 'default': 'true'}]}


def test_710_quota(stack, demo, alt):
    stack.sql('UPDATE images SET deleted = 1 WHERE owner = %s', stack.project('demo'))
    stack.conf.set('image', project_max_images=3)
    stack.reload()
    got = [demo.post('/v2/images', json={}).status_code for _ in range(4)]
    assert got == [201, 201, 201, 413]
    assert alt.post('/v2/images', json={}).status_code == 201


def test_710_property_protection(stack, demo, admin, tmp_path):
    """Glance's file holds for POST, PATCH, GET and lists."""
    path = tmp_path / 'protect.conf'
    path.write_text('[^x_.*]\ncreate = admin\nread = admin\nupdate = admin\ndelete = admin\n'
                    '[^r_.*]\ncreate = admin\nread = @\nupdate = !\ndelete = member,admin\n'
                    '[.*]\ncreate = @\nread = @\nupdate = @\ndelete = @\n')
    stack.conf.set('image', property_protection_file=str(path))
    stack.reload()
    error(demo.post('/v2/images', json={'x_a': '1'}), 403, "Attribute 'x_a' is reserved.")
    image = create(admin, owner=stack.project('demo'), name='guarded', extra={'x_a': '1', 'r_a': '2', 'f': '3'})
    assert image['x_a'] == '1'
    seen = demo.get('/v2/images/' + image['id']).json()
    assert 'x_a' not in seen and seen['r_a'] == '2'
    listed = demo.get('/v2/images?name=guarded').json()['images'][0]
    assert listed == seen
    assert demo.get('/v2/images?name=guarded&x_a=1').json()['images'] == []
    assert admin.get('/v2/images?name=guarded&x_a=1').json()['images'] == [image]
    error(patch(demo, image, op('replace', '/x_a', '5')), 409, 'Property x_a does not exist.')
    error(patch(demo, image, op('add', '/x_a', '5')), 403, "Attribute 'x_a' is reserved.")
    error(patch(demo, image, op('remove', '/x_a')), 409)
    error(patch(demo, image, op('replace', '/r_a', '5')), 403)
    error(patch(admin, image, op('replace', '/r_a', '5')), 403)
    assert 'r_a' not in changed(demo, image, op('remove', '/r_a'), op('add', '/g', '1'))
    assert admin.get('/v2/images/' + image['id']).json()['x_a'] == '1'


def test_710_tasks(stack, demo, alt, admin):
    """The tasks of an image: of those who asked for them, with their input."""
    image = create(demo, visibility='community')
    got = {}
    for client, project in ((demo, 'demo'), (alt, 'alt')):
        r = client.post('/v2/tasks', json={'type': 'clone', 'input': {'image_id': image['id']}})
        assert r.status_code == 201, r.text
        got[project] = r.json()['id']
        stack.sql('UPDATE tasks SET image_id = %s WHERE id = %s', image['id'], got[project])
    path = '/v2/images/%s/tasks' % image['id']
    mine = demo.get(path).json()
    assert [t['id'] for t in mine['tasks']] == [got['demo']] and list(mine) == ['tasks']
    assert mine['tasks'][0]['input'] == {'image_id': image['id']}
    assert [t['id'] for t in alt.get(path).json()['tasks']] == [got['alt']]
    assert [t['id'] for t in admin.get(path).json()['tasks']] == [got['demo'], got['alt']]
    assert demo.get('/v2/images/%s/tasks' % create(demo)['id']).json() == {'tasks': []}
    error(alt.get('/v2/images/%s/tasks' % create(demo)['id']), 404)
    error(demo.get('/v2/images/%s/tasks' % NOBODY), 404)


def files(stack):
    return {os.path.join(folder, f) for folder, _, names in os.walk(os.path.join(stack.site, 'images')) for f in names}


def test_710_delete_removes_the_bytes(stack, demo):
    image, before = create(demo, disk_format='raw', container_format='bare'), files(stack)
    r = demo.put(image['file'], data=b'x' * 1000, headers={'Content-Type': 'application/octet-stream'})
    assert r.status_code == 204, r.text
    assert stack.sql('SELECT state FROM store_objects WHERE image_id = %s', image['id']) == (('live',),)
    assert len(files(stack)) > len(before)
    assert demo.delete('/v2/images/' + image['id']).status_code == 204
    assert stack.sql('SELECT state FROM store_objects WHERE image_id = %s', image['id']) == ()
    assert files(stack) == before
