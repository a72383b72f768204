"""What `labrunner doctor` finds: the refusals of a run in the same words, and what is there where nothing is wrong."""

from dataclasses import replace

import pytest

from labrunner.model import Azure, AzureRegistry, Course, Image, Lab
from labrunner.sandbox import fitness
from labrunner.sandbox.fitness import (
    State,
    course_findings,
    installation_findings,
    is_installed,
    machine_findings,
    terminal_finding,
)
from labrunner.sandbox.preflight import Machine, look, problems, shortages
from labrunner.targets.sandbox import SandboxTarget

GB = 1000**3
GOOD = Machine(free={"/cache": 3 * GB, "/state": 3 * GB}, memory=2 * GB)
POOR = {
    "architecture": {"architecture": "riscv64"},
    "python": {"python": (3, 9)},
    "venv": {"has_venv": False},
    "root": {"user": 1000},
    "capabilities": {"capabilities": 0},
    "namespaces": {"namespaces": "unshare failed: no space left"},
    "kernel": {"kernel": "5.10.0"},
    "disk": {"free": {"/cache": GB, "/state": -1}},
    "client": {"missing": ("apt-get",)},
    "programs": {"missing": ("nsenter",)},
    "terminals": {"has_terminals": False},
    "control groups": {"has_cgroups": False},
}


def lab(name, *needs):
    return Lab(id=f"the-{name}", name=name, title=name, needs=needs)


def test_a_machine_that_has_everything_is_told_what_it_has():
    found = machine_findings(GOOD, install=True)
    assert {finding.state for finding in found} == {State.OK}
    assert len({finding.about for finding in found}) == len(found) - 1, "two disks, and each of the others once"
    says = "\n".join(finding.says for finding in found)
    assert "3.0 GB are free where /cache lies" in says
    assert "2.0 GB are free" in says
    assert all(finding.remedy == "" for finding in found)


@pytest.mark.parametrize("lack", POOR)
@pytest.mark.parametrize("install", [True, False])
def test_what_a_run_is_refused_for_is_missing_in_the_same_words(lack, install):
    machine = GOOD._replace(**POOR[lack])
    refused = problems(machine, install=install)
    missing = [finding for finding in machine_findings(machine, install=install) if finding.state is State.MISSING]
    assert sorted((found.about, found.says, found.remedy) for found in missing) == sorted(
        (problem.about, problem.what, problem.remedy) for problem in refused
    )
    assert install is False or missing


def test_everything_that_is_wrong_is_told_at_once():
    facts = {key: value for part in POOR.values() for key, value in part.items()}
    machine = GOOD._replace(**facts)._replace(missing=("apt-get", "nsenter"), memory=0)
    missing = [finding for finding in machine_findings(machine, install=True) if finding.state is State.MISSING]
    assert len(missing) == len(problems(machine)) + len(shortages(machine)) == 12


def test_of_another_system_nothing_else_is_told():
    (only,) = machine_findings(Machine(system="Darwin"), install=True)
    assert only.state is State.MISSING
    assert "needs Linux; this is Darwin" in only.says
    assert "virtual machine" in only.remedy


def test_too_little_memory_is_missing_though_no_run_is_refused():
    machine = GOOD._replace(memory=300_000_000)
    assert problems(machine) == []
    (low,) = [finding for finding in machine_findings(machine, install=False) if finding.state is not State.OK]
    assert (low.about, low.state) == ("memory", State.MISSING)
    assert "0.3 GB of memory are free; the sandbox needs 0.5 GB" in low.says


def test_memory_that_nobody_tells_is_not_told():
    assert "memory" not in [finding.about for finding in machine_findings(GOOD._replace(memory=-1), install=False)]


def test_the_memory_of_this_machine_is_known():
    assert look([]).memory > 0


def test_once_all_is_there_nothing_is_asked_that_only_fetching_needs():
    found = {finding.about for finding in machine_findings(GOOD, install=False)}
    assert not found & {"packages", "venv"}


@pytest.mark.parametrize(
    ("size", "state", "says"),
    [
        (None, State.OK, "None here"),
        ((80, 24), State.OK, "80 columns and 24 lines"),
        ((79, 24), State.NOTE, "79 columns"),
        ((80, 23), State.NOTE, "23 lines"),
    ],
)
def test_the_terminal_is_judged_by_its_size(size, state, says):
    finding = terminal_finding(size)
    assert finding.state is state
    assert says in finding.says
    assert bool(finding.remedy) == (state is State.NOTE)


def test_what_is_not_in_the_cache_is_to_be_fetched_and_by_what(tmp_path):
    env = {"HOME": str(tmp_path)}
    found = installation_findings(env, ["azure"], fetch="make it so")
    assert [(finding.about, finding.state) for finding in found] == [("tools", State.NOTE), ("az", State.NOTE)]
    assert all(" MB" in finding.says and "`make it so`" in finding.remedy for finding in found)
    assert not is_installed(env, [])
    assert [finding.about for finding in installation_findings(env, ["docker-engine"], fetch="")] == ["tools"]
    assert list(tmp_path.iterdir()) == []


def test_what_the_course_needs_is_brought_by_the_sandbox():
    course = Course(
        id="c",
        title="A course",
        images=(Image(names=("web:1", "web:latest"), says="a stand-in"),),
        azure=Azure(resource_group="g", registries=(AzureRegistry(name="myregistry"),)),
        labs=(lab("lab-1", "docker-engine", "azure"), lab("lab-2", "docker-engine")),
    )
    found = {finding.about: finding for finding in course_findings(course)}
    assert {finding.state for finding in found.values()} == {State.OK}
    assert "lab-1." in found["azure"].says
    assert "lab-1, lab-2." in found["docker-engine"].says
    assert "myregistry" in found["registry"].says
    assert "web:1, web:latest" in found["images"].says
    bare = course_findings(replace(course, images=(), azure=None, labs=(lab("lab-1"),)))
    assert [finding.about for finding in bare] == ["course"]


def test_a_need_that_the_sandbox_has_not_is_missing():
    *_, found = course_findings(Course(id="c", title="A course", labs=(lab("lab-1", "kubernetes"),)))
    assert found.state is State.MISSING
    assert found.says == "The sandbox has no kubernetes (wanted by lab-1)."


def test_the_needs_are_those_that_the_sandbox_has():
    assert set(fitness.NEEDS) == SandboxTarget.capabilities
