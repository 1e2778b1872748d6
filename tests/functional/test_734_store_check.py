"""tally-manage store check: objects that nobody owns, images without bytes, in a directory and in Swift."""
import json
import os
import shutil
import subprocess
import uuid

import pytest
import requests
from stores import Probe, Swift
from work import disk

DATA = disk(50_000, salt=734)
NONE = '0 objects that nobody owns (0 bytes), 0 removed; 0 images without bytes; 0 foreign\n'


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
    for entry in os.scandir(os.path.join(stack.site, 'images')):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)
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
    assert check(stack) == (1, line + '1 object that nobody owns (50000 bytes), 0 removed; 0 images without bytes; '
                            '0 foreign\n')
    assert check(stack, '--remove') == (0, line + '1 object that nobody owns (50000 bytes), 1 removed; '
                                        '0 images without bytes; 0 foreign\n')
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


def walk(base):
    return sorted(os.path.relpath(os.path.join(at, name), base) for at, folders, names in os.walk(base)
                  for name in folders + names)


def new_key():
    return '%s/%s.1' % (uuid.uuid4(), uuid.uuid4())


@pytest.mark.parametrize('driver', ['dir'], indirect=True)
def test_734_what_is_no_object_is_named_and_left_alone(stack, demo, driver, tmp_path):
    """Files of strangers, links, folders in a file's place: none of them ends the check, or is removed by it."""
    upload(demo, DATA)
    base, key, moved, linked, folder = os.path.join(stack.site, 'images'), new_key(), new_key(), new_key(), new_key()
    for name in ('README', 'backup/images.tar', 'ab/backup.tar', 'ab/ab\x1b[2J/x.1', 'zz/' + moved,
                 '%s/%s/x' % (folder[:2], folder)):
        os.makedirs(os.path.dirname(os.path.join(base, name)), exist_ok=True)
        with open(os.path.join(base, name), 'wb') as f:
            f.write(b'abc')
    os.makedirs(os.path.dirname(os.path.join(base, linked[:2], linked)))
    os.symlink('../../README', os.path.join(base, linked[:2], linked))
    os.symlink(base, os.path.join(base, 'round'))
    os.makedirs(os.path.join(base, 'lost+found'))  # a file system's own
    before = walk(base)
    Probe(stack, str(tmp_path), driver=driver, folder=stack.site).run('images', 'put', '-', key, 3, data=b'xyz')
    told = ['foreign "./README" (3 bytes)', 'foreign "./backup/" (0 bytes)', 'foreign "./ab/backup.tar" (3 bytes)',
            'foreign "./ab/ab\\u001b[2J/x.1" (3 bytes)', 'foreign "./zz/%s" (3 bytes)' % moved,
            'foreign "./round" (0 bytes)', 'foreign "./%s/%s" (0 bytes)' % (linked[:2], linked),
            'foreign "%s/x" (3 bytes)' % folder]
    for args, removed, there in ((), 0, 1), (('--remove',), 1, 1), (('--remove',), 0, 0):
        code, out = check(stack, *args)
        lines = out.splitlines()
        assert sorted(line.partition(': ')[0] for line in lines[:-1]) == sorted(
            told + ['object %s (3 bytes)' % key] * there)
        assert code == 1 and lines[-1].endswith(' %d removed; 0 images without bytes; 8 foreign' % removed)
    assert walk(base) == before


@pytest.mark.parametrize('driver', ['swift'], indirect=True)
def test_734_strangers_objects_stay_too(stack, demo, driver):
    upload(demo, DATA)
    service = Swift(stack, 'tally')
    names = ['backup.tar', 'ab\x1b/c', '%s/x' % uuid.uuid4(), new_key() + '/x', new_key() + 'g']
    for name in names:
        assert service('PUT', '/tally-images/' + requests.utils.quote(name), data=b'abc').status_code == 201
    assert service('PUT', '/tally-images_segments/mine/t/1', data=b'abc').status_code == 201
    before = service.names('tally-images') + service.names('tally-images_segments')
    code, out = check(stack, '--remove')
    assert code == 1 and out.splitlines()[-1].endswith(' 0 removed; 0 images without bytes; 6 foreign')
    assert sorted(out.splitlines()[:-1]) == sorted(
        "foreign %s (3 bytes): no object of Tally's, left alone" % json.dumps(name) for name in names + ['mine'])
    assert service.names('tally-images') + service.names('tally-images_segments') == before


@pytest.mark.parametrize('driver', ['dir'], indirect=True)
def test_734_what_cannot_be_read(stack, demo, driver):
    """One image's file, and a folder of another's: told of, and the rest is checked."""
    image, other, gone = [upload(demo, DATA) for _ in range(3)]
    keys = dict(stack.sql('SELECT image_id, value FROM image_locations'))
    path = {i: os.path.join(stack.site, 'images', key[:2], key) for i, key in keys.items()}
    os.unlink(path[gone])
    for closed, why in (path[image], ''), (os.path.dirname(path[image]), '/'):
        mode = os.stat(closed).st_mode
        os.chmod(closed, 0)
        try:
            done = unprivileged_check(stack)
        finally:
            os.chmod(closed, mode)
        lines = done.stdout.splitlines()
        assert sorted(lines[:-1]) == sorted([
            'image %s, object %s: its bytes cannot be read: open an object: Permission denied' % (image, keys[image]),
            'image %s, object %s: its bytes are not there' % (gone, keys[gone])]), done
        assert lines[-1].endswith('; 2 images without bytes; 0 foreign')
        if not why:
            assert (done.returncode, done.stderr) == (1, '')
        else:
            assert done.returncode == 77
            assert done.stderr == 'tally-manage: a folder of the store cannot be read: %s/%s/: Permission denied\n' % (
                image[:2], image)
    assert path[other]


def unprivileged_check(stack, *args):
    """Without the rights of root, whom nothing is closed to."""
    drop = ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--ambient-caps=-all'] if os.geteuid() == 0 else []
    return subprocess.run([*drop, os.path.join(stack.build, 'manage', 'tally-manage'), '--config', stack.conf.path, 'store',
                           'check', *args], capture_output=True, text=True, check=False, timeout=120,
                          env={'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', **stack.env})


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
        '0 objects that nobody owns (0 bytes), 0 removed; 2 images without bytes; 0 foreign'])
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
