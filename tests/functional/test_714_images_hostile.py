"""Bodies, names and addresses that nobody sends in good faith to /v2/images."""
import json
import threading
import time
import uuid

import pytest
from catalogue import PATCH, create, error, names

LONG = 'x' * 70000


@pytest.mark.parametrize('body, statuses', [
    (b'{"name": "\\u0000"}', {400}), (b'{"name": "\xff"}', {400}), (b'{"name": "\\ud800"}', {400}),
    (b'{"name": "a", "name": "b"}', {400}), (b'{"x": "1", "\\u0078": "2"}', {400}),
    (b'{"a": ' + b'[' * 100000, {400}), (b'{}{}', {400}), (b'{"id": {"$ne": null}}', {400}),
    (b'{"tags": {"0": "a"}}', {400}), (b'{"tags": [["a"]]}', {400}), (b'{"min_ram": 1e1}', {400}),
    (b'{"min_ram": true}', {400}), (b'{"min_ram": 007}', {400}), (b'{"min_ram": -0}', {201, 400}),
    (b'{"constructor": "x", "__proto__": "y", "toString": "z"}', {201}),
    (b'{"name": "\xf0\x9f\x90\xa7\\ud83d\\udc27"}', {201}), (b'{"name": ""}', {201}), (b'{"": "x"}', {400}),
    (b'{"\\n": "x"}', {400}), (b'{"x ": "y"}', {400}), (b'{"Name": "n", "STATUS": "active"}', {201}),
    (b' ' * (1 << 20) + b'{}', {413}), (b'', {400}),
    (json.dumps({'p%d' % i: 'v' for i in range(20000)}).encode(), {413}),
    (json.dumps({'tags': ['t%d' % i for i in range(20000)]}).encode(), {413}),
    (json.dumps({'tags': ['t'] * 20000}).encode(), {201}),
    (json.dumps({'p': LONG}).encode(), {201}),
])
def test_714_bodies(demo, body, statuses):
    start = time.monotonic()
    r = demo.post('/v2/images', data=body, headers={'Content-Type': 'application/json'})
    assert r.status_code in statuses, (r.status_code, r.text[:300])
    assert time.monotonic() - start < 10
    if r.status_code == 201:
        assert demo.get(r.json()['self']).json() == r.json()


def test_714_names_tell_each_other_apart(demo):
    """Case, accents, blanks and what a collation might take for the same."""
    properties = {'a': '1', 'A': '2', 'á': '3', 'ａ': '4', 'a\u200b': '5', ' a': '6', "a'": '7', 'a"': '8', 'a\\': '9',
                  'a%': '10', 'a_': '11', '\U0001f427': '12', '\U0001f428': '13', 'ß': '14', 'ss': '15'}
    image = create(demo, extra=properties, tags=list(properties))
    again = demo.get(image['self']).json()
    assert {k: again[k] for k in properties} == properties
    assert set(again['tags']) == set(properties)
    for name in ('a', 'ａ', '\U0001f427', "a'", 'a%'):
        r = demo.get('/v2/images', params={name: properties[name], 'id': image['id']})
        assert [i['id'] for i in r.json()['images']] == [image['id']], name
        r = demo.get('/v2/images', params={name: properties[name] + '0', 'id': image['id']})
        assert r.json()['images'] == []
        r = demo.get('/v2/images', params={'tag': name, 'id': image['id']})
        assert len(r.json()['images']) == 1, name
    assert demo.get('/v2/images', params={'tag': 'a%%', 'id': image['id']}).json()['images'] == []


@pytest.mark.parametrize('text', ["' OR 1=1 --", '%', '_', '\\', "\\'", '"; DELETE FROM images; --', '?', '`', '%s', '{}',
                                  '\u2028', 'a\tb', '0x61', 'NULL', '*/ /*'])
def test_714_text_is_text(stack, demo, text):
    """Whatever stands in a filter is compared, never read as SQL."""
    image = create(demo, name=text, extra={'note': text})
    before = stack.sql('SELECT COUNT(*) FROM images')
    for params in ({'name': text}, {'note': text}, {'name': 'in:"%s"' % text.replace('\\', '\\\\').replace('"', '\\"')}):
        r = demo.get('/v2/images', params={**params, 'limit': 100})
        if ':' in text and 'name' in params and not params['name'].startswith('in:'):
            continue  # an operator's sign
        assert r.status_code == 200, r.text
        assert {i['name'] for i in r.json()['images']} == {text} and image in r.json()['images']
    for key in ('status', 'disk_format', 'owner', 'checksum', 'os_hash_value', 'id'):
        r = demo.get('/v2/images', params={key: text})
        assert r.status_code == 200 and r.json()['images'] == [], key
    assert stack.sql('SELECT COUNT(*) FROM images') == before


@pytest.mark.parametrize('method, path, allow', [
    ('PUT', '/v2/images', 'GET, HEAD, POST'), ('DELETE', '/v2/images', 'GET, HEAD, POST'),
    ('PATCH', '/v2/images', 'GET, HEAD, POST'), ('POST', '/v2/images/x', 'GET, HEAD, PATCH, DELETE'),
    ('PUT', '/v2/images/x', 'GET, HEAD, PATCH, DELETE'), ('POST', '/v2/info/import', 'GET, HEAD'),
    ('DELETE', '/v2/schemas/images', 'GET, HEAD')])
def test_714_methods(demo, method, path, allow):
    r = demo.request(method, path, data=b'')
    assert r.status_code == 405 and r.headers['Allow'] == allow


@pytest.mark.parametrize('path', ['/v2/images/', '/v2/images//', '/v2/images/%2e%2e/tasks', '/v2/Images', '/v2/image',
                                  '/v2/schemas/images/', '/v2/images/x%2fy'])
def test_714_paths(demo, path):
    assert demo.get(path).status_code in (400, 404)


def test_714_body_of_a_get(demo):
    error(demo.request('GET', '/v2/images', data=b'{}'), 400)
    error(demo.request('DELETE', create(demo)['self'], data=b'{}'), 400)


def test_714_one_id_at_once(stack, demo, alt):
    """An id that several ask for at the same moment is one image."""
    wanted, got = str(uuid.uuid4()), []

    def ask(user):
        got.append(stack.client(user).post('/v2/images', json={'id': wanted, 'name': user}).status_code)

    threads = [threading.Thread(target=ask, args=(u,)) for u in ('demo', 'alt') * 4]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(got) == [201] + [409] * 7
    assert stack.sql('SELECT COUNT(*) FROM images WHERE id = %s', wanted) == ((1,),)


def test_714_patch_and_delete_at_once(stack, demo):
    """A patch that comes with a deletion counts before it, or finds nothing."""
    for _ in range(5):
        image, got = create(demo), []
        body = json.dumps([{'op': 'add', 'path': '/late', 'value': 'x'}])
        one, two = stack.client('demo'), stack.client('demo')
        threads = [
            threading.Thread(target=lambda c=one, i=image, b=body: got.append(
                c.patch(i['self'], data=b, headers={'Content-Type': PATCH}).status_code)),
            threading.Thread(target=lambda c=two, i=image: got.append(c.delete(i['self']).status_code))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert set(got) <= {200, 204, 404} and 204 in got
        assert not stack.sql('SELECT 1 FROM image_properties WHERE image_id = %s', image['id'])


def test_714_long_lists_of_long_images(demo):
    """A page of images with much to tell is sent while it is read."""
    made = [create(demo, name='long', extra={'p': 'x' * 900000}) for _ in range(30)]
    assert names(demo, '?name=long&limit=30') == ['long'] * 30
    for image in made:
        assert demo.delete(image['self']).status_code == 204
