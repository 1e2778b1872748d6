"""Swift's four servers, each in a process of its own under this one: python3 -m lab.swift_server FOLDER.

Swift's code is imported once and its swift.conf taken from FOLDER, not from the path that is built into it, so that
several stacks stand side by side. The distribution's own start scripts do no more than this."""
import configparser
import ctypes
import importlib
import logging
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
ONCE = ('keystonemiddleware.auth_token', 'swift.account.server', 'swift.container.server', 'swift.obj.server',
        'swift.proxy.server', 'swift.common.middleware.keystoneauth', 'swift.common.middleware.slo',
        'swift.common.middleware.dlo', 'swift.common.middleware.copy', 'swift.common.middleware.symlink')
KINDS = ('account', 'container', 'object', 'proxy')
_handler = {}


def log_to_file(conf, name, log_to_console, log_route, fmt, logger, adapted_logger):
    """For log_custom_handlers: Swift logs to syslog only, and there is none here."""
    path = conf.get('lab_log')
    if path and path not in _handler:
        _handler[path] = logging.FileHandler(path)
        _handler[path].setFormatter(logging.Formatter('%(asctime)s ' + name + ' %(levelname)s: %(message)s'))
    if path and _handler[path] not in logger.handlers:
        logger.addHandler(_handler[path])


def make_ring(folder, kind):
    """One device, one replica: the server of KIND that the configuration names."""
    path = os.path.join(folder, kind + '.ring.gz')
    if os.path.exists(path):
        return
    conf = configparser.RawConfigParser()
    conf.read(os.path.join(folder, kind + '-server.conf'))
    from swift.common.ring import RingBuilder
    builder = RingBuilder(4, 1, 1)
    builder.add_dev({'region': 1, 'zone': 1, 'ip': '127.0.0.1', 'port': conf.getint('DEFAULT', 'bind_port'),
                     'device': 'd1', 'weight': 1.0})
    builder.rebalance()
    builder.get_ring().save(path)


def serve(folder, kind):
    from swift.common.wsgi import run_wsgi
    return run_wsgi(os.path.join(folder, kind + '-server.conf'), kind + '-server')


def main():
    folder = sys.argv[1]
    from swift.common import utils
    utils.set_swift_dir(folder)
    for module in ONCE:
        importlib.import_module(module)
    for kind in KINDS[:3]:
        make_ring(folder, kind)
    children = []
    for kind in KINDS:
        pid = os.fork()
        if pid == 0:
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            sys.argv[0] = 'swift-%s-server' % kind
            os._exit(serve(folder, kind) or 0)
        children.append(pid)
        with open(os.path.join(folder, kind + '.pid'), 'w', encoding='ascii') as f:
            f.write('%d\n' % pid)

    def end(*_):
        for pid in children:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    os.wait()  # one that ends by itself takes the others along: the test sees that Swift died
    end()


if __name__ == '__main__':
    main()
