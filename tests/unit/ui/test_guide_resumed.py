"""What a learner sees who goes on: where they are, and nothing that was read before."""

import pytest

from labrunner.model import Command, Course, Lab, Step
from labrunner.record import events
from tests.happened import session_resumed
from tests.unit.ui.test_guide import Room

STEP = Step(
    id="s",
    title="S",
    text="T",
    commands=(
        Command(run="echo one"),
        Command(run="echo for nobody", by="unattended"),
        Command(run="echo two"),
        Command(run="echo three"),
    ),
)
LAB = Lab(id="l", name="lab-1", title="L", text="A long text to be read once.", steps=(STEP,))


def resumed(*done: str, shell: str = "back") -> Room:
    room = Room("", course=Course(id="c", title="C", labs=(LAB,)))
    room.guide.show(
        session_resumed(
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


@pytest.mark.parametrize(("start", "done"), [(1, "1 command"), (3, "2 commands")])
def test_a_step_that_goes_on_says_where(start: int, done: str) -> None:
    room = resumed()
    back = events.StepResumed(
        lab="l", step="s", title="S", number=1, count=1, start=start, interrupted=False, run="echo"
    )
    room.guide.show(back)
    assert f"You are back in this step: {done} of it done." in room.said
