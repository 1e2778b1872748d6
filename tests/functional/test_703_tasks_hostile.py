"""Tasks and what nobody in his right mind sends."""
import json
import threading

import pytest

from tasks import IMAGE, INPUTS, TYPES, body, create, ids, message, page
from test_701_task_create import refused

GOOD = json.dumps(body())
MIB = 1 << 20


def raw(client, data, kind='application/json', **headers):
    return client.post('/v2/tasks', data=data, headers={'Content-Type': kind, **headers})


@pytest.mark.parametrize('text', [
    '{"type": "import", "type": "export", "input": {}}',
    GOOD.replace('"import_from":', '"import_from": "a/b", "import_from":'),
    GOOD.replace('"name":', '"x": "1", "x": "2", "name":'),
    GOOD.replace('"type"', '"type": "import", "ty\\u0070e"'),
])
def test_duplicate_keys(demo, empty, text):
    refused(demo, empty, text.encode())


@pytest.mark.parametrize('depth', [60, 64, 65, 1000, 150000])
@pytest.mark.parametrize('pair', ['[]', '{}'])
def test_deep_json(demo, empty, depth, pair):
    inner = '[' * depth + ']' * depth if pair == '[]' else '{"a":' * depth + '1' + '}' * depth
    refused(demo, empty, GOOD.replace('"cirros"', inner).encode())


@pytest.mark.parametrize('data', [b'{', b'[]', b'"x"', b'7', b'null', b'true', b'{"type": "import"', b'{}{}', b'\0', b'{,}',
                                  GOOD.encode() + b'x', GOOD.encode()[:-1], GOOD.replace('"', "'").encode(),
                                  GOOD.encode('utf-16'), GOOD.replace('cirros', '\x01').encode(),
                                  b'{"type": "import\\ud800", "input": {}}'])
def test_what_is_no_json_object(demo, empty, data):
    refused(demo, empty, data)


@pytest.mark.parametrize('bad', [b'\xff', b'\xc0\xaf', b'\xed\xa0\x80', b'\xf4\x90\x80\x80', b'\xe2\x82'])
def test_text_that_is_not_utf8(demo, empty, bad):
    refused(demo, empty, GOOD.encode().replace(b'cirros"', bad + b'"'))
    message(demo.get(b'/v2/tasks?marker='.decode() + '%' + '%'.join('%02x' % c for c in bad)))


@pytest.mark.parametrize('place', ['name', 'value', 'import_from', 'import_from_format', 'type', 'container'])
def test_nul_and_control_characters(demo, empty, place):
    doc = body()
    if place == 'name':
        doc['input']['image_properties'] = {'a\0b': 'x'}
    elif place == 'value':
        doc['input']['image_properties'] = {'a': 'x\0y'}
    elif place == 'type':
        doc['type'] = 'import\0'
    elif place == 'container':
        doc = body('export', export_to='a\0b')
    else:
        doc['input'][place] += '\0'
    refused(demo, empty, doc)


def test_sizes(demo, empty):
    """Up to the limit of a body; nothing of a refused one is kept."""
    long = {'image_properties': {'p%d' % i: 'v' * 8000 for i in range(100)}}
    task = create(demo, **long)
    assert demo.get('/v2/tasks/' + task['id']).json()['input'] == {**INPUTS['import'], **long}
    too_long = {'image_properties': {'p%d' % i: 'v' * 8000 for i in range(135)}}
    assert raw(demo, json.dumps(body(**too_long)).encode()).status_code == 413
    assert raw(demo, b' ' * (MIB + 1)).status_code == 413
    refused(demo, empty, body(image_properties={'n' * 256: 'x'}))
    refused(demo, empty, body(image_properties={'p%d' % i: 'v' for i in range(129)}), 413)
    refused(demo, empty, body(image_properties={'tags': ['t%d' % i for i in range(129)]}), 413)


def test_many_values(demo, empty):
    status = raw(demo, json.dumps(body(image_properties={'tags': ['x'] * 200000})).encode()).status_code
    assert status in (400, 413)


def test_media_types(demo, empty):
    good = GOOD.encode()
    for kind in ('text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'application/octet-stream',
                 'application/openstack-images-v2.1-json-patch', 'application/json; charset=utf-16', 'x'):
        assert raw(demo, good, kind).status_code == 415, kind
    assert raw(demo, good, 'application/json', **{'Content-Encoding': 'gzip'}).status_code == 415
    assert empty.sql('SELECT COUNT(*) FROM tasks') == ((0,),)
    for kind in ('application/json', 'application/json; charset=utf-8', 'Application/JSON ; Charset="UTF-8"'):
        assert raw(demo, good, kind).status_code == 201, kind


@pytest.mark.parametrize('name,value', [('status', 'active'), ('id', IMAGE), ('size', 1), ('checksum', 'x'),
                                        ('locations', []), ('location', 'file:///etc/passwd'), ('self', '/x'),
                                        ('os_hash_value', 'x'), ('created_at', 'x'), ('os_glance_x', '1'),
                                        ('deleted', 'true')])
def test_properties_that_are_not_for_clients(demo, empty, name, value):
    for kind in ('import', 'clone'):
        assert name in refused(demo, empty, body(kind, image_properties={name: value}), 403)


@pytest.mark.parametrize('name,value', [('min_disk', '1'), ('min_ram', -1), ('min_disk', 1.5), ('protected', 'yes'),
                                        ('tags', 'a'), ('tags', [1]), ('visibility', 'all'), ('x', 1), ('x', None),
                                        ('x', {}), ('container_format', 'x'), ('name', 7), ('', 'x'),
                                        ('kernel_id', 'x'), ('name', 'n' * 256)])
def test_properties_of_a_wrong_form(demo, empty, name, value):
    for kind in ('import', 'clone'):
        assert 'image_properties' in refused(demo, empty, body(kind, image_properties={name: value}))


def test_public_images_are_administrators(demo, admin, empty):
    refused(demo, empty, body(image_properties={'visibility': 'public'}), 403)
    create(admin, image_properties={'visibility': 'public'})
    create(demo, image_properties={'visibility': 'community'})


PROTECTION = """[^x_.*]
create = admin
read = @
update = admin
delete = admin
[^z_.*]
create = !
read = !
update = !
delete = !
[.*]
create = @
read = @
update = @
delete = @
"""


def test_B52_a_protected_property_at_post(demo, admin, empty):
    path = empty.site + '/etc/protection.conf'
    with open(path, 'w', encoding='ascii') as f:
        f.write(PROTECTION)
    empty.conf.set('image', property_protection_file=path)
    empty.reload()
    for kind in ('import', 'clone'):
        assert 'x_billing' in refused(demo, empty, body(kind, image_properties={'a': '1', 'x_billing': '2'}), 403)
        create(admin, kind, image_properties={'a': '1', 'x_billing': '2'})
        assert 'z_any' in refused(admin, empty, body(kind, image_properties={'z_any': '2'}), 403)
        create(demo, kind, image_properties={'a': '1', 'name': 'x_y'})


def test_identity_of_the_body_and_of_headers_counts_for_nothing(demo, alt, empty):
    reply = demo.post('/v2/tasks', json=body(), headers={
        'X-Project-Id': empty.project('alt'), 'X-Roles': 'admin', 'X-User-Id': 'x', 'X-Tenant-Id': 'x'})
    assert reply.json()['owner'] == empty.project('demo')
    assert ids(page(alt)) == []


def test_sql_and_markup_in_every_text(demo, empty):
    nasty = "'; DROP TABLE tasks; -- <script>alert(1)</script> \\ \" \u2028 \U0001f600"
    task = create(demo, import_from='c/' + nasty, image_properties={'name': nasty, 'p': nasty})
    again = demo.get('/v2/tasks/' + task['id'])
    assert again.json()['input']['image_properties']['p'] == nasty
    assert again.headers['Content-Type'] == 'application/json'
    assert again.headers['X-Content-Type-Options'] == 'nosniff'
    assert '\u2028' not in again.text
    for query in ({'type': nasty}, {'status': nasty}, {'marker': nasty}, {'sort_key': nasty}, {'limit': nasty}):
        message(demo.get('/v2/tasks', params=query))
    assert ids(page(demo)) == [task['id']]


def test_many_at_once(demo, alt, empty):
    """Each gets a task of its own, and nobody another's."""
    clients = [demo, alt, empty.client('demo2')]
    made, errors = [[] for _ in clients], []

    def work(n):
        try:
            client = empty.with_token(clients[n % 3].headers['X-Auth-Token'])
            for _ in range(10):
                made[n % 3].append(create(client, TYPES[n % 3])['id'])
                assert client.get('/v2/tasks?limit=5').status_code == 200
        except Exception as e:  # pylint: disable=broad-except
            errors.append(e)
    threads = [threading.Thread(target=work, args=(n,)) for n in range(9)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors, errors
    assert len(set(made[0] + made[1] + made[2])) == 90
    assert set(ids(page(alt, '?limit=1000'))) == set(made[1])
    assert set(ids(page(demo, '?limit=1000'))) == set(made[0] + made[2])


def test_a_database_that_is_away(demo, empty):
    task = create(demo)['id']
    empty.expect_down.add('mariadb')
    empty.mariadb.kill()
    for reply in (demo.get('/v2/tasks'), demo.get('/v2/tasks/' + task), demo.post('/v2/tasks', json=body())):
        assert reply.headers['Retry-After']
        message(reply, 503)
    empty.mariadb.start()
    assert ids(page(demo)) == [task]
