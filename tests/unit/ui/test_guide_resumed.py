"""What a learner sees who goes on: where they are, and nothing that was read before."""

import pytest

from labrunner.model import Command, Course, Lab, Step
from labrunner.record import events
from tests.unit.ui.test_guide import Room

STEP = Step(id="s", title="S", text="T", commands=(Command(run="echo one"), Command(run="echo two")))
LAB = Lab(id="l", name="lab-1", title="L", text="A long text to be read once.", steps=(STEP,))


def resumed(*done: str, shell: str = "back") -> Room:
    room = Room("", course=Course(id="c", title="C", labs=(LAB,)))
    room.guide.show(
        events.SessionResumed(
            session="x",
            mode="guided",
            course="c",
            course_title="C",
            course_digest="",
            target="sandbox",
            resumed="",
            shell=shell,
            plan=({"id": "l", "title": "L", "steps": [{"id": "s", "ref": [], "title": "S"}]},),
            outcomes=tuple({"lab": "l", "step": step, "outcome": "passed"} for step in done),
        )
    )
    room.guide.show(events.LabStarted(lab="l", title="L"))
    return room


def test_the_text_of_a_lab_is_shown_once() -> None:
    assert "A long text to be read once." in resumed().said
    again = resumed("s").said
    assert "A long text" not in again
    assert "lab-1: L" in again


@pytest.mark.parametrize(
    ("shell", "said"), [("back", "as you left it"), ("partly", "nearly as you left it"), ("new", "a new one")]
)
def test_what_came_of_the_shell(shell: str, said: str) -> None:
    assert f"Your shell is {said}" in " ".join(resumed(shell=shell).said.split())


def test_a_step_that_goes_on_says_where() -> None:
    room = resumed()
    room.guide.show(
        events.StepResumed(lab="l", step="s", title="S", number=1, count=1, start=1, interrupted=False, run="echo two")
    )
    assert "You are back in this step: 1 command of it done." in room.said
