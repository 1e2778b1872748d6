"""What `make install` puts on a production host: it agrees with itself and with the tools that read it."""
import getpass
import grp
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from lab.service import free_port

TOP = Path(__file__).resolve().parents[2]
BUILD = os.environ.get("TALLY_BUILD") or TOP / "build-asan"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def run(*args, **more):
    done = subprocess.run(args, capture_output=True, text=True, check=False, timeout=120, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    dest = tmp_path_factory.mktemp("dest")
    run("make", "-C", BUILD, "install", f"DESTDIR={dest}", env={"PATH": PATH})
    return dest


def find(dest, name):
    found = [path for path in dest.rglob(name) if path.is_file()]
    assert len(found) == 1, found
    return found[0]


def test_everything_is_there(installed):
    for name in ("tally.fcgi", "tally-worker", "tally-manage", "tally-spawn", "tally.conf.sample", "site", "errors.conf",
                 "tally-fcgi.socket", "tally-fcgi@.service", "tally-worker.service", "tally-expire.service",
                 "tally-expire.timer"):
        assert not re.search(r"@[A-Za-z_]+@", find(installed, name).read_bytes().decode("latin-1")[:4096]), name


def test_files_name_files_that_exist(installed):
    site = find(installed, "site")
    for text in (site.read_text(), find(installed, "errors.conf").read_text()):
        for path in re.findall(r"include (\S+);", text):
            assert (installed / path.lstrip("/")).is_file(), path
    for name in ("tally-fcgi@.service", "tally-worker.service", "tally-expire.service", "tally-spawn"):
        text = find(installed, name).read_text()
        programs = re.findall(r"\S+/sbin/tally\S+", text)
        assert programs
        for path in programs:
            assert os.access(installed / path[path.index("/"):].lstrip("/"), os.X_OK), path
        config = re.search(r"[ =](/\S*/tally/tally.conf)\b", text).group(1)
        assert (installed / (config + ".sample").lstrip("/")).is_file()


@pytest.fixture
def served(installed, tmp_path):
    """nginx's configuration of the installed site, moved to where the test may write; its arguments and its port."""
    port = free_port()
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", tmp_path / "tls.key",
        "-out", tmp_path / "tls.crt")
    folder = find(installed, "site").parent
    for file in folder.iterdir():
        text = file.read_text().replace("/etc/tally/tls", str(tmp_path / "tls"))
        text = text.replace("listen 443", f"listen 127.0.0.1:{port}").replace("/var/log/nginx", str(tmp_path))
        text = text.replace("root /", f"root {installed}/")
        text = re.sub(r"include (/\S+);", rf"include {tmp_path}/\1;", text)
        place = tmp_path / str(folder.relative_to(installed)) / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    user = "user root; " if os.geteuid() == 0 else ""  # pytest's folders are nobody else's
    # as Debian's own nginx.conf does
    (tmp_path / "modules").symlink_to("/usr/lib/nginx/modules")
    (tmp_path / "nginx.conf").write_text(
        f"include /etc/nginx/modules-enabled/*.conf; {user}pid {tmp_path}/pid; events {{}} "
        f"http {{ include {tmp_path}/{folder.relative_to(installed)}/site; }}")
    return ["nginx", "-p", tmp_path, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "log"], port


def test_nginx_takes_the_site(served):
    out = run(*served[0], "-t", env={"PATH": PATH})
    assert "warn" not in out and "test is successful" in out


def test_nginx_serves_the_installed_page(served, tmp_path):
    """The page and all that it loads."""
    arguments, port = served
    with subprocess.Popen([*arguments, "-g", "daemon off;"], env={"PATH": PATH}) as nginx:
        try:
            url = f"https://localhost:{port}/ui/"
            page = run("curl", "-sS", "--fail", "--retry", "50", "--retry-connrefused", "--retry-delay", "0", "--cacert",
                       tmp_path / "tls.crt", url)
            names = re.findall(r'(?:src|href)="\./([^"]+)"', page)
            assert {name.rpartition(".")[2] for name in names} == {"js", "css", "svg"}
            for name in [*names, "nothing"]:
                status = run("curl", "-sS", "--cacert", tmp_path / "tls.crt", "-o", "/dev/null", "-w",
                             "%{http_code} %{content_type}", url + name)
                assert status.startswith("200 " if name in names else "404 "), (name, status)
        finally:
            nginx.terminate()


def test_units_are_sound(installed, tmp_path):
    units = find(installed, "tally-fcgi.socket").parent
    for unit in units.iterdir():
        text = re.sub(r"^ExecStart=(\S+)", rf"ExecStart={installed}\1", unit.read_text(), flags=re.M)
        (tmp_path / unit.name).write_text(text)
    env = {"PATH": PATH, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"}
    for unit in ("tally-fcgi.socket", "tally-fcgi@1.service", "tally-worker.service", "tally-expire.service",
                 "tally-expire.timer"):
        out = run("systemd-analyze", "verify", "--man=no", unit, env=env)
        assert "tally" not in out, out
    for unit in ("tally-fcgi@.service", "tally-worker.service", "tally-expire.service"):
        out = run("systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=30", tmp_path / unit,
                  env=env)
        assert "exposure level" in out


def test_users_and_folders(installed, tmp_path):
    conf = {path.parent.name: path for path in installed.rglob("tally.conf")}
    (tmp_path / "etc").mkdir()
    # The group of nginx is the distribution's.
    (tmp_path / "etc/group").write_text("adm:x:4:\nwww-data:x:33:\n")
    run("systemd-sysusers", f"--root={tmp_path}", conf["sysusers.d"])
    assert "\ntally:" in "\n" + (tmp_path / "etc/passwd").read_text()
    if os.geteuid() == 0:
        run("systemd-tmpfiles", "--create", f"--root={tmp_path}", conf["tmpfiles.d"])
        assert (tmp_path / "run/tally").stat().st_mode & 0o777 == 0o750
        assert (tmp_path / "run/tally").stat().st_gid == 33


def test_logs_are_rotated(installed, tmp_path):
    group = grp.getgrgid(os.getegid()).gr_name
    text = next(path for path in installed.rglob("tally") if path.parent.name == "logrotate.d").read_text()
    assert "HUP" in text
    text = text.replace("/var/log/tally", str(tmp_path)).replace("tally adm", f"{getpass.getuser()} {group}")
    (tmp_path / "rotate").write_text(text)
    (tmp_path / "rotate").chmod(0o644)
    (tmp_path / "a.log").write_text("x\n")
    run("logrotate", "--force", "--state", tmp_path / "state", tmp_path / "rotate", env={"PATH": PATH})
    assert (tmp_path / "a.log.1").read_text() == "x\n"
    assert (tmp_path / "a.log").stat().st_mode & 0o777 == 0o640


def test_sample_configuration_is_valid(installed, tmp_path):
    sample = find(installed, "tally.conf.sample").read_text()
    # Every line that is commented out, made active, is a value that the parser takes.
    active = re.sub(r"^#(\w+ =)", r"\1", sample, flags=re.M)
    active = re.sub(r"(?m)^connection =.*", "connection = mysql://x@localhost/x?unix_socket=/nonexistent", active)
    (tmp_path / "tally.conf").write_text(active)
    done = subprocess.run([find(installed, "tally-manage"), "--config", tmp_path / "tally.conf", "db", "version"],
                          capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode != 0
    assert "tally.conf:" not in done.stderr, done.stderr
    assert "/nonexistent" in done.stderr


@pytest.fixture
def reachable():
    """A folder that another user can enter, as pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="tally-spawn-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_spawn_fcgi_and_multiwatch(installed, reachable):
    """tally-spawn in the foreground: two processes, one starts again when it dies, SIGTERM ends all."""
    instance = [TOP / "deploy/instance", reachable / "i"]
    run(*instance, "init", f"PORT={free_port()}", f"BUILD={BUILD}")
    user = "nobody" if os.geteuid() == 0 else getpass.getuser()
    group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    script = reachable / "tally-spawn"
    text = find(installed, "tally-spawn").read_text()
    script.write_text(re.sub(r"\(\S+/sbin/tally.fcgi", f"({reachable}/tally.fcgi", text))
    shutil.copy(find(installed, "tally.fcgi"), reachable / "tally.fcgi")
    script.chmod(0o755)
    if os.geteuid() == 0:
        # spawn-fcgi runs nothing as root; nobody's group has another name than he.
        run("chown", "-R", f"{user}:{group}", reachable)
        script.write_text(script.read_text().replace('-g "$RUN_AS"', f'-g {group}'))
    env = {"PATH": PATH, "PROCESSES": "2", "SOCKET": str(reachable / "i/run/tally.sock"), "RUN_AS": user,
           "SOCKET_GROUP": group, "CONFIG": str(reachable / "i/etc/tally.conf")}

    def workers():
        out = subprocess.run(["pgrep", "-P", str(spawned.pid)], capture_output=True, text=True, check=False).stdout
        return set(map(int, out.split()))

    def wait(check):
        until = time.monotonic() + 20
        while not check():
            assert time.monotonic() < until and spawned.poll() is None
            time.sleep(0.05)

    with subprocess.Popen([script], env=env, start_new_session=True) as spawned:
        try:
            wait(lambda: len(workers()) == 2 and os.path.exists(env["SOCKET"]))
            assert os.stat(env["SOCKET"]).st_mode & 0o777 == 0o660
            victim = min(workers())
            os.kill(victim, signal.SIGKILL)
            wait(lambda: len(workers()) == 2 and victim not in workers())
            run(*instance, "start", "nginx")
            # No database runs: it answers, and says so.
            out = run("curl", "-sk", "--max-time", "30", "-w", " %{http_code}",
                      run(*instance, "env").split("URL=")[1].split("\n")[0] + "/healthz")
            assert out.endswith(" 503") and "database" in out
            spawned.terminate()
            assert spawned.wait(30) in (0, -signal.SIGTERM)
        finally:
            if spawned.poll() is None:
                os.killpg(spawned.pid, signal.SIGKILL)
            run(*instance, "clean")
