"""The fixtures of the functional tests: one running stack a session, put back in order after every test."""
import glob
import os
import sys

import pytest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [TESTS, os.path.dirname(os.path.abspath(__file__))]
from gate import Gate  # noqa: E402
from lab.openapi import Document  # noqa: E402
from lab.stack import Stack, make_folder, remove_folder  # noqa: E402
from customers import Customer, start_afresh  # noqa: E402
from databases import Server  # noqa: E402
from nginx_site import Site  # noqa: E402
from tally_command import Tally  # noqa: E402
from work import Works, fresh  # noqa: E402

TOP = os.path.dirname(TESTS)
BUILD = os.environ.get('TALLY_BUILD') or os.path.join(TOP, 'build-asan')
CACHE = os.environ.get('TALLY_LAB_CACHE') or os.path.join(TOP, 'build-lab')
SANITIZERS = ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS', 'LSAN_OPTIONS')


def sanitizer_env(folder):
    """Reports go into files of the run's folder, or of the stack's own, where the end of the session looks."""
    env = {k: os.environ[k] for k in SANITIZERS if k in os.environ}
    for name in SANITIZERS[:3]:
        env.setdefault(name, 'log_path=%s/sanitizer' % folder)
    # test_999_statements.py reads what all processes of the run have prepared
    env['TALLY_STATEMENTS'] = os.path.join(os.environ.get('TALLY_TEST_LOGS') or folder, 'statements')
    return env


def reports():
    """Sanitizer reports so far, of every process of the run."""
    found = []
    for name in SANITIZERS:
        for part in os.environ.get(name, '').split(':'):
            if part.startswith('log_path='):
                found += glob.glob(part[len('log_path='):] + '*')
    return set(found)


@pytest.fixture(scope='session')
def stack():
    folder = make_folder()
    before = reports()
    s = Stack(folder, BUILD, CACHE, sanitizer_env(folder))
    s.replies = Document.load()
    try:
        s.start()
        yield s
        status = s.stop()
        fresh = (reports() - before) | set(glob.glob(os.path.join(folder, 'sanitizer*')))
        text = ''.join(open(path, encoding='utf-8', errors='replace').read() for path in sorted(fresh))
        assert not fresh, 'sanitizer reports:\n' + text[:20000]
        assert status.get('tally') in (0, None), 'tally.fcgi ended with %r\n%s' % (status['tally'], s.tally.tail())
        assert status.get('worker') in (0, None), 'tally-worker ended with %r\n%s' % (status['worker'],
                                                                                    s.worker().tail())
    finally:
        for service in s.services():
            service.kill()
        if not os.environ.get('TALLY_KEEP'):
            remove_folder(folder)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure comes with what tally.fcgi logged during the test."""
    report = (yield).get_result()
    s = item.funcargs.get('stack') if hasattr(item, 'funcargs') else None
    if report.failed and s is not None:
        lines = s.log(s.mark).splitlines()
        troubles = [line for line in lines if '"level":"info"' not in line]
        report.sections.append(('tally.log, troubles', '\n'.join(troubles[:20])))
        report.sections.append(('tally.log, end', '\n'.join(lines[-15:])))


@pytest.fixture(autouse=True)
def in_order(request):
    """What a test stopped runs again for the next, what it configured is undone; a process that died by itself is a
    failure of the test in which it died."""
    if 'stack' not in request.fixturenames:
        yield
        return
    s = request.getfixturevalue('stack')
    s.expect_down, s.mark = set(), s.log_size()
    if 'worker' not in request.fixturenames and s.worker().running():
        assert s.worker().stop() == 0, 'tally-worker did not end as it should\n' + s.worker().tail()
    yield
    died = [x.name for x in s.services() if x.proc is not None and not x.running() and x.name not in s.expect_down]
    tails = ''.join(x.tail() for x in s.services() if x.name in died)
    for service in s.services():
        if service.proc is not None and not service.running():
            service.kill()
    changed = s.conf.reset()
    for name in [n for n in s.workers if n != 'worker' or changed]:
        s.workers.pop(name).kill()
    s.mariadb.start()
    s.keystone.start()
    if changed and s.tally.running():
        s.tally.stop()
    s.tally.start()
    s.nginx.start()
    assert not died, 'died: %s\n%s' % (' '.join(died), tails)


@pytest.fixture
def swift(stack):
    """The real Swift; once started it stays for the tests after."""
    return stack.swift.start()


@pytest.fixture
def worker(stack, swift):
    """A tally-worker that runs; it stays until a test that wants none. Other ones: stack.worker(NAME).start(); they
    end with the test."""
    return stack.worker().start()


@pytest.fixture
def gate(stack, worker):
    """Swift behind a gate (gate.py), for the workers only."""
    with Gate(stack.swift.ports['proxy']) as g:
        stack.conf.set('object_store', url=g.url + '/v1/AUTH_%(project_id)s')
        stack.restart_worker()
        yield g


@pytest.fixture(scope='session')
def chromium(stack):
    """One Chromium a session: it takes a second or two to start."""
    from lab.browser import Browser  # selenium takes a second to import
    assert os.path.exists(os.path.join(BUILD, 'ui', 'dist', 'index.html')), 'the web page is not built: is npm there?'
    with open(os.path.join(BUILD, 'ui', 'npm', 'node_modules', 'axe-core', 'axe.min.js'), encoding='utf-8') as f:
        b = Browser(stack, os.path.join(BUILD, 'screenshots'), axe=f.read())
    yield b
    b.close()


@pytest.fixture
def browser(chromium):
    """A browser that has never been here. An error in its console, a policy's violation among them, fails the test."""
    chromium.begin()
    yield chromium
    troubles = chromium.troubles()
    assert not troubles, 'in the console:\n' + '\n'.join(troubles)


@pytest.fixture
def anonymous(stack):
    return stack.client()


@pytest.fixture
def demo(stack):
    """A member of project demo."""
    return stack.client('demo')


@pytest.fixture
def alt(stack):
    """A member of another project."""
    return stack.client('alt')


@pytest.fixture
def staff(stack):
    """The foundation's staff."""
    return stack.client('foundation')


@pytest.fixture
def admin(stack):
    return stack.client('admin')


@pytest.fixture
def empty(stack):
    """A database without runs, results and tests."""
    stack.empty_tables()
    return stack


@pytest.fixture
def tally(empty, tmp_path):
    """The user's command, as a member of project demo has it."""
    return Tally(empty, tmp_path)


@pytest.fixture(scope='module')
def server():
    """A MariaDB alone, for databases that other software made."""
    folder = make_folder()
    s = Server(folder, CACHE)
    try:
        yield s.start()
    finally:
        s.kill()
        remove_folder(folder)


@pytest.fixture(scope='module')
def site(tmp_path_factory):
    """An instance of which only nginx runs."""
    site = Site(tmp_path_factory.mktemp('n'))
    (site.dir / 'web/ui').mkdir()
    (site.dir / 'web/ui/index.html').write_text('<!doctype html><title>Tally</title>')
    (site.dir / 'web/ui/a.js').write_text('1;')
    (site.dir / 'images/a').mkdir()
    (site.dir / 'images/a/b').write_bytes(b'image' * 1000)
    site.instance('start', 'nginx')
    yield site
    site.close()


@pytest.fixture(scope='module')
def fresh_module(stack):
    """No task, no image, and no file of earlier ones at the module's beginning."""
    start_afresh(stack)


@pytest.fixture
def customer(stack, worker):
    """A customer of project demo, with containers in the real Swift."""
    return Customer(stack)


@pytest.fixture
def other(stack, worker):
    return Customer(stack, 'alt')


@pytest.fixture
def works(stack):
    """Workers over directories, as many as a test starts."""
    fresh(stack)
    w = Works(stack)
    yield w
    w.end()
