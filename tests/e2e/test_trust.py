"""A course of somebody else runs nothing before the user has agreed to this very content."""

import pytest

from tests.e2e import courses
from tests.e2e.courses import LAB

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


@pytest.fixture
def foreign(finished, tmp_path):
    """A foreign course, and the shared sandbox without what it makes."""
    finished.inside("rm -f made-by-small")
    yield courses.write(tmp_path / "course")
    finished.inside("rm -f made-by-small")


def made(finished):
    return finished.inside("test ! -e made-by-small || echo made") == "made"


@pytest.mark.parametrize("command", ["run", "check", "prove"])
def test_unattended_it_is_refused_and_nothing_is_started(user, tmp_path, command):
    folder = courses.write(tmp_path / "course")
    ended = user.run(command, "--course", str(folder), "--sandbox", user.sandbox())
    assert ended.status == 2, ended
    assert "is not trusted" in ended.err
    assert "--trust" in ended.err
    assert not (user.home / "state").exists()


def test_with_trust_it_runs_and_other_content_asks_again(finished, foreign):
    refused = finished.run("run", "--course", str(foreign))
    assert (refused.status, made(finished)) == (2, False)
    ran = finished.run("run", "--course", str(foreign), "--trust")
    assert (ran.status, made(finished)) == (0, True), ran
    assert finished.run("run", "--course", str(foreign)).status == 0
    courses.write(foreign, LAB.replace("Make a file.", "Make a file!"))
    finished.inside("rm made-by-small")
    changed = finished.run("run", "--course", str(foreign))
    assert (changed.status, made(finished)) == (2, False), changed
    courses.write(foreign)
    assert finished.run("check", "--course", str(foreign)).status == 1


def test_at_a_terminal_the_learner_is_asked(finished, foreign, terminal):
    courses.write(foreign, LAB.replace("Make a file.", "Make one file."))
    for answer, status in (("\n", 2), ("no\n", 2), ("\x04", 2)):
        learner = terminal("run", "--restart", "--course", str(foreign))
        learner.expect("y yes   [Enter] no: ")
        assert "A Small Course" in learner.text
        learner.type(answer)
        assert learner.end() == status
        assert not made(finished)
    learner = terminal("run", "--restart", "--course", str(foreign))
    learner.expect("y yes   [Enter] no: ")
    learner.type("y\n")
    while learner.expect("q quit: ", "labrunner sandbox down") == "q quit: ":
        learner.type("\n")
    assert learner.end() == 0
    assert made(finished)
