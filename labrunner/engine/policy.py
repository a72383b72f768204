"""Who decides at each fork of the run loop. A mode is a Policy, never a second loop."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from labrunner.model import Command, Lab, Option, Outcome, Step
from labrunner.record.events import Event

__all__ = ["Decision", "Moment", "Move", "Only", "Own", "Point", "Policy", "Unattended"]


class Point(StrEnum):
    """The forks of the loop."""

    STEP = "step"  # a step is about to start
    COMMAND = "command"  # a command is about to run
    INTERRUPTED = "interrupted"  # a command had begun when an earlier run ended: nobody saw what it did
    FAILED = "failed"  # a command or check of the step failed
    PASSED = "passed"  # the step has passed


class Move(StrEnum):
    """What can be decided.

    RUN goes on (at INTERRUPTED: runs the command again); DONE takes the command for done (at FAILED: offered when its
    checks pass).
    RETRY starts again from what failed, RESTART from the step's first command; SKIP leaves the
    step as skipped, NEXT leaves it as it ended and goes on.
    """

    RUN = "run"
    DONE = "done"
    RETRY = "retry"
    RESTART = "restart"
    HINT = "hint"
    SKIP = "skip"
    NEXT = "next"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Own:
    """A command of the learner's own: run in the learner's shell, not judged, and then the fork is there again.

    size: columns and lines of the learner's terminal, for a program that draws on all of it; None where it cannot.
    """

    run: str
    size: tuple[int, int] | None = None


Decision = Move | Own
"""What comes of a fork; an Own may come at any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A fork: where it is, what may be chosen (`moves`, the usual one first), and what is known.

    command: the one about to run, or that a retry begins with; text: its text, filled in. reason: why the step failed,
    one line; outcome: FAILED or ERROR then.
    """

    point: Point
    moves: tuple[Move, ...]
    lab: Lab
    step: Step
    command: Command | None = None
    text: str = ""
    reason: str = ""
    outcome: Outcome | None = None
    hints_shown: int = 0


class Policy(Protocol):
    """Decides, and is shown every event (after the transcript has it)."""

    @property
    def mode(self) -> str:
        """The word for the transcript."""

    @property
    def live(self) -> bool:
        """Whether OutputArrived events are wanted."""

    @property
    def keyboard(self) -> int | None:
        """A descriptor whose bytes go to the running command, or None."""

    def take_back(self, typed: bytes) -> None:
        """Keys of `keyboard` that a command which has ended left unread. Never called where there is no keyboard."""

    def show(self, event: Event) -> None:
        """Present the event. Must not raise for a closed output."""

    def decide(self, moment: Moment) -> Decision:
        """One of `moment.moves`, or an Own: then the same moment comes again."""

    def choose(self, step: Step, options: tuple[Option, ...]) -> tuple[Option, ...]:
        """The alternatives to run, in order."""


@dataclass(frozen=True, slots=True)
class Unattended:
    """Always goes on: after a failure with the next step. Every option is run. Events go to `show_event`."""

    show_event: Callable[[Event], None]
    mode: str = "unattended"
    live: bool = False
    keyboard: int | None = None

    def take_back(self, typed: bytes) -> None:
        """Nobody types."""

    def show(self, event: Event) -> None:
        """Pass the event on."""
        self.show_event(event)

    def decide(self, moment: Moment) -> Move:
        """Run; leave what failed behind. Whoever starts an interrupted run again wants it to go on."""
        if moment.point is Point.INTERRUPTED:
            return moment.moves[0]
        return Move.RUN if moment.point is not Point.FAILED else Move.NEXT

    def choose(self, step: Step, options: tuple[Option, ...]) -> tuple[Option, ...]:  # noqa: ARG002
        """All of them."""
        return options


@dataclass(frozen=True, slots=True)
class Only:
    """As `policy`, for one step, (lab, step) by id; before any other it quits."""

    policy: Policy
    place: tuple[str, str]

    @property
    def mode(self) -> str:
        """That of `policy`."""
        return self.policy.mode

    @property
    def live(self) -> bool:
        """That of `policy`."""
        return self.policy.live

    @property
    def keyboard(self) -> int | None:
        """That of `policy`."""
        return self.policy.keyboard

    def take_back(self, typed: bytes) -> None:
        """As `policy` does."""
        self.policy.take_back(typed)

    def show(self, event: Event) -> None:
        """Pass the event on."""
        self.policy.show(event)

    def decide(self, moment: Moment) -> Decision:
        """Quit before another step."""
        return self.policy.decide(moment) if (moment.lab.id, moment.step.id) == self.place else Move.QUIT

    def choose(self, step: Step, options: tuple[Option, ...]) -> tuple[Option, ...]:
        """As `policy` does."""
        return self.policy.choose(step, options)
