"""The schemas of tasks, and one task's details."""
import uuid

import jsonschema
import pytest

from tasks import IMAGE, STATUSES, TIME, TYPES, UUID, create, message, row

MANDATORY = {'id', 'owner', 'type', 'status', 'input', 'created_at', 'updated_at', 'self', 'schema'}


def schema(client, name):
    reply = client.get('/v2/schemas/' + name)
    assert reply.status_code == 200
    assert reply.headers['Content-Type'] == 'application/json'
    return reply.json()


# --- schemas ---

def test_B01_schema_of_task_is_200(demo):
    assert schema(demo, 'task')['name'] == 'task'
    assert schema(demo, 'tasks')['name'] == 'tasks'


def test_B02_schema_describes_a_task(demo, empty):
    doc = schema(demo, 'task')
    jsonschema.Draft4Validator.check_schema(doc)
    assert doc['properties']['type']['enum'] == list(TYPES)
    assert doc['properties']['status']['enum'] == list(STATUSES)
    assert MANDATORY | {'result', 'message', 'expires_at', 'image_id', 'request_id', 'user_id', 'progress'} == set(
        doc['properties'])
    strict = {**doc, 'additionalProperties': False}
    for kind in TYPES:
        jsonschema.validate(create(demo, kind), strict)
    for status in STATUSES:
        task = row(empty, empty.project('demo'), status=status, expires=60 if status[0] in 'sf' else None,
                   result={'image_id': IMAGE} if status == 'success' else None)
        jsonschema.validate(demo.get('/v2/tasks/' + task).json(), strict)
    listed = schema(demo, 'tasks')
    jsonschema.Draft4Validator.check_schema(listed)
    listed['additionalProperties'] = listed['properties']['tasks']['items']['additionalProperties'] = False
    doc = demo.get('/v2/tasks?limit=3').json()
    assert doc['next']
    jsonschema.validate(doc, listed)


def test_B03_schema_with_a_task_id_is_404(demo, empty):
    task = create(demo)['id']
    message(demo.get('/v2/schemas/task/' + task), 404)
    message(demo.get('/v2/schemas/tasks/' + task), 404)
    message(demo.get('/v2/schemas/task/'), 404)


@pytest.mark.parametrize('name', ['task', 'tasks'])
def test_B04_schema_with_post_is_405(demo, name):
    for method in ('POST', 'PUT', 'PATCH', 'DELETE'):
        reply = demo.request(method, '/v2/schemas/' + name, json={} if method != 'DELETE' else None)
        message(reply, 405)
        assert reply.headers['Allow'] == 'GET, HEAD'


def test_schema_needs_a_token_and_no_query(demo, anonymous):
    message(anonymous.get('/v2/schemas/task'), 401)
    assert '"x"' in message(demo.get('/v2/schemas/task?x=1'))
    assert demo.head('/v2/schemas/task').status_code == 200


# --- details ---

def details(client, task):
    reply = client.get('/v2/tasks/' + task)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize('kind', TYPES)
def test_B15_details_have_all_mandatory_properties(demo, empty, kind):
    made = create(demo, kind)
    task = details(demo, made['id'])
    assert task == made
    assert MANDATORY <= set(task)
    assert UUID.match(task['id']) and task['owner'] == empty.project('demo')
    assert task['self'] == '/v2/tasks/' + task['id'] and task['schema'] == '/v2/schemas/task'
    assert task['user_id'] == empty.user_id('demo')


@pytest.mark.parametrize('status', STATUSES)
def test_B16_details_in_each_status(demo, empty, status):
    task = details(demo, row(empty, empty.project('demo'), status=status))
    assert MANDATORY <= set(task)
    assert task['status'] == status


@pytest.mark.parametrize('kind', TYPES)
def test_B17_details_of_each_type_have_its_input(demo, empty, kind):
    given = create(demo, kind)['input']
    task = details(demo, row(empty, empty.project('demo'), kind))
    assert task['type'] == kind
    assert task['input'] == given


def test_B18_times_are_iso_8601_in_utc(demo, empty):
    task = details(demo, row(empty, empty.project('demo'), status='success', created="'2026-03-04 05:06:07.999999'",
                             expires=3600))
    assert task['created_at'] == task['updated_at'] == '2026-03-04T05:06:07Z'
    assert TIME.match(task['expires_at'])


def test_B19_expiry_message_and_result_by_status(demo, empty):
    me = empty.project('demo')
    for status in ('pending', 'processing'):
        task = details(demo, row(empty, me, status=status, expires=60, text='soon', result={'image_id': IMAGE}))
        assert 'expires_at' not in task
        assert task['message'] == '' and task['result'] is None
    task = details(demo, row(empty, me, status='success', expires=60, text='left over', result={'image_id': IMAGE}))
    assert TIME.match(task['expires_at'])
    assert task['message'] == '' and task['result'] == {'image_id': IMAGE}
    task = details(demo, row(empty, me, status='failure', expires=60, text='Container not found. Container: x',
                             result={'image_id': IMAGE}))
    assert TIME.match(task['expires_at'])
    assert task['message'] == 'Container not found. Container: x' and task['result'] is None


def test_progress_while_processing_only(demo, empty):
    me = empty.project('demo')
    task = row(empty, me, status='processing')
    empty.sql('UPDATE task_leases SET bytes_done = 5000000000, bytes_total = 6000000000, attempts = 2 WHERE task_id = %s',
              task)
    assert details(demo, task)['progress'] == {'bytes_done': 5000000000, 'bytes_total': 6000000000, 'attempt': 2}
    empty.sql('UPDATE task_leases SET bytes_total = NULL WHERE task_id = %s', task)
    assert details(demo, task)['progress'] == {'bytes_done': 5000000000, 'bytes_total': None, 'attempt': 2}
    assert 'progress' not in details(demo, row(empty, me))
    assert 'progress' not in details(demo, row(empty, me, status='success'))


def test_image_id_of_a_task(demo, empty):
    assert 'image_id' not in create(demo, 'import')
    assert create(demo, 'export')['image_id'] == IMAGE
    assert create(demo, 'clone')['image_id'] == IMAGE
    assert details(demo, row(empty, empty.project('demo'), status='success', image_id=IMAGE))['image_id'] == IMAGE


@pytest.mark.parametrize('task', ['0', 'x', '5b6f5a52-0d6b-4ac5-b3b5-6a3b1f5a8c1', IMAGE.upper(), IMAGE + '0', '%27',
                                  IMAGE + "'", 'detail', 'a%2fb', '%C3%A4'])
def test_B20_invalid_task_id_is_404(demo, task):
    message(demo.get('/v2/tasks/' + task), 404)


def test_B20_unknown_task_id_is_404(demo, empty):
    task = str(uuid.uuid4())
    assert message(demo.get('/v2/tasks/' + task), 404) == 'Task %s was not found' % task


def test_B21_blank_task_id_is_404(demo):
    message(demo.get('/v2/tasks/'), 404)
    message(demo.get('/v2/tasks//'), 404)


def test_B22_expired_task_is_404_for_its_owner(demo, admin, empty):
    me = empty.project('demo')
    past = row(empty, me, status='success', expires=-1)
    soon = row(empty, me, status='success', expires=3600)
    swept = row(empty, me, status='failure', expires=-3600, deleted=1)
    for task in (past, swept):
        assert message(demo.get('/v2/tasks/' + task), 404) == 'Task %s was not found' % task
        assert admin.get('/v2/tasks/' + task).json()['id'] == task
    assert details(demo, soon)['id'] == soon


def test_B22_expiry_holds_from_the_moment_itself(demo, empty):
    task = row(empty, empty.project('demo'), status='success', expires=2)
    assert details(demo, task)
    empty.sql('UPDATE tasks SET expires_at = UTC_TIMESTAMP(6) WHERE id = %s', task)
    message(demo.get('/v2/tasks/' + task), 404)


def test_B23_another_projects_task_is_like_one_that_never_was(demo, alt, empty):
    task, none = create(demo)['id'], str(uuid.uuid4())
    other, missing = alt.get('/v2/tasks/' + task), alt.get('/v2/tasks/' + none)
    assert other.status_code == missing.status_code == 404
    assert other.text.replace(task, none) == missing.text
    dynamic = {'Date', 'X-Openstack-Request-Id'}
    assert {k: v for k, v in other.headers.items() if k not in dynamic} == {
        k: v for k, v in missing.headers.items() if k not in dynamic}
    # the same project's other users see it, and an administrator
    assert details(empty.client('demo2'), task)['id'] == task
    assert details(empty.client('admin'), task)['id'] == task


@pytest.mark.parametrize('method', ['POST', 'PUT', 'PATCH', 'DELETE'])
def test_B24_details_with_another_method_are_405(demo, empty, method):
    task = create(demo)['id']
    reply = demo.request(method, '/v2/tasks/' + task, json=None if method == 'DELETE' else {})
    message(reply, 405)
    assert reply.headers['Allow'] == 'GET, HEAD'
    assert details(demo, task)['status'] == 'pending'


def test_details_take_no_query_and_no_body(demo, empty):
    task = create(demo)['id']
    assert '"verbose"' in message(demo.get('/v2/tasks/%s?verbose=1' % task))
    message(demo.get('/v2/tasks/' + task, data=b'{}'))
    reply = demo.head('/v2/tasks/' + task)
    assert reply.status_code == 200 and reply.content == b''
    assert int(reply.headers['Content-Length']) > 100


def test_details_need_a_token(anonymous, empty, demo):
    task = create(demo)['id']
    reply = anonymous.get('/v2/tasks/' + task)
    message(reply, 401)
    assert reply.headers['WWW-Authenticate'].startswith('Keystone uri=')
    message(empty.with_token('gAAAAnonsense').get('/v2/tasks/' + task), 401)
