"""A sequence of exercises, and what it cannot do without."""

from dataclasses import dataclass

from labrunner.model.check import Check
from labrunner.model.reading import Notice, Question
from labrunner.model.setup import Setup
from labrunner.model.step import Cleanup, Step

__all__ = ["Lab", "Requirement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a lab cannot do without: where the check fails, its steps are SKIPPED, and `says` tells why and what to do
    instead."""

    check: Check
    says: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A sequence of steps. `name` is how it is called on the command line beside its id (`lab-2`).

    optional: it is not among the labs that are meant when none is named.
    unset: shell variables that its commands set and that no other lab's commands may see.
    """

    id: str
    name: str
    title: str
    text: str = ""
    minutes: int = 0
    optional: bool = False
    needs: tuple[str, ...] = ()
    requires: tuple[Requirement, ...] = ()
    unset: tuple[str, ...] = ()
    setup: tuple[Setup, ...] = ()
    steps: tuple[Step, ...] = ()
    notices: tuple[Notice, ...] = ()
    questions: tuple[Question, ...] = ()
    cleanup: tuple[Cleanup, ...] = ()
    at: str = ""
