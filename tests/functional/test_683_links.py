"""A run and its result lead to each other in the tables that other tools read, for as long as both are there.

SUBUNIT2SQL_DIR and REFSTACK_DIR name checkouts whose real code then follows the links; without one its test is skipped."""
import types

import pytest
from test_230_real_tools import use

from evidence import digest, put, stored
from streams import simple

NAMES = ('a.b', 'c.d')
OURS = ('refstack_result_id', 'tally_project', 'tally_sha256', 'tally_user')


def run_metadata(stack, run):
    return dict(stack.sql('SELECT m.`key`, m.value FROM run_metadata m JOIN runs r ON r.id = m.run_id WHERE r.uuid = %s', run))


def meta(stack, result):
    return dict(stack.sql('SELECT meta_key, value FROM meta WHERE test_id = %s', result))


def result_of(client):
    r = client.post('/v1/results', json={'cpid': 'c', 'duration_seconds': 1, 'results': [{'name': n} for n in NAMES]})
    assert r.status_code == 201, r.text
    return r.json()['test_id']


@pytest.fixture(params=['a new result', 'a result that is there', 'linked by staff'])
def linked(request, empty, demo, staff):
    """(run, result, stream, who uploaded it)"""
    data = simple(*NAMES)
    if request.param == 'a new result':
        run, result = stored(demo, data)
        return run, result, data, 'demo'
    result = result_of(demo)
    user = 'foundation' if request.param == 'linked by staff' else 'demo'
    r = put(empty.client(user), result, data)
    assert r.status_code == 200, r.text
    return r.json()['uuid'], result, data, user


def test_both_ways(linked, empty):
    run, result, data, user = linked
    assert meta(empty, result)['subunit_run'] == run
    assert run_metadata(empty, run) == {'refstack_result_id': result, 'tally_project': empty.project('demo'),
                                        'tally_sha256': digest(data), 'tally_user': empty.user_id(user)}


def test_the_result_stays_unlinked(linked, empty, demo):
    run, result, _, _ = linked
    assert demo.delete('/v1/subunit/' + run).status_code == 204
    assert 'subunit_run' not in meta(empty, result)
    assert empty.sql('SELECT COUNT(*) FROM run_metadata') == ((0,),)
    assert demo.get('/v1/results/' + result).status_code == 200
    # and may be linked anew
    r = put(demo, result, simple(*NAMES))
    assert r.status_code == 200 and meta(empty, result)['subunit_run'] == r.json()['uuid'] != run


def test_the_run_goes_with_its_result(linked, empty, demo):
    run, result, _, _ = linked
    assert demo.delete('/v1/results/' + result).status_code == 204
    assert meta(empty, result) == {} and run_metadata(empty, run) == {}
    assert empty.manage('db', 'check').stdout.splitlines()[-1] == '0 differences'


def test_nobody_writes_the_link(linked, demo):
    run, result, _, _ = linked
    assert demo.post('/v1/results/%s/meta/subunit_run' % result, data='"x"').status_code in (400, 403)
    assert demo.delete('/v1/results/%s/meta/subunit_run' % result).status_code in (400, 403)
    for key in OURS:
        r = demo.post('/v1/subunit', data=simple('x'), params={'meta.' + key: 'x'},
                      headers={'Content-Type': 'application/x-subunit'})
        assert r.status_code == 400, key


def database_of(stack):
    return types.SimpleNamespace(name='tally', server=types.SimpleNamespace(socket=stack.mariadb.socket, folder=stack.folder))


def test_real_subunit2sql_finds_the_result(linked, empty):
    run, result, _, _ = linked
    said = use('SUBUNIT2SQL_DIR', 'real_links.py', database_of(empty), run, result)
    assert said == {'runs': [run], 'metadata': run_metadata(empty, run), 'passes': [len(NAMES)]}
    assert set(said['metadata']) == set(OURS)


def test_real_refstack_finds_the_run(linked, empty):
    run, result, _, _ = linked
    said = use('REFSTACK_DIR', 'real_links.py', database_of(empty), run, result, 'refstack_alembic_version')
    assert said == {'run': run, 'user': meta(empty, result)['user'], 'results': sorted(NAMES)}
