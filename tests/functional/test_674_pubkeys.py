"""/v1/profile/pubkeys: keys, made by openssl, and who may register them."""
import base64
import hashlib
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from results import Key, field, number, openssl, refusal, register

PATH = '/v1/profile/pubkeys'


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp('keys')
    return [Key(folder) for _ in range(3)]


@pytest.fixture
def key(keys):
    return keys[0]


@pytest.mark.smoke
def test_register_list_delete(empty, demo, key):
    assert demo.get(PATH).json() == []
    ident = register(demo, key, raw_key=key.text + ' me@there')
    assert str(uuid.UUID(ident)) == ident
    assert demo.get(PATH).json() == [{'id': ident, 'openid': empty.user_id('demo'), 'format': 'ssh-rsa',
                                      'pubkey': key.text.split()[1], 'comment': 'me@there'}]
    # as real RefStack finds it
    assert empty.sql('SELECT id, openid, format, pubkey, md5_hash, comment FROM pubkeys') == (
        (ident, empty.user_id('demo'), 'ssh-rsa', key.text.split()[1], hashlib.md5(key.blob()).hexdigest(), 'me@there'),)
    assert empty.sql('SELECT openid, fullname FROM user') == ((empty.user_id('demo'), 'demo'),)
    assert demo.delete(PATH + '/' + ident).status_code == 204
    assert demo.get(PATH).json() == []
    refusal(demo.delete(PATH + '/' + ident), 404)
    assert register(demo, key) != ident


def test_nobody(stack, anonymous, key):
    for r in (anonymous.get(PATH), anonymous.post(PATH, json=key.registration()),
              anonymous.delete(PATH + '/' + str(uuid.uuid4()))):
        refusal(r, 401)


@pytest.mark.parametrize('bits', [1024, 3072, 8192])
def test_sizes(empty, demo, tmp_path, bits):
    if bits < 8192:
        register(demo, Key(tmp_path, bits))
        return
    # making one that large takes openssl a minute; its size is looked at before its signature
    body = {'raw_key': 'ssh-rsa ' + base64.b64encode(field(b'ssh-rsa') + field(b'\x03') + field(number(2 ** 8192 + 1))).decode(),
            'self_signature': '00'}
    refusal(demo.post(PATH, json=body), 400, '8193 bits')


def test_too_small(empty, demo, tmp_path):
    refusal(demo.post(PATH, json=Key(tmp_path, 768).registration()), 400, '768 bits')


def test_exponent_three(empty, demo, tmp_path):
    register(demo, Key(tmp_path, 2048, exponent=3))


def test_one_key_has_one_owner(empty, demo, alt, staff, key):
    """Not even with the private key at hand; nor the same user once more."""
    ident = register(demo, key)
    for user in ('demo', 'demo2', 'alt', 'foundation'):
        refusal(empty.client(user).post(PATH, json=key.registration()), 409, 'already')
    # neither under another comment nor between other blanks
    for text in (key.text + ' other', '  %s\t%s \n' % tuple(key.text.split())):
        refusal(alt.post(PATH, json=key.registration(raw_key=text)), 409)
    for client in (alt, staff, empty.client('demo2')):
        assert client.get(PATH).json() == []
        refusal(client.delete(PATH + '/' + ident), 404)
    assert [k['id'] for k in demo.get(PATH).json()] == [ident]
    assert demo.delete(PATH + '/' + ident).status_code == 204
    register(alt, key)


def test_claimed_by_many_at_once(empty, keys):
    users = ['demo', 'alt', 'foundation', 'demo2', 'demo', 'alt']
    clients = [empty.client(u) for u in users]
    for key in keys:
        body = key.registration()
        with ThreadPoolExecutor(6) as pool:
            codes = list(pool.map(lambda c: c.post(PATH, json=body).status_code, clients))
        assert sorted(codes) == [201] + [409] * 5
    assert empty.sql('SELECT COUNT(*) FROM pubkeys') == empty.sql('SELECT COUNT(*) FROM pubkey_info') == ((3,),)


def test_several_keys(empty, demo, alt, keys):
    idents = [register(demo, k) for k in keys[:2]]
    register(alt, keys[2])
    assert [k['id'] for k in demo.get(PATH).json()] == idents


def signatures(key, other):
    good = key.sign(b'signature')
    return {'of another key': other.sign(b'signature'), 'of another word': key.sign(b'Signature'),
            'of nothing': key.sign(b''), 'by another digest': key.sign(b'signature', '-sha1'), 'cut': good[:-2],
            'longer': good + '00', 'half a byte': good[:-1], 'a bit': '%0*x' % (len(good), int(good, 16) ^ 1),
            'zero': '0' * len(good), 'empty': '', 'no hex': 'x' * len(good),
            # the message itself, as it stands between its padding
            'unsigned': (b'\0\1' + b'\xff' * (256 - 54) + b'\0' + hashlib.sha256(b'signature').digest()).hex()}


@pytest.mark.parametrize('kind', ['of another key', 'of another word', 'of nothing', 'by another digest', 'cut', 'longer',
                                  'half a byte', 'a bit', 'zero', 'empty', 'no hex', 'unsigned'])
def test_signatures_that_do_not_hold(empty, demo, keys, kind):
    text = signatures(keys[0], keys[1])[kind]
    refusal(demo.post(PATH, json=keys[0].registration(self_signature=text)), 400, 'ignature')
    assert empty.sql('SELECT COUNT(*) FROM pubkeys') == empty.sql('SELECT COUNT(*) FROM pubkey_info') == ((0,),)


def bad_keys(key):
    encode = base64.b64encode
    text = key.text.split()[1]
    return {'nothing': '', 'no base64': 'ssh-rsa !!!!', 'one word': 'ssh-rsa', 'format': 'ssh-dss ' + text,
            'ed25519': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJr2', 'pem': '-----BEGIN PUBLIC KEY-----\n' + text,
            'exponent one': 'ssh-rsa ' + encode(key.blob(e=1)).decode(),
            'exponent even': 'ssh-rsa ' + encode(key.blob(e=4)).decode(),
            'exponent huge': 'ssh-rsa ' + encode(key.blob(e=2 ** 64 + 1)).decode(),
            'something behind': 'ssh-rsa ' + encode(key.blob() + b'\0').decode(),
            'needless zero': 'ssh-rsa ' + encode(field(b'ssh-rsa') + field(b'\0\1\0\1') + field(number(key.n))).decode(),
            'cut': 'ssh-rsa ' + encode(key.blob()[:-1]).decode(), 'no padding': 'ssh-rsa ' + text.rstrip('=') + 'A',
            'length over the end': 'ssh-rsa ' + encode(b'\xff\xff\xff\xffssh-rsa').decode(),
            'long': 'ssh-rsa ' + 'A' * 100000, 'a comment too long': key.text + ' ' + 'c' * 129,
            'NUL in the comment': key.text + ' a\0b'}


@pytest.mark.parametrize('kind', ['nothing', 'no base64', 'one word', 'format', 'ed25519', 'pem', 'exponent one',
                                  'exponent even', 'exponent huge', 'something behind', 'needless zero', 'cut',
                                  'no padding', 'length over the end', 'long', 'a comment too long',
                                  'NUL in the comment'])
def test_keys_that_are_none(empty, demo, key, kind):
    refusal(demo.post(PATH, json=key.registration(raw_key=bad_keys(key)[kind])), 400)
    assert empty.sql('SELECT COUNT(*) FROM pubkeys') == ((0,),)


def test_exponent_one_signs_nothing(empty, demo, key):
    """Whose public exponent is 1, anybody's padded digest is its signature."""
    info = bytes.fromhex('3031300d060960864801650304020105000420') + hashlib.sha256(b'signature').digest()
    forged = b'\0\1' + b'\xff' * (256 - 3 - len(info)) + b'\0' + info
    body = {'raw_key': bad_keys(key)['exponent one'], 'self_signature': forged.hex()}
    refusal(demo.post(PATH, json=body), 400, 'cannot be')


@pytest.mark.parametrize('body', [{}, [], {'raw_key': 'x'}, {'self_signature': '00'}, {'raw_key': 5, 'self_signature': '0'},
                                  {'raw_key': None, 'self_signature': None}])
def test_bodies_that_are_none(empty, demo, body):
    refusal(demo.post(PATH, json=body), 400)


def test_unknown_members_and_parameters(empty, demo, key):
    refusal(demo.post(PATH, json=key.registration(openid='me')), 400, 'openid')
    refusal(demo.get(PATH + '?x=1'), 400)
    for ident in ('x', '%27', str(uuid.uuid4()).upper(), str(uuid.uuid4())):
        refusal(demo.delete(PATH + '/' + ident), 404)


def test_hostile_comment(empty, demo, key):
    comment = "é'; DROP TABLE pubkeys; -- \U0001f600"
    register(demo, key, raw_key=key.text + ' ' + comment)
    assert demo.get(PATH).json()[0]['comment'] == comment


def adopt(stack, key, user):
    """A key as real RefStack left it, and as the migration saw it."""
    ident = str(uuid.uuid4())
    with stack.connect() as db, db.cursor() as cur:
        cur.execute("INSERT INTO user (created_at, deleted, openid) VALUES ('2016-01-01', 0, %s)", (user,))
        cur.execute("INSERT INTO pubkeys (id, created_at, deleted, openid, format, pubkey, md5_hash, comment)"
                    " VALUES (%s, '2016-01-01', 0, %s, 'ssh-rsa', %s, MD5(FROM_BASE64(%s)), '')",
                    (ident, user, key.text.split()[1], key.text.split()[1]))
        cur.execute("INSERT INTO pubkey_info (pubkey_id, user, created_at, key_sha256)"
                    " VALUES (%s, %s, '2016-01-01', %s)", (ident, user, hashlib.sha256(key.blob()).digest()))
    return ident


def test_an_adopted_key(empty, demo, alt, key):
    """It is its user's, who registers it anew; nobody else can."""
    ident = adopt(empty, key, empty.user_id('demo'))
    assert [k['id'] for k in demo.get(PATH).json()] == [ident] and alt.get(PATH).json() == []
    refusal(alt.post(PATH, json=key.registration()), 409)
    assert register(demo, key) == ident
    refusal(demo.post(PATH, json=key.registration()), 409)
    assert empty.sql('SELECT project FROM pubkey_info') == ((empty.project('demo'),),)
    assert demo.delete(PATH + '/' + ident).status_code == 204


def test_openssl_agrees(key, tmp_path):
    """What this file calls a key is what ssh-keygen's own form would be: openssl reads the numbers back."""
    public = openssl('rsa', '-in', key.path, '-RSAPublicKey_out', '-outform', 'DER')
    assert number(key.n) in public and number(key.e) in public
