"""[image] property_protection_file: who may touch which properties, and a file that will not do."""
import os

import pytest

from image_files import message, new_image
from lab.service import wait_for

PATCH = {'Content-Type': 'application/openstack-images-v2.1-json-patch'}
RULES = """
[^x_boss_]
create = admin
read = admin
update = admin
delete = admin

[^x_bill]
create = @
read = @
update = admin,billing
delete = !

[^x_]
create = admin,member
read = @
update = @
delete = @

[^free]
create = @
read = @
update = @
delete = @
"""


@pytest.fixture
def rules(stack):
    """Puts a text in force; says what the reload said."""
    path = os.path.join(stack.site, 'etc', 'property-protections.conf')

    def use(text):
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)
        stack.conf.set('image', property_protection_file=path)
        mark = stack.log_size()
        stack.reload()
        return stack.log(mark)
    yield use
    os.unlink(path)


def change(client, image, op, name, value=None):
    return client.patch('/v2/images/' + image, headers=PATCH,
                        json=[{'op': op, 'path': '/' + name, **({} if op == 'remove' else {'value': value})}])


def test_729_rights(rules, demo, admin):
    assert 'taken over' in rules(RULES)
    r = demo.post('/v2/images', json={'name': 'n', 'x_boss_word': 'v'})
    assert r.status_code == 403, r.text
    image = new_image(demo, x_bill='1', x_other='2', free='3')
    assert change(admin, image, 'add', 'x_boss_word', 'secret').status_code == 200
    assert 'x_boss_word' not in demo.get('/v2/images/' + image).json()
    assert 'secret' not in demo.get('/v2/images?limit=1000').text
    assert admin.get('/v2/images/' + image).json()['x_boss_word'] == 'secret'
    assert change(demo, image, 'replace', 'x_bill', '9').status_code == 403
    assert change(demo, image, 'remove', 'x_bill').status_code == 403
    assert change(admin, image, 'replace', 'x_bill', '9').status_code == 200
    assert change(admin, image, 'remove', 'x_bill').status_code == 403
    assert change(demo, image, 'replace', 'x_other', '7').status_code == 200
    assert change(demo, image, 'remove', 'free').status_code == 200
    # what no section matches is nobody's
    assert change(demo, image, 'add', 'other', 'v').status_code == 403
    doc = demo.get('/v2/images/' + image).json()
    assert doc['x_bill'] == '9' and doc['x_other'] == '7' and 'free' not in doc and 'other' not in doc


def test_729_a_file_with_mistakes_at_reload(rules, stack, demo):
    assert 'taken over' in rules(RULES)
    said = rules('[^x_]\ncreate = role:admin\nread = @\nupdate = @\n')
    assert 'property-protections.conf:2: create: \\"role:admin\\" is a policy' in said
    assert 'property-protections.conf:1: [^x_] does not say delete' in said
    assert 'the old configuration stays: [image] property_protection_file has mistakes' in said
    r = demo.post('/v2/images', json={'name': 'n', 'x_boss_word': 'v'})
    assert r.status_code == 403 and 'x_boss_word' in message(r), r.text
    stack.conf.set('image', property_protection_file='')
    stack.reload()
    assert new_image(demo, x_boss_word='v')


def test_729_a_file_with_mistakes_at_start(rules, stack):
    rules(RULES)
    stack.tally.stop()
    with open(stack.conf.changes['image', 'property_protection_file'], 'a', encoding='utf-8') as f:
        f.write('nonsense\n')
    mark = stack.log_size()
    stack.expect_down = {'tally'}
    stack.tally.start(wait=False)  # it may be gone before it is ready
    wait_for('tally.fcgi to give up', lambda: not stack.tally.running())
    log = stack.log(mark) + stack.tally.tail()
    assert 'neither [expression] nor a right: no = in the line' in log
    assert 'has mistakes' in log
