"""The web page: tests found by name, and the history of one."""
import pytest

from evidence import stored
from streams import Stream

HOSTILE = 'a.b.C.test_<script>alert("x")</script>_\'_\u202egnp.exe_\u2066_\U0001f4a5'


def stream(salt, tests):
    s = Stream()
    s.now = s.now.replace(microsecond=salt)
    for name, (status, seconds) in tests.items():
        s.test(name, status, seconds)
    return s.bytes()


@pytest.fixture(scope='module')
def runs(stack):
    """Thirty runs of three tests, one of which fails every seventh time and gets slower."""
    stack.empty_tables()
    demo, ids = stack.client('demo'), []
    for n in range(30):
        status = 'fail' if n % 7 == 3 else 'skip' if n == 20 else 'success'
        tests = {'a.b.C.test_turns': (status, 1.0 + n / 10), 'a.b.C.test_steady': ('success', 0.5), 'other.D.test_x': ('success', 2)}
        if n == 0:
            tests.update({'many.M.test_%02d' % i: ('success', 0.1) for i in range(60)})
            tests[HOSTILE] = ('fail', 1)
        ids.append(stored(demo, stream(n, tests), {'run_at': '2026-03-%02dT12:00:00Z' % (n + 1), 'cpid': 'cloud-1'})[0])
    # nobody of demo's sees this one
    stored(stack.client('alt'), stream(99, {'a.b.C.test_turns': ('fail', 1), 'secret.of.alt': ('success', 1)}))
    return ids


def test_search(browser, runs):
    browser.sign_in('demo').open('/tests').sees('a.b.C.test_turns', '.table')
    assert 'secret.of.alt' not in browser.text('.table')
    browser.shot('tests')
    browser.fill('#prefix', 'many.M.')
    browser.wait('only those', lambda: all(a.text.startswith('many.M.') for a in browser.all('.table a')) and browser.all('.table a'))
    assert len(browser.all('.table tbody tr')) == 50 and browser.path == '/tests?prefix=many.M.'
    browser.click('Show more')
    browser.wait('all', lambda: len(browser.all('.table tbody tr')) == 60)
    browser.fill('#prefix', 'no.such')
    browser.sees("No test's name begins so")
    browser.click('Show all tests')
    browser.sees('a.b.C.test_steady', '.table')
    assert browser.find('#prefix').get_attribute('value') == ''


def test_history(browser, runs):
    browser.sign_in('demo').open('/tests?prefix=a.b.C.test_turns').sees('a.b.C.test_turns', '.table')
    browser.find('.table a').click()
    browser.sees('86.2 %', '.facts')  # 25 of 29: a skip is no run
    facts = browser.text('.facts')
    for words in ('Passed\n25', 'Failed\n4', 'Changes between passed and failed\n8', 'Last failure'):
        assert words in facts, facts
    marks = browser.wait('marks', lambda: browser.all('.strip-mark'))
    assert len(marks) == 30
    assert [i for i, m in enumerate(marks) if 'strip-bad' in m.get_attribute('class')] == [3, 10, 17, 24]
    assert browser.find('.strip').get_attribute('aria-label') == 'The last 30 runs: 4 failed, 25 passed, 1 skipped'
    browser.wait('the curve', lambda: browser.all('.chart canvas'))
    drawn = 'return document.querySelector(".chart canvas").toDataURL()'
    light = browser.run(drawn)
    browser.shot('test')
    browser.wait('as at first', lambda: browser.run(drawn) == light)
    browser.look(1280, 900, 'dark')
    browser.wait('in other colours', lambda: browser.run(drawn) != light)
    browser.look(1280, 900)
    browser.wait('and back', lambda: browser.run(drawn) == light)
    # The legend says what is under the mouse.
    box = browser.run('const r = arguments[0].querySelector(".u-over").getBoundingClientRect(); return [r.x, r.y, r.width, r.height]',
                      browser.find('.chart'))
    browser.cdp('Input.dispatchMouseEvent', type='mouseMoved', x=box[0] + box[2] - 2, y=box[1] + box[3] / 2)
    browser.sees('3.90 s', '.u-legend')
    # The newest is at the right, and leads to its run.
    browser.all('.strip-mark')[-1].click()
    browser.wait('the run', lambda: browser.path.startswith('/runs/' + runs[-1]))
    browser.sees('a.b.C.test_turns', 'dialog')
    # So does each row, to why it failed there; and back again to the row.
    browser.driver.back()
    browser.wait('the rows', lambda: len(browser.all('.table tbody tr')) == 30)
    browser.all('.table tbody tr a')[5].click()
    browser.wait('its run', lambda: browser.path.startswith('/runs/' + runs[24]))
    browser.sees('a.b.C.test_turns', 'dialog').sees('fail', 'dialog .facts')
    browser.find('body').send_keys('\ue00c')
    browser.wait('the run alone', lambda: browser.path == '/runs/' + runs[24] and not browser.all('dialog'))
    browser.open('/runs/%s?test_id=999999' % runs[24]).sees('This run has no such test.', 'dialog')


def test_hostile_name(browser, runs):
    browser.sign_in('demo').open('/tests?prefix=a.b.C.test_%3C').sees(HOSTILE, '.table')
    browser.find('.table a').click()
    browser.sees(HOSTILE, 'h1')
    assert browser.run('return document.querySelectorAll("main script").length') == 0
    assert browser.run('return document.querySelector("h1 bdi").textContent') == HOSTILE
    browser.shot('test-hostile')


def test_flaky(browser, stack, runs):
    browser.sign_in('demo').open('/tests').click('Flaky')
    browser.sees('a.b.C.test_turns', '.table')
    cells = browser.texts('.table tbody td')
    said = stack.client('demo').get('/v1/tests/flaky', params={'last': 50}).json()['tests']
    assert [t['test_id'] for t in said] == ['a.b.C.test_turns']
    assert cells[0] == 'a.b.C.test_turns' and cells[1] == '8' == str(said[0]['flips']), cells
    assert cells[3:] == ['4', '25'], cells
    browser.shot('tests-flaky')
    browser.find('#last').send_keys('20')
    browser.wait('the address', lambda: browser.path == '/tests/flaky?last=20')
    browser.wait('fewer', lambda: browser.all('.table tbody td')[4:] and browser.all('.table tbody td')[3].text == '3')
    browser.fill('#meta', 'branch=none\n')
    browser.sees('No flaky tests')
    browser.click('All runs')
    browser.sees('a.b.C.test_turns', '.table')
    browser.click('a.b.C.test_turns')
    browser.sees('Changes between passed and failed', '.facts')


def test_unknown_and_foreign(browser, stack, runs):
    browser.expect(404)
    browser.sign_in('demo').open('/tests/999999999').sees('not found', '[role=alert]')
    ident = stack.client('alt').get('/v1/tests', params={'name': 'secret.of.alt'}).json()['tests'][0]['id']
    browser.open('/tests/%d' % ident).sees('not found', '[role=alert]')
    assert 'secret' not in browser.text('main')


def test_nothing(browser, empty):
    browser.sign_in('demo').open('/tests').sees('No tests yet')
    browser.shot('tests-empty', themes=('light',))
