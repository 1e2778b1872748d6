"""tally.fcgi under spawn-fcgi, tally-worker, and nginx with the site's own files in front of it."""
import os
import signal
import subprocess

from .service import PATH, LabError, Service, tcp_open, unix_open

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Config:
    """tally.conf: {section: {option: value}} over the lab's own values; tests change it and put it back."""

    def __init__(self, path, base):
        self.path, self.base = path, base
        self.changes = {}
        self.write()

    def write(self):
        sections = {name: dict(options) for name, options in self.base.items()}
        for (section, option), value in self.changes.items():
            sections.setdefault(section, {})[option] = value
        text = ''
        for name, options in sections.items():
            text += '[%s]\n' % name
            text += ''.join('%s = %s\n' % (k, v) for k, v in options.items() if v is not None) + '\n'
        with open(self.path + '.new', 'w', encoding='utf-8') as f:
            f.write(text)
        os.rename(self.path + '.new', self.path)

    def set(self, section, **options):
        """None takes an option out of the file."""
        for option, value in options.items():
            if isinstance(value, bool):
                value = 'true' if value else 'false'
            self.changes[section, option] = value
        self.write()

    def line(self, option):
        """The number of the line that sets OPTION."""
        with open(self.path, encoding='utf-8') as f:
            for number, line in enumerate(f, 1):
                if line.split('=')[0].strip() == option:
                    return number
        return 0

    def reset(self):
        """True if there was something to put back."""
        changed = bool(self.changes)
        self.changes = {}
        self.write()
        return changed


class TallyFcgi(Service):
    """One tally.fcgi; its process is spawn-fcgi's, which becomes it."""

    def __init__(self, folder, build, config, env=None, name='tally'):
        super().__init__(folder, name)
        self.build, self.config, self.env = build, config, dict(env or {})
        self.socket = os.path.join(folder, 'run', name + '.sock')

    def argv(self):
        return ['/usr/bin/spawn-fcgi', '-n', '-s', self.socket, '-M', '0666', '--',
                os.path.join(self.build, 'fcgi', 'tally.fcgi'), '--config', self.config]

    def environ(self):
        return self.env

    def start(self, seconds=60.0, wait=True):
        if not self.running() and os.path.exists(self.socket):
            os.unlink(self.socket)
        return super().start(seconds, wait)

    def ready(self):
        # spawn-fcgi listens before tally.fcgi runs, and before it blocks SIGHUP a reload would end it
        with open('/proc/%d/status' % self.proc.pid, encoding='ascii') as f:
            fields = dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)
        return fields['Name'] == 'tally.fcgi' and int(fields['SigBlk'], 16) & 1 and unix_open(self.socket)


class TallyWorker(Service):
    """One tally-worker. Several may run, each with a name, an environment and a configuration file of its own."""

    def __init__(self, folder, build, config, env=None, name='worker', wake_socket=None):
        super().__init__(folder, name)
        self.build, self.config, self.env, self.wake_socket = build, config, dict(env or {}), wake_socket

    def argv(self):
        return [os.path.join(self.build, 'worker', 'tally-worker'), '--config', self.config]

    def environ(self):
        return self.env

    def ready(self):
        # its socket (base/wake.h) is there once it can take a task
        return not self.wake_socket or os.path.exists('%s.%d' % (self.wake_socket, self.proc.pid))


class Nginx(Service):
    """The site of nginx/, filled in by deploy/instance, on a free port."""

    death_signal = signal.SIGTERM  # its workers would outlive a master that is killed

    def __init__(self, folder, port):
        super().__init__(folder, 'nginx')
        self.port = port

    def argv(self):
        return ['/usr/sbin/nginx', '-p', self.folder, '-c', os.path.join(self.folder, 'etc', 'nginx.conf'),
                '-e', os.path.join(self.folder, 'log', 'nginx.log')]

    def ready(self):
        return tcp_open(self.port)


def make_instance(folder, **settings):
    """Lets deploy/instance make the folder's certificate and nginx's files."""
    done = subprocess.run([os.path.join(TOP, 'deploy', 'instance'), folder, 'init',
                           *['%s=%s' % pair for pair in settings.items()]],
                          env={'PATH': PATH, 'HOME': folder}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise LabError('deploy/instance init: ' + done.stdout)
