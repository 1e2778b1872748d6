"""GET /v1/subunit/{uuid}/compare/{other}."""
import pytest

from evidence import refusal, stored
from streams import Stream

KINDS = ['newly_failing', 'fixed', 'still_failing', 'slower', 'only_in_new', 'only_in_base']
BASE = {'t.ok': ('success', 2), 't.breaks': ('success', 1), 't.mends': ('fail', 1), 't.bad': ('fail', 1),
        't.slow': ('success', 2), 't.bit_slow': ('success', 0.1), 't.gone': ('fail', 1), 't.skipped': ('skip', 1),
        't.xfails': ('xfail', 1), 't.was_skipped': ('skip', 1), 't.odd': ('uxsuccess', 1)}
NEW = {'t.ok': ('success', 2), 't.breaks': ('fail', 1), 't.mends': ('success', 1), 't.bad': ('uxsuccess', 1),
       't.slow': ('success', 5), 't.bit_slow': ('success', 0.9), 't.new_good': ('success', 1), 't.new_bad': ('fail', 1),
       't.skipped': ('skip', 9), 't.xfails': ('success', 1), 't.was_skipped': ('fail', 1), 't.odd': ('skip', 1)}


def run(client, tests, salt):
    s = Stream()
    s.now = s.now.replace(microsecond=salt)
    for name, (status, seconds) in tests.items():
        s.test(name, status, seconds)
    return stored(client, s.bytes())[0]


@pytest.fixture
def pair(empty, demo):
    return run(demo, BASE, 1), run(demo, NEW, 2)


def names(doc):
    return {kind: [t['test_id'] for t in doc[kind]] for kind in KINDS}


def test_compare(pair, demo, staff, alt):
    base, new = pair
    path = '/v1/subunit/%s/compare/%s' % (new, base)
    doc = demo.get(path).json()
    assert list(doc) == ['new', 'base'] + KINDS
    assert (doc['new']['uuid'], doc['base']['uuid']) == (new, base)
    assert names(doc) == {'newly_failing': ['t.breaks', 't.was_skipped'], 'fixed': ['t.mends'],
                          'still_failing': ['t.bad'], 'slower': ['t.slow'],
                          'only_in_new': ['t.new_bad', 't.new_good'], 'only_in_base': ['t.gone']}
    slow = doc['slower'][0]
    assert (slow['run_time'], slow['base_run_time'], slow['status']) == (5.0, 2.0, 'success')
    assert doc['only_in_base'][0]['status'] is None and doc['only_in_base'][0]['base_status'] == 'fail'
    assert demo.get('/v1/tests/%d' % slow['id']).json()['test_id'] == 't.slow'
    back = names(demo.get('/v1/subunit/%s/compare/%s' % (base, new)).json())
    assert back['newly_failing'] == ['t.mends', 't.odd'] and back['only_in_base'] == ['t.new_bad', 't.new_good']
    assert names(demo.get('/v1/subunit/%s/compare/%s' % (new, new)).json())['still_failing'] == [
        't.bad', 't.breaks', 't.new_bad', 't.was_skipped']
    assert names(demo.get(path + '?threshold=3').json())['slower'] == []
    assert names(staff.get(path).json())['fixed'] == ['t.mends']
    refusal(alt.get(path), 404)


def test_refused(pair, demo, alt):
    base, new = pair
    others = run(alt, {'a': ('success', 1)}, 3)
    refusal(demo.get('/v1/subunit/%s/compare/%s' % (new, others)), 404, others)
    refusal(demo.get('/v1/subunit/%s/compare/%s' % (others, new)), 404, others)
    refusal(demo.get('/v1/subunit/%s/compare/x' % new), 404)
    for query in ('threshold=', 'threshold=x', 'threshold=0.5', 'threshold=nan', 'threshold=inf', 'threshold=2x',
                  'limit=1'):
        refusal(demo.get('/v1/subunit/%s/compare/%s?%s' % (new, base, query)), 400)
