"""What is the sandbox's own fault is said, with what to do; what is not is not."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from labrunner.emulator.client import ControlClient
from labrunner.model import Azure, AzureRegistry
from labrunner.sandbox import machine
from labrunner.sandbox.azure import check_azure
from labrunner.targets.sandbox import SandboxTarget

pytestmark = pytest.mark.sandbox

REGISTRY = "progressacr12345678"
AZURE = Azure(resource_group="labs", registries=(AzureRegistry(name=REGISTRY, sku="Premium"),))


@pytest.fixture
def target(machines, course, kit):
    sandbox = machines.up()
    check_azure(sandbox.layout, patience=30)
    made = SandboxTarget(sandbox, replace(course, azure=AZURE), (), tools=kit, needs=("azure",))
    yield made
    made.close()


@pytest.fixture
def control(target):
    return ControlClient(target._sandbox.layout.azure_control)


def ask(target):
    return target.script(
        "curl -sS -o /dev/null -w '%{http_code}' https://management.azure.com/tenants?api-version=1"
    ).stdout


def test_a_fault_is_told_when_it_was_met_and_only_for_its_attempt(target, control):
    assert target.trouble(late=True) is None
    target.watch()
    control.set_fault("throttled")
    assert target.trouble(late=True) is None, "nobody has met it"
    assert ask(target) == "429"
    cause = target.trouble(late=True)
    assert "429" in str(cause)
    assert cause.remedy.startswith("Wait a little, then try again")
    assert target.trouble(late=True) is not None
    target.watch()
    assert target.trouble(late=True) is None
    control.clear_faults()
    assert ask(target) == "401"
    assert target.trouble(late=True) is None, "a 401 is the learner's"
    control.set_fault("server-error", status=503)
    assert ask(target) == "503"
    assert "server error (503)" in str(target.trouble(late=True))
    assert target.settling() == ""


def test_what_is_gone_is_told(target, machines):
    target.watch()
    assert target.script("kill -9 $(cat /run/docker.pid)").status == 0
    cause = target.trouble(late=True)
    assert "Docker Engine" in str(cause)
    assert cause.remedy == f"labrunner sandbox up --sandbox {target._sandbox.name}"
    machines.up(target._sandbox.name)
    assert "Docker Engine of the sandbox was started anew" in str(target.trouble(late=True))
    target.watch()
    assert target.trouble(late=True) is None


def test_a_local_azure_that_is_gone_is_told(target):
    target.watch()
    (pid,) = [
        int(line.parent.name)
        for line in Path("/proc").glob("[0-9]*/cmdline")
        if _is_azure(line, target._sandbox.layout.azure)
    ]
    os.kill(pid, signal.SIGKILL)
    cause = target.trouble(late=True)
    assert "the local Azure" in str(cause)
    assert cause.remedy == f"labrunner sandbox up --sandbox {target._sandbox.name}"
    target.watch()
    assert target.settling() == ""
    machine.up(target._sandbox.name, target._sandbox._outer, target._tools)
    check_azure(target._sandbox.layout, patience=30)
    assert "local Azure of the sandbox was started anew" in str(target.trouble(late=True))
    target.watch()
    assert target.trouble(late=True) is None


def _is_azure(line, folder):
    try:
        words = line.read_bytes().split(b"\0")
    except OSError:
        return False
    return b"--state" in words and folder.encode() in words
