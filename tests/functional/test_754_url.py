"""Imports from URLs in the worker: what the filter sees of the resolved address, redirects, answers that are none."""
import hashlib
import http.server
import threading

import pytest

from lab.service import free_port
from work import Works, disk, fresh

DATA = disk(1_500_000)


class Handler(http.server.BaseHTTPRequestHandler):
    """/PATH answers as the tests' names say."""
    protocol_version = 'HTTP/1.1'
    seen = []
    sent = 0  # MiB of an answer without an end

    def log_message(self, *args):
        pass

    def do_HEAD(self):
        self.answer(False)

    def do_GET(self):
        self.answer(True)

    def more(self):
        try:
            for _ in range(2000):
                self.wfile.write(bytes(1 << 20))
                Handler.sent += 1
        except OSError:
            pass

    def answer(self, body):
        path = self.path.split('?')[0]
        self.seen.append((self.command, path))
        status = int(path[8:]) if path.startswith('/status/') else 200
        if self.command == 'HEAD' and path == '/changed':
            tag = '"other"'
        elif self.command == 'HEAD' and path == '/gone':
            status, tag = 404, ''
        else:
            tag = '"%s"' % hashlib.md5(DATA).hexdigest()
        self.send_response(status)
        if status in (301, 302, 307):
            self.send_header('Location', 'http://localhost:%d/disk' % self.server.server_port)
        if path not in ('/no-etag',) and tag:
            self.send_header('ETag', tag)
        if path == '/coded':
            self.send_header('Content-Encoding', 'gzip')
        if path == '/marked':
            self.send_header('X-Object-Meta-Tally-Exported', 'x.1')
        if path != '/no-length':
            self.send_header('Content-Length', str(len(DATA)))
        else:
            self.send_header('Connection', 'close')
        self.end_headers()
        if body:
            self.wfile.write(DATA[:len(DATA) // 2] if path == '/cut' else DATA)
        if body and path == '/no-length' and self.path.endswith('endless'):
            self.more()
        if path in ('/cut', '/no-length') or status != 200:
            self.close_connection = True


@pytest.fixture(scope='module')
def server():
    s = http.server.ThreadingHTTPServer(('127.0.0.1', free_port()), Handler)
    thread = threading.Thread(target=s.serve_forever, daemon=True)
    thread.start()
    yield s
    s.shutdown()
    thread.join()


@pytest.fixture
def works(stack, server):
    fresh(stack)
    Handler.seen.clear()
    w = Works(stack)
    options = {'allowed_hosts': 'localhost', 'allowed_ports': server.server_port}
    stack.conf.set('import_filtering_opts', **options)
    stack.reload()
    w.base['import_filtering_opts'] = {**options, 'allowed_networks': '127.0.0.0/8, ::1/128'}
    w.base['task']['max_attempts'] = 1
    yield w
    w.end()


def post(works, server, path):
    return works.post('import', import_from='http://localhost:%d%s' % (server.server_port, path),
                      import_from_format='raw', image_properties={})


@pytest.mark.parametrize('path, name', [('/some/folder/disk.img?secret=1', 'disk.img'), ('/no-etag', 'no-etag'),
                                        ('/no-length', 'no-length')])
def test_754_import(works, server, path, name):
    works.start()
    image = works.success(post(works, server, path))['result']['image_id']
    assert works.image_bytes(image) == DATA
    assert works.image(image)['name'] == name
    works.check_order()


def test_754_names_that_resolve_to_private_addresses(works, server):
    """The host passes at POST; where its name leads is seen in the worker only."""
    works.start(import_filtering_opts__allowed_networks='')
    message = works.failure(post(works, server, '/disk'))
    assert 'address' in message and '127.0.0.1' not in message
    assert Handler.seen == []
    works.check_order()


def test_754_filter_is_asked_again(works, server):
    works.start(import_filtering_opts__allowed_hosts='example.org')
    works.failure(post(works, server, '/disk'))
    assert Handler.seen == []


@pytest.mark.parametrize('path, words', [
    ('/status/301', 'redirects are not followed'), ('/status/302', 'redirects are not followed'),
    ('/status/307', 'redirects are not followed'), ('/status/404', 'no such file'), ('/status/403', '403'),
    ('/status/503', '503'), ('/cut', 'before the file'), ('/coded', 'coding'), ('/marked', 'exported'),
    ('/changed', 'changed'), ('/gone', 'no such file')])
def test_754_refused(works, server, path, words):
    works.start()
    message = works.failure(post(works, server, path + '?secret=1'))
    assert words in message and 'secret' not in message and 'localhost' not in message
    assert ('GET', '/disk') not in Handler.seen
    works.check_order()
    assert works.files() == {}


def test_754_same_url_twice(works, server):
    works.start()
    first = works.success(post(works, server, '/disk'))
    assert first['result']['image_id'] in works.failure(post(works, server, '/disk'))
    assert works.stack.sql('SELECT COUNT(*) FROM images') == ((1,),)


def test_754_more_than_the_project_may_have(works, server):
    """A server that does not say how much it will send is heard until the quota is used up, not until its end."""
    works.start(image__project_max_bytes=64 << 20)
    message = works.failure(post(works, server, '/no-length?endless'))
    assert message.startswith('Image exceeds the storage quota: '), message
    assert 64 <= Handler.sent < 300
    works.check_order()


def test_754_letters_of_scheme_and_host(works, server):
    """Their case says nothing, at the POST and in the worker."""
    works.start()
    task = works.post('import', import_from='HTTP://LocalHost:%d/disk' % server.server_port, import_from_format='raw',
                      image_properties={})
    assert works.image_bytes(works.success(task)['result']['image_id']) == DATA
