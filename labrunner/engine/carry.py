"""Commands that set what later ones need in the shell, so that a step can start in a fresh one."""

from dataclasses import dataclass

from labrunner.model import Course

__all__ = ["Carried", "carrying"]


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
