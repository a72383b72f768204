"""A sandbox comes back whatever of it is killed or hangs, whenever."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from labrunner.cli.sandbox import _as_text
from labrunner.sandbox import machine, stock
from labrunner.sandbox.azure import check_azure
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import layout
from labrunner.sandbox.recovery import clear
from tests.e2e.traces import below
from tests.sandbox.conftest import inside

pytestmark = pytest.mark.sandbox

LIMIT = 10.0
ROOT = Path(__file__).parents[2]
UP = """
import os, sys
from labrunner.sandbox import machine, tools
machine.up(sys.argv[1], dict(os.environ), tools.ready(dict(os.environ)))
"""
DOWN = """
import os, sys
from labrunner.sandbox import machine
machine.down(sys.argv[1], dict(os.environ))
"""
THINGS = """
docker volume create data && docker network create net
docker run -d --name runs -v data:/data --network net -p 8080:8080 web
docker run -d --name beside --network container:runs web
docker run -d --name always --restart always web
docker run -d --name paused web && docker pause paused
docker run --name ended --entrypoint /bin/true web
docker run -d --rm --name passing web
echo kept > ~/kept && echo kept > kept
"""
AS_IT_WAS = ["always Up", "beside Up", "ended Exited", "paused Paused", "runs Up"]
PROGRAMS = {
    "dockerd": ("dockerd",),
    "containerd": ("containerd",),
    "engine": ("dockerd", "containerd"),
    "azure": ("labrunner.emulator",),
    "all": ("dockerd", "containerd", "labrunner.emulator", "labrunner.sandbox.supervisor"),
    "supervisor": ("labrunner.sandbox.supervisor",),
}


def members(place):
    """Process id -> arguments, of what runs in the sandbox of that folder and what holds it."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (entry / "cmdline").read_bytes().split(b"\0")
            found[int(entry.name)] = (
                [word.decode(errors="replace") for word in words],
                str((entry / "ns/pid").readlink()),
            )
    spaces = {space for words, space in found.values() if place.config in words} - {
        str(Path("/proc/self/ns/pid").readlink())
    }
    return {pid: words for pid, (words, space) in found.items() if space in spaces or place.config in words}


def victims(place, which):
    """The processes of that name. "unshare": what holds the supervisor."""
    found = []
    for pid, words in members(place).items():
        name = words[0].rpartition("/")[2]
        if name == "unshare" or which == "unshare":
            found += [pid] * (name == which)
        elif name in ("setsid", "setpriv") or "shim" in name:
            continue
        elif any(name == wanted or any(wanted in word for word in words[1:5]) for wanted in PROGRAMS[which]):
            found.append(pid)
    return found


def hit(place, which, number):
    """Whether there was anything to hit."""
    found = victims(place, which)
    for pid in found:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
    return bool(found)


def containers(sandbox):
    lines = inside(sandbox, "docker ps -a --format '{{.Names}} {{.Status}}'").splitlines()
    return sorted(f"{line.split()[0]} {'Paused' if '(Paused)' in line else line.split()[1]}" for line in lines)


def begin(code, name, env):
    return subprocess.Popen(
        [sys.executable, "-c", code, name],
        env={**env, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    """What it said. None of it may be of Python."""
    with process:
        _, said = process.communicate(timeout=60)
    return said


def left(place):
    """What there still is of a sandbox."""
    here = [path for path in (place.folder, place.run) if Path(path).exists()]
    here += [str(path) for path in Path(place.folder).parent.glob(f"{place.name}*")]
    here += below("/sys/fs/cgroup", place.group) or []
    mounts = Path("/proc/self/mountinfo").read_text()
    return here + ["mounts"] * (place.folder in mounts or place.run in mounts)


def wait_for_nobody(place):
    deadline = time.monotonic() + LIMIT
    while found := members(place):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@pytest.fixture(scope="module")
def lived_in(shared, kit, tmp_path_factory):
    """A sandbox with containers in each state, a volume, a network, and files."""
    from labrunner.model import Course, Image

    folder = tmp_path_factory.mktemp("course")
    (folder / "web.sh").write_text("#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do sleep 1 & wait; done\n")
    web = Image(
        names=("web:latest",), says="Stands in.", files={"/web.sh": "web.sh"}, entrypoint=("/bin/sh", "/web.sh")
    )
    stock.prepare(shared, Course(id="t", title="T", path=str(folder), images=(web,)), busybox=kit.busybox)
    inside(shared, THINGS)
    check_azure(shared.layout, patience=30)
    return shared


@pytest.fixture
def again(lived_in, shared_env, kit):
    """Bring it back in time, with all that it had."""

    def bring(limit=LIMIT):
        said = []
        began = time.monotonic()
        sandbox = machine.up(lived_in.name, shared_env, kit, say=said.append)
        about = check_azure(sandbox.layout, patience=30)
        seconds = time.monotonic() - began
        sys.stderr.write(f"recovered in {seconds:.2f} s\n")
        assert seconds <= limit, said
        assert containers(sandbox) == AS_IT_WAS
        assert inside(sandbox, "cat ~/kept kept; docker volume ls -q; docker network ls -q -f name=net").split()[
            :3
        ] == [
            "kept",
            "kept",
            "data",
        ]
        inside(sandbox, "docker run --rm --entrypoint /bin/true web")
        return about, said

    return bring


@pytest.mark.parametrize("which", ["dockerd", "containerd", "engine", "azure", "supervisor", "unshare", "all"])
def test_what_was_killed_comes_back(lived_in, again, which):
    known, _ = again() if which != "dockerd" else (check_azure(lived_in.layout), None)
    assert hit(lived_in.layout, which, signal.SIGKILL)
    about, _ = again()
    assert about["subscription"] == known["subscription"]


@pytest.mark.parametrize("which", ["dockerd", "containerd", "azure", "supervisor", "all"])
def test_what_hangs_is_told_ended_and_started_anew(lived_in, shared_env, again, which):
    assert hit(lived_in.layout, which, signal.SIGSTOP)
    status = machine.status(lived_in.name, shared_env)
    assert status.state in {"dockerd": ("engine-hung",), "containerd": ("engine-hung",), "azure": ("azure-hung",)}.get(
        which, ("hung",)
    )
    text = _as_text(status)
    assert "does not answer" in text
    assert f"next        labrunner sandbox up --sandbox {lived_in.name}\n" in text
    _, said = again()
    assert any("did not answer" in sentence for sentence in said)
    assert machine.status(lived_in.name, shared_env).state == "running"


def test_an_engine_that_hangs_without_being_stopped_is_found_by_its_silence(lived_in, shared_env, again, kit):
    """Somebody else answers at its address, and never says a word."""
    mute = (
        "import os, socket, sys, time; os.unlink('/run/docker.sock')\n"
        "s = socket.socket(socket.AF_UNIX); s.bind('/run/docker.sock'); s.listen(9); print(flush=True); time.sleep(60)"
    )
    # the deadline counts for one that had the time to start
    deadline = time.monotonic() + 30
    from labrunner.sandbox.control import request

    while request(lived_in.layout.control, "status").engine_seconds < 10.5:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    sandbox = machine.attach(lived_in.name, shared_env)
    process = subprocess.Popen(
        sandbox.enter([sys.executable, "-c", mute]), stdout=subprocess.PIPE, env=sandbox.environment(), cwd="/"
    )
    try:
        process.stdout.readline()
        assert machine.status(lived_in.name, shared_env).state == "engine-hung"
        _, said = again()
        assert [sentence for sentence in said if "Docker Engine" in sentence]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_one_that_ended_while_the_engine_was_dead_stays_ended(lived_in, shared_env, kit, again):
    pid = inside(lived_in_now(lived_in, shared_env), "docker inspect -f '{{.State.Pid}}' beside").strip()
    assert hit(lived_in.layout, "engine", signal.SIGKILL)
    sandbox = machine.attach(lived_in.name, shared_env, engine=False)
    inside(sandbox, f"kill -9 {pid}; while [ -e /proc/{pid}/exe ]; do :; done")
    sandbox = machine.up(lived_in.name, shared_env, kit)
    assert "beside Exited" in containers(sandbox)
    inside(sandbox, "docker start beside")
    again()


def test_an_orderly_end_of_the_machine_is_a_crash_for_the_containers(lived_in, shared_env, kit, again):
    """A shutdown of the machine sends TERM to everybody first, and the engine ends its containers by itself."""
    sandbox = lived_in_now(lived_in, shared_env)
    assert hit(lived_in.layout, "dockerd", signal.SIGTERM)
    deadline = time.monotonic() + LIMIT
    while machine.status(lived_in.name, shared_env).state != "engine-down":
        assert time.monotonic() < deadline
    os.kill(sandbox.pid, signal.SIGKILL)
    inside(machine.up(lived_in.name, shared_env, kit), "docker pause paused")  # the engine had resumed it
    again()


def lived_in_now(sandbox, env):
    return machine.attach(sandbox.name, env)


@pytest.mark.parametrize("seed", range(6))
def test_killed_or_stopped_while_it_starts(machines, seed):
    """Whoever waits for the start is not hurt, or the next one goes on; then nothing is left."""
    chance = random.Random(seed)
    name = machines.name()
    place = layout(name, machines.env)
    which = chance.choice(["supervisor", "dockerd", "azure", "unshare", "containerd"])
    number = signal.SIGKILL if which == "unshare" else chance.choice([signal.SIGKILL, signal.SIGSTOP])
    process = begin(UP, name, machines.env)
    until_hit = time.monotonic() + LIMIT
    after = chance.uniform(0, 0.6)
    while not victims(place, which) and process.poll() is None:
        assert time.monotonic() < until_hit
    time.sleep(after)  # the moment is what is tested
    hit(place, which, number)
    began = time.monotonic()
    said = ended(process)
    sandbox = machines.up(name)
    check_azure(sandbox.layout, patience=30)
    seconds = time.monotonic() - began
    sys.stderr.write(f"recovered in {seconds:.2f} s\n")
    assert seconds <= LIMIT, (which, number, after, said)
    assert process.returncode == 0, said
    assert inside(sandbox, "docker ps -q") == ""
    machine.down(name, machines.env)
    assert left(place) == []
    wait_for_nobody(place)


@pytest.mark.parametrize("seed", range(6))
def test_a_start_that_is_cut_off_is_gone_on_with_or_removed(machines, seed):
    chance = random.Random(100 + seed)
    name = machines.name()
    place = layout(name, machines.env)
    process = begin(UP, name, machines.env)
    deadline = time.monotonic() + LIMIT
    while not Path(place.run, "making").exists() and process.poll() is None:
        assert time.monotonic() < deadline
    time.sleep(chance.uniform(0, 1.2))  # the moment is what is tested
    process.kill()
    ended(process)
    assert machine.status(name, machines.env).state in ("absent", "stopped", "running", "broken", "engine-down", "hung")
    if seed % 2:
        began = time.monotonic()
        sandbox = machines.up(name)
        check_azure(sandbox.layout, patience=30)
        assert time.monotonic() - began <= LIMIT
        assert machine.status(name, machines.env).state == "running"
    machine.down(name, machines.env)
    assert left(place) == []
    wait_for_nobody(place)


@pytest.mark.parametrize("seed", range(4))
def test_a_removal_that_is_cut_off_is_ended_or_begun_anew(machines, seed):
    chance = random.Random(200 + seed)
    sandbox = machines.up()
    place = sandbox.layout
    inside(sandbox, "for i in $(seq 2000); do echo > f$i; done")
    process = begin(DOWN, sandbox.name, machines.env)
    time.sleep(chance.uniform(0.15, 0.6))  # the moment is what is tested
    process.kill()
    ended(process)
    if seed % 2:
        again = machines.up(sandbox.name)
        assert int(inside(again, "ls | wc -l")) in (0, 2000)  # never a part of it
    machine.down(sandbox.name, machines.env)
    assert left(place) == []
    wait_for_nobody(place)


def test_nothing_is_left_of_one_whose_parts_hang_with_a_frozen_container(machines, course, kit):
    sandbox = machines.up()
    stock.prepare(sandbox, course, busybox=kit.busybox)
    inside(sandbox, "docker run -d --name frozen web && docker pause frozen")
    for which in ("dockerd", "azure", "supervisor"):
        assert hit(sandbox.layout, which, signal.SIGSTOP)
    began = time.monotonic()
    machine.down(sandbox.name, machines.env)
    assert time.monotonic() - began < LIMIT
    assert left(sandbox.layout) == []
    wait_for_nobody(sandbox.layout)


def test_two_supervisors_never_hold_one_folder(machines, kit):
    sandbox = machines.up()
    line = [sys.executable, "-c", "import sys; from labrunner.sandbox.control import launch; launch(*sys.argv[1:])"]
    done = subprocess.run(
        [*line, sandbox.layout.config, f"{sandbox.layout.folder}/log/second.log"],
        env={**machines.env, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "BlockingIOError" in done.stderr
    assert machine.attach(sandbox.name, machines.env).pid == sandbox.pid
    clear(sandbox.layout)
    with pytest.raises(SandboxError, match="is not running"):
        machine.attach(sandbox.name, machines.env)
