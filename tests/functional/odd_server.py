"""A server that answers as no real one does: plain HTTP, each request by a function of the test's, byte by byte."""
import json
import socket
import threading

CRLF = b'\r\n'


def reply(body=b'', status='200 OK', **headers):
    """A whole answer. BODY that is no bytes goes as JSON; HEADERS with '_' for '-'."""
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = ['HTTP/1.1 ' + status, 'Content-Length: %d' % len(body), 'Content-Type: application/json', 'Connection: close']
    lines += ['%s: %s' % (k.replace('_', '-'), v) for k, v in headers.items()]
    return '\r\n'.join(lines).encode() + CRLF * 2 + body


class OddServer:
    """ANSWER(request) returns bytes, or an iterator over them that may never end. Requests are kept: (line, {header:
    value}, body)."""

    def __init__(self, answer):
        self.answer, self.requests = answer, []
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        self.url = 'http://127.0.0.1:%d' % self.port
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with peer:
            try:
                self._one(peer)
            except OSError:
                pass

    def _one(self, peer):
        data = b''
        while CRLF * 2 not in data:
            more = peer.recv(65536)
            if not more:
                return
            data += more
        head, body = data.split(CRLF * 2, 1)
        line, *rest = head.decode('latin-1').split('\r\n')
        headers = {k.lower(): v.strip() for k, _, v in (h.partition(':') for h in rest)}
        if headers.get('expect'):
            peer.sendall(b'HTTP/1.1 100 Continue' + CRLF * 2)
        while len(body) < int(headers.get('content-length', 0)):
            body += peer.recv(65536)
        while headers.get('transfer-encoding') and not body.endswith(b'0' + CRLF * 2):
            body += peer.recv(65536)
        self.requests.append((line, headers, body))
        answer = self.answer(self.requests[-1])
        for piece in [answer] if isinstance(answer, bytes) else answer:
            peer.sendall(piece)
