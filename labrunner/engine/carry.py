"""Commands that set what later ones need in the shell, so that a step can start in a fresh one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from labrunner.model import Course

__all__ = ["Carried", "carrying", "needed"]

_SETTING = re.compile(
    r"""(?:export[ ]+)?([A-Za-z_]\w*)=(?:"[^"]*"|'[^']*'|\$\([^()]*\)|[^\s;&|()<>"'`\\])*[ \t]*""", re.ASCII
)
"""A line that sets one variable and does nothing else. What it does not know counts as no setting."""
_USED = re.compile(r"\$\{?([A-Za-z_]\w*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Carried:
    """A command that carries. place: (lab, step, action of the step), as they follow each other in the course."""

    place: tuple[int, int, int]
    host: str
    run: str

    def missing(self, host: str, seen: set[tuple[int, int, int]]) -> bool:
        """Whether the shell of `host`, which has seen those places, lacks it."""
        return self.host == host and self.place not in seen


def carrying(course: Course) -> tuple[Carried, ...]:
    """The course's commands that carry, in order. Those of options do not: a learner may not have chosen them."""
    return tuple(
        Carried((lab_number, number, place), command.host, command.run)
        for lab_number, lab in enumerate(course.labs, 1)
        for number, step in enumerate(lab.steps, 1)
        for place, command in enumerate(step.commands, len(step.files))
        if command.carries
    )


def needed(missing: Sequence[Carried], run: str) -> tuple[Carried, ...]:
    """Those that a shell lacks, before it runs the command `run`: not what that sets itself before it uses it, unless
    another of them needs it."""
    own, used = _settings(run)
    found = []
    for entry in reversed(missing):
        sets, uses = _settings(entry.run)
        if not sets or not sets <= own - used:
            found.append(entry)
            used |= uses
    return tuple(reversed(found))


def _settings(run: str) -> tuple[set[str], set[str]]:
    """The variables that a command sets, and those that it uses before it has set them."""
    sets: set[str] = set()
    used: set[str] = set()
    for line in run.replace("\\\n", "").split("\n"):
        used.update(name for name in _USED.findall(line) if name not in sets)
        if setting := _SETTING.fullmatch(line):
            sets.add(setting[1])
    return sets, used
