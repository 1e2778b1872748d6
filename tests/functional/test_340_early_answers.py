"""A refusal that comes while the body is still on its way reaches the client: nginx and tally.fcgi together."""
import json
import os
import subprocess
import threading

import pytest

SIZE = 20 << 20


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    path = tmp_path_factory.mktemp("noise") / "body"
    path.write_bytes(os.urandom(SIZE))
    return path


def post(stack, body, version, headers=()):
    """curl, which goes on sending until it is told to stop: (status, body)."""
    argv = ["curl", "-s", "-S", f"--http{version}", "-H", "Expect:", "--cacert", stack.ca, "--data-binary", f"@{body}",
            "-w", "\n%{http_code}", "--max-time", "60", f"{stack.url}/v1/subunit"]
    for header in headers:
        argv[1:1] = ["-H", header]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    text, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(text)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_without_a_token(stack, noise, version):
    for _ in range(8):
        status, body = post(stack, noise, version)
        assert (status, body["code"]) == (401, 401)


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_what_is_no_stream(stack, noise, version):
    token = stack.token("demo")
    for _ in range(8):
        status, body = post(stack, noise, version, [f"X-Auth-Token: {token}", "Content-Type: application/x-subunit"])
        assert (status, body["code"]) == (400, 400)
        assert "not subunit" in body["detail"] or "byte" in body["detail"]


def test_over_nginx_s_limit_and_under_it(stack, noise):
    for path in ("/v1/results/", "/v2/tasks"):
        argv = ["curl", "-s", "-H", "Expect:", "--cacert", stack.ca, "--data-binary", f"@{noise}", stack.url + path]
        body = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
        assert (body if "code" in body else body["error"])["code"] == 413


def test_none_costs_the_next_request_its_connection(stack):
    """nginx keeps the connection to tally.fcgi when its request is sent, whether somebody read it or not; and what is not
    idempotent it does not try again. So the next one's PATCH must not find the connection closed."""
    odd = []

    def work():
        client = stack.client('demo')
        for i in range(200):
            reply = client.patch('/v2/tasks', json={'x': 'y' * (i % 300)})
            if reply.status_code != 405:
                odd.append((reply.status_code, reply.text))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not odd, (len(odd), odd[0])
