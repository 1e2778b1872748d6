#!/usr/bin/python3
"""docs/api/openapi.json is what tally.fcgi --print-openapi says, and what OpenAPI asks of a document."""
import json
import os
import re
import subprocess
import sys

TOP = os.environ.get('srcdir') or os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', '..')
PROGRAM = os.path.join(os.environ.get('builddir', '.'), 'fcgi', 'tally.fcgi')
METHODS = {'get', 'head', 'post', 'put', 'patch', 'delete'}


def main():
    printed = subprocess.run([PROGRAM, '--print-openapi'], capture_output=True, check=True, text=True).stdout
    faults = []
    with open(os.path.join(TOP, 'docs', 'api', 'openapi.json'), encoding='utf-8') as f:
        if f.read() != printed:
            faults.append('docs/api/openapi.json is old: make update-openapi')
    document = json.loads(printed)
    shapes = [re.sub(r'\{[^}]*\}', '{}', path) for path in document['paths']]
    faults += ['%s: twice' % shape for shape in set(shapes) if shapes.count(shape) > 1]
    for path, item in document['paths'].items():
        named = [p['name'] for p in item.get('parameters', [])]
        if named != re.findall(r'\{([^}]*)\}', path):
            faults.append('%s: its parameters are %s' % (path, named))
        operations = {k: v for k, v in item.items() if k != 'parameters'}
        if not operations or set(operations) - METHODS:
            faults.append('%s: methods %s' % (path, sorted(operations)))
        if ('get' in operations) != ('head' in operations):
            faults.append('%s: HEAD and GET go together' % path)
        for method, operation in operations.items():
            if not operation['summary'] or not operation['responses']:
                faults.append('%s %s: says nothing' % (method, path))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
