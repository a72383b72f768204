"""Engine down and disk full, on purpose: what breaks, what is said, and that it heals."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from labrunner.checking.api import TargetError
from labrunner.cli.fault import told
from labrunner.cli.sandbox import _as_json, _as_text
from labrunner.emulator.client import ControlClient
from labrunner.sandbox import machine
from labrunner.sandbox.azure import check_azure
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.faults import clear_faults, faults_set, set_fault
from labrunner.sandbox.running import ask_supervisor
from labrunner.targets.sandbox import SandboxTarget
from tests.waiting import wait_for

pytestmark = pytest.mark.sandbox

NO_ROOM = "No space left on device"


@pytest.fixture(scope="module")
def place(kit, cache, tmp_path_factory):
    """A sandbox with an image, a container that runs, a volume and files."""
    from tests.sandbox.conftest import Machines

    env = {**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(tmp_path_factory.mktemp("state"))}
    made = Machines(env, kit)
    try:
        sandbox = made.up()
        check_azure(sandbox.layout, patience=30)
        busybox = Path(sandbox.layout.tmp, "busybox")
        busybox.write_bytes(Path(kit.busybox).read_bytes())
        busybox.chmod(0o755)
        run = bash(sandbox)
        run("cd /tmp && tar -c busybox | docker import - box:1 && rm busybox")
        run("docker run -d --name web box:1 /busybox sleep 1000; docker volume create data; echo old > old; mkdir sub")
        yield sandbox, env, kit
    finally:
        made.end()


@pytest.fixture
def sandbox(place):
    yield place[0]
    clear_faults(place[0].layout)
    machine.up(place[0].name, place[1], place[2])


@pytest.fixture
def target(place, sandbox, course):
    made = SandboxTarget(sandbox, course, (), tools=place[2], needs=("azure",))
    yield made
    made.close()


def bash(sandbox):
    def run(line, *, status=0):
        ended = sandbox.run(["bash", "-c", f"exec 2>&1; {line}"], timeout=30)
        assert ended.status == status, (line, ended)
        return ended.stdout

    return run


def refusal(act):
    with pytest.raises(SandboxError) as found:
        act()
    return f"{found.value} / {found.value.remedy}"


def status_of(place):
    return machine.status(place[0].name, place[1])


# -- engine-down


def test_an_engine_is_kept_down_for_its_time_and_comes_back_with_its_containers(place, sandbox, target):
    run = bash(sandbox)
    before = run("docker inspect -f '{{.State.StartedAt}}' web")
    target.watch()
    began = time.monotonic()
    set_fault(sandbox.layout, "engine-down", 3.0)
    assert "Cannot connect to the Docker daemon" in run("docker ps", status=1)
    said = refusal(lambda: machine.up(sandbox.name, place[1], place[2]))
    option = f" --sandbox {sandbox.name}"
    assert f"the Docker Engine of sandbox '{sandbox.name}' is down on purpose (fault engine-down, for " in said
    assert f"clear it with `labrunner sandbox fault --clear engine-down{option}`; then try again." in said
    assert time.monotonic() - began < 3.0, "it is refused at once"
    assert "down on purpose" in str(target.trouble())
    found = status_of(place)
    assert found.state == "engine-down"
    assert "down on purpose" in found.detail
    wait_for(lambda: run("docker inspect -f '{{.State.Running}}' web || true").startswith("true"))
    assert time.monotonic() - began >= 3.0
    assert run("docker inspect -f '{{.State.StartedAt}}' web") != before
    assert faults_set(sandbox.layout) == []
    assert "the Docker Engine of the sandbox was started anew" in str(target.trouble())
    target.watch()
    assert target.trouble() is None


def test_an_engine_that_is_down_until_it_is_cleared(sandbox):
    set_fault(sandbox.layout, "engine-down", None)
    assert "until it is cleared" in refusal(sandbox.check_engine)
    assert clear_faults(sandbox.layout, "engine-down") == ["engine-down"]
    run = bash(sandbox)
    wait_for(lambda: run("docker inspect -f '{{.State.Running}}' web || true").startswith("true"))
    assert clear_faults(sandbox.layout) == []


# -- disk-full


def test_nothing_new_can_be_written_and_what_is_there_is_read(sandbox):
    run = bash(sandbox)
    set_fault(sandbox.layout, "disk-full", None)
    assert "no space left on device" in run("docker tag box:1 box:2", status=1)
    assert "no space left on device" in run("docker run --rm box:1 /busybox true", status=125)
    assert "no space left on device" in run("docker volume create more", status=1)
    assert "no space left on device" in run("docker pull nobody1234.azurecr.io/x:1 || echo x | docker load", status=1)
    assert NO_ROOM in run("touch ~/new", status=1)
    assert " 0 100% " in run("df ~ | tr -s ' '")
    # in these tests the sandbox's folder may be below /tmp, where a cover would hide it
    assert re.search(f"{NO_ROOM}|Read-only file system", run("touch /tmp/new", status=1))
    assert "Read-only file system" in run("touch new", status=1)
    assert "Read-only file system" in run("echo more >> old", status=1)
    assert "Read-only file system" in run("rm old", status=1)
    assert run("cat old; ls") == "old\nold\nsub\n"
    assert run("docker ps -q | wc -l; docker images -q | sort -u | wc -l; docker volume ls -q") == "1\n1\ndata\n"
    assert run("docker create --help >/dev/null; docker stop -t 0 web; docker start web") == "web\nweb\n"
    clear_faults(sandbox.layout)
    run("docker tag box:1 box:2; docker rmi box:2; docker run --rm box:1 /busybox true; docker volume create more")
    run("docker volume rm more; touch new ~/new /tmp/new; rm new ~/new /tmp/new; docker rm -f web")
    run("docker run -d --name web box:1 /busybox sleep 1000")
    assert run("grep -c ' /run/full' /proc/mounts; ls /run/full", status=2).startswith("0\n")
    assert run("cat old; ls") == "old\nold\nsub\n"


def test_a_container_can_be_removed_on_a_full_disk(sandbox):
    run = bash(sandbox)
    run("docker create --name gone box:1 /busybox true")
    set_fault(sandbox.layout, "disk-full", None)
    assert run("docker rm gone") == "gone\n"
    assert run("docker ps -aq --filter name=gone") == ""


def test_a_shell_that_is_in_the_work_folder_is_refused_and_goes_on(sandbox, target):
    shell = target.shell("local")
    assert shell.run("touch made", timeout=10).exit_status == 0
    set_fault(sandbox.layout, "disk-full", None)
    assert shell.run("touch made2", timeout=10).exit_status == 1
    clear_faults(sandbox.layout)
    assert shell.run("rm made && touch made2 && rm made2", timeout=10).exit_status == 0


def test_a_file_of_the_course_finds_no_room_either(sandbox, target):
    target.write_file("course.txt", b"x", 0o644)
    set_fault(sandbox.layout, "disk-full", None)
    with pytest.raises(TargetError, match=r"course.txt cannot be written: the disk of sandbox '.*' is full on purpose"):
        target.write_file("course.txt", b"y", 0o644)
    clear_faults(sandbox.layout)
    target.write_file("course.txt", b"z", 0o644)
    assert bash(sandbox)("cat course.txt; rm course.txt") == "z"


def test_trouble_tells_of_it_while_it_is_and_for_an_attempt_that_met_it(place, sandbox, target):
    target.watch()
    assert target.trouble() is None
    set_fault(sandbox.layout, "disk-full", 30.0)
    cause = target.trouble()
    assert f"the disk of sandbox '{sandbox.name}' is full on purpose (fault disk-full, for " in str(cause)
    assert "--clear disk-full" in cause.remedy
    found = status_of(place)
    assert found.state == "running"
    assert "full on purpose" in found.detail
    clear_faults(sandbox.layout)
    assert str(target.trouble()) == "the sandbox's disk was full for a while"
    target.watch()
    assert target.trouble() is None


def test_who_went_where_there_was_no_room_is_told_until_they_leave(sandbox, target):
    shell = target.shell("local")
    set_fault(sandbox.layout, "disk-full", None)
    assert shell.run("cd ~", timeout=10).exit_status == 0
    clear_faults(sandbox.layout)
    target.watch()
    assert shell.run("touch here", timeout=10).exit_status == 1
    cause = target.trouble()
    assert "a program is in a folder that it entered while the disk was full" in str(cause)
    assert "`cd .`" in cause.remedy
    assert shell.run("cd . && touch here && rm here && cd ~-", timeout=10).exit_status == 0
    assert target.trouble() is None


def test_a_layer_that_the_registry_cannot_keep_is_no_defect(sandbox):
    """Asked as the operator, by hand: docker would try again for a minute."""
    azure = ControlClient(sandbox.layout.azure_control)
    registry = {"name": "fullregistry1", "sku": "Premium", "resource_group": "g", "location": "eastus"}
    azure.seed({"registries": [registry]})
    run = bash(sandbox)
    server = "https://fullregistry1.azurecr.io"
    name, secret = azure.operator()
    scope = "scope=repository:lab:pull,push"
    token = run(f"curl -sS -u {name}:{secret} '{server}/oauth2/token?service=fullregistry1.azurecr.io&{scope}'")
    header = f"-H 'Authorization: Bearer {json.loads(token)['access_token']}'"
    upload = f"curl -sS -o /dev/null -w '%{{http_code}}' -X POST {header} {server}/v2/lab/blobs/uploads/"
    assert run(upload) == "202"
    seq = azure.trouble()["seq"]
    set_fault(sandbox.layout, "disk-full", None)
    assert run(upload) == "500"
    (one,) = azure.trouble(seq)["trouble"]
    assert one["kind"] == "disk-full"
    assert one["text"].endswith("could not keep what it was sent: the disk is full.")
    clear_faults(sandbox.layout)
    assert run(upload) == "202"
    azure.reset()


# -- all of them


def test_what_is_set_is_told_for_how_long(place, sandbox):
    set_fault(sandbox.layout, "list-lag", 90.0)
    set_fault(sandbox.layout, "latency", None)
    set_fault(sandbox.layout, "disk-full", 60.0)
    names = ["latency", "list-lag", "disk-full"]
    found = faults_set(sandbox.layout)
    assert [fault.name for fault in found] == names
    assert found[0].seconds_left is None
    assert 80 < found[1].seconds_left <= 90
    assert 50 < found[2].seconds_left <= 60
    assert told(found[0]) == "latency, until it is cleared"
    ControlClient(sandbox.layout.azure_control).set_clock(50)
    assert faults_set(sandbox.layout)[1].seconds_left < 41
    status = status_of(place)
    assert [fault.name for fault in status.faults] == names
    assert "on purpose  the local Azure answers 5 s late, until it is cleared\n" in _as_text(status)
    assert json.loads(_as_json(status))["faults"][0] == {"name": "latency", "seconds_left": None}
    assert clear_faults(sandbox.layout, "list-lag") == ["list-lag"]
    assert clear_faults(sandbox.layout) == ["latency", "disk-full"]
    assert status_of(place).faults == ()
    ControlClient(sandbox.layout.azure_control).set_clock(0)


def test_it_can_be_set_while_somebody_holds_the_sandbox(sandbox):
    with sandbox.hold("labrunner run lab-2"):
        set_fault(sandbox.layout, "throttled", 30.0)
        assert clear_faults(sandbox.layout) == ["throttled"]


def test_what_the_supervisor_does_not_know_is_refused(sandbox):
    with pytest.raises(SandboxError, match="there is no outage 'flood'"):
        ask_supervisor(sandbox.layout, "fault", ["flood"])
    assert faults_set(sandbox.layout) == []
