"""Uploads that are ended by somebody else: the clock, the service's stop, a refusal in mid-body; and the Swift store."""
import os
import signal
import subprocess
import threading

import pytest

from image_files import NOTHING, message, new_image, path_of, put, set_aside, uploaded
from lab.service import wait_for

SIZE = 20 << 20


@pytest.fixture(scope='module')
def noise(tmp_path_factory):
    path = tmp_path_factory.mktemp('noise') / 'body'
    path.write_bytes(os.urandom(SIZE))
    return path


class Slow:
    """An upload that has begun and waits to be told to go on."""

    def __init__(self, stack, image):
        self.stack, self.image, self.go_on, self.replies = stack, image, threading.Event(), []
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        wait_for('the upload to begin', lambda: set_aside(stack, image)[0] == 'saving')

    def pieces(self):
        yield b'x' * 300_000
        self.go_on.wait(60)
        yield b'y' * 300_000

    def run(self):
        try:
            self.replies.append(put(self.stack.client('demo'), self.image, self.pieces()))
        except OSError as e:  # requests' errors are
            self.replies.append(e)

    def end(self):
        self.go_on.set()
        self.thread.join()
        return self.replies[0]


@pytest.mark.parametrize('version', ['1.1', '2'])
def test_720_refused_before_it_is_read(stack, demo, noise, version):
    """curl, which goes on sending until it is told to stop, gets the answer."""
    image = uploaded(demo, b'bytes')
    argv = ['curl', '-sS', '--http' + version, '-H', 'Expect:', '--cacert', stack.ca, '-T', noise, '-H',
            'X-Auth-Token: ' + stack.token('demo'), '-H', 'Content-Type: application/octet-stream', '-w', '\n%{http_code}',
            '--max-time', '60', stack.url + path_of(image)]
    for _ in range(4):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith('\n409') and 'saving is not allowed' in done.stdout


def test_720_refused_while_it_is_read(stack, demo, noise):
    """Of two images in one nobody needs to see the end."""
    image = new_image(demo)
    with open(noise, 'rb') as f:
        data = b'QFI\xfb' + bytes(2**16) + f.read()
    r = put(demo, image, data)
    assert r.status_code == 400 and 'qcow2' in message(r), r.text
    assert set_aside(stack, image) == NOTHING


def test_720_deadline(stack, demo):
    stack.conf.set('api', upload_deadline=2)
    stack.reload()
    image = new_image(demo)
    slow = Slow(stack, image)
    wait_for('the upload to be given up', lambda: set_aside(stack, image) == NOTHING, 20)
    r = slow.end()
    assert isinstance(r, OSError) or r.status_code in (408, 502), r
    assert put(demo, image, b'again').status_code == 204


def test_720_service_stops(stack, demo):
    """SIGTERM waits for [api] drain_timeout, then the upload is given up in good order."""
    stack.conf.set('api', drain_timeout=1)
    stack.restart_tally()
    image = new_image(demo)
    slow = Slow(stack, image)
    stack.expect_down = {'tally'}
    assert stack.tally.stop(signal.SIGTERM, 30) == 0
    assert set_aside(stack, image) == NOTHING
    slow.end()
    stack.tally.start()


def test_720_upload_ends_while_draining(stack, demo):
    image = new_image(demo)
    slow = Slow(stack, image)
    stack.expect_down = {'tally'}
    stack.tally.send(signal.SIGTERM)
    wait_for('the stop to begin', lambda: 'no new connections' in stack.log(stack.mark))
    assert slow.end().status_code == 204
    wait_for('the end', lambda: not stack.tally.running())
    stack.tally.stop()
    stack.tally.start()
    assert demo.get(path_of(image)).content == b'x' * 300_000 + b'y' * 300_000


def test_720_reload_changes_nothing_for_who_began(stack, demo):
    image = new_image(demo)
    slow = Slow(stack, image)
    stack.conf.set('image', max_bytes=1000)
    stack.reload()
    assert slow.end().status_code == 204
    assert put(demo, new_image(demo), bytes(1001)).status_code == 413


@pytest.fixture
def in_swift(stack, swift):
    """The image store in a real Swift, in the service's own account."""
    stack.conf.set('image_store', driver='swift', container='tally-images')
    stack.restart_tally()
    return swift


@pytest.mark.parametrize('size', [0, 5, 3_000_000])
def test_720_swift(stack, demo, in_swift, size):
    data = os.urandom(size)
    image = uploaded(demo, data)
    r = demo.get(path_of(image))
    assert r.status_code == 200 and r.content == data
    assert r.headers['Content-Length'] == str(size)
    if size > 10:
        r = demo.get(path_of(image), headers={'Range': 'bytes=5-14'})
        assert r.status_code == 206 and r.content == data[5:15]
        assert demo.get(path_of(image), headers={'Range': 'bytes=%d-' % size}).status_code == 416
    assert set_aside(stack, image) == ('active', [('live', size, 0)], [])
    assert demo.delete('/v2/images/' + image).status_code == 204
    assert set_aside(stack, image) == ('deleted', [], [])


def test_720_swift_is_away(stack, demo, in_swift):
    image, full = new_image(demo), uploaded(demo, b'bytes')
    in_swift.stop()
    try:
        r = put(demo, image, b'bytes')
        assert r.status_code == 503 and in_swift.url not in r.text, r.text
        assert set_aside(stack, image)[0] == 'queued'
        assert demo.get(path_of(full)).status_code == 503
        assert demo.delete('/v2/images/' + full).status_code == 204
        assert set_aside(stack, full)[:2] == ('deleted', [('dead', 5, 0)])
    finally:
        in_swift.start()
    assert put(demo, image, b'bytes').status_code == 204
    stack.sql("DELETE FROM store_objects WHERE image_id = %s", full)
