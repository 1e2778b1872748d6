"""GET /v2/tasks: whose tasks, which, in what order, page by page."""
import itertools
import uuid

import jsonschema
import pytest

from tasks import IMAGE, STATUSES, TYPES, create, ids, message, page, row, walk

KEYS = ('created_at', 'updated_at', 'expires_at', 'type', 'status', 'id')


@pytest.fixture(scope='module')
def full(stack):
    """Tasks of two projects in every type and status; many ties in every column, and rows without expires_at."""
    stack.empty_tables()
    for n, (kind, status) in enumerate(itertools.product(TYPES, STATUSES)):
        for project in ('demo', 'alt'):
            for copy in range(3):
                ended = status in ('success', 'failure')
                row(stack, stack.project(project), kind, status, created=-1000 * (n % 4),
                    expires=[3600, 7200, None][copy] if ended else None)
    for column in ('created_at', 'updated_at', 'expires_at'):  # whole minutes: ties
        stack.sql("UPDATE tasks SET {0} = DATE_FORMAT({0}, '%Y-%m-%d %H:%i:00')".format(column))
    stack.sql('UPDATE tasks SET updated_at = updated_at + INTERVAL (CRC32(id) % 5) MICROSECOND')
    for project in ('demo', 'alt'):
        row(stack, stack.project(project), 'clone', 'success', expires=-5)
        row(stack, stack.project(project), 'clone', 'failure', expires=-5000, deleted=1)
    yield stack
    stack.empty_tables()


@pytest.fixture
def rows(full):
    """All rows as dicts, with the columns as the database compares them."""
    names = ('id', 'type', 'status', 'owner', 'created_at', 'updated_at', 'expires_at', 'deleted', 'expired')
    return [dict(zip(names, r)) for r in full.sql(
        'SELECT id, type, status, owner, created_at, updated_at, expires_at, deleted,'
        ' COALESCE(expires_at <= UTC_TIMESTAMP(6), 0) FROM tasks')]


def mine(rows, stack, user='demo'):
    return [r for r in rows if r['owner'] == stack.project(user) and not r['expired'] and not r['deleted']]


def in_order(rows, key='created_at', direction='desc'):
    """The ids as B14 and the decisions want them."""
    down = direction == 'desc'
    some = sorted((r for r in rows if r[key] is not None), key=lambda r: (r[key], r['id']), reverse=down)
    none = sorted((r for r in rows if r[key] is None), key=lambda r: r['id'], reverse=down)
    return [r['id'] for r in some + none]


def test_B05_list_is_200_and_valid(demo, full):
    doc = page(demo)
    assert set(doc) == {'tasks', 'first', 'schema', 'next'}
    assert doc['schema'] == '/v2/schemas/tasks' and doc['first'] == '/v2/tasks'
    assert len(doc['tasks']) == 25
    schema = demo.get('/v2/schemas/tasks').json()
    jsonschema.validate(doc, schema)
    for task in doc['tasks']:
        assert {'id', 'type', 'status', 'owner', 'created_at', 'updated_at', 'self', 'schema'} <= set(task)
        assert not {'input', 'result', 'message'} & set(task)
    jsonschema.validate(page(demo, '?limit=1000'), schema)
    assert 'next' not in page(demo, '?limit=1000')


def test_B06_list_has_only_the_callers_tasks(demo, alt, full, rows):
    for client, user in ((demo, 'demo'), (alt, 'alt'), (full.client('demo2'), 'demo')):
        doc = page(client, '?limit=1000')
        assert {t['owner'] for t in doc['tasks']} == {full.project(user)}
        assert ids(doc) == in_order(mine(rows, full, user))


def test_B06_admin_sees_all_and_narrows_by_owner(admin, full, rows):
    assert ids(page(admin, '?limit=1000')) == in_order([r for r in rows if not r['deleted']])
    for user in ('demo', 'alt'):
        assert set(ids(page(admin, limit=1000, owner=full.project(user)))) == {
            r['id'] for r in rows if r['owner'] == full.project(user) and not r['deleted']}
    assert ids(page(admin, owner='nobody')) == []


@pytest.mark.parametrize('kind', TYPES)
def test_B07_filter_by_type(demo, full, rows, kind):
    want = in_order([r for r in mine(rows, full) if r['type'] == kind])
    assert len(want) == 12
    assert ids(page(demo, type=kind)) == want
    assert walk(demo, '?limit=5&type=' + kind) == want


@pytest.mark.parametrize('value', ['x', 'Import', 'imports', 'import,export', 'in:import', "import'", 'import '])
def test_B08_filter_by_another_type(demo, value):
    text = message(demo.get('/v2/tasks', params={'type': value}))
    assert all(name in text for name in ('type', *TYPES))


@pytest.mark.parametrize('query', ['', '?limit=2', '?type=import'])
def test_B09_list_with_another_method(demo, full, query):
    count = full.sql('SELECT COUNT(*) FROM tasks')
    message(demo.post('/v2/tasks' + query))
    message(demo.post('/v2/tasks' + query, json={}))
    if query:
        good = {'type': 'clone', 'input': {'image_id': IMAGE}}
        assert query[1:].split('=')[0] in message(demo.post('/v2/tasks' + query, json=good))
    for method in ('PUT', 'PATCH', 'DELETE'):
        reply = demo.request(method, '/v2/tasks' + query)
        message(reply, 405)
        assert reply.headers['Allow'] == 'GET, HEAD, POST'
    assert full.sql('SELECT COUNT(*) FROM tasks') == count


@pytest.mark.parametrize('status', STATUSES)
def test_B10_filter_by_status(demo, full, rows, status):
    want = in_order([r for r in mine(rows, full) if r['status'] == status])
    assert len(want) == 9
    assert ids(page(demo, status=status)) == want
    assert walk(demo, '?limit=4&status=' + status) == want


def test_B10_filter_by_status_and_type(demo, full, rows):
    for status, kind in itertools.product(STATUSES, TYPES):
        want = in_order([r for r in mine(rows, full) if (r['status'], r['type']) == (status, kind)])
        assert len(want) == 3
        assert walk(demo, '?limit=1&status=%s&type=%s' % (status, kind)) == want


@pytest.mark.parametrize('value', ['x', 'Pending', 'pending,success', 'killed', 'active', 'neq:pending'])
def test_B11_filter_by_another_status(demo, value):
    text = message(demo.get('/v2/tasks', params={'status': value}))
    assert all(name in text for name in ('status', *STATUSES))


@pytest.mark.parametrize('name', ['id', 'name', 'image_id', 'created_at', 'Type', 'visibility', 'sort', 'offset', 'ä'])
def test_B12_any_other_filter(demo, admin, name):
    for client in (demo, admin):
        assert '"%s"' % name in message(client.get('/v2/tasks', params={name: 'x'}))


@pytest.mark.parametrize('name', ['owner', 'deleted'])
def test_B12_filters_of_administrators(demo, full, name):
    assert '"%s"' % name in message(demo.get('/v2/tasks', params={name: full.project('demo')}))
    assert '"deleted"' in message(full.client('admin').get('/v2/tasks?deleted=perhaps'))


@pytest.mark.parametrize('limit', [1, 2, 5, 7, 35, 36, 37, 1000])
def test_B13_pagination_covers_all_once(demo, full, rows, limit):
    assert walk(demo, '?limit=%d' % limit) == in_order(mine(rows, full))


def test_B13_pagination_limit_of_zero(demo, full):
    doc = page(demo, '?limit=0')
    assert doc['tasks'] == [] and 'next' not in doc


@pytest.mark.parametrize('limit', ['1001', '4294967297', '18446744073709551615', '18446744073709551616',
                                   pytest.param('9' * 400, id='long')])
def test_B13_pagination_over_the_maximum_is_capped(demo, full, limit):
    full.conf.set('api', max_limit=7, default_limit=3)
    full.reload()
    assert len(page(demo, '?limit=' + limit)['tasks']) == 7
    assert len(page(demo)['tasks']) == 3


@pytest.mark.parametrize('limit', ['-1', '1.5', 'x', '', '+1', '%201', '0x10', '1e3', '%D9%A1'])
def test_B13_pagination_bad_limit(demo, limit):
    assert 'limit' in message(demo.get('/v2/tasks?limit=' + limit))


def test_B13_pagination_links_keep_the_query(demo, full):
    doc = page(demo, '?status=success&limit=2&sort_key=type&sort_dir=asc')
    assert doc['first'] == '/v2/tasks?status=success&limit=2&sort_key=type&sort_dir=asc'
    assert doc['next'] == doc['first'] + '&marker=' + doc['tasks'][-1]['id']
    assert demo.get(doc['next']).json()['first'] == doc['first']
    doc = page(demo, '?marker=%s&limit=1' % doc['tasks'][0]['id'])
    assert doc['first'] == '/v2/tasks?limit=1'


@pytest.mark.parametrize('marker', ['x', '', '0', IMAGE, "' OR 1=1 --", pytest.param('a' * 5000, id='long'), '%00', '%ff'])
def test_B13_pagination_bad_marker(demo, full, marker):
    message(demo.get('/v2/tasks?marker=' + marker))


def test_B13_pagination_marker_of_another_project(demo, admin, full, rows):
    other = mine(rows, full, 'alt')[0]['id']
    text = message(demo.get('/v2/tasks?marker=' + other))
    none = str(uuid.uuid4())
    assert text.replace(other, none) == message(demo.get('/v2/tasks?marker=' + none))
    assert admin.get('/v2/tasks?marker=' + other).status_code == 200


@pytest.mark.parametrize('direction', ['asc', 'desc'])
@pytest.mark.parametrize('key', KEYS)
def test_B14_sorting(demo, admin, full, rows, key, direction):
    query = '?sort_key=%s&sort_dir=%s&limit=' % (key, direction)
    want = in_order(mine(rows, full), key, direction)
    assert ids(page(demo, query + '1000')) == want
    assert walk(demo, query + '1') == want
    assert walk(demo, query + '5') == want
    assert walk(demo, query + '5&status=success') == [
        i for i in want if i in {r['id'] for r in rows if r['status'] == 'success'}]
    everything = in_order([r for r in rows if not r['deleted']], key, direction)
    assert walk(admin, query + '7') == everything
    assert walk(admin, query + '7&type=clone') == [
        i for i in everything if i in {r['id'] for r in rows if r['type'] == 'clone'}]


@pytest.mark.parametrize('key', KEYS)
def test_B14_sorting_is_descending_by_default(demo, full, rows, key):
    assert ids(page(demo, limit=1000, sort_key=key)) == in_order(mine(rows, full), key)


@pytest.mark.parametrize('query', ['sort_key=x', 'sort_key=owner', 'sort_key=', 'sort_key=Type', 'sort_dir=up',
                                   'sort_dir=ASC', 'sort_dir=', 'sort_key=type&sort_key=id', 'sort_key=id;drop',
                                   'sort_dir=asc&sort_dir=desc', 'limit=1&limit=2', 'type=import&type=import'])
def test_B14_sorting_by_what_is_no_key(demo, query):
    text = message(demo.get('/v2/tasks?' + query))
    assert query.split('=')[0] in text


def test_head_of_the_list(demo, full):
    reply = demo.head('/v2/tasks')
    assert reply.status_code == 200 and reply.content == b''
    assert reply.headers['Content-Length'] == str(len(demo.get('/v2/tasks').content))
    message(demo.get('/v2/tasks', data=b'{}'))


# --- with tables of their own: behind those that share the rows above ---

def test_B05_list_of_nothing(demo, empty):
    assert page(demo) == {'tasks': [], 'first': '/v2/tasks', 'schema': '/v2/schemas/tasks'}


def test_B13_pagination_is_stable_under_inserts(demo, empty):
    me = empty.project('demo')
    old = [row(empty, me, created=-n) for n in range(100, 0, -10)]
    first = page(demo, '?limit=4')
    fresh = [create(demo)['id'] for _ in range(5)]
    assert ids(first) + walk(demo, first['next'].partition('/v2/tasks')[2]) == old[::-1]
    assert walk(demo, '?limit=4') == fresh[::-1] + old[::-1]
    # upwards the new ones come at the end, once
    assert walk(demo, '?limit=4&sort_dir=asc') == old + fresh


def test_B13_pagination_goes_on_behind_an_expired_marker(demo, empty):
    me = empty.project('demo')
    old = [row(empty, me, status='success', created=-10 * n, expires=600) for n in range(5)]
    first = page(demo, '?limit=2')
    empty.sql('UPDATE tasks SET expires_at = UTC_TIMESTAMP(6), deleted = 1 WHERE id = %s', old[1])
    assert ids(demo.get(first['next']).json()) == old[2:4]


def test_B22_expired_tasks_are_in_no_list_of_their_owner(demo, admin, empty):
    me = empty.project('demo')
    kept = row(empty, me, status='success', expires=600)
    past = row(empty, me, status='success', expires=-1)
    swept = row(empty, me, status='failure', expires=-600, deleted=1)
    for key, direction in itertools.product(KEYS, ('asc', 'desc')):
        for more in ('', '&type=import', '&status=success'):
            query = '?sort_key=%s&sort_dir=%s%s' % (key, direction, more)
            assert ids(page(demo, query)) == [kept], query
    assert set(ids(page(admin))) == {kept, past}
    assert ids(page(admin, '?deleted=true')) == [swept]
    assert set(ids(page(admin, '?deleted=false'))) == {kept, past}
    for key in KEYS:
        assert ids(page(admin, '?deleted=true&sort_key=' + key)) == [swept]


def test_list_needs_a_token(anonymous, empty):
    message(anonymous.get('/v2/tasks'), 401)
    message(anonymous.post('/v2/tasks', json={}), 401)
