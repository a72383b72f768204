"""A sandbox from `up` to `down`, and what is left when it ends in another way."""

import os
import signal
import socket
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

from labrunner.sandbox import engine, machine, stock
from labrunner.sandbox.errors import SandboxBusy, SandboxError
from labrunner.sandbox.layout import layout
from tests.e2e.traces import below, processes
from tests.sandbox.conftest import inside
from tests.waiting import wait_for

pytestmark = pytest.mark.sandbox

HOME_FILES = {".docker/config.json": "{}", ".azure/x": "a", ".ssh/config": "b", ".bash_history": "c"}


def rules(kit):
    try:
        line = [kit.program("iptables-save")]
        said = subprocess.run(line, capture_output=True, text=True, check=False).stdout
    except OSError as error:
        said = str(error)
    return [text for text in said.splitlines() if not text.startswith("#")]


def picture(kit, home, place):
    """Everything of this machine that a sandbox could have touched."""
    folders = ("/run/docker", "/etc/docker", "/var/lib/docker", "/run/containerd")
    return {
        "rules": rules(kit),
        "links": sorted(path.name for path in Path("/sys/class/net").iterdir()),
        "namespaces": below("/run/netns"),
        "mounts": sorted(line.split(" ", 2)[2] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
        "groups": below("/sys/fs/cgroup", place.group),
        "folders": {folder: below(folder) for folder in folders},
        "socket": Path("/var/run/docker.sock").exists(),
        "home": {str(path): path.read_bytes() for path in Path(home).rglob("*") if path.is_file()},
        "etc": {str(path): path.stat().st_mtime_ns for path in Path("/etc").iterdir() if path.exists()},
        "host": socket.gethostname(),
    }


@pytest.fixture
def seeded(tmp_path, machines):
    """A HOME with files that are dear to its owner."""
    home = tmp_path / "owner"
    for name, text in HOME_FILES.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    machines.env["HOME"] = str(home)
    return home


def test_nothing_is_left(machines, kit, course, seeded):
    name = machines.name()
    place = layout(name, machines.env)
    before = picture(kit, seeded, place)
    sandbox = machines.up(name)
    stock.prepare(sandbox, course, busybox=kit.busybox)
    inside(sandbox, "docker run -d --restart=always -p 8080:8080 -v data:/data --name deaf deaf")
    inside(sandbox, "docker network create more && docker run -d --network more web && echo x > ~/.docker-note")
    assert below("/sys/fs/cgroup", place.group) or not Path("/sys/fs/cgroup/memory").exists()
    start = time.monotonic()
    assert machine.down(name, machines.env)
    seconds = time.monotonic() - start
    wait_for(lambda: picture(kit, seeded, place) == before)
    assert processes(sandbox.layout.folder) == []
    assert not Path(sandbox.layout.folder).exists()
    assert not Path(sandbox.layout.run).exists()
    assert seconds < 5
    assert machine.down(name, machines.env) is False
    assert machine.status(name, machines.env).state == "absent"


def test_up_again_is_the_same_sandbox(machines):
    first = machines.up()
    second = machines.up(first.name)
    assert second.pid == first.pid
    assert machine.attach(first.name, machines.env).pid == first.pid
    status = machine.status(first.name, machines.env)
    assert (status.state, status.containers, status.holder) == ("running", 0, "")
    assert status.engine == inside(first, "docker version -f '{{.Server.Version}}'").strip()


@pytest.mark.parametrize("victim", ["supervisor", "unshare"])
def test_a_crash_leaves_nothing_running_and_up_goes_on(machines, course, kit, victim):
    sandbox = machines.up()
    stock.prepare(sandbox, course, busybox=kit.busybox)
    inside(sandbox, "docker run -d --name deaf deaf && echo kept > kept")
    parent = int(Path(f"/proc/{sandbox.pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(sandbox.pid if victim == "supervisor" else parent, signal.SIGKILL)
    wait_for(lambda: processes(sandbox.layout.folder) == [])
    assert machine.status(sandbox.name, machines.env).state == "stopped"
    with pytest.raises(SandboxError, match="is not running") as caught:
        machine.attach(sandbox.name, machines.env)
    assert caught.value.remedy == f"labrunner sandbox up --sandbox {sandbox.name}"
    again = machines.up(sandbox.name)
    assert inside(again, "cat kept; docker ps --format '{{.Names}}'").split() == ["kept", "deaf"]


def test_a_dead_engine_is_said_and_started_again(machines, course, kit):
    sandbox = machines.up()
    stock.prepare(sandbox, course, busybox=kit.busybox)
    inside(sandbox, "docker run -d --name deaf deaf")
    inside(sandbox, "kill -9 $(cat /run/docker.pid)")
    wait_for(lambda: machine.status(sandbox.name, machines.env).state == "engine-down")
    with pytest.raises(SandboxError, match="does not answer: it ended by signal 9 at") as caught:
        sandbox.check_engine()
    assert caught.value.remedy == f"labrunner sandbox up --sandbox {sandbox.name}"
    assert machine.attach(sandbox.name, machines.env, engine=False).pid == sandbox.pid
    again = machines.up(sandbox.name)
    assert again.pid == sandbox.pid
    assert inside(again, "docker images -q web | sort -u | wc -l").strip() == "1"


def test_keeping_the_data(machines, course, kit):
    sandbox = machines.up()
    stock.prepare(sandbox, course, busybox=kit.busybox)
    inside(sandbox, "docker run -d --name deaf deaf && echo kept > kept")
    start = time.monotonic()
    assert machine.down(sandbox.name, machines.env, keep=True)
    assert time.monotonic() - start < 6
    assert processes(sandbox.layout.folder) == []
    status = machine.status(sandbox.name, machines.env)
    assert status.state == "stopped"
    assert status.disk_bytes > 1_000_000
    again = machines.up(sandbox.name)
    assert inside(again, "cat kept; docker ps -a --format '{{.Names}}'").split() == ["kept", "deaf"]


@pytest.mark.parametrize("missing", ["config", "control", "both", "folder"])
def test_down_removes_a_half_broken_one(machines, missing):
    sandbox = machines.up()
    place = sandbox.layout
    if missing in ("config", "both"):
        Path(place.config).unlink()
    if missing in ("control", "both"):
        Path(place.control).unlink()
    if missing == "folder":
        os.kill(sandbox.pid, signal.SIGKILL)
        wait_for(lambda: not Path(f"/proc/{sandbox.pid}/ns/net").exists())
        machine._remove(place.folder)
    assert machine.status(sandbox.name, machines.env).state != "running"
    assert machine.down(sandbox.name, machines.env)
    assert processes(place.folder) == []
    assert not Path(place.folder).exists()
    assert not Path(place.run).exists()


def test_a_sandbox_without_its_configuration_says_what_to_do(machines):
    sandbox = machines.up()
    Path(sandbox.layout.config).write_text("{}")
    with pytest.raises(SandboxError, match="another version of labrunner") as caught:
        machine.attach(sandbox.name, machines.env)
    assert caught.value.remedy == f"labrunner sandbox up --sandbox {sandbox.name}"


def test_an_engine_that_does_not_start_is_quoted(machines, kit, tmp_path):
    bad = tmp_path / "bad"
    (bad / "bin").mkdir(parents=True)
    for name in ("dockerd", "docker-proxy"):
        (bad / "bin" / name).write_text("#!/bin/sh\necho no such luck >&2\nexit 1\n")
        (bad / "bin" / name).chmod(0o755)
    name = machines.name()
    with pytest.raises(SandboxError, match="does not start:\nno such luck"):
        machine.up(name, machines.env, replace(kit, root=bad))
    assert machine.status(name, machines.env).state == "engine-down"


def test_two_sandboxes_at_once(machines, course, kit):
    for sandbox in (machines.up(), machines.up()):
        stock.prepare(sandbox, course, busybox=kit.busybox)
        inside(sandbox, f"docker run -d -p 8080:8080 --name {sandbox.name} web")
        assert inside(sandbox, "docker ps --format '{{.Names}}'").strip() == sandbox.name
    first, second = machines.names
    machine.down(first, machines.env)
    other = machine.attach(second, machines.env)
    assert inside(other, "docker ps --format '{{.Names}}'").strip() == second


def test_one_run_at_a_time(machines):
    sandbox = machines.up()
    with sandbox.hold("labrunner run lab-2"):
        with pytest.raises(SandboxBusy) as caught:
            machine.attach(sandbox.name, machines.env).hold("labrunner run lab-3")
        assert f"sandbox '{sandbox.name}' is in use by `labrunner run lab-2` (pid {os.getpid()}, " in str(caught.value)
        assert "--sandbox NAME" in caught.value.remedy
        assert machine.status(sandbox.name, machines.env).holder.startswith("`labrunner run lab-2`")
        with pytest.raises(SandboxBusy):
            machine.down(sandbox.name, machines.env)
    assert machine.status(sandbox.name, machines.env).state == "running"


def test_a_name_that_somebody_elses_sandbox_has(machines, tmp_path):
    sandbox = machines.up()
    other = {**machines.env, "XDG_STATE_HOME": str(tmp_path / "other")}
    for act in (machine.attach, machine.down, lambda name, env: machine.up(name, env, machines.kit)):
        with pytest.raises(SandboxError, match=f"another sandbox named '{sandbox.name}' is running"):
            act(sandbox.name, other)
    assert machine.status(sandbox.name, other).state == "broken"
    assert machine.attach(sandbox.name, machines.env).pid == sandbox.pid


def test_another_engine_is_never_taken_for_ours(machines, course, kit):
    sandbox = machines.up()
    stock.prepare(sandbox, course, busybox=kit.busybox)
    sandbox.layout = replace(sandbox.layout, id="00000000")
    with pytest.raises(SandboxError, match="is not that of sandbox"):
        stock.empty(sandbox)
    assert len(engine.ask(sandbox.address, "/images/json")) == 2
