"""store/swift*.c against a real Swift: reading, writing, large objects, copies, lists, removing."""
import random
import time

import pytest
from lab.service import wait_for
from stores import MIB, Customer, Probe, Swift, md5, slo_etag

SMALL = random.Random(730).randbytes(300000)
LARGE = random.Random(731).randbytes(5 * MIB + 12345)
PARTS = [LARGE[i:i + 2 * MIB] for i in range(0, len(LARGE), 2 * MIB)]


@pytest.fixture
def swift(stack):
    stack.swift.start()
    demo = Swift(stack, 'demo')
    yield demo
    stack.swift.start()
    for user in ('demo', 'alt', 'tally'):
        Swift(stack, user).empty()


@pytest.fixture
def probe(stack, swift, tmp_path):
    return Probe(stack, str(tmp_path))


@pytest.fixture
def demo(probe, swift):
    swift.container('box')
    return Customer(probe, swift)


@pytest.fixture
def images(probe):
    return lambda *args, **more: probe.run('images', *args, **more)


# --- customers' containers ---

def test_730_written_and_read(demo, swift):
    assert demo.put('box', 'small', SMALL, 'tally-exported=1', 'tally-image-id=x') == ([], len(SMALL), md5(SMALL))
    reply = swift('GET', '/box/small')
    assert reply.content == SMALL and reply.headers['Etag'] == md5(SMALL)
    assert reply.headers['X-Object-Meta-Tally-Exported'] == '1'
    assert reply.headers['Content-Type'] == 'application/octet-stream'
    assert demo.stat('box', 'small') == (len(SMALL), md5(SMALL), {'tally-exported': '1', 'tally-image-id': 'x'})
    assert demo('get', 'box', 'small') == SMALL
    assert demo('get', 'box', 'small', 123456) == SMALL[123456:]
    assert demo('get', 'box', 'small', len(SMALL)) == b''
    assert demo('get', 'box', 'small', 0, md5(SMALL)) == SMALL
    assert demo('get', 'box', 'small', 0, md5(b''), fails='CONFLICT') == 'the object is not what it was'
    assert demo('get', 'box', 'small', 5, md5(b''), fails='CONFLICT') == 'the object is not what it was'


@pytest.mark.parametrize('size', [None, -1])
@pytest.mark.parametrize('data', [b'', b'x', SMALL], ids=['empty', 'one', 'small'])
def test_730_small_ones_are_plain_objects(demo, swift, data, size):
    segments, told, etag = demo.put('box', 'o', data, 'k=v', size=size)
    assert (told, etag) == (len(data), md5(data))
    reply = swift('GET', '/box/o')
    assert reply.content == data and 'X-Static-Large-Object' not in reply.headers
    assert reply.headers['X-Object-Meta-K'] == 'v'
    assert swift.names('box_segments') == []
    assert [c for c, _ in segments] == (['box_segments'] if size == -1 else [])


@pytest.mark.parametrize('size', [None, -1])
def test_730_large_ones_are_segments(demo, swift, size):
    segments, told, etag = demo.put('box', 'd/large', LARGE, 'k=v', size=size)
    assert told == len(LARGE) and etag == slo_etag(*PARTS)
    assert segments == [('box_segments', 'd/large/task.1/%08d' % i) for i in range(3)]
    assert swift.names('box') == ['d/large'] and swift.names('box_segments') == [name for _, name in segments]
    reply = swift('GET', '/box/d/large')
    assert reply.content == LARGE and reply.headers['X-Static-Large-Object'] == 'True'
    assert reply.headers['X-Object-Meta-K'] == 'v'
    assert demo.stat('box', 'd/large') == (len(LARGE), etag, {'k': 'v'})
    assert demo('get', 'box', 'd/large', 3 * MIB, etag) == LARGE[3 * MIB:]
    demo('remove', 'box', 'd/large')
    assert swift.names('box') == [] and swift.names('box_segments') == []
    demo('remove', 'box', 'd/large')


@pytest.mark.parametrize('size', [None, -1])
@pytest.mark.parametrize('data', [SMALL, LARGE], ids=['small', 'large'])
def test_730_nothing_is_seen_before_the_commit(demo, probe, swift, tmp_path, data, size):
    """Not when the last byte is written, and the old object stays until then."""
    swift('PUT', '/box/o', data=b'old')
    go = str(tmp_path / 'go')
    p = probe.start('containers', 'put', 'box', 'o', len(data) if size is None else size, **demo.who,
                    env={'COMMIT_WHEN': go}, stdin=-1)
    p.stdin.write(data)
    p.stdin.close()
    while p.stdout.readline() != b'written\n':
        assert p.poll() is None
    time.sleep(0.3)
    assert swift('GET', '/box/o').content == b'old'
    open(go, 'w', encoding='ascii').close()
    assert p.wait(60) == 0, p.stderr.read()
    assert swift('GET', '/box/o').content == data


@pytest.mark.parametrize('size', [None, -1])
@pytest.mark.parametrize('data', [SMALL, LARGE], ids=['small', 'large'])
def test_730_given_up_leaves_nothing(demo, swift, data, size):
    swift('PUT', '/box/o', data=b'old')
    demo('put', 'box', 'o', len(data) if size is None else size, data=data, env={'ABORT': '1'})
    assert swift('GET', '/box/o').content == b'old'
    assert swift.names('box') == ['o'] and swift.names('box_segments') == []


def test_730_fewer_bytes_than_announced(demo, swift):
    assert 'fewer' in demo.put('box', 'o', SMALL, size=len(SMALL) + 1, fails='CONFLICT')
    assert 'more' in demo.put('box', 'o', SMALL, size=len(SMALL) - 1, fails='CONFLICT')
    assert 'fewer' in demo.put('box', 'o', LARGE, size=len(LARGE) + 1, fails='CONFLICT')
    assert swift.names('box') == [] and swift.names('box_segments') == []


def test_730_a_large_object_is_replaced_with_its_segments(demo, swift):
    demo.put('box', 'o', LARGE)
    demo.put('box', 'o', LARGE[::-1], env={'TAG': 'task.2'})
    assert swift('GET', '/box/o').content == LARGE[::-1]
    assert swift.names('box_segments') == ['o/task.2/%08d' % i for i in range(3)]
    demo.put('box', 'o', SMALL, env={'TAG': 'task.3'})
    assert swift('GET', '/box/o').content == SMALL and swift.names('box_segments') == []


def test_730_segments_of_others_stay(demo, swift):
    """A customer's own large object whose parts lie where ours would."""
    swift.container('box_segments')
    swift('PUT', '/box_segments/mine', data=b'a' * 100)
    swift('PUT', '/box/o?multipart-manifest=put', json=[{'path': 'box_segments/mine'}])
    demo.put('box', 'o', SMALL)
    assert swift('GET', '/box/o').content == SMALL and swift.names('box_segments') == ['mine']


def test_730_odd_names(demo, swift):
    for name in ('a b', 'ü/é', 'q?x=1&y#z', '100%', '"q"', '..', '../box/a', 'a//b', 'x' * 1024):
        demo.put('box', name, name.encode())
        assert demo('get', 'box', name) == name.encode()
        assert swift.names('box') == [name]
        demo('remove', 'box', name)
    assert 'bytes of UTF-8' in demo('stat', 'box', 'x' * 1025, fails='BAD_REQUEST')
    assert 'bytes of UTF-8' in demo('stat', 'a/b', 'x', fails='BAD_REQUEST')


# --- what is missing or not allowed ---

def test_730_missing(demo, swift):
    for command in (('stat',), ('get',), ('get',)):
        assert demo(*command, 'none', 'x', fails='NOT_FOUND') == 'Container not found. Container: none'
        assert demo(*command, 'box', 'x', fails='NOT_FOUND') == 'Object not found. Object: box/x'
    assert demo.put('none', 'x', SMALL, fails='NOT_FOUND') == 'Container not found. Container: none'
    assert demo.put('none', 'x', LARGE, fails='NOT_FOUND') == 'Container not found. Container: none'
    assert demo('list', 'none', fails='NOT_FOUND') == 'Container not found. Container: none'
    demo('remove', 'none', 'x')
    demo('remove', 'box', 'x')
    assert 'none_segments' not in [b['name'] for b in swift('GET', '?format=json').json()]


def test_730_another_project(stack, demo, probe, swift):
    swift('PUT', '/box/o', data=b'x')
    alt = Swift(stack, 'alt')
    wrong = {'token': alt.token, 'project': swift.project}
    for command in ('stat', 'get', 'remove'):
        probe.run('containers', command, 'box', 'o', fails='FORBIDDEN', **wrong)
    probe.run('containers', 'put', 'box', 'o', 1, data=b'y', fails='FORBIDDEN', **wrong)
    assert swift('GET', '/box/o').content == b'x'
    # the container's owner may let him in
    swift('POST', '/box', headers={'X-Container-Read': alt.project + ':*'})
    assert probe.run('containers', 'get', 'box', 'o', **wrong) == b'x'


def test_730_quota(demo, swift):
    """Swift's container-quotas middleware answers 413, before or while the bytes come."""
    swift.container('box', **{'X-Container-Meta-Quota-Bytes': '100000'})
    assert 'quota' in demo.put('box', 'o', SMALL, fails='TOO_LARGE')
    assert swift.names('box') == []
    demo.put('box', 'o', SMALL[:90000])


def test_730_tokens(stack, demo, probe, swift):
    """A token that has ended: with our service token Swift takes it on (allow_expired), a revoked one never;
    our own authority still cleans up."""
    token = stack.new_token('demo')
    mine = {'token': token, 'project': swift.project}
    probe.run('containers', 'put', 'box', 'o', len(LARGE), data=LARGE, **mine)
    stack.keystone.revoke(token)
    stack.swift.stop()  # it keeps tokens for a while
    stack.swift.start()
    message = 'the object store does not accept the token any more'
    assert probe.run('containers', 'stat', 'box', 'o', fails='UNAUTHORIZED', **mine) == message
    assert probe.run('containers', 'get', 'box', 'o', fails='UNAUTHORIZED', **mine) == message
    assert probe.run('containers', 'put', 'box', 'p', 1, data=b'x', fails='UNAUTHORIZED', **mine) == message
    assert probe.run('containers', 'list', 'box', fails='UNAUTHORIZED', **mine) == message
    probe.run('containers', 'remove', 'box', 'o', **mine)
    assert swift.names('box') == [] and swift.names('box_segments') == []


def test_730_our_own_authority(demo, probe, swift):
    swift('PUT', '/box/o', data=b'x')
    assert probe.run('containers', 'get', 'box', 'o', project=swift.project) == b'x'
    probe.run('containers', 'remove', 'box', 'o', project=swift.project)
    assert swift.names('box') == []


# --- lists ---

@pytest.mark.parametrize('n', [12, pytest.param(1105, marks=pytest.mark.long)])
def test_730_list(demo, swift, n):
    """Of one page and, over 1,000, of two."""
    names = ['p/%04d' % i for i in range(n)]
    for name in names:
        swift('PUT', '/box/' + name, data=b'')
    swift('PUT', '/box/q&r', data=b'four')
    assert demo('list', 'box').decode().splitlines() == ['0 ' + n for n in names] + ['4 q&r']
    assert demo('list', 'box', 'p/001').decode().splitlines() == ['0 ' + n for n in names[10:20]]
    assert demo('list', 'box', 'q&').decode() == '4 q&r\n'


# --- the image store ---

def test_731_images(stack, images, swift):
    service = Swift(stack, 'tally')
    assert images('features').strip() == b'6' and images('healthy').strip() == b'1'
    for data in (SMALL, LARGE):
        images('put', '-', 'ab01/t.1', len(data), data=data)  # the container is made
        assert images('get', '-', 'ab01/t.1') == data
        images('copy', '-', 'ab01/t.1', '-', 'cd01/t.2')
        assert images('get', '-', 'cd01/t.2') == data
        assert sorted(images('list', '-').split()[1::2]) == [b'ab01/t.1', b'cd01/t.2']
        images('remove', '-', 'ab01/t.1')
        assert images('get', '-', 'cd01/t.2') == data  # shares nothing
        images('remove', '-', 'cd01/t.2')
        assert service.names('tally-images') == [] and service.names('tally-images_segments') == []
    assert images('stat', '-', 'ab01/t.1', fails='NOT_FOUND') == 'Object not found. Object: tally-images/ab01/t.1'
    assert images('copy', '-', 'ab01/t.1', '-', 'cd01/t.2', fails='NOT_FOUND').startswith('Object not found')


def test_731_what_a_killed_writer_left_goes_with_the_key(stack, images, probe):
    service = Swift(stack, 'tally')
    p = probe.start('images', 'put', '-', 'ab01/t.1', len(LARGE), stdin=-1)
    p.stdin.write(LARGE[:5 * MIB])
    p.stdin.flush()
    wait_for('two segments', lambda: len(service.names('tally-images_segments')) == 2, 30)
    p.kill()
    p.wait()
    assert service.names('tally-images') == []
    images('put', '-', 'ab01/t.11', len(LARGE), data=LARGE)
    images('remove', '-', 'ab01/t.1')
    assert service.names('tally-images_segments') == ['ab01/t.11/task.1/%08d' % i for i in range(3)]
    assert images('get', '-', 'ab01/t.11') == LARGE


@pytest.mark.opt
def test_731_memory(probe, demo):
    """256 MiB through a writer, which does not hold them."""
    size = 256 * MIB
    with open('/dev/zero', 'rb') as zeros:
        p = probe.start('containers', 'put', 'box', 'o', size, stdin=-1, **demo.who)
        for _ in range(size // MIB):
            p.stdin.write(zeros.read(MIB))
    p.stdin.close()
    peak = 0
    while p.poll() is None:
        with open('/proc/%d/status' % p.pid, encoding='ascii') as f:
            peak = max([peak] + [int(line.split()[1]) for line in f if line.startswith('VmHWM')])
        time.sleep(0.05)
    assert p.returncode == 0 and 1024 < peak < 32 * 1024, peak
