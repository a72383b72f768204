# ruff: noqa: E501 - a case stands on one line
"""Every part of an Expectation: what fits, what does not, and what is told of it."""

import random

import pytest

from labrunner.matching import Match, match
from labrunner.matching.columns import width
from labrunner.model import Expectation

D1, D2 = "sha256:" + "a" * 64, "sha256:" + "b" * 64

PUSH = f"""The push refers to repository [acr.azurecr.io/mywebapi]
5f70bf18a086: Pushed
a3ed95caeb02: Layer already exists
1.0.0: digest: {D1} size: 1576
"""

IMAGES = """\
REPOSITORY                TAG         IMAGE ID       CREATED             SIZE
mywebapi                  latest      0123456789ab   10 minutes ago      220MB
acr.azurecr.io/mywebapi   1.0.0       0123456789ab   10 minutes ago      220MB
acr.azurecr.io/mywebapi   latest      0123456789ab   About an hour ago   220MB
acr.azurecr.io/other      build-123   ba9876543210   2 days ago          1.98MB
<none>                                ba9876543211   2 days ago          0B
"""

PS = """\
CONTAINER ID   IMAGE      COMMAND       CREATED         STATUS                     PORTS                    NAMES
0123456789ab   mywebapi   "/bin/serve"  2 minutes ago   Up 2 minutes (healthy)     0.0.0.0:8080->8080/tcp   api
ba9876543210   myworker   "/bin/work"   3 hours ago     Exited (0) 3 hours ago                              worker
"""

AZ = f"""\
WARNING: This command is in preview.
Digest                                                                   LastUpdateTime                Name       Signed
-----------------------------------------------------------------------  ----------------------------  ---------  --------
{D1}  2026-01-31T09:30:00.1234567Z  1.0.0      False
{D1}  2026-01-31T09:30:00.1234567Z  latest     False
{D2}  2026-01-31T09:30:00.1234567Z  build-123
"""

LIST = """\
NAME    RESOURCE GROUP    LOCATION    SKU    ADMIN ENABLED
------  ----------------  ----------  -----  ---------------
acr     rg                westeurope  Basic  True
"""

ACR = """\
WARNING: something [1] {odd}
[1] 12345
{
  "adminUserEnabled": true,
  "loginServer": "acr.azurecr.io",
  "name": "acr",
  "policies": null,
  "size": 10,
  "sku": {"name": "Basic", "tier": "Basic"},
  "tags": [],
  "names": ["a", "b", "c"]
}
the end
"""


def judged(output: str = "", status: int | None = 0, **parts: object) -> Match:
    result = match(Expectation(**parts), exit_status=status, output=output)  # type: ignore[arg-type]
    assert all(width(line) <= 80 and line.isprintable() for line in result.explanation), result.explanation
    assert result.ok == (result.expected is None) == (result.actual is None) == (not result.explanation)
    return result


FITS: list[tuple[str, dict[str, object]]] = [
    ("", {}),
    ("anything", {}),
    ("a\nb\n", {"exact": "a\nb"}),
    ("\n\na  \r\nb\t\n\n", {"exact": "a\nb\n"}),
    ("{x}", {"exact": "{x}"}),
    ("", {"exact": ""}),
    ("\n \n", {"exact": ""}),
    (PUSH, {"lines": "The push refers to repository [{server}/mywebapi]\n...\n1.0.0: digest: {digest} size: {int}\n"}),
    (PUSH, {"lines": "...\n{layer}: Pushed\n{layer}: Layer already exists\n..."}),
    (PUSH, {"lines": "...\n1.0.0: digest: {digest} size: {int}"}),
    (PUSH, {"lines": "The push {*}\n..."}),
    ("a\nb\nc", {"lines": "a\nb\nc"}),
    ("a\n\nc", {"lines": "a\n\nc"}),
    ("a\nc", {"lines": "a\n...\nc"}),
    ("x\na\na\nb\ny", {"lines": "...\na\nb\n..."}),
    ("Result\n--\nb\na\nc\n", {"set": ("a", "{word}", "b")}),
    (IMAGES, {"rows": ({"REPOSITORY": "{server}/mywebapi", "TAG": "1.0.0"}, {"REPOSITORY": "{server}/mywebapi", "TAG": "latest"})}),
    (IMAGES, {"rows": ({"REPOSITORY": "{*}mywebapi", "IMAGE ID": "{id}"},), "same": ("IMAGE ID",)}),
    (IMAGES, {"rows": ({"REPOSITORY": "<none>", "TAG": "", "IMAGE ID": "{id}", "CREATED": "{ago}", "SIZE": "0B"},)}),
    (IMAGES, {"rows": ({"CREATED": "About an hour ago", "SIZE": "{size}"},)}),
    (PS, {"rows": ({"NAMES": "worker", "PORTS": "", "STATUS": "Exited (0) {ago}"},)}),
    (PS, {"rows": ({"CONTAINER ID": "{id}", "PORTS": "{*}:8080->{int}/tcp", "NAMES": "api"},)}),
    (AZ, {"rows": ({"Name": "1.0.0", "Digest": "{digest}"}, {"Name": "latest", "Digest": "{digest}"}), "same": ("Digest",)}),
    (AZ, {"rows": ({"Name": "build-123", "Signed": "", "LastUpdateTime": "{iso}"},)}),
    (LIST, {"rows": ({"RESOURCE GROUP": "rg", "ADMIN ENABLED": "True"},)}),
    (f"{LIST}\n{IMAGES}\nbye", {"rows": ({"TAG": "build-123", "SIZE": "1.98MB"},)}),
    ("Result\n--------\nmywebapi\n", {"rows": ({"Result": "mywebapi"},)}),
    (ACR, {"json": {"adminUserEnabled": True, "sku": {"name": "Basic"}, "loginServer": "{server}"}}),
    (ACR, {"json": {"policies": None, "size": 10, "tags": [], "names": ["a", "c"]}}),
    ('x\n["a", {"k": 1, "l": 2}, "b"]\ny', {"json": ["a", {"k": 1}]}),
    ('{"a": 1}\n{"a": 2}\n', {"json": {"a": 2}}),
    ("warning\ntrue\n", {"json": True}),
    ('"acr.azurecr.io"\n', {"json": "{server}"}),
    ("1.0\n", {"json": 1}),
    ('[{"a": 1}, {"a": 2}]', {"json": ({"a": 2},)}),
    ("WARNING: x\nLogin Succeeded\n", {"contains": ("Login Succeeded",), "lacks": ("Failed", "error{*}{int}")}),
    (PUSH, {"contains": ("digest: {digest} size", "[{server}/mywebapi]")}),
]  # fmt: skip


@pytest.mark.parametrize(("output", "parts"), FITS)
def test_fits(output: str, parts: dict[str, object]) -> None:
    result = judged(output, **parts)
    assert result == Match(ok=True), result.explanation


FITS_NOT: list[tuple[str, dict[str, object], str, str, str]] = [
    # output, parts; what is told: expected, actual, a piece of the explanation
    ("a\nb\n", {"exact": "a\nc"}, "c", "b", "line 2 of 2"),
    ("a\n", {"exact": "a\nb"}, "b", "the output ended", "ended after 1 line"),
    ("a\nb\nc", {"exact": "a\nb"}, "2 lines, then the end", "1 more line: c", "+ c"),
    ("x", {"exact": ""}, "no output", "1 more line: x", "+ x"),
    ("", {"exact": "x"}, "x", "no output", "There was no output"),
    (PUSH.replace("a" * 64, "a" * 63), {"lines": "...\n1.0.0: digest: {digest} size: {int}"}, "1.0.0: digest: <a digest> size: <a number>",
     f"1.0.0: digest: sha256:{'a' * 63} size: 1576", "^ expected here: a digest: sha256: and 64 hex digits"),
    (PUSH, {"lines": "The push refers to repository [{server}/other]\n..."}, "The push refers to repository [<a registry>/other]",
     "The push refers to repository [acr.azurecr.io/mywebapi]", "^ expected here: `other]`"),
    (PUSH, {"lines": "...\n{layer}: Pushed\n{layer}: Pushed\n..."}, "<a layer's id>: Pushed", "a3ed95caeb02: Layer already exists", "line 2 of 2"),
    (PUSH, {"lines": "...\n1.0.1: {*}\n..."}, "1.0.1: …", f"1.0.0: digest: {D1} size: 1576", "nearest line"),
    ("b\na", {"lines": "...\na\n...\nb\n..."}, "b", "the output ended", "did not come"),
    ("a", {"lines": "a\n...\na"}, "a", "the output ended", "ended after 1 line."),
    ("a\nb", {"lines": "a\n...\nb\nc"}, "c", "the output ended", "line 2 of 2"),
    ("a\nb", {"lines": "a"}, "1 line, then the end", "1 more line: b", "+ b"),
    ("Result\na\n", {"set": ("a", "b")}, "b", "a", "in any place"),
    ("a b", {"set": ("a",)}, "a", "a b", "nearest"),
    (IMAGES, {"rows": ({"REPOSITORY": "{server}/mywebapi", "TAG": "1.0.1"},)}, "REPOSITORY = <a registry>/mywebapi, TAG = 1.0.1",
     "REPOSITORY = acr.azurecr.io/mywebapi, TAG = 1.0.0", "TAG: expected  1.0.1"),
    (IMAGES, {"rows": ({"TAG": "1.0"},)}, "TAG = 1.0", "TAG = latest", "The rows that came (5)"),
    (IMAGES, {"rows": ({"IMAGE": "x"},)}, "a table with the columns IMAGE", "REPOSITORY                TAG         IMAGE ID       CREATED             SIZE", "as its header"),
    ("Cannot connect to the Docker daemon", {"rows": ({"TAG": "x"},)}, "a table with the columns TAG", "Cannot connect to the Docker daemon", "no line of the output has them"),
    (IMAGES.split("\n")[0], {"rows": ({"TAG": "x"},)}, "TAG = x", "a table without rows", "no rows"),
    (IMAGES, {"rows": ({"REPOSITORY": "{server}/{word}", "IMAGE ID": "{id}"},), "same": ("IMAGE ID",)}, "one IMAGE ID in all rows",
     "0123456789ab, ba9876543210", "2 different ones"),
    (AZ, {"rows": ({"Name": "{word}", "Digest": "{digest}"},), "same": ("Digest",)}, "one Digest in all rows", f"{D1}, {D2}", "same Digest"),
    (PS, {"rows": ({"NAMES": "worker", "PORTS": "{*}8080{*}"},)}, "NAMES = worker, PORTS = …8080…", "NAMES = api, PORTS = 0.0.0.0:8080->8080/tcp", "NAMES: expected  worker"),
    (ACR.replace("true", "false"), {"json": {"adminUserEnabled": True}}, "$.adminUserEnabled: true", "$.adminUserEnabled: false", "  $.adminUserEnabled"),
    (ACR.replace("true", '"true"'), {"json": {"adminUserEnabled": True}}, "$.adminUserEnabled: true", '$.adminUserEnabled: "true"', "came"),
    (ACR, {"json": {"adminUserEnabled": 1}}, "$.adminUserEnabled: 1", "$.adminUserEnabled: true", "came"),
    (ACR, {"json": {"size": True}}, "$.size: true", "$.size: 10", "came"),
    (ACR, {"json": {"size": "10"}}, '$.size: "10"', "$.size: 10", "came"),
    (ACR, {"json": {"sku": {"name": "Premium"}}}, '$.sku.name: "Premium"', '$.sku.name: "Basic"', "$.sku.name"),
    (ACR, {"json": {"a-b": 1}}, '$."a-b": 1', '$."a-b": no such key; keys: adminUserEnabled', "no such key"),
    (ACR, {"json": {"names": ["c", "a"]}}, '$.names[]: an element after element 2 like "a"', '$.names[]: 3 elements: ["a", "b", "c"]', "after element 2"),
    (ACR, {"json": {"names": []}}, "$.names: an empty array", '$.names: 3 elements: ["a", "b", "c"]', "empty array"),
    (ACR, {"json": {"names": {"a": 1}}}, "$.names: an object", '$.names: ["a", "b", "c"]', "an object"),
    ('[{"name": "a", "v": 1}, {"name": "b", "v": 2}]', {"json": [{"name": "b", "v": 3}]}, "$[1].v: 3", "$[1].v: 2", "$[1].v"),
    ("ERROR: not found", {"json": {"a": 1}}, '{"a": 1}', "no JSON of that kind", "holds none"),
    ('{"a": 1} and more', {"json": {"a": 1}}, '{"a": 1}', "no JSON of that kind", "holds none"),
    ("[" * 5000, {"json": [1]}, "[1]", "no JSON of that kind", "holds none"),
    (f'{{"a": {"9" * 5000}}}', {"json": {"a": 1}}, '{"a": 1}', "no JSON of that kind", "holds none"),
    ("WARNING: x\nLogin Failed\n", {"contains": ("Login Succeeded",)}, "Login Succeeded", "Login Failed", "^ expected here: `Succeeded`"),
    ("", {"contains": ("x",)}, "x", "no output", "There was no output"),
    ("a\nLogin Failed: {x}\n", {"lacks": ("Failed: {*}x",)}, "no Failed: …x", "Login Failed: {x}", "On line 2"),
    ("a\nb", {"contains": ("a{*}b",)}, "a…b", "a", "on some line"),
]  # fmt: skip


@pytest.mark.parametrize(("output", "parts", "expected", "actual", "told"), FITS_NOT)
def test_does_not_fit(output: str, parts: dict[str, object], expected: str, actual: str, told: str) -> None:
    result = judged(output, **parts)
    assert not result.ok
    assert result.expected == expected
    assert result.actual is not None
    assert result.actual.startswith(actual)
    assert told in "\n".join(result.explanation), result.explanation


@pytest.mark.parametrize(
    ("wanted", "status", "ok"),
    [(0, 0, True), (0, 1, False), (3, 3, True), (3, 0, False), ("nonzero", 1, True), ("nonzero", 0, False),
     (0, None, False), ("nonzero", None, False)],
)  # fmt: skip
def test_exit_status(wanted: int | str, status: int | None, ok: bool) -> None:
    assert judged("some output", status, exit=wanted).ok is ok


def test_a_wrong_status_is_told_alone_with_the_end_of_the_output() -> None:
    result = judged("1\n2\n3\n4\n5\n6\nERROR: no", 2, contains=("yes",))
    assert (result.expected, result.actual) == ("exit status 0", "exit status 2")
    assert result.explanation[0] == "Expected exit status 0, came exit status 2."
    assert result.explanation[-1] == "  ERROR: no"
    assert "yes" not in "\n".join(result.explanation)


def test_a_command_that_must_fail_must_also_say_so() -> None:
    parts = {"exit": "nonzero", "contains": ("does not have trust data",)}
    assert judged("Error: x does not have trust data for y", 1, **parts).ok
    assert not judged("Error: timeout", 1, **parts).ok
    assert judged("Error: x does not have trust data for y", 0, **parts).expected == "an exit status other than 0"


def test_every_part_that_does_not_hold_is_told() -> None:
    result = judged("Login Failed", contains=("Login Succeeded",), lacks=("Failed",))
    assert result.expected == "Login Succeeded"
    assert "" in result.explanation
    assert "This text must not come, and it came:" in result.explanation


def test_the_mark_stands_under_the_difference() -> None:
    result = judged("one two thrxe four", exact="one two three four")
    at = result.explanation.index("  one two thrxe four")
    assert result.explanation[at + 1].index("^") == result.explanation[at].index("x")


@pytest.mark.parametrize("text", ["x" * 300, "漢字" * 100, "e\u0301" * 200, "\x1b[31m\t" * 50, "a" * 78 + "漢"])
def test_long_wide_and_odd_texts_stay_within_80_columns(text: str) -> None:
    for place in (0, 1, 39, 40, len(text) - 1, len(text)):
        came = text[:place] + "!" + text[place:]
        for parts in (
            {"exact": text},
            {"lines": "...\n" + text.replace("\x1b", "E") + "\n..."},
            {"lacks": ("!",)},
            {"set": (text,)},
        ):
            assert not judged(came, **parts).ok
        result = judged(came, exact=text)
        marks = [line.index("^") for line in result.explanation if line.lstrip().startswith("^")]
        assert len(marks) == 1
        assert marks[0] < 80


def test_a_diff_shows_what_came_between() -> None:
    wanted = [f"line {number}" for number in range(1, 400)]
    came = [*wanted[:200], "new", *wanted[200:300], *wanted[301:]]
    result = judged("\n".join(came), exact="\n".join(wanted))
    assert result.expected == "line 201"
    assert result.actual == "new"
    assert "  + new" in result.explanation
    assert "    line 200" in result.explanation
    assert len(result.explanation) <= 40


@pytest.mark.parametrize("seed", range(20))
def test_blocks_of_lines_agree_with_a_plain_search(seed: int) -> None:
    choose = random.Random(seed)

    def slow(wanted: list[str], lines: list[str]) -> bool:
        if not wanted:
            return not lines
        if wanted[0] == "...":
            return any(slow(wanted[1:], lines[skipped:]) for skipped in range(len(lines) + 1))
        fits = bool(lines) and (wanted[0] == lines[0] or (wanted[0] == "{word}" and lines[0] != ""))
        return fits and slow(wanted[1:], lines[1:])

    for _ in range(150):
        wanted = [choose.choice(["a", "b", "ab", "{word}", "...", "..."]) for _ in range(choose.randint(1, 6))]
        lines = [choose.choice(["a", "a", "b", "ab"]) for _ in range(choose.randint(0, 9))]
        assert judged("\n".join(lines), lines="\n".join(wanted)).ok == slow(wanted, lines), (wanted, lines)


def test_the_length_of_an_explanation_is_bounded() -> None:
    noise = "\n".join(f"{number} noise" for number in range(5000))
    parts = {"set": tuple(f"wanted {number}" for number in range(50)), "json": {"a": 1}, "rows": ({"A": "1"},)}
    assert len(judged(noise, **parts).explanation) <= 60


@pytest.mark.parametrize("rare", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_a_block_is_found_in_a_long_output(seed: int, rare: bool) -> None:
    choose = random.Random(seed)
    found = set()
    for _ in range(60):
        lines = [choose.choice(["line 1", "line 2", "line x"]) for _ in range(80)]
        block = [choose.choice(["line {int}", "line 1", "{*}x"]) for _ in range(choose.randint(2, 5))]
        if rare:
            block[choose.randrange(len(block))] = "rare {int}"
            for _ in range(3):
                lines[choose.randrange(80)] = choose.choice(["rare 7", "rare x"])
        fits = {
            "line {int}": {"line 1", "line 2"},
            "line 1": {"line 1"},
            "{*}x": {"line x", "rare x"},
            "rare {int}": {"rare 7"},
        }
        wanted = any(
            all(line in fits[pattern] for pattern, line in zip(block, lines[at:], strict=False))
            for at in range(len(lines) - len(block) + 1)
        )
        assert judged("\n".join(lines), lines="\n".join(["...", *block, "..."])).ok == wanted, (block, lines)
        found.add(wanted)
    assert found == {True, False}
