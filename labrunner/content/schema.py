"""Positioned nodes -> the model's values. The dataclasses of the model are the schema; pydantic does the typing.

A Reader walks the nodes of one file along the types of the fields: it expands the shorthands, refuses unknown keys and
wrong shapes, and notes where each value was written. Pydantic then turns text into numbers and truth values. A value
with a problem is left out, so that the rules of `rules` can still look at the rest.
"""

# Any: what an author wrote has no type yet
# ruff: noqa: ANN401

import dataclasses
import functools
import re
import types
import typing
from collections import abc
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pydantic

from labrunner.content import nodes
from labrunner.content.catalog import TYPES, Catalog, Signature
from labrunner.content.nearest import shown, suggestion
from labrunner.content.shapes import (
    PLAIN_TEXT,
    WORDS,
    Path,
    children,
    core_value,
    field_of,
    hint_at,
    hints,
    is_broken,
    is_empty,
    key_of,
    shape_of,
    words_at,
)
from labrunner.model import Check, Diagnostic, Variable

__all__ = ["Reader"]

T = TypeVar("T")

_OMIT = object()

_BESIDE = ("host", "after", "within", "lasts")  # the keys of a check beside its kind
_SPECIAL = frozenset({"variables", "default", "exit", "json"})
_PARSING = (("int", "a whole number"), ("float", "a number"), ("bool", "true or false"))
_SCALARS: Mapping[str, type] = {"str": str, "int": int, "float": float, "bool": bool}
_EXPECTED: Mapping[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}


@functools.cache
def _adapter(kind: Any) -> pydantic.TypeAdapter[Any]:
    return pydantic.TypeAdapter(kind)


class Reader:
    """Reads one file. `places` maps each value's Path to its node; `problems` grows.

    damaged: required values that are missing or refused, and stand as place-holders in what `read` returns.
    """

    def __init__(self, file: str, *, catalog: Catalog) -> None:
        self.file = file
        self.catalog = catalog
        self.places: dict[Path, nodes.Node] = {}
        self.damaged: set[Path] = set()
        self.problems: list[Diagnostic] = []

    def report(self, node: nodes.Node, message: str) -> None:
        """Add a problem at a node."""
        self.problems.append(Diagnostic(self.file, node.line, node.column, message))

    def read(self, root: nodes.Node, kind: type[T]) -> T | None:
        """The value of type `kind` that the file holds; None if nothing can be made of it."""
        data = self.value(root, kind, ())
        return None if data is _OMIT else typing.cast("T | None", self._typed(data, kind))

    # -- shapes ------------------------------------------------------------------------------------------------

    def value(self, node: nodes.Node, hint: Any, path: Path) -> Any:  # noqa: PLR0911 - one return per shape
        """Plain data for pydantic, or _OMIT after a problem."""
        self.places[path] = node
        special = self._special(path[-1], hint) if path else None
        if special is not None:
            return special(node, path)
        if is_empty(node):
            if not (isinstance(node, nodes.Scalar) and node.broken):
                self.report(node, f"{key_of(path)} has no value; write one or leave the key out")
            return _OMIT
        if isinstance(hint, types.UnionType):
            hint = next(part for part in typing.get_args(hint) if part is not type(None))
        origin = typing.get_origin(hint)
        if hint is Check:
            return self._check(node, path)
        if dataclasses.is_dataclass(hint):
            return self._record(node, typing.cast("type", hint), path)
        if origin is tuple:
            return self._items(node, typing.get_args(hint)[0], path)
        if origin is abc.Mapping:
            return self._texts(node, path)
        if isinstance(node, nodes.Scalar):
            return node.text
        self.report(node, f"{key_of(path)} must be {_EXPECTED.get(hint, 'text')}, not {shape_of(node)}")
        return _OMIT

    def _record(self, node: nodes.Node, kind: type, path: Path) -> Any:
        words = WORDS[kind]
        if isinstance(node, nodes.Scalar) and kind in PLAIN_TEXT:
            data = {PLAIN_TEXT[kind]: node.text}
            self.places[(*path, PLAIN_TEXT[kind])] = node
        elif isinstance(node, nodes.Mapping):
            data = self._entries(node, kind, path)
        else:
            self.report(node, f"{words} must be a mapping, not {shape_of(node)}")
            return _OMIT
        if any(item.name == "at" for item in dataclasses.fields(kind)):
            data["at"] = f"{self.file}:{node.line}:{node.column}"
        return data

    def _entries(self, node: nodes.Mapping, kind: type, path: Path, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
        keys = {name: hint for name, hint in hints(kind).items() if name not in without}
        data = {}
        for key, item in node.entries:
            if key.text not in keys:
                message = f"unknown key {shown(key.text)} in {WORDS[kind]}{suggestion(key.text, keys)}"
                self.report(key, message)
                continue
            field = field_of(key.text)
            value = self.value(item, keys[key.text], (*path, field))
            if value is not _OMIT:
                data[field] = value
        return data

    def _items(self, node: nodes.Node, hint: Any, path: Path) -> Any:
        """A list; a single text where texts are meant stands for a list of one."""
        if isinstance(node, nodes.Scalar) and hint is str:
            self.places[(*path, 0)] = node
            return [node.text]
        if not isinstance(node, nodes.Sequence):
            self.report(node, f"{key_of(path)} must be a list, not {shape_of(node)}")
            return _OMIT
        data: list[Any] = []
        for item in node.items:
            place = (*path, len(data))
            value = self.value(item, hint, place)
            if value is _OMIT:
                self.places.pop(place, None)
            else:
                data.append(value)
        return data

    def _texts(self, node: nodes.Node, path: Path) -> Any:
        """A mapping of texts; its keys are the author's."""
        if not isinstance(node, nodes.Mapping):
            self.report(node, f"{key_of(path)} must be a mapping, not {shape_of(node)}")
            return _OMIT
        data = {}
        for key, item in node.entries:
            self.places[(*path, key.text)] = item
            if isinstance(item, nodes.Scalar):
                data[key.text] = item.text
            else:
                self.report(item, f"{shown(key.text)} must be text, not {shape_of(item)}")
        return data

    def _special(self, name: str | int, hint: Any) -> Callable[[nodes.Node, Path], Any] | None:
        """What reads a field that is written in a form of its own."""
        if name not in _SPECIAL:
            return None
        forms: tuple[tuple[str, Any, Callable[[nodes.Node, Path], Any]], ...] = (
            ("variables", tuple[Variable, ...], self._variables),
            ("default", Mapping[str, str], self._default),
            ("exit", int | str, self._exit),
            ("json", object, self._json),
        )
        return next((form for key, kind, form in forms if key == name and kind == hint), None)

    # -- shorthands --------------------------------------------------------------------------------------------

    def _variables(self, node: nodes.Node, path: Path) -> Any:
        """`NAME: {prompt: ...}` for each variable."""
        if not isinstance(node, nodes.Mapping):
            self.report(node, f"'variables' must be a mapping of names to their fields, not {shape_of(node)}")
            return _OMIT
        data: list[dict[str, Any]] = []
        for key, item in node.entries:
            place = (*path, len(data))
            self.places[place] = key
            self.places[(*place, "name")] = key
            fields = {}
            if isinstance(item, nodes.Mapping):
                fields = self._entries(item, Variable, place, without=("name",))
            elif not is_broken(item):
                self.report(item, f"the variable {shown(key.text)} must be a mapping, not {shape_of(item)}")
            data.append({**fields, "name": key.text, "at": f"{self.file}:{key.line}:{key.column}"})
        return data

    def _default(self, node: nodes.Node, path: Path) -> Any:
        """One text stands for every target."""
        if isinstance(node, nodes.Scalar) and not node.broken:
            self.places[(*path, "*")] = node
            return {"*": node.text}
        return _OMIT if is_broken(node) else self._texts(node, path)

    def _exit(self, node: nodes.Node, _path: Path) -> Any:
        if is_broken(node):
            return _OMIT
        text = node.text if isinstance(node, nodes.Scalar) else ""
        if text == "nonzero":
            return text
        if re.fullmatch("[0-9]{1,3}", text) and int(text) <= 255:
            return int(text)
        said = shown(text) if text else shape_of(node)
        self.report(node, f"'exit' must be a number from 0 to 255 or 'nonzero', not {said}")
        return _OMIT

    def _json(self, node: nodes.Node, path: Path) -> Any:
        """A JSON value: plain scalars by YAML's core rules, quoted ones are text."""
        if isinstance(node, nodes.Scalar):
            if node.broken:
                return _OMIT
            value = core_value(node.text) if node.plain else node.text
            if value is None and path[-1] == "json":
                self.report(node, "'json' has no value; write one or leave the key out")
                return _OMIT
            return value
        for key, item in children(node):
            self.places[(*path, key)] = item
        if isinstance(node, nodes.Sequence):
            values = [self._json(item, (*path, index)) for index, item in enumerate(node.items)]
            return [value for value in values if value is not _OMIT]
        pairs = ((key.text, self._json(item, (*path, key.text))) for key, item in node.entries)
        return {key: value for key, value in pairs if value is not _OMIT}

    # -- checks ------------------------------------------------------------------------------------------------

    def _check(self, node: nodes.Node, path: Path) -> Any:
        """`kind: {argument: value}` with the keys of `_BESIDE` beside it."""
        if not isinstance(node, nodes.Mapping):
            message = f"a check must be a mapping such as 'docker.image: {{image: ...}}', not {shape_of(node)}"
            self.report(node, message)
            return _OMIT
        kinds = [(key, item) for key, item in node.entries if "." in key.text]
        data = self._siblings(node, path, complete=bool(kinds))
        if len(kinds) != 1:
            for key, _ in kinds[1:]:
                message = f"a check has one kind, but {shown(key.text)} is a second; write it as a check of its own"
                self.report(key, message)
            if not kinds and data is not _OMIT:
                message = "this check names no kind; write one such as 'docker.image: {image: ...}'"
                self.report(node, message)
            return _OMIT
        if data is _OMIT:
            data = {}
        key, arguments = kinds[0]
        self.places[(*path, "kind")] = key
        signature = self.catalog.signatures.get(key.text)
        if signature is None:
            if not self.catalog.complete:  # it may be in the file that could not be read
                return {**data, "kind": key.text}
            self.report(key, f"unknown check {shown(key.text)}{suggestion(key.text, self.catalog.signatures)}")
            return {**data, "kind": key.text, "at": f"{self.file}:{node.line}:{node.column}"}
        args = self._arguments(key, arguments, signature, (*path, "args"))
        return {**data, "kind": key.text, "args": args, "at": f"{self.file}:{node.line}:{node.column}"}

    def _siblings(self, node: nodes.Mapping, path: Path, *, complete: bool) -> Any:
        """What stands beside the kind; _OMIT if a key was refused."""
        data: dict[str, Any] = {}
        refused = False
        for key, item in node.entries:
            if key.text in _BESIDE:
                value = self.value(item, hints(Check)[key.text], (*path, key.text))
                if value is not _OMIT:
                    data[key.text] = value
            elif "." not in key.text:
                known = _BESIDE if complete else self.catalog.signatures
                what = "unknown key" if complete else "unknown check"
                self.report(key, f"{what} {shown(key.text)} in a check{suggestion(key.text, known)}")
                refused = True
        return _OMIT if refused else data

    def _arguments(self, kind: nodes.Scalar, node: nodes.Node, signature: Signature, path: Path) -> dict[str, Any]:
        if isinstance(node, nodes.Scalar) and node.plain and node.text in {"", "null", "~"}:
            node = nodes.Mapping(kind.line, kind.column)
        if not isinstance(node, nodes.Mapping):
            message = f"the arguments of {shown(kind.text)} must be a mapping, not {shape_of(node)}"
            self.report(node, message)
            return {}
        self.places[path] = node
        parameters = {parameter.name: parameter for parameter in signature.parameters}
        args = {}
        for key, item in node.entries:
            parameter = parameters.get(key.text)
            if parameter is None:
                end = suggestion(key.text, parameters) if parameters else "; it takes none"
                self.report(key, f"unknown argument {shown(key.text)} of the check {shown(kind.text)}{end}")
                continue
            value = self._argument(item, parameter.type, (*path, key.text))
            if value is not _OMIT:
                args[key.text] = value
        for parameter in signature.parameters:
            if parameter.required and node.get(parameter.name) is None:
                self.report(kind, f"the check {shown(kind.text)} needs the argument '{parameter.name}'")
        return args

    def _argument(self, node: nodes.Node, kind: str, path: Path) -> Any:
        self.places[path] = node
        if is_broken(node):
            return _OMIT
        if kind == "list[str]" and not is_empty(node):
            return self._items(node, str, path)
        if kind == "dict[str, str]" and not is_empty(node):
            return self._texts(node, path)
        if isinstance(node, nodes.Scalar) and (node.text or kind == "str"):
            try:
                return _adapter(_SCALARS.get(kind, str)).validate_python(node.text)
            except pydantic.ValidationError:
                said = shown(node.text)
        else:
            said = shape_of(node)
        self.report(node, f"the argument {key_of(path)} must be {TYPES[kind]}, not {said}")
        return _OMIT

    # -- types -------------------------------------------------------------------------------------------------

    def _typed(self, data: Any, kind: Any) -> Any:
        """Pydantic's value; what it refuses is reported and left out, and the rest is tried again."""
        for _ in range(4):
            try:
                return _adapter(kind).validate_python(data)
            except pydantic.ValidationError as error:
                for problem in error.errors(include_url=False, include_context=False):
                    self._refused(data, kind, problem)
        return None

    def _refused(self, data: Any, kind: Any, problem: Any) -> None:
        path: Path = tuple(problem["loc"])
        if problem["type"] == "missing":
            owner = self.places[path[:-1]]
            if path not in self.places:  # else it was written, and its own problem is reported
                words = words_at(kind, path[:-1])
                self.report(owner, f"{words} needs the key '{path[-1]}'")
            self.damaged.add(path)
            _set(data, path, () if "tuple" in str(hint_at(kind, path)) else "0")
            return
        node = self.places[path]
        said = shown(problem["input"]) if isinstance(problem["input"], str) else shape_of(node)
        expected = next((words for part, words in _PARSING if problem["type"].startswith(part)), "of another type")
        self.report(node, f"{key_of(path)} must be {expected}, not {said}")
        while isinstance(path[-1], int):
            path = path[:-1]
        _delete(data, path)


def _owner(data: Any, path: Path) -> Any:
    for part in path[:-1]:
        data = data[part]
    return data


def _set(data: Any, path: Path, value: object) -> None:
    _owner(data, path)[path[-1]] = value


def _delete(data: Any, path: Path) -> None:
    _owner(data, path).pop(path[-1], None)
