"""The web page: a run, its failures, its tests, their attachments, its timeline."""
import os

import pytest
from evidence import stored
from streams import Stream, corpus

TACKER = 'hoangphuocbk-tacker__10-a8b081d8.v1.subunit'
TRACEBACK = b'''Traceback (most recent call last):
  File "/opt/stack/tempest/tempest/api/compute/test_servers.py", line 104, in test_create
    self.wait(%d)
tempest.lib.exceptions.TimeoutException: Request timed out
Details: (ServersTest:test_create) Server 5f0e7%03d failed to reach ACTIVE status within %d s.
'''


def tempest(tests=400, workers=4):
    """A stream as Tempest's: several workers, some failures that read alike."""
    stream = Stream()
    now = stream.now
    busy = [0.0] * workers
    for n in range(tests):
        worker = busy.index(min(busy))
        seconds = 0.05 + (n * 7919 % 211) / 40.0 + (25 if n % 97 == 13 else 0)
        name = 'tempest.api.compute.servers.test_servers_%d.ServersTest%d.test_create_%d[id-%d,smoke]' % (n % 7, n % 23, n, n)
        status = 'fail' if n % 41 == 7 else 'skip' if n % 29 == 3 else 'success'
        files = [('pythonlogging', 'text/plain;charset=utf8', b'2026-03-01 12:00:00 INFO [tempest] request %d\n' % n)]
        if status == 'fail':
            why = b'ValueError: no valid host %d\n' % n if n % 3 else TRACEBACK % (n, n, n)
            files.append(('traceback', 'text/x-traceback;charset=utf8;language=python', why))
        if status == 'skip':
            files.append(('reason', 'text/plain;charset=utf8', b'not supported here'))
        stream.now = now
        stream.tick(busy[worker])
        stream.test(name, status, seconds, files, {'worker-%d' % worker})
        busy[worker] += seconds + 0.02
    return stream.bytes()


@pytest.fixture(scope='module')
def run(stack):
    options = {'meta.branch': 'master', 'cpid': 'cloud-1', 'artifacts': 'https://logs.example.org/1'}
    return stored(stack.client('demo'), tempest(), options)[0]


def names(browser):
    return browser.texts('.virtual .test-leaf')


def test_summary_and_failures(browser, run):
    browser.sign_in('demo').open('/runs/' + run).sees('10 failed', '.summary')
    text = browser.text('.summary')
    assert browser.find('.facts a[href="https://logs.example.org/1"]').get_attribute('rel') == 'noopener noreferrer'
    assert '376 passed' in text and '14 skipped' in text and 'cloud-1' in text and 'branch' in text, text
    # Failures come first, those that read alike as one, with the line that tells why.
    browser.sees('ValueError: no valid host', '.failure')
    messages = browser.texts('.failure-message')
    assert len(messages) == 2 and any('TimeoutException' in m for m in messages), messages
    assert sum(len(g.find_elements('css selector', '.failure-tests li')) for g in browser.all('.failure')) == 10
    browser.shot('run-failures')
    browser.find('.failure-tests button').click()
    browser.sees('Traceback' if 'Timeout' in messages[0] else 'ValueError', '.attachment-text')
    browser.shot('run-test')
    assert '?test=' in browser.path
    browser.find('body').send_keys('\ue00c')  # Escape
    browser.wait('closed', lambda: not browser.all('dialog'))
    # The focus is where it was.
    assert 'test-button' in browser.run('return document.activeElement.className')


def mouse(browser, kind, x, y):
    browser.cdp('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left', clickCount=1)


def test_ways_out_of_a_test(browser, run):
    browser.sign_in('demo').open('/runs').sees('Runs', 'h1')
    browser.run('location.hash = "#/runs/%s?tab=failures"' % run)
    browser.find('.failure-tests button').click()
    browser.find('dialog .attachment-text')
    # The browser's own way back closes it, and leads no further.
    browser.driver.back()
    browser.wait('closed', lambda: not browser.all('dialog'))
    assert browser.path == '/runs/%s?tab=failures' % run
    browser.driver.forward()
    # Text that is marked from the inside out does not close it; a click beside it does.
    box = browser.find('dialog .attachment-text').rect
    mouse(browser, 'mousePressed', box['x'] + 5, box['y'] + 5)
    mouse(browser, 'mouseReleased', 5, 5)
    browser.run('return new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))')
    assert browser.all('dialog')
    mouse(browser, 'mousePressed', 5, 5)
    mouse(browser, 'mouseReleased', 5, 5)
    browser.wait('closed', lambda: not browser.all('dialog') and browser.path == '/runs/%s?tab=failures' % run)
    # It leaves nothing behind: one step further back is the list.
    browser.driver.back()
    browser.sees('Runs', 'h1')
    assert browser.path == '/runs'


def test_search(browser, run):
    browser.sign_in('demo').open('/runs/%s?tab=tests' % run).sees('400 tests')
    browser.shot('run-tests')
    browser.find('.virtual').send_keys('\ue010')  # End
    browser.wait('the last', lambda: 'test_create_399' in names(browser))
    browser.fill('#q', 'servers_3')
    top = 'return document.querySelector(".virtual").scrollTop'
    browser.wait('the first', lambda: browser.run(top) == 0 and names(browser)[0] == 'test_create_3')
    browser.fill('#q', 'servers_3 CREATE_3')
    browser.wait('found', lambda: names(browser) and all('create_3' in n for n in names(browser)))
    browser.find('select[aria-label=Status] option[value=failed]').click()
    browser.fill('#q', '')
    browser.sees('10 tests of 400')
    browser.find('select[aria-label=Status] option[value=""]').click()
    browser.fill('#least', '25')
    browser.sees('4 tests of 400')
    browser.find('select[aria-label=Order] option[value=slowest]').click()
    browser.wait('sorted', lambda: 'sort=slowest' in browser.path)
    browser.fill('#q', 'there is none')
    browser.sees('No test matches')
    browser.click('Clear the filters')
    browser.sees('400 tests')
    # Keys alone: to the third test, and into it.
    browser.find('.virtual').send_keys('\ue015\ue015\ue007')
    browser.sees('test_create_2', 'dialog').sees('INFO [tempest] request 2', 'dialog')


def test_timeline(browser, run):
    browser.sign_in('demo').open('/runs/%s?tab=timeline' % run).sees('4 workers')
    canvas = browser.find('canvas')
    browser.sees('red failed', '.timeline')
    assert browser.run('return document.querySelector(".timeline-tools").offsetHeight') < 50  # its buttons beside the words
    browser.shot('run-timeline')
    pixels = 'return arguments[0].toDataURL()'
    whole = browser.run(pixels, canvas)
    canvas.send_keys('\ue014')  # right: the first test of the first worker
    browser.sees('test_create_0', '.timeline-chosen').sees('worker-0', '.timeline-chosen')
    canvas.send_keys('\ue015\ue014')  # down, right
    browser.sees('worker-1', '.timeline-chosen')
    canvas.send_keys('+++')
    browser.wait('zoomed', lambda: browser.run(pixels, canvas) != whole)
    browser.shot('run-timeline-zoomed', themes=('light',), sizes=((1280, 900),))
    # The mouse: over a test its name stands, a click opens it.
    box = browser.run('const r = arguments[0].getBoundingClientRect(); return [r.left, r.top, r.width]', canvas)
    for step in range(1, 40):
        browser.cdp('Input.dispatchMouseEvent', type='mouseMoved', x=box[0] + step * box[2] / 40, y=box[1] + 38)
        if browser.all('.tip'):
            break
    browser.sees('tempest.api.compute', '.tip')
    canvas.send_keys('0\ue007')
    browser.sees('tempest.api.compute', 'dialog')


def test_timeline_by_mouse(browser, run):
    browser.sign_in('demo').open('/runs/%s?tab=timeline' % run).sees('4 workers')
    canvas = browser.find('canvas')
    x, y, width = browser.run('const r = arguments[0].getBoundingClientRect(); return [r.left, r.top + 38, r.width]', canvas)

    def mouse(kind, at, **more):
        browser.cdp('Input.dispatchMouseEvent', type=kind, x=x + at * width, y=y, **more)

    def changed(what, old):
        return browser.wait(what, lambda: (lambda now: now != old and now)(browser.run('return arguments[0].toDataURL()', canvas)))

    # All tests have come, and what is drawn is drawn: a canvas that nobody has drawn on is 300 wide.
    settled = '''const c = arguments[0], later = (f) => requestAnimationFrame(() => setTimeout(f, 100));
        return new Promise((done) => later(() => { const one = c.width === 300 ? '' : c.toDataURL();
            later(() => done(one === c.toDataURL() ? one : '')); }));'''
    browser.run('document.activeElement.blur()')
    browser.wait('all tests', lambda: 'tests are here' not in browser.text('main'))
    whole = browser.wait('drawn', lambda: browser.run(settled, canvas))
    mouse('mouseWheel', 0.5, deltaX=0, deltaY=-300, modifiers=2)  # with Ctrl: it zooms, and not the page
    zoomed = changed('zoomed by the wheel', whole)
    assert browser.run('return visualViewport.scale') == 1
    mouse('mousePressed', 0.6, button='left', clickCount=1)
    mouse('mouseMoved', 0.4, button='left', buttons=1)
    mouse('mouseReleased', 0.4, button='left', clickCount=1)
    changed('dragged', zoomed)
    assert not browser.all('dialog')  # the end of a drag is no click
    mouse('mouseMoved', -0.05)
    browser.click('All', 'button')
    browser.wait('all again', lambda: browser.run('return arguments[0].toDataURL()', canvas) == whole)
    browser.click('Zoom in', 'button')
    closer = changed('zoomed by the button', whole)
    browser.click('Zoom out', 'button')
    changed('and out', closer)
    browser.click('All', 'button')
    browser.look(1280, 900, 'dark')  # drawn anew in the other colours, where one stands
    changed('dark', whole)
    for step in range(1, 40):
        mouse('mouseMoved', step / 40)
        if browser.all('.tip'):
            break
    name = browser.text('.tip bdi')
    mouse('mousePressed', step / 40, button='left', clickCount=1)
    mouse('mouseReleased', step / 40, button='left', clickCount=1)
    browser.sees(name, 'dialog')


def test_slowest(browser, run):
    browser.sign_in('demo').open('/runs/%s?tab=slowest' % run).sees('of the time in tests')
    times = [float(text.split()[0]) for text in browser.texts('.slow-time')]
    assert len(times) == 50 and times == sorted(times, reverse=True) and times[0] > 25
    browser.shot('run-slowest')


@pytest.mark.parametrize('what, ending, begin', [
    ('Download subunit', 'subunit', b'\xb3'), ('Download JUnit', 'xml', b'<?xml')])
def test_downloads(browser, run, what, ending, begin):
    path = os.path.join(browser.downloads, '%s.%s' % (run, ending))
    browser.sign_in('demo').open('/runs/%s?tab=tests' % run).sees('400 tests')
    browser.click(what, 'button')
    browser.wait('the file', lambda: os.path.exists(path) and os.path.getsize(path) > 1000)
    with open(path, 'rb') as f:
        assert f.read(5).startswith(begin)


def test_delete(browser, empty):
    uuid, _ = stored(empty.client('demo'), corpus(TACKER))
    browser.sign_in('demo').open('/runs/%s?tab=tests' % uuid).sees('1 failed', '.summary')
    browser.click('Delete', 'button')
    browser.sees('Delete this run?')
    browser.shot('run-delete', sizes=((1280, 900),), themes=('light',))
    browser.click('Cancel', 'dialog button')
    assert empty.client('demo').get('/v1/subunit/' + uuid).status_code == 200
    browser.click('Delete', 'button')
    browser.click('Delete the run', 'dialog button')
    browser.sees('The run is deleted.').sees('No runs yet')
    assert empty.client('demo').get('/v1/subunit/' + uuid).status_code == 404


def test_names_that_end_alike(browser, empty):
    """They are told apart on a narrow screen, too, and lie in their rows."""
    stream = Stream()
    for name in ('Servers', 'Volumes'):
        stream.test('tempest.api.%sTest.test_list' % name)
    uuid, _ = stored(empty.client('demo'), stream.bytes())
    browser.sign_in('demo')
    browser.look(360, 740)
    for tab, rows in (('tests', '.virtual-row'), ('slowest', '.slow-list li')):
        browser.open('/runs/%s?tab=%s' % (uuid, tab)).sees('tempest.api.ServersTest.', rows)
        assert 'tempest.api.VolumesTest.' in browser.texts(rows)[1]
        assert browser.run('''return [...document.querySelectorAll(arguments[0])].every((row) => {
            const around = row.getBoundingClientRect();
            return [...row.querySelectorAll('bdi')].every((e) => { const r = e.getBoundingClientRect();
                return r.height > 8 && r.top >= around.top && r.bottom <= around.bottom && r.right <= around.right; }); })''', rows)
        browser.shot('run-narrow-' + tab, sizes=((360, 740),), themes=('light',))
        browser.look(360, 740)


# --- text from strangers ---

HOSTILE = ['pkg.T.<script>window.hacked=1</script>',
           'pkg.T."quotes" & \'more\'', 'pkg.T.\u202egnp.exe', 'pkg.T.\u05e2\u05d1\u05e8\u05d9\u05ea',
           'pkg.T.\U0001f600 emoji \U0001f1e9\U0001f1ea', 'pkg.T.<img src=x onerror=alert(1)>', 'pkg.T.' + 'long' * 200]
EVIL = ('<script>window.hacked = 1</script>\n"quotes" &amp; \u202eright to left\u202c\n\U0001f4a5 boom\n\x1b[31mred\x1b[0m \x07bell\n'
        'ValueError: <b>not bold</b> \u05e2\u05d1\u05e8\u05d9\u05ea\n')


def test_hostile_text_is_text(browser, empty):
    stream = Stream()
    for name in HOSTILE:
        stream.test(name, 'fail', files=[('traceback', 'text/x-traceback;charset="utf8"', EVIL.encode()),
                                         ('<i>label</i>', 'text/html', b'<script>window.hacked=1</script>'),
                                         ('core', 'application/octet-stream', bytes(range(256)) * 16),
                                         ('odd', 'text/plain;charset=no-such', b'caf\xe9 \xff\xfe ok')])
    uuid, _ = stored(empty.client('demo'), stream.bytes(), {'meta.note': '<script>window.hacked=1</script>\u202e', 'cpid': '"><b>x'})
    browser.sign_in('demo').open('/runs').sees('<script>window.hacked=1</script>')
    browser.shot('hostile-runs', themes=('light',))
    browser.open('/runs/%s?tab=tests' % uuid).sees('7 tests')
    shown = [e.get_attribute('title') for e in browser.all('.virtual .test-name')]
    assert shown == HOSTILE
    assert names(browser)[3] == '\u05e2\u05d1\u05e8\u05d9\u05ea'
    # What turns the direction of text is shut into its own element.
    assert browser.run('return [...document.querySelectorAll(".virtual .test-name > *")].every((e) => e.tagName === "BDI")')
    browser.shot('hostile-tests', themes=('light',))
    browser.find('.virtual-row').click()
    browser.sees('<script>window.hacked = 1</script>', '.attachment-text')
    text = browser.text('.attachment-text')
    assert 'red \u2407bell' in text and '\U0001f4a5 boom' in text and '\x1b' not in text
    browser.shot('hostile-test', themes=('light',))
    for summary in browser.all('.attachment summary')[1:]:
        if '256' not in summary.text:
            summary.click()
    browser.sees('This is no text.', 'dialog').sees('caf\ufffd', 'dialog')
    browser.open('/runs/%s?tab=failures' % uuid).sees('ValueError: <b>not bold<', '.failure')
    assert browser.run('return window.hacked') is None
    assert not browser.all('main script, main img, dialog script, dialog b')
    assert browser.run('return document.documentElement.scrollWidth <= innerWidth')


def test_exact_durations(browser, empty):
    """Tests of one second are found by it, at whichever microsecond they began."""
    stream = Stream()
    for n in range(60):
        stream.now = stream.now.replace(microsecond=n * 16661)
        stream.test('p.T.test_%d' % n, 'success', 1)
    run = stored(empty.client('demo'), stream.bytes())[0]
    browser.sign_in('demo').open('/runs/%s?tab=tests&least=1' % run).sees('60 tests', '.tests [role=status]')
    assert 'of' not in browser.text('.tests [role=status]')


def test_a_run_without_tests(browser, empty):
    run = stored(empty.client('demo'), Stream().event(test_id='p.T.there', test_status='exists').bytes())[0]
    browser.sign_in('demo').open('/runs/' + run).sees('No tests').sees('The stream names none.')
    browser.shot('run-none', themes=('light',))
    for tab, words in (('failures', 'Nothing failed'), ('timeline', 'No times'), ('slowest', 'No times')):
        browser.run('location.hash = "#/runs/%s?tab=%s"' % (run, tab))
        browser.sees(words, 'main')
