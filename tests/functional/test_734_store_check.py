"""tally-manage store check: objects that nobody owns, images without bytes, in a directory and in Swift."""
import os
import uuid

import pytest
from stores import Probe, Swift
from work import disk

DATA = disk(50_000, salt=734)
NONE = '0 objects that nobody owns (0 bytes), 0 removed; 0 images without bytes\n'


def upload(demo, data):
    made = demo.post('/v2/images', json={'name': 'x', 'disk_format': 'raw', 'container_format': 'bare'})
    assert made.status_code == 201
    image = made.json()['id']
    sent = demo.put('/v2/images/%s/file' % image, data=data, headers={'Content-Type': 'application/octet-stream'})
    assert sent.status_code == 204, sent.text
    return image


@pytest.fixture(params=['dir', 'swift'])
def driver(request, stack):
    """The stack with its image store there, nothing in it."""
    stack.empty_tables()
    for base, _, names in os.walk(os.path.join(stack.site, 'images')):
        for name in names:
            os.unlink(os.path.join(base, name))
    if request.param == 'swift':
        stack.swift.start()
        stack.conf.set('image_store', driver='swift')
        stack.conf.set('object_store', large_object_bytes='20000', segment_bytes='20000')
        stack.restart_tally()
    yield request.param
    stack.empty_tables()
    if request.param == 'swift':
        Swift(stack, 'tally').empty()


def check(stack, *args):
    done = stack.manage('store', 'check', *args, check=False)
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout


def test_734_in_order(stack, demo, driver):
    assert check(stack) == (0, NONE)
    upload(demo, DATA)
    assert check(stack) == (0, NONE)
    assert check(stack, '--remove') == (0, NONE)
    assert driver in ('dir', 'swift')


def test_734_ownerless(stack, demo, driver, tmp_path):
    image = upload(demo, DATA)
    probe = Probe(stack, str(tmp_path), driver=driver, folder=stack.site, large=20000, segment=20000)
    key = '%s/%s.1' % (uuid.uuid4(), uuid.uuid4())
    probe.run('images', 'put', '-', key, len(DATA), data=DATA)  # in Swift a large object, told once
    line = 'object %s (50000 bytes): nobody owns it\n' % key
    assert check(stack) == (1, line + '1 object that nobody owns (50000 bytes), 0 removed; 0 images without bytes\n')
    assert check(stack, '--remove') == (0, line + '1 object that nobody owns (50000 bytes), 1 removed; '
                                        '0 images without bytes\n')
    assert check(stack) == (0, NONE)
    assert demo.get('/v2/images/%s/file' % image).content == DATA


@pytest.mark.parametrize('driver', ['swift'], indirect=True)  # a file has no parts
def test_734_parts_without_their_object(stack, demo, driver):
    upload(demo, DATA)
    service, key = Swift(stack, 'tally'), '%s/%s.1' % (uuid.uuid4(), uuid.uuid4())
    assert service('PUT', '/tally-images_segments/%s/t.1/00000000' % key, data=b'abc').status_code == 201
    code, out = check(stack)
    assert code == 1 and out.startswith('object %s (3 bytes): nobody owns it\n' % key)
    assert check(stack, '--remove')[0] == 0
    assert check(stack) == (0, NONE)
    assert len(service.names('tally-images_segments')) == 3


def test_734_without_bytes(stack, demo, driver, tmp_path):
    image = upload(demo, DATA)
    other = upload(demo, DATA[::-1])
    probe = Probe(stack, str(tmp_path), driver=driver, folder=stack.site)
    keys = dict(stack.sql('SELECT image_id, value FROM image_locations'))
    probe.run('images', 'remove', '-', keys[image])
    stack.sql('UPDATE images SET size = 3 WHERE id = %s', other)
    code, out = check(stack, '--remove')
    assert code == 1
    assert sorted(out.splitlines()) == sorted([
        'image %s, object %s: its bytes are not there' % (image, keys[image]),
        'image %s, object %s: it has another number of bytes than the database says' % (other, keys[other]),
        '0 objects that nobody owns (0 bytes), 0 removed; 2 images without bytes'])
    stack.sql('DELETE FROM image_locations WHERE image_id = %s', image)
    assert 'image %s: the database does not say where its bytes are\n' % image in check(stack)[1]


def test_734_a_store_that_is_away(stack, demo, driver):
    """Is no store without bytes."""
    upload(demo, DATA)
    if driver == 'swift':
        stack.swift.stop()
    else:
        os.rename(os.path.join(stack.site, 'images'), os.path.join(stack.site, 'away'))
    try:
        done = stack.manage('store', 'check', '--remove', check=False)
    finally:
        if driver == 'dir':
            os.rename(os.path.join(stack.site, 'away'), os.path.join(stack.site, 'images'))
        else:
            stack.swift.start()
    assert done.returncode == 69 and 'image' not in done.stdout
    assert check(stack) == (0, NONE)


def test_734_usage(stack):
    assert stack.manage('store', 'check', '--what', check=False).returncode == 64
    assert stack.manage('store', 'check', 'x', check=False).returncode == 64
    assert stack.manage('store', check=False).returncode == 64
