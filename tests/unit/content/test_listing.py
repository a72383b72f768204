"""`labrunner list`: what it shows, and what the cached way may import."""

import json
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest

from labrunner.cli import Problem
from labrunner.cli import list as command
from labrunner.content.listing import listing

GOOD = Path(__file__).parents[2] / "courses" / "good"
LABS = (("lab-1", "all-forms", "All Forms", 3, 5, True),)
PAGES = (
    ("before-you-start", "Before You Start", "start"),
    ("what-next", "What Next", "end"),
    ("problems", "Known Problems", "failure"),
)
EXPECTED = ("good", "Every form that a course can be written in", LABS, PAGES)
HEAVY = {
    "yaml",
    "pydantic",
    "dataclasses",
    "pathlib",
    "json",
    "ast",
    "pickle",
    "labrunner.model",
    "labrunner.content.load",
}


def test_a_listing_is_the_same_with_and_without_a_cache(tmp_path: Path):
    cache = str(tmp_path / "cache")
    assert listing(str(GOOD), cache=None) == (EXPECTED, ())
    assert listing(str(GOOD), cache=cache) == (EXPECTED, ())
    assert listing(str(GOOD), cache=cache) == (EXPECTED, ())


def test_the_cached_way_imports_nothing_heavy(tmp_path: Path):
    listing(str(GOOD), cache=str(tmp_path / "labrunner"))
    code = (
        "import sys; from labrunner.cli import main; status = main(['list', '--course', sys.argv[1]]);"
        "print(*sys.modules, file=sys.stderr); sys.exit(status)"
    )
    env = {"XDG_CACHE_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    # -S: site may import much of that for its own purposes; -P keeps the folder of the tests off the path
    argv = [sys.executable, "-S", "-c", code, str(GOOD)]
    root = str(Path(__file__).parents[3])
    done = subprocess.run(
        argv, capture_output=True, text=True, env={**env, "PYTHONPATH": root}, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    assert "lab-1  all-forms  All Forms (optional)      3        5" in done.stdout
    assert "what-next         What Next         at the end\n" in done.stdout
    assert not HEAVY & set(done.stderr.split())


def test_a_changed_course_is_listed_anew(tmp_path: Path):
    folder = shutil.copytree(GOOD, tmp_path / "course")
    cache = str(tmp_path / "cache")
    listing(str(folder), cache=cache)
    text = (folder / "lab.yaml").read_text(encoding="utf-8")
    (folder / "lab.yaml").write_text(text.replace("All Forms", "Changed"), encoding="utf-8")
    found, _ = listing(str(folder), cache=cache)
    assert found is not None
    assert found[2][0][2] == "Changed"


def test_a_damaged_cache_is_read_over(tmp_path: Path):
    cache = tmp_path / "cache"
    listing(str(GOOD), cache=str(cache))
    for path in (cache / "courses").iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    assert listing(str(GOOD), cache=str(cache)) == (EXPECTED, ())


@pytest.mark.parametrize(("columns", "has_ids"), [(None, True), (80, True), (40, False)])
def test_ids_go_where_the_terminal_is_narrow(
    columns: int | None,
    has_ids: bool,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(command, "_columns_of_terminal", lambda: columns)
    assert command.run(Namespace(course=str(GOOD), json=False), {"XDG_CACHE_HOME": str(tmp_path)}) == 0
    out = capsys.readouterr().out
    assert "lab-1" in out
    assert "All Forms" in out
    assert ("all-forms" in out) is has_ids


def test_json_is_data_on_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    args = Namespace(json=True, course=str(GOOD))
    assert command.run(args, {"XDG_CACHE_HOME": str(tmp_path)}) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == {
        "course": "good",
        "title": "Every form that a course can be written in",
        "labs": [
            {"name": "lab-1", "id": "all-forms", "title": "All Forms", "steps": 3, "minutes": 5, "optional": True}
        ],
        "pages": [
            {"id": "before-you-start", "title": "Before You Start", "shown": "start"},
            {"id": "what-next", "title": "What Next", "shown": "end"},
            {"id": "problems", "title": "Known Problems", "shown": "failure"},
        ],
    }
    assert shown.err == ""


def test_an_invalid_course_shows_its_diagnostics_on_stderr(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "course.yaml").write_text("format: 1\n", encoding="utf-8")
    with pytest.raises(Problem) as caught:
        command.run(Namespace(json=False, course=str(tmp_path)), {"XDG_CACHE_HOME": str(tmp_path / "cache")})
    assert caught.value.status == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "course.yaml:1:1: error: a course needs the key 'id'" in shown.err


def test_no_course_is_a_mistake_of_usage(tmp_path: Path):
    with pytest.raises(Problem) as caught:
        command.run(Namespace(json=False, course=str(tmp_path / "none")), {})
    assert caught.value.status == 2


def test_without_libyaml_it_is_about_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("yaml.__with_libyaml__", False)
    with pytest.raises(Problem, match="libyaml") as caught:
        command.run(Namespace(json=False, course=str(GOOD)), {"XDG_CACHE_HOME": str(tmp_path)})
    assert caught.value.status == 4
