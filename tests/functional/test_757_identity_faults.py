"""Keystone goes away in mid-task, or the requester's token runs out: what waits, what goes on, what fails and how."""
import contextlib
import time

import pytest

from customers import disk, nothing_left
from lab.service import wait_for

pytestmark = pytest.mark.usefixtures('fresh_module')
HALF, SIZE = 1_500_000, 9_000_000  # more than the kernel buffers of a connection hold
KINDS = [pytest.param('import', marks=pytest.mark.long), 'export']  # an export asks Swift more often
LIFE = 12  # seconds that a short-lived token holds


@pytest.fixture(scope='module', autouse=True)
def forgetful(stack):
    """Swift asks Keystone about every token, each time."""
    stack.swift.stop()
    stack.swift.token_cache = -1
    yield
    stack.swift.stop()
    stack.swift.token_cache = 300


@pytest.fixture
def parted(stack, gate):
    """Exports in parts of 2 MB, which take a request each, through the gate."""
    stack.conf.set('object_store', retries=1, large_object_bytes='2000000', segment_bytes='2000000')
    stack.restart_worker()
    return gate


@contextlib.contextmanager
def tokens(keystone, **options):
    """Keystone with other options of [token]."""
    def restart(options):
        keystone.stop()
        keystone.token_options = options
        keystone.start()
    restart(options)
    try:
        yield
    finally:
        restart({})


def begin(customer, gate, kind, api=None):
    """A task, posted through API, that stands still in the middle of its bytes: (task id, container, data)."""
    data, container = disk(SIZE), customer.container()
    if kind == 'import':
        customer.put(container, 'source', data)
        given = {'import_from': container + '/source', 'import_from_format': 'raw', 'image_properties': {}}
    else:
        given = {'image_id': customer.uploaded(data), 'export_to': container, 'export_format': 'raw'}
    gate.arm('down' if kind == 'import' else 'up', HALF)
    r = (api or customer.api).post('/v2/tasks', json={'type': kind, 'input': given})
    assert r.status_code == 201, r.text
    gate.wait_held()
    return r.json()['id'], container, data


def came_right(customer, kind, doc, container, data):
    assert doc['status'] == 'success', doc['message']
    if kind == 'import':
        assert customer.bytes_of(doc['result']['image_id']) == data
    else:
        box, _, name = doc['result']['export_location'].partition('/')
        assert box == container and customer.get(container, name) == data


def listing(customer, container, token):
    """The status of a container's list with that token."""
    return customer.swift.get('%s/%s' % (customer.account, container), headers={'X-Auth-Token': token}).status_code


def came_to_nothing(stack, customer, kind, before, container):
    """Neither image nor object nor segment nor row; what could not be removed without Keystone the sweeper removes."""
    nothing_left(stack, 60)
    assert sorted(customer.owned()) == before
    assert customer.objects(container) == (['source'] if kind == 'import' else [])
    r = customer.swift.get('%s/%s_segments' % (customer.account, container))
    assert r.status_code == 404 or r.text == ''


def note(stack, task):
    rows = stack.sql('SELECT note, attempts FROM task_leases WHERE task_id = %s', task)
    return rows[0] if rows else None


@pytest.mark.parametrize('kind', KINDS)
def test_757_keystone_away_in_mid_task(stack, parted, customer, kind):
    """The task waits, says why, and is done once Keystone is back."""
    task, container, data = begin(customer, parted, kind)
    stack.keystone.stop()
    parted.release()
    why, attempts = wait_for('a reason to wait', lambda: (note(stack, task) or [None])[0] and note(stack, task), 60)
    assert why in ('the object store is not available', 'the object store answers 503',
                   'The Keystone service is temporarily unavailable'), why
    assert attempts >= 1
    assert stack.sql('SELECT status FROM tasks WHERE id = %s', task) == (('pending',),)
    stack.keystone.start()
    came_right(customer, kind, customer.wait(task), container, data)
    nothing_left(stack)


@pytest.mark.long
@pytest.mark.parametrize('kind', ['import', 'export'])
def test_757_keystone_away_for_good(stack, parted, customer, kind):
    """No further attempt is allowed: a failure with a message, and nothing half done."""
    stack.conf.set('task', max_attempts=1)
    stack.restart_worker()
    task, container, _ = begin(customer, parted, kind)
    before = sorted(customer.owned())
    stack.keystone.stop()
    parted.release()
    wait_for('the end', lambda: stack.sql('SELECT status FROM tasks WHERE id = %s', task)[0][0] == 'failure', 60)
    stack.keystone.start()
    message = customer.message_of(customer.task(task))
    assert 'given up after 1 attempt' in message
    came_to_nothing(stack, customer, kind, before, container)


@pytest.mark.long
def test_757_worker_that_begins_without_keystone(stack, parted, customer):
    """It has no token of its own yet."""
    container, data = customer.container(), disk()
    customer.put(container, 'source', data)
    stack.worker().stop()
    task = customer.start_import(container, 'source')['id']
    stack.keystone.stop()
    stack.worker().start()
    why, _ = wait_for('a reason to wait', lambda: (note(stack, task) or [None])[0] and note(stack, task), 60)
    assert why == 'The Keystone service is temporarily unavailable'
    stack.keystone.start()
    came_right(customer, 'import', customer.wait(task), container, data)


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('window', [172800, 0], ids=['allowed', 'refused'])
def test_757_token_that_runs_out(stack, parted, customer, kind, window):
    """Our service token beside it keeps it alive as long as Keystone allows that; else the task fails and says so.
    Our own token is a short-lived one, too, and is renewed on the way."""
    with tokens(stack.keystone, expiration=LIFE, allow_expired_window=window):
        stack.restart_worker()
        token = stack.new_token('demo')
        ends = time.monotonic() + LIFE
        task, container, data = begin(customer, parted, kind, stack.with_token(token))
        assert time.monotonic() < ends, 'too slow for this test'
        before = sorted(customer.owned())
        wait_for('the end of the token', lambda: listing(customer, container, token) == 401, LIFE + 10, step=0.3)
        parted.release()
        doc = customer.wait(task)
    if window:
        came_right(customer, kind, doc, container, data)
        return
    assert customer.message_of(doc) == 'the object store does not accept the token any more'
    came_to_nothing(stack, customer, kind, before, container)
