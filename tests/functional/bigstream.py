"""Large v2 streams, made as they are sent: packets by hand, since python-subunit writes 30 MB/s."""
import struct
import zlib

START = 1772366400
STATUS = {None: 0, 'inprogress': 2, 'success': 3, 'fail': 6}
VERSION_2, HAS_ID, HAS_TIME, RUNNABLE, HAS_FILE, HAS_MIME = 0x2000, 0x0800, 0x0200, 0x0100, 0x0040, 0x0020
WIDTHS = ((1, 0x40), (2, 0x4000), (3, 0x400000))


def number(n, width=None):
    """subunit's lengths: the first two bits say how many bytes there are."""
    width = width or next(w for w, end in WIDTHS if n < end)
    return (n | (width - 1) << (8 * width - 2)).to_bytes(width, 'big')


def text(s):
    return number(len(s)) + s


def packet(ident, status=None, time=0, name=None, content=b''):
    """One event, at TIME seconds after the start."""
    flags = VERSION_2 | HAS_ID | HAS_TIME | RUNNABLE | STATUS[status]
    body = struct.pack('>I', START + time) + number(0) + text(ident)
    if name:
        flags |= HAS_FILE | HAS_MIME
        body += text(b'text/plain') + text(name) + text(content)
    width = next(w for w, end in WIDTHS if len(body) + 7 + w < end)
    data = b'\xb3' + struct.pack('>H', flags) + number(len(body) + 7 + width, width) + body
    return data + struct.pack('>I', zlib.crc32(data))


def tests(count, content, names='pkg.mod%d.Class.test_%d', batch=64):
    """Pieces of a stream of COUNT tests with an attachment each."""
    out = []
    for i in range(count):
        ident = (names % (i % 97, i)).encode()
        out += [packet(ident, 'inprogress', i), packet(ident, None, i, b'log', content),
                packet(ident, 'fail' if i % 50 == 0 else 'success', i + 1)]
        if i % batch == batch - 1:
            yield b''.join(out)
            out.clear()
    yield b''.join(out)


def attachment(size, piece=1 << 20):
    """Pieces of a stream of one test with one attachment of SIZE bytes."""
    yield packet(b'big.test', 'inprogress')
    block = bytes(range(256)) * (piece // 256)
    for at in range(0, size, piece):
        yield packet(b'big.test', None, 0, b'core', block[:size - at])
    yield packet(b'big.test', 'success', 1)
