"""The file kinds: what is there, what is not, and what the messages say."""

import os

import pytest

from labrunner.model import Outcome
from tests.findings import failed, passed


def test_a_file_of_the_work_folder(ask, place):
    assert failed(ask("file.exists", path="a/b.txt")) == "There is no file `a/b.txt`."
    (place / "work/a").mkdir()
    (place / "work/a/b.txt").write_text("hello")
    assert passed(ask("file.exists", path="a/b.txt")) == "`a/b.txt` is there."


def test_a_file_of_home(ask, place):
    (place / "work/.profile").write_text("not this one")
    assert failed(ask("file.exists", path="~/.profile"))
    (place / "home/.profile").write_text("")
    assert passed(ask("file.exists", path="~/.profile"))


def test_permissions(ask, place):
    (place / "work/push.sh").write_text("")
    (place / "work/push.sh").chmod(0o644)
    assert failed(ask("file.exists", path="push.sh", mode="0755")) == "`push.sh` has the permissions 0644, not 0755."
    (place / "work/push.sh").chmod(0o755)
    assert passed(ask("file.exists", path="push.sh", mode="0755"))


def test_a_text_in_it(ask, place):
    (place / "work/x").write_bytes(b"\xff one two")
    assert passed(ask("file.exists", path="x", contains="one two"))
    assert failed(ask("file.exists", path="x", contains="three")) == "`x` does not contain `three`."
    assert failed(ask("file.exists", path=".", contains="three")) == "`.` is not a file."


def test_a_pipe_is_not_waited_for(ask, place):
    os.mkfifo(place / "work/pipe")
    assert failed(ask("file.exists", path="pipe", contains="x")) == "`pipe` is not a file."


def test_absent_means_no_file_folder_or_link(ask, place):
    assert passed(ask("file.absent", path="x"))
    (place / "work/x").symlink_to("nowhere")
    assert failed(ask("file.absent", path="x")) == "`x` is still there."


@pytest.mark.parametrize("kind", ["file.exists", "file.absent"])
@pytest.mark.parametrize("path", ["../other", "/etc/passwd", "~/../x", "a/../../x", "../work-2/x"])
def test_a_path_that_leaves_both_folders_is_a_defect_of_the_course(ask, kind, path):
    result = ask(kind, path=path)
    assert (result.outcome, result.bug) == (Outcome.ERROR, True)
    assert "leaves the work folder" in result.message


def test_a_full_path_inside_is_fine(ask, place):
    (place / "home/x").write_text("")
    assert passed(ask("file.exists", path=str(place / "home/x")))


JSON = '{"a": {"b.example.io": {"c": "text"}}, "n": [1, {"deep": true}], "password": "hunter2", "null": null, "1": 2}'


@pytest.mark.parametrize(
    ("has", "equals"),
    [
        ("a", ""),
        ("a.b.example.io.c", "text"),
        ("n.0", "1"),
        ("n.1.deep", "true"),
        ("null", "null"),
        ("null", ""),
        ("n", '[1, {"deep": true}]'),
        ("1", "2"),
        ("password", "hunter2"),
    ],
)
def test_a_value_of_a_json_file(ask, place, has, equals):
    (place / "work/x.json").write_text(JSON)
    assert passed(ask("file.json", path="x.json", has=has, equals=equals))


@pytest.mark.parametrize(
    ("has", "equals", "says"),
    [
        ("b", "", "`x.json` has no `b`."),
        ("a.b.example", "", "`x.json` has no `a.b.example`."),
        ("n.2", "", "`x.json` has no `n.2`."),
        ("n.-1", "", "`x.json` has no `n.-1`."),
        ("a.b.example.io.c", "other", "In `x.json`, `a.b.example.io.c` is `text`, not `other`."),
        ("n.0", "1.0", "In `x.json`, `n.0` is `1`, not `1.0`."),
        ("n.0", "true", "In `x.json`, `n.0` is `1`, not `true`."),
        ("password", "x", "In `x.json`, `password` is another value (not shown), not `x`."),
    ],
)
def test_a_value_that_is_not_there_or_another(ask, place, has, equals, says):
    (place / "work/x.json").write_text(JSON)
    assert failed(ask("file.json", path="x.json", has=has, equals=equals)) == says


def test_a_file_that_is_no_json(ask, place):
    (place / "work/x.json").write_text("{\n  'a': 1}")
    message = failed(ask("file.json", path="x.json", has="a"))
    assert message.startswith("`x.json` is not valid JSON: ")
    assert message.endswith("in line 2, column 3.")
    assert failed(ask("file.json", path="y.json", has="a")) == "There is no file `y.json`."
