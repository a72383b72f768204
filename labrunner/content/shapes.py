"""The shapes that a course's files may have, taken from the model's dataclasses, and words for them."""

# Any: what an author wrote has no type yet
# ruff: noqa: ANN401

import dataclasses
import functools
import keyword
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from labrunner.content import nodes
from labrunner.content.nearest import shown
from labrunner.model import (
    Arrangement,
    Azure,
    AzureRegistry,
    AzureWebhook,
    Check,
    Cleanup,
    Command,
    Course,
    Erratum,
    Expectation,
    Fault,
    File,
    Hint,
    Image,
    Lab,
    Mistake,
    Notice,
    Option,
    Page,
    Problem,
    Question,
    Requirement,
    Seed,
    SeededManifest,
    Setup,
    Solution,
    Step,
    Variable,
    WorkFolder,
    WrongState,
)

__all__ = [
    "PLAIN_TEXT",
    "WORDS",
    "CourseFile",
    "Path",
    "children",
    "core_value",
    "field_of",
    "hint_at",
    "hints",
    "is_broken",
    "is_empty",
    "key_of",
    "shape_of",
    "words_at",
]

Path = tuple[str | int, ...]
"""Where a value is in the model: field names and indices from the file's root."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class CourseFile:
    """What `course.yaml` says. `labs`, `errata` and `problems` name files of the course."""

    format: int
    id: str
    title: str
    text: str = ""
    variables: tuple[Variable, ...] = ()
    images: tuple[Image, ...] = ()
    work: WorkFolder = dataclasses.field(default_factory=WorkFolder)
    azure: Azure | None = None
    labs: tuple[str, ...]
    errata: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    pages: tuple[Page, ...] = ()


WORDS: Mapping[type, str] = {
    CourseFile: "a course",
    Course: "a course",
    Lab: "a lab",
    Step: "a step",
    Command: "a command",
    Expectation: "an 'expect'",
    Check: "a check",
    Setup: "a setup",
    Requirement: "a requirement",
    Seed: "a seed",
    SeededManifest: "a seeded manifest",
    Arrangement: "an arrangement",
    Fault: "a fault",
    Cleanup: "a cleanup",
    File: "a file",
    Hint: "a hint",
    Mistake: "a mistake",
    Solution: "a solution",
    WrongState: "a wrong state",
    Notice: "a notice",
    Question: "a question",
    Option: "an option",
    Erratum: "an erratum",
    Problem: "a problem",
    Page: "a page",
    Variable: "a variable",
    Image: "an image",
    WorkFolder: "a work folder",
    Azure: "the azure",
    AzureRegistry: "a registry",
    AzureWebhook: "a webhook",
}
PLAIN_TEXT: Mapping[type, str] = {Command: "run", Setup: "run", Cleanup: "run", Hint: "text"}
"""Where plain text stands for a mapping with that one key."""

_FILLED = frozenset({"at"})
"""Fields that are no keys."""


@functools.cache
def hints(kind: type) -> Mapping[str, Any]:
    """The keys of a dataclass and the types of their values."""
    hints = typing.get_type_hints(kind)
    return {_key(item.name): hints[item.name] for item in dataclasses.fields(kind) if item.name not in _FILLED}


def field_of(key: str) -> str:
    """The field that a key fills: no field can be called like a word of Python's."""
    return f"{key}_" if keyword.iskeyword(key) else key


def _key(field: str) -> str:
    return field.removesuffix("_")


def is_broken(node: nodes.Node) -> bool:
    """Whether a problem was reported for it already."""
    return isinstance(node, nodes.Scalar) and node.broken


def is_empty(node: nodes.Node) -> bool:
    """Whether nothing is written after the key."""
    return isinstance(node, nodes.Scalar) and node.plain and not node.text


def shape_of(node: nodes.Node) -> str:
    """What the author wrote, in words."""
    if isinstance(node, nodes.Mapping):
        return "a mapping"
    if isinstance(node, nodes.Sequence):
        return "a list"
    return "nothing" if not node.text else f"the text {shown(node.text)}"


def key_of(path: Path) -> str:
    """The key of a value in a message; an item of a list goes by the list's key."""
    if not path:
        return "the file"
    names = [part for part in path if isinstance(part, str)]
    return f"an item of {shown(_key(names[-1]))}" if isinstance(path[-1], int) and names else shown(_key(str(path[-1])))


def children(node: nodes.Sequence | nodes.Mapping) -> list[tuple[str | int, nodes.Node]]:
    """The parts of a list or mapping with their last step of a Path."""
    if isinstance(node, nodes.Sequence):
        return list(enumerate(node.items))
    return [(key.text, item) for key, item in node.entries]


def core_value(text: str) -> Any:  # noqa: PLR0911 - one return per type
    """A plain scalar by YAML 1.2's core schema, less what JSON cannot say."""
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE"}:
        return True
    if text in {"false", "False", "FALSE"}:
        return False
    if len(text) > 40:
        return text
    if re.fullmatch(r"[-+]?[0-9]+", text):
        return int(text)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return float(text)
    return text


def hint_at(kind: Any, path: Path) -> Any:
    """The type that the model gives to the value at that path."""
    for part in path:
        if isinstance(kind, types.UnionType):
            kind = next(item for item in typing.get_args(kind) if item is not type(None))
        kind = typing.get_args(kind)[0] if isinstance(part, int) else typing.get_type_hints(kind)[part]
    return kind


def words_at(kind: Any, path: Path) -> str:
    """What the value at that path is called."""
    found = hint_at(kind, path)
    if isinstance(found, types.UnionType):
        found = next(item for item in typing.get_args(found) if item is not type(None))
    return WORDS[found]
