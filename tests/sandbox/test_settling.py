"""What settles late is waited for: roles and lists that are 0 to 60 s late fail nobody, and are seen in time.

Late by the local Azure's clock, which is moved on while the check waits; for each once in real time.
"""

import os
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from labrunner.content.find import checks_folder
from labrunner.emulator.client import ControlClient
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.plan import select
from labrunner.engine.policy import Move, Point
from labrunner.engine.runner import Runner
from labrunner.engine.session import Session
from labrunner.engine.walk import walk
from labrunner.model import Azure, AzureRegistry, Check, Command, Course, Lab, Step
from labrunner.record.events import CheckWaiting, CommandEnded, StepEnded
from labrunner.record.redaction import Redactor
from labrunner.record.transcript import Transcript, utc_clock
from labrunner.sandbox import azure_cli
from labrunner.targets.sandbox import SandboxTarget
from tests.sandbox.conftest import Machines

pytestmark = pytest.mark.sandbox

REGISTRY = "progressacr12345678"
SERVER = f"{REGISTRY}.azurecr.io"
DETECTION_SECONDS = 2.0
DELAYS = (5, 30, 60)
SETTLES = ("has not spread yet", "lack the latest changes")

# The role that a login has at first lets it pull; the step gives it the one that lets it push.
LOGIN = f"""
scope=$(az acr show -n {REGISTRY} --query id -o tsv) || exit
az ad sp create-for-rbac -n robot --role AcrPull --scopes "$scope" >robot.json 2>/dev/null || exit
jq -r .password robot.json | docker login {SERVER} -u "$(jq -r .appId robot.json)" --password-stdin || exit
az ad sp show --id "$(jq -r .appId robot.json)" --query id -o tsv >principal
echo "$scope" >scope
az account get-access-token --query accessToken -o tsv >token
cp ~/.docker/config.json as-robot
az acr login -n {REGISTRY}
cp ~/.docker/config.json as-owner
"""
PUSH_ROLE = "8311e382-0749-4cb8-b61a-304f252e45ec"  # AcrPush: Microsoft, "Azure built-in roles"
GIVE = f"""
where="https://management.azure.com$(cat scope)/providers/Microsoft.Authorization"
role="$(cut -d/ -f1-3 scope)/providers/Microsoft.Authorization/roleDefinitions/{PUSH_ROLE}"
body='{{"properties": {{"roleDefinitionId": "'$role'", "principalId": "'$(cat principal)'"}}}}'
curl -sSf -o /dev/null -X METHOD -H "Authorization: Bearer $(cat token)" -H 'Content-Type: application/json' \\
  -d "$body" "$where/roleAssignments/11111111-2222-3333-4444-555555555555?api-version=2022-04-01"
"""
CAN_PUSH = Check(kind="acr.can-push", args={"registry": REGISTRY, "repository": "lab"})


@dataclass
class Learner:
    """Goes on; moves the clock by `jump` seconds when labrunner says that something settles."""

    control: ControlClient
    jump: float
    mode: str = "unattended"
    live: bool = False
    keyboard: int | None = None
    waited: list[str] = field(default_factory=list)
    changed: float = 0.0
    settled: float = 0.0
    ended: float = 0.0
    outcome: str = ""
    reason: str = ""

    def show(self, event):
        if isinstance(event, CommandEnded):
            self.changed = time.monotonic()
        if isinstance(event, CheckWaiting):
            self.waited.append(event.message)
            if self.jump and not self.settled and any(words in event.message for words in SETTLES):
                self.control.set_clock(self.jump)
                self.settled = time.monotonic()
        if isinstance(event, StepEnded):
            self.ended, self.outcome, self.reason = time.monotonic(), str(event.outcome), event.reason or ""

    def decide(self, moment):
        return Move.NEXT if moment.point is Point.FAILED else moment.moves[0]

    def choose(self, step, options):
        return options


class Place:
    """A sandbox in which an application is logged in that may only pull."""

    def __init__(self, target, sandbox, folder):
        self.target = target
        self.control = ControlClient(sandbox.layout.azure_control)
        self.folder = folder
        self.runs = 0

    def bash(self, text):
        ran = self.target.script(text)
        assert ran.status == 0, ran
        return ran.stdout

    def run(self, command, check, *, jump=0.0):
        """A step of one command and one check."""
        self.runs += 1
        step = Step(id="s", title="S", text="", commands=(Command(run=command),), checks=(check,))
        course = Course(id="c", title="C", labs=(Lab(id="l", name="lab-1", title="L", steps=(step,)),))
        learner = Learner(self.control, jump)
        with closing(Transcript(f"{self.folder}/{self.runs}.jsonl", now=utc_clock())) as transcript:
            session = Session(
                id="s", target=self.target, policy=learner, transcript=transcript, redactor=Redactor(), values={}
            )
            status = Runner(session=session, course=course, plan=select(course, ["lab-1"]), conduct=walk).run()
        assert (status is ExitStatus.PASSED) == (learner.outcome == "passed")
        return learner


@pytest.fixture(scope="module")
def prepared(kit, cache, tmp_path_factory):
    folder = tmp_path_factory.mktemp("settling")
    machines = Machines({**os.environ, "XDG_CACHE_HOME": cache, "XDG_STATE_HOME": str(folder)}, kit)
    azure = Azure(resource_group="labs", registries=(AzureRegistry(name=REGISTRY, sku="Premium"),))
    course = Course(id="t", title="T", path=str(folder), azure=azure)
    try:
        sandbox = machines.up()
        cli = azure_cli.ensure(machines.env)
        made = SandboxTarget(sandbox, course, (checks_folder(),), tools=kit, needs=("azure",), cli=cli)
        with closing(made) as target:
            target.prepare()
            found = Place(target, sandbox, folder)
            found.bash(LOGIN)
            Path(sandbox.layout.work, "busybox").write_bytes(Path(kit.busybox).read_bytes())
            found.bash(f"tar -c busybox | docker import - {SERVER}/lab:first && docker push -q {SERVER}/lab:first")
            yield found
    finally:
        machines.end()


@pytest.fixture
def place(prepared):
    yield prepared
    prepared.control.clear_faults()
    prepared.control.set_clock(0)


@pytest.fixture
def robot(place):
    """Docker is logged in as the application, whose role to push is taken away again."""
    place.bash("cp as-robot ~/.docker/config.json")
    yield place
    place.control.clear_faults()
    place.bash(GIVE.replace("METHOD", "DELETE"))


def passed_in_time(learner, since):
    assert (learner.outcome, learner.reason) == ("passed", "")
    assert learner.ended - since <= DETECTION_SECONDS


@pytest.mark.parametrize("delay", DELAYS)
def test_a_role_that_spreads_late_is_waited_for(robot, delay):
    robot.control.set_fault("role-delay", delay=delay)
    learner = robot.run(GIVE.replace("METHOD", "PUT"), CAN_PUSH, jump=delay)
    assert any("may not push" in words for words in learner.waited)
    assert learner.settled, "it has been said that the role has not spread"
    passed_in_time(learner, learner.settled)


def test_a_role_that_is_there_at_once_is_not_waited_for(robot):
    robot.control.set_fault("role-delay", delay=0)
    learner = robot.run(GIVE.replace("METHOD", "PUT"), CAN_PUSH)
    assert learner.waited == []
    passed_in_time(learner, learner.changed)


def test_a_role_that_spreads_late_in_real_time(robot):
    robot.control.set_fault("role-delay", delay=4)
    learner = robot.run(GIVE.replace("METHOD", "PUT"), CAN_PUSH)
    assert any("has not spread yet" in words for words in learner.waited)
    passed_in_time(learner, learner.changed + 4)


def tags(*names):
    return Check(kind="acr.tags", args={"registry": REGISTRY, "repository": "lab", "tags": list(names)})


def push(tag):
    return f"docker tag {SERVER}/lab:first {SERVER}/lab:{tag} && docker push -q {SERVER}/lab:{tag}"


@pytest.fixture
def owner(place):
    place.bash("cp as-owner ~/.docker/config.json")
    return place


@pytest.mark.parametrize("delay", DELAYS)
def test_a_list_that_lags_behind_is_waited_for(owner, delay):
    owner.control.set_fault("list-lag", delay=delay)
    learner = owner.run(push(f"late-{delay}"), tags("first", f"late-{delay}"), jump=delay)
    assert learner.settled, "it has been said that the lists lag behind"
    passed_in_time(learner, learner.settled)


def test_a_list_that_is_there_at_once_is_not_waited_for(owner):
    owner.control.set_fault("list-lag", delay=0)
    learner = owner.run(push("at-once"), tags("at-once"))
    assert learner.waited == []
    passed_in_time(learner, learner.changed)


def test_a_list_that_lags_behind_in_real_time(owner):
    owner.control.set_fault("list-lag", delay=4)
    learner = owner.run(push("real"), tags("real"))
    assert any("lack the latest changes" in words for words in learner.waited)
    passed_in_time(learner, learner.changed + 4)


@pytest.mark.parametrize("fault", ["role-delay", "list-lag", "throttled", "server-error", "expired-tokens"])
def test_a_fault_that_nobody_meets_excuses_nothing(owner, fault):
    """`services`: those that the check asks are spared."""
    spared = {"services": ["graph"]} if fault in ("throttled", "server-error") else {}
    if fault == "expired-tokens":
        check = Check(kind="file.exists", args={"path": "never-made"})
    else:
        check = tags("never-pushed")
    owner.control.set_fault(fault, **spared)
    learner = owner.run("true", check)
    assert learner.outcome == "failed", learner


def test_a_role_that_was_never_given_is_the_learners_failure(robot):
    robot.control.set_fault("role-delay", delay=60)
    learner = robot.run("true", CAN_PUSH)
    assert learner.outcome == "failed"
    assert "may not push" in learner.reason
    robot.control.clear_faults()
    robot.bash(GIVE.replace("METHOD", "PUT"))  # for the one who takes it away
