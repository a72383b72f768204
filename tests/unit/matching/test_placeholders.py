# ruff: noqa: E501 - a type's cases stand on one line
"""Typed placeholders: what fits, what does not, and that nothing takes more than linear time."""

import random
import re
import time

import pytest

from labrunner.matching import PatternError, compile_pattern, escape, like
from labrunner.matching.kinds import KINDS

HEX64 = "0123456789abcdef" * 4
GUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

FITS = {
    "digest": [f"sha256:{HEX64}"],
    "layer": ["5f70bf18a086", "000000000000"],
    "id": ["0123456789ab"],
    "server": ["acr.azurecr.io", "myreg-a1b2.azurecr.io", "r.eastus.data.azurecr.io", "x.azurecr.cn", "a1.azurecr.us"],
    "ago": [
        "10 minutes ago", "1 second ago", "2 seconds ago", "About an hour ago", "About a minute ago",
        "Less than a second ago", "3 hours ago", "5 days ago", "2 weeks ago", "4 months ago", "56 years ago",
    ],
    "size": ["1.98MB", "220MB", "0B", "12.3kB", "1.5GB", "4.2MiB", "7TB"],
    "int": ["0", "1576", "007"],
    "iso": [
        "2026-01-31T09:30:00Z", "2026-01-31T09:30:00.1Z", "2026-01-31T09:30:00.123456789Z", "0001-01-01T00:00:00Z",
        "2026-01-31T09:30:00.1234567+00:00", "2024-02-29T23:59:59-08:30", "2026-01-31T09:30:00+0000",
    ],
    "guid": [GUID, GUID.upper()],
    "word": ["x", "a/b:c", "{}", "é"],
    "stamp": ["20260131-093000", "20240229-235959"],
    "sha": ["a1b2c3d", "0" * 40, "deadbeefcafe"],
}  # fmt: skip

FITS_NOT = {
    "digest": [f"sha256:{HEX64[:-1]}", f"sha256:{HEX64}0", f"sha256:{HEX64[:-1]}g", f"sha512:{HEX64}", "sha256:", HEX64],
    "layer": ["5f70bf18a08", "5f70bf18a0861", "5f70bf18a08g", "5F70BF18A086", ""],
    "id": ["0123456789a", "0123456789abc", "sha256:01234"],
    "server": [
        "azurecr.io", ".azurecr.io", "docker.io", "localhost:5000", "acr.azurecr.io.evil.com", "acr.azurecr.com",
        "-a.azurecr.io", "a-.azurecr.io", "Acr.azurecr.io", "a..azurecr.io", "acr.azurecr.io/x", "",
    ],
    "ago": ["10 minutes", "10 minute ago", "1 minutes ago", "an hour ago", "About 2 hours ago", "10  minutes ago", "ago", "-1 days ago"],
    "size": ["1.98", "MB", "1.98 MB", "1..9MB", ".5MB", "1.MB", "1.98XB", "1,98MB", "B", "1.2.3MB"],
    "int": ["", "-1", "1.5", "x", "1e5", "²", "٣"],
    "iso": [
        "2026-02-30T09:30:00Z", "2026-13-01T09:30:00Z", "2025-02-29T00:00:00Z", "2026-01-31T24:30:00Z", "2026-01-31T09:60:00Z",
        "2026-01-31T09:30:00", "2026-01-31 09:30:00Z", "2026-01-31T09:30:00.Z", "2026-01-31T09:30:00+24:00", "2026-01-31",
        "2026-01-31T09:30:00Zx", "2026-01-31T09:30:00+00:0",
    ],
    "guid": [GUID[:-1], GUID + "0", GUID.replace("-", ""), GUID.replace("a", "g"), GUID.replace("-", "0")],
    "word": ["", " ", "a b", "a\tb"],
    "stamp": ["20260230-093000", "20261301-093000", "20260131-246000", "20260131093000", "20260131-0930001", "20260131-09300", "2026013x-093000"],
    "sha": ["a1b2c3", "0" * 41, "a1b2c3g", "A1B2C3D"],
}  # fmt: skip


def test_every_type_is_tried() -> None:
    assert set(FITS) == set(FITS_NOT) == set(KINDS)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FITS.items() for value in values])
def test_values_fit(name: str, value: str) -> None:
    assert like(f"{{{name}}}", value)
    assert like(f"a {{{name}}} b", f"a {value} b")
    assert like(f"{{*}} {{{name}}}", f"x y {value}")
    assert like(f"({{*}}{{{name}}}{{*}})", f"( {value} )")
    assert compile_pattern(f"{{{name}}}").find(f"one\ntwo {value} three") is not None


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in FITS_NOT.items() for value in values])
def test_other_values_do_not(name: str, value: str) -> None:
    assert not like(f"{{{name}}}", value)
    assert not like(f"a {{{name}}} b", f"a {value} b")


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("{*}{id}{*}", HEX64),  # not the end of something longer
        ("{*}{int}.", "x 12a."),
        ("{*}{sha}", "xyza1b2c3d"),
        ("{*}{server}/x", "http://evil.acr.azurecr.io.com/x"),
        ("1{*}{int}", "123"),
    ],
)
def test_a_value_never_begins_or_ends_inside_a_run(pattern: str, text: str) -> None:
    assert not like(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("pushed to {server}.", "pushed to acr.azurecr.io."),
        ("{server}/mywebapi@{digest}", f"acr.azurecr.io/mywebapi@sha256:{HEX64}"),
        ("1.0.0: digest: {digest} size: {int}", f"1.0.0: digest: sha256:{HEX64} size: 1576"),
        ("{layer}: Pushed", "5f70bf18a086: Pushed"),
        ("took {int}ms", "took 12ms"),
        ("size {size}.", "size 220MB."),
        ('{{"a": {int}}}', '{"a": 7}'),
        ("{*}", ""),
        ("{*}{*}", "anything"),
        ("", ""),
        ("{*}foo", "foofoo"),
        ("a{*}a", "aa"),
        ("{*}ab{*}b", "abab"),
        ("two\n{int}", "two\n2"),
        ("@{ACR_NAME}/{word}", "@{ACR_NAME}/x"),
        ("user@{server}", "user@acr.azurecr.io"),
    ],
)
def test_patterns_fit(pattern: str, text: str) -> None:
    assert like(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("Login Succeeded", "Login Failed"),
        ("Login Succeeded", "Login Succeeded."),
        ("a{*}a", "a"),
        ("{*}foo", "foo "),
        ("foo{*}", " foo"),
        ("", "x"),
        ("{*}", "one\ntwo"),
        ("a{*}b", "a\nb"),
        ("{*}b", "a\nb"),
        ("a{*}", "a\nb"),
        ("{*}a{*}b{*}", "b a"),
    ],
)
def test_patterns_do_not_fit(pattern: str, text: str) -> None:
    assert not like(pattern, text)


@pytest.mark.parametrize("seed", range(30))
def test_stars_agree_with_a_regular_expression(seed: int) -> None:
    choose = random.Random(seed)
    expressions = {"{*}": "[^\n]*", "{int}": "(?<![0-9])[0-9]+(?![0-9])", "{word}": r"(?<!\S)\S+(?!\S)"}
    for _ in range(200):
        pieces = [choose.choice(["a", "b", " ", "ab", "1", "{*}", "{*}", " {int} ", " {word} "]) for _ in range(5)]
        pattern = "".join(pieces)
        text = "".join(choose.choice("ab 1") for _ in range(choose.randint(0, 12)))
        oracle = re.sub(r"\{[a-z*]+\}", lambda found: expressions[found.group()], pattern)
        assert like(pattern, text) == bool(re.fullmatch(oracle, text)), (pattern, text)
        found = compile_pattern(pattern).find(f"b\n{text}\n1")
        assert (found is not None) == bool(re.search(oracle, f"b\n{text}\n1")), (pattern, text)


def test_find_gives_the_first_place() -> None:
    assert compile_pattern("b{*}d").find("a\nbc\nxbcd d") == (6, 9)
    assert compile_pattern("zz").find("a\nbc") is None
    assert compile_pattern("size {int}").find("size x\nsize 12") == (7, 14)


@pytest.mark.parametrize(
    ("pattern", "offset", "told"),
    [
        ("ab {digst}", 3, "did you mean {digest}?"),
        ("{Server}", 0, "did you mean {server}?"),
        ("{nothing-like-it}", 0, "known: ago, digest"),
        ("{}", 0, "unknown placeholder {}"),
        ('x {"a": 1}', 2, "write `{{` for a brace"),
        ("x {int", 2, "never closed"),
        ("x }", 2, "lone `}`"),
        ("{{}", 2, "lone `}`"),
        ("{word}: x", 0, "never matches; use {*}"),
        ("{int}5", 0, "never matches"),
        ("a {id}x", 2, "never matches"),
        ("{int}{size}", 0, "put text between"),
        ("@{lower}", 1, "unknown placeholder {lower}"),
    ],
)
def test_wrong_patterns_say_where_and_what_to_do(pattern: str, offset: int, told: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert caught.value.offset == offset
    assert told in caught.value.message


def test_escaped_text_matches_itself_alone() -> None:
    text = "{*} }} {int} @{X}"
    assert like(escape(text), text)
    assert not like(escape(text), "x }} 1 @{X}")


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        ("{*}a{word} b{*}z", "a"),
        ("{*}a{word} {word} {word} z", "aa "),
        ("a{*}b{*}c{*}d{*}a{*}b{*}zz", "ab cd "),
        ("{*}x{id} {*}", "x1234567890ab"),
        ("{*}{server}{*}z", "a."),
        ("{*}{iso}{*}z", "2026-01-31T09:30:00.1"),
        ("{*}a{size}!", "a1"),
        ("{*}{word} x", "aa "),
    ],
)
def test_time_is_linear(pattern: str, unit: str) -> None:
    compiled = compile_pattern(pattern)

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        begin = time.process_time()
        assert not compiled.matches(text)
        compiled.find(text)
        return time.process_time() - begin

    limit = 24 * min(seconds(4_000) for _ in range(3)) + 0.02
    assert any(seconds(32_000) < limit for _ in range(3))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1.0.0: digest: {digest} size: {int}", "1.0.0: digest: <a digest> size: <a number>"),
        ("{server}/x@{digest}", "<a registry>/x@<a digest>"),
        ("{*} and {*}", "… and …"),
        ("{{}} @{NAME}", "{} @{NAME}"),
        ("", ""),
        ("{*}", "…"),
    ],
)
def test_a_pattern_for_people_has_no_placeholder(text, words):
    assert compile_pattern(text).in_words == words
