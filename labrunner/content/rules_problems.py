"""The rules of the files of problems: errors that a course knows, with cause and fix."""

from collections.abc import Iterable, Iterator, Sequence

from labrunner.content.nearest import shown, suggestion
from labrunner.content.rules import kebab, not_empty, recognition, unique
from labrunner.content.sources import Source
from labrunner.model import Diagnostic, Lab, Problem

__all__ = ["problems_rules", "see_rules"]


def problems_rules(
    problems: tuple[Problem, ...], source: Source, *, earlier: Sequence[Problem]
) -> Iterator[Diagnostic]:
    """The rules of one file of problems; `earlier` are those of the files before it, in order."""
    yield from unique(source, [((index, "id"), item.id) for index, item in enumerate(problems)], "the problem")
    before = list(earlier)
    names = {item.id for item in earlier}
    for index, item in enumerate(problems):
        yield from kebab(source, (index, "id"), item.id)
        if item.id in names:
            yield source.problem((index, "id"), f"the problem {shown(item.id)} is in an earlier file too")
        yield from recognition(source, (index, "when"), item.when)
        for key, text in (("cause", item.cause), ("fix", item.fix), ("source", item.source)):
            yield from not_empty(source, (index, key), text)
        if source.has((index, "when")):
            yield from _shadowed(item, source, index, before)
        before.append(item)


def _shadowed(problem: Problem, source: Source, index: int, earlier: Iterable[Problem]) -> Iterator[Diagnostic]:
    """Whatever has the pieces of this one has those of an earlier one, which is asked first: it is never told."""
    for other in earlier:
        pieces = [piece for piece in other.when if piece.strip()]
        if pieces and all(any(piece in own for own in problem.when) for piece in pieces):
            message = f"this is never told, as {shown(other.id)} before it fits whatever this fits; put this one first"
            yield source.problem((index, "when"), message)
            return


def see_rules(files: Iterable[tuple[tuple[Problem, ...], Source]], labs: Sequence[Lab]) -> Iterator[Diagnostic]:
    """Each `see` names a lab, or a step of one, as the command line does."""
    places = {name for lab in labs for name in (lab.name, *(f"{lab.name}/{step.id}" for step in lab.steps))}
    for problems, source in files:
        for index, item in enumerate(problems):
            if item.see and item.see not in places:
                message = f"'see' names no lab or step: {shown(item.see)}{suggestion(item.see, places)}"
                yield source.problem((index, "see"), message)
