"""Small subunit streams, written by python-subunit, and the corpus."""
import datetime
import gzip
import io
import os
import random

import subunit.v2

CORPUS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'data', 'corpus')
START = datetime.datetime(2026, 3, 1, 12, 0, 0, tzinfo=datetime.timezone.utc)


class Stream:
    """Builds a v2 stream test by test."""

    def __init__(self):
        self.out = io.BytesIO()
        self.writer = subunit.v2.StreamResultToBytes(self.out)
        self.now = START

    def tick(self, seconds=1.0):
        self.now += datetime.timedelta(seconds=seconds)
        return self.now

    def event(self, **fields):
        fields.setdefault('timestamp', self.now)
        self.writer.status(**fields)
        return self

    def test(self, name, status='success', seconds=1.0, files=(), tags=None):
        """A test that begins now and ends SECONDS later; FILES are (name, mime type, bytes)."""
        self.event(test_id=name, test_status='inprogress', test_tags=tags)
        self.tick(seconds)
        for label, mime, content in files:
            self.event(test_id=name, file_name=label, mime_type=mime, file_bytes=content, eof=True)
        return self.event(test_id=name, test_status=status, test_tags=tags)

    def bytes(self):
        return self.out.getvalue()


def simple(*names, status='success', salt=None):
    """A stream of these tests, one second each; unlike any other of the session unless SALT is given."""
    stream = Stream()
    salt = random.randrange(10 ** 6) if salt is None else salt
    stream.now += datetime.timedelta(microseconds=salt)
    for name in names or ('pkg.mod.Class.test_one', 'pkg.mod.Class.test_two'):
        stream.test(name, status)
    return stream.bytes()


def corpus(name):
    """The bytes of a stream of the corpus."""
    path = os.path.join(CORPUS, 'streams', name)
    if os.path.exists(path):
        with open(path, 'rb') as f:
            return f.read()
    with gzip.open(path + '.gz', 'rb') as f:
        return f.read()
