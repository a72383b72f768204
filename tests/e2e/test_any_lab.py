"""A lab by itself, on a sandbox in which nothing was done: what the labs before would have left is brought about."""

import json
import re

import pytest

from tests.e2e.commandline import User
from tests.e2e.conftest import Finished
from tests.e2e.test_labs import contracted, folded

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


@pytest.fixture(scope="module")
def done(cache, tmp_path_factory):
    """A sandbox in which Lab 7 alone has run."""
    user = User.at(tmp_path_factory.mktemp("any-lab") / "home", cache)
    name, report = user.sandbox(), user.home / "out.json"
    try:
        ended = user.run("run", "lab-7", "--report", str(report), "--sandbox", name, timeout=300)
        yield Finished(user, name, ended, json.loads(report.read_text()) if report.exists() else {})
    finally:
        user.end()


def test_lab_7_alone_passes_as_a_whole(done):
    assert done.ended.status == 0, done.ended
    assert done.report["totals"] == {"passed": 5, "failed": 0, "error": 0, "skipped": 0, "not_run": 0}
    entries = [entry for step in done.report["labs"][0]["steps"] for entry in step["commands"]]
    assert {entry["outcome"] for entry in entries} == {"passed"}
    assert {entry["ref"]: folded(entry["run"]) for entry in entries if entry["ref"]} == contracted("L7.")


def test_what_was_missing_is_named_before_the_first_command(done):
    before = folded(done.ended.err.partition("    $ ")[0])
    assert re.search(r"\(prepared in [0-9.]+ s: The images of Lab 3 are in the registry\.\)", before), before


def test_it_leaves_a_registry_for_the_labs_after_it_in_any_order(done):
    """The verification needs what Lab 7 brought back; Lab 4's first step what Lab 7 has taken away."""
    report = done.user.home / "after.json"
    ended = done.run("run", "verification", "lab-4/list-tags", "--report", str(report))
    assert ended.status == 0, ended
    assert ended.err.count("prepared in") >= 1
    entries = [
        entry for lab in json.loads(report.read_text())["labs"] for step in lab["steps"] for entry in step["commands"]
    ]
    parts = {entry["ref"]: folded(entry["run"]) for entry in entries if (entry["ref"] or "").startswith("V.")}
    assert parts == contracted("V.")


def test_the_troubleshooting_brings_its_problems_about_and_leaves_none(done):
    """After Lab 7. What a step wants to go wrong is over when it is, and what is mended holds."""
    report = done.user.home / "troubleshooting.json"
    words = ("run", "troubleshooting", "--report", str(report), "--sandbox", done.name)
    ended = done.user.run(*words, timeout=300)
    assert ended.status == 0, ended
    (lab,) = json.loads(report.read_text())["labs"]
    entries = [entry for step in lab["steps"] for entry in step["commands"]]
    assert {entry["ref"]: folded(entry["run"]) for entry in entries if entry["ref"]} == contracted("T")
    for said in (
        "unauthorized: authentication required",
        "denied: requested access",
        "manifest unknown",
        "toomanyrequests",
    ):
        assert said in folded(ended.err)
    assert done.run("sandbox", "fault", "--list").out == ""
    roles = done.inside('az role assignment list --all --query "[].roleDefinitionName" --output tsv').split("\n")
    assert "Owner" in roles, "the learner's own role is back"
    asked = done.run("check", "troubleshooting")
    assert asked.status == 0, asked


def test_the_verification_finds_what_is_not_right(done):
    """A manifest without a tag is in the repository; the script itself would not see it."""
    server = "progressacr12345678.azurecr.io"
    done.inside(
        f"az acr login -n progressacr12345678 && docker tag myworkerservice:latest {server}/mywebapi:lost && "
        f"docker push -q {server}/mywebapi:lost && az acr repository untag -n progressacr12345678 --image mywebapi:lost"
    )
    ended = done.run("check", "verification")
    assert ended.status == 1, ended
    assert "has 1 untagged manifest, not 0" in folded(ended.err)
    assert "ERROR" not in ended.said
