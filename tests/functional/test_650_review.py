"""What a reading of the whole found."""
from evidence import post
from streams import Stream


def test_foreign_bytes_after_an_open_test(empty, demo, stack):
    """The attachment of a test that never ended and the bytes behind it are two."""
    stream = Stream()
    stream.event(test_id='open', test_status='inprogress')
    stream.event(test_id='open', file_name='log', mime_type='text/plain', file_bytes=b'words of the test', eof=True)
    r = post(demo, stream.bytes() + b'foreign to all\n', {'non_subunit_name': 'stdout'})
    assert r.status_code == 201, r.text
    with stack.connect() as db, db.cursor() as cur:
        cur.execute('SELECT i.name, a.attachment, HEX(i.sha256) = SHA2(a.attachment, 256) FROM attachment_info i'
                    ' JOIN attachments a ON a.id = i.attachment_id ORDER BY a.id')
        rows = cur.fetchall()
    assert rows == (('log', b'words of the test', 1), ('stdout', b'foreign to all\n', 1)), rows
