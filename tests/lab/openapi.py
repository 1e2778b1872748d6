"""Holds replies against docs/api/openapi.json: status, type, and every member of a JSON body.

Clients may meet members that they do not know; here an object has those that the document names and no other.
"""
import json
import os
import re

import fastjsonschema

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(TOP, 'docs', 'api', 'openapi.json')
# What nginx, or tally.fcgi before it looks at the route, may answer to anything.
ANY = {400, 404, 405, 408, 411, 413, 414, 416, 421, 429, 501, 505}


class Undocumented(AssertionError):
    pass


def strict(schema):
    """The schema, with objects that have no members but those it names."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    done = {key: strict(value) for key, value in schema.items() if key not in ('example', 'examples')}
    if isinstance(schema.get('properties'), dict) and 'additionalProperties' not in schema:
        done['additionalProperties'] = False
    return done


def is_json(content_type):
    return content_type.split(';')[0].strip().lower() == 'application/json'


class Document:
    def __init__(self, document):
        self.document = document
        self.schemas = {'components': {'schemas': strict(document['components']['schemas'])}}
        self.paths = []
        for path, item in document['paths'].items():
            pattern = re.sub(r'\\\{[^}]*\\\}', '[^/]+', re.escape(path))
            self.paths.append((path.count('{'), re.compile(pattern + '$'), path, item))
        self.paths.sort(key=lambda entry: entry[0])  # a literal goes before a capture
        self.compiled = {}

    @classmethod
    def load(cls, path=DOCUMENT):
        with open(path, encoding='utf-8') as f:
            return cls(json.load(f))

    def resolve(self, thing):
        while '$ref' in thing:
            at = self.document
            for step in thing['$ref'].lstrip('#/').split('/'):
                at = at[step]
            thing = at
        return thing

    def validator(self, schema):
        """A function that raises fastjsonschema.JsonSchemaException."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self.compiled:
            self.compiled[key] = fastjsonschema.compile({'allOf': [strict(schema)], **self.schemas})
        return self.compiled[key]

    def operation(self, method, path):
        """The path as the document has it, and its operation; None where there is none."""
        if path.startswith('/v1/') and path.endswith('/'):
            path = path[:-1]
        for _, pattern, name, item in self.paths:
            if pattern.match(path):
                if method.lower() in item:
                    return name, item[method.lower()]
        return None, None

    @staticmethod
    def nginx_refuses(method, path):
        """A request that nginx cannot read gets /v2's form of error, whatever its path."""
        return method != method.upper() or re.search('%(00|(?![0-9A-Fa-f]{2}))', path)

    def responses(self, method, path, status):
        """What the document says of this status."""
        _, operation = self.operation(method, path)
        known = operation['responses'] if operation else {}
        if status == 400 and self.nginx_refuses(method, path):
            known = {}
        for key in (str(status), '%dXX' % (status // 100)):
            if key in known:
                return self.resolve(known[key])
        if status in ANY or (not operation and status >= 400):
            version = 1 if path == '/v1' or path.startswith('/v1/') else 2
            if status == 400 and self.nginx_refuses(method, path):
                version = 2
            return self.resolve({'$ref': '#/components/responses/v%d-400' % version})
        raise Undocumented('%s %s: the document knows no status %d' % (method, path, status))

    def check(self, method, path, status, content_type, body):
        """Raises Undocumented unless a reply to METHOD PATH may be so. BODY None: it was not looked at."""
        path = path.split('?')[0]
        if not path.startswith(('/v1/', '/v2/')) and path not in ('/', '/v2', '/versions', '/healthz', '/metrics'):
            return
        content = self.responses(method, path, status).get('content', {})
        if method == 'HEAD' or body is None:
            return
        if not content:
            if body:
                raise Undocumented('%s %s: %d has a body' % (method, path, status))
            return
        if not is_json(content_type):
            if set(content) == {'application/json'}:
                raise Undocumented('%s %s: %d is %s' % (method, path, status, content_type or 'without a type'))
            return
        if 'application/json' not in content:
            raise Undocumented('%s %s: %d is JSON' % (method, path, status))
        try:
            self.validator(content['application/json']['schema'])(json.loads(body))
        except (fastjsonschema.JsonSchemaException, ValueError) as err:
            raise Undocumented('%s %s: %d: %s\n%s' % (method, path, status, err, body[:2000])) from err
