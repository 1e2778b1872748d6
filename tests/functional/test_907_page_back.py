"""The web page: who comes back to a list finds it where he left it."""
import pytest
from evidence import stored
from results import upload
from streams import Stream, simple

TAB, ENTER = '\ue004', '\ue007'


def of_runs(client):
    for n in range(70):
        stored(client, simple('p.T.a', salt=n), {'meta.branch': 'master', 'run_at': '2026-%02d-%02dT12:00:00Z' % (n % 9 + 1, n % 28 + 1)})
    stored(client, simple('p.T.a', salt=99))
    return '/runs?meta.branch=master'


def of_tests(client):
    stored(client, simple(*('many.M.test_%03d' % n for n in range(120)), 'other.O.test'))
    return '/tests?prefix=many.'


def of_images(client):
    for n in range(70):
        assert client.post('/v2/images', json={'name': 'image-%02d' % n, 'tags': ['red']}).status_code == 201
    return '/images?tag=red'


def of_tasks(client):
    for _ in range(70):
        given = {'import_from': 'a/b', 'import_from_format': 'raw', 'image_properties': {}}
        assert client.post('/v2/tasks', json={'type': 'import', 'input': given}).status_code == 201
    return '/tasks?type=import'


def of_results(client):
    for _ in range(45):
        upload(client)
    return '/results?signed=true'


# Where the list stands: how many rows, which of them is at the window's top, and how far it is from there.
STAND = '''const rows = [...document.querySelectorAll('.table tbody tr')], at = rows.find((r) => r.getBoundingClientRect().top >= 0);
    return [rows.length, at && at.querySelector('a').getAttribute('href'), at && Math.round(at.getBoundingClientRect().top)];'''


def rows(browser):
    return len(browser.all('.table tbody tr'))


@pytest.mark.parametrize('fill', [of_runs, of_tests, of_images, of_tasks, of_results])
def test_a_list_stands_where_it_was(browser, empty, fill):
    path = fill(empty.client('demo'))
    browser.sign_in('demo').open(path)
    first = browser.wait('the first rows', lambda: rows(browser))
    browser.click('Show more')
    browser.wait('more', lambda: rows(browser) > first)
    link = browser.all('.table tbody tr')[first + 5].find_element('css selector', 'a')
    browser.run('arguments[0].scrollIntoView({block: "center"})', link)
    there, target = browser.run(STAND), link.get_attribute('href')
    assert there[1] and browser.run('return scrollY') > 500
    link.click()
    browser.wait('the page behind it', lambda: browser.path != path and not browser.all('.loading') and browser.all('main h1'))
    assert browser.run('return scrollY') == 0
    browser.driver.back()
    browser.wait('the list as it was', lambda: browser.run(STAND) == there)
    assert browser.path == path and browser.run('return document.activeElement.href') == target
    browser.driver.forward()
    browser.wait('its top', lambda: browser.path != path and browser.run('return scrollY') == 0)
    # Who goes there anew begins at the top, with what is first.
    browser.run('location.hash = arguments[0]', path)
    browser.wait('a new list', lambda: rows(browser) == first and browser.run('return scrollY') == 0)


def test_what_has_changed_meanwhile_is_seen(browser, empty):
    client = empty.client('demo')
    path = of_images(client)
    browser.sign_in('demo').open(path)
    browser.wait('the images', lambda: rows(browser))
    browser.click('Show more')
    browser.wait('all', lambda: rows(browser) == 70)
    link = browser.all('.table tbody tr')[60].find_element('css selector', 'a')
    ident = link.get_attribute('href').rpartition('/')[2]
    browser.run('arguments[0].scrollIntoView({block: "center"})', link)
    link.click()
    browser.wait('the image', lambda: ident in browser.path)
    patch = [{'op': 'replace', 'path': '/name', 'value': 'by another name'}]
    assert client.patch('/v2/images/' + ident, json=patch, headers={
        'Content-Type': 'application/openstack-images-v2.1-json-patch'}).status_code == 200
    browser.driver.back()
    browser.sees('by another name', '.table')
    assert rows(browser) == 70 and browser.run('return scrollY') > 500


def test_nothing_is_kept_for_the_next_user(browser, empty):
    path = of_tests(empty.client('demo'))
    browser.sign_in('demo', empty.new_token('demo')).open(path).sees('many.M.test_000', '.table')
    browser.find('.table a').click()
    browser.sees('Average time')
    browser.click('Sign out')
    browser.enter('alt', 'alt', 'alt')
    browser.expect(404)
    browser.find('[role=alert]')
    seen = '''window.seen = []; new MutationObserver(() => window.seen.push(document.body.innerText))
        .observe(document.body, {childList: true, subtree: true})'''
    browser.run(seen)
    browser.driver.back()
    browser.sees("No test's name begins so")
    assert not [text for text in browser.run('return window.seen') if 'many.M' in text]


def test_a_slow_server(browser, empty):
    """The rows are there at once, before the server has answered; who scrolls himself meanwhile is left alone."""
    path = of_tests(empty.client('demo'))
    browser.sign_in('demo').open(path)
    browser.wait('the first rows', lambda: rows(browser) == 50)
    browser.click('Show more')
    browser.wait('more', lambda: rows(browser) == 100)
    browser.run('window.scrollTo(0, 2000)')
    browser.all('.table tbody tr a')[60].click()
    browser.sees('Average time')
    browser.network(latency=1500)
    browser.driver.back()
    browser.wait('the list', lambda: browser.run('return scrollY') == 2000, 1)
    assert rows(browser) == 100 and browser.all('.more button[aria-busy=true], .more button:disabled')
    browser.run('window.scrollTo(0, 300)')
    browser.wait('the answers', lambda: not browser.all('.more button:disabled'))
    assert browser.run('return scrollY') == 300


def test_what_was_chosen_and_zoomed(browser, empty):
    client = empty.client('demo')
    for n in range(2):
        stream = Stream()
        stream.tick(n)
        for i in range(40):
            stream.test('p.T.test_%d' % i, 'success', 1.0, tags={'worker-%d' % (i % 2)})
        run = stored(client, stream.bytes(), {'run_at': '2026-03-0%dT10:00:00Z' % (n + 1)})[0]
    browser.sign_in('demo').open('/runs').sees('Mar 2026', '.table')
    for box in browser.all('.table input[type=checkbox]'):
        box.click()
    browser.click('Compare', 'button')
    browser.sees('Compare', 'h1')
    browser.driver.back()
    browser.sees('Two runs chosen.')
    drawn = '''return new Promise((done) => requestAnimationFrame(() => setTimeout(() => { const c = document.querySelector('canvas');
        done(c && c.width !== 300 && c.toDataURL()); }, 50)))'''
    browser.open('/runs/%s?tab=timeline' % run)
    whole = browser.wait('drawn', lambda: browser.run(drawn))
    browser.click('Zoom in', 'button')
    browser.click('Zoom in', 'button')
    zoomed = browser.wait('zoomed', lambda: (lambda now: now and now != whole and now)(browser.run(drawn)))
    browser.run('document.activeElement.blur()')
    browser.run('location.hash = "#/trends"')
    browser.sees('Trends', 'h1')
    browser.driver.back()
    browser.wait('as it was', lambda: browser.run(drawn) == zoomed)
