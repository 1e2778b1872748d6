"""POST /v2/tasks: what is taken, and what is refused with which words."""
import json
import os
import socket

import pytest

from tasks import IMAGE, INPUTS, TIME, TYPES, UUID, body, create, message


def count(stack):
    return stack.sql('SELECT COUNT(*) FROM tasks')[0][0]


def refused(client, stack, doc, status=400):
    """The message of a refusal that left nothing behind."""
    before = count(stack)
    reply = client.post('/v2/tasks', json=doc) if not isinstance(doc, bytes) else client.post(
        '/v2/tasks', data=doc, headers={'Content-Type': 'application/json'})
    text = message(reply, status)
    assert count(stack) == before
    return text


# --- what is taken ---

def created(client, stack, kind, user='demo'):
    reply = client.post('/v2/tasks', json=body(kind))
    assert reply.status_code == 201, reply.text
    task = reply.json()
    assert UUID.match(task['id'])
    assert reply.headers['Location'] == '%s/v2/tasks/%s' % (stack.url, task['id'])
    assert reply.headers['Content-Type'] == 'application/json'
    assert task['type'] == kind and task['status'] == 'pending'
    assert task['owner'] == stack.project(user) and task['user_id'] == stack.user_id(user)
    assert task['input'] == INPUTS[kind]
    assert task['result'] is None and task['message'] == ''
    assert TIME.match(task['created_at']) and task['updated_at'] == task['created_at']
    assert 'expires_at' not in task
    assert task['request_id'] == reply.headers['X-Openstack-Request-Id']
    assert client.get(reply.headers['Location']).json() == task
    return task


def test_B25_create_import(demo, empty):
    created(demo, empty, 'import')


def test_B26_create_export(demo, empty):
    created(demo, empty, 'export')


def test_B27_create_clone(demo, empty):
    created(demo, empty, 'clone')


def test_rows_of_a_new_task(demo, empty):
    task = create(demo)['id']
    lease = empty.sql('SELECT project, worker, epoch, attempts, next_run_at <= UTC_TIMESTAMP(6), cancel FROM task_leases'
                      ' WHERE task_id = %s', task)
    assert lease == ((empty.project('demo'), None, 0, 0, 1, 0),)
    assert json.loads(empty.sql('SELECT input FROM task_info WHERE task_id = %s', task)[0][0]) == INPUTS['import']


def test_input_is_echoed_as_sent(demo, empty):
    text = ('{"input": {"image_properties": {"z": "1", "a": "\\u00e4\\u2028\\ud83d\\ude00", "min_disk": 10},'
            ' "import_from_format": "raw", "import_from": "c/o"}, "type": "import"}')
    reply = demo.post('/v2/tasks', data=text.encode(), headers={'Content-Type': 'application/json'})
    assert reply.status_code == 201, reply.text
    again = demo.get('/v2/tasks/' + reply.json()['id'])
    for doc in (reply, again):
        assert doc.json()['input'] == json.loads(text)['input']
        assert list(doc.json()['input']) == ['image_properties', 'import_from_format', 'import_from']
        assert list(doc.json()['input']['image_properties']) == ['z', 'a', 'min_disk']


def test_no_content_type_is_json(demo, empty):
    reply = demo.post('/v2/tasks', data=json.dumps(body()).encode(), headers={'Content-Type': None})
    assert reply.status_code == 201


# --- the secret ---

def test_token_is_sealed_and_nowhere_else(demo, empty):
    client = empty.with_new_token('demo')
    token = client.headers['X-Auth-Token']
    mark = empty.log_size()
    made = [client.post('/v2/tasks', json=body()).json()['id'] for _ in range(2)]
    message(client.post('/v2/tasks', json={'type': 'x'}))
    sealed = dict(empty.sql('SELECT task_id, sealed FROM task_secrets'))
    assert set(sealed) == set(made)
    for blob in sealed.values():
        assert len(blob) > len(token)
        assert token[8:40].encode() not in blob and b'token' not in blob and b'member' not in blob
    assert sealed[made[0]][:13] != sealed[made[1]][:13]  # another nonce
    with empty.connect() as db, db.cursor() as cur:
        for table in ('tasks', 'task_info', 'task_leases', 'task_secrets'):
            cur.execute('SELECT * FROM ' + table)
            for record in cur.fetchall():
                assert token not in ' '.join(str(v) for v in record)
    assert token not in empty.log(mark) and token[:40] not in empty.log(mark)


@pytest.mark.parametrize('key', ['', '5a', 'x' * 64, '5a' * 33])
def test_without_a_key_no_task_is_taken(demo, empty, key):
    empty.conf.set('task', secret_key=key)
    empty.restart_tally()
    reply = demo.post('/v2/tasks', json=body())
    assert 'secret_key' in message(reply, 503)
    assert reply.headers['Retry-After']
    assert count(empty) == 0
    assert 'type' in message(demo.post('/v2/tasks', json={}))
    assert demo.get('/v2/tasks').status_code == 200


# --- the queue ---

def test_workers_of_the_host_are_woken(demo, empty):
    run = os.path.join(empty.site, 'run')
    names = ['wake.1', 'wake.2147483647', 'wake.x', 'wake']
    sockets = {}
    for name in names:
        sockets[name] = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        sockets[name].bind(os.path.join(run, name))
        os.chmod(os.path.join(run, name), 0o666)
    stale = os.path.join(run, 'wake.77')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as gone:
        gone.bind(stale)
    try:
        create(demo)
        for name in names[:2]:
            sockets[name].settimeout(5)
            assert sockets[name].recv(10) == b''
        message(demo.post('/v2/tasks', json={}))  # nothing to do, nobody is woken
        for each in sockets.values():
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(10)
    finally:
        for name, each in sockets.items():
            each.close()
            os.unlink(os.path.join(run, name))
        os.unlink(stale)


def test_a_project_may_have_only_so_many_pending_tasks(demo, alt, empty):
    empty.conf.set('task', max_pending=3)
    empty.reload()
    made = [create(demo) for _ in range(3)]
    assert '3 tasks' in message(demo.post('/v2/tasks', json=body()), 429)
    assert count(empty) == 3
    create(alt)
    empty.sql('DELETE FROM task_leases WHERE task_id = %s', made[0]['id'])  # as when it has ended
    create(demo)
    message(demo.post('/v2/tasks', json=body()), 429)


# --- what is refused ---

def test_B28_create_without_a_body(demo, empty):
    for data in (b'', b'  \n', None):
        reply = demo.post('/v2/tasks', data=data, headers={'Content-Type': 'application/json'})
        text = message(reply)
        assert '"type"' in text and '"input"' in text
    assert '"type" and "input"' in refused(demo, empty, {})
    assert '"input" is missing' in refused(demo, empty, {'type': 'import'})
    assert '"type" is missing' in refused(demo, empty, {'input': INPUTS['import']})


def test_B29_create_with_an_extra_member(demo, empty):
    for name in ('owner', 'status', 'id', 'Type', 'x' * 500, 'ä'):
        text = refused(demo, empty, {**body(), name: 'x'})
        assert name[:50] in text
    for kind in TYPES:
        assert '"location"' in refused(demo, empty, body(kind, location='x'))
    assert '"image_properties"' in refused(demo, empty, body('export', image_properties={}))
    assert '"export_to"' in refused(demo, empty, body('clone', export_to='c'))
    assert '"image_id"' in refused(demo, empty, body('import', image_id=IMAGE))


@pytest.mark.parametrize('kind', ['x', '', 'Import', 'import ', 'api_image_import', 'import\0', None, 7, ['import'], {}])
def test_B30_unknown_type(demo, empty, kind):
    text = refused(demo, empty, {**body(), 'type': kind})
    assert '"type"' in text
    if isinstance(kind, str):
        assert 'import, export or clone' in text


@pytest.mark.parametrize('missing', [['import_from'], ['import_from_format'], ['image_properties'],
                                     ['import_from', 'image_properties'],
                                     ['import_from', 'import_from_format', 'image_properties']])
def test_B31_import_without_a_required_input(demo, empty, missing):
    text = refused(demo, empty, body('import', **dict.fromkeys(missing)))
    for name in INPUTS['import']:
        assert ('"%s"' % name in text) == (name in missing)


@pytest.mark.parametrize('missing', [['image_id'], ['export_to'], ['export_format'], ['image_id', 'export_to'],
                                     ['image_id', 'export_to', 'export_format']])
def test_B32_export_without_a_required_input(demo, empty, missing):
    text = refused(demo, empty, body('export', **dict.fromkeys(missing)))
    for name in INPUTS['export']:
        assert ('"%s"' % name in text) == (name in missing)


@pytest.mark.parametrize('given', [{'image_uuid': IMAGE, 'receiving_swift_container': 'c'},
                                   {'image_uuid': IMAGE, 'export_to': 'c'},
                                   {'image_id': IMAGE, 'receiving_swift_container': 'c', 'export_format': 'vhd'}])
def test_B32_export_in_rackspaces_dialect(demo, empty, given):
    reply = demo.post('/v2/tasks', json={'type': 'export', 'input': given})
    assert reply.status_code == 201, reply.text
    assert reply.json()['input'] == given
    assert reply.json()['image_id'] == IMAGE


def test_B32_one_member_in_both_spellings(demo, empty):
    assert '"image_uuid"' in refused(demo, empty, body('export', image_uuid=IMAGE))
    assert '"receiving_swift_container"' in refused(demo, empty, body('export', receiving_swift_container='c'))
    assert '"export_to" is missing' in refused(demo, empty, {'type': 'export', 'input': {'image_uuid': IMAGE}})


def test_B33_create_with_put_or_get(demo, empty):
    for method in ('PUT', 'PATCH', 'DELETE'):
        reply = demo.request(method, '/v2/tasks', json=body() if method != 'DELETE' else None)
        message(reply, 405)
        assert reply.headers['Allow'] == 'GET, HEAD, POST'
    message(demo.request('GET', '/v2/tasks', json=body()))
    message(demo.request('GET', '/v2/tasks', data=b'x'))
    assert count(empty) == 0


@pytest.mark.parametrize('given', [None, [], 'x', 7, True])
def test_input_of_another_type(demo, empty, given):
    assert '"input" must be an object' in refused(demo, empty, {'type': 'import', 'input': given})


@pytest.mark.parametrize('name', ['import_from', 'import_from_format', 'image_properties'])
@pytest.mark.parametrize('value', [7, [], False, 'x' * 3000])
def test_import_members_of_another_type(demo, empty, name, value):
    assert '"%s"' % name in refused(demo, empty, body('import', **{name: value}))


def test_owner_in_image_properties(demo, empty):
    mine = empty.project('demo')
    for kind in ('import', 'clone'):
        create(demo, kind, image_properties={'owner': mine})
        for other in (empty.project('alt'), 'x', ''):
            assert '"owner"' in refused(demo, empty, body(kind, image_properties={'owner': other}), 403)
        assert '"owner"' in refused(demo, empty, body(kind, image_properties={'owner': 7}))


def test_disk_format_agrees_with_the_import(demo, empty):
    create(demo, image_properties={'disk_format': 'qcow2'})
    text = refused(demo, empty, body('import', image_properties={'disk_format': 'raw'}))
    assert '"raw"' in text and '"qcow2"' in text


@pytest.mark.parametrize('source', ['x', '', '/', '/o', 'c/', '../o', './o', 'c/..', 'c/../../etc/passwd', 'c/./o',
                                    'c/o\0', 'c\n/o', 'c' * 257 + '/o', 'c/' + 'o' * 1025])
def test_sources_that_are_none(demo, empty, source):
    assert '"import_from"' in refused(demo, empty, body('import', import_from=source))


def test_urls_are_off_by_default(demo, empty):
    assert 'switched off' in refused(demo, empty, body('import', import_from='https://example.org/a.img'))


@pytest.fixture
def filtered(empty):
    empty.conf.set('import_filtering_opts', allowed_hosts='images.example.org,10.9.8.7,127.0.0.1,[::1],.pool.example',
                   disallowed_hosts='bad.pool.example', allowed_ports='80,443,8080', allowed_networks='10.9.0.0/16')
    empty.reload()
    return empty


@pytest.mark.parametrize('url', ['http://images.example.org/a', 'HTTPS://IMAGES.example.org:443/a?b=c',
                                 'http://images.example.org.:8080/', 'http://a.b.pool.example/x',
                                 'http://10.9.8.7/a'])
def test_urls_that_pass_the_filter(demo, filtered, url):
    assert create(demo, import_from=url)['input']['import_from'] == url


@pytest.mark.parametrize('url', [
    'file:///etc/passwd', 'file:/etc/passwd', 'ftp://images.example.org/a', 'swift://images.example.org/a',
    'http://other.example/a', 'http://images.example.org.evil.example/', 'http://pool.example/a',
    'http://bad.pool.example/a', 'http://images.example.org:22/a', 'http://images.example.org:0/',
    'http://joe:s3cr3t@images.example.org/a', 'http://images.example.org@s3cr3t.example/a',
    'http://2130706433/', 'http://0x7f000001/', 'http://0177.0.0.1/', 'http://127.1/', 'http://127.0.0.1/',
    'http://[::1]/', 'http://[::ffff:10.9.8.7]/', 'http://10.9.8.8/', 'http://167.772.7/', 'http://168364039/',
    'http://images.example.org/a#b', 'http://images.example.org\\@other.example/', 'http://images.example.org/a b',
    'http://images.example.org/\r\nX: y', 'http://images%2eexample.org/', 'http://ｉmages.example.org/',
    'http://images.example.org\0/', 'http://', 'http:///a', 'http:/images.example.org/a',
])
def test_urls_that_the_filter_refuses(demo, filtered, url):
    text = refused(demo, filtered, body('import', import_from=url))
    assert '"import_from": the URL' in text
    assert 's3cr3t' not in text and 'joe' not in text
    assert 's3cr3t' not in filtered.log(filtered.mark)
