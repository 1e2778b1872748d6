"""`tally upload` and `tally upload-subunit` against the real service: what is sent, what is stored, what is said."""
import gzip
import hashlib
import json
import subprocess
import sys

import pytest

from evidence import counts, nothing, zstd
from results import NAMES, Key, body, register
from streams import corpus, simple
from tally_command import CANNOT_CREATE, DATA, NO_INPUT, NOT_ALLOWED, USAGE, Tally

CPID = 'cafe' * 8


def paths(stack, method):
    """What was asked of the service in this test by METHOD, without what the fixtures did."""
    return [r['path'] for r in stack.log_records(stack.mark) if r.get('method') == method]


@pytest.mark.smoke
def test_stream_becomes_run(stack, tally, demo):
    stream = simple(*NAMES)
    made = tally.json('upload-subunit', tally.file('run.subunit', stream), '--meta', 'branch=master',
                      '--meta', 'note=a b&c=ü', '--run-at', '2026-03-01T12:00:00Z', '--artifacts', 'https://logs/1')
    assert made['stored_before'] is False
    run = demo.get('/v1/subunit/' + made['run']).json()['subunit-data']
    assert run['result-id'] == made['result'] and run['passes'] == 3 and run['run_at'] == '2026-03-01T12:00:00Z'
    assert run['artifacts'] == 'https://logs/1'
    meta = {m['key']: m['value'] for m in run['metadata']}
    assert meta['branch'] == 'master' and meta['note'] == 'a b&c=ü'
    # the cpid is the identity service's id, as refstack-client has it
    catalog = stack.token_and_doc('demo')[1]['catalog']
    assert run['cpid'] == next(s['id'] for s in catalog if s['type'] == 'identity')


def test_cpid_of_an_endpoint(tally, demo):
    made = tally.json('upload-subunit', tally.file('run', simple()), '--keystone-endpoint',
                      'https://user@Cloud.Example:5000/v3')
    run = demo.get('/v1/subunit/' + made['run']).json()['subunit-data']
    assert run['cpid'] == hashlib.md5(b'cloud.example').hexdigest()
    assert 'no http' in tally.fails(USAGE, 'upload-subunit', tally.file('run', simple()), '--keystone-endpoint',
                                    'cloud.example:5000')


def test_formats(stack, tally):
    out = tally('upload-subunit', tally.file('a', simple()))
    lines = dict(line.split(None, 1) for line in out.splitlines())
    assert set(lines) == {'run', 'result', 'url'} and lines['url'].endswith('/v1/subunit/' + lines['run'])
    run, result, url = tally('upload-subunit', tally.file('b', simple()), '-f', 'value').splitlines()
    assert url.endswith(run) and len(result) == 36
    assert len(tally('upload-subunit', tally.file('c', simple()), '-f', 'value', '-c', 'run').strip()) == 36
    assert 'there are run result url' in tally.fails(USAGE, 'upload-subunit', tally.file('d', simple()), '-c', 'nope')
    assert counts(stack)['runs'] == 3  # said before anything is sent


@pytest.mark.parametrize('pack', [gzip.compress, zstd])
@pytest.mark.parametrize('pipe', [False, True])
def test_compressed(tally, demo, pack, pipe):
    data = pack(simple(*NAMES))
    made = tally.json('upload-subunit', '-', stdin=data) if pipe else tally.json('upload-subunit',
                                                                               tally.file('x', data))
    assert demo.get('/v1/subunit/' + made['run']).json()['subunit-data']['passes'] == 3


def test_shards_are_one_run(stack, tally, demo):
    shards = [tally.file('%d' % i, simple('shard%d.test' % i)) for i in range(3)]
    made = tally.json('upload-subunit', *shards)
    doc = demo.get('/v1/subunit/' + made['run']).json()
    assert [t['test_id'] for t in doc['tests']] == ['shard0.test', 'shard1.test', 'shard2.test']
    assert counts(stack)['runs'] == 1
    said = tally.fails(DATA, 'upload-subunit', shards[0], tally.file('z', gzip.compress(simple())))
    assert 'compressed' in said and counts(stack)['runs'] == 1
    assert 'alone' in tally.fails(DATA, 'upload-subunit', shards[0], '-', stdin=simple())


def test_the_same_again_is_stored_once(stack, tally):
    path = tally.file('run', simple())
    first = tally.json('upload-subunit', path)
    done = tally.run('upload-subunit', path, '-f', 'json')
    assert done.returncode == 0 and 'stored before' in done.stderr
    assert json.loads(done.stdout) == {**first, 'stored_before': True}
    assert counts(stack)['runs'] == 1


def test_upload_sends_no_evidence_unasked(stack, tally, demo):
    """The seed's opt-in: without --subunit the service is asked for /v1/results alone, and no table of runs has a row;
    a stream beside the file, or in it, does not go out."""
    tally.file('results.subunit', simple(*NAMES))
    done = tally.run('upload', tally.file('results.json', json.dumps(body(cpid=CPID))), '-f', 'json')
    made = json.loads(done.stdout)
    assert made['run'] is None and 'evidence' not in done.stderr
    assert paths(stack, 'POST') == ['/v1/results'] and paths(stack, 'PUT') == []
    sent = sum(r['bytes_in'] for r in stack.log_records(stack.mark) if r.get('method') in ('POST', 'PUT'))
    assert sent == len(json.dumps(body(cpid=CPID)))
    rows = counts(stack)
    assert rows['test'] == 1 and not any(rows[t] for t in ('runs', 'run_info', 'test_runs', 'attachments', 'tests'))
    assert demo.get('/v1/results/' + made['result']).json()['cpid'] == CPID
    # a stream in the place of the result does not go either
    mark = stack.log_size()
    assert 'no result' in tally.fails(DATA, 'upload', 'results.subunit')
    assert stack.log_records(mark) == []
    # nor do the run's options make it go
    assert 'with --subunit' in tally.fails(USAGE, 'upload', 'results.json', '--meta', 'a=b')


def test_upload_with_evidence(stack, tally, demo):
    stream = tally.file('run.subunit', simple(*NAMES))
    done = tally.run('upload', tally.file('r.json', json.dumps(body())), '--subunit', stream, '-f', 'json')
    made = json.loads(done.stdout)
    assert "foundation's staff can see it" in done.stderr
    run = demo.get('/v1/subunit/' + made['run']).json()['subunit-data']
    assert run['result-id'] == made['result'] and run['passes'] == 3
    assert paths(stack, 'PUT') == ['/v1/subunit/' + made['result']]


def test_evidence_that_does_not_agree(stack, tally, demo):
    stream = tally.file('run.subunit', simple('another.test'))
    done = tally.run('upload', tally.file('r.json', json.dumps(body())), '--subunit', stream)
    assert done.returncode == DATA and 'are not the result' in done.stderr and '--link' in done.stderr
    rows = counts(stack)
    assert rows['runs'] == 0 and rows['test'] == 1


def test_link(stack, tally, demo):
    made = tally.json('upload', tally.file('r.json', json.dumps(body())))
    path = tally.file('run', simple(*NAMES))
    linked = tally.json('upload-subunit', path, '--link', made['result'])
    assert linked['result'] == made['result']
    # again: the same answer; onto another result: no
    assert tally.json('upload-subunit', path, '--link', made['result']) == {**linked, 'stored_before': True}
    other = tally.json('upload', tally.file('r.json', json.dumps(body())))['result']
    said = tally.fails(CANNOT_CREATE, 'upload-subunit', path, '--link', other)
    assert made['result'] in said
    assert 'not found' in tally.fails(NO_INPUT, 'upload-subunit', path, '--link', 'no?such&id')
    assert "the result's" in tally.fails(USAGE, 'upload-subunit', path, '--link', other, '--cpid', 'x')


def test_signed(stack, tally, demo, tmp_path):
    key = Key(tmp_path)
    register(demo, key)
    path = tally.file('r.json', json.dumps(body()))
    nobody = Tally(stack, tmp_path, user=None).set(TALLY_URL=stack.url)
    made = nobody.json('upload', path, '--sign', key.path)
    assert demo.get('/v1/results/' + made['result']).json()['user_role'] == 'owner'
    assert nobody.json('upload', path, '-i', key.path)['result'] == made['result']
    assert counts(stack)['test'] == 1
    assert 'RSA private key' in nobody.fails(DATA, 'upload', path, '-i', path)
    assert 'No such file' in nobody.fails(NO_INPUT, 'upload', path, '-i', 'nowhere')


def test_anonymous(stack, tally, staff, anonymous):
    path = tally.file('r.json', json.dumps(body()))
    nobody = Tally(stack, tally.folder, user=None).set(TALLY_URL=stack.url)
    assert '--anonymous' in nobody.fails(USAGE, 'upload', path)
    for made in (nobody.json('upload', path, '--anonymous'), tally.json('upload', path, '--anonymous', '--url',
                                                                      stack.url)):
        assert anonymous.get('/v1/results/' + made['result']).json()['user_role'] == 'user'
    assert 'needs a token' in nobody.fails(USAGE, 'upload', path, '--anonymous', '--subunit', path)


def test_what_is_refused(stack, tally):
    for code, words, args in (
            (DATA, 'not subunit', ['upload-subunit', tally.file('junk', b'this is no stream\n' * 20)]),
            (DATA, 'byte', ['upload-subunit', tally.file('cut', simple()[:-3])]),
            (NO_INPUT, 'No such file', ['upload-subunit', 'nowhere']),
            (NO_INPUT, 'directory', ['upload-subunit', '/']),
            (USAGE, 'needs FILE', ['upload-subunit']),
            (USAGE, 'KEY=VALUE', ['upload-subunit', 'junk', '--meta', 'x']),
            (DATA, 'reserved', ['upload-subunit', tally.file('s', simple()), '--meta', 'keep=1']),
            (DATA, 'run_at', ['upload-subunit', 's', '--run-at', 'yesterday']),
            (DATA, 'at least one', ['upload', tally.file('e.json', json.dumps(body([])))]),
            (DATA, 'no result', ['upload', tally.file('t.json', '{"cpid": 1}')]),
            (DATA, 'no result', ['upload', tally.file('u.json', '{"cpid": ')]),
            (USAGE, 'is it --link', ['upload-subunit', 's', '--lnk', 'x'])):
        said = tally.fails(code, *args)
        assert words in said, (args, said)
    nothing(stack)


def test_wrong_identity(stack, tally):
    path = tally.file('run', simple())
    said = tally.set(OS_PASSWORD='wrong-secret').fails(NOT_ALLOWED, 'upload-subunit', path)
    assert 'Keystone refuses' in said and 'wrong-secret' not in said
    assert 'OS_PASSWORD is not set' in tally.set(OS_PASSWORD=None).fails(NOT_ALLOWED, 'upload-subunit', path)
    assert 'OS_PROJECT_NAME' in tally.set(OS_PROJECT_NAME=None).fails(NOT_ALLOWED, 'upload-subunit', path)
    assert 'no credentials' in Tally(stack, tally.folder, user=None).fails(NOT_ALLOWED, 'upload-subunit', path)
    assert 'not valid' in tally.set(OS_TOKEN='gAAAA', OS_USERNAME=None, OS_PASSWORD=None, OS_AUTH_URL=None,
                                    TALLY_URL=stack.url).fails(NOT_ALLOWED, 'upload-subunit', path)
    said = tally.set(OS_CACERT=None).fails(69, 'upload-subunit', path, '--retries', '0')
    assert 'certificate' in said
    assert tally.set(OS_CACERT=None)('upload-subunit', path, '-k')


def test_token_is_never_printed(stack, tally, tmp_path):
    token = stack.token('demo')
    given = tally.set(OS_TOKEN=token, OS_USERNAME=None, OS_PASSWORD=None)
    for args in (('upload-subunit', tally.file('a', simple())), ('upload-subunit', tally.file('b', b'junk'))):
        done = given.run(*args)
        assert token not in done.stdout + done.stderr


def test_from_the_corpus(stack, tally, demo):
    """stestr's own file of a real run, through standard input."""
    made = tally.json('upload-subunit', '-', stdin=corpus('hoangphuocbk-tacker__10-a8b081d8.v1.subunit'))
    run = demo.get('/v1/subunit/' + made['run']).json()['subunit-data']
    assert (run['passes'], run['fails'], run['skips']) == (321, 1, 180)


def test_junit(stack, tally, demo, tmp_path):
    """What pytest writes is known by its content, under any name, from a pipe and beside streams."""
    (tmp_path / 'test_it.py').write_text('import pytest\ndef test_good(): pass\ndef test_bad(): assert 1 == 2\n'
                                         '@pytest.mark.skip\ndef test_later(): pass\n')
    subprocess.run([sys.executable, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '--junit-xml=out.xml', 'test_it.py'],
                   cwd=tmp_path, capture_output=True, check=False)
    xml = (tmp_path / 'out.xml').read_bytes()

    def summary(made):
        run = demo.get('/v1/subunit/' + made['run']).json()
        return [run['subunit-data'][k] for k in ('passes', 'fails', 'skips')], {t['test_id'] for t in run['tests']}
    want = [1, 1, 1], {'test_it.test_good', 'test_it.test_bad', 'test_it.test_later'}
    assert summary(tally.json('upload-subunit', 'out.xml')) == want
    assert summary(tally.json('upload-subunit', tally.file('nameless', b'\xef\xbb\xbf' + xml))) == want
    assert summary(tally.json('upload-subunit', '-', stdin=xml + b'\n')) == want
    assert summary(tally.json('upload-subunit', tally.file('out.xml.gz', gzip.compress(xml + b'\n\n')))) == want
    assert summary(tally.json('upload-subunit', 'out.xml', tally.file('more', simple('more.test'))))[0] == [2, 1, 1]
    path = tally.file('r.json', json.dumps(body(['test_it.test_good'])))
    assert summary(tally.json('upload', path, '--subunit', tally.file('last', xml + b'\n\n\n'))) == want
    # a name alone does not make it XML, and what only begins so is refused
    assert 'not subunit' in tally.fails(DATA, 'upload-subunit', tally.file('junk.xml', b'junk' * 9))
    assert tally.run('upload-subunit', tally.file('cut', xml[:-9])).returncode == DATA
