"""An image's bytes in and out: PUT and GET /v2/images/{id}/file through nginx, tally.fcgi and a directory store."""
import hashlib
import os
import re
import struct
import threading
import uuid

import pytest

from image_files import NOTHING, files, message, new_image, path_of, put, set_aside, uploaded
from lab.service import wait_for
from wire import connect, request

MIB = 1 << 20


@pytest.fixture(params=['nginx', 'tally'])
def sender(request, stack):
    """Who sends the bytes of a download."""
    if request.param == 'tally':
        stack.conf.set('image_store', accel_prefix='')
        stack.reload()
    return request.param


def deny_nothing(stack, image):
    assert set_aside(stack, image) == NOTHING


# --- in --------------------------------------------------------------------------------------------

@pytest.mark.tsan
@pytest.mark.parametrize('size', [0, 1, 256 << 10, (256 << 10) + 1, 3 * MIB + 17])
def test_720_bytes_come_back(stack, demo, sender, size):
    data = os.urandom(size)
    image = uploaded(demo, data)
    doc = demo.get('/v2/images/' + image).json()
    assert doc['status'] == 'active'
    assert (doc['size'], doc['virtual_size']) == (size, size)
    assert doc['checksum'] == hashlib.md5(data).hexdigest()
    assert (doc['os_hash_algo'], doc['os_hash_value']) == ('sha512', hashlib.sha512(data).hexdigest())
    r = demo.get(path_of(image))
    assert r.status_code == 200 and r.content == data
    assert r.headers['Content-Type'] == 'application/octet-stream'
    assert r.headers['Content-MD5'] == doc['checksum']
    assert r.headers['Content-Length'] == str(size)


def test_720_key_is_on_record(stack, demo):
    image = new_image(demo)
    r = put(demo, image, b'x' * 1000)
    assert r.status_code == 204 and r.content == b''
    (key,), = stack.sql('SELECT value FROM image_locations WHERE image_id = %s', image)
    assert re.fullmatch('%s/%s[.][0-9a-f]{8}' % (image, r.headers['X-Openstack-Request-Id'][4:]), key)
    assert stack.sql('SELECT state, size, project, writer_until FROM store_objects WHERE object_key = %s', key) == (
        ('live', 1000, stack.project('demo'), None),)
    assert [f for f in files(stack) if image in f] == [image[:2] + '/' + key]


def test_720_same_request_id_again(stack, demo):
    """A client may send one request id with all that it asks: what an earlier upload has left, which is yet to be
    removed, is in nobody's way."""
    image, request_id = new_image(demo), 'req-' + str(uuid.uuid4())
    stack.sql("INSERT INTO store_objects (object_key, project, image_id, epoch, state, size, created_at) VALUES"
              " (%s, %s, %s, 0, 'dead', 5, UTC_TIMESTAMP(6))", '%s/%s.0' % (image, request_id[4:]), stack.project('demo'),
              image)
    r = put(demo, image, b'x' * 1000, **{'X-Openstack-Request-Id': request_id})
    assert (r.status_code, r.headers['X-Openstack-Request-Id']) == (204, request_id), r.text
    assert demo.get(path_of(image)).content == b'x' * 1000


def test_720_without_content_length(stack, demo):
    image = new_image(demo)
    data = os.urandom(2 * MIB)
    pieces = (data[i:i + 70001] for i in range(0, len(data), 70001))
    assert put(demo, image, pieces).status_code == 204
    assert demo.get(path_of(image)).content == data


@pytest.mark.parametrize('headers', [
    {'Content-Type': 'application/json'}, {'Content-Type': 'text/plain'}, {'Content-Type': ''},
    {'Content-Encoding': 'gzip'}])
def test_721_other_media_types(stack, demo, headers):
    image = new_image(demo)
    r = put(demo, image, b'bytes', **headers)
    assert r.status_code == 415, r.text
    deny_nothing(stack, image)


def test_721_without_formats(stack, demo):
    for members, said in (({}, 'Properties disk_format, container_format must'),
                          ({'disk_format': 'raw'}, 'Property container_format must'),
                          ({'container_format': 'bare'}, 'Property disk_format must')):
        r = demo.post('/v2/images', json=members)
        assert r.status_code == 201, r.text
        image = r.json()['id']
        r = put(demo, image, b'bytes')
        assert r.status_code == 400 and said in message(r), r.text
        deny_nothing(stack, image)


def test_721_only_once(stack, demo):
    image = uploaded(demo, b'first')
    r = put(demo, image, b'second')
    assert (r.status_code, message(r)) == (409, 'Image status transition from active to saving is not allowed')
    assert demo.get(path_of(image)).content == b'first'
    assert len(set_aside(stack, image)[2]) == 1


def test_721_unknown_images(demo, alt):
    image = new_image(alt)
    for name in (str(uuid.uuid4()), 'x', image.upper(), image):
        for r in (put(demo, name, b'bytes'), demo.get(path_of(name))):
            assert (r.status_code, message(r)) == (404, 'No image found with ID ' + name)
    assert demo.post(path_of(image)).status_code == 405


def test_721_only_the_owner(stack, demo, alt, admin):
    image = new_image(demo, visibility='shared')
    assert demo.post('/v2/images/%s/members' % image, json={'member': stack.project('alt')}).status_code == 200
    r = put(alt, image, b'bytes')
    assert (r.status_code, message(r)) == (403, 'Not allowed to upload image data for image ' + image)
    deny_nothing(stack, image)
    assert put(admin, image, b'bytes').status_code == 204
    assert stack.sql('SELECT project FROM store_objects WHERE image_id = %s', image) == ((stack.project('demo'),),)


def test_722_cut_off_body(stack, demo):
    image = new_image(demo)
    head = ('PUT %s HTTP/1.1\r\nHost: x\r\nX-Auth-Token: %s\r\nContent-Type: application/octet-stream\r\n'
            'Content-Length: %d\r\n\r\n' % (path_of(image), stack.token('demo'), 4 * MIB)).encode()
    with connect(stack) as s:
        s.sendall(head + os.urandom(2 * MIB))
        wait_for('the upload to begin', lambda: set_aside(stack, image)[0] == 'saving')
        status, rows, names = set_aside(stack, image)
        assert rows == [('writing', 4 * MIB, 1)] and len(names) <= 1
    wait_for('the upload to be given up', lambda: set_aside(stack, image) == NOTHING)
    assert demo.get('/v2/images/' + image).json()['size'] is None
    assert put(demo, image, b'again').status_code == 204
    assert demo.get(path_of(image)).content == b'again'


@pytest.mark.parametrize('said', [True, False])
def test_722_over_the_limit(stack, demo, said):
    stack.conf.set('image', max_bytes=MIB)
    stack.reload()
    image = new_image(demo)
    data = os.urandom(MIB + 1)
    r = put(demo, image, data if said else iter([data]))
    assert r.status_code == 413, r.text
    wait_for('nothing to be left', lambda: set_aside(stack, image) == NOTHING)
    assert put(demo, image, data[:-1]).status_code == 204


def test_722_disk_full(stack, demo):
    stack.conf.set('image_store', min_free='1000G')
    stack.reload()
    image = new_image(demo)
    r = put(demo, image, b'x' * 1000)
    assert r.status_code == 413 and stack.folder not in r.text, r.text
    deny_nothing(stack, image)


@pytest.mark.tsan
def test_722_two_uploads_at_once(stack, demo):
    """One wins; the other is told so and leaves nothing."""
    image = new_image(demo)
    barrier, seen = threading.Barrier(4), []

    def one(fill):
        client = stack.client('demo')
        barrier.wait()
        r = put(client, image, fill * 500_000)
        seen.append((r.status_code, fill))
    threads = [threading.Thread(target=one, args=(bytes([n]),)) for n in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(s for s, _ in seen) == [204, 409, 409, 409]
    winner = next(fill for status, fill in seen if status == 204)
    assert demo.get(path_of(image)).content == winner * 500_000
    assert set_aside(stack, image)[:2] == ('active', [('live', 500_000, 0)])
    assert len(set_aside(stack, image)[2]) == 1


@pytest.mark.tsan
def test_722_deleted_meanwhile(stack, demo):
    image = new_image(demo)
    go_on = threading.Event()

    def pieces():
        yield b'x' * MIB
        go_on.wait(60)
        yield b'y' * MIB
    replies = []
    uploader = threading.Thread(target=lambda: replies.append(put(stack.client('demo'), image, pieces())))
    uploader.start()
    wait_for('the upload to begin', lambda: set_aside(stack, image)[0] == 'saving')
    assert demo.delete('/v2/images/' + image).status_code == 204
    assert set_aside(stack, image)[:2] == ('deleted', [('dead', 0, 1)])
    go_on.set()
    uploader.join()
    assert replies[0].status_code == 410, replies[0].text
    assert 'may have been deleted during the upload' in message(replies[0])
    assert set_aside(stack, image) == ('deleted', [], [])


def test_722_deletion_takes_the_bytes(stack, demo):
    image = uploaded(demo, b'bytes')
    assert demo.delete('/v2/images/' + image).status_code == 204
    assert set_aside(stack, image) == ('deleted', [], [])
    assert demo.get(path_of(image)).status_code == 404


def test_722_killed_before_the_image_is_active(stack, demo):
    """What a sweeper needs is there: the object's row, with the time after which nobody can be writing it."""
    image = new_image(demo)
    stack.expect_down = {'tally'}
    stack.tally.env['TALLY_FAULT'] = 'upload.stored=kill'
    try:
        stack.restart_tally()
        assert put(demo, image, b'bytes').status_code == 502
    finally:
        del stack.tally.env['TALLY_FAULT']
    stack.tally.kill()
    stack.tally.start()
    status, rows, names = set_aside(stack, image)
    assert (status, rows, len(names)) == ('saving', [('writing', 5, 1)], 1)
    assert put(demo, image, b'again').status_code == 409
    assert demo.get(path_of(image)).status_code == 204
    assert demo.delete('/v2/images/' + image).status_code == 204
    assert set_aside(stack, image)[:2] == ('deleted', [('dead', 5, 1)])
    os.unlink(os.path.join(stack.site, 'images', names[0]))
    stack.sql('DELETE FROM store_objects WHERE image_id = %s', image)


def test_722_database_away_at_the_end(stack, demo):
    """Whether the image is active nobody knows: its bytes stay, and are on record."""
    image = new_image(demo)
    go_on = threading.Event()

    def pieces():
        yield b'x' * MIB
        go_on.wait(60)
        yield b'y'
    replies = []
    uploader = threading.Thread(target=lambda: replies.append(put(stack.client('demo'), image, pieces())))
    uploader.start()
    wait_for('the upload to begin', lambda: set_aside(stack, image)[0] == 'saving')
    stack.mariadb.kill()
    go_on.set()
    uploader.join()
    assert replies[0].status_code == 503, replies[0].text
    stack.mariadb.start()
    status, rows, names = set_aside(stack, image)
    assert (status, rows, len(names)) == ('saving', [('writing', 0, 1)], 1)
    os.unlink(os.path.join(stack.site, 'images', names[0]))
    stack.sql("UPDATE images SET status = 'queued' WHERE id = %s", image)
    stack.sql('DELETE FROM store_objects WHERE image_id = %s', image)


# --- what it is ------------------------------------------------------------------------------------

def qcow2(virtual_size, backing=b''):
    """A header that names BACKING as its backing file."""
    head = struct.pack('>4sIQIIQIIQQIIQQQQII', b'QFI\xfb', 3, 112 if backing else 0, len(backing), 16, virtual_size,
                       0, -(-virtual_size // (512 << 20)), 0x30000, 0x10000, 1, 0, 0, 0, 0, 0, 4, 104)
    return (head + bytes(8) + backing).ljust(0x40000, b'\0')


def test_723_virtual_size(demo):
    image = uploaded(demo, qcow2(10 << 30), disk_format='qcow2')
    doc = demo.get('/v2/images/' + image).json()
    assert (doc['size'], doc['virtual_size']) == (0x40000, 10 << 30)


@pytest.mark.parametrize('fmt', ['qcow2', 'raw', 'vmdk'])
def test_723_hostile_content_is_refused(stack, demo, fmt):
    """Whatever it is called: somebody will open it."""
    image = new_image(demo, disk_format=fmt)
    r = put(demo, image, qcow2(1 << 30, b'/etc/passwd'))
    assert r.status_code == 400 and 'backing' in message(r), r.text
    assert '/etc/passwd' not in r.text
    deny_nothing(stack, image)
    assert put(demo, image, bytes(1000)).status_code == 204


@pytest.mark.parametrize('fmt', ['vhd', 'vmdk', 'ami', 'iso'])
def test_723_what_is_nothing_known_is_taken(demo, fmt):
    """As Glance takes it; only, nobody can say how large the disk is."""
    image = uploaded(demo, os.urandom(4096), disk_format=fmt)
    doc = demo.get('/v2/images/' + image).json()
    assert (doc['status'], doc['size'], doc['virtual_size']) == ('active', 4096, None)


# --- out -------------------------------------------------------------------------------------------

def test_725_no_data(demo):
    image = new_image(demo)
    for method in (demo.get, demo.head):
        r = method(path_of(image))
        assert r.status_code == 204 and r.content == b''


@pytest.mark.parametrize('asked, first, last', [
    ('bytes=0-0', 0, 0), ('bytes=10-19', 10, 19), ('bytes=99000-', 99_000, 99_999), ('bytes=-7', 99_993, 99_999),
    ('bytes=5-999999999', 5, 99_999)])
def test_725_ranges(demo, sender, asked, first, last):
    data = os.urandom(100_000)
    image = uploaded(demo, data)
    for method in (demo.get, demo.head):
        r = method(path_of(image), headers={'Range': asked})
        assert r.status_code == 206
        assert r.headers['Content-Range'] == 'bytes %d-%d/100000' % (first, last)
        assert r.headers['Content-Length'] == str(last - first + 1)
        assert r.content == (data[first:last + 1] if method == demo.get else b'')


def test_725_a_range_of_other_bytes(demo, sender):
    """If-Range names a state of the bytes that was never ours: all of them, then."""
    data = os.urandom(1000)
    image = uploaded(demo, data)
    for state in ('"other"', 'Wed, 21 Oct 2015 07:28:00 GMT'):
        r = demo.get(path_of(image), headers={'Range': 'bytes=10-19', 'If-Range': state})
        assert r.status_code == 200 and r.content == data and 'Content-Range' not in r.headers
    assert demo.get(path_of(image), headers={'Range': 'bytes=-5000'}).content == data


def test_725_ranges_outside(stack, demo, sender):
    image = uploaded(demo, bytes(1000))
    r = request(stack, 'GET', path_of(image), [('X-Auth-Token', stack.token('demo')), ('Range', 'bytes=1000-')])
    assert r.status == 416
    assert r.header('Content-Range') == ['bytes */1000']
    assert b'"code": 416' in r.body.replace(b'"code":416', b'"code": 416')
    for name in ('X-Openstack-Request-Id', 'X-Content-Type-Options', 'Strict-Transport-Security', 'Cache-Control',
                 'Content-Security-Policy'):
        assert len(r.header(name)) == 1, (name, r.header(name))


def test_725_nonsense_ranges_are_ignored(demo, sender):
    data = os.urandom(1000)
    image = uploaded(demo, data)
    for asked in ('lines=1-2', 'bytes=b-a', ''):
        r = demo.get(path_of(image), headers={'Range': asked})
        # nginx says 416 to what it cannot read
        assert (r.status_code == 200 and r.content == data) or (sender == 'nginx' and r.status_code == 416)


def test_725_head(demo, sender):
    data = os.urandom(1000)
    image = uploaded(demo, data)
    r = demo.head(path_of(image))
    assert r.status_code == 200 and r.content == b''
    assert r.headers['Content-Length'] == '1000'
    assert r.headers['Content-MD5'] == hashlib.md5(data).hexdigest()


def test_725_headers(stack, demo, sender):
    image = uploaded(demo, bytes(1000))
    r = request(stack, 'GET', path_of(image), [('X-Auth-Token', stack.token('demo'))])
    assert r.status == 200 and len(r.body) == 1000
    for name in ('X-Openstack-Request-Id', 'X-Content-Type-Options', 'Strict-Transport-Security', 'Cache-Control',
                 'Content-Security-Policy', 'Content-Type', 'Content-MD5', 'Content-Length'):
        assert len(r.header(name)) == 1, (name, r.header(name))
    assert not r.header('X-Accel-Redirect')
    assert stack.site not in r.raw.decode('latin-1')


def test_725_not_modified(demo):
    image = uploaded(demo, bytes(1000))
    etag = demo.get(path_of(image)).headers['ETag']
    assert demo.get(path_of(image), headers={'If-None-Match': etag}).status_code == 304
    assert demo.get(path_of(image), headers={'If-None-Match': '"other"'}).status_code == 200


def test_725_the_store_s_own_address_is_nobody_s(stack, demo):
    image = uploaded(demo, bytes(1000))
    (name,) = [f for f in files(stack) if image in f]
    for path in ('/.tally/store/' + name, '/%2etally/store/' + name, '/x/../.tally/store/' + name, '/images/' + name):
        r = request(stack, 'GET', path, [('X-Auth-Token', stack.token('demo'))])
        assert r.status == 404, (path, r.status)


def test_725_members_read(stack, demo, alt):
    """A member gets by id also before he has accepted."""
    image = uploaded(demo, b'bytes', visibility='shared')
    assert alt.get(path_of(image)).status_code == 404
    assert demo.post('/v2/images/%s/members' % image, json={'member': stack.project('alt')}).status_code == 200
    assert alt.get(path_of(image)).content == b'bytes'


def test_725_the_file_is_gone(stack, demo, sender):
    image = uploaded(demo, bytes(100_000))
    (name,) = [f for f in files(stack) if image in f]
    os.unlink(os.path.join(stack.site, 'images', name))
    for headers in ({}, {'Range': 'bytes=5-9'}):
        r = demo.get(path_of(image), headers=headers)
        assert r.status_code == 410 and r.json()['error']['title'] == 'Gone'
        assert message(r) == 'The data of image %s is not in the image store any more' % image
        assert 'Content-MD5' not in r.headers and 'Accept-Ranges' not in r.headers
    assert demo.head(path_of(image)).status_code == 410


def test_725_a_file_cut_short_is_seen(stack, demo, sender):
    """Fewer bytes are never sent as if they were all."""
    image = uploaded(demo, bytes(100_000))
    (name,) = [f for f in files(stack) if image in f]
    os.truncate(os.path.join(stack.site, 'images', name), 50_000)
    assert demo.get(path_of(image)).status_code == 500


# --- memory ----------------------------------------------------------------------------------------

@pytest.mark.opt
def test_726_a_gibibyte_takes_little_memory(stack, demo, sender, tmp_path):
    sparse = tmp_path / 'sparse'
    with open(sparse, 'wb') as f:
        f.truncate(1 << 30)
    image = new_image(demo)
    stack.tally.reset_peak()
    with open(sparse, 'rb') as f:
        assert put(demo, image, f).status_code == 204
    size = 0
    with demo.get(path_of(image), stream=True) as r:
        assert r.status_code == 200
        for piece in r.iter_content(MIB):
            size += len(piece)
    assert size == 1 << 30
    peak = stack.tally.peak_rss()
    print('peak %d MiB' % (peak // MIB))
    assert peak < 64 * MIB
    assert demo.delete('/v2/images/' + image).status_code == 204
