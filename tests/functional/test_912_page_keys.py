"""The web page: the keys that sign uploads."""
import subprocess

from results import Key, body, openssl, signed


def fingerprint(key, folder):
    path = folder / 'key.pub'
    path.write_text(key.text + '\n', encoding='ascii')
    return subprocess.run(['ssh-keygen', '-l', '-f', str(path)], capture_output=True, text=True, check=True).stdout.split()[1]


def test_add_and_remove(browser, empty, demo, anonymous, tmp_path):
    key = Key(tmp_path)
    browser.sign_in('demo').open('/keys').sees('No keys yet')
    browser.shot('keys-empty', themes=('light',))
    browser.fill('#key', key.text + ' me@<b>\u202ethere')
    browser.fill('#signature', key.sign(b'signature'))
    browser.click('Add the key', 'button')
    browser.sees('me@<b>\u202ethere', '.table')
    browser.sees(fingerprint(key, tmp_path), '.table')
    assert browser.find('#key').get_attribute('value') == ''
    browser.shot('keys')
    # It signs uploads: what it signs is demo's.
    reply = signed(anonymous, key, body())
    assert reply.status_code == 201, reply.text
    assert demo.get('/v1/results/' + reply.json()['test_id']).json()['user_role'] == 'owner'
    browser.click('Remove the key me@<b>\u202ethere')
    browser.click('Remove the key')
    browser.sees('No keys yet')
    assert demo.get('/v1/profile/pubkeys').json() == []


def test_the_command_that_the_page_says(browser, empty, demo, tmp_path):
    """What the page tells people to type makes the signature that it then takes."""
    key = Key(tmp_path)
    browser.sign_in('demo').open('/keys')
    command = browser.find('.command').text.replace('~/.ssh/id_rsa', key.path)
    signature = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout
    browser.fill('#key', key.text)
    browser.fill('#signature', signature)
    browser.click('Add the key', 'button')
    browser.sees(fingerprint(key, tmp_path), '.table')


def test_wrong_input(browser, empty, demo, tmp_path):
    browser.expect(400)
    key = Key(tmp_path)
    browser.sign_in('demo').open('/keys')
    browser.fill('#key', 'no key at all')
    browser.fill('#signature', '00')
    browser.click('Add the key', 'button')
    browser.find('#key[aria-invalid=true]')
    assert browser.find('#key-error').text
    browser.fill('#key', key.text)
    browser.fill('#signature', openssl('dgst', '-sha256', '-sign', key.path, data=b'something else').hex())
    browser.click('Add the key', 'button')
    browser.find('#signature[aria-invalid=true]')
    assert 'ignature' in browser.find('#signature-error').text
    browser.shot('keys-wrong', themes=('light',))
    assert demo.get('/v1/profile/pubkeys').json() == []
