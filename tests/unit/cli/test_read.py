"""`labrunner read`: a page at any time, with all that there is to say about its corrections."""

import os
import shutil
from pathlib import Path

import pytest

from labrunner.cli import main
from tests.unit.ui.test_guide import FullScreen

GOOD = str(Path(__file__).parents[2] / "courses" / "good")


@pytest.fixture(autouse=True)
def private(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_without_a_name_it_tells_which_there_are(capsys):
    assert main(["read", "--course", GOOD]) == 0
    assert capsys.readouterr().out == (
        "before-you-start  Before You Start\nwhat-next         What Next\nproblems          Known Problems\n"
    )


def test_a_page_is_shown_with_its_variables_filled_in(capsys):
    assert main(["read", "before-you-start", "--course", GOOD]) == 0
    assert capsys.readouterr() == ("\nBefore You Start\n\nThe name is probe.\n", "")


def test_what_a_page_corrects_is_told_with_its_source(capsys):
    assert main(["read", "what-next", "--course", GOOD]) == 0
    out = capsys.readouterr().out
    assert "Erratum E1 of the course text" in out
    assert "It says: one" in out
    assert "Source: " in out


def test_the_known_problems_are_a_page(capsys):
    assert main(["read", "problems", "--course", GOOD]) == 0
    out = capsys.readouterr().out
    assert "\nprobe not found\n  Cause: There is no probe.\n  Fix: Make one: `touch probe`.\n  Source: Tried\n" in out
    assert out.index("probe not found") < out.index("error ... here")


def test_a_page_that_is_not_there_is_a_mistake_of_usage(capsys):
    assert main(["read", "nothing", "--course", GOOD]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no page called 'nothing'. There are: before-you-start, what-next, problems." in err


def test_a_course_may_have_none(capsys, tmp_path):
    (tmp_path / "course.yaml").write_text("format: 1\nid: c\ntitle: C\nlabs: [lab.yaml]\n", encoding="utf-8")
    lab = "id: l\nname: lab-1\ntitle: L\nsteps:\n  - {id: s, title: S, text: T, questions: [{id: q, text: Q,"
    (tmp_path / "lab.yaml").write_text(f"{lab} choices: [a, b], answer: a}}]}}\n", encoding="utf-8")
    assert main(["read", "--course", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("", "This course has no pages.\n")


def test_the_name_of_a_lab_is_answered_with_how_to_run_it(capsys):
    assert main(["read", "lab-1", "--course", GOOD]) == 2
    err = capsys.readouterr().err
    assert "lab-1 is a lab, not a page" in err
    assert (
        f"Run it: `labrunner run lab-1 --course {GOOD}`. Pages to read: before-you-start, what-next, problems." in err
    )


@pytest.mark.parametrize(("answers", "whole"), [("\n\n\n", True), ("q\n", False)])
def test_on_a_terminal_a_long_page_is_read_page_by_page(monkeypatch, tmp_path, answers, whole):
    course = shutil.copytree(GOOD, tmp_path / "course")
    yaml = course / "course.yaml"
    before = yaml.read_text(encoding="utf-8")
    text = "|\n" + "\n\n".join(f"      Paragraph {number}." for number in range(30))
    yaml.write_text(before.replace("The name is @{NAME}.", text), encoding="utf-8")
    out, keys = FullScreen(), FullScreen(answers)
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setattr("sys.stdin", keys)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("LINES", "24")
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(keys, "fileno", nothing.fileno)
        assert main(["read", "before-you-start", "--course", str(course)]) == 0
    assert "[Enter] read on   q enough" in out.getvalue()
    assert ("Paragraph 29." in out.getvalue()) is whole


@pytest.mark.parametrize("name", ["problms", "problesm"])
def test_what_is_nearly_the_name_of_a_page_is_answered_with_it(capsys, name):
    assert main(["read", name, "probe-not-here", "--course", GOOD]) == 2
    assert f"no page called '{name}'. Did you mean 'problems'? There are: " in capsys.readouterr().err


@pytest.mark.parametrize("words", [["probe-not-here"], ["Probe", "not"], ["probe not found"]])
def test_problems_may_be_named_by_their_name_or_what_the_error_says(capsys, words):
    assert main(["read", "problems", *words, "--course", GOOD]) == 0
    out = capsys.readouterr().out
    assert "\nprobe not found\n  Cause:" in out
    assert "error ... here" not in out


def test_a_problem_that_is_not_known_is_a_mistake_of_usage(capsys):
    assert main(["read", "problems", "probe-nt-here", "--course", GOOD]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "this course knows no problem 'probe-nt-here'. Did you mean 'probe-not-here'?" in err
    assert f"`labrunner read problems --course {GOOD}` shows all" in err
    assert main(["read", "problems", "zzz", "--course", GOOD]) == 2
    assert "Did you mean" not in capsys.readouterr().err


def test_only_problems_can_be_named_on_a_page(capsys):
    assert main(["read", "what-next", "more", "--course", GOOD]) == 2
    assert f"`labrunner read what-next --course {GOOD}` shows what-next." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("before", "Before You Start"),
        ("What", "What Next"),
        ("start", "Before You Start"),
        ("PROBLEMS", "Known Problems"),
    ],
)
def test_a_page_goes_by_a_part_of_its_name_that_no_other_has(capsys, name, title):
    assert main(["read", name, "--course", GOOD]) == 0
    assert capsys.readouterr().out.startswith(f"\n{title}\n")


def test_a_problem_is_found_on_it(capsys):
    assert main(["read", "prob", "probe-not-here", "--course", GOOD]) == 0
    assert "\nprobe not found\n  Cause:" in capsys.readouterr().out


def test_a_part_that_several_names_have_is_answered_with_these(capsys):
    assert main(["read", "e-y", "--course", GOOD]) == 0
    capsys.readouterr()
    assert main(["read", "t", "--course", GOOD]) == 2
    assert "no page called 't'. Did you mean 'before-you-start' or 'what-next'? There are: " in capsys.readouterr().err
