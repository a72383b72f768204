import pytest

from labrunner.emulator.arm.filters import Condition, conditions, keeps
from labrunner.emulator.refusal import Refusal

VALUES = {"name": "ProgressAcr", "resourcetype": "Microsoft.ContainerRegistry/registries"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("name eq 'x'", [("eq", "name", "x")]),
        (" roleName  EQ 'It''s' ", [("eq", "rolename", "It's")]),
        ("name eq ' and '", [("eq", "name", " and ")]),
        ("name eq 'x' and resourceType ne 'y'", [("eq", "name", "x"), ("ne", "resourcetype", "y")]),
        ("atScope()", [("atscope", "", "")]),
        ("assignedTo('x') and atScope()", [("assignedto", "", "x"), ("atscope", "", "")]),
        ("substringof('x', name)", [("substringof", "name", "x")]),
        ("startswith(name, 'x')", [("startswith", "name", "x")]),
    ],
)
def test_filters(text: str, found: list[tuple[str, str, str]]):
    wanted = [Condition(operator=operator, name=name, value=value) for operator, name, value in found]
    assert conditions(text) == wanted


@pytest.mark.parametrize(
    "text",
    ["name", "name eq x", "name eq 'x", "name eq 'x' or name eq 'y'", "name eq 'x' and", "name eq 'x' atScope()", "'"],
)
def test_what_is_no_filter(text: str):
    with pytest.raises(Refusal) as raised:
        conditions(text)
    assert (raised.value.status, raised.value.code) == (400, "InvalidFilterInQueryString")
    assert text in raised.value.message


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("name eq 'progressacr'", True),
        ("name ne 'progressacr'", False),
        ("resourceType eq 'microsoft.containerregistry/REGISTRIES'", True),
        ("substringof('ressac', name)", True),
        ("startswith(name, 'acr')", False),
    ],
)
def test_what_a_condition_keeps(text: str, kept: bool):
    (condition,) = conditions(text)
    assert keeps(condition, VALUES, filter_text=text) is kept


@pytest.mark.parametrize("text", ["color eq 'red'", "endswith(name, 'x')", "atScope()"])
def test_a_condition_that_nobody_knows(text: str):
    (condition,) = conditions(text)
    with pytest.raises(Refusal):
        keeps(condition, VALUES, filter_text=text)
