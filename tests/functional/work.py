"""tally-workers over a directory of containers, with short leases: what tests of the queue need."""
import hashlib
import os
import shutil
import signal
import time
import uuid

from lab.service import wait_for
from lab.tally import Config

LEASE = 2


def disk(size=100_000, salt=0):
    """Bytes that are a raw disk and nothing else, different for each SALT."""
    block = hashlib.sha512(b'%d' % salt).digest() * 8
    return (b'\0' * 512 + block * (size // 512 + 1))[:size]


class Works:
    """Workers by name, their files, and one project's containers as folders."""

    def __init__(self, stack, user='demo'):
        self.stack, self.user = stack, user
        self.client = stack.client(user)
        self.project = stack.project(user)
        self.containers = os.path.join(stack.site, 'containers')
        self.images = os.path.join(stack.site, 'images')
        self.base = stack._options()
        self.base['worker'].update(lease=LEASE, heartbeat=1, poll_interval=1, grace=5)
        self.base['object_store']['driver'] = 'dir'
        self.names = []

    # --- workers ---

    def start(self, name='w1', fault=None, wait=True, **changes):
        """A worker; CHANGES are section__option=value, FAULT is a fault point with its action."""
        base = {section: dict(options) for section, options in self.base.items()}
        for key, value in changes.items():
            section, option = key.split('__')
            base.setdefault(section, {})[option] = value
        path = os.path.join(self.stack.site, 'etc', name + '.conf')
        config = Config(path, base)
        worker = self.stack.worker(name, env={'TALLY_FAULT': fault} if fault else {'TALLY_FAULT': ''}, config=config.path)
        worker.wake_socket = base['worker']['wake_socket']
        worker.settings = config
        if name not in self.names:
            self.names.append(name)
        # a fault of the start itself may end it at once
        return worker.start(wait=wait)

    def worker(self, name='w1'):
        return self.stack.workers[name]

    def expect_kill(self, name='w1', seconds=20):
        """Waits until the worker has been killed by its fault point."""
        self.stack.expect_down.add(name)
        worker = self.worker(name)
        wait_for('the death of ' + name, lambda: not worker.running(), seconds)
        assert worker.kill() == -signal.SIGKILL

    def stop(self, name='w1', seconds=30):
        status = self.worker(name).stop(seconds=seconds)
        assert status == 0, 'worker ended with %r\n%s' % (status, self.worker(name).tail())

    def end(self):
        """Every worker ends as it should."""
        for name in self.names:
            if name in self.stack.workers and self.worker(name).running():
                self.worker(name).send(signal.SIGCONT)
                self.stop(name)
        for name in self.names:
            self.stack.workers.pop(name, None)

    # --- containers ---

    def path(self, *parts):
        return os.path.join(self.containers, self.project, *parts)

    def container(self):
        name = 'c-' + uuid.uuid4().hex[:8]
        os.makedirs(self.path(name))
        return name

    def put(self, container, name, data):
        path = self.path(container, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + '.part', 'wb') as f:
            f.write(data)
        os.rename(path + '.part', path)

    def get(self, container, name):
        with open(self.path(container, name), 'rb') as f:
            return f.read()

    def listing(self, container):
        return sorted(os.listdir(self.path(container)))

    # --- tasks ---

    def post(self, kind, **given):
        r = self.client.post('/v2/tasks', json={'type': kind, 'input': given})
        assert r.status_code == 201, r.text
        return r.json()['id']

    def post_import(self, container, name, fmt='raw', **properties):
        return self.post('import', import_from='%s/%s' % (container, name), import_from_format=fmt,
                         image_properties=properties)

    def task(self, task):
        r = self.client.get('/v2/tasks/' + task)
        assert r.status_code == 200, r.text
        return r.json()

    def wait(self, task, seconds=60):
        """The task once it has ended."""
        def ended():
            doc = self.task(task)
            return doc if doc['status'] in ('success', 'failure') else None
        return wait_for('the end of task ' + task, ended, seconds, step=0.05)

    def success(self, task, seconds=60):
        doc = self.wait(task, seconds)
        assert doc['status'] == 'success', doc
        assert doc['message'] == '' and doc['expires_at']
        return doc

    def failure(self, task, seconds=60):
        """Its message."""
        doc = self.wait(task, seconds)
        assert doc['status'] == 'failure', doc
        assert doc['result'] is None and doc['expires_at']
        return doc['message']

    def image(self, image):
        """Its row with its properties."""
        names = ('id', 'name', 'status', 'owner', 'size', 'virtual_size', 'checksum', 'os_hash_algo', 'os_hash_value',
                 'disk_format', 'container_format', 'visibility', 'min_disk', 'min_ram')
        rows = self.stack.sql('SELECT %s FROM images WHERE deleted = 0 AND id = %%s' % ', '.join(names), image)
        assert len(rows) == 1, image
        found = self.stack.sql('SELECT name, value FROM image_properties WHERE image_id = %s', image)
        return {**dict(found), **dict(zip(names, rows[0]))}

    def make_image(self, data=None):
        """An active image of the project; a worker must run."""
        container = self.container()
        self.put(container, 'disk', disk(salt=uuid.uuid4().int) if data is None else data)
        return self.success(self.post_import(container, 'disk'))['result']['image_id']

    # --- what is there ---

    def lease(self, task):
        """(worker, epoch, attempts, note) of a task that has not ended; None where it has."""
        rows = self.stack.sql('SELECT worker, epoch, attempts, note FROM task_leases WHERE task_id = %s', task)
        return rows[0] if rows else None

    def files(self):
        """Objects of the image store, {key: size}; unfinished files too."""
        found = {}
        for folder, _, names in os.walk(self.images):
            for name in names:
                path = os.path.join(folder, name)
                if '/.meta/' not in path:
                    try:
                        found[os.path.relpath(path, self.images)] = os.path.getsize(path)
                    except FileNotFoundError:
                        pass
        return found

    def image_bytes(self, image):
        """The one object of an image."""
        key = self.stack.sql('SELECT value FROM image_locations WHERE image_id = %s', image)[0][0]
        with open(os.path.join(self.images, key[:2], key), 'rb') as f:
            return f.read()

    def check_order(self, seconds=None):
        """Nothing is left over: every object is an image's, every row is somebody's. The sweeper gets time for it."""
        end = time.monotonic() + (seconds or 4 * LEASE)
        while self.disorder() and time.monotonic() < end:
            time.sleep(0.1)
        assert not self.disorder()

    def disorder(self):
        sql, faults = self.stack.sql, []
        live = {row[0] for row in sql("SELECT object_key FROM store_objects WHERE state = 'live' AND container IS NULL")}
        faults += sql("SELECT object_key, state FROM store_objects WHERE state <> 'live'")
        faults += sql('SELECT l.value FROM image_locations l LEFT JOIN store_objects o ON o.object_key = l.value'
                      " AND o.state = 'live' WHERE o.object_key IS NULL")
        faults += sql("SELECT id, status FROM images WHERE deleted = 0 AND status NOT IN ('active', 'deactivated')")
        faults += sql('SELECT i.id FROM images i LEFT JOIN image_locations l ON l.image_id = i.id'
                      ' WHERE i.deleted = 0 AND l.image_id IS NULL')
        faults += sql("SELECT s.task_id FROM task_secrets s JOIN tasks t ON t.id = s.task_id"
                      " WHERE t.status IN ('success', 'failure')")
        faults += sql("SELECT id, status FROM tasks t LEFT JOIN task_leases l ON l.task_id = t.id"
                      " WHERE (l.task_id IS NULL) <> (t.status IN ('success', 'failure'))")
        files = {name.split('/', 1)[1] for name in self.files() if not name.startswith('.tmp/')}
        faults += ['file without a row: ' + key for key in files - live]
        faults += ['row without a file: ' + key for key in live - files]
        faults += ['unfinished: ' + name for name in self.files() if name.startswith('.tmp/')]
        return faults


def fresh(stack):
    """No tasks, no images, no bytes."""
    stack.empty_tables()
    for name in ('images', 'containers'):
        folder = os.path.join(stack.site, name)
        for entry in os.listdir(folder) if os.path.isdir(folder) else ():
            shutil.rmtree(os.path.join(folder, entry), ignore_errors=True)
        os.makedirs(folder, exist_ok=True)


def pause(seconds):
    """For what has no event to wait for: that something does not happen."""
    time.sleep(seconds)
