"""A learner who is cut off goes on: after quit, Ctrl-C, a closed terminal, kill -9 and a restart of the machine."""

import contextlib
import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.classroom import LAB, PROMPT, Classroom, go_to_the_second_command, read_on, steps
from tests.e2e.commandline import Terminal, until

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

SEEN = ("two words|it's|b c|v|x:y|0027|in|done|", "hello you", "nullglob", "noclobber", "it's-\n")


def assert_all_is_back(room: Classroom) -> None:
    seen = room.output("K.6")
    for text in SEEN:
        assert text in seen
    assert "s3cret-5055" not in json.dumps(room.records())


@pytest.mark.parametrize("words", [["run"], ["run", "--all"], ["run", "lab-1", "--restart"], ["run", "lab-1/use"]])
def test_killed_in_a_command_and_gone_on_with_or_not(classroom, tmp_path, words):
    classroom.killed_in()
    (session,) = classroom.sessions
    (snapshot,) = session.glob("shell-*")
    assert snapshot.stat().st_mode & 0o777 == 0o600
    assert session.stat().st_mode & 0o777 == 0o700
    assert b"s3cret-5055" in snapshot.read_bytes()
    assert classroom.status()["next"]["step"] == "use"
    said = classroom.run("status").out
    assert f"labrunner run --sandbox {classroom.name} --course {classroom.course}` goes on with lab-1/use." in said
    assert "interrupted there: echo five >> ~/../work/log; touch" in said
    classroom.release()
    report = tmp_path / "r.json"
    ended = classroom.run(*words, "--report", str(report))
    if words[-1] in ("--restart", "lab-1/use"):
        assert len(classroom.sessions) == 2
        assert "Going on with a run" not in ended.err
        begun_anew = words[-1] == "--restart"
        assert snapshot.exists() != begun_anew, "the other session may still be gone on with, if it was not begun anew"
        assert (classroom.status()["next"] is None) == begun_anew
        return
    assert ended.status == 0, ended
    assert "Going on with a run that was left: 1 of 2 steps passed" in " ".join(ended.err.split())
    assert classroom.ran() == ["K.1", "K.2", "K.3", "K.4", "K.5", "K.5", "K.6"]
    assert (classroom.work / "log").read_text().split() == ["four", "five", "five", "six"]
    assert_all_is_back(classroom)
    found = steps(report)
    assert [(found[name]["outcome"], found[name]["attempts"]) for name in ("set", "use")] == [("passed", 1)] * 2
    assert len(found["use"]["commands"]) == 3
    assert list(session.glob("shell-*")) == []
    assert classroom.status()["next"] is None


def test_what_an_interrupted_command_has_done_is_not_done_again(classroom):
    classroom.killed_in()
    classroom.user.inside(classroom.name, "touch five")
    ended = classroom.run("run")
    assert ended.status == 0, ended
    assert classroom.ran() == ["K.1", "K.2", "K.3", "K.4", "K.5", "K.6"]
    assert (classroom.work / "log").read_text().split() == ["four", "five", "six"]
    assert_all_is_back(classroom)


def _interrupt(process):
    """As people do: bash may lose one Ctrl-C between two commands of a text, so press again."""
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=3)
            return


def test_ctrl_c_unattended_and_on(classroom):
    with classroom.start("run") as process:
        try:
            until((classroom.work / "begun").exists, "the command runs")
            _interrupt(process)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "interrupted there" in classroom.run("status").out
    classroom.release()
    ended = classroom.run("run", "lab-1")
    assert ended.status == 0, ended
    assert classroom.ran() == ["K.1", "K.2", "K.3", "K.4", "K.5", "K.5", "K.6"]
    assert_all_is_back(classroom)


def leave(learner: Terminal, way: str) -> None:
    if way == "quit":
        learner.type("q\n")
        assert learner.end() == 1
        assert learner.mode == learner.before
    elif way == "killed":
        learner.process.kill()
    else:
        learner.close()
    learner.process.wait(20)


@pytest.mark.parametrize("way", ["quit", "killed", "closed"])
def test_left_between_two_commands(classroom, way):
    classroom.release()
    with classroom.start("run", "--unattended") as process:  # agrees to the course, and is another session
        process.communicate(timeout=60)
    classroom.user.inside(classroom.name, "rm -rf in log five begun")
    with classroom.terminal("run", "--restart") as learner:
        go_to_the_second_command(learner)
        leave(learner, way)
    with classroom.terminal("run") as learner:
        assert read_on(learner, "[Enter] run it", "[Enter] run it again") == "[Enter] run it"
        assert "You go on: 0 of 2 steps done." in learner.text
        assert "Your shell is as you left it" in learner.text
        assert "1 command of it done" in learner.text
        while True:
            learner.type("\n")
            if learner.expect(PROMPT, "sandbox down") == "sandbox down":
                break
        assert learner.end() == 0
    session = classroom.sessions[-1]
    records = [json.loads(line) for line in (session / "transcript.jsonl").read_text().splitlines()]
    assert [r["ref"] for r in records if r["event"] == "command-started"] == [f"K.{n}" for n in range(1, 7)]
    assert len(classroom.sessions) == 2


def test_a_terminal_that_is_closed_under_a_running_command(classroom):
    with classroom.terminal("run", "--trust") as learner:
        for _ in range(6):
            read_on(learner, "[Enter] start", "[Enter] run it", "[Enter] go on")
            learner.type("\n")
        read_on(learner, "[Enter] go on", "[Enter] run it")
        learner.type("\n")
        until((classroom.work / "begun").exists, "the command runs")
        leave(learner, "closed")
    assert "interrupted there: echo five" in classroom.run("status").out
    classroom.release()
    assert classroom.run("run").status == 0
    assert classroom.ran() == ["K.1", "K.2", "K.3", "K.4", "K.5", "K.5", "K.6"]
    assert_all_is_back(classroom)


ANSWERS = {
    "\n": (["K.5", "K.5", "K.6"], "passed"),
    "d\n": (["K.5"], "failed"),  # what it should have made is not there
    "b\n": (["K.5", "K.4", "K.5", "K.6"], "passed"),
    "s\n": (["K.5"], "skipped"),
    "q\n": (["K.5"], "not_run"),
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_every_answer_about_an_interrupted_command(classroom, tmp_path, answer):
    classroom.killed_in()
    classroom.release()
    ran, outcome = ANSWERS[answer]
    with classroom.terminal("run", "--report", str(tmp_path / "r.json")) as learner:
        read_on(learner, "[Enter] run it again")
        assert "This command was running when everything ended." in learner.text
        assert "Your shell is as you left it" in learner.text
        assert all(len(line) <= 80 for line in learner.lines)
        learner.type(answer)
        while learner.expect(PROMPT, "sandbox down") == PROMPT:
            learner.type("q\n" if "try again" in learner.text else "\n")
        learner.end()
        assert learner.mode == learner.before
    assert classroom.ran()[4:] == ran
    assert steps(tmp_path / "r.json")["use"]["outcome"] == outcome


CHANGES = {
    "a command before the interrupted one": ("PART=done", "PART=edited", ["K.4", "K.5", "K.6"]),
    "the interrupted command": ("work/five", "work/five ~/../work/more", ["K.4", "K.5", "K.6"]),
    "a step that has passed": ("LIST=(a 'b c')", "LIST=(a b)", ["K.5", "K.6"]),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_step_whose_done_commands_have_changed_begins_again(classroom, what):
    classroom.killed_in()
    classroom.release()
    old, new, ran = CHANGES[what]
    assert old in LAB
    classroom.rewrite(LAB.replace(old, new))
    ended = classroom.run("run", "--trust")
    assert ended.status == 0, ended
    assert classroom.ran()[5:] == ran
    assert "set" not in [r["step"] for r in classroom.records()[-8:] if r["event"] == "command-started"]


def test_a_step_that_is_gone_and_one_that_is_new(classroom, tmp_path):
    classroom.killed_in()
    before, after = LAB[: LAB.index("  - id: use")], LAB[LAB.index("  - id: use") :]
    new = "  - {id: more, title: More, text: x, commands: [touch ../more], checks: [file.exists: {path: more}]}\n"
    classroom.rewrite(before + new + after.replace("id: use", "id: use-it"))
    classroom.release()
    report = tmp_path / "r.json"
    ended = classroom.run("run", "--trust", "--report", str(report))
    assert ended.status == 0, ended
    assert {name: step["outcome"] for name, step in steps(report).items()} == dict.fromkeys(
        ("set", "more", "use-it"), "passed"
    )
    assert classroom.ran()[:4] == ["K.1", "K.2", "K.3", "K.4"]
    assert classroom.ran()[-3:] == ["K.4", "K.5", "K.6"]


def spoil(room: Classroom, what: str) -> Path:
    (session,) = room.sessions
    path = {
        "progress": room.kept / f"progress-{room.id}.json",
        "ledger": room.kept / f"ledger-{room.id}.json",
        "transcript": session / "transcript.jsonl",
        "snapshot": session / "shell-local.bash",
    }[what]
    lines = path.read_bytes()
    path.write_bytes(lines[: len(lines) // 2] + b"\xff\0{\n" + lines[len(lines) // 2 :])
    return path


@pytest.mark.parametrize(
    ("what", "restart"),
    [("progress", False), ("progress", True), ("ledger", False), ("transcript", False), ("snapshot", False)],
)
def test_a_damaged_file_is_kept_aside_and_the_run_goes_on(classroom, what, restart):
    classroom.killed_in()
    path = spoil(classroom, what)
    spoilt = path.read_bytes()
    classroom.release()
    ended = classroom.run("run", *(["--restart"] if restart else []))
    assert ended.status == 0, ended
    aside = path.with_name(f"{path.name}.unreadable-1")
    assert str(aside) in ended.err
    if what == "snapshot":  # it holds secrets
        assert list(path.parent.glob("shell-*")) == []
    else:
        assert aside.read_bytes() == spoilt
    assert "Traceback" not in ended.err
    assert ("Going on with a run" in ended.err) == (what in ("ledger", "snapshot"))
    if what == "snapshot":
        assert "Your shell is a new one" in ended.err
