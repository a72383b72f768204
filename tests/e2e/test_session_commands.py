"""status, hint, solve, skip, goto, reset and finish: what they do, and what they say to whoever asks amiss."""

import json

import pytest

from tests.e2e.classroom import LAB, PROMPT, go_to_the_second_command, read_on, steps
from tests.e2e.commandline import until

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


def folded(text):
    return " ".join(text.split())


def outcomes(room):
    return {step["id"]: step["outcome"] for lab in room.status()["labs"] for step in lab["steps"]}


def left_in_the_first_step(room):
    """Trust the course, and leave a guided run behind its first command."""
    room.release()
    with room.terminal("run", "--trust") as learner:
        go_to_the_second_command(learner)
        learner.type("q\n")
        assert learner.end() == 1


ALONE = ["hint", "solve", "skip", "reset", "goto lab-2/tag-for-acr", "hint lab-2/tag-for-acr", "finish"]


def test_nothing_is_under_way(user):
    name = user.sandbox()
    for words in ALONE:
        ended = user.run(*words.split(), "--sandbox", name)
        assert ended.status == 2, (words, ended)
        assert ended.out == ""
        assert f"--sandbox {name}`" in ended.err
        assert "Traceback" not in ended.err
    assert json.loads(user.run("status", "--json", "--sandbox", name).out) == {
        "sandbox": name,
        "state": "absent",
        "in_use_by": None,
        "labs": [],
        "next": None,
    }
    said = user.run("status", "--sandbox", name)
    assert (said.status, said.err) == (0, "")
    assert said.out.startswith("Nothing has been begun. `labrunner list` shows the labs")


WRONG = {
    "goto lab-1/us": "there is no step of lab-1 called 'us'. Did you mean 'use'?",
    "hint lab-9/use": "there is no lab called 'lab-9'",
    "skip lab-1/nothing": "there is no step of lab-1 called 'nothing'",
    "solve nonsense": "'nonsense' names no step",
    "reset lab-9": "there is no lab called 'lab-9'",
    "reset lab-1/use": "nothing of lab-1/use was begun",
    "finish lab-9": "there is no lab called 'lab-9'",
    "finish lab-1/set": "'lab-1/set' is a step",
    "finish lab-2": "lab-2 was not begun",
    "goto lab-2/more": "has the step lab-2/more",
    "hint lab-2/more": "has the step lab-2/more",
    "solve lab-2/more": "has the step lab-2/more",
    "skip lab-2/more": "has the step lab-2/more",
}


def test_wrong_words_are_told_and_change_nothing(classroom):
    (classroom.course / "more.yaml").write_text(
        "id: more\nname: lab-2\ntitle: More\nsteps:\n"
        "  - {id: more, title: More, text: x, commands: ['true'], checks: [file.exists: {path: in}]}\n"
    )
    course = classroom.course / "course.yaml"
    course.write_text(course.read_text().replace("[lab.yaml]", "[lab.yaml, more.yaml]"))
    classroom.release()
    with classroom.terminal("run", "lab-1", "--trust") as learner:
        go_to_the_second_command(learner)
        learner.type("q\n")
        learner.end()
    before = classroom.records()
    for words, said in WRONG.items():
        ended = classroom.run(*words.split())
        assert ended.status == 2, (words, ended)
        assert said in ended.err, (words, ended)
        assert "Traceback" not in ended.err
    assert classroom.records() == before
    assert outcomes(classroom) == {"set": "not_run", "use": "not_run"}


def test_a_course_that_changed_is_not_run_before_it_is_trusted(classroom):
    left_in_the_first_step(classroom)
    classroom.rewrite(LAB.replace("Look again.", "Look twice."))
    for words in ("solve", "reset", "finish", "run"):
        ended = classroom.run(words)
        assert ended.status == 2, (words, ended)
        assert "is not trusted" in ended.err
    for words in ("status", "hint", "goto lab-1/use", "skip lab-1/use"):
        assert classroom.run(*words.split()).status == 0, words
    assert classroom.run("solve", "--trust").status == 0


AGAIN = "Wait until it ends (`q` quits a run on a terminal), then give this command again."
BUSY = {
    "hint": "In a run on a terminal, `h` shows the next hint.",
    "skip": "In a run on a terminal, `s` leaves out the step it is at.",
    **dict.fromkeys(("solve", "goto", "reset", "finish", "check"), AGAIN),
    "run": "Wait until it ends, or use a sandbox of your own with `--sandbox NAME`.",
}


def test_while_a_run_holds_the_sandbox(classroom):
    with classroom.terminal("run", "--trust") as learner:
        go_to_the_second_command(learner)
        for words in ("hint", "solve", "skip", "goto lab-1/use", "reset", "finish", "check", "run"):
            ended = classroom.run(*words.split())
            assert ended.status == 4, (words, ended)
            assert f"is in use by `labrunner run` (pid {learner.process.pid}, since" in folded(ended.err)
            assert f"What to do: {BUSY[words.partition(' ')[0]]}" in folded(ended.err)
            assert (ended.out, ended.err.startswith("labrunner: ")) == ("", True), "the error comes first, and alone"
        said = classroom.run("status")
        assert f"in use by `labrunner run` (pid {learner.process.pid}" in said.err
        assert classroom.status()["in_use_by"].startswith("`labrunner run` (pid")
        learner.type("\n")  # and nothing of that has disturbed it
        read_on(learner, "[Enter] run it")
        learner.type("q\n")
        assert learner.end() == 1
    assert classroom.status()["in_use_by"] is None


def test_in_a_sandbox_that_is_stopped(classroom):
    left_in_the_first_step(classroom)
    assert classroom.user.run("sandbox", "down", "--keep", "--sandbox", classroom.name).status == 0
    assert classroom.status()["state"] == "stopped"
    assert f"`labrunner run {' '.join(classroom.options)}` brings it back" in classroom.run("status").err
    assert "Hint 1 of 2: Look." in classroom.run("hint").out
    assert classroom.run("skip", "lab-1/use").status == 0
    assert classroom.run("goto", "lab-1/set").status == 0
    assert classroom.status()["state"] == "stopped"
    assert classroom.run("solve").status == 0, "it starts the sandbox"
    assert classroom.status()["state"] == "running"
    assert outcomes(classroom) == {"set": "passed", "use": "skipped"}


def test_hints_come_one_by_one_also_between_runs(classroom, tmp_path):
    left_in_the_first_step(classroom)
    first = classroom.run("hint")
    assert (first.status, first.out) == (0, "Hint 1 of 2: Look.\n")
    with classroom.terminal("run") as learner:
        read_on(learner, "[Enter] run it")
        learner.type("h\n")
        learner.expect("Hint 2 of 2:")
        learner.expect(PROMPT)
        learner.type("q\n")
        learner.end()
    again = classroom.run("hint")
    assert (again.status, again.out) == (0, "Hint 1 of 2: Look.\nHint 2 of 2: Look again.\n")
    assert f"labrunner solve {' '.join(classroom.options)}` does the step" in again.err
    of_lab = classroom.run("hint", "lab-1")
    assert (of_lab.status, of_lab.out) == (0, again.out)
    assert of_lab.err.startswith("lab-1/set: Set Things\n")
    none = classroom.run("hint", "lab-1/use")
    assert (none.status, none.out) == (0, "")
    solve = f"`labrunner solve lab-1/use {' '.join(classroom.options)}`"
    assert none.err == f"lab-1/use has no hint. {solve} does the step for you.\n"
    report = tmp_path / "r.json"
    assert classroom.run("run", "--unattended", "--report", str(report)).status == 0
    assert (steps(report)["set"]["hints"], steps(report)["use"]["hints"]) == (2, 0)


def test_solve_goes_on_in_the_middle_of_a_step(classroom, tmp_path):
    left_in_the_first_step(classroom)
    solved = classroom.run("solve")
    assert solved.status == 0, solved
    assert classroom.ran() == ["K.1", "K.2", "K.3"]
    assert outcomes(classroom) == {"set": "passed", "use": "not_run"}
    assert f"labrunner sandbox down --sandbox {classroom.name}" in solved.err
    checked = classroom.run("check")
    assert checked.status == 1
    assert "nobody has begun here: lab-1/use." in checked.err
    passed = classroom.run("solve", "lab-1/set")
    assert passed.status == 2
    assert "lab-1/set has passed already" in passed.err
    report = tmp_path / "r.json"
    assert classroom.run("run", "--report", str(report)).status == 0
    assert classroom.ran() == [f"K.{number}" for number in range(1, 7)]
    assert "two words|it's|b c|v|x:y|0027|in|" in classroom.output("K.6")
    assert {name: step["solved"] for name, step in steps(report).items()} == {"set": True, "use": False}


def test_what_cannot_be_solved(classroom):
    classroom.rewrite(LAB.replace("mkdir -p in; cd in", "mkdir -p elsewhere"))
    left_in_the_first_step(classroom)
    ended = classroom.run("solve")
    assert ended.status == 1, ended
    assert "labrunner: lab-1/set could not be solved" in ended.err
    assert f"`labrunner reset lab-1/set {' '.join(classroom.options)}`" in ended.err
    assert classroom.status()["next"]["step"] == "set"
    classroom.user.inside(classroom.name, "rmdir elsewhere")


def test_skip_and_come_back(classroom):
    left_in_the_first_step(classroom)
    skipped = classroom.run("skip")
    assert skipped.status == 0
    assert f"`labrunner goto lab-1/set {' '.join(classroom.options)}` takes it up again" in skipped.err
    assert classroom.run("skip", "lab-1/set").status == 2
    assert classroom.run("skip").status == 0, "the next one"
    assert outcomes(classroom) == {"set": "skipped", "use": "skipped"}
    assert classroom.run("skip").status == 2
    (session,) = classroom.sessions
    assert list(session.glob("shell-*")) == [], "nothing is left to go on with"
    assert "Nothing is under way;" in classroom.run("status").out
    assert classroom.run("goto", "lab-1/set").status == 0
    assert classroom.status()["next"]["step"] == "set"
    ended = classroom.run("run")
    assert ended.status == 1, "a step is left out still"
    assert outcomes(classroom) == {"set": "passed", "use": "skipped"}
    assert classroom.ran() == ["K.1", "K.1", "K.2", "K.3"]


def test_goto_back_to_a_step_that_has_passed(classroom):
    classroom.release()
    assert classroom.run("run", "--trust").status == 0
    there = classroom.run("goto", "lab-1")
    assert there.status == 0
    assert "goes on with lab-1/set: Set Things." in there.err
    assert classroom.run("skip", "lab-1/use").status == 2
    ended = classroom.run("run")
    assert ended.status == 0, ended
    assert classroom.ran() == [*(f"K.{number}" for number in range(1, 7)), "K.1", "K.2", "K.3"]
    assert classroom.status()["next"] is None


def test_the_place_of_goto_stays_until_the_learner_moves_on(classroom):
    left_in_the_first_step(classroom)
    assert classroom.run("goto", "lab-1/use").status == 0
    with classroom.terminal("run") as learner:
        read_on(learner, "[Enter] go on")
        learner.type("\n")
        read_on(learner, "[Enter] run it")
        learner.type("\n")
        read_on(learner, "[Enter] run it")
        learner.close()  # the terminal's window
        until(lambda: learner.process.poll() is not None, "the run ends")
    assert classroom.status()["next"]["step"] == "use"
    assert "goes on with lab-1/use." in classroom.run("status").out
    with classroom.terminal("run") as learner:
        read_on(learner, "[Enter] run it")
        learner.type("q\n")
        assert learner.end() == 1
    assert classroom.ran() == ["K.1", "K.4"]
    assert classroom.run("run").status == 1, "set was left in the middle"
    assert outcomes(classroom) == {"set": "not_run", "use": "passed"}
    assert classroom.ran() == ["K.1", "K.4", "K.5", "K.6"]
    assert classroom.status()["next"]["step"] == "set"
    assert classroom.run("run").status == 0


def test_run_goes_where_goto_says_also_when_a_newer_run_is_under_way(classroom):
    left_in_the_first_step(classroom)
    with classroom.terminal("run", "lab-1/use") as learner:
        read_on(learner, "[Enter] go on")
        learner.type("q\n")
        learner.end()
    assert classroom.status()["next"]["step"] == "use"
    assert classroom.run("goto", "lab-1/set").status == 0
    assert classroom.status()["next"]["step"] == "set"


def test_a_sandbox_of_another_state_folder_is_told_as_such(classroom, tmp_path):
    other = {"XDG_STATE_HOME": str(tmp_path)}
    said = classroom.user.run("status", "--sandbox", classroom.name, env=other)
    assert (said.status, said.out) == (0, "Nothing has been begun.\n")
    assert f"Another sandbox named '{classroom.name}' is running, with its data in {classroom.kept}." in said.err
    assert "Use another name with `--sandbox NAME`." in said.err
    assert "brings it back" not in said.err
    said = classroom.user.run("status", "--sandbox", f"{classroom.name[:16]}-not", env=other)
    assert (said.status, said.err) == (0, "")


def test_reset_a_step_and_a_lab(classroom):
    classroom.release()
    assert classroom.run("run", "--trust").status == 0
    done = classroom.run("reset", "lab-1/use")
    assert done.status == 0, done
    assert f"Undone, and to be done again: lab-1/use. `labrunner run {' '.join(classroom.options)}`" in done.err
    assert "goes on with lab-1/use." in done.err
    assert not (classroom.work / "five").exists()
    assert (classroom.work / "in").exists()
    assert outcomes(classroom) == {"set": "passed", "use": "not_run"}
    assert classroom.run("run").status == 0
    assert classroom.ran()[6:] == ["K.4", "K.5", "K.6"]
    done = classroom.run("reset", "lab-1")
    assert "again: lab-1/set, lab-1/use." in done.err
    assert not (classroom.work / "in").exists()
    assert classroom.run("run").status == 0
    assert classroom.ran()[9:] == [f"K.{number}" for number in range(1, 7)]
    assert "two words|it's|b c|v|x:y|0027|in|" in classroom.output("K.6")


def test_reset_says_what_it_could_not_undo(classroom):
    classroom.rewrite(LAB.replace("rm -f log five begun", "rm -f log five begun; echo it is stuck >&2; false"))
    classroom.release()
    assert classroom.run("run", "--trust").status == 0
    ended = classroom.run("reset", "lab-1/use")
    assert ended.status == 4
    assert "not everything could be undone: lab-1/use: it is stuck" in ended.err
    assert f"`labrunner sandbox reset --sandbox {classroom.name}`" in ended.err


def test_reset_of_a_step_leaves_older_runs_that_are_done_alone(classroom):
    classroom.release()
    assert classroom.run("run", "--trust").status == 0
    assert classroom.run("run").status == 0
    assert classroom.run("reset", "lab-1/use").status == 0
    assert classroom.run("run").status == 0
    assert classroom.status()["next"] is None


def test_finish(classroom):
    user, name = classroom.user, classroom.name
    user.inside(name, "mkdir -p mine; echo x > mine/log; echo x > log2; docker volume create mine-log")
    try:
        classroom.killed_in()
        (session,) = classroom.sessions
        user.inside(name, "docker volume create made-by-the-lab; touch five log.bak")
        ended = classroom.run("finish", "lab-1")
        assert ended.status == 0, ended
        removed, _, left = ended.err.partition("Left alone")
        assert "Removed:\n  volume: made-by-the-lab\n" in removed
        assert "  volume: mine-log\n" in left
        assert left.endswith(f"`labrunner run lab-1 {' '.join(classroom.options)}` begins anew.\n")
        assert user.inside(name, "ls").split() == ["log2", "mine"]
        assert user.inside(name, "docker volume ls -q").split() == ["mine-log"]
        assert [path.name for path in session.iterdir()] == ["transcript.jsonl"]
        assert classroom.sessions == []
        assert "Nothing has been begun" in classroom.run("status").out
        assert classroom.run("finish").status == 2
    finally:
        user.inside(name, "rm -rf mine log2; docker volume rm mine-log")


def test_finish_knows_what_was_made_without_the_transcript(classroom):
    classroom.killed_in()
    (session,) = classroom.sessions
    (session / "transcript.jsonl").unlink()
    assert classroom.status()["labs"] == []
    ended = classroom.run("finish")
    assert ended.status == 0, ended
    assert " log" in next(line for line in ended.err.splitlines() if line.startswith("  files: "))
    assert not (classroom.work / "log").exists()
    assert classroom.run("finish").status == 2


def assert_all_is_forgotten(room, session):
    assert list(session.glob("shell-*")) == []
    assert (session / "transcript.jsonl").exists()
    assert list(room.kept.glob("progress-*")) == []
    assert list(room.kept.glob("ledger-*")) == []
    assert room.status()["labs"] == []
    assert room.run("finish").status == 2


def test_sandbox_reset_forgets_what_was_done_and_made(classroom):
    classroom.killed_in()
    (session,) = classroom.sessions
    assert list(session.glob("shell-*"))
    ended = classroom.user.run("sandbox", "reset", *classroom.options)
    assert ended.status == 0, ended
    assert "The labs that were begun there begin anew" in ended.err
    assert_all_is_forgotten(classroom, session)


def test_sandbox_down_forgets_it_too_and_down_keep_does_not(classroom):
    user, name = classroom.user, classroom.name
    classroom.killed_in()
    (session,) = classroom.sessions
    user.inside(name, "docker volume create kept-volume")
    kept = user.run("sandbox", "down", "--keep", "--sandbox", name)
    assert "begin anew" not in kept.err
    assert list(session.glob("shell-*"))
    classroom.release()
    ended = classroom.run("run")
    assert ended.status == 0, ended
    assert "two words|it's|b c|v|x:y|0027|in|done|" in classroom.output("K.6")
    assert user.inside(name, "docker volume ls -q") == "kept-volume"
    classroom.user.inside(name, "rm -f go begun five")
    with classroom.start("run") as process:
        until((classroom.work / "begun").exists, "the command runs")
        process.kill()
        process.communicate()
    session = classroom.sessions[-1]
    assert list(session.glob("shell-*"))
    gone = user.run("sandbox", "down", "--sandbox", name)
    assert gone.status == 0
    assert "The labs that were begun there begin anew with the next run." in gone.err
    assert_all_is_forgotten(classroom, session)
