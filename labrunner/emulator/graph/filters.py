"""OData's `$filter`, as much of it as there is to ask of these few kinds of things.

Source: OData 4.01, part 2, 5.1.1; Microsoft Learn, "Use the $filter query parameter". What OData has and this does not
is a 501 that names it; what is no filter at all is a 400. Nothing is ever skipped.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from labrunner.emulator.graph.problems import bad_request, unsupported
from labrunner.emulator.refusal import Refusal

__all__ = ["parse"]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<string>'(?:[^']|'')*')
    | (?P<number>-?\d+(?:\.\d+)?(?![\w-]))
    | (?P<word>[A-Za-z_][\w.]*(?:/(?!any\b|all\b)[A-Za-z_]\w*)*)
    | (?P<mark>[(),:/])
    )""",
    re.VERBOSE | re.ASCII,
)
_LIMIT = 8192
_DEPTH = 50
_UNKNOWN_OPERATORS = ("gt", "ge", "lt", "le", "has", "add", "sub", "mul", "div", "mod")
_UNKNOWN_FUNCTIONS = ("endswith", "contains", "tolower", "toupper", "length", "trim", "concat", "substring", "indexof")

Row = Mapping[str, Any]
Test = Callable[[Row], bool]


def parse(text: str, *, properties: Mapping[str, bool], kind: str) -> Test:
    """The question that a filter asks of a thing. Text compares without regard to case, as the directory does.

    properties: those of the kind of thing; whether each holds a list. kind: its name in Graph. Raises Refusal.
    """
    if len(text) > _LIMIT:
        raise bad_request("The filter is too long.", code="BadRequest")  # guess
    parser = _Parser(list(_tokens(text)), properties, kind)
    test = parser.either()
    parser.end()
    return test


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while text[at:].strip():
        found = _TOKEN.match(text, at)
        if found is None:
            raise _malformed(f"Syntax error at position {at} in '{text}'.")
        kind = found.lastgroup or ""
        yield kind, found[kind]
        at = found.end()


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], properties: Mapping[str, bool], kind: str) -> None:
        self._tokens = tokens
        self._at = 0
        self._properties = properties
        self._kind = kind
        self._depth = 0

    def either(self) -> Test:
        tests = [self._all()]
        while self._word("or"):
            tests.append(self._all())
        return lambda row: any(test(row) for test in tests)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise _malformed(f"Syntax error at '{self._tokens[self._at][1]}'.")

    def _all(self) -> Test:
        tests = [self._not()]
        while self._word("and"):
            tests.append(self._not())
        return lambda row: all(test(row) for test in tests)

    def _not(self) -> Test:
        self._depth += 1
        if self._depth > _DEPTH:
            raise bad_request("The filter is nested too deep.", code="BadRequest")  # guess
        try:
            if self._word("not"):
                test = self._not()
                return lambda row: not test(row)
            if self._mark("("):
                test = self.either()
                self._expect(")")
                return test
            return self._comparison()
        finally:
            self._depth -= 1

    def _comparison(self) -> Test:
        kind, word = self._next()
        if kind != "word":
            raise _malformed(f"Syntax error at '{word}'.")
        if self._peek() == ("mark", "("):
            return self._function(word)
        many = self._property(word)
        if self._mark("/"):
            return self._any(word, many=many)
        operator = self._next()[1].lower()
        if operator in _UNKNOWN_OPERATORS:
            raise unsupported(f"the operator '{operator}' in $filter")
        if many:
            raise self._unfit(word)
        if operator == "in":
            return self._within(word)
        if operator not in {"eq", "ne"}:
            raise _malformed(f"Syntax error at '{operator}'.")
        value = self._literal()
        if operator == "ne":
            return lambda row: not _same(row.get(word), value)
        return lambda row: _same(row.get(word), value)

    def _function(self, word: str) -> Test:
        if word.lower() in _UNKNOWN_FUNCTIONS:
            raise unsupported(f"the function '{word}' in $filter")
        if word.lower() != "startswith":
            raise _malformed(f"An unknown function with name '{word}' was found.")
        self._expect("(")
        name = self._next()[1]
        if self._property(name):
            raise self._unfit(name)
        self._expect(",")
        value = self._literal()
        self._expect(")")
        if not isinstance(value, str):
            raise _malformed("No function signature for the function with name 'startswith' matches the arguments.")
        start = value.casefold()
        return lambda row: str(row.get(name) or "").casefold().startswith(start)

    def _any(self, word: str, *, many: bool) -> Test:
        """`servicePrincipalNames/any(c:c eq '...')`."""
        if not many:
            raise self._unfit(word)
        operation = self._next()[1].lower()
        if operation == "all":
            raise unsupported("the operator 'all' in $filter")
        if operation != "any":
            raise _malformed(f"Syntax error at '{operation}'.")
        self._expect("(")
        variable = self._next()[1]
        self._expect(":")
        inner = _Parser(self._tokens, {variable: False}, self._kind)
        inner._at, inner._depth = self._at, self._depth
        test = inner.either()
        self._at = inner._at
        self._expect(")")
        return lambda row: any(test({variable: item}) for item in row.get(word) or ())

    def _within(self, word: str) -> Test:
        self._expect("(")
        values = [self._literal()]
        while self._mark(","):
            values.append(self._literal())
        self._expect(")")
        return lambda row: any(_same(row.get(word), value) for value in values)

    def _literal(self) -> str | float | bool | None:
        kind, text = self._next()
        if kind == "string":
            return text[1:-1].replace("''", "'")
        if kind == "number":
            return float(text)
        constants: dict[str, bool | None] = {"true": True, "false": False, "null": None}
        if kind != "word" or text.lower() not in constants:
            raise _malformed(f"Syntax error at '{text}'.")
        return constants[text.lower()]

    def _property(self, name: str) -> bool:
        """Whether it holds a list."""
        if name not in self._properties:
            raise bad_request(
                f"Could not find a property named '{name}' on type 'microsoft.graph.{self._kind}'.", code="BadRequest"
            )
        return self._properties[name]

    def _unfit(self, name: str) -> Refusal:
        kind = self._kind[:1].upper() + self._kind[1:]
        return bad_request(
            f"Unsupported or invalid query filter clause specified for property '{name}' of resource '{kind}'.",
            code="Request_UnsupportedQuery",
        )

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        found = self._peek()
        if found[0] == "end":
            raise _malformed("Expression expected at the end of the filter.")
        self._at += 1
        return found

    def _word(self, word: str) -> bool:
        kind, text = self._peek()
        found = kind == "word" and text.lower() == word
        self._at += found
        return found

    def _mark(self, mark: str) -> bool:
        found = self._peek() == ("mark", mark)
        self._at += found
        return found

    def _expect(self, mark: str) -> None:
        if not self._mark(mark):
            raise _malformed(f"'{mark}' expected at '{self._peek()[1]}'.")


def _same(found: Any, wanted: str | float | bool | None) -> bool:  # noqa: ANN401, FBT001 - JSON
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    return bool(found == wanted)


def _malformed(what: str) -> Refusal:
    """guess: Graph's parser words each slip in its own way."""
    return bad_request(f"Invalid filter clause: {what}", code="BadRequest")
