"""What customers do: objects in their containers, tasks, images; all through the real services."""
import hashlib
import os
import shutil
import subprocess
import time
import uuid

import requests

from lab.service import PATH, LabError, wait_for

PATCH = 'application/openstack-images-v2.1-json-patch'
ENDED = ('success', 'failure')
ORDER = ('pending', 'processing', 'success', 'failure')
VOLATILE = ('Date', 'X-Trans-Id', 'X-Openstack-Request-Id', 'Connection')


def disk(size=300_000):
    """Bytes that nobody has had before, and that are no known format: a raw disk."""
    return bytes(4096) + os.urandom(size - 4096)


def md5(data):
    return hashlib.md5(data).hexdigest()


def sha512(data):
    return hashlib.sha512(data).hexdigest()


def qemu_img(*args):
    done = subprocess.run(['qemu-img', *map(str, args)], env={'PATH': PATH}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def converted(folder, raw, fmt, *options):
    """The bytes of the raw disk RAW as an image of FMT."""
    name = uuid.uuid4().hex
    source, target = os.path.join(folder, name + '.raw'), os.path.join(folder, name + '.' + fmt)
    with open(source, 'wb') as f:
        f.write(raw)
    qemu_img('convert', '-f', 'raw', '-O', {'vhd': 'vpc'}.get(fmt, fmt), *options, source, target)
    with open(target, 'rb') as f:
        return f.read()


class Customer:
    """One user of the lab with his project, his containers and his images."""

    def __init__(self, stack, user='demo'):
        self.stack, self.user, self.project = stack, user, stack.project(user)
        self.token, self.api = stack.token(user), stack.client(user)
        self.swift = requests.Session()
        self.swift.trust_env = False
        self.swift.headers['X-Auth-Token'] = self.token
        self.account = stack.swift.account(self.project)

    # --- containers ---

    def container(self, **headers):
        """A new one; its name."""
        name = 'c-' + uuid.uuid4().hex[:12]
        r = self.swift.put('%s/%s' % (self.account, name), headers=headers)
        assert r.status_code == 201, r.text
        return name

    def object_request(self, method, container, name, **more):
        return self.swift.request(method, '%s/%s/%s' % (self.account, container, name), **more)

    def put(self, container, name, data, **headers):
        r = self.object_request('PUT', container, name, data=data, headers=headers)
        assert r.status_code == 201, r.text

    def get(self, container, name):
        r = self.object_request('GET', container, name)
        assert r.status_code == 200, r.status_code
        return r.content

    def head(self, container, name):
        """The headers of an object, without those that differ from answer to answer; None: there is none."""
        r = self.object_request('HEAD', container, name)
        assert r.status_code in (200, 404)
        return {k: v for k, v in r.headers.items() if k not in VOLATILE} if r.status_code == 200 else None

    def remove(self, container, name):
        assert self.object_request('DELETE', container, name).status_code == 204

    def objects(self, container):
        return self.swift.get('%s/%s' % (self.account, container)).text.split()

    # --- tasks ---

    def create(self, kind, **members):
        """A task that is accepted; its document as POST answers it."""
        r = self.api.post('/v2/tasks', json={'type': kind, 'input': members})
        assert r.status_code == 201, r.text
        return r.json()

    def task(self, task):
        r = self.api.get('/v2/tasks/%s' % task)
        assert r.status_code == 200, r.text
        return r.json()

    def wait(self, task, seconds=90):
        """The document of a task that has ended; on its way its status never goes back."""
        seen, end = ['pending'], time.monotonic() + seconds
        while True:
            doc = self.task(task)
            assert ORDER.index(doc['status']) >= ORDER.index(seen[-1]), '%s after %s' % (doc['status'], seen)
            if doc['status'] != seen[-1]:
                seen.append(doc['status'])
            if doc['status'] in ENDED:
                return doc
            assert time.monotonic() < end, 'not within %d s: %r' % (seconds, doc)
            time.sleep(0.05)

    def wait_status(self, task, status, seconds=60):
        wait_for('task ' + status, lambda: self.task(task)['status'] == status, seconds, step=0.05)

    def run(self, kind, **members):
        return self.wait(self.create(kind, **members)['id'])

    def succeeds(self, kind, **members):
        """The result of a task that must succeed."""
        doc = self.run(kind, **members)
        assert doc['status'] == 'success', doc['message']
        assert doc['message'] == ''
        return doc['result']

    def fails(self, kind, **members):
        """The message of a task that must fail; it tells nothing that is not the customer's."""
        return self.message_of(self.run(kind, **members))

    def message_of(self, doc):
        assert doc['status'] == 'failure', doc
        assert doc['result'] is None
        message = doc['message']
        assert message
        for internal in (self.stack.folder, self.stack.swift.url, self.stack.keystone.url, self.token, 'AUTH_',
                         'mysql', 'errno', '/v1/'):
            assert internal not in message, message
        return message

    def start_import(self, container, name, fmt='raw', /, **properties):
        return self.create('import', import_from='%s/%s' % (container, name), import_from_format=fmt,
                           image_properties=properties)

    def import_object(self, container, name, fmt='raw', /, **properties):
        """The image's id."""
        return self.succeeds('import', import_from='%s/%s' % (container, name), import_from_format=fmt,
                             image_properties=properties)['image_id']

    def import_fails(self, container, name, fmt='raw', /, **properties):
        return self.fails('import', import_from='%s/%s' % (container, name), import_from_format=fmt,
                          image_properties=properties)

    def imported(self, data=None, fmt='raw', **properties):
        """An image of DATA, brought in through a container of its own."""
        container = self.container()
        self.put(container, 'source', disk() if data is None else data)
        properties.setdefault('name', 'imported')
        return self.import_object(container, 'source', fmt, **properties)

    def exported(self, image, container, fmt='raw'):
        """The name of the object in the container."""
        result = self.succeeds('export', image_id=image, export_to=container, export_format=fmt)
        where, _, name = result['export_location'].partition('/')
        assert where == container
        return name

    # --- images ---

    def image(self, image):
        r = self.api.get('/v2/images/' + image)
        assert r.status_code == 200, r.text
        return r.json()

    def bytes_of(self, image):
        r = self.api.get('/v2/images/%s/file' % image)
        assert r.status_code == 200, r.text
        return r.content

    def images(self, **query):
        r = self.api.get('/v2/images', params={'limit': 1000, **query})
        assert r.status_code == 200, r.text
        return [i['id'] for i in r.json()['images']]

    def owned(self):
        return self.images(owner=self.project)

    def uploaded(self, data=None, fmt='raw', **members):
        """An image that came by PUT and not by a task."""
        r = self.api.post('/v2/images', json={'name': 'uploaded', 'disk_format': fmt, 'container_format': 'bare',
                                              **members})
        assert r.status_code == 201, r.text
        image = r.json()['id']
        r = self.api.put('/v2/images/%s/file' % image, data=disk() if data is None else data,
                         headers={'Content-Type': 'application/octet-stream'})
        assert r.status_code == 204, r.text
        return image

    def queued(self, **members):
        """An image without data."""
        r = self.api.post('/v2/images', json={'name': 'queued', **members})
        assert r.status_code == 201, r.text
        return r.json()['id']

    def patch(self, image, *changes):
        return self.api.patch('/v2/images/' + image, json=list(changes), headers={'Content-Type': PATCH})

    def replace(self, image, member, value):
        r = self.patch(image, {'op': 'replace', 'path': '/' + member, 'value': value})
        assert r.status_code == 200, r.text

    def delete_image(self, image):
        r = self.api.delete('/v2/images/' + image)
        assert r.status_code == 204, r.text

    def share(self, image, other):
        return self.api.post('/v2/images/%s/members' % image, json={'member': other.project})

    def answer(self, image, status):
        """As a member: accepted or rejected."""
        r = self.api.put('/v2/images/%s/members/%s' % (image, self.project), json={'status': status})
        assert r.status_code == 200, r.text


def start_afresh(stack):
    """No task, no image, and no file that tasks and images of earlier tests left."""
    if stack.worker().running():
        stack.worker().stop()
    stack.empty_tables()
    images = os.path.join(stack.site, 'images')
    for name in os.listdir(images):
        shutil.rmtree(os.path.join(images, name), ignore_errors=True)


def store_files(stack):
    """Every file in the image store."""
    found = []
    for base, _, names in os.walk(os.path.join(stack.site, 'images')):
        found += [os.path.join(base, n) for n in names]
    return found


def nothing_left(stack, seconds=40):
    """Waits until the image store holds the bytes of images and nothing else, and the books say the same."""
    images = "SELECT l.value FROM image_locations l JOIN images i ON i.id = l.image_id WHERE l.deleted = 0 " \
             "AND i.status IN ('active', 'deactivated')"

    def left():
        live = sorted(row[0] for row in stack.sql(images))
        files = sorted(os.path.relpath(f, os.path.join(stack.site, 'images')).partition('/')[2]
                       for f in store_files(stack))
        other = stack.sql("SELECT object_key, container, state FROM store_objects WHERE state <> 'live'")
        return [files, live, other] if other or files != live else None
    try:
        wait_for('the image store to hold images only', lambda: left() is None, seconds, step=0.1)
    except LabError as e:
        raise AssertionError('%s: %r' % (e, left())) from None
