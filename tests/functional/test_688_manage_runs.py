"""tally-manage run import, run export, owner set and db signatures."""
import datetime
import gzip
import io
import os
import pty
import signal
import subprocess
import time

import subunit.v2
import testtools

from evidence import content, counts, stored, zstd
from lab.service import PATH, wait_for
from streams import Stream, simple
from test_687_failures import sample

JUNIT = b'<testsuite><testcase classname="j" name="one" time="1"><failure message="ValueError: 7"/></testcase></testsuite>'


def stopped(pid):
    with open('/proc/%d/stat' % pid, encoding='ascii') as f:
        return f.read().rsplit(')', 1)[1].split()[0] == 'T'


def manage(stack, *args, **more):
    return subprocess.run([stack.build + '/manage/tally-manage', '--config', stack.conf.path, *args],
                          capture_output=True, check=False, **more)


def who(stack, name='demo'):
    return ['--project', stack.project(name), '--user', stack.user_id(name)]


def write(folder, name, data):
    path = folder / name
    path.write_bytes(data)
    return str(path)


def test_import(empty, demo, alt, tmp_path):
    v1 = b'time: 2026-03-01 12:00:00Z\ntest: a\ntime: 2026-03-01 12:00:01Z\nsuccess: a\n'
    files = [write(tmp_path, 'one', simple('x.one')), write(tmp_path, 'two.gz', gzip.compress(simple('x.two'))),
             write(tmp_path, 'three.zst', zstd(sample())), write(tmp_path, 'four.v1', v1),
             write(tmp_path, 'five.xml', b'\xef\xbb\xbf\n<!-- c -->' + JUNIT)]
    bad = [write(tmp_path, 'bad', b'no stream'), write(tmp_path, 'empty', b''), str(tmp_path / 'missing'), str(tmp_path)]
    options = ['--cpid', 'cloud', '--run-meta', 'branch=main', '--run-at', '2026-03-01T12:00:00Z']
    r = manage(empty, 'run', 'import', *who(empty), *options, *files, *bad)
    assert r.returncode == 1, r.stderr
    assert r.stdout.splitlines()[-1] == b'stored 5, there already 0, refused 4'
    assert [l.split(b': ')[1].decode() for l in r.stderr.splitlines()] == bad, r.stderr
    runs = demo.get('/v1/subunit?meta.branch=main').json()['runs']
    assert len(runs) == 5 and {x['cpid'] for x in runs} == {'cloud'}
    assert {x['run_at'] for x in runs} == {'2026-03-01T12:00:00Z'}
    assert alt.get('/v1/subunit').json()['runs'] == []
    before = content(empty), counts(empty)
    again = manage(empty, 'run', 'import', *who(empty), *options, *files)
    assert again.returncode == 0 and again.stdout.splitlines()[-1] == b'stored 0, there already 5, refused 0'
    assert (content(empty), counts(empty)) == before
    assert manage(empty, 'db', 'check').returncode == 0
    for wrong in ([], ['--project', 'p', files[0]], who(empty), [*who(empty), '--run-meta', 'x', files[0]],
                  [*who(empty), '--run-at', 'x', files[0]]):
        assert manage(empty, 'run', 'import', *wrong).returncode == 64, wrong


def test_when_an_imported_run_began(empty, tmp_path):
    """The option's time, else the configuration's, else that of the file's last change."""
    files = [write(tmp_path, 'f%d' % i, simple(salt=i)) for i in range(3)]
    os.utime(files[0], (0, 1767225600))
    seen = []
    for file, configured, options in ((files[0], None, []), (files[1], '2026-02-01T12:00:00Z', []),
                                      (files[2], '2026-02-01T12:00:00Z', ['--run-at', '2026-03-01'])):
        if configured:
            empty.conf.set('subunit', run_at=configured)
        assert manage(empty, 'run', 'import', *who(empty), *options, file).returncode == 0
        seen.append(str(empty.sql('SELECT run_at FROM runs ORDER BY id DESC LIMIT 1')[0][0]))
    assert seen == ['2026-01-01 00:00:00', '2026-02-01 12:00:00', '2026-03-01 00:00:00']


def test_killed_and_run_again(empty, tmp_path):
    files = [write(tmp_path, 'f%03d' % i, simple(*['t.%d_%d' % (i, k) for k in range(30)], salt=i)) for i in range(60)]
    command = [empty.build + '/manage/tally-manage', '--config', empty.conf.path, 'run', 'import', *who(empty), *files]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while empty.sql('SELECT COUNT(*) FROM runs')[0][0] < 5:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = manage(empty, 'run', 'import', *who(empty), *files)
    assert done.returncode == 0, done.stderr
    n = empty.sql('SELECT COUNT(*) FROM runs')[0][0]
    assert n == 60 and empty.sql('SELECT COUNT(*) FROM test_runs')[0][0] == 60 * 30
    assert manage(empty, 'db', 'check').returncode == 0


def test_progress_on_a_terminal(empty, tmp_path):
    files = [write(tmp_path, 'f%d' % i, simple(salt=i)) for i in range(3)]
    master, slave = pty.openpty()
    r = subprocess.run([empty.build + '/manage/tally-manage', '--config', empty.conf.path, 'run', 'import', *who(empty),
                        *files], stdout=subprocess.PIPE, stderr=slave, check=True)
    os.close(slave)
    shown = os.read(master, 65536).decode()
    os.close(master)
    assert '] 0/3 ' in shown and '] 2/3 ' in shown and '\r' in shown and '\x1b' not in r.stdout.decode()


def ids(data):
    out = []
    class Result(testtools.StreamResult):
        def status(self, test_id=None, test_status=None, timestamp=None, **_):
            out.append((test_id, test_status, timestamp))
    subunit.v2.ByteStreamToStreamResult(io.BytesIO(data)).run(Result())
    return out


def test_export(empty, demo, tmp_path):
    run = stored(demo, sample())[0]
    want = demo.get('/v1/subunit/%s/stream' % run).content
    assert manage(empty, 'run', 'export', run).stdout == want
    out = tmp_path / 'out'
    assert manage(empty, 'run', 'export', '-o', str(out), run).returncode == 0 and out.read_bytes() == want
    assert manage(empty, 'run', 'export', '-o', str(out), run[:-1] + 'x').returncode != 0 and out.read_bytes() == want
    assert [p.name for p in tmp_path.iterdir()] == ['out']
    full = manage(empty, 'run', 'export', '-o', '/proc/none/out', run)
    assert full.returncode == 74 and b'/proc/none' in full.stderr
    with open('/dev/full', 'wb') as device:
        r = subprocess.run([empty.build + '/manage/tally-manage', '--config', empty.conf.path, 'run', 'export', run],
                           stdout=device, stderr=subprocess.PIPE, check=False)
    assert r.returncode == 74 and b'cannot be written' in r.stderr
    assert manage(empty, 'run', 'export', run[:-12] + '0' * 12).returncode == 66
    for wrong in ([], [run, '--average'], ['--average', '--key', 'a'], [run, '--key', 'a', '--value', 'b'], [run, run]):
        assert manage(empty, 'run', 'export', *wrong).returncode == 64, wrong


def average(data):
    """{test: seconds} of an average run; the tests follow each other."""
    out, last = {}, None
    events = ids(data)
    for (a, begun, start), (b, ended, stop) in zip(events[::2], events[1::2]):
        assert a == b and (begun, ended) == ('inprogress', 'success') and last in (None, start)
        out[a] = round((stop - start).total_seconds(), 6)
        last = stop
    return out


def test_average(empty, demo, alt, staff):
    for i, seconds in enumerate((1.0, 3.0)):
        s = Stream()
        s.tick(i)
        s.test('a.one', 'success', seconds).test('a.two', 'success' if i else 'fail', 5).test('a.bad', 'fail', 1)
        stored(demo, s.bytes(), {'meta.branch': 'b%d' % i})
    stored(alt, Stream().test('a.one', 'success', 8).test('a.alien').bytes(), {'meta.branch': 'b1'})
    path = '/v1/stats/average/stream'
    assert average(demo.get(path).content) == {'a.one': 2.0, 'a.two': 5.0}
    assert average(staff.get(path).content) == {'a.one': 4.0, 'a.two': 5.0, 'a.alien': 1.0}
    assert average(demo.get(path + '?key=branch&value=b0').content) == {'a.one': 1.0}
    assert average(staff.get(path + '?key=branch&value=b1').content) == {'a.one': 5.5, 'a.two': 5.0, 'a.alien': 1.0}
    assert average(staff.get(path + '?key=branch&value=b1&last=1').content) in (
        {'a.one': 8.0, 'a.alien': 1.0}, {'a.one': 3.0, 'a.two': 5.0})
    assert demo.get(path + '?key=branch&value=none').content == b''
    assert demo.get(path + '?key=branch').status_code == 400
    assert empty.client().get(path).status_code == 401
    assert average(manage(empty, 'run', 'export', '--average').stdout) == average(staff.get(path).content)
    r = manage(empty, 'run', 'export', '--average', '--key', 'branch', '--value', 'b0')
    assert average(r.stdout) == {'a.one': 1.0}


def test_owner_of_what_another_tool_loaded(empty, demo, alt, staff):
    """subunit2sql's rows after adoption: db check names the run, owner set repairs it."""
    own = stored(demo, simple('t.shared', salt=1))[0]
    empty.sql("INSERT INTO runs (id, uuid, skips, fails, passes, run_time, run_at)"
              " VALUES (900, '0c6d2a54-7e3f-4c9e-9a53-0d4e2f7b1a11', 0, 1, 1, 2, '2026-03-01 12:00:00')")
    empty.sql("INSERT INTO tests (id, test_id, run_count, success, failure, run_time) VALUES (901, 't.alien', 1, 0, 1, 1)")
    shared = empty.sql("SELECT id FROM tests WHERE test_id = 't.shared'")[0][0]
    empty.sql("INSERT INTO test_runs (id, test_id, run_id, status, start_time, stop_time) VALUES"
              " (902, 901, 900, 'fail', '2026-03-01 12:00:00', '2026-03-01 12:00:01'),"
              " (903, %s, 900, 'success', '2026-03-01 12:00:00', '2026-03-01 12:00:01')", shared)
    empty.sql("INSERT INTO attachments (test_run_id, label, attachment) VALUES (902, 'traceback', 'ValueError: 7')")
    alien = '0c6d2a54-7e3f-4c9e-9a53-0d4e2f7b1a11'
    assert b'run %s has no run_info' % alien.encode() in manage(empty, 'db', 'check').stdout
    r = manage(empty, 'owner', 'set', *who(empty, 'alt'), '--unowned')
    assert r.returncode == 0 and r.stdout.startswith(b'gave 1 run and 0 results'), r.stderr
    check = manage(empty, 'db', 'check')
    assert check.returncode == 0, check.stdout
    assert [x['uuid'] for x in alt.get('/v1/subunit').json()['runs']] == [alien]
    assert {t['test_id'] for t in alt.get('/v1/tests').json()['tests']} == {'t.alien', 't.shared'}
    assert demo.get('/v1/subunit/' + alien).status_code == 404
    assert demo.get('/v1/subunit/' + own).status_code == 200
    assert manage(empty, 'db', 'signatures').stdout == b'wrote down 1 failure of 1 run\n'
    assert manage(empty, 'db', 'signatures').stdout == b'wrote down 0 failures of 0 runs\n'
    assert [f['message'] for f in alt.get('/v1/subunit/%s/failures' % alien).json()['failures']] == ['ValueError: <N>']


def test_signatures_of_a_run_that_is_deleted_meanwhile(empty, demo):
    run = stored(demo, sample())[0]
    empty.sql('DELETE FROM test_run_failures')
    command = [os.path.join(empty.build, 'manage', 'tally-manage'), '--config', empty.conf.path, 'db', 'signatures']
    with subprocess.Popen(command, env={**empty.env, 'PATH': PATH, 'TALLY_FAULT': 'signatures.read=stop'},
                          stdout=subprocess.PIPE) as filling:
        wait_for('it to stop', lambda: stopped(filling.pid), 20)
        assert demo.delete('/v1/subunit/' + run).status_code == 204
        filling.send_signal(signal.SIGCONT)
        assert filling.communicate(timeout=60)[0] == b'wrote down 0 failures of 1 run\n'
    assert filling.returncode == 0
    assert counts(empty)['runs'] == counts(empty)['test_run_failures'] == 0
    assert empty.sql('SELECT * FROM run_trash') == ()


def test_owner_of_runs_and_results(empty, demo, alt):
    data = sample()
    run, result = stored(demo, data)
    assert manage(empty, 'owner', 'set', *who(empty, 'alt'), '--run', run).returncode == 0
    assert demo.get('/v1/subunit/' + run).status_code == 404 and alt.get('/v1/subunit/' + run).status_code == 200
    assert alt.get('/v1/results/' + result).status_code == 200 and demo.get('/v1/results/' + result).status_code == 404
    assert manage(empty, 'db', 'check').returncode == 0
    assert demo.get('/v1/tests').json()['tests'] == []
    stored(demo, data)
    clash = manage(empty, 'owner', 'set', *who(empty), '--result', result)
    assert clash.returncode != 0 and b'has this run' in clash.stderr
    assert manage(empty, 'db', 'check').returncode == 0
    assert alt.get('/v1/subunit/' + run).status_code == 200
    other = stored(alt, simple('only'))[1]
    assert manage(empty, 'owner', 'set', *who(empty), '--result', other).returncode == 0
    assert demo.get('/v1/results/' + other).status_code == 200
    assert manage(empty, 'db', 'check').returncode == 0
    missing = manage(empty, 'owner', 'set', *who(empty), '--run', run[:-4] + '0000')
    assert missing.returncode != 0 and b'was not found' in missing.stderr
    for wrong in ([], who(empty), ['--project', 'p', '--unowned'], [*who(empty), '--unowned', 'x']):
        assert manage(empty, 'owner', 'set', *wrong).returncode == 64, wrong


def test_expiry_spares_what_is_kept(empty, demo, staff):
    old = [stored(demo, simple(salt=i), {'run_at': '2025-01-01T00:00:00Z'})[0] for i in range(3)]
    kept = stored(staff, simple(salt=9), {'run_at': '2025-01-01T00:00:00Z', 'meta.keep': 'yes'})[0]
    r = manage(empty, 'db', 'expire', '--before', '2025-06-01')
    assert r.stdout.startswith(b'deleted 3 runs'), r.stderr
    assert [demo.get('/v1/subunit/' + x).status_code for x in old] == [404] * 3
    assert staff.get('/v1/subunit/' + kept).status_code == 200


def test_average_of_large_runs(empty, demo):
    """Of runs that are too much to read together the newest ones count; one in any case."""
    for i in range(3):
        stored(demo, Stream().test('a.one', 'success', i + 1).bytes(), {'meta.a': 'b', 'run_at': '2026-03-0%d' % (i + 1)})
    path = '/v1/stats/average/stream?key=a&value=b'
    assert average(demo.get(path).content) == {'a.one': 2.0}
    with empty.connect() as db, db.cursor() as cur:
        cur.execute("UPDATE run_lists SET passes = 1000000 WHERE run_at >= '2026-03-02'")
        cur.execute("UPDATE run_lists SET passes = 1000001 WHERE run_at < '2026-03-02'")
        db.commit()
        assert average(demo.get(path).content) == {'a.one': 2.5}
        cur.execute("UPDATE run_lists SET passes = 20000000 WHERE run_at > '2026-03-02 12:00:00'")
        db.commit()
    assert average(demo.get(path).content) == {'a.one': 3.0}


def test_average_of_all_time(empty, demo, staff):
    """Tests that took a hundred days each, they say: the times of the stream end in 2106."""
    cases = ''.join('<testcase name="n%03d" time="8640000"/>' % i for i in range(400))
    stored(demo, ('<testsuite>%s</testsuite>' % cases).encode(), kind='application/xml')
    r = staff.get('/v1/stats/average/stream')
    assert r.status_code == 200
    found = ids(r.content)
    assert [name for name, _, _ in found] == [n for i in range(400) for n in 2 * ['n%03d' % i]]
    assert found[1][2] - found[0][2] == datetime.timedelta(days=100)
    assert found[0][2] is not None and found[-1][2] is None
