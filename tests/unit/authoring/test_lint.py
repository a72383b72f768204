"""Lint: warnings where a course works but could help more, errors first, nothing executed."""

import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from labrunner.authoring.lint import lint
from labrunner.cli import Problem
from labrunner.cli import lint as command
from labrunner.model import Severity

GOOD = Path(__file__).parents[2] / "courses" / "good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "course"))


def test_warnings_of_a_course_that_works():
    found = lint(str(GOOD))
    assert {item.severity for item in found} == {Severity.WARNING}
    assert [str(item) for item in found] == [
        "lab.yaml:46:5: warning: the step 'read-it' has no hint: a student may be stuck",
        "lab.yaml:46:5: warning: the step 'read-it' names no mistake that students make there",
        "lab.yaml:46:5: warning: the step 'read-it' has no solution",
        "lab.yaml:52:5: warning: the step 'choose' has no hint: a student may be stuck",
        "lab.yaml:52:5: warning: the step 'choose' names no mistake that students make there",
        "lab.yaml:52:5: warning: the step 'choose' has no cleanup: what it makes stays",
        "lab.yaml:52:5: warning: the step 'choose' has no solution",
    ]


def test_more_warnings(folder: Path):
    lab = folder / "lab.yaml"
    text = lab.read_text(encoding="utf-8").replace("minutes: 5\n", "").replace("    errata: E1\n", "")
    text = text.replace("id: do-it", f"id: {'do-' * 14}it").replace("id: all-forms", f"id: {'all-' * 10}forms")
    text = text.replace("        run: docker tag", f"        says: {'word ' * 17}\n        run: docker tag")
    lab.write_text(text, encoding="utf-8")
    found = [item.message for item in lint(str(folder))]
    assert f"the step '{'do-' * 14}it' does not show the erratum E1, which is about it" in found
    assert sum("is long to type" in message for message in found) == 2
    assert sum("does not say how many minutes" in message for message in found) == 1
    assert sum("'says' is longer than a line" in message for message in found) == 1


def test_warnings_are_data_and_no_failure(capsys: pytest.CaptureFixture[str]):
    assert command.run(Namespace(path=str(GOOD / "course.yaml")), {}) == 0
    shown = capsys.readouterr()
    assert shown.out.count(": warning: ") == 7
    assert shown.err == f"{GOOD}: no errors, 7 warnings\n"


def test_errors_end_with_status_3(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "lab.yaml").write_text("", encoding="utf-8")
    assert command.run(Namespace(path=str(folder)), {}) == 3
    shown = capsys.readouterr()
    assert shown.out == "lab.yaml:1:1: error: the file is empty\n"
    assert shown.err == f"{folder}: 1 error, no warnings\n"


def test_nothing_of_the_course_is_run(folder: Path):
    marker = folder.parent / "ran"
    checks = folder / "checks" / "probe.py"
    checks.write_text(checks.read_text(encoding="utf-8") + f"\nopen({str(marker)!r}, 'w')\n", encoding="utf-8")
    lint(str(folder))
    assert not marker.exists()


def test_no_course_is_a_mistake_of_usage(tmp_path: Path):
    with pytest.raises(Problem) as caught:
        command.run(Namespace(path=str(tmp_path)), {})
    assert caught.value.status == 2
