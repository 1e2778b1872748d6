"""What the permission table of results (test_671_permissions.py) means for the run that is linked to a result, for a
result that came signed, and who may do what with keys: a test a cell."""
import pytest

from evidence import put, stored
from results import NAMES, Key, body, register, set_meta, signed, upload, verify
from streams import Stream
from test_671_permissions import CASES, OWNERS, content, outcome

# A run shows what its project did: a result that everybody may see does not open it. "link" is a stream for a result
# that has none yet, "again" one for a result that has; the run is what staff or the owner linked before.
TABLE = '''
state      rule        nobody  stranger  owner    foundation
private    run         401     404       200      200
private    by-result   401     404       200      200
private    stream      401     404       200      200
private    attachment  401     404       200      200
private    compare     401     404       200      200
private    listed      401     no        yes      yes
private    history     401     404       200      200
private    link        401     404       200      200
private    again       401     404       409      409
private    unlink      401     404       204      204
shared     run         401     404       200      200
shared     by-result   401     404       200      200
shared     stream      401     404       200      200
shared     attachment  401     404       200      200
shared     compare     401     404       200      200
shared     listed      401     no        yes      yes
shared     history     401     404       200      200
shared     link        401     404       200      200
shared     again       401     404       409      409
shared     unlink      401     404       204      204
verified   run         401     404       200      200
verified   by-result   401     404       200      200
verified   stream      401     404       200      200
verified   attachment  401     404       200      200
verified   compare     401     404       200      200
verified   listed      401     no        yes      yes
verified   history     401     404       200      200
verified   link        401     404       403      403
verified   again       401     404       403      403
verified   unlink      401     404       403      403
anonymous  run         401     404       404      200
anonymous  by-result   401     404       404      200
anonymous  stream      401     404       404      200
anonymous  attachment  401     404       404      200
anonymous  compare     401     404       404      200
anonymous  listed      401     no        no       yes
anonymous  history     401     404       404      200
anonymous  link        401     404       404      200
anonymous  again       401     404       404      409
anonymous  unlink      401     404       404      204
'''
COLUMNS, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CELLS = [(row[0], row[1], who, want) for row in ROWS for who, want in zip(COLUMNS[2:], row[2:])]


def data(salt):
    """A stream in which the result's tests pass; the same for one salt only."""
    s = Stream()
    s.now = s.now.replace(microsecond=salt)
    for test in NAMES:
        s.test(test, files=[('log', 'text/plain', b'x')])
    return s.bytes()


def make(stack, state, linked):
    """(result, run or None) in this state; the run is linked before the result is verified."""
    demo, staff = stack.client('demo'), stack.client('foundation')
    ident = upload(stack.client() if state == 'anonymous' else demo)
    run = None
    if linked:
        r = put(staff if state == 'anonymous' else demo, ident, data(1))
        assert r.status_code == 200, r.text
        run = r.json()['uuid']
    if state == 'shared':
        set_meta(demo, ident, shared='true')
    if state == 'verified':
        verify(staff, demo, ident)
    return ident, run


def ask(stack, client, rule, ident, run):
    path = '/v1/subunit/%s' % run
    if rule == 'listed':
        r = client.get('/v1/subunit')
        return str(r.status_code) if r.status_code != 200 else 'yes' if run in [x['uuid'] for x in r.json()['runs']] else 'no'
    if rule in ('link', 'again'):
        r = put(client, ident, data(2))
    elif rule == 'unlink':
        r = client.delete(path)
    elif rule == 'history':
        r = client.get('/v1/tests/%d/runs' % stack.sql('SELECT MIN(test_id) FROM test_runs')[0][0])
    else:
        r = client.get({'run': path, 'by-result': '/v1/subunit?result_id=' + ident, 'stream': path + '/stream',
                        'attachment': path + '/attachments/%d' % stack.sql('SELECT MIN(id) FROM attachments')[0][0],
                        'compare': '%s/compare/%s' % (path, run)}[rule])
    return str(r.status_code)


def evidence(stack):
    return content(stack) + [stack.sql('SELECT r.uuid, i.project, i.user, i.result_id FROM runs r JOIN run_info i'
                                       ' ON i.run_id = r.id ORDER BY r.id')]


def test_696_the_table_is_whole():
    rules = {row[1] for row in ROWS}
    assert len(ROWS) == 4 * len(rules) == 40 and all(len(row) == 6 for row in ROWS)


@pytest.mark.parametrize('state, rule, who, want', CELLS, ids=['-'.join(c[:3]) for c in CELLS])
def test_696_cell(empty, state, rule, who, want):
    ident, run = make(empty, state, rule != 'link')
    before = evidence(empty)
    assert ask(empty, empty.client(OWNERS.get(who)), rule, ident, run) == want
    changed = evidence(empty) != before
    assert changed == ((rule, want) in (('link', '200'), ('unlink', '204')))


SIGNED = sorted({c[1] for c in CASES})


@pytest.mark.parametrize('rule', SIGNED)
def test_696_signed_is_as_sent_with_a_token(empty, tmp_path_factory, rule):
    """Every rule of a private result, for one whose body was signed: the key's project owns it."""
    key = Key(tmp_path_factory.mktemp('key'), 1024)
    register(empty.client('demo'), key)
    for number, who in enumerate(('nobody', 'stranger', 'owner', 'foundation')):
        r = signed(empty.client(), key, body(seconds=number))
        assert r.status_code == 201, r.text
        set_meta(empty.client('demo'), r.json()['test_id'], guideline='g', target='t')
        want = [c[3] for c in CASES if c[:3] == ('private', rule, who)][0]
        assert outcome(empty.client(OWNERS.get(who)), r.json()['test_id'], rule) == want, who


# Whose the key is that another one asks for: staff are no more than others.
KEYS = '''
rule       nobody  stranger  colleague  owner  foundation
list       401     none      none       one    none
register   401     409       409        409    409
delete     401     404       404        204    404
sign       201     403       403        201    403
'''


@pytest.mark.parametrize('rule, who, want', [(row.split()[0], who, want) for row in KEYS.strip().splitlines()[1:]
                                             for who, want in zip(KEYS.split()[1:6], row.split()[1:])])
def test_696_keys(empty, tmp_path_factory, rule, who, want):
    """"sign" is an upload that this key signed, with the caller's token beside it."""
    key = Key(tmp_path_factory.mktemp('key'), 1024)
    ident = register(empty.client('demo'), key)
    client = empty.client({**OWNERS, 'colleague': 'demo2'}.get(who))
    before = empty.sql('SELECT id, openid FROM pubkeys ORDER BY 1')
    if rule == 'list':
        r = client.get('/v1/profile/pubkeys')
        found = str(r.status_code) if r.status_code != 200 else {0: 'none', 1: 'one'}[len(r.json())]
    elif rule == 'register':
        found = str(client.post('/v1/profile/pubkeys', json=key.registration()).status_code)
    elif rule == 'delete':
        found = str(client.delete('/v1/profile/pubkeys/' + ident).status_code)
    else:
        found = str(signed(client, key, body()).status_code)
    assert found == want
    assert (empty.sql('SELECT id, openid FROM pubkeys ORDER BY 1') == before) == ((rule, want) != ('delete', '204'))
    assert empty.sql('SELECT COUNT(*) FROM test') == ((1 if (rule, want) == ('sign', '201') else 0,),)


def test_696_a_verified_result_keeps_its_run_in_a_sweep(empty, demo, staff):
    """Neither its deletion by staff nor `db expire` takes the evidence of a verified result."""
    run, result = stored(demo, data(3))
    verify(staff, demo, result)
    before = evidence(empty)
    empty.manage('db', 'expire', '--days', '0')
    assert staff.delete('/v1/subunit/' + run).status_code == 403
    assert evidence(empty) == before
