"""What every Checker promises: `WorkerChecker` (a process) and `DirectChecker` (a thread)."""

import ast
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from labrunner.checking.client import DirectChecker, WorkerChecker, WorkerContext
from labrunner.checking.worker import LEADING_TO_AZURE
from labrunner.model import Check, Outcome

KINDS = """
import os, signal, sys, time
from labrunner.checking.api import TargetError, check, failed, passed

@check("t.right")
def right(ask, *, text: str = "fine"):
    return passed(text)

@check("t.wrong")
def wrong(ask):
    return failed("It is wrong.")

@check("t.third")
def third(ask):
    asked = ask.once("count", list)
    asked.append(1)
    return passed(f"asked {len(asked)} times") if len(asked) >= 3 else failed(f"asked {len(asked)} times")

@check("t.bug")
def bug(ask):
    return 1 / 0

@check("t.gone")
def gone(ask):
    raise TargetError("The engine is gone", "start it")

@check("t.noisy")
def noisy(ask):
    print("noise on stdout")
    os.write(1, b"more noise\\n")
    ask.run(["bash", "-c", "echo noise"])
    return passed("It was noisy.")

@check("t.about")
def about(ask):
    return passed(f"{ask.engine_url} {ask.home} {ask.work}")

@check("t.program")
def program(ask, *, run: str):
    ran = ask.run(["bash", "-c", run])
    return passed(f"{ran.status} {ran.stdout.strip()} {ran.stderr.strip()}")

@check("t.slow-program")
def slow_program(ask):
    ask.run(["bash", "-c", "sleep 60"], timeout=0.2)

@check("t.hangs")
def hangs(ask):
    time.sleep(60)

@check("t.hangs-in-program")
def hangs_in_program(ask):
    ask.run(["bash", "-c", "echo $$ > program; sleep 60"], timeout=60)

@check("t.dies")
def dies(ask):
    os.kill(os.getpid(), signal.SIGKILL)

@check("t.who")
def who(ask):
    return passed(str(os.getpid()))

@check("t.environment")
def environment(ask):
    return passed(repr(dict(os.environ)))
"""
CHECKERS = ("worker", "direct")


class Made:
    """A checker over a folder of kinds, and what it started."""

    def __init__(self, folder: Path, kind: str, remedy: str = "", **more):
        (folder / "checks").mkdir()
        (folder / "checks" / "kinds.py").write_text(KINDS)
        (folder / "work").mkdir()
        context = WorkerContext(
            engine_url="unix:///nowhere/docker.sock",
            home=str(folder / "home"),
            work=str(folder / "work"),
            env={"PATH": "/usr/bin:/bin", "WORD": "given"},
            remedy=remedy,
        )
        self.folder = folder
        self.work = folder / "work"
        self.processes: list[subprocess.Popen[bytes]] = []
        folders = (str(folder / "checks"),)
        if kind == "worker":
            self.checker = WorkerChecker(self.start, folders, context, **more)
        else:
            self.checker = DirectChecker(folders, context, **more)

    def start(self):
        argv = [sys.executable, "-m", "labrunner.checking.worker"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.processes.append(subprocess.Popen(argv, **pipes))
        return self.processes[-1]

    def ask(self, *kinds: str, **args):
        more = {name: args.pop(name) for name in ("once", "on_wait") if name in args}
        within = args.pop("within", 5.0)
        return self.checker.ask([Check(kind=kind, args=args, within=within) for kind in kinds], **more)


@pytest.fixture(params=CHECKERS)
def made(request, tmp_path):
    made = Made(tmp_path, request.param, grace=5.0)
    with closing(made.checker):
        yield made
    assert all(process.poll() is not None for process in made.processes)


@pytest.fixture(params=CHECKERS)
def hasty(request, tmp_path):
    """One that gives a check up 1 s after its own time."""
    made = Made(tmp_path, request.param, grace=1.0)
    with closing(made.checker):
        yield made
    assert all(process.poll() is not None for process in made.processes)


def test_answers_come_in_order_and_name_their_checks(made):
    checks = [Check(kind="t.right", args={"text": f"\u00e4 {number}\n"}, at=f"x:{number}:1") for number in range(50)]
    results = made.checker.ask(checks)
    assert [result.message for result in results] == [f"\u00e4 {number}\n" for number in range(50)]
    assert all(result.check is check for result, check in zip(results, checks, strict=True))
    assert {result.outcome for result in results} == {Outcome.PASSED}


def test_nothing_is_started_before_the_first_question(tmp_path):
    made = Made(tmp_path, "worker")
    assert made.checker.ask([]) == []
    assert made.processes == []
    made.checker.close()


def test_a_check_is_asked_until_it_passes_and_the_waiting_is_told(made):
    told = []
    (result,) = made.ask("t.third", on_wait=lambda check, message: told.append((check.kind, message)))
    assert (result.outcome, result.asked) == (Outcome.PASSED, 3)
    assert told == [("t.third", "asked 1 times"), ("t.third", "asked 2 times")]
    assert result.seconds >= 0.05 + 0.08


def test_once_asks_one_question_and_waits_for_nothing(made):
    (result,) = made.ask("t.third", once=True, on_wait=lambda *_: pytest.fail("waited"))
    assert (result.outcome, result.asked) == (Outcome.FAILED, 1)


def test_a_wrong_state_is_failed_at_its_deadline(made):
    (result,) = made.ask("t.wrong", within=0.3)
    assert (result.outcome, result.message) == (Outcome.FAILED, "It is wrong.")
    assert 0.3 <= result.seconds < 2


def test_each_kind_of_trouble_is_an_error_and_the_others_are_still_asked(made):
    results = made.ask("t.bug", "t.gone", "t.slow-program", "no.such", "t.about", once=True)
    assert [result.outcome for result in results] == [Outcome.ERROR] * 4 + [Outcome.PASSED]
    assert [result.bug for result in results] == [True, False, False, True, False]
    assert results[0].message == "The check t.bug is broken: ZeroDivisionError: division by zero"
    assert "kinds.py" in results[0].evidence["traceback"]
    assert results[1].message == "The engine is gone. What to do: start it."
    assert "did not end within 0.2 seconds" in results[2].message


def test_what_checks_print_is_no_answer(made):
    assert [result.message for result in made.ask("t.noisy", "t.noisy")] == ["It was noisy."] * 2


def test_a_check_sees_the_target_and_its_programs_run_there(made):
    (about,) = made.ask("t.about")
    assert about.message == f"unix:///nowhere/docker.sock {made.work.parent / 'home'} {made.work}"
    (ran,) = made.ask("t.program", run='echo "$WORD $PWD $HOME"; echo err >&2; exit 7')
    assert ran.message == f"7 given {made.work} err"


def test_what_is_made_once_is_kept_from_ask_to_ask(made):
    assert [made.ask("t.third", once=True)[0].message for _ in range(3)][-1] == "asked 3 times"


def test_a_hanging_check_is_an_error_and_the_next_question_is_answered(hasty):
    begun = time.monotonic()
    hung, later = hasty.ask("t.hangs", "t.about", once=True)
    assert time.monotonic() - begun < 10
    assert (hung.outcome, hung.bug) == (Outcome.ERROR, False)
    assert "t.hangs: it did not answer within 1 seconds" in hung.message
    assert (later.outcome, later.asked) == (Outcome.ERROR, 0)
    assert "t.about was not asked" in later.message
    assert hasty.ask("t.about")[0].outcome is Outcome.PASSED


def test_closing_is_idempotent_and_a_closed_one_starts_again(made):
    assert made.ask("t.right", text="a")[0].outcome is Outcome.PASSED
    made.checker.close()
    made.checker.close()
    assert made.ask("t.right", text="b")[0].outcome is Outcome.PASSED


def test_an_interrupted_question_leaves_no_answer_behind(made):
    def interrupt(check, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made.ask("t.wrong", on_wait=interrupt)
    assert made.ask("t.right", text="mine")[0].message == "mine"


# What only a process can do


@pytest.fixture
def worker(tmp_path):
    made = Made(tmp_path, "worker", grace=3.0, remedy="labrunner sandbox up")
    with closing(made.checker):
        yield made


def test_a_worker_that_dies_is_an_error_and_a_new_one_answers(worker):
    (result,) = worker.ask("t.dies")
    assert result.outcome is Outcome.ERROR
    assert "t.dies: it ended by itself, with status -9" in result.message
    assert result.message.endswith("What to do: labrunner sandbox up.")
    assert worker.ask("t.about")[0].outcome is Outcome.PASSED
    assert len(worker.processes) == 2


def test_a_worker_that_died_between_two_questions_is_replaced(worker):
    worker.ask("t.about")
    worker.processes[0].kill()
    worker.processes[0].wait()
    assert worker.ask("t.about")[0].outcome is Outcome.PASSED


def test_one_process_answers_all(worker):
    assert len({worker.ask("t.who")[0].message for _ in range(3)}) == 1


def test_a_worker_that_was_begun_is_the_one_that_answers(worker):
    worker.checker.begin()
    worker.checker.begin()
    assert [worker.ask("t.who")[0].message for _ in range(2)] == [str(worker.processes[0].pid)] * 2
    assert len(worker.processes) == 1


def test_kinds_that_will_be_asked_are_loaded_before(worker):
    kinds = Path(worker.folder, "checks", "late.py")
    kinds.write_text(
        "from labrunner.checking.api import check, passed\n"
        f"open({str(worker.work / 'loaded')!r}, 'w').close()\n"
        '@check("t.late")\ndef late(ask):\n    return passed("late")\n'
    )
    worker.checker.begin({"t.late", "t.no-such-kind"})
    deadline = time.monotonic() + 20
    while not Path(worker.work, "loaded").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert worker.ask("t.late")[0].message == "late"


def test_a_worker_that_was_begun_and_died_is_replaced(worker):
    worker.checker.begin()
    worker.processes[0].kill()
    worker.processes[0].wait()
    assert worker.ask("t.who")[0].message == str(worker.processes[1].pid)


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["false"], "ended by itself, with status 1"),
        (["bash", "-c", "read line; echo hello"], "said what is no answer"),
        (["no-such-program"], "No such file"),
        (["sleep", "60"], "did not start within 0.5 seconds"),
    ],
)
def test_a_worker_that_cannot_start_is_an_error(tmp_path, argv, says, begun):
    started = []

    def start():
        started.append(subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
        return started[-1]

    checker = WorkerChecker(start, (), WorkerContext(engine_url="", home="/", work="/"), grace=0.5)
    with closing(checker):
        if begun:
            checker.begin()
        first, second = checker.ask([Check(kind="t.x"), Check(kind="t.y")])
    assert (first.outcome, second.outcome) == (Outcome.ERROR, Outcome.ERROR)
    assert says in first.message
    assert all(process.poll() is not None for process in started)


def test_the_worker_has_nothing_of_the_environment_but_the_way_to_azure(worker, monkeypatch):
    for name in LEADING_TO_AZURE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DOCKER_HOST", "tcp://decoy:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    found = ast.literal_eval(worker.ask("t.environment")[0].message)
    assert found == {"HOME": "/nonexistent", "HTTPS_PROXY": "http://127.0.0.1:3128"}


def test_closing_ends_a_hanging_worker_and_its_program(worker):
    worker.ask("t.about")  # a worker that runs already: its start is no part of the 3 s
    (result,) = worker.ask("t.hangs-in-program", once=True)
    assert result.outcome is Outcome.ERROR
    number = int((worker.work / "program").read_text())
    deadline = time.monotonic() + 5
    while Path(f"/proc/{number}").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not Path(f"/proc/{number}").exists()


def test_a_worker_whose_client_is_gone_ends(tmp_path):
    made = Made(tmp_path, "worker")
    made.ask("t.about")
    with closing(made.checker):
        made.processes[0].stdin.close()
        assert made.processes[0].wait(5) == 0
