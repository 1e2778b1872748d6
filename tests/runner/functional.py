"""pytest against the real stack, in as many processes as there are jobs, each with a stack of its own."""
import glob
import os
import xml.etree.ElementTree as ET

from . import TOP
from .build import environ_for
from .process import environment, run, tail

FOLDER = os.path.join(TOP, 'tests', 'functional')


def _argv(*more):
    return ['/usr/bin/python3', '-m', 'pytest', '-c', os.path.join(TOP, 'tests', 'pytest.ini'),
            '--rootdir', os.path.join(TOP, 'tests'), *more]


def files():
    return sorted(glob.glob(os.path.join(FOLDER, 'test_*.py')))


def node_ids(logs):
    """Every test, as PATH::NAME that pytest takes; raises ValueError with pytest's words."""
    out = os.path.join(logs, 'collect.out')
    status = run(_argv('--collect-only', '-q', '-p', 'no:xdist', *files()), out, TOP, environment(), timeout=120)
    text = tail(out, 1000000)
    if status not in (0, 5):
        raise ValueError(text)
    found = []
    for line in text.splitlines():
        path, sep, name = line.partition('::')
        if sep and path.endswith('.py'):
            found.append(os.path.join(FOLDER, os.path.basename(path)) + sep + name)
    return found


def collect(logs):
    """{file under tests/functional: number of tests in it}."""
    if not files():
        return {}
    found = {os.path.relpath(f, TOP): 0 for f in files()}
    for node in node_ids(logs):
        found[os.path.relpath(node.partition('::')[0], TOP)] += 1
    return found


def pytest(where, report, logs, what, mark='', paths=(), jobs=2):
    """One pytest run; its results are added to the report. Returns {FILE::TEST: passed, failed or skipped}."""
    xml = os.path.join(logs, 'pytest-%s.xml' % what)
    paths = list(paths) or files()
    if not paths:
        return {}
    argv = _argv('--junitxml', xml, '-q', '-ra', '--tb=short', '--timeout=300', '--color=no',
                 '--durations=10', '--durations-min=5')
    if mark:
        argv += ['-m', mark]
    if jobs > 1 and len({p.partition('::')[0] for p in paths}) > 1:
        argv += ['-n', str(jobs), '--dist', 'loadfile', '--max-worker-restart=2']
    env = environ_for(where, logs)
    env['TALLY_TEST_LOGS'] = logs
    status = run(argv + paths, None, TOP, env, timeout=None)
    return count(report, xml, status, what)


def count(report, xml, status, what):
    if not os.path.exists(xml):
        report.fail('pytest ' + what, 'no results, exit status %d' % status)
        return {}
    verdicts, failed = {}, 0
    for case in ET.parse(xml).getroot().iter('testcase'):
        kinds = {child.tag for child in case}
        name = '%s::%s' % (case.get('classname', '').rpartition('.')[2], case.get('name'))
        if kinds & {'failure', 'error'}:
            failed += 1
            report.add(failed=1)
            report.failures.append(name)
            verdicts[name] = 'failed'
        elif 'skipped' in kinds:
            report.add(skipped=1)
            verdicts.setdefault(name, 'skipped')
        else:
            report.add(passed=1)
            verdicts.setdefault(name, 'passed')
    if status not in (0, 1, 5) or (status == 1 and not failed):
        report.fail('pytest ' + what, 'exit status %d' % status)
    report.say('functional (%s) done' % what)
    return verdicts
