"""A sandbox comes back from another labrunner's state, from a full disk and from a clock that jumped."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labrunner.cli.sandbox import _as_text
from labrunner.emulator.certificates import Authority
from labrunner.emulator.server import DOMAINS
from labrunner.sandbox import azure, machine
from labrunner.sandbox.azure import check_azure
from labrunner.sandbox.layout import FORMAT
from tests.sandbox.conftest import inside

pytestmark = pytest.mark.sandbox

ROOT = Path(__file__).parents[2]
LIMIT = 10.0
ASK = "curl -sS -o /dev/null -w '%{http_code}' https://management.azure.com/tenants?api-version=2022-12-01"


def up(machines, name):
    """The sandbox, and what was said."""
    said = []
    began = time.monotonic()
    sandbox = machine.up(name, machines.env, machines.kit, say=said.append)
    check_azure(sandbox.layout, patience=30)
    assert time.monotonic() - began <= LIMIT
    return sandbox, said


OLD = {
    "cut off": lambda text: text[:100],
    "nothing": lambda _: "",
    "no object": lambda _: "[]",
    "no number": lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "format"}),
    "no keys": lambda _: '{"format": 1}',
    "a word": lambda text: json.dumps(json.loads(text) | {"format": "two"}),
    "nested": lambda _: "[" * 100_000,
}


@pytest.mark.parametrize("running", [True, False])
def test_an_older_labrunners_state_is_gone_on_with(machines, running):
    sandbox = machines.up()
    known = check_azure(sandbox.layout, patience=30)["subscription"]
    inside(sandbox, "echo kept > kept; docker volume create data")
    config = Path(sandbox.layout.config)
    whole = config.read_text()
    for change in list(OLD.values())[:: 1 if running else 3]:
        if not running:
            machine.down(sandbox.name, machines.env, keep=True)
        config.write_text(change(whole))
        status = machine.status(sandbox.name, machines.env)
        assert status.state == ("older" if running else "stopped")
        assert f"labrunner sandbox up --sandbox {sandbox.name}" in _as_text(status)
        again, said = up(machines, sandbox.name)
        assert [sentence for sentence in said if "another version of labrunner" in sentence] == said
        assert bool(said) == running
        assert check_azure(again.layout)["subscription"] == known
        assert inside(again, "cat kept; docker volume ls -q").split() == ["kept", "data"]
        assert json.loads(config.read_text())["format"] == FORMAT


@pytest.mark.parametrize("running", [True, False])
def test_a_newer_labrunners_data_is_kept_aside(machines, running):
    sandbox = machines.up()
    inside(sandbox, "echo theirs > theirs")
    if not running:
        machine.down(sandbox.name, machines.env, keep=True)
    config = Path(sandbox.layout.config)
    config.write_text(json.dumps(json.loads(config.read_text()) | {"format": FORMAT + 7}))
    again, said = up(machines, sandbox.name)
    aside = f"{sandbox.layout.folder}.kept-1"
    assert f"its data is kept aside in {aside}" in said[-1]
    assert inside(again, "ls") == ""
    assert Path(aside, "work", "theirs").read_text() == "theirs\n"
    machine.down(sandbox.name, machines.env)
    assert Path(aside, "work", "theirs").exists()  # it is not ours to remove


def test_a_supervisor_of_an_older_labrunner_is_replaced(machines):
    """One that does not know what is asked of it, and answers without what is read."""
    sandbox = machines.up()
    place = sandbox.layout
    os.kill(sandbox.pid, signal.SIGSTOP)
    machine.down(sandbox.name, machines.env, keep=True)
    old = (
        "import json, os, socket, sys\n"
        "s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[2]); s.listen(9); print(flush=True)\n"
        "part = {'running': False, 'pid': 0, 'since': 0.0, 'end': ''}\n"
        "while True:\n"
        "    c, _ = s.accept(); c.recv(999)\n"
        f"    c.sendall(json.dumps(dict(name='{place.name}', id='{place.id}', folder='{place.folder}', started=1.0,"
        " engine=part, azure=part)).encode() + b'\\n'); c.close()\n"
    )
    Path(place.run).mkdir(mode=0o700, exist_ok=True)
    line = [sys.executable, "-c", f"#labrunner.sandbox.supervisor\n{old}", place.config, place.control]
    process = subprocess.Popen(line, stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        assert machine.status(sandbox.name, machines.env).state == "older"
        _, said = up(machines, sandbox.name)
        assert "another version of labrunner" in said[0]
        assert process.wait(5) == -signal.SIGKILL
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("jump", [timedelta(days=-500), timedelta(days=40)])
def test_a_clock_that_jumped_costs_no_trust(machines, course, kit, jump):
    """The authority was made when the clock had another time; the engine has read it, and must read the new one."""
    sandbox = machines.up()
    place = sandbox.layout
    check_azure(place, patience=30)
    tls = Path(place.azure, "tls")
    (tls / "ca.key").unlink()
    old = Authority(tls, DOMAINS, public=b"", now=lambda: datetime.now(UTC) - jump)
    stale = old.certificate_file.read_bytes()
    supervisor = sandbox.pid
    # as after a start at that time: the engine trusts the one that is not valid any more
    from labrunner.sandbox.control import request

    request(place.control, "renew", ["engine"])
    assert request(place.control, "status").trusts
    request(place.control, "renew", ["azure"])
    check_azure(place, patience=30)
    assert (tls / "ca.pem").read_bytes() != stale
    again, said = up(machines, sandbox.name)
    assert again.pid == supervisor
    assert [sentence for sentence in said if "certificate authority" in sentence]
    assert inside(again, ASK) == "401"
    azure.write_hosts(place)
    login = again.run(["docker", "login", "-u", "x", "-p", "y", "nobody1234.azurecr.io"])
    assert "x509" not in login.stderr
    _, said = up(machines, sandbox.name)
    assert said == []


def test_the_time_since_it_runs_is_of_no_clock_that_jumps(machines):
    sandbox = machines.up()
    began = time.time()
    since = machine.status(sandbox.name, machines.env).since
    assert began - 60 < since <= time.time()


@pytest.fixture(scope="module")
def told(kit, cache, tmp_path_factory):
    """What a sandbox says whose disk is full at each of its moments; the disk is a small one of its own."""
    import secrets

    state = tmp_path_factory.mktemp("disk")
    name = f"t-{secrets.token_hex(6)}"
    script = 'mount -t tmpfs -o size=48m tmpfs "$1" && exec "$2" "$3" "$4"'
    env = {**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(state), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [
            *("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"),
            *(str(state), sys.executable, f"{ROOT}/tests/sandbox/full_disk.py", name),
        ],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not Path(f"/run/labrunner/{name}").exists()
    return json.loads(done.stdout)


def test_a_first_start_on_a_full_disk_says_what_to_free(told):
    message, remedy = told["first"]
    assert "is full" in message
    assert "MB are free" in message
    assert "Delete files on that disk" in remedy


@pytest.mark.parametrize("part", ["running", "engine", "azure", "supervisor"])
def test_a_disk_that_fills_up_breaks_nothing(told, part):
    state, detail, remedy = told[f"status {part}"]
    assert state == "running"
    assert "is full" in detail
    assert "Delete files on that disk" in remedy
    assert "No space left on device" in told[f"write {part}"][2]
    assert all("is full" in told[f"{what} {part}"][0] for what in ("stock", "azure"))
    if told[f"up {part}"] is not None:
        assert "is full" in told[f"up {part}"][0]
    assert told[f"seconds {part}"] <= LIMIT
    assert told[f"after {part}"] == [0, "data\nkept\nmore\n", ""]
    assert told[f"same {part}"]
    assert told[f"healthy {part}"] == "running"


def test_down_needs_no_room(told):
    assert told["down"]
