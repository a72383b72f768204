"""The rules of a step: what it holds, its commands, files, checks and questions."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from labrunner.content import insides
from labrunner.content.nearest import shown, suggestion
from labrunner.content.rules import Known, course_file, kebab, not_empty, recognition, seconds, unique
from labrunner.content.rules_setup import setup_rules
from labrunner.content.shapes import Path
from labrunner.content.sources import Source
from labrunner.content.variables import VariableError, fill, fill_in
from labrunner.model import (
    Check,
    Cleanup,
    Command,
    Diagnostic,
    Expectation,
    File,
    Mistake,
    Question,
    Step,
    WrongState,
)

__all__ = ["SHELL_NAME", "question_rules", "step_rules", "timeouts"]

_BY = ("labrunner", "learner", "unattended")
_MODE = re.compile("0?[0-7]{3}")
SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def step_rules(step: Step, source: Source, path: Path, *, known: Known) -> Iterator[Diagnostic]:
    """The rules of one step."""
    yield from kebab(source, (*path, "id"), step.id)
    yield from not_empty(source, (*path, "title"), step.title)
    yield from _contents(step, source, path)
    yield from _reading(step, source, path)
    yield from setup_rules(step.setup, source, (*path, "setup"))
    yield from timeouts(step.cleanup, source, (*path, "cleanup"))
    if step.wrong is not None:
        yield from _timeout(step.wrong, source, (*path, "wrong"))
    yield from _parts(step.files, step.commands, source, path, known)
    yield from _checks(step.checks, source, (*path, "checks"), tuple(step.all_commands()))
    for index, option in enumerate(step.options):
        place = (*path, "options", index)
        yield from kebab(source, (*place, "id"), option.id)
        yield from _parts(option.files, option.commands, source, place, known)
        yield from _checks(option.checks, source, (*place, "checks"), (*step.commands, *option.commands))
    options = [((*path, "options", index, "id"), option.id) for index, option in enumerate(step.options)]
    yield from unique(source, options, "the option")
    yield from question_rules(step.questions, source, (*path, "questions"))
    yield from _mistakes(step.mistakes, source, (*path, "mistakes"))
    for index, erratum in enumerate(step.errata):
        if known.errata is not None and erratum not in known.errata:
            message = f"unknown erratum {shown(erratum)}{suggestion(erratum, known.errata)}"
            yield source.problem((*path, "errata", index), message)


def _contents(step: Step, source: Source, path: Path) -> Iterator[Diagnostic]:
    """A step does something, and what it does is checked."""
    parts = ("commands", "options", "questions", "files")
    if all(source.lacks((*path, part)) for part in parts):
        yield source.problem(path, "a step needs commands, options, files or questions")
    checked = [path, *((*path, "options", index) for index in range(len(step.options)))]
    unchecked = [place for place in checked if source.lacks((*place, "checks"))]
    if path not in unchecked:
        return
    if step.reads_only:
        expects = [command.expect for command in step.all_commands()]
        if expects and len(unchecked) == len(checked) and not any(each.reads_output or each.exit for each in expects):
            yield source.problem(path, "a step that only reads needs a check, or a command that expects an output")
        return
    for place in unchecked:
        if not source.lacks((*place, "commands")) or not source.lacks((*place, "files")):
            what = "a step" if place == path else "an option"
            yield source.problem(place, f"{what} with commands or files needs checks of the state that they leave")


def _reading(step: Step, source: Source, path: Path) -> Iterator[Diagnostic]:
    """`reads_only` and `wrong` come together."""
    if step.reads_only and not source.wrote((*path, "wrong")):
        message = "a step with 'reads_only' needs a 'wrong' state, under which it must fail"
        yield source.problem((*path, "reads_only"), message)
    if step.wrong is not None and not step.reads_only:
        yield source.problem((*path, "wrong"), "a 'wrong' state is for a step with 'reads_only: true'")


def _parts(
    files: tuple[File, ...], commands: tuple[Command, ...], source: Source, path: Path, known: Known
) -> Iterator[Diagnostic]:
    for index, file in enumerate(files):
        yield from _file(file, source, (*path, "files", index), known)
    for index, command in enumerate(commands):
        yield from _command(command, source, (*path, "commands", index), known)


def _file(file: File, source: Source, path: Path, known: Known) -> Iterator[Diagnostic]:
    reason = insides.outside_work(file.path)
    if reason is not None and source.has((*path, "path")):
        yield source.problem((*path, "path"), f"the path {shown(file.path)} {reason}")
    written = [key for key in ("text", "source") if source.wrote((*path, key))]
    if len(written) != 1:
        yield source.problem(path, "a file needs either 'text' or 'source'" + (", not both" if written else ""))
    if file.source is not None:
        yield from course_file(file.source, source, (*path, "source"), known)
    if not _MODE.fullmatch(file.mode):
        yield source.problem((*path, "mode"), f"'mode' must be octal, like '0644', not {shown(file.mode)}")


def _command(command: Command, source: Source, path: Path, known: Known) -> Iterator[Diagnostic]:
    yield from not_empty(source, (*path, "run"), command.run)
    yield from _timeout(command, source, path)
    yield from seconds(source, (*path, "limit"), command.limit)
    if command.by not in _BY:
        known_by = "'learner', 'labrunner' or 'unattended'"
        yield source.problem((*path, "by"), f"'by' must be {known_by}, not {shown(command.by)}")
    if command.by == "unattended":
        for key in ("ref", "carries"):
            if source.wrote((*path, key)):
                yield source.problem((*path, key), f"a command that only unattended runs have has no '{key}'")
    for index, name in enumerate(command.secrets):
        if not SHELL_NAME.fullmatch(name):
            yield source.problem((*path, "secrets", index), f"{shown(name)} is no name of a shell variable")
    yield from _expectation(command.expect, source, (*path, "expect"), known)


def _timeout(thing: Command | Cleanup | WrongState, source: Source, path: Path) -> Iterator[Diagnostic]:
    yield from seconds(source, (*path, "timeout"), thing.timeout)


def timeouts(things: Sequence[Cleanup], source: Source, path: Path) -> Iterator[Diagnostic]:
    """Each runs something, for a time above 0."""
    for index, thing in enumerate(things):
        yield from not_empty(source, (*path, index, "run"), thing.run)
        yield from _timeout(thing, source, (*path, index))


def _checks(
    checks: tuple[Check, ...], source: Source, path: Path, commands: tuple[Command, ...]
) -> Iterator[Diagnostic]:
    refs = [command.ref for command in commands if command.ref]
    for index, check in enumerate(checks):
        if check.after is not None and check.after not in refs:
            message = f"'after' names no command of this step: {shown(check.after)}{suggestion(check.after, refs)}"
            yield source.problem((*path, index, "after"), message)
        yield from seconds(source, (*path, index, "within"), check.within, zero=True)
    if checks and not any(check.lasts for check in checks):
        message = "no check here lasts, so `labrunner check` could not say anything of this step; add one that does"
        yield source.problem(path, message)


def question_rules(questions: tuple[Question, ...], source: Source, path: Path) -> Iterator[Diagnostic]:
    """The rules of a quiz."""
    for index, question in enumerate(questions):
        place = (*path, index)
        yield from kebab(source, (*place, "id"), question.id)
        if not source.has((*place, "choices")):
            continue
        if len(question.choices) < 2:
            yield source.problem((*place, "choices"), "a question needs two choices or more")
        choices = [((*place, "choices", number), choice) for number, choice in enumerate(question.choices)]
        yield from unique(source, choices, "the choice")
        if source.has((*place, "answer")) and question.answer not in question.choices:
            end = suggestion(question.answer, question.choices)
            yield source.problem(
                (*place, "answer"), f"the answer {shown(question.answer)} is not among the choices{end}"
            )
    yield from unique(source, [((*path, index, "id"), item.id) for index, item in enumerate(questions)], "the question")


def _mistakes(mistakes: tuple[Mistake, ...], source: Source, path: Path) -> Iterator[Diagnostic]:
    for index, mistake in enumerate(mistakes):
        yield from recognition(source, (*path, index, "when"), mistake.when)


def _expectation(expect: Expectation, source: Source, path: Path, known: Known) -> Iterator[Diagnostic]:
    """Every pattern can be compiled, and the parts of the expectation fit together."""
    from labrunner import matching
    from labrunner.matching.placeholders import PatternError, compile_pattern

    dummies = dict.fromkeys(known.variables, "x")
    try:
        messages = matching.problems(fill_in(expect, dummies))
    except VariableError:
        return  # reported by the rule for texts
    located = False
    for place, pattern in _patterns(expect, path) if messages else ():
        try:
            compile_pattern(fill(pattern, dummies, pattern=True))
        except PatternError as error:
            located = True
            yield _at_offset(source.problem(place, error.message, piece=pattern.strip()), pattern, error.offset)
    if not located:
        for message in messages:
            yield source.problem(path, message)


def _at_offset(diagnostic: Diagnostic, pattern: str, offset: int) -> Diagnostic:
    """Point into the pattern, where what is written is what was compiled."""
    if "@{" in pattern:
        return diagnostic
    indented = len(pattern) - len(pattern.lstrip())
    return replace(diagnostic, column=diagnostic.column + max(0, offset - indented))


def _patterns(expect: Expectation, path: Path) -> Iterator[tuple[Path, str]]:
    """Each text of an expectation that may hold typed placeholders, line by line."""
    for line in (expect.lines or "").split("\n"):
        if line.strip() != "...":
            yield (*path, "lines"), line
    for name, texts in (("set", expect.set), ("contains", expect.contains), ("lacks", expect.lacks)):
        for index, text in enumerate(texts):
            yield (*path, name, index), text
    for index, row in enumerate(expect.rows):
        for column, text in row.items():
            yield (*path, "rows", index, column), text
