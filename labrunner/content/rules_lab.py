"""The rules of a lab, and those over all labs of a course."""

from collections.abc import Iterable, Iterator

from labrunner.content.nearest import shown
from labrunner.content.rules import Known, kebab, not_empty, notice_rules, unique
from labrunner.content.rules_setup import setup_rules
from labrunner.content.rules_step import SHELL_NAME, question_rules, step_rules, timeouts
from labrunner.content.shapes import Path
from labrunner.content.sources import Source
from labrunner.model import Command, Diagnostic, File, Lab

__all__ = ["lab_rules", "labs_rules"]


def labs_rules(labs: Iterable[tuple[Lab, Source]]) -> Iterator[Diagnostic]:
    """No two labs go by one name, and no reference of the course's text occurs twice."""
    names: dict[str, str] = {}
    refs: dict[str, str] = {}
    for lab, source in labs:
        for key, name in dict.fromkeys((("id", lab.id), ("name", lab.name))):
            if not source.has((key,)) or (key == "name" and lab.name == lab.id):
                continue
            if name in names:
                yield source.problem(
                    (key,), f"the lab {key} {shown(name)} is used twice; the first is at {names[name]}"
                )
            else:
                names[name] = _at(source, (key,))
        for path, ref in _refs(lab):
            if ref in refs:
                yield source.problem(path, f"the ref {shown(ref)} is used twice; the first is at {refs[ref]}")
            else:
                refs[ref] = _at(source, path)


def _at(source: Source, path: Path) -> str:
    node = source.places[path]
    return f"{source.file}:{node.line}:{node.column}"


def _refs(lab: Lab) -> Iterator[tuple[Path, str]]:
    """The refs of commands and files; a step's own may be shared, where one step of the text became two."""
    for number, step in enumerate(lab.steps):
        places: list[Path] = [("steps", number)]
        parts: list[tuple[tuple[Command, ...], tuple[File, ...]]] = [(step.commands, step.files)]
        for index, option in enumerate(step.options):
            places.append(("steps", number, "options", index))
            parts.append((option.commands, option.files))
        for place, (commands, files) in zip(places, parts, strict=True):
            for index, command in enumerate(commands):
                if command.ref:
                    yield (*place, "commands", index, "ref"), command.ref
            for index, file in enumerate(files):
                if file.ref:
                    yield (*place, "files", index, "ref"), file.ref


def lab_rules(lab: Lab, source: Source, *, known: Known) -> Iterator[Diagnostic]:
    """The rules of one lab and its steps."""
    yield from kebab(source, ("id",), lab.id)
    yield from kebab(source, ("name",), lab.name)
    yield from not_empty(source, ("title",), lab.title)
    if lab.minutes < 0:
        yield source.problem(("minutes",), "'minutes' must not be below 0")
    if source.lacks(("steps",)):
        yield source.problem(("steps",), "a lab needs a step")
    yield from notice_rules(source, (), lab.notices)
    for index, requirement in enumerate(lab.requires):
        yield from not_empty(source, ("requires", index, "says"), requirement.says)
        if source.wrote(("requires", index, "check", "after")):
            yield source.problem(("requires", index, "check", "after"), "what a lab requires has no 'after'")
    for index, name in enumerate(lab.unset):
        if not SHELL_NAME.fullmatch(name):
            yield source.problem(("unset", index), f"{shown(name)} is no name of a shell variable")
    yield from setup_rules(lab.setup, source, ("setup",))
    yield from timeouts(lab.cleanup, source, ("cleanup",))
    yield from question_rules(lab.questions, source, ("questions",))
    yield from unique(source, [(("steps", index, "id"), step.id) for index, step in enumerate(lab.steps)], "the step")
    for index, step in enumerate(lab.steps):
        yield from notice_rules(source, ("steps", index), step.notices)
        yield from step_rules(step, source, ("steps", index), known=known)
