"""The command-line clients and libraries that OpenStack's users have, unmodified, with a user of the lab's."""
import os
import subprocess

from lab.service import PATH


class Cli:
    """Runs `glance`, `openstack`, `swift` and Python scripts as one of the lab's users."""

    def __init__(self, stack, user='demo', password=None, project=None):
        document = stack.token_and_doc(user)[1]
        self.folder = stack.folder
        self.env = {
            'PATH': PATH, 'HOME': stack.folder, 'LANG': 'C.UTF-8', 'PYTHONDONTWRITEBYTECODE': '1',
            'PYTHONWARNINGS': 'ignore', 'OS_AUTH_URL': stack.keystone.url + '/v3', 'OS_AUTH_TYPE': 'password',
            'OS_IDENTITY_API_VERSION': '3', 'OS_USERNAME': user, 'OS_PASSWORD': password or {'admin': 'secret'}.get(user, user),
            'OS_PROJECT_NAME': project or document['project']['name'], 'OS_USER_DOMAIN_NAME': 'Default',
            'OS_PROJECT_DOMAIN_NAME': 'Default', 'OS_REGION_NAME': 'RegionOne', 'OS_IMAGE_API_VERSION': '2',
            'OS_CACERT': stack.ca}

    def run(self, *argv, stdin=None):
        """The finished process."""
        return subprocess.run([str(a) for a in argv], env=self.env, cwd=self.folder, input=stdin, capture_output=True,
                              text=True, check=False, timeout=120)

    def __call__(self, *argv, stdin=None):
        """What it prints; it must succeed."""
        done = self.run(*argv, stdin=stdin)
        assert done.returncode == 0, '%s: %d\n%s\n%s' % (' '.join(map(str, argv)), done.returncode, done.stdout,
                                                         done.stderr)
        return done.stdout

    def python(self, script):
        """Runs a script with the distribution's Python; what it prints."""
        return self('/usr/bin/python3', '-W', 'ignore', '-', stdin=script)


def table(text):
    """A client's two-column table as a dictionary."""
    rows = {}
    for line in text.splitlines():
        cells = [c.strip() for c in line.split('|')]
        if len(cells) == 4:
            rows[cells[1]] = cells[2]
    return rows


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, 'wb') as f:
        f.write(data)
    return path


def read(path):
    with open(path, 'rb') as f:
        return f.read()
