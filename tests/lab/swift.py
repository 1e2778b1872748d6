"""A private Swift: proxy, account, container and object server, one device, one replica, Keystone's tokens.

No memcached: what a container or an account is, is asked every time, so that nothing that a test sees is stale."""
import os
import shutil

from .service import Service, free_port, tcp_open

CONSTRAINTS = """[swift-hash]
swift_hash_path_suffix = lab
swift_hash_path_prefix = lab
[storage-policy:0]
name = Policy-0
default = yes
[swift-constraints]
{constraints}
"""

COMMON = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
swift_dir = {home}
devices = {home}
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_level = INFO
log_custom_handlers = lab.swift_server.log_to_file
lab_log = {log}
"""

BACKEND = """[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""

PROXY = """[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck proxy-logging listing_formats authtoken keystoneauth copy
    container-quotas slo dlo symlink proxy-logging proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true
node_timeout = 60
conn_timeout = 5
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
www_authenticate_uri = {keystone}
auth_url = {keystone}
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = service
username = swift
password = swift
delay_auth_decision = true
token_cache_time = {token_cache}
service_token_roles = service
service_token_roles_required = true
include_service_catalog = false
[filter:keystoneauth]
use = egg:swift#keystoneauth
reseller_prefix = AUTH_
operator_roles = admin, member, swiftoperator
reseller_admin_role = ResellerAdmin
[filter:container-quotas]
use = egg:swift#container_quotas
[filter:proxy-logging]
use = egg:swift#proxy_logging
[filter:slo]
use = egg:swift#slo
min_segment_size = 1
"""
PLAIN_FILTERS = ('catch_errors', 'gatekeeper', 'healthcheck', 'listing_formats', 'copy', 'dlo', 'symlink')
DEVICE = 'd1'  # as swift_server.py has it


class Swift(Service):
    """http://127.0.0.1:PORT/v1/AUTH_<project>; its data and ports stay over every restart."""

    def __init__(self, folder, keystone_url, port, name='swift', constraints=''):
        super().__init__(folder, name)
        self.home = os.path.join(folder, name)
        self.keystone_url, self.constraints = keystone_url, constraints
        self.ports = {'proxy': port, **{kind: free_port() for kind in ('account', 'container', 'object')}}
        self.url = 'http://127.0.0.1:%d' % port
        self.token_cache = 300  # seconds for which it believes what Keystone said of a token; -1: it asks every time
        self.log_path = os.path.join(folder, 'log', name + '.log')

    def account(self, project):
        return '%s/v1/AUTH_%s' % (self.url, project)

    def _write(self, name, text, **words):
        with open(os.path.join(self.home, name), 'w', encoding='utf-8') as f:
            f.write(text.format(home=self.home, log=self.log_path, **words))

    def _configure(self):
        os.makedirs(os.path.join(self.home, DEVICE), exist_ok=True)
        self._write('swift.conf', CONSTRAINTS, constraints=self.constraints)
        for kind in ('account', 'container', 'object'):
            self._write(kind + '-server.conf', COMMON + BACKEND, port=self.ports[kind], kind=kind)
        proxy = COMMON + PROXY + ''.join('[filter:%s]\nuse = egg:swift#%s\n' % (f, f) for f in PLAIN_FILTERS)
        self._write('proxy-server.conf', proxy, port=self.ports['proxy'], keystone=self.keystone_url,
                    token_cache=self.token_cache)

    def argv(self):
        return ['/usr/bin/python3', '-W', 'ignore', '-m', 'lab.swift_server', self.home]

    def environ(self):
        return {'PYTHONPATH': os.path.dirname(os.path.dirname(os.path.abspath(__file__)))}

    def start(self, seconds=60.0, wait=True):
        if not self.running():
            self._configure()
        return super().start(seconds, wait)

    def ready(self):
        return all(tcp_open(port) for port in self.ports.values())

    def server_pid(self, kind):
        """Of proxy, account, container or object."""
        with open(os.path.join(self.home, kind + '.pid'), encoding='ascii') as f:
            return int(f.read())

    def disk_bytes(self):
        """What the device holds, objects of all accounts."""
        top, total = os.path.join(self.home, DEVICE, 'objects'), 0
        for base, _, names in os.walk(top):
            total += sum(os.path.getsize(os.path.join(base, n)) for n in names if n.endswith('.data'))
        return total

    def wipe(self):
        """Forgets all accounts; only while it is stopped."""
        shutil.rmtree(os.path.join(self.home, DEVICE), ignore_errors=True)
