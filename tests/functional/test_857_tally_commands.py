"""Every command of `tally`, each with right use in every format and with wrong input: the list is the help's own."""
import json
import os
import re
import xml.etree.ElementTree as ElementTree

import pytest

from evidence import counts, stored
from results import Key, body, set_meta, upload
from streams import Stream, simple
from tally_command import CANNOT_CREATE, DATA, NO_INPUT, NOT_ALLOWED, OK, USAGE, Tally
from tasks import create

NOWHERE = '00000000-0000-4000-8000-000000000000'
FAILED = b'Traceback (most recent call last):\n  File "/x.py", line 1, in test\n    f()\n%s\n'
# a test: its outcomes in three runs, the newest last
OUTCOMES = {'a.b.flaky': ('fail', 'success', 'fail'), 'a.b.steady': ('success',) * 3, 'a.c.broken': ('fail',) * 3,
            'z.skipped': ('skip',) * 3}


class World:
    """Three runs of demo's, one of another project, a result, a key, an image and tasks that nobody carries out."""

    def __init__(self, stack, folder):
        stack.empty_tables()
        self.stack, self.folder = stack, folder
        self.demo, self.alt, self.staff = stack.client('demo'), stack.client('alt'), stack.client('foundation')
        self.runs, self.results = [], []
        for i in range(3):
            run, result = stored(self.demo, self.stream(i), {
                'cpid': 'cloud', 'meta.branch': 'main' if i else 'stable', 'run_at': '2026-03-0%dT12:00:00Z' % (i + 1)})
            self.runs.append(run)
            self.results.append(result)
        self.theirs = stored(self.alt, simple('secret.test'))[0]
        self.result = upload(self.demo, body(cpid='mine'))
        set_meta(self.demo, self.result, shared='true', guideline='2026.01', target='platform')
        self.keys = [Key(folder) for _ in range(2)]
        r = self.demo.post('/v2/images', json={'name': 'web', 'disk_format': 'raw', 'container_format': 'bare'})
        assert r.status_code == 201, r.text
        self.image = r.json()['id']
        self.task = create(self.demo)['id']
        token = {'OS_TOKEN': stack.token('demo'), 'TALLY_URL': stack.url}
        self.tally = Tally(stack, folder, user=None).set(**token)
        self.as_staff = self.tally.set(OS_TOKEN=stack.token('foundation'))

    @staticmethod
    def stream(i):
        s = Stream()
        s.tick(i)
        for name, outcomes in OUTCOMES.items():
            files = [('traceback', 'text/plain', FAILED % b'ValueError: 1')] if outcomes[i] == 'fail' else ()
            s.test(name, outcomes[i], files=files)
        return s.bytes()

    def run(self):
        """One more run, to do away with."""
        return stored(self.demo, simple())[0]

    def file(self, content):
        return self.tally.file('f%d' % len(os.listdir(self.folder)), content)

    def no_keys(self):
        for key in self.demo.get('/v1/profile/pubkeys').json():
            assert self.demo.delete('/v1/profile/pubkeys/' + key['id']).status_code == 204

    def attachment(self):
        return self.demo.get('/v1/subunit/' + self.runs[2]).json()['attachments'][0]['id']


@pytest.fixture(scope='module')
def world(stack, tmp_path_factory):
    return World(stack, tmp_path_factory.mktemp('world'))


def names(doc, key):
    return [item[key] for item in doc]


def gone(w):
    return {'right': [w.run(), w.run()], 'wrong': [(NO_INPUT, 'not found', [NOWHERE]), (NO_INPUT, 'not found', [w.theirs]),
                                                   (USAGE, 'needs RUN...', [])]}


# What each takes: RIGHT and its OPTIONS, a look at its JSON, and WRONG: (exit code, words, arguments). Commands whose
# formats are their own, or that print nothing, have PRINTS instead: a look at what is on standard output.
CASES = {
    'upload': lambda w: {
        'right': [w.file(json.dumps(body()))], 'json': lambda d: d['run'] is None and len(d['result']) == 36,
        'wrong': [(NO_INPUT, 'No such file', ['nowhere']), (DATA, 'is no result', [w.file('{}')]),
                  (USAGE, 'goes with --subunit', [w.file(json.dumps(body())), '--meta', 'a=b'])]},
    'upload-subunit': lambda w: {
        'right': [w.file(simple())], 'json': lambda d: len(d['run']) == 36, 'options': ['--meta', 'a=b'],
        'wrong': [(NO_INPUT, 'No such file', ['nowhere']), (DATA, 'not subunit', [w.file(b'junk' * 9)]),
                  (USAGE, 'KEY=VALUE', [w.file(simple()), '--meta', 'x'])]},
    'run list': lambda w: {
        'options': ['--meta', 'branch=main', '--cpid', 'cloud', '--status', 'fail', '--start-date', '2026-03-01', '--end-date',
                    '2026-03-03', '--limit', '5'], 'json': lambda d: names(d, 'uuid') == [w.runs[2], w.runs[1]],
        'wrong': [(DATA, 'status', ['--status', 'odd']), (DATA, 'start_date', ['--start-date', 'x']),
                  (USAGE, 'KEY=VALUE', ['--meta', 'x']), (USAGE, 'no number', ['--limit', 'x'])]},
    'run show': lambda w: {
        'right': [w.runs[2]], 'json': lambda d: (d['uuid'], d['fails'], d['skips']) == (w.runs[2], 2, 1),
        'wrong': [(NO_INPUT, 'not found', [NOWHERE]), (NO_INPUT, 'not found', [w.theirs]), (USAGE, '--result', []),
                  (USAGE, '--result', [w.runs[2], '--result', w.results[2]]),
                  (NO_INPUT, 'was not found', ['--result', w.result])]},
    'run tests': lambda w: {
        'right': [w.runs[2]], 'options': ['--status', 'fail', '--limit', '0'],
        'json': lambda d: names(d, 'test') == ['a.b.flaky', 'a.c.broken'] and len(d[0]['attachments']) == 1,
        'wrong': [(NO_INPUT, 'not found', [w.theirs]), (DATA, 'status', [w.runs[2], '--status', 'odd']),
                  (USAGE, 'needs RUN', [])]},
    'run failures': lambda w: {
        'right': [w.runs[2]], 'options': ['--limit', '9'],
        'json': lambda d: [(f['message'], f['count']) for f in d] == [('ValueError: <N>', 2)],
        'wrong': [(NO_INPUT, 'not found', [NOWHERE]), (NO_INPUT, 'not found', [w.theirs]), (USAGE, 'needs RUN', [])]},
    'run compare': lambda w: {
        'right': w.runs[1:], 'options': ['--threshold', '2'],
        'json': lambda d: names(d['newly_failing'], 'test_id') == ['a.b.flaky'],
        'wrong': [(NO_INPUT, 'not found', [w.runs[1], w.theirs]), (USAGE, 'needs BASE RUN', [w.runs[1]]),
                  (DATA, 'threshold', [*w.runs[1:], '--threshold', 'x'])]},
    'run export': lambda w: {
        'right': [w.runs[2]], 'prints': lambda out: 'a.b.flaky' in out,
        'wrong': [(NO_INPUT, 'not found', [w.theirs]), (USAGE, 'none of', [w.runs[2], '-f', 'table']),
                  (CANNOT_CREATE, 'No such file', [w.runs[2], '-o', '/nowhere/x'])]},
    'run attachment': lambda w: {
        'right': [w.runs[2], w.attachment()], 'prints': lambda out: out.encode() == FAILED % b'ValueError: 1',
        'wrong': [(NO_INPUT, 'not found', [w.runs[2], 999999]), (NO_INPUT, 'not found', [w.theirs, 1]),
                  (NO_INPUT, 'not found', [w.runs[2], 'x']), (USAGE, 'needs RUN ID', [w.runs[2]])]},
    'run average': lambda w: {
        'options': ['--meta', 'branch=main', '--last', '2'], 'prints': lambda out: 'a.b.steady' in out and 'broken' not in out,
        'wrong': [(USAGE, 'one only', ['--meta', 'a=b', '--meta', 'c=d']), (DATA, 'last', ['--meta', 'a=b', '--last', '0'])]},
    'run delete': lambda w: {**gone(w), 'prints': lambda out: out == ''},
    'failures': lambda w: {
        'options': ['--meta', 'branch=main', '--last', '9', '--limit', '9'],
        'json': lambda d: [(f['message'], f['count'], f['runs']) for f in d] == [('ValueError: <N>', 3, 2)],
        'wrong': [(DATA, 'last', ['--last', '501']), (DATA, 'last', ['--last', 'x']), (USAGE, 'KEY=VALUE', ['--meta', '=b']),
                  (USAGE, 'one only', ['--meta', 'a=b', '--meta', 'c=d'])]},
    'stats runs': lambda w: {
        'options': ['--start-date', '2026-03-01', '--end-date', '2026-03-31', '--group', 'month', '--by', 'branch', '--cpid',
                    'cloud'], 'json': lambda d: [(b['value'], b['failed_runs']) for b in d] == [('main', 2), ('stable', 1)],
        'wrong': [(USAGE, 'none of: hour day week month', ['--group', 'year']), (DATA, 'start_date', ['--start-date', 'x']),
                  (USAGE, 'KEY=VALUE', ['--meta', 'x'])]},
    'stats tests': lambda w: {
        'right': ['a.b.flaky'], 'options': ['--start-date', '2026-03-01', '--end-date', '2026-03-31', '--meta', 'branch=main'],
        'json': lambda d: (d['runs'], d['passes'], d['fails']) == (2, 1, 1),
        'wrong': [(NO_INPUT, "'secret.test'", ['secret.test']), (DATA, 'end_date', ['--end-date', 'x'])]},
    'metadata keys': lambda w: {
        'options': ['--limit', '9'], 'json': lambda d: {'key': 'branch', 'values': 2} in d,
        'wrong': [(USAGE, 'no number', ['--limit', '-1'])]},
    'metadata values': lambda w: {
        'right': ['branch'], 'json': lambda d: [(v['value'], v['runs']) for v in d] == [('main', 2), ('stable', 1)],
        'wrong': [(USAGE, 'needs KEY', []), (DATA, 'key', [''])]},
    'test list': lambda w: {
        'right': ['a.'], 'json': lambda d: names(d, 'test_id') == ['a.b.flaky', 'a.b.steady', 'a.c.broken'],
        'wrong': [(USAGE, 'no number', ['--limit', '1.5'])]},
    'test show': lambda w: {
        'right': ['a.b.flaky'], 'json': lambda d: (d['run_count'], d['success'], d['failure']) == (3, 1, 2),
        'wrong': [(NO_INPUT, "'secret.test'", ['secret.test']), (NO_INPUT, 'not found', ['999999']), (USAGE, 'needs TEST', [])]},
    'test history': lambda w: {
        'right': ['a.b.flaky'], 'options': ['--limit', '2'], 'json': lambda d: names(d, 'status') == ['fail', 'success'],
        'wrong': [(NO_INPUT, "'secret.test'", ['secret.test']), (NO_INPUT, 'not found', ['0']), (USAGE, 'needs TEST', [])]},
    'test flaky': lambda w: {
        'options': ['--meta', 'branch=main', '--last', '3'],
        'json': lambda d: [(t['test_id'], t['flips']) for t in d] == [('a.b.flaky', 1)],
        'wrong': [(DATA, 'last', ['--last', '0']), (USAGE, 'KEY=VALUE', ['--meta', 'x'])]},
    'test failed': lambda w: {
        'options': ['--meta', 'branch=main', '--cpid', 'cloud', '--limit', '3'],
        'json': lambda d: names(d, 'test_id') == ['a.b.flaky', 'a.c.broken', 'a.c.broken'],
        'wrong': [(USAGE, 'no number', ['--limit', 'x']), (USAGE, 'KEY=VALUE', ['--meta', 'x'])]},
    'test prefixes': lambda w: {
        'right': ['a'], 'json': lambda d: [(p['prefix'], p['tests']) for p in d] == [('a.b', 2), ('a.c', 1)],
        'wrong': [(DATA, 'prefix', ['x' * 201]), (USAGE, "not also 'b'", ['a', 'b'])]},
    'result list': lambda w: {
        'options': ['--signed', '--cpid', 'mine', '--verification-status', '0'],
        'json': lambda d: names(d, 'id') == [w.result],
        'wrong': [(USAGE, 'none of: 0 1', ['--verification-status', '2']), (DATA, 'start_date', ['--start-date', 'x'])]},
    'result show': lambda w: {
        'right': [w.result], 'options': ['--tests'], 'json': lambda d: d['cpid'] == 'mine' and len(d['results']) == 3,
        'wrong': [(NO_INPUT, 'not found', [NOWHERE]), (USAGE, 'needs RESULT', [])]},
    'result share': lambda w: {
        'right': [w.result], 'prints': lambda out: out == '', 'wrong': [(NO_INPUT, 'not found', [NOWHERE]),
                                                                        (USAGE, 'needs RESULT', [])]},
    'result verify': lambda w: {
        'right': [w.result], 'prints': lambda out: out == '', 'as': w.as_staff,
        'wrong': [(NO_INPUT, 'not found', [NOWHERE]), (NOT_ALLOWED, 'shared', [upload(w.demo)]), (USAGE, 'needs RESULT', [])]},
    'result set': lambda w: {
        'right': [w.results[0], 'guideline', '2026.01'], 'prints': lambda out: out == '',
        'wrong': [(USAGE, 'RESULT KEY VALUE', [w.results[0], 'guideline']), (NO_INPUT, 'not found', [NOWHERE, 'target', 'x']),
                  (USAGE, 'RESULT KEY alone', [w.results[0], 'guideline', 'x', '--off']),
                  (NOT_ALLOWED, '', [w.results[0], 'colour', 'x'])]},
    'result delete': lambda w: {
        'right': [upload(w.demo)], 'prints': lambda out: out == '', 'wrong': [(NO_INPUT, 'not found', [NOWHERE]),
                                                                              (USAGE, 'needs RESULT...', [])]},
    'profile': lambda w: {'json': lambda d: d['is_admin'] is False and d['fullname'] == 'demo', 'wrong': []},
    'key add': lambda w: {
        'right': [w.keys[0].path], 'options': ['--name', 'me@there'], 'json': lambda d: len(d['id']) == 36,
        'before': w.no_keys, 'once': w.no_keys,
        'wrong': [(NO_INPUT, 'No such file', ['nowhere']), (DATA, 'RSA private key', [w.file('no key')]),
                  (USAGE, 'needs KEY', [])]},
    'key list': lambda w: {
        'before': lambda: w.no_keys() or w.tally('key', 'add', w.keys[1].path, '--name', 'me'),
        'json': lambda d: 'me' in names(d, 'comment'), 'wrong': [(USAGE, 'no number', ['--limit', 'x'])]},
    'key delete': lambda w: {
        'before': lambda: w.tally('key', 'add', Key(w.folder).path),
        'right': lambda: [w.demo.get('/v1/profile/pubkeys').json()[0]['id']], 'prints': lambda out: out == '',
        'wrong': [(NO_INPUT, 'not found', [NOWHERE]), (USAGE, 'needs ID...', [])]},
    'sign': lambda w: {
        'right': [w.keys[0].path], 'json': lambda d: d['public_key'] == w.keys[0].text, 'alone': True,
        'wrong': [(NO_INPUT, 'No such file', ['nowhere']), (DATA, 'RSA private key', [w.file('no key')])]},
    'task import': lambda w: {
        'right': ['box/disk'], 'options': ['--disk-format', 'raw', '--name', 'web', '--property', 'a=b=c'],
        'json': lambda d: d['status'] == 'pending' and d['input']['image_properties'] == {'name': 'web', 'a': 'b=c'},
        'wrong': [(USAGE, 'which format', ['box/disk']), (DATA, 'import_from', ['box', '--disk-format', 'raw']),
                  (USAGE, 'KEY=VALUE', ['box/disk', '--disk-format', 'raw', '--property', 'x']),
                  (USAGE, 'no number', ['box/disk', '--disk-format', 'raw', '--wait', '--for', 'x'])]},
    'task export': lambda w: {
        'right': [w.image, 'box'], 'options': ['--disk-format', 'raw'], 'json': lambda d: d['type'] == 'export',
        'wrong': [(USAGE, 'which format', [w.image, 'box']), (USAGE, 'needs IMAGE CONTAINER', [w.image]),
                  (DATA, 'image_id', ['x', 'box', '--disk-format', 'raw'])]},
    'task clone': lambda w: {
        'right': [w.image], 'options': ['--name', 'twin'], 'json': lambda d: d['input']['image_id'] == w.image,
        'wrong': [(DATA, 'image_id', ['x']), (USAGE, 'needs IMAGE', []), (USAGE, 'takes no --disk-format',
                                                                         [w.image, '--disk-format', 'raw'])]},
    'task list': lambda w: {
        'options': ['--status', 'pending', '--type', 'import', '--limit', '0'], 'json': lambda d: w.task in names(d, 'id'),
        'wrong': [(USAGE, 'none of', ['--type', 'dance']), (DATA, 'status', ['--status', 'dancing']),
                  (USAGE, 'stands alone', ['--image', w.image, '--type', 'clone']), (NO_INPUT, NOWHERE, ['--image', NOWHERE])]},
    'task show': lambda w: {
        'right': [w.task], 'json': lambda d: d['id'] == w.task,
        'wrong': [(NO_INPUT, NOWHERE, [NOWHERE]), (DATA, 'segment', ['../images']), (USAGE, 'needs TASK', [])]},
    'task wait': lambda w: {
        'right': [w.task], 'prints': lambda out: out == '', 'code': 75, 'options': ['--for', '1'],
        'wrong': [(NO_INPUT, NOWHERE, [NOWHERE]), (USAGE, 'no number', [w.task, '--for', 'x']), (USAGE, 'needs TASK', [])]},
    'image list': lambda w: {
        'options': ['--status', 'queued', '--name', 'web'], 'json': lambda d: names(d, 'id') == [w.image],
        'wrong': [(USAGE, 'no number', ['--limit', 'x']), (USAGE, 'takes no word', ['x'])]},
    'image show': lambda w: {
        'right': [w.image], 'json': lambda d: d['name'] == 'web',
        'wrong': [(NO_INPUT, NOWHERE, [NOWHERE]), (USAGE, 'needs IMAGE', [])]},
    'completion bash': lambda w: {'prints': lambda out: '_tally' in out, 'wrong': []},
}


def commands(tally):
    text = tally('--help').split('options of')[0]
    return [m.group(1) for m in re.finditer(r'^  ([a-z-]+(?: [a-z]+)?) ', text, re.M)]


def test_the_list_is_whole(world):
    assert set(commands(world.tally)) == set(CASES)


@pytest.fixture
def case(world, request):
    made = CASES[request.param](world)
    if 'before' in made:
        made['before']()
    right = made.get('right', [])
    made['right'] = [*request.param.split(), *(right() if callable(right) else right), *made.get('options', [])]
    made['name'], made['tally'] = request.param, made.get('as', world.tally)
    return made


def columns(tally, name):
    """All that the command has; the help names them."""
    found = re.search(r'^columns: (.*)$', tally('help', *name.split()), re.M)
    return found.group(1).split()


@pytest.mark.parametrize('case', [c for c in CASES if c != 'completion bash'], indirect=True)
def test_wrong_use(world, case):
    """Said, with its exit code, and nothing is changed by it."""
    before = counts(world.stack)
    tally = case['tally']
    words = case['name'].split()
    for code, said, args in case['wrong']:
        heard = tally.fails(code, *words, *args)
        assert said in heard and heard.startswith('tally: '), (args, heard)
    heard = tally.fails(USAGE, *case['right'], '-c', 'nonsense')
    assert "no column 'nonsense'" in heard if 'json' in case or case['name'] == 'task wait' else 'prints no columns' in heard
    if not case['name'].startswith('upload'):
        assert 'takes no --run-at' in tally.fails(USAGE, *case['right'], '--run-at', 'x')
    assert 'no option --zzzzzz' in tally.fails(USAGE, *case['right'], '--zzzzzz')
    if 'alone' not in case:
        nobody = tally.set(OS_TOKEN='gAAAAAnonsense')
        assert 'gAAAAA' not in nobody.fails(NOT_ALLOWED, *case['right'])
    assert counts(world.stack) == before


@pytest.mark.parametrize('case', [c for c in CASES], indirect=True)
def test_right_use(case):
    tally, right = case['tally'], case['right']
    if 'prints' in case:
        done = tally.run(*right)
        assert done.returncode == case.get('code', OK), done.stderr
        assert case['prints'](done.stdout), done.stdout
        return
    again = case.get('once', lambda: None)
    doc = tally.json(*right)
    assert case['json'](doc), doc
    again()
    known = columns(tally, case['name'])
    # a table: the titles, in capitals over a list and beside the values of one item
    text = tally(*right)
    again()
    listed = isinstance(doc, list) or case['name'] == 'run compare'
    titles = text.splitlines()[0].split() if listed else [line.split()[0] for line in text.split('\n\n')[0].splitlines()]
    assert titles and titles == [c.upper() if listed else c for c in known if (c.upper() if listed else c) in titles]
    # values alone, of the columns that are asked for
    first = [w for c in (known[0], known[-1]) for w in ('-c', c)]
    value = tally(*right, '-f', 'value', *first)
    again()
    if listed:
        rows = value.splitlines()
        assert len(rows) >= 1 and all(row.count('\t') == 1 for row in rows)
        if isinstance(doc, list):
            assert len(rows) == len(doc)
    else:
        assert len(value.split('\n\npassed\n')[0].splitlines()) >= 2


def test_junit(world):
    """`run export` has formats of its own."""
    root = ElementTree.fromstring(world.tally('run', 'export', world.runs[2], '-f', 'junit'))
    assert len(list(root.iter('testcase'))) == 4 and len(list(root.iter('failure'))) == 2


def test_verified_and_taken_back(world):
    """By staff only; from then on the result stays as it is."""
    w = world
    result = upload(w.demo, body())
    set_meta(w.demo, result, shared='true', guideline='2026.01', target='platform')
    assert w.tally.run('result', 'verify', result).returncode == NOT_ALLOWED
    w.as_staff('result', 'verify', result)
    assert w.tally('result', 'show', result, '-f', 'value', '-c', 'verified') == '1\n'
    assert w.tally.run('result', 'delete', result).returncode == NOT_ALLOWED
    w.as_staff('result', 'verify', result, '--off')
    assert w.tally('result', 'show', result, '-f', 'value', '-c', 'verified') == '0\n'
    w.tally('result', 'delete', result)


def test_the_run_of_a_result(world):
    assert world.tally.json('run', 'show', '--result', world.results[1])['uuid'] == world.runs[1]


def test_tasks_of_an_image(world):
    task = world.tally('task', 'clone', world.image, '-f', 'value', '-c', 'task').strip()
    assert task in world.tally('task', 'list', '--image', world.image, '-f', 'value', '-c', 'task').split()
