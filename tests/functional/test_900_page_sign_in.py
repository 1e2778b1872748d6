"""The web page: its files, signing in and out."""
import re

import pytest
import requests
from results import set_meta, upload
from streams import simple


def test_files(stack):
    page = requests.get(stack.url + '/', headers={'Accept': 'text/html'}, verify=stack.ca, timeout=30)
    assert page.url == stack.url + '/ui/' and page.status_code == 200
    assert page.headers['Cache-Control'] == 'no-cache'
    names = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(names) == 3 and all(re.fullmatch(r'\./assets/[\w-]+-[\w-]{8}\.(js|css|svg)', n) for n in names), names
    assert '<style' not in page.text and 'style=' not in page.text
    assert not re.search(r'<script(?![^>]*\bsrc=)', page.text)
    for name in names:
        asset = requests.get(stack.url + '/ui/' + name[2:], verify=stack.ca, timeout=30)
        assert asset.status_code == 200
        assert asset.headers['Cache-Control'] == 'public, max-age=31536000, immutable'
        assert name.endswith('svg') or asset.headers['Content-Encoding'] == 'gzip'
    gone = requests.get(stack.url + '/ui/assets/index-00000000.js', verify=stack.ca, timeout=30)
    assert gone.status_code == 404 and 'immutable' not in gone.headers['Cache-Control']


def test_password(browser, empty):
    browser.open('/runs').sees('Sign in')
    browser.shot('sign-in')
    browser.enter('demo', 'demo', 'demo')
    browser.sees('No runs yet')
    assert browser.path == '/runs'
    assert 'demo' in browser.text('.account')
    # A reload keeps the session.
    browser.driver.refresh()
    browser.sees('No runs yet')
    token = browser.run('return JSON.parse(sessionStorage.getItem("tally-session")).token')
    assert browser.run('return localStorage.length') == 0
    browser.click('Sign out')
    browser.sees('You are signed out.')
    assert browser.run('return sessionStorage.length') == 0
    # Keystone has been told.
    assert empty.keystone.call('GET', '/v3/auth/tokens', None, empty.token('admin'), [('X-Subject-Token', token)])[0] == 404


def test_two_tabs(browser, empty):
    """A new tab knows nobody by itself, but one need not type the password again; signing out counts for both."""
    browser.sign_in('demo', empty.new_token('demo')).open('/runs').sees('No runs yet')
    first = browser.driver.current_window_handle
    browser.driver.switch_to.new_window('tab')
    try:
        browser.open('/tests').sees('Go on as demo in demo')
        assert browser.run('return sessionStorage.length') == 0
        browser.shot('sign-in-other-tab', themes=('light',))
        browser.click('Go on as demo in demo', 'button')
        browser.sees('No tests yet')
        browser.click('Sign out')
        browser.sees('You are signed out.')
        assert 'Go on' not in browser.text()
        browser.driver.switch_to.window(first)
        browser.sees('Your session has ended')
        assert browser.run('return sessionStorage.length') == 0
        # Signed in again in one of them, the other one knows it at once.
        second, = set(browser.driver.window_handles) - {first}
        browser.enter('demo', 'demo', 'demo')
        browser.sees('No runs yet')
        browser.driver.switch_to.window(second)
        browser.sees('Go on as demo in demo')
    finally:
        for handle in browser.driver.window_handles:
            if handle != first:
                browser.driver.switch_to.window(handle)
                browser.driver.close()
        browser.driver.switch_to.window(first)


def test_without_a_project_one_chooses(browser, empty):
    browser.open('/').sees('Sign in')
    browser.enter('demo', 'demo', '')
    browser.sees('No runs yet')  # he has only one


@pytest.fixture
def in_both(empty):
    """demo is a member of alt's project, too."""
    roles = empty.keystone.call('GET', '/v3/roles?name=member', None, empty.token('admin'))[2]['roles']
    empty.token('alt')
    place = '/v3/projects/%s/users/%s/roles/%s' % (empty.project('alt'), empty.user_id('demo'), roles[0]['id'])
    assert empty.keystone.call('PUT', place, None, empty.token('admin'))[0] == 204
    yield
    assert empty.keystone.call('DELETE', place, None, empty.token('admin'))[0] == 204


def test_one_of_several_projects(browser, in_both):
    browser.open('/runs').sees('Sign in')
    browser.enter('demo', 'demo', '')
    browser.sees('You belong to several projects')
    browser.shot('sign-in-projects', themes=('light',))
    browser.click('alt', 'button')
    browser.sees('No runs yet')
    assert browser.text('.account').split()[:2] == ['demo', 'alt']


def test_tokens_of_a_file(browser, empty, tmp_path):
    """Where no Keystone is, there is no password to ask for."""
    tokens = tmp_path / 'tokens'
    tokens.write_text('let-me-in somebody some-project member\n')
    tokens.chmod(0o600)
    empty.conf.set('identity', driver='static', static_file=str(tokens))
    empty.tally.stop()
    empty.tally.start()
    browser.open('/runs').sees('Token')
    assert not browser.all('#password') and 'Use a password' not in browser.text()
    browser.shot('sign-in-token', themes=('light',))
    browser.fill('#token', 'let-me-in\ue007')
    browser.sees('No runs yet')
    assert 'somebody' in browser.text('.account')


@pytest.mark.parametrize('user, password, project', [
    ('demo', 'wrong', 'demo'), ('nobody', 'demo', 'demo'), ('demo', 'demo', 'alt'), ('demo', 'wrong', '')])
def test_wrong_password(browser, stack, user, password, project):
    browser.expect(401)
    browser.open('/runs').sees('Sign in')
    browser.enter(user, password, project)
    browser.sees('Keystone knows no such user, password and project', '[role=alert]')
    assert browser.path == '/runs' and browser.run('return sessionStorage.length') == 0
    # The form is as it was; the right password then works.
    assert browser.find('#user').get_attribute('value') == user


def test_token(browser, empty):
    browser.expect(401)
    browser.open('/').sees('Sign in')
    browser.click('Use a token instead')
    browser.fill('#token', 'gAAAA-nonsense')
    browser.click('Sign in', 'button')
    browser.sees('does not take this token', '[role=alert]')
    browser.fill('#token', ' X-Auth-Token: ' + empty.token('foundation') + ' ')
    browser.click('Sign in', 'button')
    browser.sees('No runs yet')
    assert 'staff' in browser.text('.account')


def test_expired_token_goes_on_where_it_was(browser, empty):
    token = empty.new_token('demo')
    browser.sign_in('demo', token).open('/runs?cpid=here').sees('No runs')
    browser.expire(token)
    browser.driver.refresh()
    browser.sees('Your session has ended')
    assert browser.run('return sessionStorage.length') == 0
    browser.enter('demo', 'demo', 'demo')
    browser.sees('No runs')
    assert browser.path == '/runs?cpid=here'


def test_what_was_typed_waits_for_who_typed_it(browser, empty):
    def ended(user):
        token = browser.run('return JSON.parse(sessionStorage.getItem("tally-session")).token')
        browser.expire(token)
        browser.click('Import', 'button')
        browser.sees('What you had chosen and typed is kept')
        browser.enter(user, user, user)
        browser.sees('Import an image')
        assert browser.path == '/tasks/new?type=import'
        return {name: browser.find('#' + name).get_attribute('value') for name in ('import_from', 'import_from_format', 'name')}

    browser.sign_in('demo', empty.new_token('demo')).open('/tasks/new?type=import')
    browser.fill('#import_from', 'images/disk.raw')
    browser.find('#import_from_format').send_keys('raw')
    browser.fill('#name', 'mine')
    typed = {'import_from': 'images/disk.raw', 'import_from_format': 'raw', 'name': 'mine'}
    assert ended('demo') == typed
    assert ended('alt') == dict.fromkeys(typed, '')
    # Nor does it lie there for later, or come back to who has signed out.
    browser.fill('#name', 'of alt')
    browser.click('Sign out')
    browser.enter('demo', 'demo', 'demo')
    assert browser.find('#name').get_attribute('value') == ''


def test_another_project_is_asked_anew(browser, empty, in_both, tmp_path):
    """The same user in another project finds his files, but has not said yes to that project."""
    (tmp_path / 'run').write_bytes(simple('a.T.one'))
    token = empty.new_token('demo')
    browser.sign_in('demo', token).open('/upload').sees('Upload a run')
    browser.all('#files')[0].send_keys(str(tmp_path / 'run'))
    browser.find('#agree').click()
    browser.wait('it is ready', browser.find('.button-primary').is_enabled)
    browser.expire(token)
    browser.find('.button-primary').click()
    browser.sees('What you had chosen and typed is kept')
    browser.enter('demo', 'demo', 'alt')
    browser.sees('subunit v2', '.file-list').sees('project alt', '.privacy')
    assert not browser.find('#agree').is_selected() and not browser.find('.button-primary').is_enabled()


def test_a_session_that_ends_on_an_open_page(browser, empty):
    """Results are shown to everybody: one is told, and led back."""
    result = upload(empty.client('demo'))
    set_meta(empty.client('demo'), result, shared='true')
    token = empty.new_token('demo')
    browser.sign_in('demo', token).open('/results/' + result)
    browser.fill('#guideline', '2023.11')
    browser.expire(token)
    browser.click('Save', 'button')
    browser.sees('Your session has ended: this is what everybody sees.')
    browser.wait('less', lambda: not browser.all('#guideline'))
    browser.sees('3 tests passed')
    browser.shot('result-ended', themes=('light',))
    browser.click('Sign in again', 'a')
    browser.sees('User name')
    browser.enter('demo', 'demo', 'demo')
    browser.wait('the form', lambda: browser.path == '/results/' + result and browser.all('#guideline'))
    assert browser.find('#guideline').get_attribute('value') == '2023.11'
    browser.click('Save', 'button')
    browser.sees('2023.11', '.facts')


def test_server_gone(browser, empty):
    browser.expect(0, 502)
    browser.sign_in('demo').open('/runs').sees('No runs yet')
    empty.tally.stop()
    browser.open('/runs').sees('gave no usable answer', '[role=alert]')
    empty.tally.start()
    browser.click('Try again')
    browser.sees('No runs yet')
    browser.network(offline=True)
    browser.run('location.hash = "#/"')
    browser.sees('The server cannot be reached', '[role=alert]')
    browser.shot('server-gone', sizes=((1280, 900),), themes=('light',))
    browser.network()
    browser.click('Try again')
    browser.sees('No runs yet')


def test_keystone_gone(browser, stack):
    browser.expect(502, 503)
    stack.keystone.stop()
    browser.open('/').sees('Sign in')
    browser.enter('demo', 'demo', 'demo')
    browser.sees('gave no usable answer', '[role=alert]')


def test_colours_and_keyboard(browser, empty):
    browser.sign_in('demo').open('/runs').sees('No runs yet')
    ground = 'return getComputedStyle(document.body).backgroundColor'
    light = browser.run(ground)
    browser.look(1280, 900, 'dark')
    dark = browser.wait('dark', lambda: browser.run(ground) != light and browser.run(ground))
    # Paper is light, and what is for the screen only does not lie on it.
    browser.cdp('Emulation.setEmulatedMedia', media='print', features=[{'name': 'prefers-color-scheme', 'value': 'dark'}])
    assert browser.run('return getComputedStyle(document.body).color') == 'rgb(27, 34, 48)' and not browser.find('h1').rect['y'] > 100
    assert not browser.all('.nav')[0].is_displayed()
    browser.look(1280, 900, 'dark')
    browser.click('Colours: as the system. Change')
    assert browser.run(ground) == light
    browser.driver.refresh()
    browser.sees('No runs yet')
    assert browser.run(ground) == light
    browser.click('Colours: light. Change')
    browser.look(1280, 900, 'light')
    assert browser.run(ground) == dark
    # The first stop of the keyboard leads past the navigation.
    browser.driver.refresh()
    browser.sees('No runs yet')
    browser.find('body').send_keys('\ue004')
    assert browser.run('return document.activeElement.textContent') == 'To the content'
    assert browser.run('return getComputedStyle(document.activeElement).outlineStyle') != 'none'


def test_unknown_address(browser, stack):
    browser.sign_in('demo').open('/no/such/page').sees('There is no such page')
    browser.click('To the start')
    browser.find('.nav [aria-current]')
