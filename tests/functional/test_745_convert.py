"""worker/convert.c and base/confine.c: every pair of formats by the real qemu-img, which can do nothing else."""
import ctypes
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest
from conftest import BUILD, TOP

from lab.service import wait_for

PROBE = os.path.join(BUILD, 'tests', 'unit', 'convert_probe')
MAKE = os.path.join(TOP, 'tests', 'data', 'images', 'make-images')
QEMU = {'raw': 'raw', 'qcow2': 'qcow2', 'vhd': 'vpc', 'vhdx': 'vhdx', 'vmdk': 'vmdk', 'vdi': 'vdi'}
OPTIONS = {'vhd': ['-o', 'force_size=on']}
SIZE = 5 << 20
BAD_REQUEST, TOO_LARGE, TIMEOUT, UNAVAILABLE, INTERNAL, ABORTED = 1, 6, 9, 10, 11, 12


@pytest.fixture(scope='module')
def disks(tmp_path_factory):
    """The same disk in each format."""
    folder = tmp_path_factory.mktemp('disks')
    with open(folder / 'raw', 'wb') as f:
        f.write(b'\x90' + random.Random(745).randbytes(1 << 20) + bytes(1 << 20) + b'x' * 100000)
        f.truncate(SIZE)
    for fmt, name in QEMU.items():
        if fmt != 'raw':
            subprocess.run(['qemu-img', 'convert', '-f', 'raw', '-O', name, *OPTIONS.get(fmt, []), 'raw', fmt], cwd=folder,
                           check=True, timeout=60)
    return folder


class Converter:
    def __init__(self, folder):
        self.folder = folder
        self.settings = {'worker': {}, 'task': {}, 'image': {}}
        self.target = str(folder / 'target')

    def qemu(self, body):
        """A program in qemu-img's place; a binary, as no interpreter may be run."""
        path = self.folder / 'qemu-img'
        subprocess.run(['gcc', '-O0', '-o', path, '-x', 'c', '-'], check=True, timeout=60, text=True, input="""
            #include <fcntl.h>
            #include <stdio.h>
            #include <stdlib.h>
            #include <string.h>
            #include <unistd.h>
            int main(int argc, char **argv) { const char *target = argv[argc - 1]; %s return 0; }""" % body)
        self.settings['worker']['qemu_img'] = str(path)

    def run(self, fmt, source, to, *more):
        conf = self.folder / 'tally.conf'
        conf.write_text(''.join('[%s]\n%s' % (section, ''.join('%s = %s\n' % item for item in options.items()))
                                for section, options in self.settings.items()))
        done = subprocess.run([PROBE, str(conf), fmt, str(source), to, self.target, *more], capture_output=True, text=True,
                              timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        self.log = done.stderr
        return done.stdout.rstrip('\n').split('\t')


@pytest.fixture
def converter(tmp_path):
    return Converter(tmp_path)


@pytest.mark.parametrize('to', QEMU)
@pytest.mark.parametrize('fmt', QEMU)
def test_745_each_pair_is_the_same_disk(disks, converter, fmt, to):
    got = converter.run(fmt, disks / fmt, to)
    assert got[:2] == ['ok', to] and got[3:] == [str(SIZE)], (got, converter.log)
    subprocess.run(['qemu-img', 'compare', '-f', 'raw', '-F', QEMU[to], disks / 'raw', converter.target], check=True,
                   timeout=60, capture_output=True)
    assert os.stat(converter.target).st_mode & 0o777 == 0o600


def test_745_vmdk_is_stream_optimized(disks, converter):
    assert converter.run('raw', disks / 'raw', 'vmdk')[0] == 'ok'
    with open(converter.target, 'rb') as f:
        assert b'createType="streamOptimized"' in f.read(4096)


def test_745_names_with_commas_and_quotes(disks, converter):
    odd = converter.folder / 'a,b="c"\\{x}:y%'
    odd.write_bytes((disks / 'qcow2').read_bytes())
    assert converter.run('qcow2', odd, 'raw')[:3] == ['ok', 'raw', str(SIZE)]
    assert (disks / 'raw').read_bytes() == open(converter.target, 'rb').read()


# --- nothing that was not inspected reaches qemu-img ----------------------------------------------------

def test_745_hostile_files_never_reach_it(converter):
    made = converter.folder / 'made'
    subprocess.run([sys.executable, MAKE, made, 'backing.qcow2', 'data-file.qcow2', 'type-vmfs.vmdk', 'parent.vhdx',
                    'photo.jpg', 'both-qcow2-vhd.vhd'], check=True, timeout=60)
    converter.qemu('fputs("called", stderr); (void)target; return 1;')
    for name, fmt in (('backing.qcow2', 'qcow2'), ('data-file.qcow2', 'qcow2'), ('type-vmfs.vmdk', 'vmdk'),
                      ('parent.vhdx', 'vhdx'), ('photo.jpg', 'raw'), ('backing.qcow2', 'raw'), ('both-qcow2-vhd.vhd', 'vhd')):
        kind, message = converter.run(fmt, made / name, 'vdi')
        assert int(kind) == BAD_REQUEST and message.startswith('The '), (name, message)
        assert not os.path.exists(converter.target) and 'called' not in converter.log


def test_745_what_it_made_is_inspected(disks, converter):
    converter.qemu('char block[70000] = "QFI\\xfb"; write(open(target, O_WRONLY), block, sizeof(block));')
    assert converter.run('raw', disks / 'raw', 'vdi')[0] == str(INTERNAL)
    assert not os.path.exists(converter.target)


def test_745_a_damaged_image_is_said_to_be(disks, converter):
    data = bytearray((disks / 'qcow2').read_bytes())
    data[40:48] = (513).to_bytes(8, 'big')  # where its table of clusters lies: in no cluster's place
    bad = converter.folder / 'bad'
    bad.write_bytes(data)
    assert converter.run('qcow2', bad, 'raw') == [
        str(BAD_REQUEST), 'The image could not be converted from qcow2 to raw: it is damaged']
    assert not os.path.exists(converter.target)


# --- limits ---------------------------------------------------------------------------------------------

def test_745_one_that_hangs_is_killed(disks, converter):
    converter.qemu('open(target, O_WRONLY); sleep(600);')
    converter.settings['task']['stall_timeout'] = 2
    began = time.time()
    kind, message = converter.run('raw', disks / 'raw', 'vdi')
    assert int(kind) == TIMEOUT and 'nothing done for 2 seconds' in message
    assert time.time() - began < 20 and not os.path.exists(converter.target)


def test_745_one_that_is_told_to_stop(disks, converter):
    converter.qemu('(void)target; for (;;) ;')
    began = time.time()
    assert converter.run('raw', disks / 'raw', 'vdi', '1')[0] == str(ABORTED)
    assert time.time() - began < 10


def test_745_one_that_eats_time_is_killed(disks, converter):
    converter.qemu('(void)target; for (;;) ;')
    converter.settings['worker']['convert_timeout'] = 1
    kind, message = converter.run('raw', disks / 'raw', 'vdi')
    assert int(kind) == BAD_REQUEST and '1 seconds of processor time' in message


def test_745_one_that_the_kernel_kills_may_try_again(disks, converter):
    """As it does when memory is short: that says nothing of the image."""
    converter.qemu('(void)target; sleep(600);')

    def kill():
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                if os.readlink('/proc/%s/exe' % pid) == converter.settings['worker']['qemu_img']:
                    os.kill(int(pid), signal.SIGKILL)
                    return True
            except OSError:
                continue
        return False
    killer = threading.Thread(target=wait_for, args=('qemu-img', kill, 20))
    killer.start()
    kind, message = converter.run('raw', disks / 'raw', 'vdi')
    killer.join()
    assert (int(kind), message) == (UNAVAILABLE, 'The conversion from raw to vdi was ended from outside')


def test_745_one_that_eats_memory_gets_none(disks, converter):
    converter.qemu('(void)target; for (char *p; (p = malloc(1 << 20));) memset(p, 1, 1 << 20);'
                   'fputs("Cannot allocate memory", stderr); return 1;')
    converter.settings['worker']['convert_memory'] = '64M'
    kind, message = converter.run('raw', disks / 'raw', 'vdi')
    assert int(kind) == BAD_REQUEST and 'needs more memory than is allowed' in message


def test_745_memory_does_not_depend_on_threads(disks, converter):
    """Each thread's own heap and stack would take address space by chance."""
    converter.settings['worker']['convert_memory'] = '256M'
    for _ in range(10):
        got = converter.run('vmdk', disks / 'vmdk', 'raw')
        assert got[0] == 'ok', (got, converter.log)
        os.unlink(converter.target)


def test_745_the_real_one_stays_within_its_memory(disks, converter):
    converter.settings['worker']['convert_memory'] = '64M'
    kind, *_ = converter.run('raw', disks / 'raw', 'qcow2')
    assert kind in ('ok', str(BAD_REQUEST)) and (kind == 'ok') == os.path.exists(converter.target)


def test_745_a_file_that_grows_too_large(disks, converter):
    converter.settings['image']['max_bytes'] = '1M'
    kind, message = converter.run('raw', disks / 'raw', 'qcow2')
    assert int(kind) == TOO_LARGE and '1048576' in message and not os.path.exists(converter.target)
    kind, message = converter.run('qcow2', disks / 'qcow2', 'raw')
    assert int(kind) == TOO_LARGE and str(SIZE) in message


def test_745_a_disk_that_the_format_cannot_hold(converter):
    large = converter.folder / 'large'
    subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', large, '3T'], check=True, timeout=60)
    for to in ('vhd', 'vmdk', 'vdi'):
        kind, message = converter.run('qcow2', large, to)
        assert int(kind) == TOO_LARGE and to in message


def test_745_no_program(disks, converter):
    converter.settings['worker']['qemu_img'] = '/nowhere/qemu-img'
    assert converter.run('raw', disks / 'raw', 'vdi')[0] == str(INTERNAL)
    assert not os.path.exists(converter.target)


# --- what a confined program cannot do ------------------------------------------------------------------

def confined(tmp_path, script, *lists, memory=1 << 30, file=1 << 20):
    path = tmp_path / 'script'
    path.write_text('#!/usr/bin/python3\nimport ctypes, errno, os, signal, socket, subprocess, sys\n' + script)
    path.chmod(0o755)
    done = subprocess.run([PROBE, 'confine', str(memory), '5', str(file), '20', '20', '/usr/bin/python3', '-I', str(path),
                           '--reads', str(path), *lists], capture_output=True, text=True, timeout=60, check=True,
                          env={**os.environ, 'TALLY_SECRET': 'x'})
    how, _, said = done.stdout.rstrip('\n').partition('\t')
    return how, said


def tries(code):
    """A script that prints the error that CODE gives, or "done"."""
    return 'try:\n    %s\nexcept OSError as e:\n    sys.exit(errno.errorcode[e.errno])\nsys.exit("done")\n' % code


def has_landlock():
    return ctypes.CDLL(None).syscall(444, None, 0, 1) > 0  # landlock_create_ruleset: its version


CALLS = ['socket.socket()', 'socket.socket(socket.AF_UNIX)', 'socket.socketpair()', 'os.kill(os.getppid(), 0)',
         'os.setsid()', 'os.setpgid(0, 0)']


@pytest.mark.parametrize('code', CALLS)
def test_745_confined_it_may_not(tmp_path, code):
    assert confined(tmp_path, tries(code))[1] in ('EACCES', 'EPERM')


@pytest.mark.skipif(not has_landlock(), reason='this kernel has no Landlock')
@pytest.mark.parametrize('code', ['open("/etc/passwd")', 'os.listdir("/root")', 'os.listdir("/proc/%d" % os.getppid())',
                                  'open("/var/tmp/x-745", "w")', 'os.mkdir("/tmp/x-745")',
                                  'subprocess.run(["/bin/true"])', 'os.unlink(__file__)', 'open(__file__, "r+")'])
def test_745_confined_no_other_files(tmp_path, code):
    assert confined(tmp_path, tries(code))[1] in ('EACCES', 'EPERM')


@pytest.fixture
def lesser_kernel(tmp_path, monkeypatch):
    """PROBE as on a kernel without Landlock, where namespaces are not for users."""
    program = tmp_path / 'lesser-kernel'
    subprocess.run(['gcc', '-o', program, '-x', 'c', '-'], check=True, timeout=60, text=True, input="""
        #include <errno.h>
        #include <linux/filter.h>
        #include <linux/seccomp.h>
        #include <stddef.h>
        #include <sys/prctl.h>
        #include <sys/syscall.h>
        #include <unistd.h>
        #define REFUSE(call, error) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), BPF_STMT(BPF_RET | BPF_K, 0x50000 | error)
        int main(int argc, char **argv) {
            struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                REFUSE(444, ENOSYS), REFUSE(SYS_unshare, EPERM), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
            struct sock_fprog rules = {sizeof(filter) / sizeof(filter[0]), filter};
            if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &rules)) return 1;
            return execv("%s", argv);
        }""" % PROBE)
    monkeypatch.setattr(sys.modules[__name__], 'PROBE', str(program))


def test_745_without_landlock_and_namespaces(tmp_path, lesser_kernel, disks, converter):
    """It converts all the same, and has neither sockets nor others to signal."""
    assert converter.run('qcow2', disks / 'qcow2', 'raw')[0] == 'ok', converter.log
    for code in CALLS:
        assert confined(tmp_path, tries(code))[1] in ('EACCES', 'EPERM'), code
    assert confined(tmp_path, tries('open("/etc/passwd")'))[1] == 'done'  # so it was without


def test_745_confined_io_uring_and_ptrace_are_refused(tmp_path):
    calls = 'libc = ctypes.CDLL(None, use_errno=True)\n' \
            'for n in (425, 101, 310, 321, 272):\n' \
            '    assert libc.syscall(n, 0, 0, 0, 0, 0) == -1 and ctypes.get_errno() in (errno.EACCES, errno.EPERM), n\n'
    assert os.uname().machine != 'x86_64' or confined(tmp_path, calls) == ('status 0 signal 0', '')


def test_745_confined_it_has_nothing_of_ours(tmp_path):
    """Neither descriptors nor environment nor rights to gain."""
    script = 'fds = []\n' \
             'for fd in range(256):\n' \
             '    try:\n' \
             '        os.fstat(fd)\n' \
             '        fds.append(fd)\n' \
             '    except OSError:\n' \
             '        pass\n' \
             'pr = ctypes.CDLL(None).prctl\n' \
             'sys.exit(repr((fds, sorted(k for k in os.environ if k != "LC_CTYPE"), pr(39, 0, 0, 0, 0), os.getpgrp() == os.getpid())))\n'
    assert confined(tmp_path, script)[1] == repr(([0, 1, 2], ['LC_ALL', 'MALLOC_ARENA_MAX', 'PATH'], 1, True))


def test_745_confined_it_writes_what_it_may(tmp_path):
    out = tmp_path / 'out'
    out.write_bytes(b'')
    how, said = confined(tmp_path, 'open(%r, "wb").write(b"x" * 100)\n' % str(out), '--writes', str(out))
    assert (how, said) == ('status 0 signal 0', '') and out.read_bytes() == b'x' * 100
    how, _ = confined(tmp_path, 'signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nopen(%r, "wb").write(bytes(2 << 20))\n' % str(out),
                      '--writes', str(out))
    assert how == 'status -1 signal %d' % signal.SIGXFSZ


def test_745_confined_what_it_says_is_bounded(tmp_path):
    how, said = confined(tmp_path, 'for n in range(5000):\n    os.write(2, b"\\xff\\nabc" * 200)\n')
    assert how == 'status 0 signal 0' and 1000 < len(said) <= 1023 and said.isprintable()


def runs(pid):
    """Not so a dead one that nobody has waited for: that is up to whoever takes orphans on."""
    try:
        with open('/proc/%s/stat' % pid, encoding='utf-8', errors='replace') as f:
            return f.read().rpartition(')')[2].split()[0] not in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_745_it_dies_with_its_parent(tmp_path):
    script = tmp_path / 'script'
    script.write_text('import time\nwhile True: time.sleep(0.01)\n')
    with subprocess.Popen([PROBE, 'confine', str(1 << 30), '600', '1000', '600', '600', '/usr/bin/python3', '-I',
                           str(script), '--reads', str(script)], stdout=subprocess.DEVNULL) as p:
        children = []
        for _ in range(200):
            with open('/proc/%d/task/%d/children' % (p.pid, p.pid), encoding='ascii') as f:
                children = f.read().split()
            if children:
                break
            time.sleep(0.05)
        time.sleep(0.5)
        assert children and runs(children[0])
        p.kill()
        p.wait()
    for _ in range(100):
        if not runs(children[0]):
            return
        time.sleep(0.05)
    pytest.fail('it lives on')
