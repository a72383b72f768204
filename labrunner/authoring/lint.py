"""Everything that can be said about a course without running any of it: the loader's errors, and warnings.

A warning is about a student's help and comfort: the course works without. Executes nothing of the course.
"""

from collections.abc import Iterator

from labrunner.content.load import load
from labrunner.model import Course, Diagnostic, Lab, Severity, Step

__all__ = ["lint"]

LONG_ID = 40
LONG_LINE = 79


def lint(folder: str) -> list[Diagnostic]:
    """Every problem of the course in `folder`: all errors, or, where there is none, the warnings.

    Reads the files anew. Raises LibyamlMissingError.
    """
    loaded = load(folder, cache=None)
    if loaded.course is None:
        return list(loaded.diagnostics)
    return [*loaded.diagnostics, *_warnings(loaded.course)]


def _warnings(course: Course) -> Iterator[Diagnostic]:
    used = {erratum for lab in course.labs for step in lab.steps for erratum in step.errata}
    unused = [erratum.id for erratum in course.errata if erratum.id not in used]
    if unused:
        names = ", ".join(unused[:5]) + (f" and {len(unused) - 5} more" if len(unused) > 5 else "")
        yield _warning("course.yaml:1:1", f"no step shows these errata: {names}")
    for lab in course.labs:
        yield from _lab(lab)


def _lab(lab: Lab) -> Iterator[Diagnostic]:
    if len(lab.id) > LONG_ID:
        yield _warning(lab.at, f"the id '{lab.id}' is long to type; up to {LONG_ID} characters are easy")
    if not lab.minutes:
        yield _warning(lab.at, f"the lab '{lab.id}' does not say how many minutes it takes")
    for step in lab.steps:
        yield from _step(step)


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
