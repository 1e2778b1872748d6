"""image/inspect.c over an image for every rule, in every cutting, and over what the real qemu-img makes."""
import json
import os
import random
import re
import subprocess
import sys

import pytest
from conftest import BUILD, TOP

MAKE = os.path.join(TOP, 'tests', 'data', 'images', 'make-images')
PROBE = os.path.join(BUILD, 'tests', 'unit', 'inspect_probe')
SIZE = 6 << 20
REAL = {  # file: (qemu-img's format, its options, what it is to us)
    'plain.qcow2': ('qcow2', '', 'qcow2'),
    'old.qcow2': ('qcow2', 'compat=0.10', 'qcow2'),
    'small-clusters.qcow2': ('qcow2', 'cluster_size=512', 'qcow2'),
    'large-clusters.qcow2': ('qcow2', 'cluster_size=2M', 'qcow2'),
    'zstd.qcow2': ('qcow2', 'compression_type=zstd', 'qcow2'),
    'lazy.qcow2': ('qcow2', 'lazy_refcounts=on', 'qcow2'),
    'dynamic.vhd': ('vpc', 'force_size=on', 'vhd'),
    'geometry.vhd': ('vpc', '', 'vhd'),
    'fixed.vhd': ('vpc', 'subformat=fixed,force_size=on', 'vhd'),
    'dynamic.vhdx': ('vhdx', '', 'vhdx'),
    'fixed.vhdx': ('vhdx', 'subformat=fixed', 'vhdx'),
    'large-blocks.vhdx': ('vhdx', 'block_size=32M', 'vhdx'),
    'sparse.vmdk': ('vmdk', '', 'vmdk'),
    'stream.vmdk': ('vmdk', 'subformat=streamOptimized', 'vmdk'),
    'dynamic.vdi': ('vdi', '', 'vdi'),
    'static.vdi': ('vdi', 'static=on', 'vdi'),
    'parallels.ploop': ('parallels', '', 'ploop'),
}
REFUSED = {  # made by qemu-img as well
    'extended.qcow2': ('qcow2', 'extended_l2=on', 'features that are not known'),
    'data-file.qcow2': ('qcow2', 'data_file=data.raw', 'external data file'),
    'backed.qcow2': ('qcow2', 'backing_file=source.raw,backing_fmt=raw', 'backing file'),
    'flat.vmdk': ('vmdk', 'subformat=monolithicFlat', 'only the description'),
    'extents.vmdk': ('vmdk', 'subformat=twoGbMaxExtentSparse', 'only the description'),
    'old.qed': ('qed', '', 'QED'),
}


def probe(folder, *files):
    done = subprocess.run([PROBE, *files], cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return [line.split('\t') for line in done.stdout.splitlines()]


def qemu_img(folder, *argv):
    return subprocess.run(['qemu-img', *argv], cwd=folder, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """The images of make-images: [(file, format, verdict, ...)]."""
    folder = str(tmp_path_factory.mktemp('made'))
    subprocess.run([sys.executable, MAKE, folder], check=True, timeout=120)
    with open(os.path.join(folder, 'EXPECTED.tsv'), encoding='utf-8') as f:
        rows = [line.rstrip('\n').split('\t') for line in f]
    assert len(rows) > 150
    return folder, rows


@pytest.fixture(scope='module')
def real(tmp_path_factory):
    """The same disk in every format that qemu-img can make of it."""
    folder = str(tmp_path_factory.mktemp('real'))
    with open(os.path.join(folder, 'source.raw'), 'wb') as f:
        f.write(b'\x90' + random.Random(740).randbytes(1 << 20))
        f.truncate(SIZE)
    for name, (fmt, options, _) in {**REAL, **REFUSED}.items():
        options = ['-o', options] if options else []
        if 'backing' in str(options):
            qemu_img(folder, 'create', '-q', '-f', fmt, *options, name)
        else:
            qemu_img(folder, 'convert', '-f', 'raw', '-O', fmt, *options, 'source.raw', name)
    return folder


def test_740_every_rule_has_an_image(made):
    """Good ones are told with their size, hostile ones refused with their reason, in any cutting."""
    folder, rows = made
    wrong = []
    for row, (_, *got) in zip(rows, probe(folder, *('%s=%s' % (row[1], row[0]) for row in rows)), strict=True):
        if row[2] == 'ok':
            right = got[:3] == row[2:5]
        else:
            right = got[0] == 'refused' and re.search(row[3], got[1])
        if not right:
            wrong.append((row, got))
    assert not wrong


def test_740_b63_names_what_a_foreign_file_is(made):
    folder, _ = made
    assert probe(folder, 'raw=photo.jpg', 'qcow2=photo.jpg', 'qcow2=film.mp4', 'ami=film.mp4') == [
        ['photo.jpg', 'refused', 'The file is JPEG image data (image/jpeg), not a raw image'],
        ['photo.jpg', 'refused', 'The file is JPEG image data (image/jpeg), not a qcow2 image'],
        ['film.mp4', 'refused', 'The file is ISO Media (video/mp4), not a qcow2 image'],
        ['film.mp4', 'refused', 'The file is ISO Media (video/mp4), not a raw (ami) image']]


def test_740_a_format_is_no_other(made):
    """Each good image holds up as its own format only."""
    folder, rows = made
    formats = ['raw', 'qcow2', 'vhd', 'vhdx', 'vmdk', 'vdi', 'iso', 'ploop']
    good = {row[3]: row[0] for row in rows if row[2] == 'ok'}
    for found, name in good.items():
        agrees = [fmt for fmt, got in zip(formats, probe(folder, *('%s=%s' % (fmt, name) for fmt in formats)), strict=True)
                  if got[1] == 'ok']
        assert agrees == ['raw' if found in ('raw', 'mbr', 'gpt', 'luks') else found], name


def test_740_agrees_with_qemu_img(real):
    """Format and virtual size of what qemu-img makes are those that qemu-img says."""
    for (name, *got), (fmt, _, ours) in zip(probe(real, *REAL), REAL.values(), strict=True):
        info = json.loads(qemu_img(real, 'info', '-f', fmt, '--output=json', name))
        assert got[:3] == ['ok', ours, str(info['virtual-size'])], name


def test_740_refuses_what_qemu_img_would_follow(real):
    for (name, *got), (_, _, reason) in zip(probe(real, *REFUSED), REFUSED.values(), strict=True):
        assert got[0] == 'refused' and reason in got[1], (name, got)


def test_740_real_partition_tables_are_raw(tmp_path):
    for label in ('dos', 'gpt'):
        path = tmp_path / label
        with open(path, 'wb') as f:
            f.truncate(8 << 20)
        subprocess.run(['/sbin/sfdisk', '-q', str(path)], input='label: %s\n, 2M\n' % label, text=True, check=True,
                       timeout=60, capture_output=True)
    assert [got[1:4] for got in probe(tmp_path, 'raw=dos', 'raw=gpt')] == [
        ['ok', 'mbr', str(8 << 20)], ['ok', 'gpt', str(8 << 20)]]


@pytest.mark.parametrize('options', [('-r',), ('-udf', '-r'), ('-hfs', '-r')])
def test_740_a_real_iso(tmp_path, options):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'file').write_bytes(b'x' * 100000)
    subprocess.run(['genisoimage', '-quiet', *options, '-o', 'out.iso', 'in'], cwd=tmp_path, check=True, timeout=60,
                   capture_output=True)
    (got,) = probe(tmp_path, 'iso=out.iso')
    assert got[1:3] == ['ok', 'iso'] and 0 < int(got[3]) <= os.path.getsize(tmp_path / 'out.iso')


def test_740_random_bytes_are_raw(tmp_path):
    """libmagic takes one random file in a hundred for something; none of that counts."""
    rng = random.Random(63)
    for n in range(200):
        (tmp_path / ('%03d' % n)).write_bytes(rng.randbytes(2000))
    got = probe(tmp_path, *('raw=%03d' % n for n in range(200)))
    assert {tuple(line[1:3]) for line in got} == {('ok', 'raw')}
