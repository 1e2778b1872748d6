#!/usr/bin/python3
"""The API's reference: what tally.fcgi --print-openapi knows, with docs/api/parts, as docs/api/openapi.json has it.

The program knows the routes, who may ask, what body it takes and which errors any route may answer. A part, in OpenAPI's
own words, has what it does not know: query parameters, bodies, replies with their schemas and examples.
"""
import glob
import json
import os
import subprocess
import sys

PARTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'parts')


class Fault(Exception):
    pass


def no_doubles(pairs):
    keys = [key for key, _ in pairs]
    doubles = {key for key in keys if keys.count(key) > 1}
    if doubles:
        raise Fault('%s stands there twice' % ', '.join(sorted(doubles)))
    return dict(pairs)


def add(to, part, where, said):
    """Adds PART's members. They go before what the program says, but not before another part's: SAID are those. null
    takes away what the program says."""
    for key, value in part.items():
        place = '%s/%s' % (where, key)
        if place in said:
            raise Fault('%s stands in two parts' % place)
        if value is None and key in to:
            del to[key]
        elif isinstance(value, dict) and isinstance(to.get(key), dict) and '$ref' not in to[key]:
            add(to[key], value, place, said)
        else:
            to[key] = value
            said.add(place)


def add_part(document, name, part, said):
    for key in set(part) - {'paths', 'components'}:
        raise Fault('%s: %s is nothing that a part has' % (name, key))
    for path, methods in part.get('paths', {}).items():
        for method in methods:
            if method not in document['paths'].get(path, {}):
                raise Fault('%s: there is no route %s %s' % (name, method.upper(), path))
    for key, value in part.items():
        add(document[key], value, key, said)


def tag(path):
    steps = path.strip('/').split('/')
    return steps[1] if len(steps) > 1 else 'service'


def without_body(responses):
    """HEAD's replies: GET's, of which it keeps no content."""
    done = {}
    for status, response in responses.items():
        done[status] = {k: v for k, v in response.items() if k != 'content'} if '$ref' not in response else response
    return done


def finish(document):
    for path, methods in document['paths'].items():
        for method, operation in methods.items():
            if method != 'parameters':
                operation['tags'] = [tag(path)]
                operation['responses'] = dict(sorted(operation['responses'].items()))
        if 'get' in methods:
            get = methods['get']
            methods['head'] = {**get, 'responses': without_body(get['responses'])}
    schemas = document['components']['schemas']
    document['components']['schemas'] = dict(sorted(schemas.items()))


def make(program):
    """The document's text."""
    printed = subprocess.run([program, '--print-openapi'], capture_output=True, check=True, text=True).stdout
    document = json.loads(printed, object_pairs_hook=no_doubles)
    said = set()
    for path in sorted(glob.glob(os.path.join(PARTS, '*.json'))):
        name = os.path.basename(path)
        with open(path, encoding='utf-8') as f:
            try:
                add_part(document, name, json.load(f, object_pairs_hook=no_doubles), said)
            except (ValueError, Fault) as err:
                raise Fault('%s: %s' % (name, err)) from err
    finish(document)
    return json.dumps(document, indent=1, ensure_ascii=False) + '\n'


def main():
    try:
        sys.stdout.write(make(sys.argv[1]))
    except Fault as fault:
        sys.exit('docs/api/parts: %s' % fault)


if __name__ == '__main__':
    main()
