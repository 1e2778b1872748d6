"""The web page: answers that are none, late ones, addresses that lead elsewhere, and what may leave the page."""
import json
import re

import pytest
from evidence import stored
from streams import simple

# A stand-in for fetch: what an address that contains PATH answers; everything else goes to the server.
ANSWER = '''const [path, status, type, body] = arguments, real = window.fetch;
    window.fetch = (url, init) => String(url).includes(path)
        ? Promise.resolve(new Response(body, {status, headers: {'Content-Type': type}})) : real(url, init);'''
HTML = '<html><head><title>%d</title></head><body><script>window.hacked = 1</script></body></html>'


def answered(browser, status, body, kind='text/html', path='/v1/subunit'):
    """The list of runs, as it stands there with this answer."""
    browser.sign_in('demo').open('/keys').sees('Add a key')
    browser.run(ANSWER, path, status, kind, body)
    browser.run('location.hash = "#/runs"')


@pytest.mark.parametrize('status, words', [
    (403, 'not yours to do'), (404, 'nothing at this address'), (413, 'larger than the server takes'),
    (429, 'too many requests'), (500, 'server has failed'), (502, 'not available'), (503, 'not available'),
    (504, 'did not answer in time'), (418, 'status 418')])
def test_errors_of_a_proxy(browser, stack, status, words):
    answered(browser, status, HTML % status)
    browser.sees(words, '[role=alert]')
    assert browser.run('return window.hacked') is None and '<' not in browser.text('[role=alert]')
    browser.find('[role=alert] button')  # to try again


@pytest.mark.parametrize('body', ['{}', 'null', '[]', '{"runs": 7}', '{"runs": [null]}', '{"runs": [{"uuid": {}, "metadata": 3}]}'])
def test_answers_of_another_shape(browser, stack, body):
    """The frame stays, and another page works."""
    answered(browser, 200, body, 'application/json')
    browser.sees('make nothing of what the server answered', '[role=alert]')
    browser.run('location.hash = "#/keys"')
    browser.sees('Add a key')


@pytest.mark.parametrize('body', ['', '<html>', '{"runs": [', '\ufeff\x00'])
def test_answers_that_are_no_json(browser, stack, body):
    answered(browser, 200, body)
    browser.sees('broke off, or is not what it should be', '[role=alert]')


def test_more_than_the_server_gives_at_once(browser, stack):
    tasks = [{'id': '%032x' % n, 'type': 'import', 'status': 'success', 'owner': 'x', 'created_at': '2026-03-01T10:00:00Z',
              'updated_at': '2026-03-01T10:00:00Z'} for n in range(3)]
    browser.sign_in('demo').open('/keys').sees('Add a key')
    browser.run(ANSWER, '/v2/tasks', 200, 'application/json', json.dumps({'tasks': tasks, 'next': '/v2/tasks?marker=x'}))
    browser.run('location.hash = "#/tasks"')
    browser.sees('These are the newest 3 tasks')
    assert not browser.all('.more button')


def test_a_late_answer_is_dropped(browser, empty):
    """What was asked for first and comes last does not stand over what was asked for since."""
    demo = empty.client('demo')
    for branch in ('one', 'two'):
        stored(demo, simple('p.T.' + branch), {'meta.branch': branch})
    browser.sign_in('demo').open('/runs').sees('branch=one', '.table').sees('branch=two', '.table')
    # Answers about "one" are held back, and nothing ends their requests.
    browser.run('''const real = window.real = window.fetch; window.held = [];
        window.fetch = (url, init) => String(url).includes('one')
            ? new Promise((go) => window.held.push(go)).then(() => real(url, {...init, signal: undefined})) : real(url, init);''')
    browser.run('location.hash = "#/runs?meta.branch=one"')
    browser.wait('it asks', lambda: browser.run('return window.held.length'))
    browser.run('location.hash = "#/runs?meta.branch=two"')
    browser.wait('the second', lambda: 'branch=two' in browser.text('.table') and 'branch=one' not in browser.text('.table'))
    browser.run('window.fetch = window.real; window.held.forEach((go) => go()); return new Promise((done) => setTimeout(done, 500))')
    assert 'branch=two' in browser.text('.table') and 'branch=one' not in browser.text('.table')


def test_back_and_forward(browser, stack):
    """The address and the page agree, whichever way one comes."""
    browser.sign_in('demo').open('/runs').sees('Runs', 'h1')
    for name in ('Tests', 'Keys', 'Trends'):
        if name == 'Keys':
            browser.click('Results', '.nav a')
        browser.click(name, 'a')
        browser.sees(name, 'h1')
    for step, name, path in ((browser.driver.back, 'Keys', '/keys'), (browser.driver.back, 'Results', '/results'),
                             (browser.driver.back, 'Tests', '/tests'), (browser.driver.forward, 'Results', '/results')):
        step()
        browser.sees(name, 'h1')
        assert browser.path == path


def requests_of(browser):
    """Requests that scripts have made on this page."""
    return [e for e in browser.run('return JSON.parse(JSON.stringify(performance.getEntriesByType("resource")))')
            if e['initiatorType'] in ('fetch', 'xmlhttprequest')]


@pytest.mark.parametrize('path', ['/runs/..', '/runs/.', '/runs/%2e%2e', '/tests/..', '/images/..', '/tasks/..', '/results/..',
                                  '/compare/../..', '/runs/..%2f..%2fidentity%2fv3'])
def test_addresses_that_climb(browser, stack, path):
    """An id of dots asks for nothing above its place."""
    browser.expect(400, 404)
    browser.sign_in('demo').open(path)
    browser.find('[role=alert]')
    asked = [e['name'].replace(stack.url, '') for e in requests_of(browser)]
    kind = {'compare': 'runs'}.get(path.split('/')[1], path.split('/')[1])
    place = {'runs': '/v1/subunit/', 'tests': '/v1/tests/', 'results': '/v1/results/', 'images': '/v2/images/', 'tasks': '/v2/tasks/'}[kind]
    assert asked and all(re.match(re.escape(place) + r'[^/?]', a) for a in asked), asked


LINKS = ['javascript:alert(1)//', 'data:text/html,<script>1</script>', '//evil.example/x', 'https://evil.example/"onclick="x']


def test_nothing_leaves_the_page(browser, empty):
    """No link and no request leads elsewhere, and no address holds the token, whatever strangers wrote."""
    demo = empty.client('demo')
    run = stored(demo, simple(*LINKS), {'meta.href': LINKS[0], 'cpid': LINKS[2], 'artifacts': LINKS[0]})[0]
    token = empty.token('demo')
    browser.sign_in('demo', token)
    for path in ('/runs', '/runs/%s?tab=tests' % run, '/tests', '/results', '/trends', '/images', '/tasks', '/keys', '/upload'):
        browser.open(path)
        browser.find('main h1')
        browser.wait('loaded', lambda: not browser.all('.loading'))
        hrefs = browser.run('return [...document.querySelectorAll("[href], [src], [action]")].map('
                            '(e) => e.href || e.src || e.action)')
        assert hrefs and all(h.startswith(browser.home) for h in hrefs), hrefs
        asked = [e['name'] for e in requests_of(browser)]
        assert all(a.startswith(browser.stack.url + '/') for a in asked) and token not in json.dumps(asked + hrefs)
        assert token not in browser.driver.current_url
        assert not browser.run('return [...document.querySelectorAll("*")].some((e) => [...e.attributes].some('
                               '(a) => a.name.startsWith("on") || a.value.includes(arguments[0])))', token)
    assert browser.run('return document.cookie') == ''


def test_no_string_becomes_script(browser, stack):
    """The policy: no inline script or style, no markup from strings, no request elsewhere."""
    browser.sign_in('demo').open('/keys').sees('Add a key')
    tried = browser.run('''const tried = {}, attempt = (name, work) => { try { work(); tried[name] = 'done'; }
            catch (e) { tried[name] = e.name; } };
        attempt('innerHTML', () => { document.createElement('div').innerHTML = '<b>x</b>'; });
        attempt('policy', () => trustedTypes.createPolicy('p', {}));
        const style = document.createElement('style'); style.textContent = 'body { opacity: 0 }'; document.head.append(style);
        tried.style = getComputedStyle(document.body).opacity;
        return fetch('https://localhost:1/').catch((e) => e.name).then((name) => ({...tried, fetch: name}));''')
    assert tried == {'innerHTML': 'TypeError', 'policy': 'TypeError', 'style': '1', 'fetch': 'TypeError'}
    said = '\n'.join(browser.troubles())
    for words in ('requires \'TrustedHTML\'', 'style-src', 'connect-src'):
        assert words in said, said


@pytest.mark.parametrize('zone, words', [('Europe/Vienna', r'Europe/Vienna \(UTC\+[12]\)'), ('Asia/Kolkata', r'\(UTC\+5:30\)'),
                                         ('America/St_Johns', r'\(UTC−[23]:30\)'), ('UTC', r'shown in UTC\.')])
def test_zone(browser, empty, zone, words):
    stored(empty.client('demo'), simple('p.T.a'), {'run_at': '2026-03-01T23:40:00Z'})
    browser.cdp('Emulation.setTimezoneOverride', timezoneId=zone)
    try:
        browser.sign_in('demo').open('/runs').sees('Mar 2026', '.table')
        assert re.search(words, browser.text('footer'))
        shown = browser.find('.table time')
        assert shown.get_attribute('title') == '2026-03-01 23:40:00 UTC'
        assert shown.text.startswith('1 Mar' if zone in ('UTC', 'America/St_Johns') else '2 Mar'), shown.text
    finally:
        browser.cdp('Emulation.setTimezoneOverride', timezoneId='')
