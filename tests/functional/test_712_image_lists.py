"""GET /v2/images: who sees what, Glance's filters and sorts, page by page."""
import itertools
import random

import pytest
from catalogue import NOBODY, create, error, names, no_images, share


@pytest.fixture(scope='module')
def world(stack):
    """Images of three projects, one of each visibility each, and some that are shared."""
    no_images(stack)
    demo, alt, admin = (stack.client(n) for n in ('demo', 'alt', 'admin'))
    for name, client in (('demo', demo), ('alt', alt), ('admin', admin)):
        for visibility in ('private', 'shared', 'community', 'public'):
            create(admin, name='%s-%s' % (name, visibility), visibility=visibility, owner=stack.project(name))
        for status in ('pending', 'accepted', 'rejected'):
            image = create(client, name='%s-%s' % (name, status))
            other = 'alt' if name == 'demo' else 'demo'
            share(client, image, stack.project(other), status)
        create(client, name=name + '-hidden', os_hidden=True)
    yield stack
    no_images(stack)


OWN = {'private', 'shared', 'community', 'public', 'pending', 'accepted', 'rejected'}


def of(name, *kinds):
    return {'%s-%s' % (name, k) for k in kinds}


@pytest.mark.parametrize('query, expected', [
    ('', of('demo', *OWN) | of('alt', 'public', 'accepted') | of('admin', 'public', 'accepted')),
    ('visibility=public', of('demo', 'public') | of('alt', 'public') | of('admin', 'public')),
    ('visibility=community', of('demo', 'community') | of('alt', 'community') | of('admin', 'community')),
    ('visibility=private', of('demo', 'private')),
    ('visibility=shared', of('demo', 'shared', 'pending', 'accepted', 'rejected') | of('alt', 'accepted')
     | of('admin', 'accepted')),
    ('visibility=all', of('demo', *OWN) | of('alt', 'public', 'accepted', 'community')
     | of('admin', 'public', 'accepted', 'community')),
    ('visibility=shared&member_status=pending', of('demo', 'shared', 'pending', 'accepted', 'rejected')
     | of('alt', 'pending') | of('admin', 'pending')),
    ('member_status=rejected', of('demo', *OWN) | of('alt', 'public', 'rejected') | of('admin', 'public', 'rejected')),
    ('member_status=all', of('demo', *OWN) | of('alt', 'public', 'accepted', 'pending', 'rejected')
     | of('admin', 'public', 'accepted', 'pending', 'rejected')),
    ('os_hidden=true', of('demo', 'hidden')),
    ('os_hidden=TRUE&visibility=all', of('demo', 'hidden')),
    ('owner={alt}', of('alt', 'public', 'accepted')),
    ('owner={demo}', of('demo', *OWN)),
    ('owner={alt}&visibility=community', of('alt', 'community')),
    ('deleted=true', of('demo', *OWN) | of('alt', 'public', 'accepted') | of('admin', 'public', 'accepted')),
])
def test_712_visibility(world, demo, query, expected):
    query = query.format(demo=world.project('demo'), alt=world.project('alt'))
    got = names(demo, '?limit=100&' + query)
    assert set(got) == expected and len(got) == len(set(got))


@pytest.mark.parametrize('query, expected', [
    ('', of('demo', *OWN - {'community'}) | of('alt', *OWN - {'community'}) | of('admin', *OWN)),
    ('visibility=all', of('demo', *OWN) | of('alt', *OWN) | of('admin', *OWN)),
    ('visibility=community', of('demo', 'community') | of('alt', 'community') | of('admin', 'community')),
    ('visibility=private', of('demo', 'private') | of('alt', 'private') | of('admin', 'private')),
    ('owner={demo}', of('demo', *OWN - {'community'})),
    ('owner={demo}&visibility=all', of('demo', *OWN)),
    ('os_hidden=true', of('demo', 'hidden') | of('alt', 'hidden') | of('admin', 'hidden')),
])
def test_712_admin(world, admin, query, expected):
    """The admin's own project is not demo's here."""
    if world.project('admin') == world.project('demo'):
        pytest.skip('the lab gives admin the project of demo')
    got = names(admin, '?limit=100&' + query.format(demo=world.project('demo')))
    assert set(got) == expected and len(got) == len(set(got))


# --- filters ---


@pytest.fixture(scope='module')
def shelf(stack):
    """Images of one project that differ in all that filters look at."""
    no_images(stack)
    demo = stack.client('demo')
    made = [
        create(demo, name='a', disk_format='raw', container_format='bare', tags=['x', 'y'], min_ram=512,
               extra={'os_distro': 'debian', 'hw': '1'}),
        create(demo, name='b,c', disk_format='qcow2', container_format='bare', tags=['x'], min_disk=5, protected=True,
               extra={'os_distro': 'debian', 'hw': '2'}),
        create(demo, name='d"e', disk_format='qcow2', container_format='ovf', extra={'os_distro': 'fedora'}),
        create(demo, name="'; DROP TABLE images; --", extra={'na"me': "%' OR 1=1 --"}),
        create(demo, name='é\U0001f427'),
        create(demo, name='A'),
    ]
    for n, image in enumerate(made):
        stack.sql("UPDATE images SET created_at = '2026-01-0%d 10:00:00.500000', updated_at ="
                  " '2026-02-0%d 10:00:00', size = %%s, status = %%s, checksum = %%s, os_hash_value = %%s, owner = owner"
                  ' WHERE id = %%s' % (n + 1, n + 1), n * 100 if n < 4 else None, 'active' if n < 4 else 'queued',
                  '%032d' % n, '%0128d' % n, image['id'])
    yield made
    no_images(stack)


ALL = ['A', 'é\U0001f427', "'; DROP TABLE images; --", 'd"e', 'b,c', 'a']


@pytest.mark.parametrize('params, expected', [
    ({}, ALL),
    ({'name': 'a'}, ['a']),
    ({'name': 'a '}, []),
    ({'name': 'eq:a'}, ['a']),
    ({'name': ''}, []),
    ({'name': 'in:a,A,zz'}, ['A', 'a']),
    ({'name': 'in:"b,c",a'}, ['b,c', 'a']),
    ({'name': 'in:"d\\"e"'}, ['d"e']),
    ({'name': 'in:'}, []),
    ({'name': "'; DROP TABLE images; --"}, ["'; DROP TABLE images; --"]),
    ({'name': 'é\U0001f427'}, ['é\U0001f427']),
    ({'status': 'queued'}, ['A', 'é\U0001f427']),
    ({'status': 'in:queued,active'}, ALL),
    ({'status': 'nonsense'}, []),
    ({'disk_format': 'qcow2'}, ['d"e', 'b,c']),
    ({'disk_format': 'in:raw,qcow2'}, ['d"e', 'b,c', 'a']),
    ({'container_format': 'bare'}, ['b,c', 'a']),
    ({'size_min': '100'}, ["'; DROP TABLE images; --", 'd"e', 'b,c']),
    ({'size_min': '100', 'size_max': '200'}, ['d"e', 'b,c']),
    ({'size': '0'}, ['a']),
    ({'min_ram': '512'}, ['a']),
    ({'min_ram_min': '1'}, ['a']),
    ({'min_disk_max': '4', 'size_max': '200'}, ['d"e', 'a']),
    ({'protected': 'true'}, ['b,c']),
    ({'tag': 'x'}, ['b,c', 'a']),
    ({'tag': ['x', 'y']}, ['a']),
    ({'tag': 'X'}, []),
    ({'os_distro': 'debian'}, ['b,c', 'a']),
    ({'os_distro': 'debian', 'hw': '2'}, ['b,c']),
    ({'os_distro': 'debian '}, []),
    ({'na"me': "%' OR 1=1 --"}, ["'; DROP TABLE images; --"]),
    ({'nothing': 'x'}, []),
    ({"x' OR '1'='1": 'x'}, []),
    ({'checksum': '%032d' % 2}, ['d"e']),
    ({'os_hash_value': '%0128d' % 1}, ['b,c']),
    ({'created_at': 'gt:2026-01-04T10:00:00Z'}, ['A', 'é\U0001f427']),
    ({'created_at': 'gte:2026-01-05T10:00:00Z'}, ['A', 'é\U0001f427']),
    ({'created_at': 'lt:2026-01-02T10:00:00Z'}, ['a']),
    ({'created_at': 'lte:2026-01-02T10:00:00Z'}, ['b,c', 'a']),
    ({'created_at': 'eq:2026-01-03T10:00:00Z'}, ['d"e']),
    ({'created_at': '2026-01-03T10:00:00Z'}, ['d"e']),
    ({'created_at': '2026-01-03T11:00:00+01:00'}, ['d"e']),
    ({'created_at': 'neq:2026-01-03T10:00:00Z'}, [n for n in ALL if n != 'd"e']),
    ({'updated_at': 'gt:2026-02-05T00:00:00Z', 'created_at': 'lt:2026-01-06T00:00:00Z'}, ['é\U0001f427']),
])
def test_712_filters(shelf, demo, params, expected):
    r = demo.get('/v2/images', params=params)
    assert r.status_code == 200, r.text
    assert [i['name'] for i in r.json()['images']] == expected


def test_712_ids(shelf, demo):
    wanted = [i['id'] for i in shelf[:3]]
    assert names(demo, '?id=' + wanted[1]) == ['b,c']
    assert names(demo, '?sort=name:asc&id=in:' + ','.join(wanted + [NOBODY])) == ['a', 'b,c', 'd"e']


@pytest.mark.parametrize('query, words', [
    ('limit=x', 'limit param must be an integer'), ('limit=-1', 'limit param must be positive'), ('limit=', 'integer'),
    ('limit=99999999999999999999', 'integer'),
    ('marker=' + NOBODY, 'No image found with ID ' + NOBODY), ('marker=x', 'No image found with ID x'),
    ('marker=', 'No image found'),
    ('sort_key=foo', 'Invalid sort key: foo. It must be one of the following: name, status, container_format,'
     ' disk_format, size, id, created_at, updated_at.'),
    ('sort_key=owner', 'Invalid sort key'), ('sort_key=name,id', 'Invalid sort key'),
    ('sort_key=' + '%27' * 1000, 'Invalid sort key'),
    ('sort_dir=up', 'Invalid sort direction: up'), ('sort=name:up', 'Invalid sort direction: up'),
    ('sort=', 'Invalid sort key'), ('sort=name,,id', 'Invalid sort key'),
    ('sort=name&sort_key=id', 'Old and new sorting syntax cannot be combined'),
    ('sort_key=name&sort_dir=asc&sort_dir=desc', 'Number of sort dirs does not match'),
    ('visibility=secret', 'Invalid visibility value: secret'),
    ('member_status=maybe', 'Invalid status: maybe'),
    ('os_hidden=1', "Invalid value '1' for 'os_hidden' filter. Valid values are 'true' or 'false'."),
    ('protected=True', "for 'protected' filter"),
    ('size_min=x', 'Unable to filter on a range with a non-numeric value.'), ('size=1.5', 'non-numeric'),
    ('created_at=yesterday', 'Bad "created_at" query filter format. Use ISO 8601 DateTime notation.'),
    ('created_at=about:2026-01-01T00:00:00Z', 'Unable to filter on a unknown operator.'),
    ('updated_at=gt:2026-13-01T00:00:00Z', 'Bad "updated_at"'),
    ('name=like:a', "Unable to filter by unknown operator 'like'."),
    ('name=in:"a', 'The quote is not closed.'), ('name=in:a"b"', 'There is no comma before opening quotation mark.'),
    ('name=in:"a"b', 'There is no comma after closing quotation mark.'),
    ('name=in:' + ',' * 2000, 'at most 1000 values'),
    ('changes-since=2026-01-01', 'no longer available on v2'),
    ('name=a&name=b', 'more than once'),
    ('&'.join('p%d=x' % i for i in range(100)), 'at most 40 filters'),
    ('&'.join('tag=t%d' % i for i in range(100)), 'at most 40 filters'),
    ('&'.join('p%d=x' % i for i in range(600)), None),
    ('name=%00', None), ('name=%ff', None),
])
def test_712_refused(demo, query, words):
    error(demo.get('/v2/images?' + query), 400, words)


def test_712_many_filters(demo):
    """As many filters as are taken make a statement that the server takes."""
    assert demo.get('/v2/images?' + '&'.join('tag=t%d' % i for i in range(20)) + '&'
                    + '&'.join('p%d=x' % i for i in range(19))).status_code == 200
    assert demo.get('/v2/images?name=in:' + ','.join('n%d' % i for i in range(1000))).status_code == 200


# --- order and pages ---


@pytest.fixture(scope='module')
def many(stack):
    """Images with equal and missing values in all that is sorted by, own, public and shared ones."""
    no_images(stack)
    rng, demo, alt = random.Random(5), stack.client('demo'), stack.client('alt')
    with stack.connect() as db, db.cursor() as cur:
        for n in range(60):
            owner, visibility = rng.choice([('demo', 'private'), ('demo', 'public'), ('alt', 'public'),
                                            ('alt', 'shared'), ('demo', 'community')])
            cur.execute(
                'INSERT INTO images (id, name, status, visibility, owner, created_at, updated_at, size, disk_format,'
                ' container_format) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)',
                ('%08x-0000-4000-8000-%012d' % (rng.getrandbits(32), n), rng.choice([None, 'a', 'a', 'B', 'c', 'é']),
                 rng.choice(['active', 'queued']), visibility, stack.project(owner),
                 '2026-01-01 00:00:0%d.00000%d' % (rng.randrange(3), rng.randrange(2)),
                 '2026-01-01 00:00:0%d' % rng.randrange(3), rng.choice([None, 0, 5, 1 << 40]),
                 rng.choice([None, 'raw', 'iso']), rng.choice([None, 'bare'])))
        cur.execute('INSERT INTO image_members (image_id, member, created_at, updated_at, status, image_created_at)'
                    " SELECT id, %s, created_at, created_at, 'accepted', created_at FROM images"
                    " WHERE visibility = 'shared'",
                    (stack.project('demo'),))
    assert alt and demo
    yield demo.get('/v2/images?limit=1000').json()['images']
    no_images(stack)


def pages(client, query, limit):
    """All images, LIMIT at a time, by the links."""
    out, link = [], '/v2/images?limit=%d&%s' % (limit, query)
    while link:
        doc = client.get(link).json()
        assert doc['schema'] == '/v2/schemas/images' and 'marker' not in doc['first']
        assert len(doc['images']) <= limit
        out += doc['images']
        assert ('next' in doc) == (len(doc['images']) == limit)
        link = doc.get('next')
    return out


KEYS = ['name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at']


@pytest.mark.parametrize('sort', ['sort=' + ':'.join(x) for x in itertools.product(KEYS, ('asc', 'desc'))] + [
    '', 'sort=name', 'sort_key=size', 'sort_dir=asc', 'sort_key=name&sort_key=size&sort_dir=asc&sort_dir=desc',
    'sort_key=name&sort_key=status&sort_dir=asc', 'sort=size:desc,name:asc,status', 'sort=created_at:asc,id:desc',
    'sort=name:desc,size:desc', 'sort=disk_format:asc,container_format:desc,name:desc', 'sort=name:asc,name:desc'])
@pytest.mark.parametrize('who', ['demo', 'admin'])
def test_712_pages(many, request, who, sort):
    """The pages together are the list, in order, whatever their length."""
    client = request.getfixturevalue(who)
    whole = client.get('/v2/images?limit=1000&' + sort).json()['images']
    assert len(whole) == len({i['id'] for i in whole}) and len(whole) > 40
    for limit in (1, 7) if sort in ('', 'sort=name:desc', 'sort=size:asc') else (7,):
        assert pages(client, sort, limit) == whole
    one = sort.split('=')[-1].split(':')
    if len(one) == 2 and sort.startswith('sort=') and ',' not in sort:
        values = [i[one[0]] for i in whole]
        known = [v for v in values if v is not None]
        assert known == sorted(known, reverse=one[1] == 'desc')
        assert values == ([None] * (len(values) - len(known)) + known if one[1] == 'asc'
                          else known + [None] * (len(values) - len(known)))


def test_712_several_keys(many, demo):
    def key(i):
        return (i['name'] is not None, i['name'] or ''), -(-1 if i['size'] is None else i['size'])

    got = [key(i) for i in demo.get('/v2/images?limit=1000&sort=name:asc,size:desc').json()['images']]
    assert got == sorted(got)


def test_712_limits(many, stack, demo):
    assert demo.get('/v2/images').json()['images'] == many[:25]
    doc = demo.get('/v2/images?limit=0').json()
    assert doc == {'images': [], 'first': '/v2/images?limit=0', 'schema': '/v2/schemas/images'}
    assert len(demo.get('/v2/images?limit=100000').json()['images']) == len(many)
    stack.conf.set('api', max_limit=5, default_limit=3)
    stack.reload()
    assert len(demo.get('/v2/images?limit=100000').json()['images']) == 5


def test_712_links(many, demo):
    doc = demo.get('/v2/images?limit=2&sort_key=name&sort_key=size&visibility=all&member_status=all').json()
    assert doc['first'] == '/v2/images?limit=2&sort_key=name&sort_key=size&visibility=all&member_status=all'
    assert doc['next'] == doc['first'] + '&marker=' + doc['images'][-1]['id']
    doc = demo.get('/v2/images?name=a%26b%20%C3%A9').json()
    assert doc['first'] == '/v2/images?name=a%26b%20%C3%A9' and 'next' not in doc


def test_712_foreign_marker(many, stack, demo, alt):
    hidden = create(alt, visibility='private')
    assert error(demo.get('/v2/images?marker=' + hidden['id']), 400) == 'No image found with ID ' + hidden['id']


def test_712_head(many, demo):
    r = demo.head('/v2/images')
    assert r.status_code == 200 and r.content == b''


def test_712_new_images_do_not_disturb(stack, demo):
    """What is made while somebody pages through the list makes him see nothing twice and miss nothing."""
    first = {create(demo, name='before')['id'] for _ in range(9)}
    doc, seen = demo.get('/v2/images?name=before&limit=2').json(), []
    while True:
        seen += [i['id'] for i in doc['images']]
        create(demo, name='before')
        if 'next' not in doc:
            break
        doc = demo.get(doc['next']).json()
    assert set(seen) == first and len(seen) == len(first)
