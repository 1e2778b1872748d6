"""subunit2sql's options: each as a query parameter and as a configured default, with what subunit2sql makes of them.

What it makes was taken from real subunit2sql; where SUBUNIT2SQL_DIR names a checkout, it is asked again."""
import json
import os

import pytest
from conftest import BUILD, sanitizer_env
from databases import HEAD, Database
from test_230_real_tools import use

from evidence import refusal, stored
from streams import Stream
from subunit2sql_rows import QUERIES


def stream():
    """Two tests at once, one after them; attributes in brackets and in angles, a tag, an attachment."""
    s = Stream()
    s.event(test_id='pkg.a[smoke,slow,id-1]', test_status='inprogress')
    s.tick(1)
    s.event(test_id='pkg.b<x,y>', test_status='inprogress')
    s.tick(2)
    s.event(test_id='pkg.a[smoke,slow,id-1]', file_name='log', mime_type='text/plain', file_bytes=b'hello', eof=True)
    s.event(test_id='pkg.a[smoke,slow,id-1]', test_status='success', test_tags={'worker-0'})
    s.event(test_id='pkg.b<x,y>', test_status='fail')
    return s.test('pkg.c', 'skip', 0.5).bytes()


DATA = stream()
NOISE = b'noise\n' + DATA
ATTRS = [['pkg.a', 'attrs', 'smoke,slow,id-1']]
# the query; the options of [subunit]; those of subunit2sql; what a table then holds
CASES = {
    'none': ({}, {}, [], {'runs': [[1, 1, 1, 5.5, None]], 'test_metadata': [], 'run_metadata': []}),
    'wall_time': ({'wall_time': 'true'}, {'wall_time': True}, ['--use_run_wall_time'],
                  {'runs': [[1, 1, 1, 3.5, None]]}),
    'artifacts': ({'artifacts': 'https://logs/1'}, {'artifacts': 'https://logs/1'}, ['--artifacts', 'https://logs/1'],
                  {'runs': [[1, 1, 1, 5.5, 'https://logs/1']]}),
    'run_at': ({'run_at': '2020-02-03T04:05:06'}, {'run_at': '2020-02-03T04:05:06'},
               ['--run_at', '2020-02-03T04:05:06'], {'run_at': '2020-02-03 04:05:06'}),
    'run_meta': ({'meta.branch': 'main', 'meta.url': 'http://h:80/'}, {'run_meta': 'branch:main, url:http://h:80/'},
                 ['--run_meta', 'branch:main,url:http://h:80/'],
                 {'run_metadata': [['branch', 'main'], ['url', 'http://h:80/']]}),
    'attr_regex': ({'attr_regex': '<(.*)>'}, {'attr_regex': '<(.*)>'}, ['--attr_regex', '<(.*)>'],
                   {'names': ['pkg.a[smoke,slow,id-1]', 'pkg.b', 'pkg.c'],
                    'attrs': [['pkg.b', 'attrs', 'x,y']]}),
    'test_attr_prefix': ({'test_attr_prefix': 's'}, {'test_attr_prefix': 's'}, ['--test_attr_prefix', 's'],
                         {'test_metadata': [['pkg.a', 'attr', 'slow'], ['pkg.a', 'attr', 'smoke']], 'attrs': ATTRS}),
    'remove_test_attr_prefix': (
        {'test_attr_prefix': 's', 'remove_test_attr_prefix': 'true'},
        {'test_attr_prefix': 's', 'remove_test_attr_prefix': True},
        ['--test_attr_prefix', 's', '--remove_test_attr_prefix'],
        {'test_metadata': [['pkg.a', 'attr', 'low'], ['pkg.a', 'attr', 'moke']], 'attrs': ATTRS}),
}


def holds(stack):
    with stack.connect() as db, db.cursor() as cur:
        out = {}
        for name, sql in QUERIES.items():
            cur.execute(sql)
            out[name] = json.loads(json.dumps(cur.fetchall(), default=float))
        return out


def compare(said, expected):
    for what, rows in expected.items():
        if what == 'runs':
            assert [row[:5] for row in said['runs']] == rows
        elif what == 'run_at':
            assert said['runs'][0][5] == rows
        elif what == 'names':
            assert [row[0] for row in said['tests']] == rows
        elif what == 'attrs':
            assert [row for row in said['test_run_metadata'] if row[1] == 'attrs'] == rows
        else:
            assert said[what] == rows


@pytest.mark.parametrize('way', ['query', 'default', 'query over default'])
@pytest.mark.parametrize('case', CASES)
def test_option(empty, demo, case, way):
    query, options, _, expected = CASES[case]
    if way == 'default':
        empty.conf.set('subunit', **options)
        empty.reload()
        query = {}
    elif way == 'query over default':
        empty.conf.set('subunit', wall_time=case != 'wall_time', artifacts='other', run_at='2001-01-01',
                       run_meta='branch:other,url:other', attr_regex='(zzz)', test_attr_prefix='slow',
                       remove_test_attr_prefix=case != 'remove_test_attr_prefix')
        empty.reload()
        query = {'wall_time': 'false', 'artifacts': 'mine', 'attr_regex': '\\[(.*)\\]', 'test_attr_prefix': 'zzz',
                 'remove_test_attr_prefix': 'false', **query}
        if case not in ('artifacts',):
            expected = {k: [row[:4] + ['mine'] for row in v] if k == 'runs' else v for k, v in expected.items()}
        if case == 'none':
            expected = {'runs': expected['runs'], 'test_metadata': [], 'run_at': '2001-01-01 00:00:00',
                        'run_metadata': [['branch', 'other'], ['url', 'other']]}
    stored(demo, DATA, query)
    compare(holds(empty), expected)


@pytest.mark.parametrize('case', CASES)
def test_real_subunit2sql_says_the_same(empty, demo, server, case):
    """All rows of all tables, but for the time of a run that nobody gave one."""
    query, _, arguments, expected = CASES[case]
    real = Database(server, BUILD, sanitizer_env(server.folder), 'real')
    real.load('subunit2sql', HEAD['subunit2sql'])
    path = os.path.join(server.folder, 'stream')
    with open(path, 'wb') as f:
        f.write(DATA)
    said = use('SUBUNIT2SQL_DIR', 'real_options.py', real, path, *arguments)
    compare(said, expected)
    stored(demo, DATA, query)
    ours = holds(empty)
    if 'run_at' not in expected:
        ours['runs'][0].pop()
        said['runs'][0].pop()
    assert ours == said


# --- attachments: subunit2sql cannot store them under Python 3 ---

def attachments(stack):
    return [(label, bytes(content)) for label, content in stack.sql('SELECT label, attachment FROM attachments ORDER BY id')]


@pytest.mark.parametrize('way', ['query', 'default', 'query over default'])
@pytest.mark.parametrize('kept', [True, False])
def test_store_attachments(empty, demo, kept, way):
    if way != 'query':
        empty.conf.set('subunit', store_attachments=kept if way == 'default' else not kept)
        empty.reload()
    stored(demo, DATA, {} if way == 'default' else {'attachments': str(kept).lower()})
    assert attachments(empty) == ([('log', b'hello')] if kept else [])


@pytest.mark.parametrize('way', ['query', 'default', 'query over default'])
def test_non_subunit_name(empty, demo, way):
    refusal(demo.post('/v1/subunit', data=NOISE, headers={'Content-Type': 'application/x-subunit'}), 400, 'byte 0')
    if way != 'query':
        empty.conf.set('subunit', non_subunit_name='stdout' if way == 'default' else 'other')
        empty.reload()
    stored(demo, NOISE, {} if way == 'default' else {'non_subunit_name': 'stdout'})
    assert sorted(attachments(empty)) == [('log', b'hello'), ('stdout', b'noise\n')]


# --- mistakes in the file ---

@pytest.mark.parametrize('option, value', [('run_at', 'yesterday'), ('run_meta', 'branch'), ('run_meta', ':x'),
                                           ('run_meta', 'k:' + 'v' * 256), ('run_meta', 'a:b,,c:d')])
def test_a_bad_default_is_refused(stack, option, value):
    stack.conf.set('subunit', **{option: value})
    done = stack.manage('db', 'version', check=False)
    assert done.returncode != 0 and option in done.stderr, (done.stdout, done.stderr)
