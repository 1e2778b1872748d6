"""A worker that is stopped past its lease and woken up again commits nothing, wherever it stood."""
import signal


from lab.service import wait_for
from work import disk, pause

IMPORT = ['claim.after', 'sink.recorded', 'import.mid=stop:3', 'import.bytes_done', 'sink.committed',
          'import.before_commit', 'db.before_commit']
CLONE = ['clone.found', 'clone.copied', 'clone.before_commit']
EXPORT = ['export.mid=stop:2', 'export.before_object', 'export.object_done', 'export.before_commit']


def stuck(works, points):
    """A worker for each point, all of them stopped there."""
    names = []
    for i, point in enumerate(points):
        names.append('stuck%d' % i)
        works.start(names[-1], fault=point if '=' in point else point + '=stop', wait=False, worker__slots=1)
    for name in names:
        wait_for(name + ' to stop', works.worker(name).is_stopped, 30)
    return names


def snapshot(works):
    return [works.stack.sql('SELECT * FROM %s ORDER BY 1' % table) for table in
            ('tasks', 'task_info', 'images', 'image_locations', 'store_objects', 'import_sources',
             'exported_contents')], [name for name in works.files() if not name.startswith('.tmp/')]


def woken(works, names):
    """They go on, find out, throw away what they have, and live."""
    # what a stuck one has not finished it still holds
    wait_for('the sweep', lambda: all(str(f).startswith('unfinished') for f in works.disorder()), 10)
    before = snapshot(works)
    for name in names:
        works.worker(name).send(signal.SIGCONT)
    pause(1.5)
    works.check_order()
    assert snapshot(works) == before
    for name in names:
        assert works.worker(name).running()
        works.stop(name)
    assert snapshot(works) == before


def test_752_import(works):
    container, data = works.container(), [disk(1_700_000 + i, i) for i in range(len(IMPORT))]
    for i, one in enumerate(data):
        works.put(container, str(i), one)
    tasks = [works.post_import(container, str(i)) for i in range(len(data))]
    names = stuck(works, IMPORT)
    works.start('finisher')
    done = [works.success(task) for task in tasks]
    assert [works.image_bytes(doc['result']['image_id']) for doc in done] == data
    woken(works, names)


def test_752_clone(works):
    works.start('maker')
    source = works.make_image()
    works.stop('maker')
    tasks = [works.post('clone', image_id=source) for _ in CLONE]
    names = stuck(works, CLONE)
    works.start('finisher')
    for task in tasks:
        works.success(task)
    assert works.stack.sql('SELECT COUNT(*) FROM images') == ((len(CLONE) + 1,),)
    woken(works, names)


def test_752_export(works):
    works.start('maker')
    data = disk(1_048_576)
    images = [works.make_image(data[:-1] + bytes([i])) for i in range(len(EXPORT))]
    works.stop('maker')
    container = works.container()
    tasks = [works.post('export', image_id=i, export_to=container, export_format='raw') for i in images]
    names = stuck(works, EXPORT)
    works.start('finisher')
    for task in tasks:
        works.success(task)
    woken(works, names)
    assert works.listing(container) == sorted(i + '.raw' for i in images)
    for n, image in enumerate(images):
        assert works.get(container, image + '.raw') == data[:-1] + bytes([n])
