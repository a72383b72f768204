"""The results of matching: Match for callers, Mismatch for one part of an expectation that does not hold."""

from dataclasses import dataclass

from labrunner.matching.columns import COLUMNS, cut

__all__ = ["Match", "Mismatch", "tail"]


@dataclass(frozen=True, slots=True)
class Match:
    """How an expectation and a command's result agree.

    expected, actual: short texts for the report, None when ok.
    explanation: lines of at most 80 columns that say what was expected, what came, and where they part.
    """

    ok: bool
    expected: str | None = None
    actual: str | None = None
    explanation: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One part that does not hold; the lines are not yet cut."""

    expected: str
    actual: str
    lines: tuple[str, ...]

    def explained(self) -> tuple[str, ...]:
        """The lines, each of at most 80 columns."""
        return tuple(cut(line, COLUMNS) for line in self.lines)


def tail(lines: list[str], count: int = 5) -> tuple[str, ...]:
    """The end of an output, for an explanation."""
    if not lines:
        return ("There was no output.",)
    shown = [f"  {line}" for line in lines[-count:]]
    return ("The output:" if len(lines) <= count else f"The last {count} of {len(lines)} lines of output:", *shown)
