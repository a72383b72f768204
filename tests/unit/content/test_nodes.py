"""Strict YAML: what is kept, what is refused, and where."""

import pytest
import yaml

from labrunner.content.files import LibyamlMissingError
from labrunner.content.nodes import Mapping, Scalar, Sequence, read_nodes


def test_scalars_stay_text_and_know_their_place():
    root, problems = read_nodes("a: 1.10\nb:\n  - 'on'\n  - |\n    ü\n".encode(), file="x.yaml")
    assert problems == []
    assert root == Mapping(
        1,
        1,
        [
            (Scalar(1, 1, "a"), Scalar(1, 4, "1.10")),
            (
                Scalar(2, 1, "b"),
                Sequence(3, 3, [Scalar(3, 5, "on", plain=False), Scalar(4, 5, "ü\n", plain=False)]),
            ),
        ],
    )


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfa: 1\n", b"a: 1\r\n", b"---\na: 1\n...\n", b"# x\na: 1"])
def test_harmless_forms_are_read(data: bytes):
    root, problems = read_nodes(data, file="x.yaml")
    assert problems == []
    assert isinstance(root, Mapping)
    assert [(key.text, value.text) for key, value in root.entries] == [("a", "1")]  # type: ignore[union-attr]


@pytest.mark.parametrize("depth", [50, 51])
def test_fifty_levels_are_allowed(depth: int):
    root, problems = read_nodes(b"[" * depth + b"]" * depth, file="x.yaml")
    assert (root is None) == bool(problems) == (depth > 50)


def test_problems_do_not_hide_each_other():
    _, problems = read_nodes(b"a: &x 1\na: !t 2\nb: *x\n<<: {}\n", file="x.yaml")
    assert [(item.line, item.column) for item in problems] == [(1, 4), (2, 4), (2, 1), (3, 4), (4, 1)]


def test_one_mebibyte_is_the_limit():
    data = b"a: " + b"x" * ((1 << 20) - 3)
    assert read_nodes(data, file="x.yaml")[1] == []
    assert "over 1 MiB" in read_nodes(data + b"x", file="x.yaml")[1][0].message


def test_without_libyaml_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    with pytest.raises(LibyamlMissingError, match="pip install"):
        read_nodes(b"a: 1", file="x.yaml")
