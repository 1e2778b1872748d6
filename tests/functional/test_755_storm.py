"""Four workers, many small clones, and a random kill -9 each second: every task ends, no image twice, no image lost."""
import random
import time

import pytest

from lab.service import wait_for
from work import disk

# by name: a fixture that is made of its namesake hides what that one is made of, and in_order would do nothing
pytestmark = pytest.mark.usefixtures('stack')
SIZES = [pytest.param(200, 5, id='small'), pytest.param(2000, 60, id='whole', marks=[pytest.mark.long,
                                                                                    pytest.mark.timeout(900)])]


@pytest.fixture
def works(works):
    works.base['task']['max_attempts'] = 1000
    return works


def fill(works, image, count):
    """COUNT clones that wait, of ten projects in turn. The image is everybody's."""
    sql = works.stack.sql
    sql("UPDATE images SET visibility = 'community' WHERE id = %s", image)
    sql("INSERT INTO tasks (id, type, status, owner, created_at, updated_at) SELECT UUID(), 'clone', 'pending',"
        " CONCAT('p', MOD(seq, 10)), NOW(6), NOW(6) FROM seq_1_to_{}".format(count))
    sql("INSERT INTO task_info (task_id, input, message) SELECT id, %s, '' FROM tasks WHERE status = 'pending'",
        '{"image_id": "%s"}' % image)
    sql("INSERT INTO task_leases (task_id, project, next_run_at) SELECT id, owner, NOW(6) FROM tasks"
        " WHERE status = 'pending'")


def storm(works, names, seconds):
    """Kills one after another; returns how many."""
    end, kills = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        time.sleep(1)
        name = random.choice(names)
        works.worker(name).kill()
        works.start(name, wait=False)
        kills += 1
    return kills


@pytest.mark.parametrize('count, seconds', SIZES)
def test_755_storm(works, count, seconds):
    sql = works.stack.sql
    works.start('maker')
    data = disk(3000)
    image = works.make_image(data)
    works.stop('maker')
    fill(works, image, count)
    names = ['w%d' % n for n in range(4)]
    for name in names:
        works.start(name, wait=False)
    assert storm(works, names, seconds) >= seconds / 2
    wait_for('an empty queue', lambda: sql('SELECT COUNT(*) FROM task_leases') == ((0,),), 300, step=0.2)
    works.check_order(20)
    assert sql("SELECT status, i.message, COUNT(*) FROM tasks t JOIN task_info i ON i.task_id = t.id"
               " WHERE type = 'clone' GROUP BY 1, 2") == (('success', '', count),)
    results = {row[0] for row in sql("SELECT JSON_VALUE(i.result, '$.image_id') FROM task_info i JOIN tasks t"
                                     " ON t.id = i.task_id WHERE t.type = 'clone'")}
    images = {row[0] for row in sql('SELECT id FROM images WHERE id <> %s', image)}
    assert len(results) == count and images == results
    assert sql('SELECT owner, COUNT(*) FROM images WHERE id <> %s GROUP BY owner ORDER BY owner', image) == tuple(
        ('p%d' % n, count // 10) for n in range(10))
    assert all(works.image_bytes(one) == data for one in random.sample(sorted(images), 20))
