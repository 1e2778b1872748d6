"""No statement about results or keys looks through a whole table, and a page of a list reads an index only."""
import json

import pytest

from results import Key, body, register, set_meta, signed, upload, verify
from test_640_explain import Recorder, check, plan

RESULTS = 20000
FILL = (
    "INSERT INTO test (id, created_at, deleted, cpid, duration_seconds, verification_status)"
    " SELECT CONCAT(LPAD(seq, 8, '0'), '-9dad-41d1-80b4-00c04fd430c8'), '2025-01-01' + INTERVAL seq MINUTE, 0,"
    " CONCAT('cloud', seq % 20), 1, 0 FROM seq_1_to_{n}",
    "INSERT INTO result_info (result_id, project, user, anonymous, listed, cpid, created_at)"
    " SELECT id, IF(seq % 3, NULL, IF(seq % 2, '{project}', CONCAT('other', seq % 50))),"
    " IF(seq % 3 = 1, IF(seq % 5, CONCAT('u', seq % 50), '{user}'), NULL), seq % 3 = 2, seq % 3 = 2, cpid, created_at"
    " FROM test JOIN seq_1_to_{n} s ON test.id = CONCAT(LPAD(s.seq, 8, '0'), '-9dad-41d1-80b4-00c04fd430c8')",
    "INSERT INTO results (created_at, deleted, test_id, name) SELECT created_at, 0, id, 'a' FROM test",
    "INSERT INTO meta (created_at, deleted, test_id, meta_key, value) SELECT created_at, 0, id, 'target', 't' FROM test",
    "INSERT INTO result_signatures SELECT UNHEX(SHA2(seq, 256)), UNHEX(SHA2(seq, 256)), UUID(), '2025-01-01'"
    " FROM seq_1_to_{n}",
    "INSERT INTO user (created_at, deleted, openid) SELECT '2025-01-01', 0, CONCAT('u', seq) FROM seq_1_to_{n}",
    "INSERT INTO pubkeys (id, created_at, deleted, openid, format, pubkey, md5_hash) SELECT CONCAT('k', seq), '2025-01-01',"
    " 0, CONCAT('u', seq), 'ssh-rsa', 'AAAA', MD5(seq) FROM seq_1_to_{n}",
    "INSERT INTO pubkey_info (pubkey_id, project, user, created_at, key_sha256) SELECT CONCAT('k', seq), 'p',"
    " CONCAT('u', seq), '2025-01-01', UNHEX(SHA2(seq, 256)) FROM seq_1_to_{n}",
)
TABLES = ('test', 'result_info', 'results', 'meta', 'result_signatures', 'user', 'pubkeys', 'pubkey_info')


@pytest.fixture(scope='module')
def many(stack):
    stack.empty_tables()
    with stack.connect() as db, db.cursor() as cur:
        for sql in FILL:
            cur.execute(sql.format(n=RESULTS, project=stack.project('demo'), user=stack.user_id('demo')))
        for table in TABLES:
            cur.execute('ANALYZE TABLE ' + table)
    yield stack
    stack.empty_tables()


def test_life_of_results_and_keys(many, demo, staff, anonymous, tmp_path):
    key = Key(tmp_path)
    with Recorder(many) as log:
        ident = register(demo, key)
        assert len(demo.get('/v1/profile/pubkeys').json()) == 1
        assert demo.post('/v1/profile/pubkeys', json=key.registration()).status_code == 409
        for status in (201, 409):
            assert signed(anonymous, key, body()).status_code == status
        result = upload(demo)
        assert demo.get('/v1/results/' + result).status_code == 200
        verify(staff, demo, result)
        assert staff.put('/v1/results/' + result, json={'verification_status': 0}).status_code == 201
        assert demo.delete('/v1/results/%s/meta/target' % result).status_code == 204
        assert demo.delete('/v1/results/' + result).status_code == 204
        assert demo.delete('/v1/profile/pubkeys/' + ident).status_code == 204
    check(many, log.statements(), 20)
    set_meta(staff, upload(anonymous, json.loads(json.dumps(body()))), shared='x')


LISTS = ['', 'page=300', 'cpid=cloud5', 'start_date=2025-01-03&end_date=2025-01-05', 'verification_status=0',
         'verification_status=1', 'cpid=cloud8&start_date=2025-01-03&verification_status=0']


@pytest.mark.parametrize('query', LISTS)
@pytest.mark.parametrize('own', [False, True], ids=['public', 'own'])
def test_lists(many, demo, own, query):
    if own:
        query = query.replace('page=300', 'page=100')
    with Recorder(many) as log:
        r = demo.get('/v1/results?' + query + ('&signed' if own else ''))
        assert r.status_code == 200, r.text
    check(many, log.statements(), 2)
    about_lists = [s for s in log.statements() if 'FROM result_info WHERE' in s]
    assert len(about_lists) == 2
    with many.connect() as db, db.cursor() as cur:
        for sql in about_lists:
            rows = [x for x in plan(cur, sql) if x['table'] == 'result_info']
            assert len(rows) == (2 if own else 1)
            for row in rows:
                assert row['key'].startswith('ix_result_info_') and 'Using index' in row['Extra'], rows
                # the outer sort of the own ones is over a page from either place
                assert 'filesort' not in row['Extra'] and 'temporary' not in row['Extra'], rows


@pytest.mark.parametrize('own', ['', '&signed'], ids=['public', 'own'])
def test_a_page_takes_four_statements(many, demo, own):
    for size in (1, 20, 500):
        many.conf.set('api', results_per_page=size)
        with Recorder(many) as log:
            found = demo.get('/v1/results?end_date=2025-02-01' + own).json()['results']
        assert len(found) == size and all(f['meta'] == {'target': 't'} for f in found)
        statements = [s for s in log.statements() if 'FROM result_info' in s or 'FROM meta' in s]
        assert len(statements) == 4, statements
        check(many, statements, 4)
    for one in found[::100]:
        alone = demo.get('/v1/results/' + one['id']).json()
        assert {k: alone[k] for k in one if k != 'url'} == {k: v for k, v in one.items() if k != 'url'}
