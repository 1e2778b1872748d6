"""store/swift*.c against a customer who makes objects of his own kind, and a Swift that lies."""
import random

import pytest
from odd_server import CRLF, OddServer, reply
from stores import MIB, Customer, Probe, Swift, md5

SMALL = random.Random(735).randbytes(300000)
LARGE = random.Random(736).randbytes(5 * MIB + 12345)


# --- a customer's large objects ---

@pytest.fixture
def swift(stack):
    stack.swift.start()
    demo = Swift(stack, 'demo')
    for name in ('box', 'box_segments', 'other'):
        demo.container(name)
    yield demo
    demo.empty()


@pytest.fixture
def demo(stack, swift, tmp_path):
    return Customer(Probe(stack, str(tmp_path)), swift)


def manifest(swift, name, *parts):
    r = swift('PUT', name + '?multipart-manifest=put', json=[{'path': part} for part in parts])
    assert r.status_code == 201, r.text


@pytest.mark.parametrize('own', [False, True])
def test_735_removing_takes_no_segment_that_is_not_ours(demo, swift, own):
    """A manifest names whatever its writer may read; what removes it may remove more than he."""
    demo.put('box', 'p', LARGE)
    swift('PUT', '/other/precious', data=SMALL)
    swift('PUT', '/box_segments/o/slo/1/2/3/00000000', data=SMALL)
    theirs = swift.names('box_segments')
    manifest(swift, '/box/o', 'other/precious', 'box_segments/o/slo/1/2/3/00000000', 'box_segments/' + theirs[-1])
    demo('remove', 'box', 'o', **({'token': None} if own else {}))
    assert swift.names('box') == ['p'] and swift('GET', '/box/p').content == LARGE
    assert swift.names('other') == ['precious'] and swift.names('box_segments') == theirs


def test_735_removing_takes_our_segments(demo, swift):
    demo.put('box', 'o', LARGE)
    assert len(swift.names('box_segments')) == 3
    demo('remove', 'box', 'o')
    assert swift.names('box') == swift.names('box_segments') == []


def test_735_removing_where_a_part_is_gone_already(demo, swift):
    demo.put('box', 'o', LARGE)
    swift('DELETE', '/box_segments/' + swift.names('box_segments')[1])
    demo('remove', 'box', 'o')
    assert swift.names('box') == swift.names('box_segments') == []


def test_735_a_manifest_of_manifests_goes_alone(demo, swift):
    demo.put('box', 'p', LARGE)
    manifest(swift, '/box/o', 'box/p')
    demo('remove', 'box', 'o')
    assert swift.names('box') == ['p'] and swift('GET', '/box/p').content == LARGE


def test_735_replacing_takes_no_segment_that_is_not_ours(demo, swift):
    """python-swiftclient's lie below the object's name too, and may be other manifests' as well."""
    part = 'box_segments/o/slo/1700000000.0/300000/100000/00000000'
    swift('PUT', '/' + part, data=SMALL)
    manifest(swift, '/box/o', part)
    manifest(swift, '/other/same', part)
    demo.put('box', 'o', SMALL[::-1])
    assert swift('GET', '/box/o').content == SMALL[::-1]
    assert swift('GET', '/other/same').content == SMALL


# --- a Swift that lies ---

def odd(stack, tmp_path, answer):
    server = OddServer(answer)
    return server, Customer(Probe(stack, str(tmp_path), url=server.url + '/v1/AUTH_%(project_id)s', stall=2), Somebody)


class Somebody:
    token, project = 'somebodys-token', 'p1'


def cut(data, n, **headers):
    """An answer that promises DATA and breaks after N bytes."""
    whole = reply(data, **headers)
    return whole[:len(whole) - len(data) + n]


def again(data, n, **headers):
    return reply(data[n:], '206 Partial Content', **headers)


def in_turn(*answers):
    left = list(answers)
    return lambda request: left.pop(0) if len(left) > 1 else left[0]


def span(data, n, first=None):
    return 'bytes %d-%d/%d' % (n if first is None else first, len(data) - 1, len(data))


def test_735_taken_up_again(stack, tmp_path):
    """So that what follows fails by what it says."""
    server, somebody = odd(stack, tmp_path, in_turn(
        cut(SMALL, 100, Etag=md5(SMALL)), again(SMALL, 100, Etag=md5(SMALL), Content_Range=span(SMALL, 100))))
    with server:
        assert somebody('get', 'box', 'o') == SMALL
        assert server.requests[-1][1]['range'] == 'bytes=100-'


@pytest.mark.parametrize('second, kind', [
    (dict(Etag=md5(b'other'), Content_Range=span(SMALL, 100)), 'CONFLICT'),
    (dict(Content_Range=span(SMALL, 100)), 'CONFLICT'),
    (dict(Etag=md5(SMALL), Content_Range=span(SMALL, 100, 0)), 'INTERNAL'),
    (dict(Etag=md5(SMALL)), 'INTERNAL'),
])
def test_735_another_part_or_object_is_never_joined(stack, tmp_path, second, kind):
    """By something in between that knows neither Range nor If-Match."""
    server, somebody = odd(stack, tmp_path, in_turn(cut(SMALL, 100, Etag=md5(SMALL)), again(SMALL, 100, **second)))
    with server:
        somebody('get', 'box', 'o', fails=kind)


def test_735_without_an_etag_nothing_is_joined(stack, tmp_path):
    server, somebody = odd(stack, tmp_path, in_turn(
        cut(SMALL, 100), again(SMALL[::-1], 100, Content_Range=span(SMALL, 100))))
    with server:
        somebody('get', 'box', 'o', fails='CONFLICT')


def test_735_another_object_than_was_asked_for(stack, tmp_path):
    server, somebody = odd(stack, tmp_path, in_turn(reply(SMALL, Etag=md5(SMALL))))
    with server:
        assert 'not what it was' in somebody('get', 'box', 'o', 0, md5(b'other'), fails='CONFLICT')


def test_735_more_than_it_said(stack, tmp_path):
    """Of two lengths the chunks' counts: what lies behind the other one is no part of an object that is whole."""
    head = b'HTTP/1.1 200 OK' + CRLF + b'Content-Length: 5' + CRLF + b'Etag: "%s"' % md5(b'hello').encode() + CRLF
    chunks = b'Transfer-Encoding: chunked' + CRLF * 2 + b'a' + CRLF + b'hello mean' + CRLF + b'0' + CRLF * 2
    server, somebody = odd(stack, tmp_path, in_turn(head + chunks))
    with server:
        assert 'more than it said' in somebody('get', 'box', 'o', fails='INTERNAL')


@pytest.mark.parametrize('length', [b'', b'Content-Length: -1', b'Content-Length: 99999999999999999999999999'])
def test_735_no_length(stack, tmp_path, length):
    head = b'HTTP/1.1 200 OK' + CRLF + length + (CRLF if length else b'') + b'Etag: "x"' + CRLF * 2
    server, somebody = odd(stack, tmp_path, in_turn(head + b'hello'))
    with server:
        p = somebody.probe.start('containers', 'get', 'box', 'o', **somebody.who)
        out, err = p.communicate(timeout=60)
        assert p.returncode == 1 and out == b'' and err.splitlines()[-1].split()[0] in (b'INTERNAL', b'UNAVAILABLE'), err


def test_735_tokens_go_to_no_other_host(stack, tmp_path):
    with OddServer(in_turn(reply(b'x'))) as other:
        server, somebody = odd(stack, tmp_path, in_turn(reply(b'', '302 Found', Location=other.url + '/x')))
        with server:
            for command in (('stat', 'box', 'o'), ('get', 'box', 'o'), ('list', 'box')):
                somebody(*command, fails='INTERNAL')
            somebody.put('box', 'o', b'12345', fails='INTERNAL')
        assert other.requests == [] and server.requests


def endless_head():
    yield b'HTTP/1.1 200 OK' + CRLF
    while True:
        yield b'X-More: ' + b'x' * 1000 + CRLF


def endless_continue():
    while True:
        yield b'HTTP/1.1 100 Continue' + CRLF * 2


def endless_body():
    yield b'HTTP/1.1 404 Not Found' + CRLF + b'Connection: close' + CRLF * 2
    while True:
        yield b'x' * 65536


@pytest.mark.parametrize('what', [endless_head, endless_continue, endless_body])
@pytest.mark.parametrize('command', [('stat', 'box', 'o'), ('get', 'box', 'o'), ('remove', 'box', 'o'), ('list', 'box')])
def test_735_nothing_is_read_for_ever(stack, tmp_path, what, command):
    server, somebody = odd(stack, tmp_path, lambda request: what())
    with server:
        p = somebody.probe.start('containers', *command, **somebody.who)
        out, err = p.communicate(timeout=60)
        assert out == b'' and len(err) < 5000
        assert p.returncode == 1 or what is endless_body, err


def names(*list_of):
    return reply([{'name': n, 'bytes': 1, 'last_modified': '2026-01-01T00:00:00.000000'} for n in list_of])


@pytest.mark.parametrize('page', [['a', 'b'], [''], ['b', 'a'], ['a\0b']])
def test_735_a_list_that_does_not_go_on(stack, tmp_path, page):
    server, somebody = odd(stack, tmp_path, in_turn(names(*page)))
    with server:
        somebody('list', 'box', fails='INTERNAL')
        assert len(server.requests) <= 2


def test_735_only_what_was_asked_for_is_removed(stack, tmp_path):
    """In the image store all goes that lies below the key, by a list of what does."""
    key = '6f0b1e2c-7a0e-4a8e-9d8d-0c8f6d1a2b3c/t.1'

    def answer(request):
        line = request[0]
        if line.startswith('GET') and 'tally-images_segments' in line:
            return names('another/t.1/00000000')
        return reply(b'', '404 Not Found' if line.startswith('HEAD') else '204 No Content')

    server, somebody = odd(stack, tmp_path, answer)
    with server:
        somebody.probe.run('images', 'remove', '-', key, fails='INTERNAL')
        assert not [line for line, _, _ in server.requests if line.startswith('DELETE')]


def test_735_a_wrong_copy_does_not_stay(stack, tmp_path):
    """An object of unknown size that came to one segment is copied to its name; a copy of other bytes is none."""
    data, gone = SMALL[:1000], []

    def answer(request):
        line, headers, _ = request
        if line.startswith('DELETE'):
            gone.append(line.split()[1])
            return reply(b'', '204 No Content')
        if 'x-copy-from' in headers:
            return reply(b'', '201 Created', Etag=md5(b'other'))
        if '_segments/' in line:
            return reply(b'', '201 Created', Etag=md5(data))
        return reply(b'', '204 No Content')

    server, somebody = odd(stack, tmp_path, answer)
    with server:
        somebody.put('box', 'o', data, size=-1, fails='UNAVAILABLE')
        assert '/v1/AUTH_p1/box/o' in gone and any('/box_segments/o/' in name for name in gone)
