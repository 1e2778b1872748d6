"""The quotas of a project: images, bytes that are there or on their way, uploads in flight."""
import subprocess
import threading

import pytest

from image_files import NOTHING, files, message, new_image, path_of, put, set_aside, uploaded
from lab.service import wait_for

MIB = 1 << 20


def quota(stack, **options):
    stack.empty_tables()
    stack.conf.set('image', **options)
    stack.reload()


def test_724_bytes_of_a_project(stack, demo, alt):
    quota(stack, project_max_bytes=3000)
    uploaded(demo, bytes(2000))
    image = new_image(demo)
    for data in (bytes(1001), iter([bytes(1001)])):  # said beforehand, and found at the end
        r = put(demo, image, data)
        assert r.status_code == 413 and 'exceed' in message(r), r.text
        wait_for('nothing to be left', lambda: set_aside(stack, image) == NOTHING)
    assert put(demo, image, bytes(1000)).status_code == 204
    r = put(demo, new_image(demo), b'')
    assert r.status_code == 413, r.text
    uploaded(alt, bytes(3000))
    # a deleted image counts as long as its bytes are there
    assert demo.delete('/v2/images/' + image).status_code == 204
    uploaded(demo, bytes(1000))


def test_724_bytes_that_nobody_announced(stack, demo):
    """Clients send images in chunks as a rule: what comes counts while it comes, and an upload that does not end is
    ended when the quota is used up."""
    quota(stack, project_max_bytes=64 * MIB)
    image = new_image(demo)
    argv = ['curl', '-sS', '--cacert', stack.ca, '-T', '-', '-H', 'Expect:', '-H', 'X-Auth-Token: ' + stack.token('demo'),
            '-H', 'Content-Type: application/octet-stream', '-w', '\n%{http_code} %{size_upload}', stack.url + path_of(image)]
    with subprocess.Popen(['head', '-c', str(1024 * MIB), '/dev/zero'], stdout=subprocess.PIPE) as source:
        done = subprocess.run(argv, stdin=source.stdout, capture_output=True, text=True, timeout=120, check=False)
        source.stdout.close()
        source.kill()
    body, _, told = done.stdout.rpartition('\n')
    status, sent = map(int, told.split())
    assert status == 413 and 'exceed' in body, (done.stdout, done.stderr)
    assert sent < 300 * MIB
    wait_for('nothing to be left', lambda: set_aside(stack, image) == NOTHING)


def test_724_bytes_on_their_way_count(stack, demo):
    quota(stack, project_max_bytes=64 * MIB)
    go_on, piece = threading.Event(), bytes(MIB)

    def pieces():
        yield from [piece] * 40
        go_on.wait(60)
    first = new_image(demo)
    uploader = threading.Thread(target=put, args=(stack.client('demo'), first, pieces()))
    uploader.start()
    try:
        wait_for('what has come to count', lambda: stack.sql('SELECT COALESCE(MAX(size), 0) FROM store_objects')[0][0] >= 32 * MIB)
        r = put(demo, new_image(demo), bytes(33 * MIB))
        assert r.status_code == 413 and 'exceed' in message(r), r.text
    finally:
        go_on.set()
        uploader.join()
    assert set_aside(stack, first)[1] == [('live', 40 * MIB, 0)]


def test_724_dead_bytes_count(stack, demo):
    quota(stack, project_max_bytes=3000)
    image = uploaded(demo, bytes(2000))
    stack.sql("UPDATE store_objects SET state = 'dead' WHERE image_id = %s", image)
    assert put(demo, new_image(demo), bytes(1001)).status_code == 413


def at_once(stack, n, one):
    barrier, seen = threading.Barrier(n), []

    def run(client):
        barrier.wait()
        seen.append(one(client))
    clients = [stack.client('demo') for _ in range(n)]
    threads = [threading.Thread(target=run, args=(c,)) for c in clients]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return sorted(seen)


@pytest.mark.tsan
@pytest.mark.parametrize('said', [True, False])
def test_724_bytes_race(stack, demo, said):
    quota(stack, project_max_bytes=250_000)
    images = [new_image(demo) for _ in range(6)]
    data = bytes(100_000)
    seen = at_once(stack, 6, lambda c: put(c, images.pop(), data if said else iter([data])).status_code)
    assert seen == [204, 204, 413, 413, 413, 413]
    assert stack.sql('SELECT COUNT(*), SUM(size) FROM store_objects') == ((2, 200_000),)
    assert len(files(stack)) >= 2


def test_724_images_race(stack, demo):
    quota(stack, project_max_images=3)
    body = {'disk_format': 'raw', 'container_format': 'bare'}
    assert at_once(stack, 6, lambda c: c.post('/v2/images', json=body).status_code) == [201] * 3 + [413] * 3
    assert stack.sql('SELECT COUNT(*) FROM images') == ((3,),)


@pytest.mark.tsan
def test_724_in_flight(stack, demo):
    quota(stack, project_max_in_flight=1)
    first, second = new_image(demo), new_image(demo)
    go_on = threading.Event()

    def pieces():
        yield b'x'
        go_on.wait(60)
    replies = []
    uploader = threading.Thread(target=lambda: replies.append(put(stack.client('demo'), first, pieces())))
    uploader.start()
    wait_for('the upload to begin', lambda: set_aside(stack, first)[0] == 'saving')
    r = put(demo, second, b'bytes')
    assert r.status_code == 413 and 'on their way in' in message(r), r.text
    go_on.set()
    uploader.join()
    assert replies[0].status_code == 204
    assert put(demo, second, b'bytes').status_code == 204
