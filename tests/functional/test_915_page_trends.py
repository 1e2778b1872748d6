"""The web page: how runs came out over time."""
from datetime import datetime, timedelta, timezone

from evidence import stored
from streams import Stream


def stream(salt, fails):
    s = Stream()
    s.now = s.now.replace(microsecond=salt)
    s.test('a.b.C.test_<b>\u202ebad', 'fail' if fails else 'success', 1)
    s.test('a.b.C.test_good', 'success', 2)
    return s.bytes()


def runs(stack):
    """Two a day in the last ten days, every fifth fails; on a branch every other one."""
    demo, now = stack.client('demo'), datetime.now(timezone.utc)
    for n in range(20):
        when = (now - timedelta(days=n // 2, hours=1)).strftime('%Y-%m-%dT%H:%M:%SZ')
        stored(demo, stream(n, n % 5 == 0), {'run_at': when, 'meta.branch': 'stable' if n % 2 else 'master'})


def rows(browser):
    return len(browser.all('[aria-label=Periods] tbody tr'))


def test_trends(browser, empty):
    runs(empty)
    browser.sign_in('demo').open('/trends').sees('test_<b>\u202ebad', '[aria-label="Failed of late"]')
    browser.wait('the curve', lambda: browser.all('.chart canvas'))
    days = rows(browser)
    assert 10 <= days <= 11
    assert len(browser.all('[aria-label="Failed of late"] tbody tr')) == 4
    browser.shot('trends')
    # From a day to its runs, and to those that failed.
    day = browser.find('[aria-label=Periods] tbody tr td:nth-child(3) a')
    failed = int(day.text.split()[0])
    day.click()
    browser.wait('its failed runs', lambda: len(browser.all('[aria-label=Runs] tbody tr')) == failed)
    assert browser.path.startswith('/runs?start_date=') and browser.path.endswith('status=fail')
    assert [t.split()[0] for t in browser.texts('.filter-chips li')] == ['from', 'to']
    browser.shot('trends-runs', themes=('light',))
    browser.click(browser.find('.filter-chips button').get_attribute('aria-label'))
    browser.wait('up to then', lambda: 'start_date' not in browser.path and len(browser.texts('.filter-chips li')) == 1)
    browser.driver.back()
    browser.find('[aria-label=Periods]')
    browser.find('#group').send_keys('month')
    browser.wait('months', lambda: 1 <= rows(browser) <= 2)
    assert browser.path == '/trends?group=month'
    browser.fill('#meta', 'branch=stable\n')
    browser.wait('the branch', lambda: len(browser.all('[aria-label="Failed of late"] tbody tr')) == 2)
    browser.fill('#meta', 'nonsense\n')
    browser.sees('Write it as key=value', '[role=alert]')
    browser.open('/trends?key=branch&value=none').sees('No runs in this time')
    browser.click('Clear the filters')
    browser.wait('all', lambda: rows(browser) == days)
    assert browser.find('#meta').get_attribute('value') == ''
    link = browser.find('[aria-label="Failed of late"] a[href*="/runs/"]').get_attribute('href')
    failure = empty.client('demo').get('/v1/stats/failures').json()['failures'][0]
    assert link.endswith('#/runs/%(uuid)s?test=%(test_run)d' % failure)


def test_nothing(browser, empty):
    browser.sign_in('demo').open('/trends').sees('No test has failed')
    browser.sees('No runs in this time')
    browser.shot('trends-empty', themes=('light',))
