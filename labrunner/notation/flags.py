"""Options as notation reads them: anywhere on the line, `--name value`, `--name=value`, `-n value`, `-nvalue`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from labrunner.notation.problem import NotationError

__all__ = ["Flag", "Values", "parse"]

_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?[hms])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([hms])")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}

Value = str | bool | int | timedelta | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Flag:
    """name: without its dashes. says: what it is for. kind: `bool`, `string`, `int`, `duration` or `stringArray`."""

    name: str
    says: str
    kind: str = "string"
    short: str = ""
    default: Value = None

    def value(self, text: str) -> Value:
        """What a text means. Raises NotationError."""
        if self.kind == "bool" and text in (*_TRUE, *_FALSE):
            return text in _TRUE
        if self.kind == "int" and re.fullmatch(r"[+-]?\d{1,9}", text):
            return int(text)
        if self.kind == "duration" and _DURATION.fullmatch(text):
            return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text)))
        if self.kind in ("string", "stringArray"):
            return text
        raise NotationError(f'invalid argument "{text}" for "{self.written}" flag: it is no {self.kind}')

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"-{self.short}, --{self.name}" if self.short else f"--{self.name}"


@dataclass(frozen=True, slots=True)
class Values:
    """What a command line says. given: of each flag, its value or its default."""

    arguments: tuple[str, ...]
    given: Mapping[str, Value]

    def text(self, name: str) -> str:
        """A string flag's; "" where it was not given."""
        found = self.given[name]
        return found if isinstance(found, str) else ""

    def is_set(self, name: str) -> bool:
        """A bool flag's."""
        return self.given[name] is True

    def number(self, name: str) -> int:
        """An int flag's."""
        found = self.given[name]
        return found if isinstance(found, int) else 0

    def time(self, name: str) -> timedelta | None:
        """A duration flag's; None where it was not given."""
        found = self.given[name]
        return found if isinstance(found, timedelta) else None

    def pairs(self, name: str) -> dict[str, str]:
        """A stringArray flag's, as KEY=VALUE. Raises NotationError."""
        found = self.given[name]
        pairs: dict[str, str] = {}
        for text in found if isinstance(found, tuple) else ():
            key, equals, value = text.partition("=")
            if not equals or not key or not value:
                raise NotationError(f'could not parse flag {name}: key-value pair requires "=" as separator')
            if key in pairs:
                raise NotationError(f"duplicate key {key} in flag {name}")
            pairs[key] = value
        return pairs


def parse(words: Sequence[str], flags: Sequence[Flag]) -> Values:
    """Raises NotationError."""
    known = {f"--{flag.name}": flag for flag in flags} | {f"-{flag.short}": flag for flag in flags if flag.short}
    given: dict[str, Value] = {flag.name: flag.default for flag in flags}
    arguments: list[str] = []
    waiting = list(words)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            arguments += waiting
            break
        if word == "-" or not word.startswith("-"):
            arguments.append(word)
            continue
        name, equals, text = word.partition("=") if word.startswith("--") else (word[:2], "", word[2:].lstrip("="))
        flag = known.get(name)
        if flag is None:
            shorthand = f"unknown shorthand flag: '{name[1:]}' in {word}"
            raise NotationError(f"unknown flag: {name}" if word.startswith("--") else shorthand)
        if flag.kind == "bool" and not equals:
            if not word.startswith("--") and text:
                waiting.insert(0, f"-{text}")
            text = "true"
        elif not equals and not text:
            if not waiting:
                raise NotationError(f"flag needs an argument: {name}")
            text = waiting.pop(0)
        value = flag.value(text)
        before = given[flag.name]
        is_many = flag.kind == "stringArray"
        given[flag.name] = (*(before if isinstance(before, tuple) else ()), text) if is_many else value
    return Values(tuple(arguments), given)
