"""PATCH /v2/images/{id}: JSON patch as Glance takes it."""
import json
import threading

import pytest
from catalogue import NOBODY, PATCH, PATCH_V20, changed, create, error, op, patch, share


def test_711_members(demo):
    image = create(demo, extra={'a': '1'})
    after = changed(demo, image, op('replace', '/name', 'new'), op('replace', '/tags', ['z', 'y', 'z']),
                    op('add', '/min_disk', 7), op('replace', '/visibility', 'community'),
                    op('replace', '/os_hidden', True), op('replace', '/disk_format', 'iso'))
    assert (after['name'], after['tags'], after['min_disk'], after['visibility'], after['os_hidden'],
            after['disk_format']) == ('new', ['y', 'z'], 7, 'community', True, 'iso')
    assert after['a'] == '1' and after['created_at'] == image['created_at']
    assert demo.get('/v2/images/' + image['id']).json() == after
    assert changed(demo, image, op('replace', '/name', None), op('replace', '/tags', []))['tags'] == []


def test_711_properties(demo):
    image = create(demo, extra={'a': '1', 'b': '2'})
    after = changed(demo, image, op('add', '/c', '3'), op('remove', '/a'), op('replace', '/b', '4'),
                    op('add', '/x~1y~0z', '5'), op('add', '/ blank ', '6'), op('add', '/c', '7'))
    assert {k: after.get(k) for k in ('a', 'b', 'c', 'x/y~z', 'blank')} == {
        'a': None, 'b': '4', 'c': '7', 'x/y~z': '5', 'blank': '6'}
    assert demo.get('/v2/images/' + image['id']).json() == after


def test_711_order_matters(demo):
    image = create(demo, extra={'a': '1'})
    error(patch(demo, image, op('remove', '/a'), op('replace', '/a', '2')), 409, 'Property a does not exist.')
    assert demo.get('/v2/images/' + image['id']).json()['a'] == '1'
    assert changed(demo, image, op('remove', '/a'), op('add', '/a', '2'))['a'] == '2'


def test_711_empty(demo, alt):
    image = create(demo, visibility='community')
    assert changed(demo, image) == image
    assert changed(alt, image) == image  # who changes nothing need not own it


def test_711_v20(demo):
    image = create(demo, extra={'a': '1'})
    r = patch(demo, image, {'replace': '/name', 'value': 'v20'}, {'add': '/b', 'value': '2'}, {'remove': '/a'},
              kind=PATCH_V20)
    assert r.status_code == 200 and r.json()['name'] == 'v20' and r.json()['b'] == '2' and 'a' not in r.json()
    error(patch(demo, image, {'add': '/b', 'value': '3'}, kind=PATCH_V20), 409, 'Property b already present.')
    error(patch(demo, image, op('add', '/b', '3'), kind=PATCH_V20), 400)


@pytest.mark.parametrize('kind', ['application/json', 'application/json-patch+json', '', 'text/plain', PATCH + 'x'])
def test_711_media_type(demo, kind):
    image = create(demo)
    r = patch(demo, image, op('replace', '/name', 'x'), kind=kind)
    error(r, 415)
    assert r.headers['Accept-Patch'] == ', '.join((PATCH_V20, PATCH))


def test_711_charset(demo):
    image = create(demo)
    assert patch(demo, image, op('replace', '/name', 'x'), kind=PATCH + '; charset=utf-8').status_code == 200


@pytest.mark.parametrize('operation, status, words', [
    (op('replace', '/status', 'active'), 403, "Attribute 'status' is read-only."),
    (op('replace', '/id', NOBODY), 403, "Attribute 'id' is read-only."),
    (op('remove', '/size'), 403, "Attribute 'size' is read-only."),
    (op('add', '/direct_url', 'file:///etc/passwd'), 403, 'read-only'),
    (op('add', '/location', 'x'), 403, "Attribute 'location' is reserved."),
    (op('add', '/os_glance_x', 'x'), 403, 'reserved'),
    (op('add', '/locations/-', {'url': 'file:///etc/passwd', 'metadata': {}}), 403, 'locations are invisible'),
    (op('replace', '/locations', []), 403, 'locations'),
    (op('remove', '/name'), 403, 'Property name may not be removed.'),
    (op('replace', '/owner', 'x'), 403, "Owner can't be updated by non admin."),
    (op('add', '/owner', 'x'), 403, "Owner can't be updated by non admin."),
    (op('replace', '/visibility', 'public'), 403, 'publicize_image'),
    (op('replace', '/nothing', 'x'), 409, 'Property nothing does not exist.'),
    (op('remove', '/nothing'), 409, 'Property nothing does not exist.'),
    (op('move', '/name'), 400, 'Invalid operation: `move`. It must be one of the following: add, remove, replace.'),
    (op('add', '/name'), 400, 'requires a member named "value"'),
    (op('add', 'name', 'x'), 400, 'does not start with "/"'),
    (op('add', '/a//b', 'x'), 400, 'adjacent'),
    (op('add', '/a/', 'x'), 400, 'end with'),
    (op('add', '/a~2', 'x'), 400, 'recognized escape'),
    (op('add', '/tags/-', 'x'), 400, 'Invalid JSON pointer for this resource'),
    (op('add', '/', 'x'), 400, None),
    (op('add', '/a\0', 'x'), 400, None),
    (op('replace', '/min_ram', '5'), 400, 'min_ram must be an integer'),
    (op('replace', '/min_ram', 1e30), 400, 'min_ram'),
    (op('replace', '/protected', None), 400, 'protected'),
    (op('replace', '/visibility', 'all'), 400, 'visibility'),
    (op('add', '/x', ['a']), 400, 'x must be a string'),
    ({}, 400, 'Unable to find `op`'),
    ({'op': 'remove'}, 400, "Unable to find 'path'"),
    ('remove', 400, 'Operations must be JSON objects.'),
])
def test_711_refused(demo, operation, status, words):
    image = create(demo)
    error(patch(demo, image, op('replace', '/name', 'lost'), operation), status, words)
    assert demo.get('/v2/images/' + image['id']).json() == image


def test_711_not_an_array(demo):
    image = create(demo)
    r = demo.patch('/v2/images/' + image['id'], data='{}', headers={'Content-Type': PATCH})
    error(r, 400, 'Request body must be a JSON array of operation objects.')
    error(demo.patch('/v2/images/' + image['id'], data='', headers={'Content-Type': PATCH}), 400)
    error(demo.patch('/v2/images/' + image['id'], data='[', headers={'Content-Type': PATCH}), 400)
    error(patch(demo, NOBODY, op('replace', '/name', 'x')), 404, 'No image found with ID ' + NOBODY)


def test_711_formats_of_an_active_image(stack, demo):
    image = create(demo, disk_format='raw', container_format='bare')
    stack.sql("UPDATE images SET status = 'active', size = 0 WHERE id = %s", image['id'])
    for member in ('disk_format', 'container_format'):
        error(patch(demo, image, op('replace', '/' + member, 'ami')), 403,
              'Attribute %s can be only replaced for a queued image.' % member)
    assert changed(demo, image, op('replace', '/name', 'still'))['status'] == 'active'


def test_711_foreign(stack, demo, alt, admin):
    """403 for what one sees but does not own, 404 for the rest; an administrator may, and may give it away."""
    image = create(demo, visibility='private')
    error(patch(alt, image, op('replace', '/name', 'x')), 404)
    changed(demo, image, op('replace', '/visibility', 'shared'))
    error(patch(alt, image, op('replace', '/name', 'x')), 404)
    share(demo, image, stack.project('alt'), 'accepted')
    error(patch(alt, image, op('replace', '/name', 'x')), 403, 'You do not own this image')
    assert changed(admin, image, op('replace', '/visibility', 'public'))['visibility'] == 'public'
    error(patch(alt, image, op('replace', '/name', 'x')), 403)
    assert changed(admin, image, op('replace', '/owner', stack.project('alt')))['owner'] == stack.project('alt')
    error(patch(demo, image, op('replace', '/name', 'x')), 403)
    assert changed(alt, image, op('replace', '/name', 'mine'))['name'] == 'mine'


def test_711_limits(demo):
    image = create(demo, extra={'p%d' % i: 'v' for i in range(127)})
    assert changed(demo, image, op('add', '/q', 'v'))['q'] == 'v'
    error(patch(demo, image, op('add', '/r', 'v')), 413, 'Attempted: 129, Maximum: 128')
    changed(demo, image, op('remove', '/q'), op('add', '/r', 'v'))
    error(patch(demo, image, op('replace', '/tags', ['t%d' % i for i in range(129)])), 413, 'image tags')


def test_711_bomb(demo):
    """As many operations as a body holds are done in little time and memory."""
    image = create(demo)
    many = [op('add', '/p%d' % (i % 128), 'v%d' % i) for i in range(15000)]
    body = json.dumps(many, separators=(',', ':'))
    assert len(body) < 1 << 20
    r = demo.patch('/v2/images/' + image['id'], data=body, headers={'Content-Type': PATCH}, timeout=20)
    assert r.status_code == 200 and r.json()['p0'] == 'v14976'
    error(patch(demo, image, *[op('add', '/q%d' % i, 'v') for i in range(15000)]), 413)
    deep = '[' * 2000 + ']' * 2000
    error(demo.patch('/v2/images/' + image['id'], data=deep, headers={'Content-Type': PATCH}), 400)


def test_711_long_properties(demo):
    """What an image holds is bounded, however many patches bring it."""
    image = create(demo)
    big = 'x' * 600000
    assert changed(demo, image, op('add', '/a', big))['a'] == big
    error(patch(demo, image, op('add', '/b', big)), 413, "The image's properties have")
    assert changed(demo, image, op('replace', '/a', 'x'), op('add', '/b', big))['b'] == big


def test_711_at_once(stack, demo):
    """Patches at the same moment: none is lost."""
    image, failed = create(demo), []

    def change(n):
        client = stack.client('demo')
        for i in range(6):
            r = patch(client, image, op('add', '/t%d_%d' % (n, i), 'v'))
            if r.status_code != 200:
                failed.append(r.text)

    threads = [threading.Thread(target=change, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failed, failed
    after = demo.get('/v2/images/' + image['id']).json()
    assert sum(1 for k in after if k.startswith('t') and '_' in k) == 48
