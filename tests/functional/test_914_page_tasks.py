"""The web page: tasks as they go on, and new ones."""
import os

import pytest
from customers import disk


def shown(browser):
    """The share that the progress bar says, in per cent."""
    bar = browser.all('[role=progressbar]')
    value = bar and bar[0].get_attribute('aria-valuenow')
    return int(value) if value else 0


def fill_import(browser, source, fmt='raw', name=''):
    browser.fill('#import_from', source)
    browser.find('#import_from_format').send_keys(fmt)
    if name:
        browser.fill('#name', name)


def test_import_seen_live(browser, fresh_module, gate, customer):
    """An import is started in the page and seen to its end, without a reload."""
    container = customer.container()
    size = 8 << 20
    customer.put(container, 'disk.raw', disk(size))
    gate.arm('down', size // 2)
    browser.sign_in('demo').open('/tasks').sees('No tasks')
    browser.shot('tasks-empty', themes=('light',))
    browser.click('New task')
    fill_import(browser, container + '/disk.raw', name='<b>\u202elive')
    browser.click('More of it')
    browser.fill('#min_disk', '3')
    browser.fill('#tags', 'one, two')
    browser.fill('#properties', 'os_distro=debian\nmade_by=a=b')
    browser.shot('task-new')
    browser.click('Import', 'button')
    browser.sees('processing', '.facts')
    task = browser.path.rpartition('/')[2]
    gate.wait_held()
    browser.wait('half of it', lambda: 30 <= shown(browser) <= 70, 30)
    browser.shot('task-processing')
    browser.run('location.hash = "#/tasks"')
    browser.wait('half in the list', lambda: 30 <= shown(browser) <= 70, 30)
    browser.sees('8.00 MiB', '.table')
    browser.shot('tasks')
    gate.release()
    browser.sees('success', '.table', 60)
    assert not browser.all('[role=progressbar]')
    browser.click('import', '.table a')
    browser.sees('success', '.facts')
    image = customer.task(task)['result']['image_id']
    browser.shot('task-success')
    browser.click(image)
    browser.sees('<b>\u202elive', 'h1')
    doc = customer.image(image)
    assert (doc['name'], doc['min_disk'], doc['tags'], doc['os_distro'], doc['made_by']) == (
        '<b>\u202elive', 3, ['one', 'two'], 'debian', 'a=b')
    browser.sees('import', '[aria-label=Tasks]')


def test_export_and_clone(browser, customer):
    image = customer.uploaded(name='source')
    container = customer.container()
    browser.sign_in('demo').open('/images/' + image)
    browser.click('Export')
    browser.sees('This is source', '.hint')
    browser.fill('#export_to', container)
    browser.shot('task-new-export', themes=('light',))
    browser.click('Export', 'button')
    browser.sees('success', '.facts', 60)
    browser.sees(container + '/' + image + '.raw', '.pairs')
    assert customer.get(container, image + '.raw') == customer.bytes_of(image)
    browser.open('/images/' + image)
    browser.click('Clone')
    browser.fill('#name', 'the copy')
    browser.click('Clone', 'button')
    browser.sees('success', '.facts', 60)
    copy = customer.task(browser.path.rpartition('/')[2])['result']['image_id']
    assert copy != image and customer.image(copy)['name'] == 'the copy'


def test_failure_says_why(browser, customer):
    container = customer.container()
    customer.put(container, 'photo.jpg', b'\xff\xd8\xff\xe0\x00\x10JFIF' + os.urandom(5000))
    browser.sign_in('demo').open('/tasks/new?type=import')
    fill_import(browser, container + '/photo.jpg', 'qcow2')
    browser.click('Import', 'button')
    browser.sees('failure', '.facts', 60)
    message = customer.task(browser.path.rpartition('/')[2])['message']
    browser.sees(message, '.note-bad')
    browser.shot('task-failure')


@pytest.mark.parametrize('values, field, words', [
    ({}, 'import_from', 'missing'),
    ({'import_from': 'nonsense', 'import_from_format': 'raw'}, 'import_from', 'container/object'),
    ({'import_from': 'http://127.0.0.1/x', 'import_from_format': 'raw'}, 'import_from', 'URLs are switched off'),
    ({'import_from': 'a/b'}, 'import_from_format', 'missing'),
    ({'import_from': 'a/b', 'import_from_format': 'raw', 'min_ram': 'much'}, 'min_ram', 'must be an integer'),
])
def test_wrong_input(browser, stack, customer, values, field, words):
    browser.expect(400)
    tasks = len(customer.api.get('/v2/tasks').json()['tasks'])
    browser.sign_in('demo').open('/tasks/new?type=import')
    browser.click('More of it')
    for name, value in values.items():
        if name == 'import_from_format':
            browser.find('#' + name).send_keys(value)
        else:
            browser.fill('#' + name, value)
    browser.click('Import', 'button')
    browser.sees(words, '#%s-error' % field)
    control = browser.find('#' + field)
    assert control.get_attribute('aria-invalid') == 'true'
    assert field + '-error' in control.get_attribute('aria-describedby')
    # What was typed is still there.
    assert all(browser.find('#' + n).get_attribute('value') == v for n, v in values.items())
    if not values:
        browser.sees(words, '#import_from_format-error')
        browser.shot('task-new-wrong')
    assert len(customer.api.get('/v2/tasks').json()['tasks']) == tasks


def test_wrong_export(browser, customer):
    browser.expect(400)
    browser.sign_in('demo').open('/tasks/new?type=export&image=nonsense')
    browser.fill('#export_to', 'c')
    browser.find('#export_format').send_keys('raw')
    browser.click('Export', 'button')
    browser.sees("must be an image's id", '#image_id-error')


def test_hidden_page_asks_nothing(browser, stack, works):
    """While the tab is not seen the server gets no request; once it is, at once."""
    works.post_import(works.container(), 'none')  # no worker runs: it stays pending
    browser.sign_in('demo').open('/tasks').sees('pending', '.table')
    assert browser.run('return document.querySelector(".table td .nowrap").getClientRects().length') == 1

    def asked():
        return stack.log(stack.mark).count('GET /v2/tasks') or stack.log(stack.mark).count('"/v2/tasks')

    before = asked()
    browser.wait('it asks', lambda: asked() > before + 1)
    browser.run('Object.defineProperty(document, "hidden", {configurable: true, get: () => true});'
                'document.dispatchEvent(new Event("visibilitychange"))')
    browser.run('return new Promise((done) => setTimeout(done, 500))')
    quiet = asked()
    browser.run('return new Promise((done) => setTimeout(done, 3000))')
    assert asked() == quiet
    browser.run('delete document.hidden; document.dispatchEvent(new Event("visibilitychange"))')
    browser.wait('it asks again', lambda: asked() > quiet)


def test_foreign(browser, stack, customer, other):
    browser.expect(404)
    task = other.create('import', import_from='a/b', import_from_format='raw', image_properties={})['id']
    other.wait(task)
    browser.sign_in('demo').open('/tasks/' + task).sees('was not found', '[role=alert]')
