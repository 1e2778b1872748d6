"""The manual pages name what the programs have, and no more; docs/schema.md names every table."""
import os
import re
import subprocess

import pytest
from conftest import BUILD

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = {'tally.fcgi': ('fcgi/tally.fcgi', 8), 'tally-worker': ('worker/tally-worker', 8),
            'tally-manage': ('manage/tally-manage', 8)}


def read(*path):
    with open(os.path.join(TOP, *path), encoding='utf-8') as f:
        return f.read()


def page(name, section):
    return read('docs', 'man', '%s.%d' % (name, section))


def options_of_page(text):
    """The long options that a page names; mdoc writes them as "Fl -name"."""
    return set(re.findall(r'\bFl -([a-z0-9][a-z0-9-]*)', text))


def help_of(name):
    return subprocess.run([os.path.join(BUILD, PROGRAMS[name][0]), '--help'], capture_output=True, text=True,
                          check=True).stdout


@pytest.mark.parametrize('name', PROGRAMS)
def test_options(name):
    said = set(re.findall(r'--([a-z0-9][a-z0-9-]*)', help_of(name)))
    assert options_of_page(page(*[name, PROGRAMS[name][1]])) == said | {'help', 'version'}


def test_commands_of_tally_manage():
    commands = re.findall(r'^  ([a-z]+ [a-z]+)\b', help_of('tally-manage'), re.M)
    assert commands
    described = re.findall(r'^\.(?:It )?Ic ([a-z]+ [a-z]+)\b', page('tally-manage', 8).split('.Sh EXIT STATUS')[0], re.M)
    assert sorted(set(described)) == sorted(commands)


def test_functions_of_the_library():
    header = re.sub(r'/\*.*?\*/', '', read('subunit', 'tally-subunit.h'), flags=re.S)
    functions = set(re.findall(r'\b(subunit_\w+)\(', header))
    described = set(re.findall(r'^\.(?:Fn|Fo) (subunit_\w+)', page('libtally-subunit', 3), re.M))
    assert described & functions == functions - {'subunit_event_fn', 'subunit_sink_fn'}
    codes = set(re.findall(r'\bSUBUNIT_ERROR_\w+', header))
    assert set(re.findall(r'Dv (SUBUNIT_ERROR_\w+)', page('libtally-subunit', 3))) == codes


def test_schema_names_every_table(stack):
    tables = {row[0] for row in stack.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'tally'")}
    text = read('docs', 'schema.md')
    section = re.search(r'^## Every table\n(.*?)(?=^## )', text, re.S | re.M).group(1)
    named = re.findall(r'^\| `(\w+)` \|', section, re.M)
    assert len(named) == len(set(named))
    assert set(named) == tables


def test_links():
    """Files that the documents link to are there."""
    for folder, _, names in os.walk(os.path.join(TOP, 'docs')):
        for name in [n for n in names if n.endswith('.md')]:
            path = os.path.join(folder, name)
            for target in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', read(path)):
                assert os.path.exists(os.path.join(folder, target)), '%s: %s' % (path, target)
    for target in re.findall(r'(?:\]\(|src(?:set)?=")([^)#:"]+)', read('README.md')):
        assert os.path.exists(os.path.join(TOP, target)), target
