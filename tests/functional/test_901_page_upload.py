"""The web page: an upload, from the file to the run."""
import gzip
import os
import signal

import pytest
from evidence import counts, nothing, stored
from streams import Stream, simple


JUNIT = b'''<testsuite name="s" tests="2"><testcase classname="j.T" name="test_good" time="0.5"/>
<testcase classname="j.T" name="test_bad" time="1"><failure message="no">ValueError: no</failure></testcase></testsuite>'''


@pytest.fixture
def written(tmp_path):
    """Writes files; the paths of them."""
    def write(contents):
        for name, content in contents.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
        return [str(tmp_path / name) for name in contents]
    return write


@pytest.fixture
def files(written):
    """Writes files and gives their paths to the page."""
    def choose(browser, **contents):
        browser.all('#files')[0].send_keys('\n'.join(written(contents)))
    return choose


def drag(browser, paths, css='.drop', ending='drop'):
    """Files from the desktop, by the browser's own way: over the element, and let go there."""
    x, y = browser.run('const r = document.querySelector(arguments[0]).getBoundingClientRect();'
                       'return [r.left + r.width / 2, r.top + r.height / 2]', css)
    for step in ('dragEnter', 'dragOver', ending):
        browser.cdp('Input.dispatchDragEvent', type=step, x=x, y=y,
                    data={'items': [], 'files': paths, 'dragOperationsMask': 1})


def begin(browser, token=None):
    return browser.sign_in('demo', token).open('/upload').sees('Upload a run')


def button(browser):
    return browser.find('.button-primary')


def test_nothing_goes_before_it_is_ticked(browser, empty, files):
    begin(browser).shot('upload')
    assert not button(browser).is_enabled()
    stream = Stream()
    for n in range(3):
        stream.test('pkg.T.test_%d' % n, files=[('log', 'text/plain', b'10.0.0.1 secret')])
    files(browser, run=stream.bytes())
    browser.sees('subunit v2', '.file-list')
    assert not browser.find('#agree').is_selected() and not button(browser).is_enabled()
    assert 'Nothing, by uploading.' in browser.text('.privacy')
    assert 'may hold addresses' in browser.text('.privacy')
    browser.click('Keep the attachments: tracebacks and logs', 'label')
    browser.sees('no attachments', '.privacy')
    nothing(empty)
    browser.find('#agree').click()
    assert button(browser).is_enabled()
    browser.click('Metadata, cloud, result')
    browser.fill('#cpid', 'cloud-7')
    browser.fill('#metadata', 'nonsense')
    browser.sees('is not of the form key=value')
    assert not button(browser).is_enabled()
    browser.fill('#metadata', 'branch=master\nbuild = 12')
    browser.shot('upload-ready')
    button(browser).click()
    browser.sees('The run is stored.').sees('3 passed', '.summary')
    run = browser.path.split('/')[2].split('?')[0]
    data = empty.client('demo').get('/v1/subunit/' + run).json()
    assert data['subunit-data']['cpid'] == 'cloud-7' and data['attachments'] == []
    assert {'key': 'build', 'value': '12'} in data['subunit-data']['metadata']


def test_shards_and_the_same_again(browser, empty, files):
    begin(browser)
    files(browser, a=simple('a.T.one', 'a.T.two'), b=simple('b.T.three'))
    browser.find('#agree').click()
    browser.wait('two files', lambda: 'Upload 2 files' in button(browser).text)
    button(browser).click()
    browser.sees('3 passed', '.summary')
    run = browser.path.split('?')[0]
    assert counts(empty)['runs'] == 1
    browser.expect(409)
    stream = simple('again.T.test')
    first, _ = stored(empty.client('demo'), stream)
    browser.open('/upload').sees('Upload a run')
    files(browser, c=gzip.compress(stream))
    browser.sees('gzip', '.file-list')
    browser.find('#agree').click()
    button(browser).click()
    browser.sees('was stored before')
    assert browser.path.split('?')[0] == '/runs/' + first != run


def test_what_is_refused(browser, empty, files):
    begin(browser)
    files(browser, notes=b'just some words\n', empty=b'')
    browser.sees('is neither a subunit stream nor JUnit XML')
    browser.find('#agree').click()
    assert not button(browser).is_enabled()
    browser.click('Remove notes')
    browser.sees('empty\u2069 is empty.')
    browser.click('Remove empty')
    # One that breaks off is refused by the server, in its own words.
    browser.expect(400)
    files(browser, cut=simple('pkg.T.test')[:-3])
    browser.sees('subunit v2', '.file-list')
    button(browser).click()
    browser.sees('byte', '[role=alert]')
    nothing(empty)
    browser.shot('upload-refused', themes=('light',))


def store(browser, passed):
    """Ticks the box, uploads what is chosen, and sees the run."""
    browser.find('#agree').click()
    browser.wait('it is ready', button(browser).is_enabled)
    button(browser).click()
    return browser.sees('%d passed' % passed, '.summary').path.split('?')[0].rpartition('/')[2]


@pytest.mark.parametrize('name, content, kind', [
    ('report.xml', JUNIT, 'JUnit XML'),
    ('results', b'\xef\xbb\xbf<?xml version="1.0"?>\n<testsuites>' + JUNIT + b'</testsuites>', 'JUnit XML'),
    ('late.XML', b'<!--' + b' much of a word ' * 400 + b'-->' + JUNIT, 'JUnit XML'),
    ('wide.subunit', '<?xml version="1.0" encoding="UTF-16"?>'.encode('utf-16') + JUNIT.decode().encode('utf-16')[2:], 'JUnit XML'),
    ('packed.bin', gzip.compress(JUNIT), 'JUnit XML, gzip')],
    ids=['plain', 'declared', 'comment-first', 'utf-16', 'gzip'])
def test_junit(browser, empty, written, name, content, kind):
    """What it is called does not matter where its bytes tell; it goes as what it is."""
    begin(browser)
    browser.all('#files')[0].send_keys(*written({name: content}))
    browser.sees(kind, '.file-list')
    run = store(browser, 1)
    data = empty.client('demo').get('/v1/subunit/' + run).json()
    assert {t['test_id'] for t in data['tests']} == {'j.T.test_good', 'j.T.test_bad'}
    assert data['subunit-data']['fails'] == 1


def test_dropped(browser, empty, written):
    begin(browser)
    one, two, three = written({'0': simple('a.T.one'), 'second/0': simple('b.T.two'), 'j.xml': JUNIT})
    drag(browser, [one], ending='dragOver')
    browser.find('.drop-over')
    # Beside the area it neither counts nor takes the page away.
    drag(browser, [one], 'h1')
    browser.wait('not over', lambda: not browser.all('.drop-over'))
    assert not browser.all('.file-list')
    drag(browser, [one])
    browser.wait('one', lambda: len(browser.all('.file-list li')) == 1)
    # Two shards bear one name; what comes twice is taken once.
    drag(browser, [one, two, three])
    browser.wait('three', lambda: len(browser.all('.file-list li')) == 3)
    browser.shot('upload-shards', themes=('light',))
    run = store(browser, 3)
    data = empty.client('demo').get('/v1/subunit/' + run).json()
    assert {t['test_id'] for t in data['tests']} == {'a.T.one', 'b.T.two', 'j.T.test_good', 'j.T.test_bad'}
    assert counts(empty)['runs'] == 1


def test_dropped_folder(browser, empty, written):
    path, = written({'folder/0': simple('a.T.one')})
    begin(browser)
    drag(browser, [os.path.dirname(path)])
    browser.sees('folder\u2069 cannot be read.')
    browser.find('#agree').click()
    assert not button(browser).is_enabled()


def begun(browser, files, token=None, before=lambda: None):
    """An upload of 2.4 MB that takes 8 s; BEFORE is called when all but the click is done."""
    stream = Stream()
    for n in range(40):
        stream.test('big.T.test_%d' % n, files=[('log', 'text/plain', b'x' * 60000)])
    begin(browser, token)
    files(browser, big=stream.bytes())
    browser.find('#agree').click()
    browser.network(latency=5, up=300000, down=1000000)
    browser.wait('the file', button(browser).is_enabled)
    before()
    button(browser).click()


def going(browser, files):
    begun(browser, files)
    return browser.sees('/s, ', '.going')


def test_progress_and_cancel(browser, empty, files):
    going(browser, files).sees(' left', '.going')
    browser.wait('progress', lambda: int(browser.find('[role=progressbar]').get_attribute('aria-valuenow') or 0) > 5)
    browser.shot('upload-going', sizes=((1280, 900),), themes=('light',))
    browser.click('Cancel')
    browser.sees('Cancelled: nothing is stored.')
    browser.network()
    nothing(empty)
    # Leaving the page ends it too; then it goes through.
    button(browser).click()
    browser.sees('40 passed', '.summary')


def test_a_connection_that_breaks(browser, empty, files):
    browser.expect(0)
    going(browser, files)
    empty.nginx.kill()
    browser.sees('The connection broke off. Nothing of this upload is stored', '[role=alert]')
    empty.nginx.start()
    browser.network()
    nothing(empty)
    button(browser).click()
    browser.sees('40 passed', '.summary')


def test_leaving_ends_it(browser, empty, files):
    going(browser, files)
    browser.run('location.hash = "#/runs"')
    browser.sees('Cancelled: nothing is stored.').sees('No runs yet')
    browser.network()
    nothing(empty)


def test_cancelled_when_all_is_sent(browser, empty, files):
    """Who cancels while the server stores is not told that nothing is stored."""
    begin(browser)
    files(browser, run=simple('a.T.one'))
    browser.find('#agree').click()
    browser.wait('the file', button(browser).is_enabled)
    empty.tally.send(signal.SIGSTOP)
    try:
        button(browser).click()
        browser.sees('All is sent', '.going')
        browser.click('Cancel')
        browser.sees('Cancelled, but all was sent')
    finally:
        empty.tally.send(signal.SIGCONT)
    # What becomes of it does not reach into the next test.
    browser.wait('its end', lambda: '"method":"POST","path":"/v1/subunit"' in empty.log(empty.mark))


def test_a_session_that_has_ended(browser, empty, files):
    """The server says so while bytes are on their way: nothing is stored. Signed in again, one goes on with what one chose."""
    token = empty.new_token('demo')

    def before():
        browser.click('Metadata, cloud, result')
        browser.fill('#cpid', 'cloud-7')
        browser.click('Keep the attachments: tracebacks and logs', 'label')
        browser.expire(token)

    begun(browser, files, token, before)
    browser.sees('Your session has ended').sees('What you had chosen and typed is kept')
    assert browser.run('return sessionStorage.length') == 0
    assert 'Cancelled' not in browser.text()
    browser.network()
    nothing(empty)
    browser.shot('sign-in-ended', themes=('light',))
    browser.enter('demo', 'demo', 'demo')
    browser.sees('Your session ended while this was on its way.').sees('subunit v2', '.file-list')
    assert browser.path == '/upload' and browser.find('#agree').is_selected()
    assert browser.find('#cpid').get_attribute('value') == 'cloud-7' and not browser.find('#attachments').is_selected()
    browser.shot('upload-again')
    button(browser).click()
    browser.sees('40 passed', '.summary').sees('cloud-7', '.summary')
    assert counts(empty)['runs'] == 1


def test_a_file_that_has_changed(browser, empty, files, tmp_path):
    """It is not what was looked at: no browser sends it, and it says so as if the line had broken."""
    browser.expect(0)
    begin(browser)
    files(browser, run=simple('a.T.one'))
    browser.sees('subunit v2', '.file-list')
    browser.find('#agree').click()
    (tmp_path / 'run').write_bytes(simple('a.T.one', 'a.T.two'))
    os.utime(tmp_path / 'run', (2e9, 2e9))  # browsers look at whole seconds
    button(browser).click()
    browser.sees('run\u2069 is no longer what was chosen', '[role=alert]')
    nothing(empty)
    browser.click('Remove run')
    files(browser, run=simple('a.T.one', 'a.T.two'))
    browser.wait('it is ready', button(browser).is_enabled)
    button(browser).click()
    browser.sees('2 passed', '.summary')


def test_too_large(browser, empty, files):
    """What nginx refuses at its head is said as such, not as a broken line."""
    browser.expect(413)
    empty.conf.set('subunit', max_upload_bytes=1000000)
    empty.tally.stop()
    empty.tally.start()
    begun(browser, files)
    browser.sees('larger than', '[role=alert]')
    browser.network()
    nothing(empty)
