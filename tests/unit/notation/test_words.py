"""Command lines, names of images, and credentials as they are given."""

import base64
import json
from datetime import timedelta
from pathlib import Path

import pytest

from labrunner.notation.display import table
from labrunner.notation.flags import Flag, parse
from labrunner.notation.problem import NotationError
from labrunner.notation.references import read_reference
from labrunner.notation.transport import Credentials, credentials_of

DIGEST = "sha256:" + "a" * 64
FLAGS = (
    Flag("key", "", short="k"),
    Flag("force", "", "bool", short="f"),
    Flag("on", "", "bool", default=True),
    Flag("bits", "", "int", short="b", default=2048),
    Flag("expiry", "", "duration", short="e"),
    Flag("meta", "", "stringArray", short="m"),
)


@pytest.mark.parametrize(
    ("line", "arguments", "given"),
    [
        ("image", ("image",), {"key": None, "force": False, "on": True, "bits": 2048}),
        ("--key a image --force", ("image",), {"key": "a", "force": True}),
        ("--key=a=b -f", (), {"key": "a=b", "force": True}),
        ("-ka -b3072", (), {"key": "a", "bits": 3072}),
        ("-fk a", (), {"key": "a", "force": True}),
        ("--on=false --force=1", (), {"on": False, "force": True}),
        ("-e 1h30m", (), {"expiry": timedelta(hours=1.5)}),
        ("-m a=b --meta c=d", (), {"meta": ("a=b", "c=d")}),
        ("--key -k", (), {"key": "-k"}),
        ("a -- --key", ("a", "--key"), {"key": None}),
    ],
)
def test_options_stand_anywhere(line: str, arguments: tuple[str, ...], given: dict[str, object]) -> None:
    found = parse(line.split(), FLAGS)
    assert found.arguments == arguments
    for name, value in given.items():
        assert (found.given[name] or False) == (value or False)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--bogus", "unknown flag: --bogus"),
        ("-x", "unknown shorthand flag: 'x' in -x"),
        ("--key", "flag needs an argument: --key"),
        ("--force=maybe", 'invalid argument "maybe" for "-f, --force" flag'),
        ("--bits many", 'invalid argument "many"'),
        ("--expiry 10", 'invalid argument "10" for "-e, --expiry" flag'),
    ],
)
def test_options_that_are_wrong(line: str, words: str) -> None:
    with pytest.raises(NotationError, match=words):
        parse(line.split(), FLAGS)


def test_pairs() -> None:
    assert parse(["-m", "a=b=c"], FLAGS).pairs("meta") == {"a": "b=c"}
    for wrong in (["-m", "a"], ["-m", "=b"], ["-m", "a=b", "-m", "a=c"]):
        with pytest.raises(NotationError):
            parse(wrong, FLAGS).pairs("meta")


def test_images_have_a_tag_or_a_digest() -> None:
    assert str(read_reference("a.example/b/c:1.0")) == "a.example/b/c:1.0"
    assert str(read_reference(f"a.example:5000/b@{DIGEST}")) == f"a.example:5000/b@{DIGEST}"
    assert str(read_reference(f"a.example/b:1@{DIGEST}")) == f"a.example/b@{DIGEST}"
    assert read_reference("a.example/b:1").path == "a.example/b"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "missing registry or repository"),
        ("b:1", "missing registry or repository"),
        ("a.example/", "missing registry or repository"),
        ("a.example/b", "no tag or digest"),
        ("a.example/b:", "no tag or digest"),
        ("a.example/b@", "no tag or digest"),
        ("a.example/B:1", 'invalid repository "B"'),
        ("a.example/../b:1", "invalid repository"),
        ("a.example/b:a b", "invalid tag"),
        ("a.example/b@sha256:1", "invalid digest"),
        ("https://a.example/b:1", "invalid registry"),
        ("user@a.example/b:1", "invalid registry"),
    ],
)
def test_what_is_no_name_of_an_image(text: str, words: str) -> None:
    with pytest.raises(NotationError, match=words):
        read_reference(text)


def config(folder: Path, value: object) -> dict[str, str]:
    (folder / "config.json").write_text(value if isinstance(value, str) else json.dumps(value))
    return {"DOCKER_CONFIG": str(folder)}


def test_credentials_are_the_given_ones_then_docker_s(tmp_path: Path) -> None:
    plain = base64.b64encode(b"me:my:word").decode()
    env = config(
        tmp_path, {"auths": {"a.example": {"auth": plain}, "b.example": {"identitytoken": "t", "auth": plain}}}
    )
    assert credentials_of("a.example", env) == Credentials(user="me", password="my:word")
    assert credentials_of("b.example", env) == Credentials(refresh="t")
    assert credentials_of("c.example", env) is None
    assert credentials_of("a.example", {**env, "NOTATION_USERNAME": "u", "NOTATION_PASSWORD": "p"}) == Credentials(
        user="u", password="p"
    )
    assert credentials_of("a.example", env, user="v", password="q") == Credentials(user="v", password="q")
    assert credentials_of("a.example", {"HOME": str(tmp_path / "gone")}) is None
    assert "my:word" not in repr(credentials_of("a.example", env))


@pytest.mark.parametrize("value", ["{", {"auths": {"a.example": {"auth": "%"}}}, {"credsStore": "desktop"}])
def test_credentials_that_cannot_be_had_are_told(tmp_path: Path, value: object) -> None:
    with pytest.raises(NotationError):
        credentials_of("a.example", config(tmp_path, value))


def test_tables_are_three_blanks_apart() -> None:
    assert table([("A", "LONG"), ("long", "b")]) == "A      LONG   \nlong   b      "
