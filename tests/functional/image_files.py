"""Images and their bytes, as the tests of uploads and downloads make and look at them."""
import os

BYTES = {'Content-Type': 'application/octet-stream'}


def new_image(client, **members):
    """A queued image; its id."""
    r = client.post('/v2/images', json={'name': 'n', 'disk_format': 'raw', 'container_format': 'bare', **members})
    assert r.status_code == 201, r.text
    return r.json()['id']


def path_of(image):
    return '/v2/images/%s/file' % image


def put(client, image, data, **headers):
    return client.put(path_of(image), data=data, headers={**BYTES, **headers})


def uploaded(client, data, **members):
    """An active image with these bytes; its id."""
    image = new_image(client, **members)
    r = put(client, image, data)
    assert r.status_code == 204, r.text
    return image


def files(stack):
    """Every file of the image store, below its folder."""
    top = os.path.join(stack.site, 'images')
    return sorted(os.path.relpath(os.path.join(base, name), top) for base, _, names in os.walk(top) for name in names)


def message(reply):
    return reply.json()['error']['message']


def set_aside(stack, image):
    """What there is of the image: (status, object rows, files). Rows are (state, size, whether writer_until is set)."""
    status = stack.sql('SELECT status FROM images WHERE id = %s', image)[0][0]
    rows = stack.sql('SELECT state, size, writer_until IS NOT NULL FROM store_objects WHERE image_id = %s', image)
    return status, list(rows), [f for f in files(stack) if image in f or f.startswith('.tmp')]


NOTHING = ('queued', [], [])
