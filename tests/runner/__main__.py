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
from concurrent.futures import ThreadPoolExecutor

from lab import keystone, mariadb

from . import TOP, blueprint, build, functional, manifest, named, process, unit
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


def bench_sources():
    """{name: file} of every bench."""
    found = sorted(glob.glob(os.path.join(TOP, 'tests', 'bench', 'bench-*')))
    return {os.path.basename(f)[:-2] if f.endswith('.c') else os.path.basename(f): f for f in found}


def run_benches(report, logs, names=None):
    where = build.folder('opt')
    for name, source in bench_sources().items():
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


def fuzz(where, logs, target, report):
    """One fuzzer for its time; returns its name, log and status."""
    name = os.path.basename(target)
    work = os.path.join(where, 'corpus', name)
    os.makedirs(work, exist_ok=True)
    argv = [os.path.join(where, 'tests', 'fuzz', name), '-max_total_time=%d' % FUZZ_SECONDS, '-timeout=25',
            '-rss_limit_mb=2048', '-print_final_stats=1', '-artifact_prefix=' + os.path.join(logs, name + '-'),
            work, os.path.join(TOP, 'tests', 'fuzz', 'corpus', name[len('fuzz_'):])]
    log = os.path.join(logs, name + '.out')
    report.say('fuzzing %s for %d s' % (name, FUZZ_SECONDS))
    return name, log, process.run(argv, log, TOP, build.environ_for(where, logs), timeout=FUZZ_SECONDS + 300)


def run_fuzzers(report, logs, jobs):
    targets = [n for n in unit.names() if n.startswith('tests/fuzz/')]
    where = build.build('fuzz', report, targets=targets)
    with ThreadPoolExecutor(jobs) as pool:
        for name, log, status in pool.map(lambda target: fuzz(where, logs, target, report), targets):
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
        run_fuzzers(report, logs, jobs)
        run_benches(report, logs)


def find_named(report, logs, names):
    """What the names mean; None, and a failure each, where one means nothing: half of what was asked for is no run."""
    found = named.find(names, unit.names(), list(bench_sources()), functional.files(), lambda: functional.node_ids(logs))
    for name in found.unknown:
        report.fail(name, 'no test has this in its name: neither a unit program, a static check or a bench is called so,'
                    ' nor does a functional test or its file hold it')
    return None if found.unknown else found


def run_named(report, logs, jobs, found):
    if found.checks:
        unit.check(build.build('asan', report, jobs), report, logs, jobs, found.checks)
    if found.paths:
        asan = build.build('asan', report, jobs)
        functional.pytest(asan, report, logs, 'asan', mark='not opt', paths=found.paths, jobs=1)
        opt = build.build('opt', report, jobs)
        functional.pytest(opt, report, logs, 'opt', mark='opt', paths=found.paths, jobs=1)
    if found.benches:
        build.build('opt', report, jobs)
        run_benches(report, logs, found.benches)


def run(args, report, logs):
    found = None
    if args.names and args.names not in (['smoke'], ['blueprint']):
        found = find_named(report, logs, args.names)
        if not found:
            return
    lab = prepare_lab(report)
    if args.names == ['smoke']:
        tier_smoke(report, logs, args.jobs)
    elif args.names == ['blueprint']:
        blueprint.run(report, logs, args.jobs)
    elif found:
        run_named(report, logs, args.jobs, found)
    else:
        tier_ci(report, logs, args.jobs, args.full)
    lab.join()
    sanitizer_reports(report, logs)


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
        run(args, report, logs)
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
