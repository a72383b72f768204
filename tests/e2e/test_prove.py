"""`labrunner prove`: Lab 2 is proven; a check that proves nothing is named with its place."""

import re
import shutil
import signal

import pytest

from tests.e2e.commandline import COURSE, STEPS

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

ANCHOR = '    checks:\n      - docker.same-image: {images: ["mywebapi:latest", "@{ACR_LOGIN_SERVER}/mywebapi:1.0.0"]}\n'
ALWAYS_TRUE = '      - command.result: {run: "true"}\n'
AS_THE_SETUP = '      - docker.image: {image: "mywebapi:latest"}\n'


def test_every_step_is_proven(user):
    name = user.sandbox()
    ended = user.run("prove", "lab-2", "--sandbox", name, timeout=300)
    assert ended.status == 0, ended
    assert "3 of 3 steps are proven." in ended.out
    assert "NOT PROVEN" not in ended.out
    for step in STEPS:
        assert f"lab-2/{step}" in ended.out
    # per check, what made it fail
    assert ended.out.count("fails before     docker.same-image: ") == 5
    assert "fails before     docker.tag-from: " in ended.out
    assert "fails before     docker.tag-like: " in ended.out
    assert "fails when wrong docker.same-image: Docker has no tag `1.0` of `mywebapi`" in ended.out
    assert ended.out.count("fails when wrong `docker images") == 2
    # it made a sandbox of its own, and it is gone
    assert "not there" in user.run("sandbox", "status", "--sandbox", name).out


def test_a_planted_check_is_named(user, tmp_path):
    copy = tmp_path / "course"
    shutil.copytree(COURSE, copy)
    text = (copy / "lab-2.yaml").read_text()
    assert text.count(ANCHOR) == 1
    text = text.replace(ANCHOR, "    checks:\n" + ALWAYS_TRUE + AS_THE_SETUP + ANCHOR.partition("\n")[2] + "\n")
    (copy / "lab-2.yaml").write_text(text)
    lines = text.splitlines(keepends=True)
    ended = user.run(
        *("prove", "lab-2/tag-for-acr", "--course", str(copy), "--trust", "--sandbox", user.sandbox()), timeout=300
    )
    assert ended.status == 1, ended
    for kind, line in (("command.result", ALWAYS_TRUE), ("docker.image", AS_THE_SETUP)):
        place = rf"lab-2\.yaml:{lines.index(line) + 1}:\d+: {re.escape(kind)}: passes before the step already"
        assert re.search(place, ended.out), ended.out
    assert ended.out.count("NOT PROVEN") == 2
    assert "0 of 1 steps are proven." in ended.out


def test_an_interrupted_proof_leaves_no_sandbox(user):
    name = user.sandbox()
    with user.start("prove", "lab-2", "--sandbox", name) as process:
        try:
            for line in process.stdout:
                if "fails before" in line:
                    break
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert "not there" in user.run("sandbox", "status", "--sandbox", name).out


def test_somebody_elses_sandbox_is_not_emptied(finished):
    ended = finished.run("prove", "lab-2")
    assert ended.status == 2
    assert f"there is a sandbox '{finished.name}' already" in ended.err
    assert finished.run("check", "lab-2").status == 0
