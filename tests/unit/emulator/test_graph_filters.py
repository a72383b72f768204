import pytest

from labrunner.emulator.graph.filters import parse
from labrunner.emulator.refusal import Refusal

PROPERTIES = {"displayName": False, "appId": False, "enabled": False, "notes": False, "names": True}
ROWS = [
    {"displayName": "Web Api", "appId": "a", "enabled": True, "notes": None, "names": ["a", "api://web"]},
    {"displayName": "O'Brien", "appId": "b", "enabled": False, "notes": "x", "names": ["b"]},
]


def found(text: str) -> list[str]:
    test = parse(text, properties=PROPERTIES, kind="servicePrincipal")
    return [str(row["appId"]) for row in ROWS if test(row)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("displayName eq 'web api'", "a"),
        ("displayName ne 'web api'", "b"),
        ("displayName eq 'O''Brien'", "b"),
        ("startswith(displayName,'WEB')", "a"),
        ("startsWith( displayName , '' )", "ab"),
        ("startswith(notes,'x')", "b"),
        ("names/any(c:c eq 'api://web')", "a"),
        ("names/any(x: startswith(x,'api') or x eq 'b')", "ab"),
        ("not names/any(c:c eq 'b')", "a"),
        ("appId in ('a', 'c')", "a"),
        ("enabled eq true", "a"),
        ("enabled eq 1", ""),
        ("notes eq null", "a"),
        ("appId eq 'a' or appId eq 'b' and enabled eq true", "a"),
        ("(appId eq 'a' or appId eq 'b') and enabled eq false", "b"),
        ("not (appId eq 'a') AND enabled EQ false", "b"),
    ],
)
def test_what_a_filter_finds(text: str, expected: str):
    assert "".join(found(text)) == expected


@pytest.mark.parametrize(
    ("text", "status", "code", "words"),
    [
        ("wrong eq 'x'", 400, "BadRequest", "Could not find a property named 'wrong'"),
        ("names eq 'a'", 400, "Request_UnsupportedQuery", "property 'names' of resource 'ServicePrincipal'"),
        ("displayName/any(c:c eq 'a')", 400, "Request_UnsupportedQuery", "property 'displayName'"),
        ("startswith(names,'a')", 400, "Request_UnsupportedQuery", "property 'names'"),
        ("names/any(c:d eq 'a')", 400, "BadRequest", "'d'"),
        ("displayName eq", 400, "BadRequest", "Invalid filter clause"),
        ("displayName eq 'a", 400, "BadRequest", "Syntax error at position"),
        ("displayName eq a", 400, "BadRequest", "Syntax error at 'a'"),
        ("displayName like 'a'", 400, "BadRequest", "Syntax error at 'like'"),
        ("displayName eq 'a' displayName", 400, "BadRequest", "Syntax error at 'displayName'"),
        ("(displayName eq 'a'", 400, "BadRequest", "')' expected"),
        ("", 400, "BadRequest", "Expression expected"),
        ("and", 400, "BadRequest", "Could not find a property"),
        ("startswith(displayName,1)", 400, "BadRequest", "No function signature"),
        ("nonsense(displayName)", 400, "BadRequest", "unknown function with name 'nonsense'"),
        ("displayName gt 'a'", 501, "NotImplemented", "the operator 'gt'"),
        ("endswith(displayName,'a')", 501, "NotImplemented", "the function 'endswith'"),
        ("names/all(c:c eq 'a')", 501, "NotImplemented", "the operator 'all'"),
        ("(" * 200 + "appId eq 'a'" + ")" * 200, 400, "BadRequest", "nested too deep"),
        ("not " * 200 + "appId eq 'a'", 400, "BadRequest", "nested too deep"),
        ("appId eq '" + "a" * 10000 + "'", 400, "BadRequest", "too long"),
    ],
)
def test_what_is_no_filter_is_refused_by_name(text: str, status: int, code: str, words: str):
    with pytest.raises(Refusal) as raised:
        found(text)
    assert (raised.value.status, raised.value.code) == (status, code)
    assert words in raised.value.message
