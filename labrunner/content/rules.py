"""Rules that courses, labs and steps share. Each yields the diagnostics it finds."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from labrunner.content import insides
from labrunner.content.nearest import shown, suggestion
from labrunner.content.shapes import Path
from labrunner.content.sources import Source
from labrunner.content.variables import NOT_FILLED, PATTERNS, references
from labrunner.model import Diagnostic, Notice

__all__ = [
    "Known",
    "course_file",
    "kebab",
    "not_empty",
    "notice_rules",
    "recognition",
    "seconds",
    "text_rules",
    "unique",
]

NOTICE_KINDS = ("cost", "note", "retirement", "warning")

_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OPEN_MAPPINGS = frozenset({"args", "rows", "json", "env", "default", "files", "registries"})


@dataclass(frozen=True, slots=True)
class Known:
    """What names in labs may refer to. folder: the course's real path. errata: None if a file of them is unreadable."""

    folder: str
    variables: frozenset[str]
    errata: frozenset[str] | None


def kebab(source: Source, path: Path, name: str) -> Iterator[Diagnostic]:
    """The name of a thing, as it is typed on a command line."""
    if source.has(path) and not _KEBAB.fullmatch(name):
        message = f"{shown(name)} must be lower-case words joined by '-', like 'tag-images'"
        yield source.problem(path, message)


def unique(source: Source, places: Iterable[tuple[Path, str]], what: str) -> Iterator[Diagnostic]:
    """No name twice; the second one is reported, with the line of the first."""
    first: dict[str, Path] = {}
    for path, name in places:
        if not source.has(path):
            continue
        if name in first:
            line = source.places[first[name]].line
            yield source.problem(path, f"{what} {shown(name)} is used twice; the first is in line {line}")
        else:
            first[name] = path


def not_empty(source: Source, path: Path, text: str) -> Iterator[Diagnostic]:
    """A text says something."""
    if source.has(path) and not text.strip():
        yield source.problem(path, f"'{path[-1]}' must not be empty")


def recognition(source: Source, path: Path, when: tuple[str, ...]) -> Iterator[Diagnostic]:
    """What recognises something says something."""
    if source.has(path) and (not when or not all(piece.strip() for piece in when)):
        yield source.problem(path, "'when' needs pieces of text; an empty one would recognise everything")


def seconds(source: Source, path: Path, value: float | None, *, zero: bool = False) -> Iterator[Diagnostic]:
    """A length of time: finite, above 0 (or, with `zero`, 0)."""
    if value is None or not source.has(path):
        return
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        yield source.problem(path, f"'{path[-1]}' must be a number of seconds {'from 0 on' if zero else 'above 0'}")


def notice_rules(source: Source, path: Path, notices: tuple[Notice, ...]) -> Iterator[Diagnostic]:
    """Each notice is of a kind that the guide can show."""
    for index, notice in enumerate(notices):
        place = (*path, "notices", index, "kind")
        if source.has(place) and notice.kind not in NOTICE_KINDS:
            yield source.problem(
                place, f"unknown kind of notice {shown(notice.kind)}{suggestion(notice.kind, NOTICE_KINDS)}"
            )


def course_file(name: str, source: Source, path: Path, known: Known) -> Iterator[Diagnostic]:
    """A file that must be in the course; a name with a variable is only known in a run."""
    reason = None if any(references(name)) else insides.unusable(known.folder, name)
    if reason is not None and source.has(path):
        yield source.problem(path, f"the file {shown(name)} {reason}")


def text_rules(source: Source, *, known: Known) -> Iterator[Diagnostic]:
    """Every `@{...}` of a file names a variable of the course."""
    for path, node in source.places.items():
        text = getattr(node, "text", "")
        if "@{" not in text or not _is_filled(path):
            continue
        for found in references(text, pattern=_is_pattern(path)):
            if found.name is None:
                message = f"{shown(found.text)} is no variable like '@{{NAME}}'; write '@@{{' for a plain '@{{'"
                yield source.problem(path, message, piece=found.text)
            elif found.name not in known.variables:
                end = suggestion(found.name, known.variables) or "; the course has no variables"
                message = f"unknown variable '@{{{found.name}}}'{end} (write '@@{{' for a plain '@{{')"
                yield source.problem(path, message, piece=found.text)


def _is_pattern(path: Path) -> bool:
    return any(name == "expect" and field in PATTERNS for name, field in pairwise(path))


def _is_filled(path: Path) -> bool:
    names = [part for part in path if isinstance(part, str)]
    return bool(_OPEN_MAPPINGS.intersection(names[:-1])) or not (names and names[-1] in NOT_FILLED)
