"""A learner at a terminal: the whole lab, every answer, Ctrl-C and Ctrl-D."""

import json

import pytest

from tests.e2e import courses
from tests.e2e.commandline import STEPS, until
from tests.e2e.courses import LAB

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

PROMPT = "q quit: "
END = "labrunner sandbox down"
SLOW = LAB.replace("touch made-by-small", "\"bash -c 'echo begun; exec sleep 77'\"", 1).replace(
    "    checks:", "      - run: touch made-by-small\n    checks:"
)


def outputs(user):
    """The lines that the commands of the latest session have printed, and the commands themselves."""
    newest = max((user.home / "state/labrunner/sessions").iterdir(), key=lambda path: path.name)
    lines = set()
    for record in map(json.loads, (newest / "transcript.jsonl").read_text().splitlines()):
        if record["event"] == "command-ended":
            lines |= {line.strip() for line in record["output"].splitlines()}
            lines |= {line.strip().removeprefix("$ ") for line in record["run"].splitlines()}
    return lines


def too_wide(learner, user):
    """Lines of ours that do not fit; what a command prints, and its text, is not folded."""
    verbatim = outputs(user)
    return [
        line
        for line in learner.lines
        if len(line) > learner.columns and line.strip().removeprefix("$ ").strip() not in verbatim
    ]


def by_enter(learner):
    """Press Enter at every question; how many there were."""
    asked = 0
    while learner.expect(PROMPT, END) == PROMPT:
        asked += 1
        assert asked < 200
        learner.type("\n")
    return asked


def read_on(learner, question):
    """Press Enter at every page until the question comes."""
    while learner.expect(question, "[Enter] read on") != question:
        learner.expect(PROMPT)
        learner.type("\n")
    learner.expect(PROMPT)


@pytest.mark.parametrize("columns", [80, 60])
def test_the_whole_lab_by_pressing_enter(finished, terminal, columns):
    learner = terminal("run", "lab-2", columns=columns)
    asked = by_enter(learner)
    assert learner.end() == 0, learner.text
    assert asked > 23
    shown = " ".join(" ".join(learner.lines).split())
    for title in ("List Local Images", "Tag Image for ACR", "Tagging Best Practices"):
        assert title in shown
    assert "3 of 3 steps of this lab are done" in shown
    assert learner.mode == learner.before
    assert too_wide(learner, finished.user) == []


def test_hints_skip_and_quit(finished, terminal):
    learner = terminal("run", "lab-2", "--restart")
    read_on(learner, "[Enter] start")
    learner.type("\n")
    read_on(learner, "[Enter] run it")
    learner.type("h\n")
    learner.expect("Hint 1 of ")
    learner.expect(PROMPT)
    learner.type("what?\n")
    learner.expect("is none of the choices")
    learner.expect(PROMPT)
    learner.type("s\n")
    learner.expect("You can come back to it")
    learner.expect("step 2 of 3")
    learner.expect(PROMPT)
    learner.type("\n")
    read_on(learner, "[Enter] run it")
    learner.type("q\n")
    learner.expect("labrunner run --sandbox")
    assert learner.end() == 1
    assert learner.mode == learner.before
    assert too_wide(learner, finished.user) == []


def tried(user):
    """The latest session's commands of the learner's own: (run, exit status, how it ended, output)."""
    newest = max((user.home / "state/labrunner/sessions").iterdir(), key=lambda path: path.name)
    return [
        (record["run"], record["exit_status"], record["end"], record["output"].strip())
        for record in map(json.loads, (newest / "transcript.jsonl").read_text().splitlines())
        if record["event"] == "own-command-ended"
    ]


DRAWS = "printf '\\033[?1049h'; stty size; printf '\\033[?1049l'"


def test_commands_of_the_learners_own(finished, terminal, tmp_path):
    report = tmp_path / "report.json"
    learner = terminal("run", "lab-2", "--restart", "--report", str(report))
    read_on(learner, "[Enter] start")
    learner.type('! MINE="a b"; echo "my $ACR_NAME"\n')
    learner.expect("  my progressacr")
    read_on(learner, "[Enter] start")
    learner.type("\n")
    read_on(learner, "[Enter] run it")
    learner.type("!\n")
    learner.expect("  $ ")
    learner.type("echo begun; sleep 88\n")
    learner.expect("begun\r\n")
    learner.type("\x03")
    learner.expect("It was stopped from the keyboard")
    learner.expect("Back to command 1 of 2")
    read_on(learner, "[Enter] run it")
    learner.type(f"! {DRAWS}\n")
    learner.expect("\x1b[?1049h24 80\r\n")
    learner.expect("\x1b[?1049l")
    read_on(learner, "[Enter] run it")
    learner.type("docker ps\n")
    learner.expect("CONTAINER ID")
    read_on(learner, "[Enter] run it")
    learner.type("podman ps\n")
    learner.expect("as in: ! podman ps")
    learner.expect(PROMPT)
    learner.type("q\n")
    learner.expect("labrunner run --sandbox")
    assert learner.end() == 1
    assert learner.mode == learner.before
    assert tried(finished.user)[:2] == [
        ('MINE="a b"; echo "my $ACR_NAME"', 0, "exited", "my progressacr12345678"),
        ("echo begun; sleep 88", 130, "interrupted", "begun\n^C"),
    ]
    first, *_ = json.loads(report.read_text())["labs"][0]["steps"]
    assert (first["outcome"], first["attempts"], first["commands"]) == ("not_run", 1, [])
    again = terminal("run", "lab-2")
    read_on(again, "[Enter] start")
    again.type('! echo "still $MINE"; exit 3\n')
    again.expect("  still a b\r\n")
    again.expect("a new one was started")
    again.expect(PROMPT)
    again.type("q\n")
    assert again.end() == 1
    assert again.mode == again.before


@pytest.mark.parametrize("key", ["\x04", "\x03"])
def test_ctrl_d_and_ctrl_c_at_a_question_quit(terminal, key):
    learner = terminal("run", "lab-2", "--restart")
    learner.expect(PROMPT)
    learner.type(key)
    learner.expect("You stop here")
    assert learner.end() == 1
    assert learner.mode == learner.before
    assert "Traceback" not in learner.text


SLEEPING = """\
for file in /proc/[0-9]*/cmdline; do
  [ "$(tr '\\0' ' ' 2>/dev/null <$file)" != "sleep 77 " ] || echo $file
done
"""
"""Says which processes are the course's `sleep 77`; a small machine has no pgrep."""


def test_ctrl_c_in_a_running_command_ends_the_command_alone(finished, terminal, tmp_path):
    folder = courses.write(tmp_path / "course", SLOW)
    learner = terminal("run", "--course", str(folder), "--trust")
    try:
        read_on(learner, "[Enter] start")
        learner.type("\n")
        read_on(learner, "[Enter] run it")
        learner.type("\n")
        learner.expect("begun\r\n")
        until(lambda: finished.inside(SLEEPING), "the command runs")
        learner.type("\x03")
        learner.expect("You stopped it before it was done.")
        assert learner.expect("[Enter] try again", "[Enter] run it") == "[Enter] try again"
        learner.expect(PROMPT)
        assert finished.inside(SLEEPING) == ""
        learner.type("s\n")
        learner.expect(END)
        assert learner.end() == 1
        assert learner.mode == learner.before
    finally:
        finished.inside("rm -f made-by-small")


def test_ctrl_c_in_an_unattended_run_ends_it(finished, tmp_path):
    import signal

    folder = courses.write(tmp_path / "course", SLOW)
    words = (
        "run",
        "--course",
        str(folder),
        "--trust",
        "--sandbox",
        finished.name,
        "--report",
        str(tmp_path / "r.json"),
    )
    with finished.user.start(*words) as process:
        try:
            until(lambda: finished.inside(SLEEPING), "the command runs")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 130, out + err
    assert "Traceback" not in err
    assert finished.inside(SLEEPING) == ""
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["totals"]["not_run"] == 1
    assert finished.run("check", "lab-2").status == 0


def test_a_terminal_that_is_closed_leaves_the_sandbox_free(finished, terminal):
    import os
    import signal

    learner = terminal("run", "lab-2", "--restart")
    learner.expect(PROMPT)
    os.killpg(learner.process.pid, signal.SIGHUP)
    learner.process.wait(20)
    assert finished.run("check", "lab-2").status == 0


def test_accessible_is_plain_text(terminal):
    learner = terminal("run", "lab-2/list-local-images", "--accessible")
    by_enter(learner)
    assert learner.end() == 0
    assert "\x1b" not in learner.text
    assert not any(mark in learner.text for mark in "─│╭▌")
    assert STEPS[0] in learner.text or "List Local Images" in learner.text
