"""What Swift and the way to it may do to a transfer: nothing is lost, nothing half done, nothing waits for ever."""
import random
import threading
import time

import pytest
from lab.fault_proxy import FaultProxy
from stores import MIB, Customer, Probe, Swift, md5

SMALL = random.Random(732).randbytes(700000)
LARGE = random.Random(733).randbytes(5 * MIB + 12345)
AWAY = 'the object store is not available'


@pytest.fixture
def swift(stack):
    stack.swift.start()
    demo = Swift(stack, 'demo')
    demo.container('box')
    yield demo
    stack.swift.start()
    demo.empty()


@pytest.fixture
def proxy(stack, swift):
    p = FaultProxy(stack.swift.ports['proxy'])
    yield p
    p.close()


@pytest.fixture
def demo(stack, swift, proxy, tmp_path):
    url = 'http://127.0.0.1:%d/v1/AUTH_%%(project_id)s' % proxy.port
    return Customer(Probe(stack, str(tmp_path), url=url), swift)


# --- reading ---

def test_732_a_broken_body_is_taken_up_again(demo, swift, proxy):
    swift('PUT', '/box/o', data=LARGE)
    proxy.fault('GET', 'cut', 1000000)
    proxy.fault('GET', 'cut', 2000000)
    assert demo('get', 'box', 'o') == LARGE
    assert proxy.count('GET') == 3


def test_732_a_large_objects_too(demo, swift, proxy):
    demo.put('box', 'o', LARGE)
    proxy.fault('GET', 'cut', 3 * MIB + 1)
    assert demo('get', 'box', 'o') == LARGE
    assert proxy.count('GET') == 2


def test_732_not_for_ever(demo, swift, proxy):
    swift('PUT', '/box/o', data=SMALL)
    proxy.fault('GET', 'cut', 1, times=100)
    assert demo('get', 'box', 'o', fails='UNAVAILABLE') == AWAY
    assert proxy.count('GET') == 3  # retries = 2


def test_732_a_stalled_body_is_taken_up_again(demo, swift, proxy):
    swift('PUT', '/box/o', data=LARGE)
    proxy.fault('GET', 'stall', 1000000)
    began = time.monotonic()
    assert demo('get', 'box', 'o') == LARGE
    assert 2.5 < time.monotonic() - began < 30  # stall_timeout = 3


def test_732_what_stalls_for_good_is_told(demo, swift, proxy):
    swift('PUT', '/box/o', data=SMALL)
    proxy.fault('GET', 'stall', None, times=100)
    assert 'not a byte for 3 seconds' in demo('get', 'box', 'o', fails='TIMEOUT')


def test_732_other_content_is_never_joined(demo, swift, proxy):
    swift('PUT', '/box/o', data=LARGE)
    proxy.fault('GET', 'stall', 1000000)
    change = threading.Timer(1.5, lambda: swift('PUT', '/box/o', data=LARGE[::-1]))
    change.start()
    assert demo('get', 'box', 'o', fails='CONFLICT') == 'the object is not what it was'
    change.join()


def test_732_deleted_in_mid_read(demo, swift, proxy):
    swift('PUT', '/box/o', data=LARGE)
    proxy.fault('GET', 'stall', 1000000)
    gone = threading.Timer(1.5, lambda: swift('DELETE', '/box/o'))
    gone.start()
    assert demo('get', 'box', 'o', fails='NOT_FOUND') == 'Object not found. Object: box/o'
    gone.join()


def test_732_stop_ends_a_wait_at_once(demo, swift, proxy):
    swift('PUT', '/box/o', data=LARGE)
    proxy.fault('GET', 'stall', 1000000)
    began = time.monotonic()
    demo('get', 'box', 'o', fails='ABORTED', env={'STOP_AFTER': '1'})
    assert time.monotonic() - began < 8


# --- answers that are worth another try ---

@pytest.mark.parametrize('status', [503, 500, 429, 408])
def test_732_tried_again(demo, swift, proxy, status):
    swift('PUT', '/box/o', data=SMALL)
    for method in ('HEAD', 'GET', 'PUT', 'DELETE'):
        proxy.fault(method, 'status', status, times=2)
    assert demo.stat('box', 'o')[0] == len(SMALL)
    assert demo('get', 'box', 'o') == SMALL
    assert demo.put('box', 'p', SMALL)[2] == md5(SMALL)
    demo('remove', 'box', 'p')
    assert swift.names('box') == ['o']


def test_732_but_not_for_ever(demo, swift, proxy):
    swift('PUT', '/box/o', data=SMALL)
    for method in ('HEAD', 'GET', 'PUT'):
        proxy.fault(method, 'status', 503, times=100)
    assert demo('stat', 'box', 'o', fails='UNAVAILABLE') == 'the object store answers 503'
    assert demo('get', 'box', 'o', fails='UNAVAILABLE') == 'the object store answers 503'
    assert demo.put('box', 'p', SMALL, fails='UNAVAILABLE') == 'the object store answers 503'
    assert proxy.count('GET') == 3


def test_732_a_segment_is_refused_at_first(demo, swift, proxy):
    swift.container('box_segments')
    proxy.fault('PUT', 'status', 503, skip=1)  # the container's PUT, then the first segment's
    proxy.fault('PUT', 'status', 503, skip=2)
    demo.put('box', 'o', LARGE)
    assert swift('GET', '/box/o').content == LARGE


# --- writing ---

@pytest.mark.parametrize('data', [SMALL, LARGE], ids=['small', 'large'])
def test_732_a_cut_upload_leaves_nothing(demo, swift, proxy, data):
    swift('PUT', '/box/o', data=b'old')
    if data is LARGE:
        swift.container('box_segments')
        proxy.fault('PUT', 'drop', MIB, skip=2)  # the second segment's, with its last byte
    else:
        proxy.fault('PUT', 'drop', 300000, times=3)
    assert demo.put('box', 'o', data, fails='UNAVAILABLE') == AWAY
    assert swift('GET', '/box/o').content == b'old'
    assert swift.names('box') == ['o'] and swift.names('box_segments') == []


def test_732_wrong_etag(demo, swift, proxy):
    """What Swift says it has is not what was sent: it goes."""
    proxy.fault('PUT', 'etag', md5(b'other'))
    proxy.fault('HEAD', 'etag', md5(b'other'), times=3)
    assert 'bytes as they were sent' in demo.put('box', 'o', SMALL, fails='UNAVAILABLE')
    assert swift.names('box') == []
    swift.container('box_segments')
    proxy.fault('PUT', 'etag', md5(b'other'), skip=2)
    assert 'bytes as they were sent' in demo.put('box', 'p', LARGE, fails='UNAVAILABLE')
    assert swift.names('box_segments') == []


def test_732_a_lost_answer_is_asked_for(demo, swift, proxy):
    """The object is there; only the answer to its last byte was lost."""
    proxy.fault('PUT', 'swallow')
    assert demo.put('box', 'o', SMALL, 'k=v')[1:] == (len(SMALL), md5(SMALL))
    proxy.fault('PUT', 'swallow', skip=4)  # the manifest's: container, three segments before
    demo.put('box', 'p', LARGE)
    assert swift('GET', '/box/p').content == LARGE
    proxy.fault('DELETE', 'swallow')
    demo('remove', 'box', 'o')
    assert swift.names('box') == ['p']


MANIFEST = 4  # PUTs before it: the container's, three segments


def test_732_a_manifest_whose_answer_is_lost_for_good(demo, swift, proxy):
    """The object stands although every later PUT is refused: it is found, and is whole."""
    proxy.fault('PUT', 'swallow', skip=MANIFEST)
    proxy.fault('PUT', 'status', 503, times=100, skip=MANIFEST)
    demo.put('box', 'o', LARGE)
    assert swift('GET', '/box/o').content == LARGE


def test_732_nobody_knows_whether_the_manifest_stands(demo, swift, proxy):
    """What may be an object is never robbed of its segments; the older object is replaced by a whole one."""
    swift('PUT', '/box/o', data=SMALL)
    proxy.fault('PUT', 'swallow', skip=MANIFEST)
    proxy.fault('PUT', 'status', 503, times=100, skip=MANIFEST)
    proxy.fault('HEAD', 'status', 503, times=100, skip=1)  # the one that looks for what is to be replaced
    demo.put('box', 'o', LARGE, fails='UNAVAILABLE')
    assert swift('GET', '/box/o').content == LARGE


def test_732_a_manifest_that_was_refused_leaves_nothing(demo, swift, proxy):
    swift('PUT', '/box/o', data=SMALL)
    proxy.fault('PUT', 'status', 503, times=100, skip=MANIFEST)
    demo.put('box', 'o', LARGE, fails='UNAVAILABLE')
    assert swift('GET', '/box/o').content == SMALL
    assert swift.names('box_segments') == []


def test_732_stopped_while_writing(demo, swift):
    data = LARGE * 40  # over a second under any load
    p = demo.probe.start('containers', 'put', 'box', 'o', len(data), stdin=-1, env={'STOP_AFTER': '1'}, **demo.who)
    p.stdin.write(data[:3 * MIB])
    p.stdin.flush()
    time.sleep(1.5)
    _, err = p.communicate(data[3 * MIB:4 * MIB])
    assert p.returncode == 1 and b'ABORTED stopped' in err
    assert swift.names('box') == [] and swift.names('box_segments') == []


# --- real parts that stop ---

def test_733_swift_down(stack, swift, tmp_path):
    demo = Customer(Probe(stack, str(tmp_path)), swift)
    stack.swift.stop()
    assert demo('stat', 'box', 'o', fails='UNAVAILABLE') == AWAY
    assert demo.put('box', 'o', SMALL, fails='UNAVAILABLE') == AWAY
    assert demo.probe.run('images', 'healthy').strip() == b'0'
    stack.swift.start()
    assert demo.put('box', 'o', SMALL)[2] == md5(SMALL)
    assert demo.probe.run('images', 'healthy').strip() == b'1'


def test_733_swift_comes_back_in_mid_read(stack, swift, tmp_path):
    """Killed while it sends, and started again within the tries."""
    demo = Customer(Probe(stack, str(tmp_path), retries=30), swift)
    data = LARGE * 8
    swift('PUT', '/box/o', data=data)
    p = demo.probe.start('containers', 'get', 'box', 'o', **demo.who)
    first = p.stdout.read(100000)
    rest = []
    reader = threading.Thread(target=lambda: rest.append(p.stdout.read()))
    reader.start()
    stack.swift.stop()
    time.sleep(0.5)
    stack.swift.start()
    reader.join(120)
    assert p.wait(60) == 0, p.stderr.read()
    assert first + rest[0] == data


def test_733_keystone_down(stack, swift, tmp_path):
    demo = Customer(Probe(stack, str(tmp_path)), swift)
    stack.keystone.stop()
    assert 'Keystone' in demo('stat', 'box', 'o', fails='UNAVAILABLE')
    stack.keystone.start()
    assert demo('stat', 'box', 'o', fails='NOT_FOUND')


def test_733_our_own_credentials_are_wrong(stack, swift, tmp_path):
    demo = Customer(Probe(stack, str(tmp_path), password='wrong', retries=0), swift)
    assert 'Keystone' in demo('stat', 'box', 'o', fails='UNAVAILABLE')


def test_733_no_endpoint(stack, swift, tmp_path):
    probe = Probe(stack, str(tmp_path))
    with open(probe.config, 'a', encoding='ascii') as f:
        f.write('region = Nowhere\n')
    assert 'object-store' in Customer(probe, swift)('stat', 'box', 'o', fails='INTERNAL')
