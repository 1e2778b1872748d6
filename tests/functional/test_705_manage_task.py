"""tally-manage task: what an administrator sees and does, whoever works on the tasks."""
import os
import uuid

import pytest

from tasks import IMAGE, STATUSES, TYPES, create, message, row

CONFLICT = 73  # a state that a person must look at


def run(stack, *args, code=0):
    done = stack.manage('task', *args, check=False)
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert 'Sanitizer' not in done.stderr
    return done


def listed(stack, *args):
    """[(id, type, status, owner)] of task list."""
    lines = run(stack, 'list', *args).stdout.splitlines()
    assert lines[0].split() == ['ID', 'TYPE', 'STATUS', 'OWNER', 'CREATED', 'EXPIRES', 'IMAGE']
    return [tuple(line.split()[:4]) for line in lines[1:]]


def ids(stack, *args):
    return [t[0] for t in listed(stack, *args)]


def shown(stack, task):
    """{name: text} of task show."""
    lines = run(stack, 'show', task).stdout.splitlines()
    return {line[:12].strip(): line[13:] for line in lines}


def claim(stack, task, worker='w1'):
    """As a worker would; the epoch."""
    stack.sql("UPDATE task_leases SET worker = %s, epoch = epoch + 1, attempts = attempts + 1, started_at ="
              ' COALESCE(started_at, NOW(6)), lease_until = NOW(6) + INTERVAL 60 SECOND, bytes_done = 77, bytes_total = 99'
              ' WHERE task_id = %s', worker, task)
    stack.sql("UPDATE tasks SET status = 'processing' WHERE id = %s", task)
    epoch = stack.sql('SELECT epoch FROM task_leases WHERE task_id = %s', task)[0][0]
    stack.sql("INSERT INTO store_objects (object_key, project, task_id, epoch, state, created_at) VALUES (%s, 'p', %s, %s,"
              " 'writing', NOW(6))", '%s/%s.%d' % (IMAGE, task, epoch), task, epoch)
    return epoch


def held(stack, task, epoch, worker='w1'):
    """Does what an attempt says with its epoch still change a row?"""
    with stack.connect() as db, db.cursor() as cur:
        return cur.execute('UPDATE task_leases SET bytes_done = bytes_done + 1 WHERE task_id = %s AND epoch = %s'
                           ' AND worker = %s', (task, epoch, worker)) == 1


def states(stack, task):
    return [s for (s,) in stack.sql('SELECT state FROM store_objects WHERE task_id = %s', task)]


# --- list ---

def test_list_of_nothing(empty):
    assert listed(empty) == []


def test_list_and_its_filters(empty):
    me, other = empty.project('demo'), empty.project('alt')
    made = [(row(empty, project, kind, status, created=-10 * n), kind, status, project)
            for n, (project, kind, status) in enumerate((p, k, s) for p in (me, other) for k in TYPES for s in STATUSES)]
    assert listed(empty) == made
    assert listed(empty, '--status', 'failure') == [t for t in made if t[2] == 'failure']
    assert listed(empty, '--type', 'clone') == [t for t in made if t[1] == 'clone']
    assert listed(empty, '--owner', other) == [t for t in made if t[3] == other]
    assert listed(empty, '--owner', me, '--type', 'export', '--status', 'success') == [
        t for t in made if t[1:] == ('export', 'success', me)]
    done = run(empty, 'list', '--limit', '5')
    assert len(done.stdout.splitlines()) == 6 and 'more than 5' in done.stderr
    assert 'more' not in run(empty, 'list', '--limit', '24').stderr


def test_list_over_several_pages(empty):
    me = empty.project('demo')
    with empty.connect() as db, db.cursor() as cur:
        cur.execute("INSERT INTO tasks (id, type, status, owner, created_at, updated_at, user_id) SELECT UUID(), 'import',"
                    " 'success', %s, '2026-01-01', '2026-01-01', 'u' FROM seq_1_to_1203", (me,))
    assert len(ids(empty)) == 100
    found = ids(empty, '--limit', '100000')
    assert len(found) == len(set(found)) == 1203


def test_B61_expired_tasks_are_listed_and_shown(demo, empty):
    me = empty.project('demo')
    kept = row(empty, me, status='success', expires=600)
    never = row(empty, me, status='pending')
    past = row(empty, me, status='failure', expires=-5, text='gone wrong')
    swept = row(empty, me, 'clone', 'success', expires=-600, deleted=1)
    assert ids(empty, '--expired') == [past, swept]
    assert ids(empty, '--expired', '--type', 'clone') == [swept]
    assert ids(empty, '--expired', '--status', 'failure') == [past]
    assert ids(empty, '--expired', '--limit', '1') == [past]
    assert set(ids(empty)) == {kept, never, past}
    for task, text in ((kept, 'no'), (past, 'yes'), (swept, 'yes, soft-deleted')):
        assert shown(empty, task)['expired'] == text
    assert shown(empty, past)['message'] == 'gone wrong'
    for task in (past, swept):
        message(demo.get('/v2/tasks/' + task), 404)


# --- show ---

def test_show(demo, empty):
    task = create(demo, 'export')
    doc = shown(empty, task['id'])
    assert doc['id'] == task['id'] and doc['type'] == 'export' and doc['status'] == 'pending'
    assert doc['owner'] == task['owner'] and doc['user'] == task['user_id'] and doc['image'] == IMAGE
    assert doc['created'] == task['created_at'] and doc['expires'] == '-'
    assert doc['secret'] == 'sealed' and doc['worker'] == '-' and doc['attempts'] == '0' and doc['cancel'] == 'no'
    assert '"export_to":"exchange"' in doc['input'].replace('": "', '":"')
    claim(empty, task['id'])
    doc = shown(empty, task['id'])
    assert (doc['worker'], doc['epoch'], doc['attempts'], doc['bytes']) == ('w1', '1', '1', '77 of 99')


def test_show_never_steers_a_terminal(empty):
    task = row(empty, 'p\x1b[2Jx', status='failure', text='a\x1b]0;x\x07b\x7fc\u009bd\r\ne \u00e4')
    doc = run(empty, 'show', task).stdout
    assert 'a\\x1b]0;x\\x07b\\x7fc\\x9bd\\x0d\\x0ae ä' in doc
    assert '\x1b' not in doc + run(empty, 'list').stdout


@pytest.mark.parametrize('command', ['show', 'fail', 'requeue', 'cancel'])
def test_ids_that_are_none(empty, command):
    more = ['--message', 'x'] if command == 'fail' else []
    for given in ([], ['x'], [IMAGE.upper()], [IMAGE, IMAGE], ["' OR '1"]):
        run(empty, command, *given, *more, code=64)
    missing = str(uuid.uuid4())
    done = run(empty, command, missing, *more, code=66)
    assert missing in done.stderr and not done.stdout


# --- fail ---

@pytest.mark.parametrize('processing', [False, True])
def test_fail(demo, empty, processing):
    task = create(demo)['id']
    epoch = claim(empty, task) if processing else 0
    assert not run(empty, 'fail', task, '--message', 'Stopped for maintenance: ä').stdout
    doc = demo.get('/v2/tasks/' + task).json()
    assert doc['status'] == 'failure' and doc['message'] == 'Stopped for maintenance: ä' and doc['result'] is None
    left = empty.sql('SELECT TIMESTAMPDIFF(SECOND, NOW(6), expires_at) FROM tasks WHERE id = %s', task)[0][0]
    assert 47.9 * 3600 < left <= 48 * 3600
    for table in ('task_leases', 'task_secrets'):
        assert empty.sql('SELECT COUNT(*) FROM %s' % table) == ((0,),)
    if processing:
        assert not held(empty, task, epoch)
        assert states(empty, task) == ['dead']


@pytest.mark.parametrize('command', ['fail', 'requeue', 'cancel'])
@pytest.mark.parametrize('status', ['success', 'failure'])
def test_what_has_ended_stays_as_it_is(empty, command, status):
    task = row(empty, 'p', status=status, text='why', result={'image_id': IMAGE} if status == 'success' else None)
    before = empty.sql('SELECT * FROM tasks JOIN task_info ON task_id = id')
    more = ['--message', 'x'] if command == 'fail' else []
    assert 'ended already' in run(empty, command, task, *more, code=CONFLICT).stderr
    assert empty.sql('SELECT * FROM tasks JOIN task_info ON task_id = id') == before


def test_fail_wants_a_message(empty):
    task = row(empty, 'p')
    for given in ([], ['--message'], ['--message', ''], ['--message', 'x' * 2001], ['--message', b'\xff']):
        run(empty, 'fail', task, *given, code=64)
    assert shown(empty, task)['status'] == 'pending'


# --- requeue ---

def test_requeue_fences_the_worker_off(demo, empty):
    task = create(demo)['id']
    claim(empty, task)
    epoch = claim(empty, task)
    empty.sql("UPDATE task_leases SET note = 'waits', next_run_at = NOW(6) + INTERVAL 1 HOUR, cancel = 1")
    assert held(empty, task, epoch)
    run(empty, 'requeue', task)
    assert not held(empty, task, epoch)
    assert empty.sql('SELECT worker, epoch > %s, attempts, lease_until, started_at, next_run_at <= NOW(6), bytes_done,'
                     ' bytes_total, cancel, note FROM task_leases', epoch) == (
        (None, 1, 0, None, None, 1, 0, None, 0, None),)
    assert states(empty, task) == ['dead', 'dead']
    doc = demo.get('/v2/tasks/' + task).json()
    assert doc['status'] == 'pending' and 'progress' not in doc
    assert shown(empty, task)['secret'] == 'sealed'


# --- cancel ---

def test_cancel_asks_the_worker(demo, empty):
    task = create(demo)['id']
    epoch = claim(empty, task)
    run(empty, 'cancel', task)
    run(empty, 'cancel', task)
    assert held(empty, task, epoch)
    assert shown(empty, task)['cancel'] == 'yes'
    assert demo.get('/v2/tasks/' + task).json()['status'] == 'processing'
    empty.sql('UPDATE task_leases SET worker = NULL, next_run_at = NOW(6) + INTERVAL 1 HOUR')
    run(empty, 'cancel', task)
    assert empty.sql('SELECT next_run_at <= NOW(6) FROM task_leases') == ((1,),)


def test_there_is_no_endpoint_for_it(admin, demo, empty):
    task = create(demo)['id']
    message(admin.post('/v2/tasks/%s/cancel' % task, json={}), 404)
    message(admin.delete('/v2/tasks/' + task), 405)


# --- purge ---

def test_purge(demo, empty):
    me = empty.project('demo')
    day = 86400
    old = [row(empty, me, status='success', expires=-11 * day, deleted=1), row(empty, me, status='failure', expires=-10 * day - 5)]
    young = [row(empty, me, status='success', expires=-9 * day, deleted=1), row(empty, me, status='success', expires=-1)]
    kept = [row(empty, me, status='success', expires=5), row(empty, me), create(demo)['id'],
            row(empty, me, status='processing', expires=-20 * day)]  # not one that has ended
    assert run(empty, 'purge', '--older-than', '10', '--dry-run').stdout == (
        'would delete 2 tasks that expired more than 10 days ago\n')
    assert len(empty.sql('SELECT id FROM tasks')) == 8
    assert run(empty, 'purge', '--older-than', '10').stdout == 'deleted 2 tasks that expired more than 10 days ago\n'
    left = {i for (i,) in empty.sql('SELECT id FROM tasks')}
    assert left == set(young + kept) and not left & set(old)
    assert {i for (i,) in empty.sql('SELECT task_id FROM task_info')} == left
    assert run(empty, 'purge', '--older-than', '0').stdout.startswith('deleted 2 tasks')
    assert {i for (i,) in empty.sql('SELECT id FROM tasks')} == set(kept)
    assert run(empty, 'purge', '--older-than', '0').stdout.startswith('deleted 0 tasks')


def test_purge_in_batches_that_stand_by_themselves(empty):
    with empty.connect() as db, db.cursor() as cur:
        cur.execute("INSERT INTO tasks (id, type, status, owner, created_at, updated_at, expires_at, deleted, user_id) SELECT"
                    " UUID(), 'import', 'success', 'p', '2026-01-01', '2026-01-01', '2026-01-03', seq > 700, 'u'"
                    ' FROM seq_1_to_1300')
        cur.execute("INSERT INTO task_info (task_id, input) SELECT id, '{}' FROM tasks")
    done = empty.manage('task', 'purge', '--older-than', '1', check=False,
                        env={'TALLY_FAULT': 'purge.before_commit=fail:2'})
    assert done.returncode == 69 and done.stdout.startswith('deleted 500 tasks')
    for table in ('tasks', 'task_info'):
        assert empty.sql('SELECT COUNT(*) FROM ' + table) == ((800,),)
    done = empty.manage('task', 'purge', '--older-than', '1', check=False,
                        env={'TALLY_FAULT': 'purge.before_commit=kill'})
    assert done.returncode == -9 and empty.sql('SELECT COUNT(*) FROM tasks') == ((800,),)
    assert run(empty, 'purge', '--older-than', '1').stdout.startswith('deleted 800 tasks')
    assert empty.sql('SELECT COUNT(*) FROM task_info') == ((0,),)


@pytest.mark.parametrize('args', [['purge'], ['purge', '--older-than', 'x'], ['purge', '--older-than', '-1'],
                                  ['purge', '--older-than', '1', 'x'], ['purge', '--older-than', '99999999'],
                                  ['list', 'x'], ['list', '--status', 'x'], ['list', '--type', 'x'],
                                  ['list', '--limit', 'x'], ['list', '--nonsense'], ['show'], ['nonsense'], []])
def test_command_lines_that_are_not_understood(empty, args):
    task = row(empty, 'p', status='success', expires=-400 * 86400)
    assert 'tally-manage: ' in run(empty, *args, code=64).stderr
    assert ids(empty, '--expired') == [task]


def test_a_database_that_is_away(empty):
    missing = os.path.join(empty.folder, 'no.sock')
    empty.conf.set('database', connection='mysql://tally:tally@localhost/tally?unix_socket=' + missing)
    for args in (['list'], ['show', IMAGE], ['purge', '--older-than', '1'], ['cancel', IMAGE]):
        assert 'password' not in run(empty, *args, code=69).stderr
