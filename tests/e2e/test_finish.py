"""A whole run among neighbours with names like ours, cut off in the middle, then `finish`: what was before is there."""

import json
from contextlib import closing

import pytest

from labrunner.model import Course
from labrunner.record.ledger import differences
from labrunner.sandbox import machine, tools
from labrunner.targets.sandbox import SandboxTarget
from tests.e2e.commandline import User
from tests.sandbox.test_cleanups import NEIGHBOURS

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

LABS = ("lab-1", "lab-2", "lab-3", "lab-5")
"""Those that make something; Lab 4 only looks."""
MORE = """
docker volume create mywebapi-data
docker network create labs
mkdir docs2 && echo theirs > docs2/push-images.sh && echo theirs > push-images.sh~
"""


_NOUNS = {
    "application": ("application in Azure", "applications in Azure"),
    "container": ("container", "containers"),
    "file": ("file", "files"),
    "image-tag": ("image", "images"),
    "network": ("network", "networks"),
    "repository-tag": ("tag in a registry", "tags in a registry"),
    "volume": ("volume", "volumes"),
    "webhook": ("webhook", "webhooks"),
}


def _told(text: str) -> set[tuple[str, str]]:
    """(kind, name) of what a part of the output tells."""
    kinds = {noun: kind for kind, nouns in _NOUNS.items() for noun in nouns}
    found = set()
    for line in text.splitlines():
        noun, _, names = line.strip().partition(": ")
        for part in names.split("; ") if noun in kinds else ():
            image, tagged, tags = part.partition(" with the tags ")
            named = [f"{image}:{tag}" for tag in tags.split(", ")] if tagged else part.split(", ")
            found |= {(kinds[noun], name.partition(" (")[0]) for name in named}
    return found


def inventory(user: User, name: str):
    course = Course(id="t", title="T")
    sandbox = machine.attach(name, user.env)
    with closing(SandboxTarget(sandbox, course, (), tools=tools.ensure(user.env), needs=("azure",))) as target:
        return target.inventory()


def records(user: User):
    newest = max((user.home / "state/labrunner/sessions").iterdir(), key=lambda path: path.name)
    return [json.loads(line) for line in (newest / "transcript.jsonl").read_text().splitlines()]


def killed_in(user: User, name: str, step: str, *, labs: tuple[str, ...] = LABS) -> None:
    with user.start("run", *labs, "--sandbox", name) as process:
        try:
            for line in process.stderr:
                if f"/{step})" in line:
                    break
        finally:
            process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def user(cache, tmp_path_factory):
    made = User.at(tmp_path_factory.mktemp("finish") / "home", cache)
    try:
        yield made
    finally:
        made.end()


def test_a_run_goes_on_after_a_restart_and_finish_leaves_what_was_before(user, tmp_path):
    name, report = user.sandbox(), tmp_path / "out.json"
    assert user.run("run", "lab-1/login-with-azure-cli", "--sandbox", name, timeout=120).status == 0
    assert user.run("finish", "--sandbox", name).status == 0
    user.inside(name, NEIGHBOURS + MORE)
    before = inventory(user, name)

    killed_in(user, name, "push-multiple-tags")
    done = {record["ref"] for record in records(user) if record["event"] == "command-ended"}
    assert user.run("sandbox", "down", "--keep", "--sandbox", name).status == 0  # as a restart of the machine would
    ended = user.run("run", "--sandbox", name, "--report", str(report), timeout=180)
    found = records(user)
    went_on = next(at for at, record in enumerate(found) if record["event"] == "session-resumed")
    again = {record["ref"] for record in found[went_on:] if record["event"] == "command-started"}
    assert not again & done, "what has ended is not run again"
    steps = {step["id"]: step for lab in json.loads(report.read_text())["labs"] for step in lab["steps"]}
    assert len(steps) == 14
    # az takes every application whose name begins like the one that is asked for; Azure does so too
    assert [name for name, step in steps.items() if step["outcome"] != "passed"] == ["alternative-authentication"]
    assert ended.status == 1, ended

    made = differences(before, inventory(user, name))
    assert len(made) > 25
    finished = user.run("finish", "--sandbox", name)
    assert finished.status == 0, finished
    assert differences(before, inventory(user, name)) == []
    removed, left = (_told(part) for part in finished.err.partition("Removed:\n")[2].split("Left alone", 1))
    for change in made:
        mark, kind, thing = change.split(" ", 2)
        if mark != "~" and kind in _NOUNS:
            assert (kind, thing.removeprefix("work/")) in removed, change
    assert left >= {
        ("application", "acr-push-pull-sp-2"),
        ("application", "my-acr-push-pull-sp"),
        ("container", "my_own-app"),
        ("container", "web"),
        ("file", "push-images.sh.bak"),
        ("file", "docs2/push-images.sh"),
        ("image-tag", "progressacr12345678.azurecr.io/mywebapi:latest-rc"),
        ("network", "labs"),
        ("repository-tag", "progressacr12345678/mywebapi2:1.0.0"),
        ("volume", "mywebapi-data"),
        ("webhook", "progressacr12345678/mypushhook2"),
    }
    assert user.run("finish", "--sandbox", name).status == 2


def test_what_a_later_run_finds_was_not_made_by_the_lab_that_was_killed(user):
    name = user.sandbox()
    killed_in(user, name, "tag-for-acr", labs=("lab-2",))  # it needs no Azure: the registry comes with the next lab
    assert user.run("run", "lab-1/login-with-azure-cli", "--sandbox", name, timeout=120).status == 0
    finished = user.run("finish", "--sandbox", name)
    assert finished.status == 0, finished
    removed, _, _ = finished.err.partition("As it was before:")
    assert "registry" not in removed
    assert [entry.name for entry in inventory(user, name) if entry.kind == "registry"] == ["progressacr12345678"]


def test_what_is_on_the_remote_host_goes_too_and_what_others_have_there_is_told(user):
    name = user.sandbox()
    assert user.run("run", "lab-5/pull-on-remote-host", "--sandbox", name, timeout=180).status == 0
    user.inside(name, "ssh user@remote-host docker volume create theirs")
    assert user.run("sandbox", "down", "--keep", "--sandbox", name).status == 0
    finished = user.run("finish", "--sandbox", name)
    assert finished.status == 0, finished
    removed, _, left = finished.err.partition("Left alone")
    assert "  container on the remote host: " in removed
    assert "  image on the remote host: progressacr12345678.azurecr.io/mywebapi:1.0.0\n" in removed
    assert "  volume on the remote host: theirs\n" in left
    there = [entry for entry in inventory(user, name) if entry.kind.startswith("remote-")]
    assert [(entry.kind, entry.name) for entry in there] == [("remote-volume", "theirs")]
