"""Several at once: two sandboxes beside each other, two runs on one, no sandbox at all."""

import pytest

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


def test_two_sandboxes_run_the_lab_at_the_same_time(user):
    names = [user.sandbox(), user.sandbox()]
    processes = [user.start("run", "lab-2", "--sandbox", name) for name in names]
    try:
        said = [process.communicate(timeout=180) for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()
    for process, (out, err) in zip(processes, said, strict=True):
        assert process.returncode == 0, out + err
        assert "3 passed" in err
    ids = [user.inside(name, "docker info --format '{{.ID}}'") for name in names]
    assert ids[0] != ids[1]


def test_a_second_run_on_one_sandbox_is_told_who_holds_it(finished, terminal):
    learner = terminal("run", "lab-2", "--restart")
    learner.expect("q quit: ")
    wait = "Wait until it ends"
    for words, advice in (
        (("run", "lab-2"), "--sandbox NAME"),
        (("check", "lab-2"), wait),
        (("sandbox", "reset"), wait),
        (("sandbox", "down"), "--force"),
    ):
        second = finished.run(*words)
        assert second.status == 4, (words, second)
        assert f"`labrunner run lab-2` (pid {learner.process.pid}, " in second.err
        assert advice in second.err, words
    learner.type("q\n")
    learner.end()
    assert finished.run("check", "lab-2").status == 0


def test_a_shell_beside_a_run_says_where_one_is(finished, terminal):
    learner = terminal("run", "lab-2", "--restart")
    learner.expect("q quit: ")
    beside = terminal("sandbox", "shell")
    beside.expect("You are in the sandbox; `exit` leaves it.")
    beside.type("docker images -q mywebapi:1.0 | wc -l; exit 3\n")
    beside.expect("\r1\r\n")
    assert beside.end() == 3
    learner.type("q\n")
    learner.end()


@pytest.mark.parametrize("words", [("check", "lab-2"), ("sandbox", "shell"), ("sandbox", "reset")])
def test_without_a_sandbox_it_is_said_what_to_do(user, words):
    name = user.sandbox()
    ended = user.run(*words, "--sandbox", name)
    assert ended.status == 4, ended
    assert f"labrunner sandbox up --sandbox {name}" in ended.err
    assert "FAILED" not in ended.said


def test_down_is_harmless_when_there_is_nothing(user):
    ended = user.run("sandbox", "down", "--sandbox", user.sandbox())
    assert ended.status == 0
    assert "nothing to do" in ended.err
