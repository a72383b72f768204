"""Faults in the middle of real steps: never the learner's failure, with a cause and what to do, and all is well after.

A fault is set while the run is held up before the command that is to meet it: what comes first is not left to chance.
"""

import json
import os
import shutil
import signal
from dataclasses import dataclass

import pytest

from tests.e2e.commandline import COURSE, User, until

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

REGISTRY = "progressacr12345678"
SERVER = f"{REGISTRY}.azurecr.io"
LOGIN = "lab-1/login-with-azure-cli"
OTHER_LOGINS = "lab-1/alternative-authentication"
PUSH = "lab-3/push-multiple-tags"
LIST = "lab-4/list-tags"
PULL = "lab-5/pull-specific-tag"


@dataclass
class Class:
    """A sandbox in which the steps have passed once, and its instructor."""

    user: User
    name: str

    def run(self, *words, timeout=120.0):
        return self.user.run(*words, "--sandbox", self.name, timeout=timeout)

    def fault(self, *words):
        ended = self.run("sandbox", "fault", *words)
        assert ended.status == 0, ended
        return ended

    def inside(self, text):
        return self.user.inside(self.name, text)

    def step(self, step, fault, *, at=""):
        """Run a step with the fault, from its beginning or from its line `at` on."""
        report = self.user.home / "out.json"
        report.unlink(missing_ok=True)
        if not at:
            self.fault(*fault)
        words = ("run", step, "--restart", "--sandbox", self.name, "--report", str(report))
        with self.user.start(*words) as process:
            try:
                said = self._held_at(process, at, fault) if at else ""
                said += process.stderr.read()
                process.wait(150)
            finally:
                process.kill()
        assert report.exists(), said
        ((told,),) = (lab["steps"] for lab in json.loads(report.read_text())["labs"])
        return Verdict(process.returncode, said, told)

    def _held_at(self, process, at, fault):
        said = ""
        for line in process.stderr:
            said += line
            if line.strip().startswith(at):
                break
        else:
            pytest.fail(f"it never came to {at!r}:\n{said}")
        os.kill(process.pid, signal.SIGSTOP)
        self.fault(*fault)
        os.kill(process.pid, signal.SIGCONT)
        return said


@dataclass
class Verdict:
    """How the step ended."""

    status: int
    said: str
    step: dict

    @property
    def outcome(self):
        return self.step["outcome"]

    def is_error(self, cause, remedy):
        assert self.outcome == "error", (self.step, self.said)
        assert self.status == 4
        reason = self.step["reason"]
        what, found, to_do = reason.partition(" What to do: ")
        assert found, reason
        assert cause in what
        assert what.count(". ") == 0, f"more than a sentence: {what}"
        assert remedy in to_do
        assert "This is not your mistake" in " ".join(self.said.split())
        assert "FAILED  lab-" not in self.said


@pytest.fixture(scope="module")
def learned(cache, tmp_path_factory):
    user = User.at(tmp_path_factory.mktemp("faults") / "home", cache)
    made = Class(user, user.sandbox())
    try:
        ended = made.run("run", LOGIN, PUSH, LIST, PULL, timeout=300)
        assert ended.status == 0, ended
        yield made
    finally:
        user.end()


@pytest.fixture
def lesson(learned):
    yield learned
    learned.fault("--clear")
    until(lambda: learned.run("sandbox", "up").status == 0, "the sandbox is whole again")


def test_latency(lesson):
    verdict = lesson.step(LIST, ("latency", "--for", "12s"), at="$ az acr repository show-tags")
    if verdict.outcome != "passed":
        verdict.is_error("let a request wait for more than 2 s", "Try again, with more patience")


def test_throttled(lesson):
    verdict = lesson.step(LIST, ("throttled",), at="$ az acr repository show-tags")
    verdict.is_error("because there were too many (429)", "Wait a little, then try again")


def test_server_error(lesson):
    verdict = lesson.step(LOGIN, ("server-error",), at="$ ACR_NAME=")
    verdict.is_error("answered a request with a server error (503)", "Try again: nothing is wrong with what you did")


def test_expired_tokens_and_the_way_out(lesson):
    verdict = lesson.step(LOGIN, ("expired-tokens",), at="$ ACR_NAME=")
    verdict.is_error("was refused, because it has expired", "`az account clear`")
    lesson.inside("az account clear")
    ended = lesson.run("run", LOGIN)
    assert ended.status == 0, ended
    assert "expired-tokens, until it is cleared\n" in lesson.fault("--list").out


def test_a_role_that_has_not_spread(lesson):
    verdict = lesson.step(OTHER_LOGINS, ("role-delay", "--for", "5m"))
    verdict.is_error("The role AcrPush given to acr-push-pull-sp", "Wait until it has, then try again")


def test_lists_that_lag_behind(lesson):
    lesson.inside(f"az acr repository untag -n {REGISTRY} --image mywebapi:build-123 --only-show-errors")
    verdict = lesson.step(PUSH, ("list-lag", "--for", "15s"), at="$ docker push")
    assert verdict.outcome == "passed", verdict
    assert max(check["seconds"] for check in verdict.step["checks"]) > 1, "it has waited"


def test_the_proxy_is_down(lesson):
    lesson.inside("docker logout " + SERVER)
    verdict = lesson.step(PULL, ("proxy-down",), at="[1/")
    verdict.is_error("The proxy to Azure was down", "Try again")


def test_the_engine_is_down(lesson):
    verdict = lesson.step(PULL, ("engine-down", "--for", "6s"), at="$ docker pull")
    assert verdict.outcome == "error", verdict
    assert "Docker Engine" in verdict.step["reason"]
    assert "What to do: " in verdict.step["reason"]
    until(lambda: lesson.run("run", PULL).status == 0, "the step passes", seconds=60)
    assert lesson.fault("--list").out == ""


@pytest.mark.parametrize(("step", "at"), [(LOGIN, "$ ACR_NAME="), (PULL, "")])
def test_the_disk_is_full(lesson, step, at):
    """Its first step writes to HOME, the other one to the engine, in its setup."""
    lesson.inside(f"docker rmi {SERVER}/mywebapi:1.0.0 {SERVER}/mywebapi:latest >/dev/null 2>&1 || true")
    verdict = lesson.step(step, ("disk-full",), at=at)
    verdict.is_error("is full on purpose (fault disk-full, until it is cleared)", "sandbox fault --clear disk-full")
    assert lesson.fault("--clear").err == f"Cleared in sandbox '{lesson.name}': disk-full.\n"
    ended = lesson.run("run", step)
    assert ended.status == 0, ended


def test_a_mistake_is_one_though_a_fault_is_set_that_nobody_meets(lesson, tmp_path):
    course = tmp_path / "course"
    shutil.copytree(COURSE, course)
    lab = course / "lab-1.yaml"
    lab.write_text(lab.read_text().replace('run: ACR_NAME="@{ACR_NAME}"', 'run: ACR_NAME="progressacr99999999"'))
    lesson.fault("list-lag")
    ended = lesson.run("run", LOGIN, "--course", str(course), "--trust", "--restart")
    assert ended.status == 1, ended
    assert f"FAILED  {LOGIN} (" in ended.err


def test_status_and_list_tell_what_is_set(lesson):
    said = lesson.fault("throttled", "--for", "2m").err
    assert f"Set in sandbox '{lesson.name}' for 2m: throttled, " in said
    assert f"End it: `labrunner sandbox fault --clear throttled --sandbox {lesson.name}`\n" in said
    assert lesson.fault("--list").out.startswith("throttled, for 1")
    assert (
        "on purpose  the local Azure refuses requests as too many (429), for 1" in lesson.run("sandbox", "status").out
    )
    (fault,) = json.loads(lesson.run("sandbox", "status", "--json").out)["faults"]
    assert fault["name"] == "throttled"
    assert 60 < fault["seconds_left"] <= 120
    assert lesson.fault("--clear", "latency").err == f"No fault latency is set in sandbox '{lesson.name}'.\n"
    assert lesson.fault("--clear").err == f"Cleared in sandbox '{lesson.name}': throttled.\n"


def test_afterwards_all_is_well(lesson):
    ended = lesson.run("run", LOGIN, PUSH, LIST, PULL, "--restart", timeout=300)
    assert ended.status == 0, ended
