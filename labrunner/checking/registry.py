"""Finds check functions in folders and loads them by path, each file only when one of its kinds is asked.

A file is read for lines that begin with `@check("...")` (no import, no execution); the file that holds a wanted kind
is then compiled and run under a private module name. The folders never get on sys.path, and nothing is written
beside the files: a course's folder is hashed, and may be read-only. A file may take names from another one of its
folder: `from .other import name`, at the beginning of a line.
"""

import hashlib
import re
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from labrunner.checking.api import CheckFunction

__all__ = ["CheckFileError", "Registry", "UnknownKindError"]

_MARK = re.compile(r"""^@(?:\w+\.)*check\(\s*["']([^"'\n]+)["']\s*\)""", re.MULTILINE)
_BESIDE = re.compile(r"^from \.(\w+) import ", re.MULTILINE)


class CheckFileError(Exception):
    """A file of a checks folder is broken, or two define one kind. The message names the file."""


class UnknownKindError(Exception):
    """No file of the folders defines that kind."""


class Registry:
    """The check kinds of some folders. Looks at the folders on the first question."""

    def __init__(self, folders: Iterable[str]) -> None:
        self._folders = tuple(folders)
        self._files: Mapping[str, Path] | None = None
        self._functions: dict[str, CheckFunction] = {}
        self._modules: dict[str, ModuleType] = {}

    def files(self) -> Mapping[str, Path]:
        """Every kind and the file that defines it. Raises CheckFileError."""
        if self._files is None:
            self._files = _scan(self._folders)
        return self._files

    def load(self, kinds: Iterable[str]) -> None:
        """Load the files of kinds that will be asked. One that cannot be is told when it is."""
        for kind in kinds:
            with suppress(CheckFileError, UnknownKindError):
                self.function(kind)

    def function(self, kind: str) -> CheckFunction:
        """The function of that kind. Raises UnknownKindError and CheckFileError."""
        if kind not in self._functions:
            path = self.files().get(kind)
            if path is None:
                raise UnknownKindError(f"There is no check kind `{kind}` in {', '.join(self._folders) or 'no folder'}.")
            self._functions.update(_marked(_load(path, self._modules)))
        try:
            return self._functions[kind]
        except KeyError:
            raise CheckFileError(
                f"{self.files()[kind]} names the check kind `{kind}`, but defines no function."
            ) from None


def _scan(folders: Iterable[str]) -> Mapping[str, Path]:
    found: dict[str, Path] = {}
    seen: set[Path] = set()
    for folder in folders:
        for path in sorted(Path(folder).glob("*.py")):
            real = path.resolve()
            if real in seen:
                continue
            seen.add(real)
            for kind in _MARK.findall(_text(path)):
                if kind in found:
                    where = f"{found[kind]} and {path}" if found[kind] != path else f"{path}, twice"
                    raise CheckFileError(
                        f"The check kind `{kind}` is defined in {where}. Give one of them another name."
                    )
                found[kind] = path
    return found


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckFileError(f"The check file {path} cannot be read: {error}") from error


def _load(path: Path, loaded: dict[str, ModuleType]) -> ModuleType:
    """Run the file, and those of its folder that it takes names from, unless `loaded` has them. Raises CheckFileError.

    Their private names are those of one package, which finds nothing by itself.
    """
    real = path.resolve()
    package = f"_labrunner_checks_{hashlib.sha256(bytes(real.parent)).hexdigest()[:12]}"
    name = f"{package}.{path.stem}"
    if name in loaded:
        return loaded[name]
    text = _text(path)
    sys.modules[package] = module_from_spec(ModuleSpec(package, None, is_package=True))
    module = module_from_spec(ModuleSpec(name, None, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = loaded[name] = module  # dataclasses look their module up there
    try:
        for other in _BESIDE.findall(text):
            if (beside := path.with_name(f"{other}.py")).exists():
                _load(beside, loaded)
        exec(compile(text, str(path), "exec"), vars(module))  # noqa: S102 - running check files is the purpose
    except Exception as error:
        del sys.modules[name], loaded[name]
        if isinstance(error, CheckFileError):
            raise
        raise CheckFileError(f"The check file {path} is broken: {_reason(error, path)}") from error
    return module


def _marked(module: ModuleType) -> Iterable[tuple[str, CheckFunction]]:
    for item in vars(module).values():
        kind = getattr(item, "check_kind", None)
        if callable(item) and isinstance(kind, str):
            yield kind, item


def _reason(error: Exception, path: Path) -> str:
    """The exception, with the line of the file where that is known."""
    line = error.lineno if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None and not isinstance(error, SyntaxError):
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    text = error.msg if isinstance(error, SyntaxError) else f"{error}"
    return f"{type(error).__name__}: {text}" + (f" (line {line})" if line else "")
