"""Lines typed at a question without the mark: the command at hand, and commands that can be nothing else."""

from dataclasses import replace

import pytest

from labrunner.engine.policy import Move, Own, Point
from labrunner.model import Command, Outcome, Step
from labrunner.record import events
from labrunner.ui.own import is_same
from tests.happened import command_ended
from tests.unit.ui.test_guide import AFTER_FAILURE, CORRECTED, MOVES, Moment, Room

LOGIN = Command(run="az acr login \\\n  --name NAME", written="az acr login NAME", ref="L1.S1.C1")
STEP = Step(
    id="s",
    title="S",
    text="T",
    commands=(
        LOGIN,
        Command(run="for tag in a b; do\n  docker tag x $tag || exit\ndone"),
        Command(run="""TOKEN=$(oras login -u 'a|b (jar) c' | jq -r .token) && export TOKEN; A=1 curl -s "x | y z" """),
        Command(run="ssh user@there", written="notation ls x"),
    ),
)
COURSE = replace(CORRECTED, labs=(replace(CORRECTED.labs[0], steps=(STEP, *CORRECTED.labs[0].steps)),))
FAILED = {"moves": AFTER_FAILURE, "reason": "x", "outcome": Outcome.FAILED}


def moment(point: Point, command: Command | None = LOGIN) -> Moment:
    more = FAILED if point is Point.FAILED else {"moves": MOVES}
    text = command.run if command else ""
    return Moment(point=point, lab=CORRECTED.labs[0], step=STEP, command=command, text=text, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "typed",
    [
        "az acr login --name NAME",
        "az  acr login \\\n --name NAME",
        "$ az acr login --name NAME",
        "! az acr login --name NAME",
    ],
)
@pytest.mark.parametrize(("point", "move"), [(Point.COMMAND, Move.RUN), (Point.FAILED, Move.RETRY)])
def test_the_very_command_that_is_at_hand_is_what_enter_does(typed: str, point: Point, move: Move) -> None:
    assert Room(f"{typed}\n", course=COURSE).guide.decide(moment(point)) is move


def test_a_command_that_was_interrupted_is_not_run_again_by_its_line() -> None:
    room = Room("az acr login --name NAME\n", course=COURSE)
    moves = (Move.DONE, Move.RUN, Move.QUIT)
    asked = replace(moment(Point.INTERRUPTED), moves=moves)
    assert room.guide.decide(asked) == Own("az acr login --name NAME")


def test_what_failed_and_is_there_is_taken_for_done_or_run_again() -> None:
    found = replace(moment(Point.FAILED), moves=(Move.DONE, *AFTER_FAILURE))
    room = Room("\n", course=COURSE)
    room.guide.show(own_ended())
    assert room.guide.decide(found) is Move.DONE
    assert "The checks find the command's work there." in room.said
    assert Room("az acr login --name NAME\n", course=COURSE).guide.decide(found) is Move.RETRY
    assert Room("r\n", course=COURSE).guide.decide(found) is Move.RETRY


@pytest.mark.parametrize(
    "typed",
    [
        "az login --use-device-code",
        "az acr login NAME",
        "docker ps -a",
        "oras version now",
        "jq . file",
        "export A=1",
        "curl -s localhost",
        "ssh user@elsewhere",
        "notation ls y",
        "echo two",
        "ls",
        "NAME=value",
        "A_1=",
    ],
)
@pytest.mark.parametrize("point", [Point.STEP, Point.COMMAND, Point.FAILED])
def test_a_line_that_begins_with_a_known_program_is_a_command(typed: str, point: Point) -> None:
    room = Room(f"{typed}\n", course=COURSE)
    assert room.guide.decide(moment(point, None if point is Point.STEP else LOGIN)) == Own(typed)
    assert "none of the choices" not in room.said


def test_one_that_goes_on_is_read_to_its_end() -> None:
    assert Room("az acr list \\\n  --output table\n", course=COURSE).guide.decide(moment(Point.FAILED)) == Own(
        "az acr list \\\n  --output table"
    )


@pytest.mark.parametrize(
    "typed",
    ["az", "exit", "hint", "=", "1=2", "podman ps", "tag a b", "b c", "jar c", "y z", "for a in b", "try again"],
)
def test_anything_else_is_refused(typed: str) -> None:
    room = Room(f"{typed}\ns\n", course=COURSE)
    assert room.guide.decide(replace(moment(Point.FAILED), moves=(Move.RETRY, Move.SKIP, Move.QUIT))) is Move.SKIP
    said = " ".join(room.said.split())
    assert "To run a command of your own" in said or "no hint" in said


def test_a_control_key_is_not_nothing() -> None:
    room = Room("\x0c\ns\n", course=COURSE)
    assert room.guide.decide(moment(Point.FAILED)) is Move.SKIP
    assert "none of the choices" in room.said


def test_keys_and_words_come_first() -> None:
    room = Room("s\n", course=COURSE)
    step = replace(STEP, commands=(Command(run="s x"), Command(run="skip x")))
    assert room.guide.decide(replace(moment(Point.FAILED), step=step)) is Move.SKIP
    assert Room("Skip\n", course=COURSE).guide.decide(replace(moment(Point.FAILED), step=step)) is Move.SKIP


def test_nothing_is_not_the_command() -> None:
    assert not is_same("", "")


LONG = "podman login --use-device-code --tenant 11111111-2222-3333-4444-555555555555"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("podman login --use-device-code", '"podman login --use-device-code"'),
        (LONG, '"podman login --use-device-code --tenant ..."'),
        ("x" * 90, f'"{"x" * 56}..."'),
    ],
)
def test_what_is_refused_is_said_back_in_whole_words(typed: str, shown: str) -> None:
    room = Room(f"{typed}\ns\n", course=COURSE)
    room.guide.decide(moment(Point.FAILED))
    assert f"{shown} is none of the choices" in " ".join(room.said.split())


def ended(outcome: Outcome) -> events.CommandEnded:
    return command_ended("echo one", ref="L1.S1.C1", exit_status=1, outcome=outcome)


def own_ended() -> events.OwnCommandEnded:
    return events.OwnCommandEnded(
        lab="l", step="s", run="ls", exit_status=0, end="exited", seconds=0.1, output="", reason=None
    )


def test_why_the_command_was_corrected_is_told_after_its_failure_too() -> None:
    first, second = Command(run="echo one", ref="L1.S1.C1"), Command(run="echo three")
    step = Step(id="s", title="S", text="T", commands=(first, second), errata=("E7",))
    at = {"lab": CORRECTED.labs[0], "step": step}
    command = Moment(point=Point.COMMAND, moves=MOVES, command=first, text=first.run, **at)
    failed = Moment(point=Point.FAILED, command=first, text=first.run, **at, **FAILED)
    room = Room("\nw\n\nw\n! ls\nw\n\n\n\n", course=CORRECTED)
    assert room.guide.decide(command) is Move.RUN
    for typed in (Move.RETRY, Own("ls"), Move.RETRY):
        room.guide.show(ended(Outcome.FAILED))
        before = len(room.said)
        assert room.guide.decide(failed) == typed
        assert "w why corrected" in room.said[before:]
        assert "But today: Nobody says two." in room.said[before:]
    room.guide.show(ended(Outcome.PASSED))
    before = len(room.said)
    room.guide.decide(command)  # what was typed is tried again without a question
    room.guide.decide(replace(command, command=second, text=second.run))
    room.guide.decide(replace(failed, command=second, text=second.run))
    assert "w why corrected" not in room.said[before:]
