"""`tally run`, `test`, `result`, `key` and `sign` against the real service, with wrong input too."""
import json
import os
import re

import pytest

from evidence import counts, stored
from results import NAMES, Key, body, listed, upload, verify
from streams import Stream, simple
from tally_command import CANNOT_CREATE, DATA, NO_INPUT, NOT_ALLOWED, OK, USAGE, Tally

NOWHERE = '00000000-0000-4000-8000-000000000000'


def two_runs(client, **query):
    """(base, new): one newly fails, one is fixed, one still fails, one is only in each."""
    base, new = Stream(), Stream()
    for name, one, two in (('a.breaks', 'success', 'fail'), ('a.fixed', 'fail', 'success'), ('a.still', 'fail', 'fail'),
                           ('a.same', 'success', 'success')):
        base.test(name, one)
        new.test(name, two, files=[('traceback', 'text/plain', b'Traceback\n  x\nValueError: 1\n')])
    base.test('b.gone')
    new.test('c.new', tags={'slow'})
    return [stored(client, s.bytes(), query)[0] for s in (base, new)]


def test_run_list(tally, demo, alt):
    runs = [stored(demo, simple(), {'cpid': 'c%d' % i, 'meta.branch': 'main' if i % 2 else 'stable',
                                    'run_at': '2026-03-0%dT12:00:00Z' % (i + 1)})[0] for i in range(5)]
    stored(alt, simple())
    newest = list(reversed(runs))
    assert [r['uuid'] for r in tally.json('run', 'list')] == newest
    assert tally('run', 'list', '-f', 'value', '-c', 'run').split() == newest
    assert tally('run', 'list', '--limit', '2', '-f', 'value', '-c', 'run').split() == newest[:2]
    assert tally('run', 'list', '--limit', '0', '-f', 'value', '-c', 'run').split() == newest
    assert tally('run', 'list', '--cpid', 'c3', '-f', 'value', '-c', 'run').split() == [runs[3]]
    assert tally('run', 'list', '--meta', 'branch=main', '-f', 'value', '-c', 'run').split() == [runs[3], runs[1]]
    assert tally('run', 'list', '--start-date', '2026-03-02', '--end-date', '2026-03-03', '-f', 'value', '-c',
                 'run').split() == [runs[2], runs[1]]
    assert tally('run', 'list', '--status', 'fail', '-f', 'value') == ''
    assert tally.json('run', 'list', '--status', 'fail') == []
    head, *rows = tally('run', 'list', '-c', 'run', '-c', 'passes', '-c', 'metadata').splitlines()
    assert head.split() == ['RUN', 'PASSES', 'METADATA'] and len(rows) == 5
    assert re.match(r'^%s +2  .*branch=stable' % newest[0], rows[0])
    cells = tally('run', 'list', '--limit', '1', '-f', 'value', '-c', 'run', '-c', 'cpid', '-c', 'seconds').rstrip('\n')
    assert cells.split('\t') == [newest[0], 'c4', '2']


def test_run_list_over_pages(stack, tally, demo):
    stack.conf.set('api', max_limit=2)
    stack.reload()
    runs = [stored(demo, simple())[0] for _ in range(5)]
    assert set(tally('run', 'list', '-f', 'value', '-c', 'run').split()) == set(runs)
    assert len(tally.json('run', 'list', '--limit', '3')) == 3


def test_run_show_and_tests(tally, demo):
    _, new = two_runs(demo, cpid='cloud')
    text = tally('run', 'show', new)
    summary, failed = text.split('\nfailed\n')
    fields = dict(line.split(None, 1) for line in summary.splitlines() if ' ' in line.strip())
    assert (fields['run'], fields['passes'].strip(), fields['fails'], fields['cpid']) == (new, '3', '2', 'cloud')
    assert [line.split()[-1] for line in failed.splitlines()] == ['TEST', 'a.breaks', 'a.still']
    assert tally.json('run', 'show', new)['uuid'] == new
    assert tally('run', 'show', new, '-f', 'value', '-c', 'fails', '-c', 'passes') == '2\n3\n'
    tests = tally.json('run', 'tests', new)
    assert [(t['test'], t['status'], t['seconds']) for t in tests] == [
        ('a.breaks', 'fail', 1), ('a.fixed', 'success', 1), ('a.still', 'fail', 1), ('a.same', 'success', 1),
        ('c.new', 'success', 1)]
    assert [a['label'] for a in tests[0]['attachments']] == ['traceback']
    assert {'key': 'tags', 'value': 'slow'} in tests[4]['metadata']
    assert tally('run', 'tests', new, '--status', 'fail', '-f', 'value').splitlines() == ['fail\t1\ta.breaks',
                                                                                       'fail\t1\ta.still']
    assert len(tally.json('run', 'tests', new, '--limit', '2')) == 2
    got = tally('run', 'attachment', new, tests[0]['attachments'][0]['id'])
    assert got == 'Traceback\n  x\nValueError: 1\n'


def test_run_compare(tally, demo):
    base, new = two_runs(demo)
    rows = [line.split('\t') for line in tally('run', 'compare', base, new, '-f', 'value', '-c', 'change', '-c', 'base',
                                               '-c', 'new', '-c', 'test').splitlines()]
    assert rows == [['newly_failing', 'success', 'fail', 'a.breaks'], ['fixed', 'fail', 'success', 'a.fixed'],
                    ['still_failing', 'fail', 'fail', 'a.still'], ['only_in_base', 'success', '', 'b.gone'],
                    ['only_in_new', '', 'success', 'c.new']]
    assert tally.json('run', 'compare', base, new)['newly_failing'][0]['test_id'] == 'a.breaks'
    assert tally.run('run', 'compare', base, new).returncode == OK
    assert tally.run('run', 'compare', base, new, '--exit-code').returncode == 1
    assert tally.run('run', 'compare', new, new, '--exit-code').returncode == OK
    assert 'threshold' in tally.fails(DATA, 'run', 'compare', base, new, '--threshold', 'x')
    assert 'needs BASE RUN' in tally.fails(USAGE, 'run', 'compare', base)


def test_run_export(stack, tally, demo):
    stream = simple(*NAMES)
    run, _ = stored(demo, stream)
    want = demo.get('/v1/subunit/%s/stream' % run).content
    done = tally.run('run', 'export', run, '-o', 'out.subunit')
    with open(tally.folder + '/out.subunit', 'rb') as f:
        assert f.read() == want and done.stdout == ''
    piped = tally.start('run', 'export', run, stdout=-1)
    assert piped.communicate(timeout=60)[0] == want and piped.returncode == 0
    # what comes out goes in again: it is another stream of the same tests
    again = tally.json('upload-subunit', 'out.subunit')
    assert demo.get('/v1/subunit/' + again['run']).json()['subunit-data']['passes'] == 3
    assert 'was not found' in tally.fails(NO_INPUT, 'run', 'export', NOWHERE, '-o', 'none')
    assert 'No such file' in tally.fails(CANNOT_CREATE, 'run', 'export', run, '-o', '/nowhere/x')
    assert 'none of: subunit junit' in tally.fails(USAGE, 'run', 'export', run, '-f', 'json')
    assert sorted(os.listdir(tally.folder)) == ['out.subunit']


def test_run_delete(stack, tally, demo, alt):
    runs = [stored(demo, simple())[0] for _ in range(3)]
    theirs, _ = stored(alt, simple())
    done = tally.run('run', 'delete', runs[0], NOWHERE, runs[1], theirs)
    assert done.returncode == NO_INPUT and done.stderr.count('deleted') == 2 and done.stderr.count('not found') == 2
    assert [r['uuid'] for r in tally.json('run', 'list')] == [runs[2]]
    assert alt.get('/v1/subunit/' + theirs).status_code == 200


def test_other_peoples_and_missing_runs(tally, alt):
    theirs, _ = stored(alt, simple())
    for args in (('run', 'show'), ('run', 'tests'), ('run', 'export')):
        for ident in (theirs, NOWHERE, 'x', '../results', 'a b?c#d'):
            done = tally.run(*args, ident)
            assert done.returncode in (NO_INPUT, DATA) and done.stdout == '' and done.stderr.startswith('tally: ')
    assert tally('run', 'list') == ''


def test_test_list_and_history(tally, demo):
    base, new = two_runs(demo)
    rows = {line.split('\t')[-1]: line.split('\t') for line in tally('test', 'list', '-f', 'value').splitlines()}
    assert set(rows) == {'a.breaks', 'a.fixed', 'a.still', 'a.same', 'b.gone', 'c.new'}
    assert rows['a.breaks'][1:4] == ['2', '1', '1']
    assert set(tally('test', 'list', 'a.s', '-f', 'value', '-c', 'test').split()) == {'a.still', 'a.same'}
    want = {'fail\t' + new, 'success\t' + base}
    for test in ('a.breaks', rows['a.breaks'][0]):
        assert set(tally('test', 'history', test, '-f', 'value', '-c', 'status', '-c', 'run').splitlines()) == want
    assert 'a.nothing' in tally.fails(NO_INPUT, 'test', 'history', 'a.nothing')
    assert 'not found' in tally.fails(NO_INPUT, 'test', 'history', '999999')


def test_results(stack, tally, demo, staff, anonymous):
    mine = upload(demo, body(cpid='mine'))
    assert tally('result', 'list', '-f', 'value') == ''
    assert tally('result', 'list', '--signed', '-f', 'value', '-c', 'result').split() == [mine]
    assert tally('result', 'share', mine) == '' and listed(anonymous) == [mine]
    nobody = Tally(stack, tally.folder, user=None).set(TALLY_URL=stack.url)
    assert nobody('result', 'list', '-f', 'value', '-c', 'result').split() == [mine]
    assert nobody.json('result', 'show', mine)['user_role'] == 'user'
    tally('result', 'set', mine, 'guideline', '2026.01')
    shown = tally.json('result', 'show', mine)
    assert shown['meta'].items() >= {'shared': 'true', 'guideline': '2026.01'}.items() and shown['results'] == NAMES
    text = tally('result', 'show', mine, '--tests')
    assert re.search(r'^passed +3$', text, re.M) and text.endswith('\n'.join(NAMES) + '\n')
    assert 'guideline=2026.01' in text
    tally('result', 'set', mine, 'guideline', '--off')
    tally('result', 'share', mine, '--off')
    assert listed(anonymous) == []
    assert tally('result', 'list', '--signed', '--cpid', 'other', '-f', 'value') == ''
    tally('result', 'delete', mine)
    assert counts(stack)['test'] == 0


def test_results_over_pages(stack, tally, demo):
    stack.conf.set('api', results_per_page=2)
    stack.reload()
    idents = {upload(demo) for _ in range(5)}
    assert {r['id'] for r in tally.json('result', 'list', '--signed')} == idents
    assert len(tally.json('result', 'list', '--signed', '--limit', '3')) == 3


def test_results_that_are_refused(tally, demo, alt, staff):
    mine, theirs = upload(demo), upload(alt)
    assert 'not found' in tally.fails(NO_INPUT, 'result', 'show', theirs)
    assert 'not found' in tally.fails(NO_INPUT, 'result', 'share', theirs)
    assert 'not found' in tally.fails(NO_INPUT, 'result', 'delete', theirs)
    verify(staff, demo, mine)
    assert tally.run('result', 'delete', mine).returncode == NOT_ALLOWED
    assert tally.run('result', 'set', mine, 'colour', 'blue').returncode == NOT_ALLOWED
    assert 'RESULT KEY VALUE' in tally.fails(USAGE, 'result', 'set', mine, 'guideline')
    assert 'none of: 0 1' in tally.fails(USAGE, 'result', 'list', '--verification-status', '2')
    assert tally.run('result', 'list', '--start-date', 'x').returncode == DATA
    assert tally('result', 'list', '--verification-status', '1', '-f', 'value', '-c', 'result').split() == [mine]


def test_keys(stack, tally, demo, tmp_path):
    key = Key(tmp_path)
    nobody = Tally(stack, tmp_path, user=None)
    signed = json.loads(nobody('sign', key.path, '-f', 'json'))
    assert signed == {'public_key': key.text, 'self_signature': key.sign(b'signature')}
    ident = tally('key', 'add', key.path, '--name', 'me@there', '-f', 'value').strip()
    (one,) = tally.json('key', 'list')
    assert (one['id'], one['comment'], one['format']) == (ident, 'me@there', 'ssh-rsa')
    assert tally('key', 'list', '-f', 'value', '-c', 'comment') == 'me@there\n'
    assert tally.run('key', 'add', key.path).returncode == CANNOT_CREATE
    tally('key', 'delete', ident)
    assert tally.json('key', 'list') == []
    assert 'not found' in tally.fails(NO_INPUT, 'key', 'delete', ident)
    weak = Key(tmp_path, bits=512)
    assert tally.run('key', 'add', weak.path).returncode == DATA
    assert 'RSA private key' in tally.fails(DATA, 'key', 'add', tally.file('junk', b'no key'))
    assert 'No such file' in tally.fails(NO_INPUT, 'sign', 'nowhere')


def test_hostile_text(tally, demo):
    """What another user's stream holds moves no cursor, turns no line and adds none."""
    evil = 'a.\x1b]0;owned\x07\u202etset\u200b\x9b31m'
    stream = Stream().test(evil, 'fail').bytes()
    run, _ = stored(demo, stream, {'cpid': 'c\x1b[2J', 'meta.note': 'x\ny\tz\u2066'})
    outputs = [tally('run', 'list'), tally('run', 'list', '-c', 'cpid', '-f', 'value'), tally('run', 'show', run),
               tally('run', 'tests', run), tally('run', 'tests', run, '-f', 'value'), tally('test', 'list'),
               tally('test', 'history', evil), tally('run', 'list', '-f', 'json')]
    for text in outputs:
        bad = [c for c in text if (ord(c) < 32 and c not in '\n\t') or 0x7f <= ord(c) < 0xa0 or
               c in '\u202e\u2066\u200b']
        assert not bad, (bad, text)
    assert '\\x1b]0;owned\\x07\\u202etset\\u200b\\u009b31m' in outputs[3] and '\\n' in outputs[0]
    assert len(outputs[0].splitlines()) == 2 and outputs[4].count('\t') == 2
    # JSON says the same, escaped
    assert {'key': 'note', 'value': 'x\ny\tz\u2066'} in json.loads(outputs[7])[0]['metadata']
