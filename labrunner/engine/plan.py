"""What is to run: labs and steps chosen by name, in the course's order."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from labrunner.model import Course, Lab, Step

__all__ = ["Plan", "PlannedLab", "SelectionError", "select"]


class SelectionError(Exception):
    """A selector names nothing; the message says which, and what there is."""


@dataclass(frozen=True, slots=True)
class PlannedLab:
    """A lab and those of its steps that are to run."""

    lab: Lab
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Labs in the course's order."""

    labs: tuple[PlannedLab, ...]

    def outline(self) -> tuple[dict[str, object], ...]:
        """The plan as the transcript tells it."""
        return tuple(
            {
                "id": planned.lab.id,
                "title": planned.lab.title,
                "steps": [{"id": step.id, "ref": list(step.ref), "title": step.title} for step in planned.steps],
            }
            for planned in self.labs
        )


def select(course: Course, selectors: Sequence[str]) -> Plan:
    """The labs and steps that `LAB` and `LAB/STEP` name; every lab that is not optional when there are none.

    Raises SelectionError.
    """
    if not selectors:
        wanted = [lab for lab in course.labs if not lab.optional] or course.labs
        return Plan(tuple(PlannedLab(lab, lab.steps) for lab in wanted))
    chosen: dict[str, set[str]] = {}
    for selector in selectors:
        lab_name, _, step_name = selector.partition("/")
        lab = _lab(course, lab_name)
        steps = {step.id for step in lab.steps} if not step_name else {_step(lab, step_name).id}
        chosen.setdefault(lab.id, set()).update(steps)
    return Plan(
        tuple(
            PlannedLab(lab, tuple(step for step in lab.steps if step.id in chosen[lab.id]))
            for lab in course.labs
            if lab.id in chosen
        )
    )


def _lab(course: Course, name: str) -> Lab:
    for lab in course.labs:
        if name in (lab.name, lab.id):
            return lab
    names = [lab.name for lab in course.labs]
    raise SelectionError(_unknown("lab", name, names, [*names, *(lab.id for lab in course.labs)]))


def _step(lab: Lab, name: str) -> Step:
    for step in lab.steps:
        if name == step.id:
            return step
    names = [step.id for step in lab.steps]
    raise SelectionError(_unknown(f"step of {lab.name}", name, names, names))


def _unknown(what: str, name: str, listed: list[str], known: list[str]) -> str:
    near = _nearest(name, known)
    suggestion = f" Did you mean '{near}'?" if near else ""
    return f"there is no {what} called '{name}'.{suggestion} There are: {', '.join(listed)}."


def _nearest(name: str, known: list[str]) -> str:
    """What was meant, by its number (`3`, `lab3`) or by its letters; empty when nothing is nearer than the rest."""
    letters, number = _parts(name)
    for other in known:
        its_letters, its_number = _parts(other)
        if number and number == its_number and its_letters.startswith(letters):
            return other
    near = next(iter(get_close_matches(name, known, n=1)), "")
    its_letters, its_number = _parts(near)
    if letters != its_letters or number.startswith(its_number):
        return near
    if not number:
        return ""  # `lab`: any would do
    alike = [other for other in known if _parts(other)[0] == letters]
    return min(alike, key=lambda other: abs(int(_parts(other)[1] or 0) - int(number)))


def _parts(name: str) -> tuple[str, str]:
    """Its letters and its digits."""
    return "".join(filter(str.isalpha, name.casefold())), "".join(filter(str.isdecimal, name))
