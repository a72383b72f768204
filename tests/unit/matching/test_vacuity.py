"""Expectations that cannot fail, cannot pass or ask for nothing are named."""

import pytest

from labrunner.matching import problems
from labrunner.model import Expectation

SOUND: list[dict[str, object]] = [
    {},
    {"exit": "nonzero"},
    {"exit": 255},
    {"exact": ""},
    {"lines": "a\n...\n{*}"},
    {"set": ("a", "{word}")},
    {"rows": ({"TAG": "latest", "IMAGE ID": "{id}"}, {"TAG": "{word}"}), "same": ("IMAGE ID",)},
    {"rows": ({"TAG": ""},)},
    {"json": {"a": [], "b": [{"c": "{int}"}], "d": None, "e": ""}},
    {"json": False},
    {"contains": ("x@{ACR_NAME}",), "lacks": ("y",)},
]

WRONG: list[tuple[dict[str, object], str]] = [
    ({"exit": 256}, "exit: 256 never comes"),
    ({"exit": -1}, "exit: -1 never comes"),
    ({"exit": "some"}, "exit: 'some' is no exit status"),
    ({"exit": True}, "exit: True is no exit status"),
    ({"lines": "..."}, "lines: asks for no line"),
    ({"lines": "\n...\n\n...\n"}, "lines: asks for no line"),
    ({"lines": ""}, "lines: asks for no line"),
    ({"lines": "...\n{*}\n..."}, "lines: every line fits anything"),
    ({"lines": "a\n{digst}"}, "lines: line 2: unknown placeholder {digst}; did you mean {digest}?"),
    ({"set": ("{*}",)}, "set: entry 1 ('{*}') fits anything"),
    ({"set": ("a", "a")}, "set: entry 2 ('a') is there twice"),
    ({"set": ("a\nb",)}, "set: entry 1 has a line break"),
    ({"rows": ({},)}, "rows: row 1 names no column"),
    ({"rows": ({"TAG": "{*}"},)}, "rows: row 1 fits any row"),
    ({"rows": ({"TAG": "x"}, {"TAG": "x"})}, "rows: row 2 is there twice"),
    ({"rows": ({" TAG": "x"},)}, "rows: row 1: the column name ' TAG' cannot be a header"),
    ({"rows": ({"TAG": "{x}"},)}, "rows: row 1, TAG: unknown placeholder {x}"),
    ({"rows": ({"TAG": "x"},), "same": ("IMAGE ID",)}, "same: no row names the column 'IMAGE ID'"),
    ({"same": ("TAG",)}, "same: asks for equal values over the matched rows, and there are no rows"),
    ({"json": {}}, "json: the object at $ asks for no key"),
    ({"json": [{"a": {}}]}, "json: the object at $[0].a asks for no key"),
    ({"json": {"a": ["{x}"]}}, "json: $.a[0]: unknown placeholder {x}"),
    ({"contains": ("",)}, "contains: entry 1 ('') fits anything"),
    ({"contains": ("  {*} ",)}, "contains: entry 1 ('  {*} ') fits anything"),
    ({"lacks": ("",)}, "lacks: entry 1 ('') can never hold"),
    ({"contains": ("a",), "lacks": ("a",)}, "lacks: 'a' is asked for and forbidden at once"),
]


@pytest.mark.parametrize("parts", SOUND)
def test_sound_expectations_have_no_problem(parts: dict[str, object]) -> None:
    assert problems(Expectation(**parts)) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(("parts", "told"), WRONG)
def test_problems_are_named(parts: dict[str, object], told: str) -> None:
    found = problems(Expectation(**parts))  # type: ignore[arg-type]
    assert [problem for problem in found if problem.startswith(told)], found
