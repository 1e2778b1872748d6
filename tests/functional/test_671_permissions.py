"""RefStack's permission table: what each kind of caller may do with each kind of result, a test a rule."""
import pytest

from results import listed, set_meta, upload, verify

# The result has the metadata user, guideline, target, and if it is shared or verified shared too. An anonymous one has
# no user. The numbers are statuses; 'yes' and 'no' say whether it stands in the list, words are the user_role.
TABLE = '''
state      rule                 nobody  stranger  owner    foundation
private    read                 401     404       200      200
private    role                 -       -         owner    foundation
private    meta                 401     404       200      200
private    meta/target          401     404       200      200
private    meta/user            401     404       200      200
private    set-target           401     404       201      201
private    set-user             403     403       403      403
private    take-target          401     404       204      204
private    take-user            403     403       403      403
private    product              401     404       201      201
private    verify               401     404       403      403
private    unverify             401     404       403      201
private    delete               401     404       204      204
private    listed               no      no        no       no
private    signed               400     no        yes      no
shared     read                 200     200       200      200
shared     role                 user    user      owner    foundation
shared     meta                 200     200       200      200
shared     meta/target          200     200       200      200
shared     meta/user            403     403       200      200
shared     set-target           403     403       201      201
shared     set-user             403     403       403      403
shared     take-target          403     403       204      204
shared     take-user            403     403       403      403
shared     product              403     403       201      201
shared     verify               403     403       403      201
shared     unverify             403     403       403      201
shared     delete               403     403       204      204
shared     listed               yes     yes       yes      yes
shared     signed               400     no        yes      no
verified   read                 200     200       200      200
verified   role                 user    user      owner    foundation
verified   meta                 200     200       200      200
verified   meta/target          200     200       200      200
verified   meta/user            403     403       200      200
verified   set-target           403     403       403      403
verified   set-user             403     403       403      403
verified   take-target          403     403       403      403
verified   take-user            403     403       403      403
verified   product              403     403       403      403
verified   verify               403     403       403      201
verified   unverify             403     403       403      201
verified   delete               403     403       403      403
verified   listed               yes     yes       yes      yes
verified   signed               400     no        yes      no
anonymous  read                 200     200       200      200
anonymous  role                 user    user      user     foundation
anonymous  meta                 200     200       200      200
anonymous  meta/target          200     200       200      200
anonymous  meta/user            403     403       403      200
anonymous  set-target           403     403       403      201
anonymous  set-user             403     403       403      403
anonymous  take-target          403     403       403      204
anonymous  take-user            403     403       403      403
anonymous  product              403     403       403      201
anonymous  verify               403     403       403      403
anonymous  unverify             403     403       403      201
anonymous  delete               403     403       403      204
anonymous  listed               yes     yes       yes      yes
anonymous  signed               400     no        no       no
'''
COLUMNS, *ROWS = [line.split() for line in TABLE.strip().splitlines()]
CASES = [(row[0], row[1], who, want) for row in ROWS for who, want in zip(COLUMNS[2:], row[2:])]
OWNERS = {'owner': 'demo', 'stranger': 'alt', 'foundation': 'foundation'}
DATABASE = ('SELECT id, product_version_id, verification_status FROM test ORDER BY id',
            'SELECT test_id, meta_key, value FROM meta ORDER BY test_id, meta_key',
            'SELECT result_id, project, user, anonymous, listed, verified FROM result_info ORDER BY result_id',
            'SELECT name FROM results ORDER BY _id')


def make(stack, state):
    demo, staff = stack.client('demo'), stack.client('foundation')
    if state == 'anonymous':
        ident = upload(stack.client())
        set_meta(staff, ident, guideline='g', target='t')
        return ident
    ident = upload(demo)
    if state == 'verified':
        verify(staff, demo, ident)
        return ident
    set_meta(demo, ident, guideline='g', target='t')
    if state == 'shared':
        set_meta(demo, ident, shared='true')
    return ident


def ask(client, ident, rule):
    path = '/v1/results/' + ident
    if rule == 'read':
        return client.get(path)
    if rule.startswith('meta'):
        return client.get('%s/%s' % (path, rule))
    if rule.startswith('set-'):
        return client.post('%s/meta/%s' % (path, rule[4:]), data='new')
    if rule.startswith('take-'):
        return client.delete('%s/meta/%s' % (path, rule[5:]))
    if rule == 'delete':
        return client.delete(path)
    return client.put(path, json={'product': {'product_version_id': None}, 'verify': {'verification_status': 1},
                                  'unverify': {'verification_status': 0}}[rule])


def outcome(client, ident, rule):
    if rule == 'role':
        r = client.get('/v1/results/' + ident)
        return r.json()['user_role'] if r.status_code == 200 else '-'
    if rule in ('listed', 'signed'):
        query = {'signed': ''} if rule == 'signed' else {}
        r = client.get('/v1/results', params=query)
        if r.status_code != 200:
            return str(r.status_code)
        return 'yes' if ident in listed(client, query) else 'no'
    return str(ask(client, ident, rule).status_code)


def content(stack):
    return [stack.sql(sql) for sql in DATABASE]


def test_the_table_is_whole():
    rules = {row[1] for row in ROWS}
    assert len(ROWS) == 4 * len(rules) == 60 and all(len(row) == 6 for row in ROWS)


@pytest.mark.parametrize('state, rule, who, want', CASES, ids=['-'.join(c[:3]) for c in CASES])
def test_rule(empty, state, rule, who, want):
    ident = make(empty, state)
    before = content(empty)
    assert outcome(empty.client(OWNERS.get(who)), ident, rule) == want
    if want[0] in '4y-nuof' or want == '200':  # a refusal and a look change nothing
        assert content(empty) == before


@pytest.mark.parametrize('state', ['private', 'shared', 'verified', 'anonymous'])
def test_a_colleague_is_as_good_as_the_uploader(empty, state):
    ident = make(empty, state)
    for rule in ('role', 'read', 'meta/user', 'listed', 'signed', 'set-target', 'product', 'delete'):
        want = [c[3] for c in CASES if c[:3] == (state, rule, 'owner')][0]
        assert outcome(empty.client('demo2'), ident, rule) == want, rule


@pytest.mark.parametrize('rule', ['role', 'read', 'meta/user', 'signed', 'listed', 'set-target', 'product', 'delete'])
def test_an_adopted_result_is_its_user_s(empty, rule):
    """Not the project's: RefStack knew none. His colleagues are strangers to it."""
    ident = make(empty, 'private')
    empty.sql('UPDATE result_info SET project = NULL')
    for user, who in (('demo2', 'stranger'), ('alt', 'stranger'), ('demo', 'owner')):
        want = [c[3] for c in CASES if c[:3] == ('private', rule, who)][0]
        assert outcome(empty.client(user), ident, rule) == want, user


def test_metadata_makes_nobody_an_owner(empty, alt):
    """meta.user is for other tools to see."""
    ident = make(empty, 'private')
    empty.sql("UPDATE meta SET value = %s WHERE meta_key = 'user'", empty.user_id('alt'))
    assert outcome(alt, ident, 'read') == '404' and outcome(alt, ident, 'signed') == 'no'


def test_what_real_refstack_unshares_is_gone_at_once(empty, anonymous, demo):
    """It knows nothing of our lists."""
    ident = make(empty, 'shared')
    empty.sql("DELETE FROM meta WHERE meta_key = 'shared'")
    assert outcome(anonymous, ident, 'read') == '401' and outcome(anonymous, ident, 'listed') == 'no'
    assert outcome(demo, ident, 'role') == 'owner'


def test_a_result_that_real_refstack_took(empty, demo, anonymous):
    """Nobody's but staff's, as long as nobody has said whose it is."""
    ident = make(empty, 'private')
    empty.sql('DELETE FROM result_info')
    assert [outcome(empty.client(u), ident, 'read') for u in ('demo', 'alt', None)] == ['404', '404', '401']
    assert outcome(empty.client('foundation'), ident, 'role') == 'foundation'
    assert listed(demo) == listed(demo, {'signed': ''}) == listed(anonymous) == []


@pytest.mark.parametrize('value', ['', 'true', 'false', 'anything'])
def test_shared_says_something(empty, anonymous, demo, value):
    """RefStack looks whether there is a value, not which one; an empty one shares nothing."""
    ident = make(empty, 'private')
    set_meta(demo, ident, shared=value)
    assert outcome(anonymous, ident, 'read') == ('200' if value else '401')
    assert outcome(anonymous, ident, 'listed') == ('yes' if value else 'no')
    assert demo.delete('/v1/results/%s/meta/shared' % ident).status_code == 204
    assert outcome(anonymous, ident, 'read') == '401' and outcome(anonymous, ident, 'listed') == 'no'


def test_what_of_the_metadata_is_shown(empty, demo, alt, staff, anonymous):
    ident = make(empty, 'verified')
    shown = {'shared': 'true', 'guideline': '2026.01', 'target': 'platform'}
    everything = {**shown, 'user': empty.user_id('demo')}
    for client, want in ((demo, everything), (staff, everything), (alt, shown), (anonymous, shown)):
        assert client.get('/v1/results/%s/meta' % ident).json() == want
        assert client.get('/v1/results/' + ident).json()['meta'] == want
        assert client.get('/v1/results').json()['results'][0]['meta'] == want
