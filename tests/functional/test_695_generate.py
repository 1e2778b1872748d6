"""What tests/bench puts straight into the tables is what uploads would have put there."""
import datetime
import os
import sys

import pytest

from evidence import content, stored
from results import set_meta, verify
from streams import Stream

sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'bench'))
from evidence_rows import TABLES, Generator  # noqa: E402

RUNS, TESTS = 24, 130
USERS = ('demo', 'alt', 'foundation')


def generate(stack, **size):
    db = stack.connect(autocommit=False)
    try:
        generator = Generator(db, size.get('runs', RUNS), size.get('tests', TESTS), [stack.project(u) for u in USERS],
                              stack.user_id('demo'))
        for table in TABLES:
            generator.fill(table)
        db.commit()
    finally:
        db.close()


def streams(stack):
    """[(project, query, stream, shared, verified)]: the uploads that the rows say, oldest first."""
    zone = datetime.timezone.utc
    runs = stack.sql('SELECT r.id, r.run_at, i.project, i.cpid, o.listed, o.verified FROM runs r JOIN run_info i'
                     ' ON i.run_id = r.id JOIN result_info o ON o.result_id = i.result_id ORDER BY r.id')
    for number, run_at, project, cpid, shared, verified in runs:
        meta = stack.sql('SELECT `key`, value FROM run_metadata WHERE run_id = %s ORDER BY id', number)
        s = Stream()
        for name, status, start, start_us, stop, stop_us, attrs, tags, attachment in stack.sql(
                'SELECT t.test_id, tr.status, tr.start_time, tr.start_time_microsecond, tr.stop_time,'
                ' tr.stop_time_microsecond, a.value, b.value, f.attachment FROM test_runs tr'
                ' JOIN tests t ON t.id = tr.test_id'
                " LEFT JOIN test_run_metadata a ON a.test_run_id = tr.id AND a.`key` = 'attrs'"
                " LEFT JOIN test_run_metadata b ON b.test_run_id = tr.id AND b.`key` = 'tags'"
                ' LEFT JOIN attachments f ON f.test_run_id = tr.id WHERE tr.run_id = %s ORDER BY tr.id', number):
            ident = name + ('[%s]' % attrs if attrs else '')
            tags = {tags} if tags else None
            s.event(test_id=ident, test_status='inprogress', test_tags=tags,
                    timestamp=start.replace(microsecond=start_us, tzinfo=zone))
            stop = stop.replace(microsecond=stop_us, tzinfo=zone)
            if attachment:
                s.event(test_id=ident, file_name='traceback', mime_type='text/plain;charset=utf8', file_bytes=attachment,
                        eof=True, timestamp=stop)
            s.event(test_id=ident, test_status=status, test_tags=tags, timestamp=stop)
        query = {'meta.' + k: v for k, v in meta if not k.startswith(('tally_', 'refstack_'))}
        yield project, {'cpid': cpid, 'run_at': run_at.isoformat() + 'Z', **query}, s.bytes(), shared, verified


def rows(stack):
    """{table: rows} of all tables but those that say which schema this is."""
    names = [n for (n,) in stack.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'tally'"
                                     " AND table_type = 'BASE TABLE'")]
    return {n: stack.sql('SELECT COUNT(*) FROM `%s`' % n)[0][0] for n in names
            if 'version' not in n and n != 'tally_migration'}


def known(stack):
    """The contents, less what a generated stream does not have: its digest, its length, whose token it was sent with."""
    kept = content(stack)
    found = {
        'run_metadata': [x for x in kept[1] if x[0] not in ('tally_user', 'tally_sha256')],
        'run_info': [(x[0], x[2], *x[4:5], *x[6:]) for x in kept[2]],
        'tests': [x[:4] for x in kept[3]],
        'project_test_stats': [(*x[:-1], round(x[-1], 5)) for x in kept[10]],
        'result_info': stack.sql('SELECT i.run_id - (SELECT MIN(id) FROM runs), o.project, o.anonymous, o.cpid, o.listed,'
                                 ' o.verified FROM result_info o JOIN run_info i ON i.result_id = o.result_id ORDER BY 1'),
        'meta': stack.sql('SELECT i.run_id - (SELECT MIN(id) FROM runs), meta_key, IF(meta_key IN ("user", "subunit_run"),'
                          ' NULL, value) FROM meta m JOIN run_info i ON i.result_id = m.test_id ORDER BY 1, m._id'),
        'results': stack.sql('SELECT i.run_id - (SELECT MIN(id) FROM runs), s.name, s.uuid, s.deleted FROM results s'
                             ' JOIN run_info i ON i.result_id = s.test_id ORDER BY 1, s._id'),
    }
    for number, name in ((0, 'runs'), (4, 'test_keys'), (5, 'test_runs'), (6, 'test_run_metadata'), (7, 'test_metadata'),
                         (8, 'test_run_info'), (9, 'attachments'), (11, 'test'), (14, 'run_lists'), (15, 'project_run_metadata')):
        found[name] = list(kept[number])
    found['test_run_metadata'].sort()  # a run's attributes come before its tags, in either order of the runs
    return found, {x[0]: x[4] for x in kept[3]}


def test_695_as_uploads_make_them(empty, staff):
    generate(empty)
    empty.manage('db', 'signatures')  # what failures come to is no SQL
    assert empty.manage('db', 'check').stdout == '0 differences\n'
    made, averages = known(empty)
    counted, uploads = rows(empty), list(streams(empty))
    empty.empty_tables()
    clients = {empty.project(u): empty.client(u) for u in USERS}
    for project, query, data, shared, verified in uploads:
        _, result = stored(clients[project], data, query)
        if verified:
            verify(staff, clients[project], result)
        elif shared:
            set_meta(clients[project], result, shared='true')
    sent, real = known(empty)
    for table, content_of in sent.items():
        assert made[table] == content_of, table
    assert rows(empty) == counted
    # subunit2sql's average goes step by step through six digits
    for name, seconds in real.items():
        assert averages[name] == pytest.approx(seconds, rel=1e-4), name
    statuses = {x[0]: x[1] for x in empty.sql('SELECT status, COUNT(*) FROM test_runs GROUP BY status')}
    assert set(statuses) == {'success', 'fail', 'skip'} and statuses['fail'] > RUNS / 4
