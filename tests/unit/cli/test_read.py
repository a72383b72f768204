"""`labrunner read`: a page at any time, with all that there is to say about its corrections."""

from pathlib import Path

import pytest

from labrunner.cli import main

GOOD = str(Path(__file__).parents[2] / "courses" / "good")


@pytest.fixture(autouse=True)
def private(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_without_a_name_it_tells_which_there_are(capsys):
    assert main(["read", "--course", GOOD]) == 0
    assert capsys.readouterr().out == "before-you-start  Before You Start\nwhat-next         What Next\n"


def test_a_page_is_shown_with_its_variables_filled_in(capsys):
    assert main(["read", "before-you-start", "--course", GOOD]) == 0
    assert capsys.readouterr() == ("\nBefore You Start\n\nThe name is probe.\n", "")


def test_what_a_page_corrects_is_told_with_its_source(capsys):
    assert main(["read", "what-next", "--course", GOOD]) == 0
    out = capsys.readouterr().out
    assert "Erratum E1 of the course text" in out
    assert "It says: one" in out
    assert "Source: " in out


def test_a_page_that_is_not_there_is_a_mistake_of_usage(capsys):
    assert main(["read", "nothing", "--course", GOOD]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "no page called 'nothing'. There are: before-you-start, what-next." in err


def test_a_course_may_have_none(capsys, tmp_path):
    (tmp_path / "course.yaml").write_text("format: 1\nid: c\ntitle: C\nlabs: [lab.yaml]\n", encoding="utf-8")
    lab = "id: l\nname: lab-1\ntitle: L\nsteps:\n  - {id: s, title: S, text: T, questions: [{id: q, text: Q,"
    (tmp_path / "lab.yaml").write_text(f"{lab} choices: [a, b], answer: a}}]}}\n", encoding="utf-8")
    assert main(["read", "--course", str(tmp_path)]) == 0
    assert capsys.readouterr() == ("", "This course has no pages.\n")
