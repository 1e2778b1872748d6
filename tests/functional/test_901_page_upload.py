"""The web page: an upload, from the file to the run."""
import gzip

import pytest
from evidence import counts, nothing, stored
from streams import Stream, simple


@pytest.fixture
def files(tmp_path):
    """Writes files and gives their paths to the page."""
    def choose(browser, **contents):
        paths = []
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
            paths.append(str(tmp_path / name))
        browser.all('#files')[0].send_keys('\n'.join(paths))
    return choose


def begin(browser):
    return browser.sign_in('demo').open('/upload').sees('Upload a run')


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
    browser.sees('empty is empty.')
    browser.click('Remove empty')
    # One that breaks off is refused by the server, in its own words.
    browser.expect(400)
    files(browser, cut=simple('pkg.T.test')[:-3])
    browser.sees('subunit v2', '.file-list')
    button(browser).click()
    browser.sees('byte', '[role=alert]')
    nothing(empty)
    browser.shot('upload-refused', themes=('light',))


def test_progress_and_cancel(browser, empty, files):
    stream = Stream()
    for n in range(40):
        stream.test('big.T.test_%d' % n, files=[('log', 'text/plain', b'x' * 60000)])
    begin(browser)
    files(browser, big=stream.bytes())
    browser.find('#agree').click()
    browser.network(latency=5, up=300000, down=1000000)
    browser.wait('the file', button(browser).is_enabled)
    button(browser).click()
    browser.sees('/s, ', '.going').sees(' left', '.going')
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
    stream = Stream()
    stream.test('big.T.test', files=[('log', 'text/plain', b'x' * 3000000)])
    begin(browser)
    files(browser, big=stream.bytes())
    browser.find('#agree').click()
    browser.network(latency=5, up=300000, down=1000000)
    browser.wait('the file', button(browser).is_enabled)
    button(browser).click()
    browser.sees('/s, ', '.going')
    empty.nginx.kill()
    browser.sees('The connection broke off', '[role=alert]')
    empty.nginx.start()
    browser.network()
    nothing(empty)
    button(browser).click()
    browser.sees('1 passed', '.summary')
