"""The web page: images, their tags, who may use them, and their bytes."""
import os

from customers import disk
from lab.service import wait_for

HOSTILE = '<script>alert(1)</script>"\u202etxt.exe\U0001f4bf'


def test_list_and_filters(browser, fresh_module, customer):
    first = customer.uploaded(name='first', tags=['red'])
    customer.uploaded(name='second', visibility='private')
    customer.queued(name='waits')
    customer.uploaded(name=HOSTILE)
    browser.sign_in('demo').open('/images').sees('first', '.table')
    browser.sees(HOSTILE, '.table')
    browser.shot('images')
    browser.fill('#tag', 'red\n')
    browser.wait('tagged', lambda: [a.text for a in browser.all('.table a')] == ['first'])
    browser.open('/images?status=queued').sees('waits', '.table')
    browser.open('/images?shown=private').sees('second', '.table')
    assert 'first' not in browser.text('.table')
    browser.open('/images?name=none').sees('No images match')
    browser.click('Clear the filters')
    browser.named('first').click()
    browser.wait('the image', lambda: browser.path == '/images/' + first)


def test_one_image(browser, customer):
    data = disk()
    image = customer.uploaded(data, name=HOSTILE, os_distro='debian', strange='<i>\u202eback')
    browser.sign_in('demo').open('/images/' + image).sees(HOSTILE, 'h1')
    browser.sees('<i>\u202eback', '.pairs')
    assert customer.image(image)['checksum'] in browser.text('.facts')
    assert not browser.all('main script') and not browser.all('main i')
    browser.fill('#new-tag', 'a/b & "c"\n')
    browser.sees('a/b & "c"', '.chips')
    assert customer.image(image)['tags'] == ['a/b & "c"']
    browser.shot('image')
    browser.click('Remove the tag a/b & "c"')
    browser.sees('None.', '.card-grid')
    assert customer.image(image)['tags'] == []
    browser.click('Download')
    path = os.path.join(browser.downloads, image + '.raw')
    wait_for('the download', lambda: os.path.exists(path), 20)
    with open(path, 'rb') as f:
        assert f.read() == data
    browser.click('Delete')
    browser.click('Delete the image')
    browser.wait('gone', lambda: browser.path == '/images')
    assert customer.api.get('/v2/images/' + image).status_code == 404


def test_sharing(browser, stack, customer, other):
    browser.expect(403, 409)
    image = customer.uploaded(name='to share', visibility='private')
    browser.sign_in('demo').open('/images/' + image).sees('Only the project uses it')
    browser.find('#visibility').send_keys('public')
    # Only an administrator makes images public: it says so, and what was chosen is chosen no longer.
    browser.sees('not authorized', '#visibility-error')
    assert browser.find('#visibility').get_attribute('value') == 'private'
    browser.find('#visibility').send_keys('shared')
    browser.sees('No other project is a member')
    browser.fill('#new-member', other.project + '\n')
    browser.sees('pending', '.table')
    browser.shot('image-members')
    browser.fill('#new-member', other.project + '\n')
    browser.wait('refused', lambda: browser.find('#new-member-error').text)
    # The other project finds it among what is offered, and accepts it.
    browser.sign_in('alt').open('/images?shown=offered').sees('to share', '.table')
    browser.click('to share')
    browser.click('Accept')
    browser.sees('accepted', '.table')
    assert 'Delete' not in browser.text('.page-head')
    assert image in other.images()
    browser.click('Reject')
    browser.sees('rejected', '.table')
    assert image not in other.images()
    browser.sign_in('demo').open('/images/' + image)
    browser.click('Remove the member ' + other.project)
    browser.sees('No other project is a member')


def test_protected(browser, customer):
    browser.expect(403)
    image = customer.uploaded(name='kept', protected=True)
    browser.sign_in('demo').open('/images/' + image)
    browser.click('Delete')
    browser.click('Delete the image')
    browser.sees('protected', '.dialog [role=alert]')
    customer.replace(image, 'protected', False)
    customer.delete_image(image)


def test_nothing(browser, empty):
    browser.sign_in('demo').open('/images').sees('No images yet')
    browser.shot('images-empty', themes=('light',))


def test_foreign(browser, stack, customer):
    browser.expect(404)
    image = customer.uploaded(name='mine', visibility='private')
    browser.sign_in('alt').open('/images/' + image)
    assert image in browser.find('[role=alert]').text and 'mine' not in browser.text('main')
