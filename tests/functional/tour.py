"""README's tour, typed: its commands in one shell, and what they print beside what it shows."""
import re
import subprocess

UUID = r'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
# ids of this time's; the first of README's at a place is this time's first there, and from then on means that
ID = re.compile(r'%s|\battachments/\d+' % UUID)
VARYING = ((r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ', 'TIME'), (r'in [\d.]+ s \([\d.]+ \w?B/s\)', 'in N s'), (r'[ \t\r]+$', ''))


class Shell:
    def __init__(self, cwd, env):
        self.proc = subprocess.Popen(['bash', '--norc'], cwd=cwd, env=env, text=True, stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __call__(self, command):
        self.proc.stdin.write('{ %s\n} </dev/null; echo; echo "@@ $?"\n' % command)
        self.proc.stdin.flush()
        out = ''
        while not re.search(r'^@@ \d+\n\Z', out, re.M):
            line = self.proc.stdout.readline()
            assert line, 'the shell is gone after %s\n%s' % (command, out)
            out += line
        code = int(out.rsplit('@@ ', 1)[1])
        assert code == 0, '%s: %d\n%s' % (command, code, out)
        return out.rsplit('@@ ', 1)[0].rstrip('\n')

    def close(self):
        self.proc.stdin.close()
        self.proc.stdout.close()
        self.proc.wait(60)


def steps(text):
    """(command, what it shows) of every "$ " line in the fenced blocks of the tour."""
    tour = re.search(r'^## A tour\n(.*?)^## ', text, re.S | re.M).group(1)
    found = []
    for block in re.findall(r'^```\n(.*?)^```$', tour, re.S | re.M):
        if block.startswith('$ '):
            for step in re.split(r'^\$ ', block, flags=re.M)[1:]:
                command, _, shown = re.sub(r'\\\n', '\\\\\0', step).partition('\n')
                found.append((command.replace('\\\0', '\\\n'), shown.rstrip('\n')))
    return found


def steady(text):
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text, flags=re.M)
    return text


def pattern(shown, known):
    """A regular expression for what README shows: ids that are known as this time's are, others a group; "..." alone
    on a line is any lines."""
    out, at, new = '', 0, []
    for m in re.finditer(r'^\.\.\.$\n?|%s' % ID.pattern, shown, re.M):
        out += re.escape(shown[at:m.start()])
        at = m.end()
        if m.group().startswith('...'):
            out += r'(?:.*\n)*?' if m.group().endswith('\n') else r'(?:.*\n?)*'
        elif m.group() in known:
            out += re.escape(known[m.group()])
        elif m.group() in new:
            out += r'(?P=id%d)' % new.index(m.group())
        else:
            out += r'(?P<id%d>%s)' % (len(new), UUID if '-' in m.group() else r'attachments/\d+')
            new.append(m.group())
    return re.compile(out + re.escape(shown[at:]) + r'\Z'), new


def type_in(readme, shell, replace):
    """Types the tour; REPLACE says [(what README shows, what it is this time)]. Returns how many commands."""
    known, done = {}, steps(readme)
    for command, shown in done:
        for this, that in [*replace, *known.items()]:
            command = command.replace(this, that)
        out = shell(command)
        for this, that in replace:
            out = out.replace(that, this)
        wanted, new = pattern(steady(shown), known)
        m = wanted.match(steady(out))
        assert m, '$ %s\n%s\n--- README shows\n%s' % (command, out, shown)
        known |= {name: m.group('id%d' % i) for i, name in enumerate(new)}
    return len(done)
