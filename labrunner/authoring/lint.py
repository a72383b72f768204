"""Everything that can be said about a course without running any of it: the loader's errors, and warnings.

A warning is about a student's help and comfort: the course works without. Executes nothing of the course.
"""

from collections.abc import Iterator, Sequence

from labrunner.authoring.errata import refs_of
from labrunner.content.load import load
from labrunner.model import Course, Diagnostic, Erratum, Lab, Severity, Step

__all__ = ["lint"]

LONG_ID = 40
LONG_LINE = 79
LONG_ADVICE = 420
"""Characters of cause and fix that the guide shows in ten lines of an 80-column terminal."""


def lint(folder: str) -> list[Diagnostic]:
    """Every problem of the course in `folder`: all errors, or, where there is none, the warnings.

    Reads the files anew. Raises LibyamlMissingError.
    """
    loaded = load(folder, cache=None)
    if loaded.course is None:
        return list(loaded.diagnostics)
    return [*loaded.diagnostics, *_warnings(loaded.course)]


def _warnings(course: Course) -> Iterator[Diagnostic]:
    for problem in course.problems:
        if len(problem.cause) + len(problem.fix) > LONG_ADVICE:
            message = f"the problem '{problem.id}' is long; up to {LONG_ADVICE} characters of cause and fix are read"
            yield _warning(problem.at, message)
    for lab in course.labs:
        yield from _lab(lab, course.errata)


def _lab(lab: Lab, errata: Sequence[Erratum]) -> Iterator[Diagnostic]:
    if len(lab.id) > LONG_ID:
        yield _warning(lab.at, f"the id '{lab.id}' is long to type; up to {LONG_ID} characters are easy")
    if not lab.minutes:
        yield _warning(lab.at, f"the lab '{lab.id}' does not say how many minutes it takes")
    for step in lab.steps:
        yield from _step(step)
        yield from _left_out(step, lab, errata)


def _left_out(step: Step, lab: Lab, errata: Sequence[Erratum]) -> Iterator[Diagnostic]:
    """The errata about the step that neither it shows nor another one for the same place in the text.

    Those of parts of the text that no step teaches are nobody's.
    """
    shown = {name for other in lab.steps if other is step or set(other.ref) & set(step.ref) for name in other.errata}
    for erratum in errata:
        if erratum.id not in shown and any(erratum.concerns(ref) for ref in refs_of(step)):
            message = f"the step '{step.id}' does not show the erratum {erratum.id}, which is about it"
            yield _warning(step.at, message)


def _step(step: Step) -> Iterator[Diagnostic]:
    what = f"the step '{step.id}'"
    if len(step.id) > LONG_ID:
        yield _warning(step.at, f"the id '{step.id}' is long to type; up to {LONG_ID} characters are easy")
    if not any(step.all_commands()) and not step.files:
        return
    if not step.hints:
        yield _warning(step.at, f"{what} has no hint: a student may be stuck")
    if not step.mistakes:
        yield _warning(step.at, f"{what} names no mistake that students make there")
    if not step.cleanup and not step.reads_only:
        yield _warning(step.at, f"{what} has no cleanup: what it makes stays")
    if step.solution is None:
        yield _warning(step.at, f"{what} has no solution")
    for command in step.all_commands():
        if len(command.says) > LONG_LINE:
            yield _warning(command.at, f"'says' is longer than a line of {LONG_LINE} characters")


def _warning(at: str, message: str) -> Diagnostic:
    """A warning at a position as the model keeps it."""
    file, line, column = at.rsplit(":", 2)
    return Diagnostic(file, int(line), int(column), message, Severity.WARNING)
