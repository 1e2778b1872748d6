"""Tasks: bodies to create them with, rows in any state, and pages."""
import json
import re
import uuid

UUID = re.compile(r'^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')
TIME = re.compile(r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
IMAGE = '5b6f5a52-0d6b-4ac5-b3b5-6a3b1f5a8c11'
TYPES = ('import', 'export', 'clone')
STATUSES = ('pending', 'processing', 'success', 'failure')
INPUTS = {
    'import': {'import_from': 'exchange/cirros.img', 'import_from_format': 'qcow2',
               'image_properties': {'name': 'cirros'}},
    'export': {'image_id': IMAGE, 'export_to': 'exchange', 'export_format': 'raw'},
    'clone': {'image_id': IMAGE},
}


def body(kind='import', **changes):
    """A POST's body; None takes a member of its input out."""
    given = {k: v for k, v in {**INPUTS[kind], **changes}.items() if v is not None}
    return {'type': kind, 'input': given}


def create(client, kind='import', **changes):
    """A task that must be taken."""
    reply = client.post('/v2/tasks', json=body(kind, **changes))
    assert reply.status_code == 201, reply.text
    return reply.json()


def message(reply, status=400):
    """The message of an error that must be one of v2's."""
    assert reply.status_code == status, (reply.status_code, reply.text)
    error = reply.json()['error']
    assert error['code'] == status and set(error) == {'code', 'title', 'message'}
    return error['message']


def row(stack, project, kind='import', status='pending', created='NOW', expires=None, deleted=0, result=None,
        text=None, image_id=None, task_id=None):
    """A task straight in the tables; CREATED and EXPIRES are seconds from now, or SQL."""
    def when(value):
        if value is None:
            return 'NULL'
        if value == 'NOW':
            return 'UTC_TIMESTAMP(6)'
        return 'UTC_TIMESTAMP(6) + INTERVAL %d SECOND' % value if isinstance(value, (int, float)) else value

    task_id = task_id or str(uuid.uuid4())
    stack.sql('INSERT INTO tasks (id, type, status, owner, created_at, updated_at, expires_at, deleted, image_id, user_id)'
              " VALUES (%%s, %%s, %%s, %%s, %s, %s, %s, %%s, %%s, 'u')" % (when(created), when(created), when(expires)),
              task_id, kind, status, project, deleted, image_id)
    stack.sql('INSERT INTO task_info (task_id, input, result, message) VALUES (%s, %s, %s, %s)', task_id,
              json.dumps(INPUTS[kind]), json.dumps(result) if result else None, text)
    if status in ('pending', 'processing'):
        stack.sql('INSERT INTO task_leases (task_id, project, next_run_at) VALUES (%s, %s, UTC_TIMESTAMP(6))',
                  task_id, project)
    return task_id


def page(client, query='', **params):
    """A list that must come."""
    reply = client.get('/v2/tasks' + query, params=params or None)
    assert reply.status_code == 200, reply.text
    return reply.json()


def ids(doc):
    return [t['id'] for t in doc['tasks']]


def walk(client, query):
    """The ids of all pages, by following next."""
    found, path, pages = [], '/v2/tasks' + query, 0
    while path:
        reply = client.get(path)
        assert reply.status_code == 200, reply.text
        found += ids(reply.json())
        path = reply.json().get('next')
        pages += 1
        assert pages < 200
    return found
