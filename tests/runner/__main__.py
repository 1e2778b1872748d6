"""The order of a run, and its end."""
import argparse
import glob
import os
import shutil
import signal
import sys
import tempfile
import threading
import time

from lab import keystone, mariadb

from . import TOP, blueprint, build, functional, manifest, process, unit
from .report import Report

FUZZ_SECONDS = int(os.environ.get('TALLY_FUZZ_SECONDS', '600'))


def prepare_lab(report):
    """Makes what the services are copied from, beside the compilation: both wait for different things."""
    def work():
        start = time.monotonic()
        try:
            for module in (mariadb, keystone):
                module.prepare(build.cache())
        except Exception as e:  # the fixture meets the same fault and says it in its place
            report.say('lab: %s' % e)
        report.say('services prepared in %d s' % (time.monotonic() - start))
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def sanitizer_reports(report, logs):
    for path in sorted(glob.glob(os.path.join(logs, 'sanitizer*'))):
        report.fail('sanitizer report ' + os.path.basename(path), process.tail(path, 60))


def check_manifest(report, logs):
    try:
        faults = list(manifest.differences(logs))
    except (OSError, ValueError) as e:
        faults = [str(e)]
    if faults:
        report.fail('manifest', '\n'.join(faults))
    else:
        report.add(passed=1)


def run_benches(report, logs, names=None):
    where = build.folder('opt')
    for source in sorted(glob.glob(os.path.join(TOP, 'tests', 'bench', 'bench-*'))):
        name = os.path.basename(source)
        if name.endswith('.c'):
            name = name[:-2]
        built = os.path.join(where, 'tests', 'bench', name)
        if names and name not in names or (source.endswith('.c') and not os.path.exists(built)):
            continue
        report.say('bench ' + name)
        status = process.run([built if source.endswith('.c') else source], None, TOP,
                             build.environ_for(where, logs), timeout=3600)
        if status == 0:
            report.add(passed=1)
        else:
            report.fail(name, 'exit status %d' % status)


def run_fuzzers(report, logs):
    targets = [n for n in unit.names() if n.startswith('tests/fuzz/')]
    where = build.build('fuzz', report, targets=targets)
    for target in targets:
        name = os.path.basename(target)
        work = os.path.join(where, 'corpus', name)
        os.makedirs(work, exist_ok=True)
        argv = [os.path.join(where, 'tests', 'fuzz', name), '-max_total_time=%d' % FUZZ_SECONDS, '-timeout=25',
                '-rss_limit_mb=2048', '-print_final_stats=1', '-artifact_prefix=' + os.path.join(logs, name + '-'),
                work,
                os.path.join(TOP, 'tests', 'fuzz', 'corpus', name[len('fuzz_'):])]
        log = os.path.join(logs, name + '.out')
        report.say('fuzzing %s for %d s' % (name, FUZZ_SECONDS))
        status = process.run(argv, log, TOP, build.environ_for(where, logs), timeout=FUZZ_SECONDS + 300)
        if status == 0:
            report.add(passed=1)
        else:
            report.fail(name, process.tail(log, 40))


def tier_smoke(report, logs, jobs):
    where = build.build('opt', report, jobs)
    quick = [n for n in unit.names() if '/test_' in n and not n.endswith('.py')] + ['tests/static/check-layering']
    unit.check(where, report, logs, jobs, quick)
    functional.pytest(where, report, logs, 'smoke', mark='smoke', jobs=1)


def tier_ci(report, logs, jobs, full):
    check_manifest(report, logs)
    blueprint.check(report, logs)
    asan = build.build('asan', report, jobs)
    outcomes = unit.check(asan, report, logs, jobs)
    faults = list(manifest.unrun(outcomes, unit.names()))
    if faults:
        report.fail('tests that did not run', '\n'.join(faults))
    late = '' if full else ' and not long'
    functional.pytest(asan, report, logs, 'asan', mark='not opt and not last' + late, jobs=jobs)
    functional.pytest(asan, report, logs, 'last', mark='last', jobs=1)
    opt = build.build('opt', report, jobs)
    functional.pytest(opt, report, logs, 'opt', mark='opt' + late, jobs=1)
    tsan = build.build('tsan', report, jobs)
    if unit.threaded():
        unit.check(tsan, report, logs, jobs, unit.threaded())
    functional.pytest(tsan, report, logs, 'tsan', mark='tsan' + late, jobs=1)
    if full:
        run_fuzzers(report, logs)
        run_benches(report, logs)


def run_named(report, logs, jobs, names):
    """Single tests, each by whatever name it goes by."""
    checks, benches, files, words = [], [], [], []
    for name in names:
        bare = os.path.basename(name.split('::')[0])
        bare = bare[:-3] if bare.endswith('.py') else bare[:-2] if bare.endswith('.c') else bare
        check = [n for n in unit.names() if os.path.basename(n) == bare]
        if check:
            checks += check
        elif bare.startswith('bench-'):
            benches.append(bare)
        elif os.path.exists(os.path.join(functional.FOLDER, bare + '.py')):
            _, sep, rest = name.partition('::')
            files.append(os.path.join(functional.FOLDER, bare + '.py') + sep + rest)
        else:
            words.append(name)
    if checks:
        unit.check(build.build('asan', report, jobs), report, logs, jobs, checks)
    if files or words:
        paths = files or functional.files()
        asan = build.build('asan', report, jobs)
        functional.pytest(asan, report, logs, 'asan', mark='not opt', keyword=' or '.join(words), paths=paths, jobs=1)
        opt = build.build('opt', report, jobs)
        functional.pytest(opt, report, logs, 'opt', mark='opt', keyword=' or '.join(words), paths=paths, jobs=1)
    if benches:
        build.build('opt', report, jobs)
        run_benches(report, logs, benches)


def main():
    parser = argparse.ArgumentParser(prog='tests/run')
    parser.add_argument('--full', action='store_true')
    parser.add_argument('--jobs', type=int, default=2)
    parser.add_argument('--keep', action='store_true', help='keep the folder of logs')
    parser.add_argument('names', nargs='*')
    args = parser.parse_args()
    process.become_subreaper()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = Report()
    logs = tempfile.mkdtemp(prefix='tally-run-')
    os.chmod(logs, 0o755)
    status = 1
    try:
        lab = prepare_lab(report)
        if args.names == ['smoke']:
            tier_smoke(report, logs, args.jobs)
        elif args.names == ['blueprint']:
            blueprint.run(report, logs, args.jobs)
        elif args.names:
            run_named(report, logs, args.jobs, args.names)
        else:
            tier_ci(report, logs, args.jobs, args.full)
        lab.join()
        sanitizer_reports(report, logs)
    except build.BuildError as e:
        report.fail('build', str(e))
    except KeyboardInterrupt:
        report.fail('interrupted')
    finally:
        left = process.end_all()
        if left:
            report.say('ended what was left: ' + ' '.join(left))
        status = report.finish() if sys.exc_info()[0] is None else 1
        if status == 0 and not args.keep:
            shutil.rmtree(logs, ignore_errors=True)
    return status


sys.exit(main())
