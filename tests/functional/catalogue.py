"""What the tests of /v2/images share."""
import json

PATCH = 'application/openstack-images-v2.1-json-patch'
PATCH_V20 = 'application/openstack-images-v2.0-json-patch'
NOBODY = '00000000-0000-4000-8000-000000000000'


def create(client, **members):
    """A new image; members with '__' for what Python takes no name for are given as a dict under `extra`."""
    body = {'name': 'n', **members.pop('extra', {}), **members}
    r = client.post('/v2/images', json=body)
    assert r.status_code == 201, r.text
    return r.json()


def patch(client, image, *operations, kind=PATCH):
    return client.patch('/v2/images/' + (image if isinstance(image, str) else image['id']),
                        data=json.dumps(list(operations)), headers={'Content-Type': kind})


def op(what, path, *value):
    out = {'op': what, 'path': path}
    if value:
        out['value'] = value[0]
    return out


def changed(client, image, *operations):
    r = patch(client, image, *operations)
    assert r.status_code == 200, r.text
    return r.json()


def share(owner, image, member, status=None):
    """MEMBER is a client of the project that IMAGE is shared with; the rows are made as the members API makes them."""
    stack = owner.stack
    stack.sql('INSERT INTO image_members (image_id, member, created_at, updated_at, status, image_created_at)'
              ' SELECT id, %s, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), %s, created_at FROM images WHERE id = %s', member,
              status or 'pending', image['id'])


def names(client, query=''):
    r = client.get('/v2/images' + query)
    assert r.status_code == 200, r.text
    return [i['name'] for i in r.json()['images']]


def error(r, status, text=None):
    """R is an error of this status whose message holds TEXT."""
    assert r.status_code == status, (r.status_code, r.text)
    e = r.json()['error']
    assert e['code'] == status
    if text:
        assert text in e['message'], e['message']
    return e['message']


def no_images(stack):
    """A catalogue without images."""
    with stack.connect() as db, db.cursor() as cur:
        for table in ('import_sources', 'image_locations', 'image_members', 'image_tags', 'image_properties', 'images'):
            cur.execute('DELETE FROM ' + table)


RECORDED = {
    # the order of Glance's members, as it answered POST /v2/images
    'members': ['name', 'disk_format', 'container_format', 'visibility', 'size', 'virtual_size', 'status', 'checksum',
                'protected', 'min_ram', 'min_disk', 'owner', 'os_hidden', 'os_hash_algo', 'os_hash_value', 'id',
                'created_at', 'updated_at', 'tags', 'self', 'file', 'schema'],
    'schema': ['architecture', 'checksum', 'cinder_encryption_key_deletion_policy', 'cinder_encryption_key_id',
               'container_format', 'created_at', 'description', 'direct_url', 'disk_format', 'file', 'id',
               'instance_uuid', 'kernel_id', 'locations', 'min_disk', 'min_ram', 'name', 'os_distro', 'os_hash_algo',
               'os_hash_value', 'os_hidden', 'os_version', 'owner', 'protected', 'ramdisk_id', 'schema', 'self', 'size',
               'status', 'stores', 'tags', 'updated_at', 'virtual_size', 'visibility'],
}
