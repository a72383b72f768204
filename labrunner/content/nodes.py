"""Strict YAML: bytes to nodes that know where they were written. Knows nothing of courses.

Every scalar stays text; what it means is decided by the field that it fills. Refused are duplicate keys, anchors
and aliases, tags, directives, several documents, a nesting deeper than 50, files over 1 MiB or not in UTF-8, control
characters. The tree is built from libyaml's events with a stack of our own: nothing here recurses, and an alias is
never followed, so that no input costs more than its length.
"""

# Any: PyYAML's events have no useful types
# ruff: noqa: ANN401

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from labrunner.content.files import LibyamlMissingError
from labrunner.model import Diagnostic

__all__ = ["LIMIT_BYTES", "LIMIT_DEPTH", "Mapping", "Node", "Scalar", "Sequence", "read_nodes"]

LIMIT_BYTES = 1024 * 1024
LIMIT_DEPTH = 50
LIMIT_PROBLEMS = 100

# Everything that a terminal would obey or that hides what a line says: C0, DEL, C1, and the bidirectional controls.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069]")
_CONTROL_IN_TEXT = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

# libyaml's problems in words for an author: (part of the problem, ours).
_PROBLEMS = (
    (
        "mapping values are not allowed",
        "a ':' that starts a mapping cannot be here; put text that holds ': ' in quotes",
    ),
    ("could not find expected ':'", "a key is not followed by ':'"),
    ("did not find expected key", "a key was expected here; check the indentation and the quotes"),
    ("did not find expected '-' indicator", "a list item ('- ') was expected here; check the indentation"),
    (
        "block sequence entries are not allowed",
        "a list item ('- ') cannot be here; start the list on a line of its own",
    ),
    ("did not find expected ',' or ']'", "a list in [ ] is not continued by ',' or closed by ']'"),
    ("did not find expected ',' or '}'", "a mapping in { } is not continued by ',' or closed by '}'"),
    ("found unexpected end of stream", "the quote that opens here is never closed"),
    ("did not find expected node content", "a value was expected here"),
    ("did not find expected <document start>", "only one document is allowed, and it ends before this line"),
    (
        "found unknown escape character",
        "an unknown escape in double quotes; use single quotes for text with backslashes",
    ),
    ("found a tab character", "a tab cannot be used for indentation; use spaces"),
    ("found incompatible YAML document", "a '%' directive is not used in a course; remove the line"),
    ("found undefined tag handle", "tags ('!...') are not used in a course"),
    ("found unexpected document indicator", "a '---' or '...' line inside a quoted text"),
)


@dataclass(frozen=True, slots=True)
class Scalar:
    """Text. plain: written without quotes and not as a block. broken: a problem was reported for it already."""

    line: int
    column: int
    text: str
    plain: bool = True
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    items: "list[Node]" = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in the order of the file; no key occurs twice."""

    line: int
    column: int
    entries: "list[tuple[Scalar, Node]]" = field(default_factory=list)

    def get(self, key: str) -> "Node | None":
        """The value of a key."""
        return next((value for name, value in self.entries if name.text == key), None)


Node = Scalar | Sequence | Mapping


class _Stop(Exception):  # noqa: N818 - a signal, not an error
    """The rest of the file cannot be read."""


def read_nodes(data: bytes, *, file: str) -> tuple[Node | None, list[Diagnostic]]:
    """The one document of a file as nodes, and every problem. None when nothing of it can be used.

    `file` is what the diagnostics name. Raises LibyamlMissingError.
    """
    if not yaml.__with_libyaml__:
        message = (
            "PyYAML has no libyaml here. Install its wheel: pip install --force-reinstall --only-binary :all: pyyaml"
        )
        raise LibyamlMissingError(message)
    if len(data) > LIMIT_BYTES:
        return None, [Diagnostic(file, 1, 1, "the file is over 1 MiB; split it into several labs")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _place(data[: error.start].decode("utf-8"))
        message = f"the file is not UTF-8: byte 0x{data[error.start]:02x} cannot be here; save it as UTF-8"
        return None, [Diagnostic(file, line, column, message)]
    found = _CONTROL.search(text)
    if found is not None:
        line, column = _place(text[: found.start()])
        message = f"the control character U+{ord(found[0]):04X} is not allowed in a course"
        return None, [Diagnostic(file, line, column, message)]
    builder = _Builder(file)
    try:
        builder.read(_events(text.removeprefix("\ufeff"), builder))
    except _Stop:
        return None, builder.problems
    return builder.root, builder.problems


def _place(before: str) -> tuple[int, int]:
    """Line and column, from 1, of what follows `before`."""
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def _events(text: str, builder: "_Builder") -> Iterator[Any]:
    """Libyaml's events; a syntax error becomes a problem and ends them."""
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        unclosed = "unexpected end of stream" in (error.problem or "")
        mark = (unclosed and error.context_mark) or error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        builder.report(line, column, _in_our_words(error, _character(text, line, column)))
        raise _Stop from error
    except yaml.YAMLError as error:
        builder.report(1, 1, f"this is not YAML: {error}")
        raise _Stop from error


def _character(text: str, line: int, column: int) -> str:
    lines = text.split("\n")
    return lines[line - 1][column - 1 : column] if line <= len(lines) else ""


def _in_our_words(error: yaml.MarkedYAMLError, character: str) -> str:
    problem = error.problem or ""
    if "cannot start any token" in problem:
        if character == "\t":
            return "a tab cannot be used for indentation; use spaces"
        return f"text that starts with '{character}' must be in quotes"
    for part, words in _PROBLEMS:
        if part in problem:
            return words
    return f"this is not YAML: {problem}"


class _Builder:
    """Takes the events one by one and grows the tree. `stack` holds the open lists and mappings."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Diagnostic] = []
        self.root: Node | None = None
        self.stack: list[Sequence | Mapping] = []
        # Per open mapping: the key that waits for its value (None: a key comes next) and the keys so far.
        self.keys: list[tuple[list[Scalar | None], dict[str, Scalar]]] = []
        self.documents = 0

    def report(self, line: int, column: int, message: str) -> None:
        self.problems.append(Diagnostic(self.file, line, column, message))
        if len(self.problems) >= LIMIT_PROBLEMS:
            self.problems.append(Diagnostic(self.file, line, column, "too many problems; the rest was not read"))
            raise _Stop

    def read(self, events: Iterator[Any]) -> None:
        for event in events:
            name = type(event).__name__
            if name == "ScalarEvent":
                self.marks(event)
                self.add(self.scalar(event))
            elif name in {"MappingStartEvent", "SequenceStartEvent"}:
                self.marks(event)
                self.open(event, mapping=name == "MappingStartEvent")
            elif name in {"MappingEndEvent", "SequenceEndEvent"}:
                if isinstance(self.stack.pop(), Mapping):
                    self.keys.pop()
            elif name == "AliasEvent":
                line, column = self.where(event)
                self.report(line, column, f"an alias ('*{event.anchor}') is not allowed; write the value out")
                self.add(Scalar(line, column, "", broken=True))
            elif name == "DocumentStartEvent":
                self.document(event)
        if self.root is None or (isinstance(self.root, Scalar) and self.root.plain and not self.root.text):
            self.report(1, 1, "the file is empty")
            raise _Stop

    def where(self, event: Any) -> tuple[int, int]:
        return event.start_mark.line + 1, event.start_mark.column + 1

    def document(self, event: Any) -> None:
        self.documents += 1
        line, column = self.where(event)
        if event.version or event.tags:
            self.report(line, column, "a '%' directive is not used in a course; remove the line")
        if self.documents > 1:
            self.report(line, column, "only one document is allowed in a file; remove what starts at this '---'")
            raise _Stop

    def marks(self, event: Any) -> None:
        """Refuse an anchor and a tag; go on as if there was none."""
        if event.anchor is not None:
            self.report(
                *self.where(event),
                f"an anchor ('&{event.anchor}') is not allowed; write the value out where it is used",
            )
        if event.tag is not None:
            self.report(*self.where(event), "a tag ('!...') is not allowed; the field decides what a value is")

    def scalar(self, event: Any) -> Scalar:
        line, column = self.where(event)
        text = event.value
        plain = event.style is None or event.style == ""
        found = _CONTROL_IN_TEXT.search(text)
        if found is not None:
            self.report(line, column, f"the control character U+{ord(found[0]):04X} is not allowed in a course")
            return Scalar(line, column, "", broken=True)
        if plain and "\t" in text:
            self.report(line, column, "a tab inside unquoted text; use spaces, or put the text in quotes")
        return Scalar(line, column, text, plain=plain)

    def open(self, event: Any, *, mapping: bool) -> None:
        line, column = self.where(event)
        if len(self.stack) >= LIMIT_DEPTH:
            self.report(line, column, f"nested deeper than {LIMIT_DEPTH} levels")
            raise _Stop
        node: Sequence | Mapping = Mapping(line, column) if mapping else Sequence(line, column)
        self.add(node)
        self.stack.append(node)
        if isinstance(node, Mapping):
            self.keys.append(([None], {}))

    def add(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        waiting, seen = self.keys[-1]
        if waiting[0] is None:
            waiting[0] = self.key(node)
            return
        key, waiting[0] = waiting[0], None
        if key.broken:
            return
        if key.text in seen:
            first = seen[key.text]
            message = f"the key '{key.text}' is written twice in one mapping; the first is in line {first.line}"
            self.report(key.line, key.column, message)
            return
        seen[key.text] = key
        parent.entries.append((key, node))

    def key(self, node: Node) -> Scalar:
        if not isinstance(node, Scalar):
            self.report(node.line, node.column, "a key must be text, not a list or a mapping")
        elif node.broken:
            return node
        elif not node.text:
            self.report(node.line, node.column, "a key is empty")
        elif node.text == "<<" and node.plain:
            self.report(node.line, node.column, "a merge key ('<<') is not allowed; write the keys out")
        else:
            return node
        return Scalar(node.line, node.column, "", broken=True)
