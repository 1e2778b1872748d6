"""A gate in front of a server: bytes pass until the one is reached at which it holds, or cuts, the connection. So a
test can stand in the middle of a transfer for as long as it likes."""
import selectors
import socket
import threading

from lab.service import LabError

BLOCK = 65536
BUFFER = 65536  # little lies about between the two ends: who is held has not sent all of it


class Gate:
    """Listens on self.port and hands everything to TARGET (a port of 127.0.0.1)."""

    def __init__(self, target):
        self.target, self.lock = target, threading.Lock()
        self.trap = None  # (direction, bytes, action, how many more)
        self.held, self.opened = threading.Event(), threading.Event()
        self.caught = 0
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        self.listener.bind(('127.0.0.1', 0))
        self.listener.listen(64)
        self.port = self.listener.getsockname()[1]
        self.url = 'http://127.0.0.1:%d' % self.port
        self.closing = False
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, direction, after, action='hold', times=1):
        """The next TIMES connections over which more than AFTER bytes flow 'up' (to the server) or 'down' (from it)
        are held there until release(), or 'cut'."""
        self.held.clear()
        self.opened.clear()
        self.caught = 0
        with self.lock:
            self.trap = (direction, after, action, times)

    def wait_held(self, seconds=60):
        if not self.held.wait(seconds):
            raise LabError('gate: nothing came as far as the trap within %d s' % seconds)

    def release(self):
        with self.lock:
            self.trap = None
        self.opened.set()

    def close(self):
        self.closing = True
        self.release()
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _accept(self):
        while not self.closing:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _caught(self, direction, total):
        """What to do with a connection over which TOTAL bytes have flowed; None: let it flow."""
        with self.lock:
            if self.trap is None or self.trap[0] != direction or total <= self.trap[1]:
                return None
            _, after, action, times = self.trap
            self.trap = (direction, after, action, times - 1) if times > 1 else None
            self.caught += 1
        self.held.set()
        return action

    def _serve(self, peer):
        try:
            server = socket.socket()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            server.connect(('127.0.0.1', self.target))
        except OSError:
            peer.close()
            return
        totals = {'up': 0, 'down': 0}
        ends = {peer: (server, 'up'), server: (peer, 'down')}
        with selectors.DefaultSelector() as selector, peer, server:
            for end in ends:
                selector.register(end, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    other, direction = ends[key.fileobj]
                    try:
                        data = key.fileobj.recv(BLOCK)
                        if not data:
                            selector.unregister(key.fileobj)
                            other.shutdown(socket.SHUT_WR)
                            continue
                        totals[direction] += len(data)
                        action = self._caught(direction, totals[direction])
                        if action == 'cut':
                            return
                        if action == 'hold':
                            self.opened.wait()
                        other.sendall(data)
                    except OSError:
                        return
