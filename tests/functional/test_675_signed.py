"""Uploads signed with a registered key; those that are forged, cut, another key's, or seen before."""
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from results import NAMES, Key, body, listed, no_rows, refusal, register, signed, upload

PATH = '/v1/results/'


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp('keys')
    return [Key(folder) for _ in range(2)]


@pytest.fixture
def key(empty, demo, keys):
    """One that demo has registered."""
    register(demo, keys[0])
    return keys[0]


def send(client, data, headers):
    return client.post(PATH, data=data, headers={'Content-Type': 'application/json', **headers})


@pytest.mark.smoke
def test_signed(empty, anonymous, demo, alt, key):
    r = signed(anonymous, key, body())
    assert r.status_code == 201, r.text
    ident = r.json()['test_id']
    assert demo.get(PATH + ident).json()['user_role'] == 'owner'
    assert demo.get(PATH + ident).json()['meta'] == {'user': empty.user_id('demo')}
    assert empty.client('demo2').get(PATH + ident).json()['results'] == NAMES
    refusal(anonymous.get(PATH + ident), 401)
    refusal(alt.get(PATH + ident), 404)
    assert listed(demo, {'signed': ''}) == [ident] and listed(anonymous) == []
    assert empty.sql('SELECT project, user, anonymous FROM result_info') == (
        (empty.project('demo'), empty.user_id('demo'), 0),)


def test_signed_where_anonymity_is_off(stack, empty, anonymous, key):
    stack.conf.set('api', enable_anonymous_upload='false')
    stack.reload()
    assert signed(anonymous, key, body()).status_code == 201
    refusal(anonymous.post(PATH, json=body()), 401)


def test_unregistered(empty, anonymous, keys):
    r = signed(anonymous, keys[1], body())
    refusal(r, 401, 'not found')
    assert 'WWW-Authenticate' in r.headers
    no_rows(empty)


def test_deleted_key(empty, demo, anonymous, key):
    ident = demo.get('/v1/profile/pubkeys').json()[0]['id']
    assert demo.delete('/v1/profile/pubkeys/' + ident).status_code == 204
    refusal(signed(anonymous, key, body()), 401)
    no_rows(empty)


def test_key_that_other_tools_deleted(empty, demo, anonymous, key):
    empty.sql('DELETE FROM pubkeys')
    refusal(signed(anonymous, key, body()), 401)


def test_adopted_key_signs_for_nobody(empty, anonymous, key):
    empty.sql('UPDATE pubkey_info SET project = NULL')
    refusal(signed(anonymous, key, body()), 401)
    no_rows(empty)


FORGED = {
    'body changed': lambda k, o, d: (d.replace(b'"cloud"', b'"other"'), k.headers(d)),
    'body with a blank more': lambda k, o, d: (d + b' ', k.headers(d)),
    'body cut': lambda k, o, d: (d[:-1], k.headers(d)),
    'empty body': lambda k, o, d: (b'', k.headers(d)),
    'wrong key': lambda k, o, d: (d, {**o.headers(d), 'X-Public-Key': k.text}),
    'the other way': lambda k, o, d: (d, {**k.headers(d), 'X-Public-Key': o.text}),
    'signature cut': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': k.sign(d)[:-2]}),
    'half a byte': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': k.sign(d)[:-1]}),
    'signature longer': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': k.sign(d) + '00'}),
    'a bit': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': '%0512x' % (int(k.sign(d), 16) ^ 1)}),
    'modulus added': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': '%x' % (int(k.sign(d), 16) + k.n)}),
    'zero': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': '0' * 512}),
    'one': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': '%0512x' % 1}),
    'no hex': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': 'z' * 512}),
    'empty signature': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': ''}),
    'sha1': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': k.sign(d, '-sha1')}),
    'sha512': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': k.sign(d, '-sha512')}),
    'no signature': lambda k, o, d: (d, {'X-Public-Key': k.text}),
    'no key': lambda k, o, d: (d, {'X-Signature': k.sign(d)}),
    'empty key': lambda k, o, d: (d, {**k.headers(d), 'X-Public-Key': ''}),
    'half a key': lambda k, o, d: (d, {**k.headers(d), 'X-Public-Key': k.text[:100]}),
    'the self-signature': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': k.sign(b'signature')}),
    'signature of nothing': lambda k, o, d: (d, {**k.headers(d), 'X-Signature': k.sign(b'')}),
}


@pytest.mark.parametrize('kind', FORGED)
def test_forged(empty, anonymous, key, keys, kind):
    """Never stored: not as the key's, and not as an anonymous result either."""
    data, headers = FORGED[kind](key, keys[1], json.dumps(body()).encode())
    refusal(send(anonymous, data, headers), 400)
    no_rows(empty)


def test_repeated_headers(stack, empty, key):
    data = json.dumps(body())
    for name in ('X-Signature', 'X-Public-Key'):
        value = key.headers(data.encode())
        r = stack.curl('-o', '/dev/null', '-w', '%{http_code}', '-H', 'Content-Type: application/json', '-H',
                       'X-Signature: ' + value['X-Signature'], '-H', 'X-Public-Key: ' + value['X-Public-Key'], '-H',
                       '%s: %s' % (name, value[name]), '--data-binary', data, stack.url + PATH)
        assert r.stdout == b'400'
    no_rows(empty)


def test_replayed(empty, anonymous, demo, key):
    """Whoever has seen a signed body cannot send it again, not even when its result has gone."""
    data = json.dumps(body()).encode()
    headers = key.headers(data)
    first = send(anonymous, data, headers)
    assert first.status_code == 201
    for client in (anonymous, demo):
        doc = refusal(send(client, data, headers), 409, 'signed this body before')
        assert {k: doc[k] for k in ('test_id', 'url')} == first.json()
    # the same signature in capitals, the key under another comment
    again = {**headers, 'X-Signature': headers['X-Signature'].upper(), 'X-Public-Key': key.text + ' else'}
    refusal(send(anonymous, data, again), 409)
    assert empty.sql('SELECT COUNT(*) FROM test') == ((1,),)
    assert demo.delete(PATH + first.json()['test_id']).status_code == 204
    refusal(send(anonymous, data, headers), 409)
    # the key registered anew knows it still
    ident = demo.get('/v1/profile/pubkeys').json()[0]['id']
    assert demo.delete('/v1/profile/pubkeys/' + ident).status_code == 204
    register(demo, key)
    refusal(send(anonymous, data, headers), 409)
    # a body that says something else is another one
    assert signed(anonymous, key, body(seconds=6)).status_code == 201


def test_replayed_at_once(empty, stack, key):
    data = json.dumps(body()).encode()
    headers = key.headers(data)
    clients = [stack.client() for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(lambda c: send(c, data, headers), clients))
    assert sorted(r.status_code for r in replies) == [201] + [409] * 5
    assert len({r.json()['test_id'] for r in replies}) == 1
    assert empty.sql('SELECT COUNT(*) FROM test') == empty.sql('SELECT COUNT(*) FROM result_signatures') == ((1,),)


def test_two_keys_may_sign_the_same(empty, anonymous, demo, alt, key, keys):
    register(alt, keys[1])
    a, b = signed(anonymous, key, body()), signed(anonymous, keys[1], body())
    assert a.status_code == b.status_code == 201
    assert listed(demo, {'signed': ''}) == [a.json()['test_id']]
    assert listed(alt, {'signed': ''}) == [b.json()['test_id']]


def test_refused_bodies_are_not_remembered(empty, anonymous, key):
    """A signed body that was refused may be mended by whoever configures the service; it was not taken."""
    refusal(signed(anonymous, key, body([])), 400, 'at least one')
    assert empty.sql('SELECT COUNT(*) FROM result_signatures') == ((0,),)


def test_token_and_signature(empty, demo, alt, key):
    """Both must say the same."""
    assert signed(demo, key, body()).status_code == 201
    refusal(signed(alt, key, body(seconds=7)), 403)
    refusal(signed(empty.client('demo2'), key, body(seconds=7)), 403)
    refusal(signed(empty.with_token('gAAAAnonsense'), key, body(seconds=7)), 401)
    assert empty.sql('SELECT COUNT(*) FROM test') == ((1,),)


def test_same_content_by_token_is_no_replay(empty, demo):
    assert upload(demo) != upload(demo)
    assert empty.sql('SELECT COUNT(*) FROM result_signatures') == ((0,),)


def test_the_largest_key(empty, demo, anonymous, tmp_path):
    """4096 bits: the signature and the key fit into nginx's header buffers."""
    big = Key(tmp_path, 4096)
    register(demo, big)
    r = signed(anonymous, big, body())
    assert r.status_code == 201, r.text
    row = empty.sql('SELECT key_sha256, body_sha256 FROM result_signatures')[0]
    assert row == (hashlib.sha256(big.blob()).digest(), hashlib.sha256(json.dumps(body()).encode()).digest())


def test_only_uploads_are_signed(empty, anonymous, key):
    """A signature is no identity anywhere else."""
    for method, path in (('GET', '/v1/profile'), ('GET', '/v1/profile/pubkeys'), ('GET', '/v1/subunit')):
        refusal(anonymous.request(method, path, headers=key.headers(b'')), 401)
