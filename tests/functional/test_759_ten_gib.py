"""10 GiB that are mostly holes, in from a container and from a URL, and out again: little memory whatever the size."""
import hashlib
import os
import pathlib
import subprocess

import pytest

from lab.service import PATH, Service, free_port, tcp_open

pytestmark = [pytest.mark.opt, pytest.mark.long, pytest.mark.timeout(3000)]
MIB = 1 << 20
SIZE, LIMIT = 10 << 30, 64 * MIB
NGINX = """daemon off;
worker_processes 1;
pid {folder}/nginx-files.pid;
error_log {folder}/log/nginx-files.log;
events {{ }}
http {{
    access_log off;
    sendfile on;
    server {{ listen 127.0.0.1:{port}; root {folder}/files; }}
}}
"""


class Files(Service):
    """nginx with plain files."""

    def __init__(self, folder):
        super().__init__(str(folder), 'nginx-files')
        self.port = free_port()
        os.makedirs(folder / 'files')
        with open(folder / 'nginx.conf', 'w', encoding='ascii') as f:
            f.write(NGINX.format(folder=folder, port=self.port))

    def argv(self):
        return ['/usr/sbin/nginx', '-p', self.folder, '-c', os.path.join(self.folder, 'nginx.conf')]

    def ready(self):
        return tcp_open(self.port)


def sparse(path, salt):
    """A raw disk of SIZE bytes: its md5."""
    with open(path, 'wb') as f:
        f.truncate(SIZE)
        for at in (512, SIZE // 3, SIZE - 4096):
            f.seek(at)
            f.write(b'disk %d' % salt)
    digest = hashlib.md5()
    with open(path, 'rb', buffering=0) as f:
        while block := f.read(4 * MIB):
            digest.update(block)
    return digest.hexdigest()


def same(one, other):
    return subprocess.run(['cmp', one, other], env={'PATH': PATH}, check=False).returncode == 0


def test_759_ten_gib(stack, works, capsys):
    folder = pathlib.Path(stack.folder, 'ten-gib')  # where nginx's own user may read
    files, container, peaks = Files(folder).start(), works.container(), {}
    options = {'allowed_hosts': 'localhost', 'allowed_ports': files.port}
    stack.conf.set('import_filtering_opts', **options)
    stack.reload()
    works.base['import_filtering_opts'] = {**options, 'allowed_networks': '127.0.0.0/8, ::1/128'}
    worker = works.start()

    def step(what, task):
        for service in (worker, stack.tally):
            service.reset_peak()
        doc = works.success(task, 900)
        peaks[what] = (worker.peak_rss(), stack.tally.peak_rss())
        with capsys.disabled():
            print('\n%s: worker %.1f MiB, tally.fcgi %.1f MiB' % (what, *(p / MIB for p in peaks[what])))
        return doc

    try:
        md5 = sparse(works.path(container, 'disk'), 1)
        image = step('import', works.post_import(container, 'disk'))['result']['image_id']
        assert works.image(image)['checksum'] == md5 and works.image(image)['size'] == SIZE
        out = works.container()
        step('export', works.post('export', image_id=image, export_to=out, export_format='raw'))
        assert same(works.path(out, image + '.raw'), works.path(container, 'disk'))
        assert works.client.delete('/v2/images/' + image).status_code == 204
        for name in (os.path.join(out, image + '.raw'), os.path.join(container, 'disk')):
            os.unlink(works.path(name))
        md5 = sparse(folder / 'files' / 'disk', 2)
        image = step('import from nginx', works.post(
            'import', import_from='http://localhost:%d/disk' % files.port, import_from_format='raw',
            image_properties={}))['result']['image_id']
        assert works.image(image)['checksum'] == md5
    finally:
        files.stop()
        (folder / 'files' / 'disk').unlink(missing_ok=True)
    assert works.client.delete('/v2/images/' + image).status_code == 204
    works.check_order(30)
    assert all(p < LIMIT for pair in peaks.values() for p in pair), peaks
