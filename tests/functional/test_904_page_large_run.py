"""The web page: a run of 50,000 tests."""
import bigstream


def test_search_in_50000_tests(browser, empty):
    r = empty.client('demo').post('/v1/subunit', data=bigstream.tests(50000, b'log'), timeout=300,
                                  headers={'Content-Type': 'application/x-subunit'})
    assert r.status_code == 201, r.text
    browser.sign_in('demo').open('/runs/%s?tab=tests' % r.json()['subunit-uuid'])
    # The first of them are there long before the last.
    browser.sees('tests are here', 'main')
    browser.find('.virtual-row')
    browser.sees('50,000 tests', '.tests', 120)
    assert len(browser.all('.virtual-row')) < 100
    browser.find('.virtual').send_keys('\ue010')  # End
    browser.sees('test_49999', '.virtual')
    browser.shot('run-50000', whole=False, themes=('light',))
    browser.fill('#q', 'test_31415')
    browser.sees('1 test of 50,000')
    browser.find('select[aria-label=Status] option[value=failed]').click()
    browser.fill('#q', 'mod3.')
    browser.sees('11 tests of 50,000')
    browser.find('.virtual').send_keys('\ue010\ue007')
    browser.sees('fail', 'dialog .facts').sees('log', '.attachment-text')
    browser.find('body').send_keys('\ue00c')
    browser.click('Timeline', 'a')
    browser.sees('at once at most')
    browser.shot('run-50000-timeline', whole=False, themes=('light',), sizes=((1280, 900),))
