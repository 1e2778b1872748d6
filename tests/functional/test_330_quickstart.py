"""deploy/quickstart to the end: built, running, a real run in it, README's tour typed, and gone without a trace."""
import hashlib
import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from lab.service import PATH, free_port

import tour

TOP = Path(__file__).resolve().parents[2]
ACCOUNT = "tally-quickstart"


def has_account():
    try:
        pwd.getpwnam(ACCOUNT)
    except KeyError:
        return False
    return True


@pytest.fixture
def place():
    """A folder that the quickstart's own user can reach, as pytest's are not."""
    parent = Path(tempfile.mkdtemp(prefix="tally-quick-"))
    parent.chmod(0o755)
    yield parent / "q"
    shutil.rmtree(parent)


def test_from_nothing_to_a_stored_run_and_back(place):
    had_account = has_account()
    port = free_port()

    def quickstart(*args, rc=0):
        done = subprocess.run([TOP / "deploy/quickstart", "--dir", place, *args], capture_output=True, text=True,
                              timeout=900, check=False)
        assert done.returncode == rc, done.stdout + done.stderr
        return done.stdout

    try:
        first = quickstart("--port", str(port))
        answer = json.loads(re.search(r"^201 (\{.*\})$", first, re.M).group(1))
        assert sorted(answer) == ["result-id", "subunit-uuid"]
        run = json.loads(re.search(r'^(\{"subunit-data".*\}\]\})$', first, re.M | re.S).group(1))
        data = run["subunit-data"]
        assert (data["passes"], data["fails"], data["skips"], data["uuid"]) == (321, 1, 180, answer["subunit-uuid"])
        assert [test["status"] for test in run["test_runs"]] == ["fail"]
        assert run["attachments"][0]["attachment"].startswith(f"https://localhost:{port}/v1/subunit/")
        assert "Traceback (most recent call last):" in first and "AssertionError: Expected call" in first
        # An import and an export, each seen in its states.
        states = re.findall(r"^task ([0-9a-f-]{36}): (\w+)$", first, re.M)
        assert [state for _, state in states] == ["pending", "processing", "success"] * 2
        assert len({task for task, _ in states}) == 2
        image = json.loads(re.search(r'^(\{.*"disk_format": *"qcow2".*\})$', first, re.M).group(1))
        assert (image["name"], image["status"], image["virtual_size"]) == ("quickstart", "active", 1 << 30)
        assert f"exports/{image['id']}.qcow2 has the same bytes as uploads/disk.qcow2" in first
        container = place / "instance/containers/demo"
        exported = (container / f"exports/{image['id']}.qcow2").read_bytes()
        assert exported == (container / "uploads/disk.qcow2").read_bytes() and exported.startswith(b"QFI\xfb")
        assert image["checksum"] == hashlib.md5(exported).hexdigest()
        # Built and run by somebody who is not root, out of a copy.
        owner = pwd.getpwuid((place / "build/fcgi/tally.fcgi").stat().st_uid).pw_name
        assert owner == (ACCOUNT if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name)
        # The commands that it ends with work as they stand.
        command = re.search(r"^  (curl .*/stream) -o", first, re.M).group(1)
        stream = subprocess.run(["bash", "-c", f"cd {place}/instance/etc && {command}"], capture_output=True,
                                check=True)
        assert stream.stdout.startswith(b"\xb3")
        tally = "\n".join(re.search(r"^  (export TALLY_URL=.*)\n  (\S+/tally run list) ", first, re.M).groups())
        listed = subprocess.run(["bash", "-ec", f"cd {place}/instance/etc\n{tally} -f value -c run"],
                                capture_output=True, text=True, check=True)
        assert listed.stdout == data["uuid"] + "\n"
        # README's tour prints what README shows.
        shell = tour.Shell(TOP, {"PATH": PATH, "HOME": str(place.parent), "LANG": "C.UTF-8"})
        try:
            readme = (TOP / "README.md").read_text(encoding="utf-8")
            shown = [("/var/lib/tally-quickstart", str(place)), ("localhost:8443", f"localhost:{port}")]
            assert tour.type_in(readme, shell, shown) >= 15
        finally:
            shell.close()
        # Again: nothing is built or started anew, the run is the same.
        again = quickstart()
        assert "Building" not in again
        assert json.loads(re.search(r"^409 (\{.*\})$", again, re.M).group(1))["subunit-uuid"] == data["uuid"]
        assert f"It is here already as {image['id']}" in again and "has the same bytes" in again
        assert re.findall(r"running \(\d+\)", again) == re.findall(r"running \(\d+\)", first)
        assert "running" in quickstart("status")
        quickstart("stop")
        assert "running" not in quickstart("status", rc=3)
        port = free_port()
        assert f"https://localhost:{port}/v1/subunit/{data['uuid']}" in quickstart("--port", str(port))
    finally:
        quickstart("clean")
    assert not place.exists()
    assert has_account() == had_account
    assert subprocess.run(["pgrep", "-f", str(place)], check=False).returncode == 1


def test_a_folder_that_is_not_its_own_is_left_alone(place):
    place.mkdir()
    (place / "precious").write_text("mine")
    for args in ((), ("clean",), ("stop",)):
        done = subprocess.run([TOP / "deploy/quickstart", "--dir", place, *args], capture_output=True, text=True,
                              timeout=60, check=False)
        assert done.returncode == 1 and str(place) in done.stderr
    assert [path.name for path in place.iterdir()] == ["precious"]
