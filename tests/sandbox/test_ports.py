"""`labrunner sandbox open`: a port of a sandbox, seen from this machine."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from labrunner.sandbox import machine

pytestmark = pytest.mark.sandbox

ROOT = str(Path(__file__).parents[2])
INSIDE = 8080


@contextmanager
def opened(env, name, *words):
    """The command, running. It is ended in any case."""
    line = [sys.executable, "-m", "labrunner", "sandbox", "open", "--sandbox", name, *words]
    with subprocess.Popen(
        line, env={**env, "PYTHONPATH": ROOT}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address(process):
    line = process.stdout.readline().strip()
    assert line.startswith("http://127.0.0.1:"), (line, process.stderr.read())
    return line


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope="module")
def web(shared):
    """A file server inside, with a large file; its digest."""
    content = os.urandom(5_000_000)
    Path(shared.layout.work, "large").write_bytes(content)
    with serving(shared, "httpd", "-f", "-p", f"127.0.0.1:{INSIDE}", "-h", shared.layout.work):
        yield hashlib.sha256(content).hexdigest()


def test_what_is_inside_is_seen_outside_until_ctrl_c(shared, shared_env, web):
    with opened(shared_env, shared.name, str(INSIDE), "--at", free_port()) as process:
        url = address(process)
        until(lambda: get(f"{url}large"))
        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(lambda _: hashlib.sha256(get(f"{url}large")).hexdigest(), range(24)))
        assert set(found) == {web}
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        said = process.stderr.read()
    assert "until you press Ctrl-C" in said
    assert "Traceback" not in said
    with pytest.raises(urllib.error.URLError):
        get(url)


@contextmanager
def serving(shared, *words):
    """A program of busybox inside."""
    with subprocess.Popen(shared.enter(["busybox", *words]), env=shared.environment(), cwd="/") as server:
        try:
            yield
        finally:
            server.kill()


def until(condition):
    """What the condition gives, once it is no error of a connection."""
    deadline = time.monotonic() + 10
    while True:
        try:
            return condition()
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_an_end_of_one_direction_is_passed_on(shared, shared_env):
    """Not only HTTP: the other side hears that no more comes, and may still answer."""
    sent = os.urandom(300_000)

    def digest(port):
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.makefile().read()
        if not answer:
            raise ConnectionError
        return answer

    with (
        serving(shared, "nc", "-ll", "-p", "8099", "-e", "busybox", "sha256sum"),
        opened(shared_env, shared.name, "8099", "--at", free_port()) as process,
    ):
        port = int(address(process).rstrip("/").rpartition(":")[2])
        assert until(lambda: digest(port)).split()[0] == hashlib.sha256(sent).hexdigest()


def test_nobody_listens_yet(shared, shared_env):
    with opened(shared_env, shared.name, "8097", "--at", free_port()) as process:
        url = address(process)
        assert "Nothing listens on port 8097" in process.stderr.readline()
        with pytest.raises((urllib.error.URLError, ConnectionError)):
            get(url)
        Path(shared.layout.work, "note").write_text("here")
        with serving(shared, "httpd", "-f", "-p", "8097", "-h", shared.layout.work):
            assert until(lambda: get(f"{url}note")) == b"here"


def test_only_this_machine_reaches_it(shared, shared_env, web):
    del web
    with opened(shared_env, shared.name, str(INSIDE), "--at", free_port()) as process:
        port = int(address(process).rstrip("/").rpartition(":")[2])
        with Path("/proc/net/tcp").open() as lines:
            listeners = [line.split()[1] for line in lines if line.split()[3] == "0A"]
        assert [at for at in listeners if at.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_a_taken_port_gives_way_to_another(shared, shared_env, web):
    del web
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        wanted = taken.getsockname()[1]
        with opened(shared_env, shared.name, str(INSIDE), "--at", str(wanted)) as process:
            url = address(process)
            assert not url.endswith(f":{wanted}/")
            assert f"Port {wanted} of this machine is taken" in process.stderr.readline()
            assert until(lambda: get(f"{url}large"))


def test_it_ends_with_its_sandbox(machines, kit):
    sandbox = machines.up()
    with opened(machines.env, sandbox.name, str(INSIDE), "--at", free_port()) as process:
        address(process)
        machine.down(sandbox.name, machines.env)
        assert process.wait(10) == 4
        said = process.stderr.read()
    assert f"sandbox '{sandbox.name}' is not running any more" in said
    assert f"labrunner sandbox up --sandbox {sandbox.name}" in said


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1", "8080x", "٣"])
def test_what_is_no_port_is_wrong_usage(shared_env, port):
    with opened(shared_env, "nobody", "--", port) as process:
        assert process.wait(10) == 2
        assert "is no port" in process.stderr.read()


def test_without_a_sandbox_the_next_step_is_named(machines):
    with opened(machines.env, machines.name(), "8080") as process:
        assert process.wait(10) == 4
        assert "labrunner sandbox up" in process.stderr.read()
