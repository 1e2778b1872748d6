"""Drives store/ by tests/unit/store_probe against the stack's real Swift, or a directory."""
import hashlib
import os
import subprocess

import requests

CONF = """[DEFAULT]
log_level = warning
[keystone_authtoken]
auth_url = {keystone}
username = tally
password = {password}
project_name = service
[task]
stall_timeout = {stall}
[image_store]
driver = {driver}
dir = {folder}/images
min_free = 1M
[object_store]
driver = {driver}
dir = {folder}/containers
min_free = 1M
url = {url}
large_object_bytes = {large}
segment_bytes = {segment}
retries = {retries}
connect_timeout = 2
"""
MIB = 1 << 20


def md5(data):
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def slo_etag(*segments):
    """What Swift gives a static large object of these parts."""
    return md5(''.join(md5(s) for s in segments).encode())


class Swift:
    """The stack's Swift as one of its users sees it."""

    def __init__(self, stack, user):
        self.token, doc = stack.token_and_doc(user)
        self.project = doc['project']['id']
        self.url = stack.swift.account(self.project)
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers['X-Auth-Token'] = self.token

    def __call__(self, method, path='', **more):
        return self.http.request(method, self.url + path, timeout=60, **more)

    def container(self, name, **headers):
        r = self('PUT', '/' + name, headers=headers)
        assert r.status_code in (201, 202), r.text
        return name

    def names(self, container):
        r = self('GET', '/%s?format=json' % container)
        return sorted(o['name'] for o in r.json()) if r.status_code == 200 else []

    def empty(self):
        """Removes every container."""
        for box in self('GET', '?format=json').json() if self('GET').status_code != 404 else ():
            for name in self.names(box['name']):
                self('DELETE', '/%s/%s' % (box['name'], requests.utils.quote(name)))
            self('DELETE', '/' + box['name'])


class Probe:
    """store_probe with a configuration of its own; the options are CONF's words."""

    def __init__(self, stack, where, **options):
        self.program = os.path.join(stack.build, 'tests', 'unit', 'store_probe')
        self.env = {'PATH': '/usr/bin:/bin', **stack.env}
        self.config = os.path.join(where, 'probe-%d.conf' % len(os.listdir(where)))
        words = {'keystone': stack.keystone.url, 'password': 'tally', 'driver': 'swift', 'folder': where, 'url': '',
                 'large': 5 * MIB, 'segment': 2 * MIB, 'retries': 2, 'stall': 3, **options}
        with open(self.config, 'w', encoding='ascii') as f:
            f.write(CONF.format(**words))

    def start(self, role, *args, token=None, project=None, env=None, **pipes):
        who = {**({'TOKEN': token} if token else {}), **({'PROJECT': project} if project else {})}
        return subprocess.Popen([self.program, self.config, role, *map(str, args)], env={**self.env, **who, **(env or {})},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **{'stdin': subprocess.DEVNULL, **pipes})

    def run(self, role, *args, data=None, fails=None, **who):
        """Its output; where it FAILS, the message behind that kind."""
        p = self.start(role, *args, **{**({} if data is None else {'stdin': subprocess.PIPE}), **who})
        out, err = p.communicate(data, timeout=120)
        last = err.decode().splitlines()[-1] if err.strip() else ''
        if fails:
            kind, _, message = last.partition(' ')
            assert (p.returncode, kind) == (1, fails), (p.returncode, err, out[:500])
            assert 'http' not in message and '127.0.0.1' not in message
            return message
        assert p.returncode == 0, (p.returncode, err.decode())
        return out


class Customer:
    """One user's containers through a probe."""

    def __init__(self, probe, swift):
        self.probe, self.who = probe, {'token': swift.token, 'project': swift.project}

    def __call__(self, *args, **more):
        return self.probe.run('containers', *args, **{**self.who, **more})

    def put(self, container, name, data, *meta, size=None, **more):
        """(segments, size, etag) that were told."""
        out = self('put', container, name, len(data) if size is None else size, *meta, data=data, **more)
        if isinstance(out, str):
            return out
        lines = out.decode().splitlines()
        segments = [tuple(line.split()[1:]) for line in lines if line.startswith('segment ')]
        told = lines[-1].split()
        return segments, int(told[0]), told[1]

    def stat(self, container, name):
        size, etag, *meta = self('stat', container, name).decode().split()
        return int(size), etag, dict(pair.split('=', 1) for pair in meta)
