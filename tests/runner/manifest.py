"""tests/MANIFEST: every test file and how many tests it holds, so that one that vanished is an error."""
import glob
import os
import re

from . import TOP, functional

PATH = os.path.join(TOP, 'tests', 'MANIFEST')
UNIT = re.compile(r'(?<!define )\bcmocka_unit_test\w*\s*\(')
HEAD = '# Kind, file, number of tests in it. Made by `tests/manifest --update`; CI refuses a tree that disagrees.\n'


def _found(pattern):
    return sorted(os.path.relpath(p, TOP) for p in glob.glob(os.path.join(TOP, 'tests', pattern)))


def _read(path):
    with open(os.path.join(TOP, path), encoding='utf-8') as f:
        return f.read()


def actual(logs):
    """[(kind, file, count)] of the tree."""
    rows = [('static', p, 1) for p in _found('static/check-*')]
    rows += [('unit', p, len(UNIT.findall(_read(p))) or 1) for p in _found('unit/test_*.c') + _found('unit/test_*.py')]
    for path in _found('fuzz/fuzz_*.c'):
        name = os.path.basename(path)[len('fuzz_'):-2]
        rows.append(('fuzz', path, len(os.listdir(os.path.join(TOP, 'tests', 'fuzz', 'corpus', name)))
                     if os.path.isdir(os.path.join(TOP, 'tests', 'fuzz', 'corpus', name)) else 0))
    rows += [('bench', p[:-2] if p.endswith('.c') else p, 1) for p in _found('bench/bench-*')]
    rows += [('functional', p, n) for p, n in functional.collect(logs).items()]
    rows += [('data', p, len(os.listdir(os.path.join(TOP, p)))) for p in _found('data/*') + _found('data/corpus/*')
             if os.path.isdir(os.path.join(TOP, p))]
    return sorted(rows)


def listed():
    rows = []
    for line in _read('tests/MANIFEST').splitlines():
        if line and not line.startswith('#'):
            kind, path, count = line.split()
            rows.append((kind, path, int(count)))
    return sorted(rows)


def update(logs):
    with open(PATH, 'w', encoding='utf-8') as f:
        f.write(HEAD)
        for row in actual(logs):
            f.write('%s %s %d\n' % row)


def differences(logs):
    """What the manifest and the tree disagree about, one sentence each."""
    want = {(k, p): n for k, p, n in listed()}
    have = {(k, p): n for k, p, n in actual(logs)}
    for key in sorted(set(want) | set(have)):
        if key not in have:
            yield '%s %s is listed, but is not there' % key
        elif key not in want:
            yield '%s %s is not listed' % key
        elif want[key] != have[key]:
            yield '%s %s: %d listed, %d there' % (*key, want[key], have[key])


def unrun(outcomes, names):
    """Tests of `make check` that are in the tree but did not run, or ran another number of tests than listed."""
    want = {p[:-2] if p.endswith('.c') else p: n for k, p, n in listed() if k == 'unit'}
    for name in names:
        if name not in outcomes:
            yield '%s is in no TESTS, or did not build' % name
        elif name in want and not outcomes[name].failed and outcomes[name].ran != want[name]:
            yield '%s ran %d tests, the manifest lists %d' % (name, outcomes[name].ran, want[name])
