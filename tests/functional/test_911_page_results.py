"""The web page: RefStack's results, shared, labelled, verified and deleted."""
import pytest
from evidence import stored
from results import body, set_meta, upload
from selenium.webdriver.common.keys import Keys
from streams import simple

NAMES = ['tempest.api.compute.test_%04d.ServersTest.test_it' % n for n in range(2000)]


def test_list_and_filters(browser, empty, demo, alt):
    mine = [upload(demo, body(cpid='cloud-%d' % (n % 2))) for n in range(23)]
    shared = upload(alt)
    set_meta(alt, shared, shared='true', guideline='2023.11', target='<b>\u202eplatform'.encode())
    upload(alt, body(cpid='hidden'))
    browser.sign_in('demo').open('/results').sees('shared', '.table')
    assert 'hidden' not in browser.text('.table') and '<b>\u202eplatform' in browser.text('.table')
    browser.shot('results')
    while browser.all('.more button'):
        rows = len(browser.all('.table tbody tr'))
        browser.click('Show more')
        browser.wait('more', lambda before=rows: len(browser.all('.table tbody tr')) > before)
    assert len(browser.all('.table tbody tr')) >= 1
    browser.find('.check input').click()
    browser.wait('mine', lambda: browser.path == '/results?signed=true' and browser.all('.table tbody tr'))
    browser.sees('cloud-0', '.table')
    browser.fill('#cpid', 'cloud-1' + Keys.ENTER)
    browser.wait('filtered', lambda: 'cloud-0' not in browser.text('.table') and browser.all('.table tbody tr'))
    assert mine
    browser.fill('#cpid', 'no-such' + Keys.ENTER)
    browser.sees('No results match')
    browser.click('Clear the filters')
    browser.sees('shared', '.table')


def test_what_is_mine_and_private(browser, empty, demo):
    """It is not among what is shared; who looks for it there is led to it."""
    mine = upload(demo)
    browser.sign_in('demo').open('/results').sees('No shared results')
    browser.shot('results-none-shared', themes=('light',))
    browser.click('Show mine')
    browser.sees('not shared', '.table')
    assert browser.path == '/results?signed=true' and browser.find('.check input').is_selected()
    browser.find('.table a').click()
    browser.wait('it', lambda: browser.path == '/results/' + mine)
    browser.begin()
    browser.open('/results').sees('No results yet')


def test_without_a_session(browser, empty, demo):
    open_one = upload(demo)
    set_meta(demo, open_one, shared='true')
    private = upload(demo)
    browser.open('/results').sees('shared', '.table')
    assert len(browser.all('.table tbody tr')) == 1
    browser.find('.table a').click()
    browser.sees('3 tests passed')
    assert 'Delete' not in browser.text('main') and 'cloud' not in browser.text('.facts')
    browser.expect(401, 403, 404)
    browser.open('/results/' + private)
    browser.find('[role=alert]')


def test_share_label_verify(browser, empty, demo, staff):
    run, ident = stored(demo, simple(*NAMES[:40]))
    browser.sign_in('demo').open('/results/' + ident).sees('40 tests passed')
    browser.sees('not shared', '.facts')
    browser.find('a[href="#/runs/%s"]' % run)
    # Without guideline and target nobody verifies it; the server says why.
    browser.expect(403)
    browser.sign_in('foundation').open('/results/' + ident).sees('40 tests passed')
    browser.click('Verify')
    browser.sees('shared', '.field-error')
    browser.shot('result-staff')
    browser.sign_in('demo').open('/results/' + ident).sees('40 tests passed')
    browser.click('Share')
    browser.sees('Stop sharing')
    browser.fill('#guideline', '2023.11')
    browser.fill('#target', 'platform')
    browser.click('Save', 'button')
    browser.sees('2023.11', '.facts')
    browser.sees('platform', '.facts')
    browser.shot('result')
    meta = demo.get('/v1/results/%s/meta' % ident).json()
    assert (meta['shared'], meta['guideline'], meta['target']) == ('true', '2023.11', 'platform')
    browser.sign_in('foundation').open('/results/' + ident).sees('40 tests passed')
    browser.click('Verify')
    browser.sees('Withdraw the verification')
    assert staff.get('/v1/results/' + ident).json()['verification_status'] == 1
    # The owner can neither change nor delete it now.
    browser.sign_in('demo').open('/results/' + ident).sees('The staff has verified this result')
    assert not browser.all('#guideline')
    browser.click('Delete')
    browser.click('Delete the result')
    browser.sees('verified', '.dialog [role=alert]')
    browser.shot('result-delete')
    assert demo.get('/v1/results/' + ident).status_code == 200
    browser.sign_in('foundation').open('/results/' + ident)
    browser.click('Withdraw the verification')
    browser.sees('The verification is withdrawn')
    assert staff.get('/v1/results/' + ident).json()['verification_status'] == 0


def test_evidence_is_linked(browser, empty, demo, tmp_path):
    ident = upload(demo, body(NAMES[:3]))
    browser.sign_in('demo').open('/results/' + ident).sees('No subunit stream belongs to it')
    browser.expect(400)
    for names, words in ((NAMES[:2], 'test_0002'), (NAMES[:3], None)):
        (tmp_path / 'run').write_bytes(simple(*names))
        browser.open('/results/' + ident)
        browser.click('Add evidence')
        assert browser.find('#result').get_attribute('value') == ident
        browser.sees('stays as it is', '.privacy')
        browser.all('#files')[0].send_keys(str(tmp_path / 'run'))
        browser.find('#agree').click()
        browser.wait('it is ready', browser.find('.button-primary').is_enabled)
        browser.find('.button-primary').click()
        if words:  # not the tests of the result: it says which
            browser.sees(words, '[role=alert]')
    browser.sees('3 passed', '.summary').sees(ident, '.summary')
    browser.open('/results/' + ident).sees('Show the run')
    assert not [a for a in browser.all('a') if a.text == 'Add evidence']
    # Another stream for it is refused, and not taken for one that is stored already.
    browser.expect(409)
    (tmp_path / 'other').write_bytes(simple(*NAMES[:3], 'one.more'))
    browser.open('/upload?result=' + ident)
    browser.all('#files')[0].send_keys(str(tmp_path / 'other'))
    browser.find('#agree').click()
    browser.wait('it is ready', browser.find('.button-primary').is_enabled)
    browser.find('.button-primary').click()
    browser.sees('The result has a run already', '[role=alert]')


def test_take_back(browser, empty, demo):
    ident = upload(demo)
    set_meta(demo, ident, shared='true', guideline='2023.11')
    browser.sign_in('demo').open('/results/' + ident)
    browser.click('Stop sharing')
    browser.sees('not shared', '.facts')
    browser.fill('#guideline', ' ')
    browser.click('Save', 'button')
    browser.sees('are saved')
    assert not {'shared', 'guideline'} & set(demo.get('/v1/results/%s/meta' % ident).json())


def test_delete(browser, empty, demo):
    ident = upload(demo)
    browser.sign_in('demo').open('/results/' + ident)
    browser.click('Delete')
    browser.click('Cancel')
    assert demo.get('/v1/results/' + ident).status_code == 200
    browser.click('Delete')
    browser.click('Delete the result')
    browser.sees('No shared results')
    assert demo.get('/v1/results/' + ident).status_code == 404


@pytest.mark.parametrize('names', [['<script>document.title="x"</script>', '"\'&amp;', '\u202eright\u202c', '\U0001f9ea']])
def test_hostile_names(browser, empty, demo, names):
    ident = upload(demo, body(names, cpid='<img src=x onerror=alert(1)>'))
    browser.sign_in('demo').open('/results/' + ident).sees('<img src=x', '.facts')
    assert sorted(e.get_attribute('title') for e in browser.all('.virtual .test-name')) == sorted(names)
    assert not browser.all('main script') and not browser.all('main img')


def test_many_tests(browser, empty, demo):
    ident = upload(demo, body(NAMES))
    browser.sign_in('demo').open('/results/' + ident).sees('2,000 tests passed')
    assert len(browser.all('.virtual-row')) < 60
    browser.fill('#search', 'TEST_1234')
    browser.sees('1 of them match')
    browser.find('.virtual').send_keys(Keys.ENTER)
    browser.wait('its history', lambda: browser.path.startswith('/tests?prefix=tempest.api.compute.test_1234'))
