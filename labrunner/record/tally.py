"""Counts outcomes, for events and reports alike."""

from collections.abc import Iterable

from labrunner.model import Outcome

__all__ = ["lab_outcome", "totals"]


def totals(outcomes: Iterable[str]) -> dict[str, int]:
    """How many of each outcome; every outcome has its key."""
    counts = dict.fromkeys((str(outcome) for outcome in Outcome), 0)
    for outcome in outcomes:
        counts[outcome] += 1
    return counts


def lab_outcome(outcomes: Iterable[str]) -> str:
    """A lab has passed when every step has; otherwise the gravest outcome of its steps names it."""
    found = set(outcomes)
    for outcome in (Outcome.ERROR, Outcome.FAILED, Outcome.NOT_RUN, Outcome.SKIPPED):
        if outcome in found:
            return str(outcome)
    return str(Outcome.PASSED)
