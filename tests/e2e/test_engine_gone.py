"""The Docker Engine dies: that is an ERROR of the machine, never the learner's failure, and `sandbox up` mends it."""

import json

import pytest

from tests.e2e.commandline import until

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


@pytest.fixture
def mended(finished):
    """The shared sandbox; its engine runs again afterwards."""
    yield finished
    assert finished.run("sandbox", "up").status == 0


def kill_engine(finished):
    finished.inside("kill -9 $(cat /run/docker.pid)")
    until(lambda: "engine-down" in finished.run("sandbox", "status", "--json").out, "the engine is seen to be down")


def assert_machine_is_blamed(ended, name):
    assert ended.status == 4, ended
    assert "ERROR" in ended.err
    assert "FAILED" not in ended.said
    assert "0 failed" not in ended.said
    assert f"labrunner sandbox up --sandbox {name}" in " ".join(ended.err.split())
    assert "Traceback" not in ended.said


def outcomes(path):
    (lab,) = json.loads(path.read_text())["labs"]
    return [step["outcome"] for step in lab["steps"]]


def test_check_says_so_and_up_brings_it_back(mended, tmp_path):
    kill_engine(mended)
    report = tmp_path / "out.json"
    ended = mended.run("check", "lab-2", "--report", str(report))
    assert_machine_is_blamed(ended, mended.name)
    assert outcomes(report) == ["error", "not_run", "not_run"]
    assert all(check["outcome"] == "error" for check in json.loads(report.read_text())["labs"][0]["steps"][0]["checks"])
    up = mended.run("sandbox", "up")
    assert up.status == 0, up
    again = mended.run("check", "lab-2")
    assert again.status == 0, again


def test_a_run_starts_it_again_by_itself(mended):
    kill_engine(mended)
    ended = mended.run("run", "lab-2")
    assert ended.status == 0, ended


def test_in_the_middle_of_a_run(mended, tmp_path):
    report = tmp_path / "out.json"
    words = ("run", "lab-2", "--sandbox", mended.name, "--report", str(report))
    with mended.user.start(*words) as process:
        try:
            seen = []
            for line in process.stderr:
                seen.append(line)
                if "$ ACR_NAME=" in line:
                    break
            mended.inside("kill -9 $(cat /run/docker.pid)")
            rest, _ = process.stderr.read(), process.wait(60)
        finally:
            process.kill()
    said = "".join(seen) + rest
    assert process.returncode == 4, said
    assert "FAILED  lab-2/list" not in said
    found = outcomes(report)
    assert found[0] == "passed"
    assert found.count("error") == 1
    assert "failed" not in found
    assert "labrunner sandbox up" in " ".join(said.split())
    again = mended.run("run", "lab-2")
    assert again.status == 0, again


def test_a_guided_learner_is_told_that_it_is_not_their_mistake(mended, terminal):
    learner = terminal("run", "lab-2/tag-for-acr")
    while learner.expect("[Enter] read on", "[Enter] start", "[Enter] go on") == "[Enter] read on":
        learner.expect("q quit: ")
        learner.type("\n")
    learner.expect("q quit: ")
    learner.type("\n")
    while learner.expect("[Enter] read on", "ACR_NAME=") == "[Enter] read on":
        learner.expect("q quit: ")
        learner.type("\n")
    mended.inside("kill -9 $(cat /run/docker.pid)")
    while learner.expect("[Enter] run it", "[Enter] try again") == "[Enter] run it":
        learner.type("\n")
    learner.expect("q quit: ")
    assert "This is not your mistake" in learner.text
    assert any(line.startswith("ERROR") or " ERROR " in line for line in learner.lines)
    learner.type("q\n")
    assert learner.end() == 4
    assert learner.mode == learner.before
