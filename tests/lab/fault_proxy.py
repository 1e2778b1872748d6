"""An HTTP proxy in front of a real server that does what no real part can be made to do: it answers 503, stalls,
cuts a body, loses an answer, lies about an ETag. Each fault holds for a number of requests of one method."""
import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 65536


class FaultProxy:
    """http://127.0.0.1:PORT in front of http://127.0.0.1:TARGET, in threads of this process."""

    def __init__(self, target):
        self.target, self.faults, self.seen = target, [], []
        self.lock, self.stalled = threading.Lock(), threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *args):
                pass

            def handle_expect_100(self):
                return True  # a real server says so when it begins to read the body

            def answer(self):
                Exchange(proxy, self).run()

            do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_COPY = answer

            def handle(self):
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True  # the client went away

        self.server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def fault(self, method, kind, arg=None, times=1, skip=0):
        """The next TIMES requests of METHOD (after SKIP ones): status ARG; cut or stall the answer's body after ARG
        bytes; swallow: pass the request on and close without its answer; drop: close after ARG bytes of the request's
        body; etag: ARG in the place of the answer's; header ARG=(name, value)."""
        self.faults.append({'method': method, 'kind': kind, 'arg': arg, 'times': times, 'skip': skip})

    def take(self, method, path):
        with self.lock:
            self.seen.append((method, path))
            for f in self.faults:
                if f['method'] == method and f['skip'] > 0:
                    f['skip'] -= 1
                elif f['method'] == method and f['times'] > 0:
                    f['times'] -= 1
                    return f['kind'], f['arg']
        return None, None

    def count(self, method):
        return sum(1 for m, _ in self.seen if m == method)

    def close(self):
        self.stalled.set()
        self.server.shutdown()
        self.server.server_close()


class Exchange:
    def __init__(self, proxy, handler):
        self.proxy, self.h = proxy, handler
        self.kind, self.arg = proxy.take(handler.command, handler.path)

    def request_body(self):
        """Yields the body's pieces, of either framing."""
        h, left = self.h, int(self.h.headers.get('Content-Length') or 0)
        if h.headers.get('Expect'):
            h.send_response_only(100)
            h.end_headers()
        while left:
            piece = h.rfile.read(min(left, PIECE))
            if not piece:
                raise OSError('the client ended its body early')
            left -= len(piece)
            yield piece
        if 'chunked' in h.headers.get('Transfer-Encoding', ''):
            while size := int(h.rfile.readline().split(b';')[0] or b'x', 16):
                piece = h.rfile.read(size)
                if len(piece) < size:
                    raise OSError('the client ended its body early')
                yield piece
                h.rfile.readline()
            h.rfile.readline()

    def run(self):
        h = self.h
        if self.kind == 'status':
            h.close_connection = True
            h.send_response(self.arg)
            h.send_header('Content-Length', '0')
            h.send_header('Connection', 'close')
            h.end_headers()
            return
        if self.kind == 'stall' and self.arg is None:  # not even a head
            self.proxy.stalled.wait(60)
            h.close_connection = True
            return
        upstream = http.client.HTTPConnection('127.0.0.1', self.proxy.target, timeout=60)
        try:
            self.forward(upstream)
        finally:
            upstream.close()

    def forward(self, upstream):
        h, taken = self.h, 0
        upstream.putrequest(h.command, h.path, skip_host=True, skip_accept_encoding=True)
        for name, value in h.headers.items():
            if name.lower() not in ('expect', 'connection'):
                upstream.putheader(name, value)
        upstream.putheader('Connection', 'close')
        upstream.endheaders()
        chunked = 'chunked' in h.headers.get('Transfer-Encoding', '')
        for piece in self.request_body():
            upstream.send(b'%x\r\n%s\r\n' % (len(piece), piece) if chunked else piece)
            taken += len(piece)
            if self.kind == 'drop' and taken >= self.arg:
                h.close_connection = True
                return
        if chunked:
            upstream.send(b'0\r\n\r\n')
        self.reply(upstream.getresponse())

    def reply(self, answer):
        h = self.h
        if self.kind == 'swallow':
            answer.read()
            h.close_connection = True
            return
        h.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() == 'etag' and self.kind == 'etag':
                value = self.arg
            if name.lower() != 'connection':
                h.send_header(name, value)
        if self.kind == 'header':
            h.send_header(*self.arg)
        h.end_headers()
        self.body(answer)

    def body(self, answer):
        h, sent = self.h, 0
        chunked = 'chunked' in (answer.getheader('Transfer-Encoding') or '')
        while piece := answer.read(PIECE):
            limit = self.arg - sent if self.kind in ('cut', 'stall') else len(piece)
            part = piece[:limit]
            h.wfile.write(b'%x\r\n%s\r\n' % (len(part), part) if chunked and part else part)
            sent += len(part)
            if len(part) < len(piece):
                h.close_connection = True
                h.wfile.flush()
                if self.kind == 'stall':
                    self.proxy.stalled.wait(60)
                return
        if chunked:
            h.wfile.write(b'0\r\n\r\n')
