"""On a terminal, labs that are done are not begun anew unasked."""

import io
from argparse import Namespace
from pathlib import Path

import pytest

from labrunner.cli import sessions
from labrunner.cli.again import settled
from labrunner.model import Course, Lab, Outcome, Step
from labrunner.places import sessions_dir
from labrunner.record import events
from labrunner.record.transcript import Transcript, utc_clock
from labrunner.ui.questions import Questions
from tests.happened import session_started

STEPS = (Step(id="a", title="A", text="A"), Step(id="b", title="B", text="B"))
COURSE = Course(
    id="c",
    title="C",
    labs=tuple(Lab(id=f"id-{number}", name=f"lab-{number}", title=f"L{number}", steps=STEPS) for number in (1, 2, 3)),
)


class Learner:
    """A sandbox's past, and what is asked."""

    def __init__(self, home: Path) -> None:
        self.env = {"XDG_STATE_HOME": str(home), "HOME": str(home)}
        self.said = ""
        self.args = Namespace(labs=[], all=False, restart=False, sandbox="default", course=None)

    def did(self, session: str, selectors: tuple[str, ...], *passed: tuple[str, str]) -> None:
        """A guided session of these labs, in which these steps passed."""
        transcript = Transcript(f"{sessions_dir(self.env)}/{session}/transcript.jsonl", now=utc_clock())
        labs = [lab for lab in COURSE.labs if not selectors or lab.name in selectors]
        plan = tuple(
            {"id": lab.id, "title": lab.title, "steps": [{"id": step.id, "title": step.title} for step in STEPS]}
            for lab in labs
        )
        transcript.write(session_started(session=session, plan=plan, selectors=selectors))
        for lab, step in passed:
            ended = {"outcome": Outcome.PASSED, "seconds": 1.0, "attempts": 1, "hints": 0, "reason": None}
            transcript.write(events.StepEnded(lab=lab, step=step, **ended))  # type: ignore[arg-type]
        transcript.close()
        sessions.enter("default", COURSE, session, self.env)

    def runs(self, *labs: str, answers: str = "") -> list[str] | None:
        """What is run in the end; None for nothing."""
        self.args.labs = list(labs)
        out = io.StringIO()
        goes_on = settled(self.args, COURSE, self.env, Questions(io.StringIO(answers), out, env={}))
        self.said = out.getvalue()
        return self.args.labs if goes_on else None


@pytest.fixture
def learner(tmp_path: Path) -> Learner:
    (tmp_path / "labrunner" / "sandboxes" / "default").mkdir(parents=True)
    return Learner(tmp_path)


WHOLE = (("id-1", "a"), ("id-1", "b"))


@pytest.mark.parametrize(
    ("answers", "runs"),
    [
        ("\n", ["lab-1"]),
        ("n\n", ["lab-2"]),
        ("q\n", None),
        ("", None),
        ("?\nwhat\nnext\n", ["lab-2"]),
    ],
)
def test_a_lab_that_is_done_is_asked_about(learner: Learner, answers: str, runs: list[str] | None) -> None:
    learner.did("s1", ("lab-1",), *WHOLE)
    assert learner.runs("lab-1", answers=answers) == runs
    assert "lab-1 is done already: every step has passed." in learner.said
    assert "[Enter] go over it again   n next lab (lab-2)   q quit: " in learner.said


def test_so_is_one_that_was_done_in_a_run_of_more(learner: Learner) -> None:
    learner.did("s1", (), *WHOLE, ("id-2", "a"))
    assert learner.runs("lab-1") is None


def test_the_next_one_may_be_done_too_and_the_last_has_none_after_it(learner: Learner) -> None:
    learner.did("s1", ("lab-2",), ("id-2", "a"), ("id-2", "b"))
    learner.did("s2", ("lab-3",), ("id-3", "a"), ("id-3", "b"))
    assert learner.runs("lab-2", answers="n\nn\n\n") == ["lab-3"]
    assert "lab-3 is done already" in learner.said
    assert "n next lab (lab-1)" not in learner.said


@pytest.mark.parametrize("labs", [("lab-2",), ("lab-1/a",), ()])
def test_nothing_else_is_asked_about(learner: Learner, labs: tuple[str, ...]) -> None:
    learner.did("s1", ("lab-1",), *WHOLE)
    learner.did("s2", ("lab-2",), ("id-2", "a"))
    assert learner.runs(*labs) == list(labs)
    assert learner.said == ""


def test_who_wants_to_begin_anew_or_is_in_the_middle_is_not_asked(learner: Learner) -> None:
    learner.did("s1", ("lab-1",), *WHOLE)
    learner.args.restart = True
    assert learner.runs("lab-1") == ["lab-1"]
    learner.args.restart = False
    learner.did("s2", ("lab-1",), WHOLE[0])
    assert learner.runs("lab-1") == ["lab-1"]
    assert learner.said == ""
