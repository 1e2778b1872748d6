"""`tally task` and `tally image` with real workers and a real Swift."""
import json
import re
import signal

import pytest

from customers import disk, md5
from tally_command import DATA, INTERRUPTED, NO_INPUT, TEMPORARY, USAGE, Tally

pytestmark = pytest.mark.usefixtures('fresh_module', 'worker')
NOWHERE = '00000000-0000-4000-8000-000000000000'


@pytest.fixture
def tally(stack, tmp_path):
    return Tally(stack, tmp_path)


def test_import_clone_export(customer, tally):
    container, data = customer.container(), disk()
    customer.put(container, 'disk', data)
    done = json.loads(tally('task', 'import', container + '/disk', '--disk-format', 'raw', '--name', 'web', '--property',
                            'colour=blue=green', '--wait', '-f', 'json'))
    assert (done['type'], done['status'], done['input']['image_properties']) == (
        'import', 'success', {'name': 'web', 'colour': 'blue=green'})
    image = done['result']['image_id']
    shown = tally.json('image', 'show', image)
    assert (shown['name'], shown['colour'], shown['checksum']) == ('web', 'blue=green', md5(data))
    text = tally('task', 'show', done['id'])
    assert re.search(r'^status +success$', text, re.M) and 'image_id=' + image in text
    twin = tally.json('task', 'clone', image, '--name', 'twin', '--wait')['result']['image_id']
    assert sorted(tally('image', 'list', '-f', 'value', '-c', 'name').split())[-2:] == ['twin', 'web']
    assert tally('image', 'list', '--name', 'twin', '-f', 'value', '-c', 'image').split() == [twin]
    target = customer.container()
    export = tally('task', 'export', twin, target, '--disk-format', 'raw', '--wait', '-f', 'value', '-c', 'status')
    assert export == 'success\n'
    assert customer.get(target, twin + '.raw') == data
    types = tally('task', 'list', '-f', 'value', '-c', 'type').split()
    assert types[:3] == ['export', 'clone', 'import']
    assert tally('task', 'list', '--type', 'clone', '--status', 'success', '--limit', '1', '-f', 'value', '-c',
                 'status') == 'success\n'


def test_a_task_that_fails(customer, tally):
    task = tally.json('task', 'import', 'no-such-container/disk', '--disk-format', 'raw')
    assert task['status'] == 'pending'
    done = tally.run('task', 'wait', task['id'])
    assert done.returncode == 1 and 'Container not found' in done.stderr
    assert re.search(r'^status +failure$', done.stdout, re.M)
    # to look at it is no failure
    assert tally.run('task', 'show', task['id']).returncode == 0


def test_what_is_refused(customer, tally):
    for code, words, args in (
            (USAGE, 'which format', ['task', 'import', 'a/b']),
            (USAGE, 'KEY=VALUE', ['task', 'import', 'a/b', '--disk-format', 'raw', '--property', 'x']),
            (DATA, 'import_from', ['task', 'import', 'a', '--disk-format', 'raw']),
            (DATA, 'import_from_format', ['task', 'import', 'a/b', '--disk-format', 'floppy']),
            (USAGE, 'needs IMAGE CONTAINER', ['task', 'export', NOWHERE]),
            (NO_INPUT, NOWHERE, ['task', 'show', NOWHERE]),
            (NO_INPUT, NOWHERE, ['task', 'wait', NOWHERE]),
            (NO_INPUT, NOWHERE, ['image', 'show', NOWHERE]),
            (USAGE, 'none of', ['task', 'list', '--type', 'dance']),
            (DATA, 'status', ['task', 'list', '--status', 'dancing']),
            (USAGE, 'no number', ['task', 'list', '--limit', 'many'])):
        said = tally.fails(code, *args)
        assert words in said, (args, said)


def test_waiting_ends(stack, customer, tally):
    """After so many seconds, and by Ctrl-C; the task goes on."""
    stack.worker().stop()
    container = customer.container()
    customer.put(container, 'disk', disk())
    task = tally('task', 'import', container + '/disk', '--disk-format', 'raw', '-f', 'value', '-c', 'task').strip()
    assert 'not over yet' in tally.fails(TEMPORARY, 'task', 'wait', task, '--for', '1')
    child = tally.start('task', 'wait', task, stdout=-1, stderr=-1)
    with pytest.raises(Exception, match='timed out'):
        child.wait(1.5)
    child.send_signal(signal.SIGINT)
    err = child.communicate(timeout=30)[1]
    assert child.returncode == INTERRUPTED and b'the task goes on' in err
    stack.worker().start()
    assert tally('task', 'wait', task, '-f', 'value', '-c', 'status') == 'success\n'
