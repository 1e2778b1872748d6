"""kill -9 at every fault point of every pipeline: each task ends right, once, and nothing is left over."""
import os

import pytest

from lab.service import wait_for
from work import LEASE, disk

# by name: a fixture that is made of its namesake hides what that one is made of, and in_order would do nothing
pytestmark = pytest.mark.usefixtures('stack')
CLAIM = ['claim.after', 'task.read', 'task.begin']
SINK = ['sink.before_record', 'sink.recorded']
IMPORT = CLAIM + SINK + ['import.source_found', 'import.source_open', 'sink.created', 'import.mid', 'import.mid=kill:3',
                         'import.source_read', 'import.bytes_done', 'sink.committed', 'import.before_commit',
                         'db.before_commit', 'db.after_commit', 'import.after_commit']
CLONE = SINK + ['clone.found', 'clone.before_copy', 'clone.copied', 'clone.before_commit', 'clone.after_commit']
EXPORT = ['export.found', 'export.source_open', 'export.created', 'export.mid', 'export.mid=kill:2',
          'export.before_check', 'export.before_object', 'export.object_done', 'export.before_commit',
          'export.after_commit']
CONVERT = ['export.before_convert', 'export.converted']
FAILURE = ['task.before_verdict', 'task.after_verdict', 'task.drop']
SWEEP = ['sweep.expired', 'sweep.attempts', 'sweep.uploads', 'sweep.before_remove', 'sweep.removed', 'sweep.gone']


@pytest.fixture
def works(works):
    works.base['task']['max_attempts'] = 1000
    return works


def doomed(works, points):
    """A worker for each point, that dies at it; they begin with the queue's first task."""
    names = []
    for i, point in enumerate(points):
        name = 'doomed%d' % i
        works.start(name, fault=point if '=' in point else point + '=kill', wait=False, worker__slots=1,
                    worker__lease=LEASE)
        names.append(name)
    return names


def all_die(works, names, seconds=60):
    for name in names:
        works.expect_kill(name, seconds)
        del works.stack.workers[name]
        works.names.remove(name)


def killed_and_finished(works, points, tasks):
    """Lets workers die at POINTS over TASKS, then one finish; the tasks' documents."""
    all_die(works, doomed(works, points))
    works.start('finisher')
    done = [works.success(task, 30) for task in tasks]
    works.check_order()
    return done


def test_751_import(works):
    container, data = works.container(), [disk(1_700_000 + i, i) for i in range(len(IMPORT))]
    for i, one in enumerate(data):
        works.put(container, str(i), one)
    tasks = [works.post_import(container, str(i)) for i in range(len(data))]
    done = killed_and_finished(works, IMPORT, tasks)
    images = [doc['result']['image_id'] for doc in done]
    assert [works.image_bytes(i) for i in images] == data
    assert works.stack.sql('SELECT COUNT(*) FROM images')[0][0] == len(set(images)) == len(tasks)
    assert works.stack.sql('SELECT COUNT(*) FROM import_sources')[0][0] == len(tasks)


def test_751_clone(works):
    works.start('maker')
    data = disk(700_000)
    source = works.make_image(data)
    works.stop('maker')
    tasks = [works.post('clone', image_id=source) for _ in CLONE]
    done = killed_and_finished(works, CLONE, tasks)
    images = [doc['result']['image_id'] for doc in done]
    assert all(works.image_bytes(i) == data for i in images)
    assert works.stack.sql('SELECT COUNT(*) FROM images')[0][0] == len(set(images)) + 1 == len(tasks) + 1


@pytest.mark.parametrize('points, fmt', [(EXPORT, 'raw'), (CONVERT, 'vdi')], ids=['as-it-is', 'converted'])
def test_751_export(works, points, fmt):
    works.start('maker')
    data = disk(1_048_576)
    images = [works.make_image(data[:-1] + bytes([i])) for i in range(len(points))]
    works.stop('maker')
    container = works.container()
    tasks = [works.post('export', image_id=i, export_to=container, export_format=fmt) for i in images]
    killed_and_finished(works, points, tasks)
    assert works.listing(container) == sorted('%s.%s' % (i, fmt) for i in images)
    for n, image in enumerate(images if fmt == 'raw' else ()):
        assert works.get(container, image + '.raw') == data[:-1] + bytes([n])
    assert [n for n in os.listdir(works.containers) if n not in ('.tmp', '.meta', works.project)] == []


def test_751_failure(works):
    """An import whose object changes its mind: refused after its bytes were written."""
    container = works.container()
    tasks = []
    for i in range(len(FAILURE)):
        works.put(container, str(i), b'\xff\xd8\xff\xe0\0\x10JFIF\0\1\1' + bytes([i]) * 700_000)
        tasks.append(works.post_import(container, str(i)))
    all_die(works, doomed(works, FAILURE[:2]) + ([] if len(FAILURE) < 3 else doomed_drop(works)))
    works.start('finisher')
    for task in tasks:
        assert 'JPEG' in works.failure(task)
    works.check_order()
    assert works.stack.sql('SELECT COUNT(*) FROM images') == ((0,),)


def doomed_drop(works):
    works.start('drop', fault='task.drop=kill', wait=False, worker__slots=1)
    return ['drop']


def test_751_sweep(works):
    """What a dead attempt, a dead upload and a deleted image left, removed by sweepers that die on the way."""
    sql, project = works.stack.sql, works.project
    for n in range(8):
        key = '%08d-0000-4000-8000-000000000000/x.%d' % (n, n)
        folder = os.path.join(works.images, key[:2], key.split('/')[0])
        os.makedirs(folder)
        with open(os.path.join(folder, key.split('/')[1]), 'wb') as f:
            f.write(b'x' * 1000)
        sql('INSERT INTO store_objects (object_key, project, task_id, epoch, state, created_at, writer_until) VALUES'
            ' (%s, %s, %s, 1, %s, NOW(6), NOW(6))', key, project, 'gone' if n % 2 else None,
            'dead' if n < 4 else 'writing')
    all_die(works, doomed(works, SWEEP))
    works.start('finisher')
    wait_for('the sweep', lambda: sql('SELECT COUNT(*) FROM store_objects') == ((0,),), 20)
    works.check_order()
    assert works.files() == {}
