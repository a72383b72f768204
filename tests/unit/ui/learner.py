"""A program for a pty: the guide, with a command that shows the keys it gets. Run by test_guide_pty.py."""

import fcntl
import os
import select
import sys
import termios

from labrunner.engine.policy import Moment, Move, Point
from labrunner.model import Command, Course, Hint, Lab, Option, Outcome, Step
from labrunner.record import events
from labrunner.ui.guide import Guide

COMMAND = Command(run="keys")
STEP = Step(id="s", title="S", text="Text.", commands=(COMMAND,), hints=(Hint(text="Do it."),))
LAB = Lab(id="l", name="lab-1", title="L", steps=(STEP,))
COURSE = Course(id="c", title="C", labs=(LAB,))
WAYS = (Option(id="a", title="A"), Option(id="b", title="B"))
MOVES = (Move.RUN, Move.HINT, Move.SKIP, Move.QUIT)


def main() -> None:
    """Ask; on RUN show keys until `.`; on HINT fail while the command runs; on SKIP ask for a way, and be busy until a
    line is typed; print each decision."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    with Guide(sys.stdin, sys.stdout, course=COURSE, env=os.environ) as guide:
        while True:
            move = guide.decide(
                Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=STEP, command=COMMAND, text=COMMAND.run)
            )
            print(f"<{move}>", flush=True)
            if move is Move.QUIT:
                return
            if move is Move.SKIP:
                guide.choose(STEP, WAYS)
                print("<busy>", flush=True)
                select.select([0], [], [])
                print("<free>", flush=True)
                continue
            guide.show(events.CommandStarted(lab="l", step="s", ref=None, run="keys", host="local"))
            if move is Move.HINT:
                raise RuntimeError("the engine fell over")
            run(guide)


def run(guide: Guide) -> None:
    """A command whose output is the names of the keys."""
    assert guide.keyboard is not None
    guide.show(events.OutputArrived(data="ready\r\n"))
    key = b""
    while key != b".":
        key = os.read(guide.keyboard, 1)
        guide.show(events.OutputArrived(data=f"key {key[0]}\r\n"))
    guide.show(
        events.CommandEnded(
            lab="l",
            step="s",
            number=0,
            ref=None,
            run="keys",
            exit_status=0,
            end="exited",
            outcome=Outcome.PASSED,
            seconds=0.1,
            output="keys",
        )
    )


if __name__ == "__main__":
    main()
