"""Tags one by one; deactivate and reactivate."""
import threading
import uuid
from urllib.parse import quote

import pytest

from image_files import message, new_image, path_of, uploaded


def tag_of(image, tag):
    return '/v2/images/%s/tags/%s' % (image, quote(tag, safe=''))


def tags(client, image):
    return sorted(client.get('/v2/images/' + image).json()['tags'])


def act(client, image, action, **more):
    return client.post('/v2/images/%s/actions/%s' % (image, action), **more)


def test_727_tags(demo):
    image = new_image(demo, tags=['one'])
    before = demo.get('/v2/images/' + image).json()['created_at']
    for tag in ('two', 'Two', 'with blank', 'é☃𝄞', 't' * 255, "a'b%"):
        r = demo.put(tag_of(image, tag))
        assert r.status_code == 204 and r.content == b'', r.text
        assert demo.put(tag_of(image, tag)).status_code == 204
        assert tag in tags(demo, image)
    assert len(tags(demo, image)) == 7
    assert demo.delete(tag_of(image, 'Two')).status_code == 204
    assert demo.delete(tag_of(image, 'Two')).status_code == 404
    assert 'two' in tags(demo, image)
    assert demo.get('/v2/images/' + image).json()['updated_at'] >= before


def test_727_no_tags(demo):
    image = new_image(demo)
    assert demo.put(tag_of(image, 't' * 256)).status_code == 400
    for raw in ('%ff', '%00', 'a%00b', 'blank%20', 'blank%C2%A0%20'):
        assert demo.put('/v2/images/%s/tags/%s' % (image, raw)).status_code == 400
    for raw in ('', 'a/b', 'a%2Fb'):
        assert demo.put('/v2/images/%s/tags/%s' % (image, raw)).status_code == 404
    assert demo.get(tag_of(image, 'x')).status_code == 405
    assert tags(demo, image) == []


def test_727_whose(stack, demo, alt, admin):
    image = uploaded(demo, b'bytes', tags=['mine'])
    for name in (image, str(uuid.uuid4())):
        for method in ('PUT', 'DELETE'):
            r = alt.request(method, tag_of(name, 'mine'))
            assert (r.status_code, message(r)) == (404, 'Image %s not found.' % name)
    demo.post('/v2/images/%s/members' % image, json={'member': stack.project('alt')})
    for method, what in (('PUT', 'update'), ('DELETE', 'delete')):
        r = alt.request(method, tag_of(image, 'mine'))
        assert (r.status_code, message(r)) == (403, 'Not allowed to %s tags for image %s.' % (what, image))
    assert admin.put(tag_of(image, 'the boss was here')).status_code == 204
    assert tags(demo, image) == ['mine', 'the boss was here']


def test_727_limit_and_race(stack, demo):
    stack.conf.set('image', max_tags=3)
    stack.reload()
    image, barrier, seen = new_image(demo), threading.Barrier(8), []

    def add(n):
        client = stack.client('demo')
        barrier.wait()
        seen.append(client.put(tag_of(image, 't%d' % n)).status_code)
    threads = [threading.Thread(target=add, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(seen) == [204] * 3 + [413] * 5
    have = tags(demo, image)
    assert len(have) == 3
    assert demo.put(tag_of(image, have[0])).status_code == 204
    r = demo.put(tag_of(image, 'more'))
    assert r.status_code == 413 and 'Attempted: 4, Maximum: 3' in message(r), r.text


def test_728_deactivate(demo, admin):
    image = uploaded(demo, b'bytes')
    for _ in range(2):
        r = act(demo, image, 'deactivate')
        assert r.status_code == 204 and r.content == b'', r.text
    assert demo.get('/v2/images/' + image).json()['status'] == 'deactivated'
    r = demo.get(path_of(image))
    assert (r.status_code, message(r)) == (
        403, 'The requested image has been deactivated. Image data download is forbidden.')
    assert demo.head(path_of(image)).status_code == 403
    assert admin.get(path_of(image)).content == b'bytes'
    for _ in range(2):
        assert act(demo, image, 'reactivate').status_code == 204
    assert demo.get(path_of(image)).content == b'bytes'
    assert act(admin, image, 'deactivate').status_code == 204


@pytest.mark.parametrize('body', [b'', b'{}', b'null'])
def test_728_a_body_says_nothing(demo, body):
    image = uploaded(demo, b'bytes')
    r = act(demo, image, 'deactivate', data=body, headers={'Content-Type': 'application/json'})
    assert r.status_code == 204, r.text


def test_728_other_states(stack, demo):
    image = new_image(demo)
    for action in ('deactivate', 'reactivate'):
        r = act(demo, image, action)
        assert (r.status_code, message(r)) == (403, "Not allowed to %s image in status 'queued'" % action)
    assert act(demo, image, 'explode').status_code == 404
    assert demo.get('/v2/images/%s/actions/deactivate' % image).status_code == 405
    assert stack.sql('SELECT status FROM images WHERE id = %s', image) == (('queued',),)


def test_728_whose(stack, demo, alt):
    image = uploaded(demo, b'bytes')
    r = act(alt, image, 'deactivate')
    assert (r.status_code, message(r)) == (404, 'No image found with ID ' + image)
    demo.post('/v2/images/%s/members' % image, json={'member': stack.project('alt')})
    r = act(alt, image, 'deactivate')
    assert (r.status_code, message(r)) == (403, 'You do not own this image')
    assert demo.get(path_of(image)).status_code == 200
