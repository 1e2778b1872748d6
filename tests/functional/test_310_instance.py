"""deploy/instance: a folder with everything in it, started, stopped and never confused with a stranger's."""
import os
import re
import signal
import ssl
import stat
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from lab.service import free_port

TOP = Path(__file__).resolve().parents[2]
BUILD = os.environ.get("TALLY_BUILD") or TOP / "build-asan"
SERVICES = ("mariadb", "tally", "worker", "nginx")


class Instance:
    def __init__(self, folder):
        self.dir = folder
        self.port = free_port()

    def run(self, *args, check=True):
        done = subprocess.run([TOP / "deploy/instance", self.dir, *args], capture_output=True, text=True,
                              timeout=120, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def init(self, *settings):
        return self.run("init", f"PORT={self.port}", f"BUILD={BUILD}", *settings)

    def pid(self, name):
        return int((self.dir / f"run/{name}.service").read_text().split()[0])

    def processes(self):
        """Every process that works in the folder."""
        found = set()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if Path(os.readlink(entry / "cwd")).is_relative_to(self.dir):
                        found.add(int(entry.name))
                except OSError:
                    pass
        return found

    def get(self, path):
        context = ssl.create_default_context(cafile=self.dir / "etc/tls.crt")
        with urllib.request.urlopen(f"https://localhost:{self.port}{path}", context=context, timeout=20) as reply:
            return reply.status

    def running(self):
        done = self.run("status", check=False)
        return [line.split(":")[0] for line in done.stdout.splitlines() if ": running" in line], done.returncode


@pytest.fixture
def instance(tmp_path):
    made = Instance(tmp_path / "i")
    made.init()
    yield made
    if made.dir.exists():
        made.run("clean")
    assert made.processes() == set()


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_life(instance):
    assert instance.running() == ([], 3)
    instance.run("start", "mariadb")
    assert instance.running() == (["mariadb"], 3)
    instance.run("sync")
    assert "(head)" in instance.run("manage", "db", "version").stdout
    instance.run("start")
    assert instance.running() == (list(SERVICES), 0)
    assert instance.get("/healthz") == 200
    before = [instance.pid(name) for name in SERVICES]
    instance.run("start")
    assert [instance.pid(name) for name in SERVICES] == before
    assert int(instance.run("sql", "tally", "-N", "-e", "SELECT COUNT(*) FROM runs").stdout) == 0
    instance.run("reload")
    assert instance.get("/healthz") == 200
    assert [instance.pid(name) for name in SERVICES] == before
    instance.run("stop", "tally")
    assert instance.running() == (["mariadb", "worker", "nginx"], 3)
    with pytest.raises(urllib.error.HTTPError) as refused:
        instance.get("/healthz")
    assert refused.value.code == 502
    instance.run("start")
    assert instance.get("/healthz") == 200
    instance.run("stop")
    assert instance.processes() == set()
    assert list((instance.dir / "run").glob("*.service")) == []
    instance.run("stop")
    instance.run("clean")
    assert not instance.dir.exists()


def test_several_processes_share_the_socket(instance):
    instance.init("PROCESSES=3")
    instance.run("start", "mariadb")
    instance.run("sync")
    instance.run("start")
    session = instance.pid("tally")

    def workers():
        out = subprocess.run(["pgrep", "-s", str(session), "-x", "tally.fcgi"], capture_output=True, text=True,
                             check=False).stdout
        return set(map(int, out.split()))

    until = time.monotonic() + 20
    while len(workers()) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    first = workers()
    assert len(first) == 3
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    while (len(workers()) < 3 or victim in workers()) and time.monotonic() < until:
        assert instance.get("/healthz") == 200
    assert len(workers()) == 3 and len(workers() & first) == 2
    instance.run("reload")
    assert instance.get("/healthz") == 200
    assert len(workers()) == 3
    instance.run("stop")


def test_what_is_private_is_private(instance):
    assert mode(instance.dir) == 0o700
    key = re.search(r"^secret_key = ([0-9a-f]{64})$", (instance.dir / "etc/tally.conf").read_text(), re.M)
    assert key and key.group(1) in (instance.dir / "etc/settings").read_text()
    for name in ("tls.key", "tokens", "tally.conf", "member.header", "staff.header", "settings"):
        assert mode(instance.dir / "etc" / name) == 0o600, name
    tokens = [line.split() for line in (instance.dir / "etc/tokens").read_text().splitlines() if line[0] != "#"]
    assert len({line[0] for line in tokens}) == 2 and all(len(line[0]) >= 32 for line in tokens)
    config = (instance.dir / "etc/mariadb.cnf").read_text()
    assert "skip-networking" in config


def test_init_again_keeps_what_is_yours(instance):
    kept = ("tls.crt", "tls.key", "tokens")
    before = [(instance.dir / "etc" / name).read_bytes() for name in kept]
    config = (instance.dir / "etc/tally.conf").read_text()
    port = free_port()
    instance.run("init", f"PORT={port}")
    assert [(instance.dir / "etc" / name).read_bytes() for name in kept] == before
    assert f":{port} ssl" in (instance.dir / "etc/nginx/site").read_text()
    changed = (instance.dir / "etc/tally.conf").read_text()
    assert changed == config.replace(str(instance.port), str(port))
    (instance.dir / "etc/tally.conf").write_text(changed + "# mine\n")
    instance.init("RATE=1r/s")
    assert (instance.dir / "etc/tally.conf").read_text() == changed + "# mine\n"
    assert "rate=1r/s" in (instance.dir / "etc/nginx/site").read_text()


def test_a_stranger_is_never_signalled(instance):
    with subprocess.Popen(["sleep", "60"], start_new_session=True, cwd="/") as stranger:
        for name in SERVICES:
            (instance.dir / f"run/{name}.service").write_text(f"{stranger.pid} 1\n")
        assert instance.running() == ([], 3)
        instance.run("stop")
        assert stranger.poll() is None
        for text in ("", "garbage", "1", f"{stranger.pid}"):
            (instance.dir / "run/nginx.service").write_text(text)
            instance.run("stop")
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_is_gone_does_not_run(instance):
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    for text in (f"{gone.pid} \n", f"{gone.pid} 1\n", f"{gone.pid}\n"):
        (instance.dir / "run/tally.service").write_text(text)
        assert instance.running() == ([], 3)


def test_what_a_killed_leader_leaves_is_cleared(instance):
    instance.run("start", "nginx")
    before = instance.processes()
    assert len(before) >= 2
    os.kill(instance.pid("nginx"), signal.SIGKILL)
    assert instance.running()[0] == []
    assert instance.processes()
    instance.run("start", "nginx")
    assert instance.processes().isdisjoint(before)
    assert instance.running()[0] == ["nginx"]


def test_two_starts_at_once_start_one(instance):
    both = [subprocess.Popen([TOP / "deploy/instance", instance.dir, "start", "mariadb", "nginx"]) for _ in range(2)]
    assert [child.wait(60) for child in both] == [0, 0]
    names = [(Path("/proc") / str(pid) / "comm").read_text().strip() for pid in instance.processes()]
    assert names.count("mariadbd") == 1
    assert names.count("nginx") == 3  # a master and two workers


def test_mistakes_are_told(tmp_path, instance):
    for args, text in ((("init", "NOSUCH=1"), "no such setting"), (("init", "PORT=x"), "PORT"),
                       (("init", "PROCESSES=0"), "PROCESSES"), (("start", "apache"), "no such service")):
        done = instance.run(*args, check=False)
        assert done.returncode == 1 and text in done.stderr
    other = Instance(tmp_path / "other")
    assert "init it first" in other.run("start", check=False).stderr
    assert not other.dir.exists()
    for folder in ("a b", "x" * 90):
        assert Instance(tmp_path / folder).run("init", check=False).returncode == 1
    other.dir.mkdir()
    (other.dir / "precious").write_text("mine")
    assert "not empty" in other.run("init", check=False).stderr
    assert other.run("clean", check=False).returncode == 1
    assert (other.dir / "precious").exists()


def test_a_service_that_cannot_start_says_why(instance):
    config = instance.dir / "etc/tally.conf"
    config.write_text(config.read_text() + "\n[api]\nnosuch = 1\n")
    for name in ("tally", "worker"):
        done = instance.run("start", name, check=False)
        assert done.returncode == 1
        assert "nosuch" in done.stderr
    site = instance.dir / "etc/nginx/site"
    site.write_text(site.read_text() + "nonsense;\n")
    done = instance.run("start", "nginx", check=False)
    assert done.returncode == 1
    assert "nonsense" in done.stderr
