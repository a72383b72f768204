"""The check kinds and their arguments, read from the source of the check files without running them."""

# pathlib costs the start-up that `list` may not spend
# ruff: noqa: PTH114, PTH119, PTH208

import ast
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from labrunner.content.files import CourseFilesError, read_bytes
from labrunner.content.nearest import shown
from labrunner.model import Diagnostic

__all__ = ["TYPES", "Catalog", "Parameter", "Signature", "read_catalog"]

TYPES: Mapping[str, str] = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list[str]": "a list of texts",
    "dict[str, str]": "a mapping of texts",
}
"""The annotations that a check's argument may have, in words."""

_LIMIT_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One argument of a check. `type` is a key of TYPES."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A check kind: its arguments, the first line of its docstring, its file, and where in it."""

    kind: str
    parameters: tuple[Parameter, ...] = ()
    says: str = ""
    path: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every check kind by name, and what is wrong with the check files. complete: all of them could be read."""

    signatures: Mapping[str, Signature] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    complete: bool = True


def read_catalog(folders: Iterable[str]) -> Catalog:
    """The check kinds of the `*.py` files of these folders, in order. Nothing is imported or executed.

    A folder that is missing holds none. Diagnostics name a file as `<folder>/<file>`.
    """
    reading = _Reading()
    for folder in dict.fromkeys(os.path.realpath(folder) for folder in folders):
        try:
            names = sorted(name for name in os.listdir(folder) if name.endswith(".py"))
        except FileNotFoundError:
            continue
        for name in names:
            reading.file(folder, name)
    return Catalog(reading.signatures, tuple(reading.problems), reading.complete)


@dataclass(frozen=True, slots=True)
class _Problem:
    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class _Defined:
    """A function marked as a check, or (kind "") so marked that its kind cannot be read.

    `problems` are told in any case, `insides` where it is the first of its kind.
    """

    kind: str
    line: int
    column: int
    function_line: int
    says: str = ""
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[_Problem, ...] = ()
    insides: tuple[_Problem, ...] = ()


class _Reading:
    def __init__(self) -> None:
        self.signatures: dict[str, Signature] = {}
        self.problems: list[Diagnostic] = []
        self.complete = True
        self.name = ""
        self.path = ""

    def report(self, *problems: _Problem) -> None:
        self.problems += (Diagnostic(self.name, item.line, item.column, item.message) for item in problems)

    def file(self, folder: str, name: str) -> None:
        self.name = f"{os.path.basename(folder)}/{name}"
        self.path = f"{folder}/{name}"
        defined = self.defined(folder, name)
        if defined is None:
            self.complete = False
            return
        for item in defined:
            self.take(item)

    def defined(self, folder: str, name: str) -> tuple[_Defined, ...] | None:
        """The checks of the file, or a problem."""
        if os.path.islink(self.path):
            self.report(_Problem(1, 1, "a check file must not be a link: its content would not be the course's own"))
            return None
        try:
            source = read_bytes(folder, name, limit=_LIMIT_BYTES)
            if len(source) <= _LIMIT_BYTES:
                return _defined(source)
            self.report(_Problem(1, 1, "the check file is over 1 MiB"))
        except SyntaxError as error:
            place = max(1, error.lineno or 1), max(1, error.offset or 1)
            self.report(_Problem(*place, f"this is not Python: {error.msg}"))
        except CourseFilesError as error:
            self.report(_Problem(1, 1, str(error)))
        except (ValueError, RecursionError, MemoryError) as error:
            self.report(_Problem(1, 1, f"this is not Python: {type(error).__name__}: {error}"))
        return None

    def take(self, item: _Defined) -> None:
        """Take a check up, or say what is wrong with it."""
        self.report(*item.problems)
        if not item.kind:
            return
        earlier = self.signatures.get(item.kind)
        if earlier is not None:
            message = f"the check kind {shown(item.kind)} is defined twice; the first is in {earlier.at}"
            self.report(_Problem(item.line, item.column, message))
            return
        self.report(*item.insides)
        self.signatures[item.kind] = Signature(
            kind=item.kind,
            parameters=item.parameters,
            says=item.says,
            path=self.path,
            at=f"{self.name}:{item.function_line}",
        )


@lru_cache(maxsize=64)
def _defined(source: bytes) -> tuple[_Defined, ...]:
    """The functions of this source that are marked as checks, in order. Raises what `ast.parse` raises.

    Kept by content: whoever reads course after course has the same check files before him each time.
    """
    return tuple(
        found
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for decorator in node.decorator_list
        if (found := _function(node, decorator)) is not None
    )


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.expr) -> _Defined | None:
    """The function as a check if the decorator is `@check("kind")`."""
    if not (isinstance(decorator, ast.Call) and _last_name(decorator.func) == "check"):
        return None
    place = decorator.lineno, decorator.col_offset + 1, node.lineno
    argument = decorator.args[0] if len(decorator.args) == 1 and not decorator.keywords else None
    if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "." in argument.value):
        message = 'a check is marked with its kind as plain text, like @check("docker.image")'
        return _Defined("", *place, problems=(_problem(decorator, message),))
    kind = argument.value
    problems: tuple[_Problem, ...] = ()
    if isinstance(node, ast.AsyncFunctionDef):
        problems = (_problem(node, f"the check {shown(kind)} is an async function; write a plain one"),)
    says = (ast.get_docstring(node) or "").strip().split("\n", 1)[0]
    parameters, insides = _parameters(node, kind)
    return _Defined(kind, *place, says, parameters, problems, insides)


def _parameters(
    node: ast.FunctionDef | ast.AsyncFunctionDef, kind: str
) -> tuple[tuple[Parameter, ...], tuple[_Problem, ...]]:
    """The arguments, and what is wrong with them."""
    arguments = node.args
    found, problems = [], []
    if len(arguments.posonlyargs) + len(arguments.args) != 1 or arguments.vararg or arguments.kwarg:
        problems.append(_problem(node, f"the check {shown(kind)} must take one Context, and its arguments after a '*'"))
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        kind_of = _annotation(argument.annotation)
        if kind_of is None:
            allowed = ", ".join(TYPES)
            message = f"the argument '{argument.arg}' of a check needs one of the types {allowed}"
            problems.append(_problem(argument, message))
            kind_of = "str"
        found.append(Parameter(name=argument.arg, type=kind_of, required=default is None))
    return tuple(found), tuple(problems)


def _problem(node: ast.stmt | ast.expr | ast.arg, message: str) -> _Problem:
    return _Problem(node.lineno, node.col_offset + 1, message)


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _annotation(node: ast.expr | None) -> str | None:
    """The key of TYPES; `X | None` counts as X, Sequence and Mapping as list and dict."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        try:
            node = ast.parse(node.value, mode="eval").body
        except (SyntaxError, ValueError):
            return None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        if isinstance(node.right, ast.Constant) and node.right.value is None:
            return _annotation(node.left)
        return None
    if node is None:
        return None
    text = ast.unparse(node)
    for long, short in (("Sequence[", "list["), ("Mapping[", "dict[")):
        if text.startswith(long):
            text = short + text.removeprefix(long)
    return text if text in TYPES else None
