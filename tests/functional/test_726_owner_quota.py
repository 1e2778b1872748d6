"""An image that an administrator gives to another project: its bytes count there, and no longer where it was."""
import contextlib
import threading

import pytest
from catalogue import changed, error, op, patch
from image_files import message, new_image, put, uploaded
from lab.service import wait_for


@pytest.fixture(autouse=True)
def room(stack):
    """3000 bytes for each project."""
    stack.empty_tables()
    stack.conf.set('image', project_max_bytes=3000)
    stack.reload()


def give(stack, admin, image, user, status=200):
    """PATCH of the owner, None: nobody."""
    r = patch(admin, {'id': image}, op('replace', '/owner', user and stack.project(user)))
    assert r.status_code == status, r.text


def charged(stack):
    """{user: bytes}"""
    names = {stack.project(user): user for user in ('demo', 'alt')}
    rows = stack.sql('SELECT project, CAST(SUM(size) AS UNSIGNED) FROM store_objects WHERE container IS NULL'
                     ' GROUP BY project')
    return {names.get(project, project): n for project, n in rows}


@contextlib.contextmanager
def turn_taken(stack, user):
    """The turn at the user's project's quota is somebody else's as long as the block lasts."""
    with contextlib.closing(stack.connect(autocommit=False)) as other, other.cursor() as cur:
        cur.execute('INSERT INTO image_quota_locks (project, changes) VALUES (%s, 1)'
                    ' ON DUPLICATE KEY UPDATE changes = changes + 1', (stack.project(user),))
        yield cur


def waiting(stack):
    """Does somebody wait for such a turn?"""
    return stack.sql("SELECT id FROM information_schema.processlist WHERE user = 'tally' AND command <> 'Sleep'"
                     " AND info LIKE 'INSERT INTO image_quota_locks%%'")


def test_726_bytes_follow_the_owner(stack, demo, alt, admin):
    image = uploaded(demo, bytes(2000))
    give(stack, admin, image, 'alt')
    assert charged(stack) == {'alt': 2000}
    uploaded(demo, bytes(3000))
    r = put(alt, new_image(alt), bytes(1001))
    assert r.status_code == 413 and '1000 bytes remaining' in message(r)
    assert put(alt, new_image(alt), bytes(1000)).status_code == 204
    assert alt.delete('/v2/images/' + image).status_code == 204
    assert charged(stack) == {'demo': 3000, 'alt': 1000}


def test_726_an_administrator_may_go_over_the_quota(stack, demo, alt, admin):
    mine = uploaded(alt, bytes(2500))
    image = uploaded(demo, bytes(2000))
    give(stack, admin, image, 'alt')
    assert charged(stack) == {'alt': 4500}
    error(put(alt, new_image(alt), b'x'), 413)
    assert alt.delete('/v2/images/' + mine).status_code == 204
    uploaded(alt, bytes(1000))
    give(stack, admin, image, None)
    assert charged(stack) == {'': 2000, 'alt': 1000}


def test_726_another_change_moves_nothing(stack, demo, admin):
    image = uploaded(demo, bytes(2000))
    stack.sql("UPDATE store_objects SET project = 'elsewhere' WHERE image_id = %s", image)
    changed(admin, {'id': image}, op('replace', '/name', 'other'))
    assert charged(stack) == {'elsewhere': 2000}


def test_726_what_was_exported_of_it_stays_the_exporters(stack, demo, admin):
    """By project and container such a row says whose container is to be cleaned up."""
    image = uploaded(demo, bytes(2000))
    stack.sql("INSERT INTO store_objects (object_key, container, project, image_id, state, created_at)"
              " VALUES ('part', 'box', %s, %s, 'dead', NOW(6))", stack.project('demo'), image)
    give(stack, admin, image, 'alt')
    assert stack.sql("SELECT project FROM store_objects WHERE object_key = 'part'") == ((stack.project('demo'),),)


def test_726_while_the_bytes_come(stack, demo, alt, admin):
    image, go, status = new_image(demo), threading.Event(), []

    def slowly():
        yield bytes(1000)
        assert go.wait(30)
        yield bytes(1000)

    thread = threading.Thread(target=lambda: status.append(put(demo, image, slowly()).status_code))
    thread.start()
    wait_for('the upload', lambda: charged(stack) != {}, 20)
    give(stack, admin, image, 'alt')
    go.set()
    thread.join()
    assert status == [204]
    assert charged(stack) == {'alt': 2000}


def test_726_before_the_first_byte_is_counted(stack, demo, admin):
    """An upload that has seen the old owner is counted nowhere: it has to come again."""
    image, status = new_image(demo), []
    with turn_taken(stack, 'demo'):
        thread = threading.Thread(target=lambda: status.append(put(demo, image, bytes(1000)).status_code))
        thread.start()
        wait_for('the upload', lambda: waiting(stack), 20)
        give(stack, admin, image, 'alt')
    thread.join()
    assert status == [409]
    assert charged(stack) == {} and stack.sql('SELECT status FROM images WHERE id = %s', image) == (('queued',),)


def test_726_it_waits_for_others_at_the_new_owners_quota(stack, demo, admin):
    """And has no lock on the image meanwhile, which comes second everywhere."""
    image, ended = uploaded(demo, bytes(2000)), threading.Event()

    def move():
        give(stack, admin, image, 'alt')
        ended.set()

    with turn_taken(stack, 'alt') as cur:
        thread = threading.Thread(target=move)
        thread.start()
        assert not ended.wait(1.5)
        cur.execute('SELECT id FROM images WHERE id = %s FOR UPDATE NOWAIT', (image,))
    thread.join()
    assert ended.is_set() and charged(stack) == {'alt': 2000}


def test_726_others_may_not(stack, demo, alt):
    """Nor make anybody wait by trying."""
    image = uploaded(demo, bytes(2000))
    with turn_taken(stack, 'alt'):
        give(stack, demo, image, 'alt', 403)
    assert charged(stack) == {'demo': 2000}
