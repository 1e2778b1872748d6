#!/usr/bin/python3
"""docs/api/openapi.json is up to date, valid OpenAPI 3.1, and says of every route what it takes and answers."""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get('srcdir') or os.path.join(HERE, '..', '..')
PROGRAM = os.path.join(os.environ.get('builddir', '.'), 'fcgi', 'tally.fcgi')
METHODS = {'get', 'head', 'post', 'put', 'patch', 'delete'}
sys.path.insert(0, os.path.join(TOP, 'tests'))
try:
    import fastjsonschema
    import jsonschema
    from lab.openapi import Document
except ImportError as e:  # `make check` skips, as tests/static/lib.sh does; tests/run has installed it
    print(e)
    sys.exit(1 if os.environ.get('TALLY_REQUIRE_TOOLS') else 77)


def read(*path):
    with open(os.path.join(TOP, *path), encoding='utf-8') as f:
        return f.read()


def walk(thing, where=''):
    """Every object in it, with the way there."""
    if isinstance(thing, dict):
        yield where, thing
        for key, value in thing.items():
            yield from walk(value, '%s/%s' % (where, key))
    elif isinstance(thing, list):
        for index, value in enumerate(thing):
            yield from walk(value, '%s/%d' % (where, index))


def merged():
    """(the document's text, nothing) or (nothing, the fault)."""
    done = subprocess.run([os.path.join(TOP, 'docs', 'api', 'merge.py'), PROGRAM], capture_output=True, check=False,
                          text=True)
    return (done.stdout, None) if done.returncode == 0 else (None, done.stderr.strip())


def check_paths(document):
    shapes = [re.sub(r'\{[^}]*\}', '{}', path) for path in document['paths']]
    for shape in set(shapes):
        if shapes.count(shape) > 1:
            yield '%s: twice' % shape
    for path, item in document['paths'].items():
        named = [p['name'] for p in item.get('parameters', [])]
        if named != re.findall(r'\{([^}]*)\}', path):
            yield '%s: its parameters are %s' % (path, named)
        operations = {k: v for k, v in item.items() if k != 'parameters'}
        if not operations or set(operations) - METHODS:
            yield '%s: methods %s' % (path, sorted(operations))
        if ('get' in operations) != ('head' in operations):
            yield '%s: HEAD and GET go together' % path
        for method, operation in operations.items():
            for fault in check_operation(operation, method):
                yield '%s %s: %s (docs/api/parts)' % (method.upper(), path, fault)


def check_operation(operation, method):
    """What CODING.md asks of a route."""
    if not operation['summary']:
        yield 'it has no summary'
    good = {s: r for s, r in operation['responses'].items() if s[0] in '23'}
    if not good:
        yield 'no part says what it replies'
    for status, reply in good.items():
        content = reply.get('content')
        if content is None and status not in ('204', '302', '304') and method != 'head':
            yield '%s has no content' % status
        for kind, media in (content or {}).items():
            if kind == 'application/json' and 'schema' not in media:
                yield '%s has no schema' % status
    for kind, media in operation.get('requestBody', {}).get('content', {}).items():
        if 'json' in kind and 'schema' not in media and operation['requestBody']['required']:
            yield 'the %s body has no schema' % kind


def check_schemas(document):
    """Schemas are valid, used, and such that lab/openapi.py can hold a reply against them."""
    text = json.dumps(document)
    for name, schema in document['components']['schemas'].items():
        if text.count('"#/components/schemas/%s"' % name) == 0:
            yield 'schema %s: nobody refers to it' % name
        try:
            jsonschema.Draft202012Validator.check_schema(schema)
        except jsonschema.SchemaError as err:
            yield 'schema %s: %s' % (name, err.message)
    for where, thing in walk(document):
        if isinstance(thing.get('$ref'), str):
            if set(thing) != {'$ref'}:
                yield '%s: a $ref stands alone' % where
            try:
                Document(document).resolve(thing)
            except KeyError:
                yield '%s: there is no %s' % (where, thing['$ref'])
        if 'allOf' in thing or 'unevaluatedProperties' in thing:
            yield '%s: allOf cannot be held strictly: name all the members' % where


def check_examples(document):
    strictly = Document(document)
    for where, thing in walk(document['paths']):
        if 'example' in thing and 'schema' in thing:
            try:
                strictly.validator(thing['schema'])(thing['example'])
            except fastjsonschema.JsonSchemaException as err:
                yield '%s: its example: %s' % (where, err)


def main():
    text, fault = merged()
    if fault:
        print(fault)
        return 1
    faults = []
    if read('docs', 'api', 'openapi.json') != text:
        faults.append('docs/api/openapi.json is old: make update-openapi')
    document = json.loads(text)
    meta = json.loads(read('tests', 'data', 'openapi-3.1', 'schema.json'))
    for err in jsonschema.Draft202012Validator(meta).iter_errors(document):
        faults.append('%s: %s' % ('/'.join(map(str, err.absolute_path)), err.message[:300]))
    for check in (check_paths, check_schemas, check_examples):
        faults += check(document)
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == '__main__':
    sys.exit(main())
