"""tests/run blueprint: every functional test whose name carries a row of docs/blueprint.md, and a verdict a row."""
import os
import re

from . import TOP, build, functional

TABLE = re.compile(r'^\| (B\d\d) \| (.*) \|$', re.M)
CARRIED = re.compile(r'(?<![A-Za-z0-9])B\d\d(?![0-9])')
WORST_FIRST = ('failed', 'skipped', 'passed')


def rows():
    """{row: what must hold}, in order."""
    with open(os.path.join(TOP, 'docs', 'blueprint.md'), encoding='utf-8') as f:
        return dict(TABLE.findall(f.read()))


def carried(name):
    """The rows that a test's name carries; those in its parameters count too."""
    return set(CARRIED.findall(name))


def check(report, logs):
    """A row without a test, or a test of no row, is a failure of the CI tier too."""
    held = set()
    for node in functional.node_ids(logs):
        held |= carried(node.partition('::')[2])
    wrong = sorted(held ^ set(rows()))
    if wrong:
        report.fail('blueprint', 'without a test, or no row: ' + ' '.join(wrong))
    else:
        report.add(passed=1)


def run(report, logs, jobs):
    wanted = rows()
    ids = [n for n in functional.node_ids(logs) if carried(n.partition('::')[2])]
    verdicts = {}
    if ids:
        verdicts = functional.pytest(build.build('asan', report, jobs), report, logs, 'blueprint', mark='not opt',
                                     paths=ids, jobs=jobs)
        if len(verdicts) < len(ids):
            verdicts.update(functional.pytest(build.build('opt', report, jobs), report, logs, 'blueprint-opt',
                                              mark='opt', paths=ids, jobs=1))
    tests = {row: [] for row in wanted}
    for name, verdict in verdicts.items():
        for row in carried(name):
            tests.setdefault(row, []).append(verdict)
    for row in sorted(tests):
        found = tests[row]
        verdict = next((v for v in WORST_FIRST if v in found), 'missing')
        print('%s  %-7s  %3d  %s' % (row, verdict, len(found), wanted.get(row, 'is no row of docs/blueprint.md')))
        if row not in wanted or verdict in ('missing', 'skipped'):
            report.fail('%s %s' % (row, verdict))
    good = sum(1 for row in wanted if tests[row] and set(tests[row]) == {'passed'})
    report.say('blueprint: %d of %d rows hold' % (good, len(wanted)))
