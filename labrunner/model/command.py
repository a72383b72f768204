"""A command of a step, and what it must give."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Command", "Expectation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a command's exit status and output must be. Every field that is set must hold.

    exit: a number, or "nonzero" (the command must fail, and that is the lesson).
    exact: the whole output, trailing white space and blank lines at the ends aside.
    lines: a block of lines with typed placeholders; `...` alone on a line skips any number of lines.
    set: lines with placeholders that must each occur, in any order, other lines allowed.
    rows: table rows by column name; each must occur, in any order, other rows and columns allowed.
    same: column names whose values must be equal over all the rows matched by `rows`.
    json: a JSON subset: objects may hold more keys, array elements must each occur in order of the pattern.
    contains / lacks: pieces of text (with placeholders) that must, or must not, occur on some line.
    """

    exit: int | str = 0
    exact: str | None = None
    lines: str | None = None
    set: tuple[str, ...] = ()
    rows: tuple[Mapping[str, str], ...] = ()
    same: tuple[str, ...] = ()
    json: object = None
    contains: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def reads_output(self) -> bool:
        """Whether anything but the exit status is asked."""
        return bool(
            self.exact is not None
            or self.lines is not None
            or self.set
            or self.rows
            or self.json is not None
            or self.contains
            or self.lacks
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Shell text that the learner (or labrunner) runs on a host.

    run: the text as shown and executed, one reference of the course text at most.
    written: the course's own text where `run` corrects it.
    says: one short line for the student, what the command is for.
    host: "local", or a host that the target provides.
    opens: the host whose shell it leads into (`ssh user@...`): it is done when that is there, and goes on below the
        commands of that host until one of them ends it, or one of another host is next.
    by: "learner", "labrunner" (a command the runner gives on the learner's behalf), or "unattended" (as that, but only
        where nobody is at the keyboard; else it is left out).
    timeout: seconds until the INT, TERM, KILL ladder starts.
    limit: seconds after which a command that streams for ever is ended and counts as done.
    secrets: names of shell variables that are read after the command and redacted from then on.
    carries: it sets what later commands need in the shell, and is run again quietly when a step starts in
        a shell that has not seen it.
    """

    run: str
    ref: str | None = None
    written: str | None = None
    says: str = ""
    host: str = "local"
    opens: str = ""
    by: str = "learner"
    timeout: float = 60.0
    limit: float | None = None
    expect: Expectation = field(default_factory=Expectation)
    secrets: tuple[str, ...] = ()
    carries: bool = False
    at: str = ""
