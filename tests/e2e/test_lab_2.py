"""Lab 2 for real: it runs, its report tells what ran, and a state that is wrong afterwards is found."""

import json
from pathlib import Path

import pytest
import yaml

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

CONTRACTS = sorted((Path(__file__).parents[1] / "content" / "data").glob("labs_*_contract.yaml"))
SERVER = "progressacr12345678.azurecr.io"


def folded(text):
    return " ".join(text.split())


def test_the_lab_passes(finished):
    assert finished.ended.status == 0, finished.ended
    assert finished.ended.out == ""
    assert "3 passed" in finished.ended.err
    assert f"labrunner sandbox down --sandbox {finished.name}" in finished.ended.err


def test_the_report_has_every_reference_passed_with_the_text_of_the_contract(finished):
    contract = [entry for path in CONTRACTS for entry in yaml.load(path.read_text(), Loader=yaml.CBaseLoader)]
    wanted = {
        entry["id"]: folded(entry["corrected"] if entry["status"] == "corrected" else entry["written"])
        for entry in contract
        if entry["id"].startswith("L2.")
    }
    assert len(wanted) > 20
    (lab,) = finished.report["labs"]
    commands = [command for step in lab["steps"] for command in step["commands"]]
    assert {command["ref"]: folded(command["run"]) for command in commands} == wanted
    assert len(commands) == len(wanted)
    assert {command["outcome"] for command in commands} == {"passed"}
    assert {command["exit_status"] for command in commands} == {0}


def test_the_report_is_of_format_1(finished):
    report = finished.report
    assert report["format"] == 1
    assert (report["course"], report["target"], report["mode"]) == ("acr-images", "sandbox", "unattended")
    assert report["totals"] == {"passed": 3, "failed": 0, "error": 0, "skipped": 0, "not_run": 0}
    assert report["tools"]["docker"]
    for lab in report["labs"]:
        assert lab["outcome"] == "passed"
        for step in lab["steps"]:
            assert (step["outcome"], step["attempts"], step["reason"]) == ("passed", 1, None)
            assert step["checks"]
            assert {check["outcome"] for check in step["checks"]} == {"passed"}


def test_check_passes_afterwards_and_runs_nothing(finished):
    before = finished.inside("docker images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort")
    ended = finished.run("check", "lab-2")
    assert ended.status == 0, ended
    assert "3 passed" in ended.err
    assert finished.inside("docker images --no-trunc --format '{{.Repository}}:{{.Tag}} {{.ID}}' | sort") == before


SABOTAGE = {
    "a local tag is gone": (
        "docker rmi mywebapi:1.0",
        "docker tag mywebapi:latest mywebapi:1.0",
        {"list-local-images": ["Docker has no tag `1.0` of `mywebapi`"]},
    ),
    "a tag in the registry is gone": (
        f"docker rmi {SERVER}/mywebapi:build-123",
        f"docker tag mywebapi:latest {SERVER}/mywebapi:build-123",
        {"tag-for-acr": [f"Docker has no tag `build-123` of `{SERVER}/mywebapi`"]},
    ),
    "a tag means another image": (
        f"docker tag myworkerservice:latest {SERVER}/mywebapi:1.0.0",
        f"docker tag mywebapi:latest {SERVER}/mywebapi:1.0.0",
        {"tag-for-acr": [f"`{SERVER}/mywebapi:1.0.0`", "@other", "@image"]},
    ),
    "the tag of the commit is gone": (
        f"docker rmi {SERVER}/mywebapi:$(git rev-parse --short HEAD)",
        f"docker tag mywebapi:latest {SERVER}/mywebapi:$(git rev-parse --short HEAD)",
        {"tagging-best-practices": ["Docker has no tag", f"of `{SERVER}/mywebapi`", "git rev-parse --short HEAD"]},
    ),
}


@pytest.mark.parametrize("what", SABOTAGE)
def test_sabotage_is_found_in_its_step_and_named(finished, tmp_path, what):
    harm, mend, wanted = SABOTAGE[what]
    ids = {
        "@image": finished.inside("docker images -q mywebapi:latest"),
        "@other": finished.inside("docker images -q myworkerservice:latest"),
    }
    finished.inside(harm)
    try:
        ended = finished.run("check", "lab-2", "--report", str(tmp_path / "out.json"))
    finally:
        finished.inside(mend)
    assert ended.status == 1, ended
    report = json.loads((tmp_path / "out.json").read_text())
    steps = {step["id"]: step for step in report["labs"][0]["steps"]}
    assert {name for name, step in steps.items() if step["outcome"] != "passed"} == set(wanted)
    shown = folded(ended.err)
    for name, texts in wanted.items():
        assert steps[name]["outcome"] == "failed"
        assert f"FAILED lab-2/{name}" in shown
        for text in texts:
            assert ids.get(text, text) in steps[name]["reason"]
            assert ids.get(text, text) in shown
    assert "ERROR" not in ended.said


def test_a_step_alone_runs_in_a_shell_that_saw_nothing(finished):
    ended = finished.run("run", "lab-2/tagging-best-practices")
    assert ended.status == 0, ended
    assert "1 passed" in ended.err
    assert 'set again in a new shell: ACR_NAME="progressacr12345678"' in folded(ended.err)


@pytest.mark.parametrize("selector", ["lab-9", "lab-2/tag-for-arc"])
def test_what_is_not_there_is_said_before_anything_starts(user, selector):
    ended = user.run("run", selector, "--sandbox", user.sandbox())
    assert ended.status == 2
    assert f"called '{selector.partition('/')[2] or selector}'" in ended.err
    assert "lab-2" in ended.err
    assert not (user.home / "state").exists()
