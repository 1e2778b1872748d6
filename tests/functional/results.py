"""Results, keys and signatures as clients make them; keys and signatures by openssl itself."""
import base64
import json
import struct
import subprocess
import uuid

from evidence import refusal

NAMES = ['pkg.mod.A.test_one', 'pkg.mod.A.test_two', 'pkg.mod.B.test_three']


def body(names=NAMES, cpid='cloud', seconds=5, **more):
    return {'cpid': cpid, 'duration_seconds': seconds,
            'results': [n if isinstance(n, dict) else {'name': n} for n in names], **more}


def upload(client, doc=None, **headers):
    """The id of a result that must be taken."""
    r = client.post('/v1/results/', json=body() if doc is None else doc,
                    headers={k.replace('_', '-'): v for k, v in headers.items()})
    assert r.status_code == 201, r.text
    assert set(r.json()) == {'test_id', 'url'} and str(uuid.UUID(r.json()['test_id'])) == r.json()['test_id']
    return r.json()['test_id']


def set_meta(client, ident, **values):
    for key, value in values.items():
        r = client.post('/v1/results/%s/meta/%s' % (ident, key), data=value)
        assert r.status_code == 201, r.text


def verify(staff, owner, ident):
    """Makes a result shared and verified, as RefStack's preconditions want it."""
    set_meta(owner, ident, shared='true', guideline='2026.01', target='platform')
    r = staff.put('/v1/results/' + ident, json={'verification_status': 1})
    assert r.status_code == 201 and r.json()['verification_status'] == 1, r.text


def listed(client, query=None):
    """The ids on all pages."""
    out, page = [], 1
    while True:
        r = client.get('/v1/results', params={**(query or {}), 'page': page})
        assert r.status_code == 200, r.text
        doc = r.json()
        assert set(doc) == {'results', 'pagination'} and doc['pagination']['current_page'] == page
        out += [x['id'] for x in doc['results']]
        if page >= doc['pagination']['total_pages']:
            return out
        page += 1


def openssl(*args, data=None):
    return subprocess.run(['openssl', *args], input=data, capture_output=True, check=True, timeout=120).stdout


def field(data):
    return struct.pack('>I', len(data)) + data


def number(n):
    """An mpint: no needless zero, and never a negative one."""
    return n.to_bytes(n.bit_length() // 8 + 1, 'big')


class Key:
    """An RSA key pair that openssl made, in a file."""

    def __init__(self, folder, bits=2048, name=None, exponent=65537):
        self.path = str(folder / (name or 'key-%s' % uuid.uuid4().hex))
        openssl('genrsa', '-out', self.path, *(['-3'] if exponent == 3 else []), str(bits))
        text = openssl('rsa', '-in', self.path, '-noout', '-modulus').decode()
        self.n, self.e = int(text.strip().split('=')[1], 16), exponent

    def blob(self, e=None, n=None, kind=b'ssh-rsa'):
        return field(kind) + field(number(e or self.e)) + field(number(n or self.n))

    @property
    def text(self):
        return 'ssh-rsa ' + base64.b64encode(self.blob()).decode()

    def sign(self, data, digest='-sha256'):
        return openssl('dgst', digest, '-sign', self.path, data=data).hex()

    def registration(self, **changed):
        return {'raw_key': self.text, 'self_signature': self.sign(b'signature'), **changed}

    def headers(self, data):
        return {'X-Public-Key': self.text, 'X-Signature': self.sign(data), 'Content-Type': 'application/json'}


def register(client, key, **changed):
    """The key's id."""
    r = client.post('/v1/profile/pubkeys', json=key.registration(**changed))
    assert r.status_code == 201, r.text
    return r.json()


def signed(client, key, doc):
    """A signed upload's reply; the client is one without a token."""
    data = json.dumps(doc).encode()
    return client.post('/v1/results/', data=data, headers=key.headers(data))


def no_rows(stack):
    for table in ('test', 'results', 'meta', 'result_info', 'result_signatures'):
        assert stack.sql('SELECT COUNT(*) FROM ' + table) == ((0,),), table


__all__ = ['NAMES', 'Key', 'body', 'field', 'listed', 'no_rows', 'number', 'openssl', 'refusal', 'register', 'set_meta',
           'signed', 'upload', 'verify']
