"""`$filter` of OData, as far as Resource Manager takes it: conditions joined by `and`."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labrunner.emulator.refusal import Refusal

__all__ = ["Condition", "conditions", "keeps"]

_TEXT = r"'(?P<{0}>(?:[^']|'')*)'"
_COMPARISON = re.compile(rf"(?P<name>[\w/]+)\s+(?P<operator>eq|ne)\s+{_TEXT.format('value')}", re.IGNORECASE)
_FUNCTION = re.compile(
    rf"(?P<operator>\w+)\s*\(\s*(?:(?:{_TEXT.format('first')}\s*(?:,\s*(?P<second>[\w/]+)\s*)?)"
    rf"|(?:(?P<name>[\w/]+)\s*,\s*{_TEXT.format('value')}\s*))?\)",
    re.IGNORECASE,
)
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """`name eq 'value'` (operator eq, ne), `substringof('value', name)`, `startswith(name, 'value')`, or a function
    without a name, as `atScope()` and `assignedTo('value')`. Operator and name are in small letters."""

    operator: str
    name: str
    value: str


def conditions(text: str) -> list[Condition]:
    """The conditions of a filter; none for "". Raises Refusal (400) for what is not such a filter."""
    rest, found = text.strip(), []
    while rest:
        matched = _COMPARISON.match(rest) or _FUNCTION.match(rest)
        if matched is None:
            raise invalid(text)
        groups = matched.groupdict()
        value = next((groups[key] for key in ("value", "first") if groups.get(key) is not None), "")
        name = groups.get("name") or groups.get("second") or ""
        found.append(Condition(operator=groups["operator"].lower(), name=name.lower(), value=value.replace("''", "'")))
        rest = rest[matched.end() :]
        joined = _AND.match(rest)
        if rest.strip() and (joined is None or not rest[joined.end() :].strip()):
            raise invalid(text)
        rest = rest[joined.end() :] if joined else ""
    return found


def invalid(text: str) -> Refusal:
    """The refusal of a filter (code: Resource Manager's; the words are a guess)."""
    return Refusal(400, "InvalidFilterInQueryString", f"Invalid $filter '{text}' specified in the query string.")


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "eq": lambda there, wanted: there == wanted,
    "ne": lambda there, wanted: there != wanted,
    "substringof": lambda there, wanted: wanted in there,
    "startswith": lambda there, wanted: there.startswith(wanted),
}


def keeps(condition: Condition, values: Mapping[str, str], *, filter_text: str) -> bool:
    """Whether a condition on one of the values holds; case is ignored. Raises Refusal for another one."""
    decide = _OPERATORS.get(condition.operator)
    if decide is None or condition.name not in values:
        raise invalid(filter_text)
    return decide(values[condition.name].lower(), condition.value.lower())
