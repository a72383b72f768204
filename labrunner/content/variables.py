"""Course variables: their values for a run, and filling `@{NAME}` in. `@@{` stands for a plain `@{`.

Filling is one pass: a value that holds `@{` itself is not looked at again. Where a text is a pattern of an
Expectation, the value is put in as literal text.
"""

import dataclasses
import re
import secrets
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar, cast

from labrunner.content.nearest import shown, suggestion
from labrunner.matching.placeholders import escape
from labrunner.model import AzureRegistry, AzureWebhook, Course, Expectation, Variable

__all__ = [
    "EVERY_TARGET",
    "VariableError",
    "fill",
    "fill_in",
    "generated",
    "problem",
    "references",
    "resolve",
    "unknown_variable",
]

T = TypeVar("T")

EVERY_TARGET = "*"
"""The key of `Variable.default` that holds for the targets without one of their own."""

NOT_FILLED = frozenset(
    {"id", "ref", "name", "at", "after", "kind", "errata", "pattern", "needs", "host", "opens", "by", "mode"}
)
"""Fields whose text is a name or a form, never filled."""
FILLED_NAMES: tuple[type, ...] = (AzureRegistry, AzureWebhook)
"""Values whose `name` is that of a thing of the target, and filled."""

_REFERENCE = re.compile(r"(?P<escape>@@\{)|@\{(?P<name>[^{}\n]*)(?P<end>\})?")
NAME = re.compile("[A-Z][A-Z0-9_]*")
"""The name of a variable. Lower case is left to the placeholders of patterns: `mywebapi@{digest}`."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")
PATTERNS = frozenset({"lines", "set", "contains", "lacks", "rows", "json"})
"""Fields of an Expectation whose texts are patterns."""


class VariableError(ValueError):
    """A variable has no value, or one that its course refuses. `name` says which."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


@dataclasses.dataclass(frozen=True, slots=True)
class Reference:
    """One `@{...}` in a text. `text` is what is written; name is None where that is no reference at all."""

    text: str
    name: str | None


def references(text: str, *, pattern: bool = False) -> Iterator[Reference]:
    """Every `@{...}` of a text, in order, well-formed or not; of a pattern, the well-formed ones."""
    if "@{" not in text:
        return
    for found in _REFERENCE.finditer(text):
        if found["escape"] is None:
            good = found["end"] is not None and NAME.fullmatch(found["name"])
            if good or not pattern:
                yield Reference(found[0], found["name"] if good else None)


def fill(text: str, values: Mapping[str, str], *, pattern: bool = False) -> str:
    """The text with every `@{NAME}` replaced and `@@{` made `@{`.

    pattern: braces of a value are doubled, so that an Expectation takes them literally. Raises VariableError for a
    name without a value; lint finds that before a run.
    """
    if "@{" not in text:
        return text

    def value(found: re.Match[str]) -> str:
        if found["escape"] is not None:
            return "@{"
        name = found["name"]
        if found["end"] is None or name not in values:
            if pattern and not NAME.fullmatch(name):
                return found[0]
            raise VariableError(name, f"There is no variable for {shown(found[0])}{suggestion(name, values)}")
        return escape(values[name]) if pattern else values[name]

    return _REFERENCE.sub(value, text)


def fill_in(thing: T, values: Mapping[str, str]) -> T:
    """A copy of a model value (Step, Command, Check, Setup, File, ...) with every text filled. Raises VariableError.

    Names stay as they are (ids, refs, kinds, hosts ...); patterns of an Expectation take values literally.
    """
    return cast("T", _filled(thing, values, pattern=False))


def _filled(thing: object, values: Mapping[str, str], *, pattern: bool) -> object:
    if isinstance(thing, str):
        return fill(thing, values, pattern=pattern)
    if isinstance(thing, tuple | list):
        return type(thing)(_filled(item, values, pattern=pattern) for item in thing)
    if isinstance(thing, Mapping):
        return {key: _filled(item, values, pattern=pattern) for key, item in thing.items()}
    if not dataclasses.is_dataclass(thing) or isinstance(thing, type):
        return thing
    changes = {}
    for item in dataclasses.fields(thing):
        if item.name in NOT_FILLED and not (item.name == "name" and isinstance(thing, FILLED_NAMES)):
            continue
        before = getattr(thing, item.name)
        after = _filled(before, values, pattern=isinstance(thing, Expectation) and item.name in PATTERNS)
        if after is not before:
            changes[item.name] = after
    return dataclasses.replace(thing, **changes) if changes else thing


def unknown_variable(name: str, known: Iterable[str]) -> str:
    """What to say of a name that is no variable of the course."""
    return f"The course has no variable {shown(name)}{suggestion(name, known)}"


def problem(variable: Variable, value: str) -> str | None:
    """Why the course refuses that value, for the person who gave it; None if it does not."""
    if _CONTROL.search(value):
        return f"{variable.name} must be one line of plain text."
    if not value:
        return f"{variable.name} must not be empty."
    if variable.pattern and not re.fullmatch(variable.pattern, value):
        why = variable.says or f"It must match {variable.pattern}."
        return f"{shown(value) if not variable.secret else 'That'} is no value for {variable.name}. {why}"
    return None


def generated(length: int) -> str:
    """So many random letters and digits, from the system's source for secrets."""
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def resolve(
    course: Course,
    *,
    target: str,
    given: Mapping[str, str],
    known: Mapping[str, str],
    ask: Callable[[Variable, str], str] | None,
    generate: Callable[[int], str] = generated,
) -> dict[str, str]:
    """The value of every variable of the course, and what the target knows.

    In this order: what the target knows, what was given (`--var`), what `generate` makes, what `value` derives, what
    `ask` answers (it gets the variable and its default for the target, perhaps ""), the default. Without `ask` nobody
    is asked.
    Raises VariableError for an unknown given name, a missing value and one that the variable's pattern refuses.
    """
    names = {variable.name for variable in course.variables}
    for name in given:
        if name not in names:
            raise VariableError(name, unknown_variable(name, names))
    values: dict[str, str] = {}
    for variable in course.variables:
        if variable.name in known:
            values[variable.name] = known[variable.name]
        elif variable.name in given:
            values[variable.name] = _accepted(variable, given[variable.name])
        elif variable.generate:
            values[variable.name] = generate(variable.generate)
        elif not variable.value:
            values[variable.name] = _accepted(variable, _asked(variable, target, ask))
    for variable in _in_order(course, values):
        values[variable.name] = _accepted(variable, fill(variable.value, values))
    return {**known, **values}


def _accepted(variable: Variable, value: str) -> str:
    refused = problem(variable, value)
    if refused is not None:
        raise VariableError(variable.name, refused)
    return value


def _asked(variable: Variable, target: str, ask: Callable[[Variable, str], str] | None) -> str:
    default = variable.default.get(target, variable.default.get(EVERY_TARGET, ""))
    if ask is not None and variable.prompt:
        return ask(variable, default)
    if not default:
        raise VariableError(variable.name, f"{variable.name} needs a value: give it with --var {variable.name}=...")
    return default


def _in_order(course: Course, values: Mapping[str, str]) -> Iterator[Variable]:
    """The derived variables without a value, each after those that it refers to."""
    waiting = [variable for variable in course.variables if variable.name not in values]
    done = set(values)
    while waiting:
        ready = [item for item in waiting if all(found.name in done for found in references(item.value))]
        if not ready:
            name = waiting[0].name
            raise VariableError(name, f"{name} cannot be derived: its value refers to what has none.")
        yield from ready
        done.update(item.name for item in ready)
        waiting = [item for item in waiting if item not in ready]
