"""The web page: the list of runs, and two of them compared."""
import pytest
from evidence import stored
from streams import Stream, simple


@pytest.fixture
def runs(empty):
    """Sixty runs, of two branches, every tenth with a failure."""
    client = empty.client('demo')
    made = []
    for n in range(60):
        stream = Stream()
        stream.tick(n * 0.001)
        stream.test('pkg.T.one', 'fail' if n % 10 == 0 else 'success').test('pkg.T.two').test('pkg.T.three', 'skip')
        made.append(stored(client, stream.bytes(), {
            'meta.branch': 'master' if n % 2 else 'stable/2026.1', 'cpid': 'cloud-%d' % (n % 3),
            'run_at': '2026-%02d-15T12:00:00Z' % (n % 10 + 1)})[0])
    return made


def rows(browser):
    return len(browser.all('.table tbody tr'))


def test_pages_and_filters(browser, runs):
    browser.sign_in('demo').open('/runs').sees('cloud-1')
    assert rows(browser) == 50
    browser.shot('runs', whole=False)
    browser.click('Show more')
    browser.wait('all of them', lambda: rows(browser) == 60)
    bars = {e.get_attribute('aria-label') for e in browser.all('.table .counts-bar')}
    assert bars == {'2 passed, 0 failed, 1 skipped', '1 passed, 1 failed, 1 skipped'}
    assert not [b for b in browser.all('button') if b.text == 'Show more']
    browser.click('With failures only', 'label')
    browser.wait('failed ones', lambda: rows(browser) == 6)
    assert browser.path == '/runs?status=fail'
    browser.fill('#meta', 'branch=stable/2026.1\ue007')
    browser.wait('of a branch', lambda: rows(browser) == 6)
    browser.click('With failures only', 'label')
    browser.wait('of a branch', lambda: rows(browser) == 30)
    browser.find('button.chip[title="Show only runs with cpid=cloud-2"]').click()
    browser.wait('and of a cloud', lambda: rows(browser) == 10)
    browser.shot('runs-filtered')
    # The address says it all, to a colleague too.
    path = browser.path
    browser.open(path)
    browser.wait('the same', lambda: rows(browser) == 10)
    browser.click('Remove the filter meta.branch stable/2026.1')
    browser.wait('the cloud alone', lambda: rows(browser) == 20)
    browser.open('/runs').sees('cloud-1')
    for field, day in (('#start', '2026-03-01'), ('#end', '2026-04-30')):  # as the browser's calendar leaves it
        browser.run('const e = document.querySelector(arguments[0]); e.value = arguments[1];'
                    'e.dispatchEvent(new Event("input", {bubbles: true}))', field, day)
        browser.wait('the address', lambda day=day: day in browser.path)
    assert browser.path == '/runs?start_date=2026-03-01&end_date=2026-04-30'
    browser.wait('two months', lambda: rows(browser) == 12)
    browser.open('/runs?meta.branch=nothing').sees('No runs match')
    browser.shot('runs-no-match', sizes=((1280, 900),), themes=('light',))
    browser.click('Clear the filters')
    browser.wait('all again', lambda: rows(browser) == 50)


def test_the_list_is_asked_for_anew(browser, empty):
    """By a click on its name in the navigation, which leads to where one is."""
    browser.sign_in('demo').open('/runs').sees('No runs yet')
    stored(empty.client('demo'), simple('p.T.a'), {'meta.branch': 'fresh'})
    browser.click('Runs', '.nav a')
    browser.sees('branch=fresh', '.table')
    assert browser.path == '/runs'
    browser.find('.table a').click()
    browser.sees('1 test', '.tests')
    browser.driver.back()
    browser.sees('branch=fresh', '.table')


def test_other_projects_see_none_and_staff_all(browser, runs):
    browser.sign_in('alt').open('/runs').sees('No runs yet')
    browser.shot('runs-empty', themes=('light',))
    browser.expect(404)
    browser.open('/runs/' + runs[0]).sees('was not found', '[role=alert]')
    browser.sign_in('foundation').open('/runs').sees('project ')
    assert rows(browser) == 50


PLACE = 'tempest.api.compute.servers.test_server_actions.ServerActionsTest.test_'


def outcomes(statuses, slow=()):
    stream = Stream()
    for name, status in statuses.items():
        stream.test(PLACE + name, status, 30.0 if name in slow else 1.0)
    return stream.bytes()


def test_compare(browser, empty):
    client = empty.client('demo')
    base, _ = stored(client, outcomes({'fixed': 'fail', 'broken': 'success', 'still': 'fail',
                                       'slow': 'success', 'gone': 'success', 'same': 'success'}),
                     {'run_at': '2026-05-01T10:00:00Z'})
    new, _ = stored(client, outcomes({'fixed': 'success', 'broken': 'fail', 'still': 'fail',
                                      'slow': 'success', 'fresh': 'success', 'same': 'success'}, ('slow',)),
                    {'run_at': '2026-05-02T10:00:00Z'})
    browser.sign_in('demo').open('/runs').sees('May 2026')
    for box in browser.all('.table input[type=checkbox]'):
        box.click()
    browser.sees('Two runs chosen.')
    browser.shot('runs-chosen', sizes=((1280, 900), (360, 740)), themes=('light',))
    browser.click('Compare', 'button')
    browser.sees('1 test fails that did not fail before. 1 test is fixed.', '.verdict')
    assert browser.path == '/compare/%s/%s' % (new, base)  # the later one is looked at
    kinds = [e.get_attribute('data-kind') for e in browser.all('.compare-kind')]
    assert kinds == ['newly_failing', 'fixed', 'still_failing', 'slower', 'only_in_new', 'only_in_base']
    for kind, name in (('newly_failing', 'broken'), ('fixed', 'fixed'), ('still_failing', 'still'), ('slower', 'slow')):
        assert name in browser.text('[data-kind=%s] .virtual' % kind)
    assert '×30.0' in browser.text('[data-kind=slower]') and '1.00 s → 30.0 s' in browser.text('[data-kind=slower]')
    browser.find('[data-kind=only_in_base] summary').click()
    browser.sees('gone', '[data-kind=only_in_base]')
    browser.shot('compare')
    # A row leads to the test in the run whose outcome it shows.
    for kind, run in (('newly_failing', new), ('only_in_base', base)):
        browser.find('[data-kind=%s] .virtual-row' % kind).click()
        browser.wait('the run', lambda run=run: browser.path.startswith('/runs/' + run))
        browser.sees('ServerActionsTest', 'dialog')
        browser.driver.back()
        browser.find('[data-kind=only_in_base] summary')
        if kind == 'newly_failing':
            browser.find('[data-kind=only_in_base] summary').click()
    browser.click('Swap them')
    browser.wait('the other way', lambda: browser.path == '/compare/%s/%s' % (base, new))
    browser.sees('fixed', '[data-kind=newly_failing]')
    browser.open('/compare/%s/%s' % (new, new)).sees('Still failing')


def test_no_difference(browser, empty):
    client = empty.client('demo')
    one, two = (stored(client, simple('p.T.a', 'p.T.b'))[0] for _ in range(2))
    browser.sign_in('demo').open('/compare/%s/%s' % (one, two)).sees('No difference')
