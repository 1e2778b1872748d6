"""`tally`, the user's command, as one of the lab's users has it: the OpenStack variables, and nothing else."""
import json
import os
import subprocess

from lab.service import PATH

OK, USAGE, DATA, NO_INPUT, UNAVAILABLE, CANNOT_CREATE, IO, TEMPORARY, NOT_ALLOWED, INTERRUPTED = (
    0, 64, 65, 66, 69, 73, 74, 75, 77, 130)


class Tally:
    """Runs the command; the environment is its own (set() changes it)."""

    def __init__(self, stack, folder, user='demo', password=None):
        self.stack, self.folder = stack, str(folder)
        self.env = {'PATH': PATH, 'HOME': self.folder, 'LANG': 'C.UTF-8', **stack.env}
        if user:
            document = stack.token_and_doc(user)[1]
            self.env |= {'OS_AUTH_URL': stack.keystone.url + '/v3', 'OS_USERNAME': user,
                         'OS_PASSWORD': password or {'admin': 'secret'}.get(user, user),
                         'OS_PROJECT_NAME': document['project']['name'], 'OS_USER_DOMAIN_NAME': 'Default',
                         'OS_PROJECT_DOMAIN_NAME': 'Default'}
        self.env['OS_CACERT'] = stack.ca

    def set(self, **values):
        """A copy with these variables; None takes one away."""
        other = Tally.__new__(Tally)
        other.stack, other.folder = self.stack, self.folder
        other.env = {k: v for k, v in {**self.env, **values}.items() if v is not None}
        return other

    def argv(self, *args):
        return [os.path.join(self.stack.build, 'cli', 'tally'), *map(str, args)]

    def run(self, *args, stdin=b'', timeout=120):
        """The finished process, its output as text."""
        done = subprocess.run(self.argv(*args), env=self.env, cwd=self.folder, capture_output=True, check=False,
                              timeout=timeout, **({'stdin': stdin} if hasattr(stdin, 'fileno') else {'input': stdin}))
        done.stdout, done.stderr = done.stdout.decode(errors='replace'), done.stderr.decode()
        assert 'Sanitizer' not in done.stderr and 'runtime error' not in done.stderr, done.stderr
        return done

    def start(self, *args, **more):
        return subprocess.Popen(self.argv(*args), env=self.env, cwd=self.folder, **more)

    def __call__(self, *args, stdin=b''):
        """What it prints; it must succeed."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, 'tally %s: %d\n%s\n%s' % (' '.join(map(str, args)), done.returncode,
                                                               done.stdout, done.stderr)
        return done.stdout

    def json(self, *args, stdin=b''):
        return json.loads(self(*args, '-f', 'json', stdin=stdin))

    def fails(self, code, *args, stdin=b''):
        """What it says on stderr; it must end with CODE and print nothing."""
        done = self.run(*args, stdin=stdin)
        assert done.returncode == code, 'tally %s: %d, not %d\n%s\n%s' % (' '.join(map(str, args)), done.returncode,
                                                                          code, done.stdout, done.stderr)
        assert done.stdout == ''
        return done.stderr

    def file(self, name, content):
        path = os.path.join(self.folder, name)
        with open(path, 'wb') as f:
            f.write(content if isinstance(content, bytes) else content.encode())
        return path
