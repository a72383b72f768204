"""The check kinds and their arguments, read from the source of the check files without running them."""

# pathlib costs the start-up that `list` may not spend
# ruff: noqa: PTH114, PTH119, PTH208

import ast
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

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


class _Reading:
    def __init__(self) -> None:
        self.signatures: dict[str, Signature] = {}
        self.problems: list[Diagnostic] = []
        self.complete = True
        self.name = ""
        self.path = ""

    def report(self, node: ast.AST | None, message: str) -> None:
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0) + 1
        self.problems.append(Diagnostic(self.name, line, column, message))

    def file(self, folder: str, name: str) -> None:
        self.name = f"{os.path.basename(folder)}/{name}"
        self.path = f"{folder}/{name}"
        tree = self.tree(folder, name)
        if tree is None:
            self.complete = False
            return
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for decorator in node.decorator_list:
                    self.function(node, decorator)

    def tree(self, folder: str, name: str) -> ast.Module | None:
        """The parsed file, or a problem."""
        if os.path.islink(self.path):
            self.report(None, "a check file must not be a link: its content would not be the course's own")
            return None
        try:
            source = read_bytes(folder, name, limit=_LIMIT_BYTES)
            if len(source) <= _LIMIT_BYTES:
                return ast.parse(source)
            self.report(None, "the check file is over 1 MiB")
        except SyntaxError as error:
            place = max(1, error.lineno or 1), max(1, error.offset or 1)
            self.problems.append(Diagnostic(self.name, *place, f"this is not Python: {error.msg}"))
        except CourseFilesError as error:
            self.report(None, str(error))
        except (ValueError, RecursionError, MemoryError) as error:
            self.report(None, f"this is not Python: {type(error).__name__}: {error}")
        return None

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.expr) -> None:
        """Take the function up if the decorator is `@check("kind")`."""
        if not (isinstance(decorator, ast.Call) and _last_name(decorator.func) == "check"):
            return
        argument = decorator.args[0] if len(decorator.args) == 1 and not decorator.keywords else None
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str) and "." in argument.value):
            self.report(decorator, 'a check is marked with its kind as plain text, like @check("docker.image")')
            return
        kind = argument.value
        if isinstance(node, ast.AsyncFunctionDef):
            self.report(node, f"the check {shown(kind)} is an async function; write a plain one")
        earlier = self.signatures.get(kind)
        if earlier is not None:
            self.report(
                decorator,
                f"the check kind {shown(kind)} is defined twice; the first is in {earlier.at}",
            )
            return
        says = (ast.get_docstring(node) or "").strip().split("\n", 1)[0]
        self.signatures[kind] = Signature(
            kind=kind,
            parameters=self.parameters(node, kind),
            says=says,
            path=self.path,
            at=f"{self.name}:{node.lineno}",
        )

    def parameters(self, node: ast.FunctionDef | ast.AsyncFunctionDef, kind: str) -> tuple[Parameter, ...]:
        arguments = node.args
        if len(arguments.posonlyargs) + len(arguments.args) != 1 or arguments.vararg or arguments.kwarg:
            self.report(node, f"the check {shown(kind)} must take one Context, and its arguments after a '*'")
        found = []
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            kind_of = _annotation(argument.annotation)
            if kind_of is None:
                allowed = ", ".join(TYPES)
                self.report(argument, f"the argument '{argument.arg}' of a check needs one of the types {allowed}")
                kind_of = "str"
            found.append(Parameter(name=argument.arg, type=kind_of, required=default is None))
        return tuple(found)


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
