"""The web page by the keyboard alone: every control is reached, its focus is seen, and whole errands go without a mouse."""
import pytest
from evidence import stored
from results import upload
from streams import Stream, simple

TAB, SPACE, ENTER, ESCAPE = '\ue004', ' ', '\ue007', '\ue00c'
# What a mouse could use, less what is shut in something closed.
STOPS = '''window.stops = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter((e) => e.tabIndex >= 0 && !e.disabled && e.checkVisibility({visibilityProperty: true}) && e.offsetWidth > 1);
    return window.stops.map((e) => e.outerHTML.slice(0, 120));'''
# Which of them has the focus (-1: none, -2: another element), and whether that is seen.
FOCUS = '''const e = document.activeElement, s = getComputedStyle(e);
    return [e === document.body ? -1 : window.stops.indexOf(e) < 0 ? -2 : window.stops.indexOf(e),
            s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 1];'''


def press(browser, key):
    """To what has the focus, or to the page."""
    browser.driver.switch_to.active_element.send_keys(key)


def reached(browser):
    """Walks by Tab from the top to the end; every stop must come up, with its focus seen."""
    browser.wait('loaded', lambda: not browser.all('.loading'))
    stops = browser.run(STOPS)
    browser.run('document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus();'
                'document.body.removeAttribute("tabindex")')
    seen, unseen = set(), []
    for _ in range(6 * len(stops) + 10):  # fields of dates have several stops inside
        press(browser, TAB)
        at, visible = browser.run(FOCUS)
        if at == -1 or (at == 0 and len(seen) > 1):
            break
        if at >= 0:
            seen.add(at)
            if not visible:
                unseen.append(stops[at])
    missed = [stops[i] for i in range(len(stops)) if i not in seen]
    assert stops and not missed, missed
    assert not unseen, unseen


@pytest.fixture(scope='module')
def there(stack):
    """Something on every page: {name: path}."""
    stack.empty_tables()
    demo = stack.client('demo')
    stream = Stream()
    stream.test('p.T.good', files=[('log', 'text/plain', b'a log')])
    stream.test('p.T.bad', 'fail', files=[('traceback', 'text/x-traceback', b'ValueError: no\n')])
    one = stored(demo, stream.bytes(), {'meta.branch': 'master', 'cpid': 'c', 'run_at': '2026-03-01T10:00:00Z'})[0]
    two = stored(demo, simple('p.T.good', 'p.T.bad'), {'run_at': '2026-03-02T10:00:00Z'})[0]
    test = demo.get('/v1/tests', params={'prefix': 'p.T.bad'}).json()['tests'][0]['id']
    return {'runs': '/runs', 'failures': '/runs/' + one, 'tests': '/runs/%s?tab=tests' % one, 'timeline': '/runs/%s?tab=timeline' % one,
            'slowest': '/runs/%s?tab=slowest' % one, 'compare': '/compare/%s/%s' % (two, one), 'upload': '/upload?result=x',
            'all-tests': '/tests', 'flaky': '/tests/flaky', 'test': '/tests/%d' % test, 'trends': '/trends', 'results': '/results',
            'result': '/results/' + upload(demo), 'keys': '/keys', 'images': '/images', 'tasks': '/tasks',
            'import': '/tasks/new?type=import', 'clone': '/tasks/new?type=clone'}


def test_every_control_is_reached(browser, there):
    browser.sign_in('demo')
    for path in there.values():
        browser.open(path)
        browser.find('main h1')
        reached(browser)
    browser.begin()
    browser.open('/').sees('User name')
    reached(browser)


def test_narrow(browser, there):
    """The navigation is behind a button then, which says whether it is open."""
    browser.sign_in('demo').open(there['runs'])
    browser.look(360, 740)
    menu = browser.named('Menu', 'button')
    assert menu.get_attribute('aria-expanded') == 'false'
    reached(browser)
    menu.send_keys(ENTER)
    browser.wait('open', lambda: menu.get_attribute('aria-expanded') == 'true')
    reached(browser)
    # Who is not signed in finds what is open to everybody.
    browser.begin()
    browser.look(360, 740)
    browser.open('/').sees('User name')
    browser.click('Menu', 'button')
    browser.click('Results', '.nav a')
    browser.sees('Results', 'h1')


def test_dialog_keeps_the_focus(browser, there):
    browser.sign_in('demo').open(there['failures']).sees('ValueError', '.failure')
    browser.find('.failure-tests button').send_keys(ENTER)
    browser.sees('ValueError: no', 'dialog .attachment-text')
    inside = 'return document.querySelector("dialog").contains(document.activeElement)'
    for _ in range(12):
        press(browser, TAB)
        assert browser.run(inside)
    press(browser, ESCAPE)
    browser.wait('closed', lambda: not browser.all('dialog'))
    assert 'test-button' in browser.run('return document.activeElement.className')


def test_compare_without_a_mouse(browser, there):
    browser.sign_in('demo').open(there['runs']).sees('Mar 2026', '.table')
    for box in browser.all('.table input[type=checkbox]'):
        box.send_keys(SPACE)
    browser.sees('Two runs chosen.')
    browser.named('Compare', 'button').send_keys(ENTER)
    browser.sees('1 test is fixed', '.verdict')
    # What has come is where reading goes on.
    assert browser.run('return document.activeElement.id') == 'main'
    # The list names its chosen row to who does not see it.
    browser.open(there['tests']).sees('2 tests')
    rows = browser.find('.virtual')
    rows.send_keys('\ue015')
    active = rows.get_attribute('aria-activedescendant')
    option = browser.run('return document.getElementById(arguments[0])', active)
    assert option.get_attribute('role') == 'option' and option.get_attribute('aria-posinset') == '2'
    assert 'p.T.bad' in option.find_element('css selector', '.test-name').get_attribute('title')
