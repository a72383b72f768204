"""What advice begins with: the word, or the path that this user has started."""

import io
from pathlib import Path

import pytest

from labrunner.ui.program import as_typed, program
from labrunner.ui.screen import Screen


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / ".venv" / "bin" / "labrunner"
    file.parent.mkdir(parents=True)
    file.touch(mode=0o755)
    monkeypatch.chdir(tmp_path)
    return file


def test_who_has_it_on_the_path_types_the_word(started: Path) -> None:
    assert program({"PATH": f"/nowhere:{started.parent}"}, str(started)) == "labrunner"


def test_who_has_not_types_the_path(started: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert program({"PATH": "/nowhere"}, ".venv/bin/labrunner") == ".venv/bin/labrunner"
    assert program({"PATH": "/nowhere"}, str(started)) == ".venv/bin/labrunner"
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert program({"PATH": "/nowhere"}, str(started)) == str(started)
    (tmp_path / "other" / "labrunner").touch(mode=0o755)
    assert program({"PATH": str(tmp_path / "other")}, str(started)) == str(started)  # another one is on the PATH


def test_what_make_tells_is_believed(started: Path) -> None:
    assert program({"PATH": "", "LABRUNNER_COMMAND": "x/labrunner"}, str(started)) == "x/labrunner"


@pytest.mark.parametrize("started", ["bootstrap.py", "/x/labrunner/__main__.py", "/gone/labrunner", ""])
def test_whatever_else_was_started_the_word_is_all_there_is(started: str) -> None:
    assert program({"PATH": "/nowhere"}, started) == "labrunner"


def test_code_that_begins_with_it_is_shown_as_it_is_typed() -> None:
    env = {"LABRUNNER_COMMAND": "./bin/labrunner"}
    text = "`labrunner run signing`, `labrunner\nread`; labrunner does it; `labrunners`, `a labrunner b`"
    shown = "`./bin/labrunner run signing`, `./bin/labrunner\nread`; labrunner does it; `labrunners`, `a labrunner b`"
    assert as_typed(text, env) == shown
    assert as_typed(text, {}) == text
    out = io.StringIO()
    screen = Screen(out, env=env)
    screen.markdown("See `labrunner list`.")
    screen.line("See `labrunner read`.")
    screen.command("labrunner list")
    assert out.getvalue() == "See `./bin/labrunner list`.\nSee `./bin/labrunner read`.\n  $ labrunner list\n"
