"""Labs 1 to 6 for real, one after the other in one sandbox: they run, and a state that is wrong afterwards is found."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.e2e.commandline import User
from tests.e2e.conftest import Finished

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

CONTRACTS = sorted((Path(__file__).parents[1] / "content" / "data").glob("labs_*_contract.yaml"))
COURSE = Path(__file__).parents[2] / "labs" / "acr-images"
LABS = ("lab-1", "lab-2", "lab-3", "lab-4", "lab-5", "lab-6")
SERVER = "progressacr12345678.azurecr.io"
KILL_AZURE = """\
for file in /proc/[0-9]*/cmdline; do
  if tr '\\0' ' ' 2>/dev/null <$file | grep -q 'labrunner[.]emulator.*--state'; then
    pid=${file#/proc/}; kill -9 ${pid%/cmdline}; echo killed
  fi
done
"""


def folded(text):
    return " ".join(text.split())


def contracted(*places):
    """The text of every reference whose id begins with one of the places."""
    contract = [entry for path in CONTRACTS for entry in yaml.load(path.read_text(), Loader=yaml.CBaseLoader)]
    entries = [entry for entry in contract if entry["id"].startswith(places)]
    texts = {entry["id"]: entry["corrected" if entry["status"] == "corrected" else "written"] for entry in entries}
    assert len(texts) == len(entries)
    return {ref: folded(text) for ref, text in texts.items()}


@pytest.fixture(scope="module")
def labs(cache, tmp_path_factory):
    """A sandbox in which all labs have run. What a test breaks, it mends."""
    user = User.at(tmp_path_factory.mktemp("labs") / "home", cache)
    name, report = user.sandbox(), user.home / "out.json"
    try:
        ended = user.run("run", *LABS, "--report", str(report), "--sandbox", name, timeout=300)
        yield Finished(user, name, ended, json.loads(report.read_text()) if report.exists() else {})
    finally:
        user.end()


def test_every_step_passes(labs):
    assert labs.ended.status == 0, labs.ended
    assert labs.report["totals"] == {"passed": 23, "failed": 0, "error": 0, "skipped": 0, "not_run": 0}


def test_the_report_has_every_reference_passed_once_with_the_text_of_the_contract(labs):
    wanted = contracted(*(f"L{number}." for number in range(1, 7)))
    assert len(wanted) > 60
    ran = [entry for lab in labs.report["labs"] for step in lab["steps"] for entry in step["commands"]]
    assert {entry["outcome"] for entry in ran} == {"passed"}
    entries = [entry for entry in ran if entry["ref"]]
    found = {entry["ref"]: folded(entry["run"]) for entry in entries}
    assert found == wanted
    assert len(entries) == len(found)


def test_check_passes_afterwards(labs):
    """Lab 1 is left out: its logins replace each other, so its last step cannot hold as a whole."""
    ended = labs.run("check", *LABS[1:])
    assert ended.status == 0, ended
    assert "20 passed" in ended.err


def test_what_a_container_wrote_is_read_by_the_next_one(labs):
    """The marker is of a container that is gone, in a volume that the second one has."""
    written = labs.inside("docker start myapi-persistent >/dev/null; docker exec myapi-persistent cat data/marker.txt")
    gone = written.removeprefix("written by container ")
    assert len(gone) == 12
    assert gone not in labs.inside("docker stop myapi-persistent >/dev/null; docker ps -aq --no-trunc")


def test_the_streaming_command_is_ended_and_has_passed(labs):
    step = next(step for step in labs.report["labs"][5]["steps"] if step["ref"] == ["L6.S4"])
    (logs,) = [entry for entry in step["commands"] if entry["ref"] == "L6.S4.C4"]
    assert logs["outcome"] == "passed"
    assert 10 <= logs["seconds"] < 16


AZ = "az acr repository"
SABOTAGE = {
    "a tag is gone from the registry": (
        f"{AZ} untag -n progressacr12345678 --image mywebapi:latest",
        f"az acr login -n progressacr12345678 && docker push -q {SERVER}/mywebapi:latest",
        {"push-multiple-tags", "list-tags", "show-tag-details", "pull-latest-tag"},
        "`latest`",
    ),
    "a repository is locked": (
        f"{AZ} update -n progressacr12345678 --repository mywebapi --delete-enabled false",
        f"{AZ} update -n progressacr12345678 --repository mywebapi --delete-enabled true",
        {"get-repository-metadata"},
        "deleteEnabled",
    ),
    "a volume is gone": (
        "docker volume rm work_sqldata",
        "docker volume create --label com.docker.compose.project=work work_sqldata",
        {"run-with-compose"},
        "`sqldata`",
    ),
    "a local name is gone": (
        "docker rmi mywebapi:production",
        f"docker tag {SERVER}/mywebapi:1.0.0 mywebapi:production",
        {"pull-to-local-tag"},
        "Docker has no tag `production` of `mywebapi`",
    ),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_sabotage_is_found_in_its_steps_and_named(labs, tmp_path, what):
    harm, mend, steps, text = SABOTAGE[what]
    labs.inside(harm)
    try:
        ended = labs.run("check", *LABS[1:], "--report", str(tmp_path / "out.json"))
    finally:
        labs.inside(mend)
    assert ended.status == 1, ended
    found = json.loads((tmp_path / "out.json").read_text())["labs"]
    failed = {step["id"]: step["reason"] for lab in found for step in lab["steps"] if step["outcome"] != "passed"}
    assert set(failed) == steps
    assert all(text in reason for reason in failed.values()), failed
    assert "ERROR" not in ended.said


def test_a_second_run_passes_too(labs):
    ended = labs.user.run("run", *LABS, "--sandbox", labs.name, timeout=300)
    assert ended.status == 0, ended
    assert "23 passed" in ended.err


def test_without_the_local_azure_the_machine_is_blamed(labs):
    assert labs.inside(KILL_AZURE) == "killed"
    try:
        ended = labs.run("check", "lab-4")
    finally:
        assert labs.run("sandbox", "up").status == 0
    assert ended.status == 4, ended
    assert "ERROR" in ended.err
    assert "FAILED" not in ended.said
    assert f"labrunner sandbox up --sandbox {labs.name}" in folded(ended.err)
    again = labs.run("check", "lab-4")
    assert again.status == 0, again.err


def test_a_wrong_name_in_the_learners_shell_fails_where_it_is_used(labs, tmp_path):
    """The checks know the registry by the course's variable, and not by the shell's."""
    course = tmp_path / "course"
    shutil.copytree(COURSE, course)
    lab = course / "lab-1.yaml"
    written = lab.read_text()
    lab.write_text(written.replace('run: ACR_NAME="@{ACR_NAME}"', 'run: ACR_NAME="progressacr99999999"'))
    assert lab.read_text() != written
    labs.inside(f"docker logout {SERVER}")
    try:
        words = ("run", "lab-1/login-with-azure-cli", "--course", str(course), "--trust")
        ran, asked = labs.run(*words), labs.run("check", "lab-1/login-with-azure-cli")
    finally:
        labs.inside("az acr login -n progressacr12345678")
    assert (ran.status, asked.status) == (1, 1), (ran, asked)
    assert "Your subscription has no registry of that name" in folded(ran.err)
    assert f"Docker is not logged in to `{SERVER}`" in folded(asked.err)
