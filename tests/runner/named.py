"""Which tests the names of `tests/run NAME ...` mean."""
import os
from dataclasses import dataclass, field


@dataclass
class Named:
    checks: list = field(default_factory=list)   # of `make check`
    benches: list = field(default_factory=list)
    paths: list = field(default_factory=list)    # what pytest is given: files, functions, single tests
    unknown: list = field(default_factory=list)  # names that nothing goes by


def _bare(name):
    base = os.path.basename(name.split('::')[0])
    return os.path.splitext(base)[0] if base.endswith(('.py', '.c')) else base


def _holding(word, nodes):
    """The functions, as FILE::FUNCTION, with the word in their own or their file's name, and of the others the tests
    that have it in their parameters."""
    word = word.lower()
    functions = dict.fromkeys(n.partition('[')[0] for n in nodes)
    whole = [f for f in functions if word in os.path.basename(f).lower()]
    return whole + [n for n in nodes if word in n.partition('[')[2].lower() and n.partition('[')[0] not in whole]


def find(names, checks, benches, files, nodes):
    """CHECKS, BENCHES and FILES are all there are; NODES() gives every functional test as PATH::NAME. Several names mean
    what each of them means."""
    found, words = Named(), []
    by_name = {os.path.splitext(os.path.basename(f))[0]: f for f in files}
    for name in names:
        bare = _bare(name)
        check = [c for c in checks if os.path.basename(c) == bare or os.path.basename(c) == os.path.basename(name)]
        if check:
            found.checks += check
        elif bare in benches:
            found.benches.append(bare)
        elif bare in by_name:
            found.paths.append(by_name[bare] + ''.join(name.partition('::')[1:]))
        else:
            words.append(name)
    every = nodes() if words else []
    for word in words:
        held = _holding(word, every)
        if not held:
            found.unknown.append(word)
        # what a file that is named, too, has already
        had = set(found.paths)
        found.paths += [p for p in held if not had & {p, p.partition('[')[0], p.partition('::')[0]}]
    return found
