"""HTTP as bytes: what no client library would send."""
import re
import socket
import ssl


class Reply:
    def __init__(self, data):
        self.raw = data
        head, _, self.body = data.partition(b'\r\n\r\n')
        lines = head.decode('latin-1').split('\r\n')
        match = re.match(r'HTTP/1\.[01] (\d{3})', lines[0])
        self.status = int(match.group(1)) if match else None
        self.headers = [(k.strip().lower(), v.strip()) for k, _, v in (line.partition(':') for line in lines[1:])]

    def header(self, name):
        """The header's values."""
        return [v for k, v in self.headers if k == name.lower()]


def connect(stack, tls=True, timeout=30):
    s = socket.create_connection(('127.0.0.1', stack.port), timeout)
    if not tls:
        return s
    context = ssl.create_default_context(cafile=stack.ca)
    return context.wrap_socket(s, server_hostname='127.0.0.1')


def complete(data):
    """Is that a whole reply? nginx keeps a connection open a while after it has refused a body."""
    head, sep, body = data.partition(b'\r\n\r\n')
    match = re.search(rb'\r\ncontent-length: *(\d+)', head, re.I)
    return bool(sep and match and len(body) >= int(match.group(1)))


def send(stack, data, tls=True, timeout=30):
    """Sends bytes on a fresh connection and reads until its end."""
    got = b''
    with connect(stack, tls, timeout) as s:
        s.sendall(data)
        try:
            while not complete(got):
                piece = s.recv(65536)
                if not piece:
                    break
                got += piece
        except (ConnectionResetError, ssl.SSLEOFError):
            pass
    return Reply(got)


def request(stack, method, path, headers=(), body=b'', timeout=30):
    """One request with exactly these headers, besides Host and Connection."""
    lines = ['%s %s HTTP/1.1' % (method, path), 'Host: 127.0.0.1:%d' % stack.port, 'Connection: close']
    lines += ['%s: %s' % pair for pair in headers]
    reply = send(stack, '\r\n'.join(lines).encode('latin-1') + b'\r\n\r\n' + body, timeout=timeout)
    if stack.replies and reply.status and len(reply.header('Content-Length')) == 1 and complete(reply.raw):
        stack.replies.check(method, path, reply.status, ''.join(reply.header('Content-Type')), reply.body)
    return reply
