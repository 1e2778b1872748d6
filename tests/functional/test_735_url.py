"""Imports from URLs: what the filter lets pass is read, and judged once more in the worker."""
import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from work import Works, disk, fresh

FILTER = {'allowed_hosts': '127.0.0.1,localhost', 'allowed_ports': '', 'allowed_networks': '127.0.0.0/8'}
DATA = disk(700_000, salt=735)


class Server:
    """http://127.0.0.1:PORT/WHAT; paths says what each does: a handler's function."""

    def __init__(self):
        server = self
        self.paths, self.asked = {}, []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *args):
                pass

            def do_GET(self):
                server.asked.append((self.command, self.path, dict(self.headers)))
                server.paths[self.path](self)

            do_HEAD = do_GET

        self.httpd = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.httpd.daemon_threads = True
        self.port = self.httpd.server_address[1]
        threading.Thread(target=self.httpd.serve_forever, args=(0.05,), daemon=True).start()

    def url(self, path, host='127.0.0.1'):
        return 'http://%s:%d%s' % (host, self.port, path)

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()


def send(status=200, data=DATA, announce=None, **headers):
    """A handler's function that sends DATA; ANNOUNCE: another length than it has, -1: none at all."""
    def answer(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if announce == -1:
            handler.send_header('Transfer-Encoding', 'chunked')
        else:
            handler.send_header('Content-Length', str(len(data) if announce is None else announce))
        handler.end_headers()
        if handler.command == 'HEAD':
            return
        if announce == -1:
            handler.wfile.write(b'%x\r\n%s\r\n0\r\n\r\n' % (len(data), data))
        else:
            handler.wfile.write(data)
        handler.close_connection = announce is not None and announce > len(data)
    return answer


@pytest.fixture
def server():
    s = Server()
    yield s
    s.close()


@pytest.fixture
def works(stack):
    fresh(stack)
    stack.conf.set('import_filtering_opts', **FILTER)
    stack.reload()
    w = Works(stack)
    w.base['import_filtering_opts'] = dict(FILTER)
    yield w
    w.end()


def start(works, url, **properties):
    return works.post('import', import_from=url, import_from_format='raw', image_properties={'name': 'n', **properties})


@pytest.mark.parametrize('announce', [None, -1])
def test_735_imported(works, server, announce):
    works.start()
    server.paths['/disk'] = send(announce=announce, ETag='"one"')
    image = works.image(works.success(start(works, server.url('/disk')))['result']['image_id'])
    assert (image['size'], image['checksum']) == (len(DATA), hashlib.md5(DATA).hexdigest())
    assert works.image_bytes(image['id']) == DATA
    for _, _, headers in server.asked:
        assert not {'x-auth-token', 'x-service-token', 'cookie'} & {h.lower() for h in headers}


def test_735_redirects_are_not_followed(works, server):
    works.start()
    server.paths['/there'] = send(302, b'', Location=server.url('/disk'))
    server.paths['/disk'] = send()
    assert 'redirect' in works.failure(start(works, server.url('/there')))
    assert [path for _, path, _ in server.asked] == ['/there']


def test_735_refusals(works, server):
    works.start()
    for path, status in (('/404', 404), ('/403', 403), ('/418', 418)):
        server.paths[path] = send(status, b'')
        assert 'answers %d' % status in works.failure(start(works, server.url(path)))


def test_735_too_large(works, server):
    works.start(image__max_bytes='600K')
    for path, announce in (('/told', None), ('/untold', -1)):
        server.paths[path] = send(announce=announce)
        assert 'larger than 614400 bytes' in works.failure(start(works, server.url(path)))
    works.check_order()


def test_735_cut_and_changed(works, server):
    """A body that ends too early is tried again; a change of what is there fails."""
    works.start(task__max_attempts=2)
    server.paths['/cut'] = send(announce=len(DATA) + 1)
    works.failure(start(works, server.url('/cut')))
    assert [path for method, path, _ in server.asked if method == 'GET'] == ['/cut', '/cut']
    def changing(handler):
        send(ETag='"%d"' % len(server.asked))(handler)
    server.paths['/changing'] = changing
    assert 'changed' in works.failure(start(works, server.url('/changing')))
    works.check_order()


def test_735_stalled(works, server):
    def stall(handler):
        handler.send_response(200)
        handler.send_header('Content-Length', str(len(DATA)))
        handler.end_headers()
        handler.wfile.write(DATA[:100000])
        handler.wfile.flush()
        time.sleep(8)
        handler.close_connection = True
    works.start(task__max_attempts=1, task__stall_timeout=2)
    server.paths['/stall'] = stall
    assert 'not a byte for 2 seconds' in works.failure(start(works, server.url('/stall')))


def test_735_the_worker_judges_again(works, server):
    """Allowed at POST; the worker's own filter, with other options, is what counts there."""
    server.paths['/disk'] = send()
    works.start(import_filtering_opts__allowed_networks='')
    message = works.failure(start(works, server.url('/disk', 'localhost')))
    assert 'address' in message
    works.stop()
    works.start(import_filtering_opts__allowed_hosts='elsewhere.example')
    works.failure(start(works, server.url('/disk')))
    assert server.asked == []
