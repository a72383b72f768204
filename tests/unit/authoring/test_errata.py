"""The errata of a course as Markdown that GitHub and others read as it was meant, and as JSON."""

import json
import re
import shutil
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from labrunner.authoring.errata import WIDTH, as_json, as_sections, as_table
from labrunner.cli import Problem, main
from labrunner.cli import errata as command
from labrunner.model import Command, Course, Erratum, File, Lab, Option, Step
from tests.unit.ui.test_guide import FullScreen

GOOD = Path(__file__).parents[2] / "courses" / "good"


def erratum(name: str, **changes: object) -> Erratum:
    entry = Erratum(id=name, where="Step 1", says="one", wrong="It is two.", correction="Two.", source="Tried")
    return replace(entry, **changes)  # type: ignore[arg-type]


STEPS = (
    Step(
        id="name-it",
        ref=("L1.S1",),
        title="Name It",
        text="T",
        commands=(Command(run="docker tag a b", ref="L1.S1.C1"), Command(run="docker images", ref="L1.S1.C2")),
        errata=("E2", "E10"),
    ),
    Step(
        id="choose",
        title="Choose",
        text="T",
        options=(
            Option(
                id="left",
                title="Left",
                commands=(Command(run="true", ref="L1.S2.C1"),),
                files=(File(path="a", text="", ref="L1.S2.C2"),),
            ),
        ),
        errata=("E2",),
    ),
)
COURSE = Course(
    id="small",
    title="A *small* course",
    labs=(Lab(id="first", name="lab-1", title="First", steps=STEPS),),
    errata=(
        erratum("E10", ref=("L1.S1",)),
        erratum(
            "E2",
            where="Step 1 (a | b), Größe ✓",
            ref=("L1.S1.C2", "L1.S2.C2", "L8.S1.C1"),
            says="`docker images | grep x`, and\n`a \\| b`",
            wrong="Two lines:\n\n  for x in *; do\n    echo $x <b> [y](z)\n  done",
            correction="`_x_` and an odd ` backtick",
        ),
        erratum("E3", ref=("L8.S1.C1",)),
    ),
)


def test_a_table() -> None:
    assert as_table(COURSE) == (
        "# Errata: A \\*small\\* course\n"
        "\n"
        "3 errata, 2 of them shown by the course.\n"
        "\n"
        "| Id | Where | What the text says | What is wrong | Correction | Source | Shown by |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n"
        "| E2 | Step 1 (a \\| b), Größe ✓; L1.S1.C2, L1.S2.C2, L8.S1.C1 | `docker images \\| grep x`, and `a \\\\| b` "
        "| Two lines: for x in \\*; do echo \\$x \\<b\\> \\[y\\](z) done | \\`\\_x\\_\\` and an odd \\` backtick "
        "| Tried | `lab-1/name-it` (L1.S1.C2), `lab-1/choose` (L1.S2.C2) |\n"
        "| E3 | Step 1; L8.S1.C1 | one | It is two. | Two. | Tried | none yet |\n"
        "| E10 | Step 1; L1.S1 | one | It is two. | Two. | Tried | `lab-1/name-it` (L1.S1) |\n"
    )


def cells(markdown: str) -> list[list[str]]:
    """The rows of the table as a reader of the rendered page sees them."""
    rows: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(markdown):
        if token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(seen(token))
    return rows


def seen(token: Token) -> str:
    """The text of an inline token; fails where something became Markdown that was not meant."""
    children = token.children or []
    assert {child.type for child in children} <= {"text", "text_special", "code_inline", "softbreak"}
    return "".join(" " if child.type == "softbreak" else child.content for child in children)


def test_who_reads_the_page_sees_the_texts() -> None:
    rows = cells(as_table(COURSE))
    assert [len(row) for row in rows] == [7] * 4
    assert rows[1] == [
        "E2",
        "Step 1 (a | b), Größe ✓; L1.S1.C2, L1.S2.C2, L8.S1.C1",
        "docker images | grep x, and a \\| b",
        "Two lines: for x in *; do echo $x <b> [y](z) done",
        "`_x_` and an odd ` backtick",
        "Tried",
        "lab-1/name-it (L1.S1.C2), lab-1/choose (L1.S2.C2)",
    ]


def test_sections_can_be_read_as_they_stand() -> None:
    text = as_sections(COURSE)
    assert (
        "## E2: Step 1 (a | b), Größe ✓\n"
        "\n"
        "- Reference: L1.S1.C2, L1.S2.C2, L8.S1.C1\n"
        "- The text says: `docker images | grep x`, and `a \\| b`\n"
        "- Wrong: Two lines: for x in \\*; do echo \\$x \\<b\\> \\[y\\](z) done\n" in text
    )
    assert text.endswith("- Source: Tried\n- Shown by: `lab-1/name-it` (L1.S1)\n")


@pytest.mark.parametrize("word", ["-", "+", "#", "1.", "2)", ">", ">x", "<p>", "==", "--", "---", "*", "___", "~~~x"])
def test_a_word_never_begins_a_block_where_a_line_is_folded(word: str) -> None:
    for length in range(72, 96):
        for mark in ("", "`"):
            wrong = f"{mark}{'x' * length} {word} end {word}{mark}"
            text = as_sections(replace(COURSE, errata=(erratum("E1", wrong=wrong),)))
            items = [token for token in MarkdownIt("commonmark").parse(text) if token.type == "inline"]
            assert [seen(token) for token in items if token.level == 3][1] == f"Wrong: {wrong.strip('`')}"
            assert max(len(line) for line in text.splitlines()) <= WIDTH + 20


def test_the_bundled_course_can_be_read_both_ways() -> None:
    from labrunner.content.find import find_course
    from labrunner.content.load import load

    course = load(find_course(None), cache=None).course
    assert course is not None
    rows = cells(as_table(course))[1:]
    wanted = [(entry.id, entry.says, entry.wrong, entry.correction, entry.source) for entry in course.errata]
    plain = [tuple(" ".join(text.replace("`", "").split()) for text in texts) for texts in wanted]
    assert [(row[0], *row[2:6]) for row in rows] == plain
    sections = as_sections(course)
    assert re.findall(r"^## (E\d+)", sections, re.MULTILINE) == [entry.id for entry in course.errata]
    tokens = MarkdownIt("commonmark").parse(sections)
    kinds = {token.type.removesuffix("_open").removesuffix("_close") for token in tokens}
    assert kinds == {"heading", "paragraph", "inline", "bullet_list", "list_item"}
    assert all(seen(token) for token in tokens if token.type == "inline")


def test_as_json() -> None:
    found = json.loads(as_json(COURSE))
    assert (found["course"], found["title"]) == ("small", "A *small* course")
    assert [entry["id"] for entry in found["errata"]] == ["E2", "E3", "E10"]
    assert found["errata"][0]["wrong"] == COURSE.errata[1].wrong
    assert found["errata"][0]["shown_by"] == [
        {"lab": "lab-1", "step": "name-it", "title": "Name It", "ref": ["L1.S1.C2"]},
        {"lab": "lab-1", "step": "choose", "title": "Choose", "ref": ["L1.S2.C2"]},
    ]
    assert found["errata"][1]["shown_by"] == []


# -- the command


def args(path: Path, *, sections: bool = False, as_json: bool = False) -> Namespace:
    return Namespace(path=str(path), ids=[], table=False, sections=sections, json=as_json)


def test_the_table_is_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    assert command.run(args(GOOD), env) == 0
    shown = capsys.readouterr()
    assert (
        "| E1 | Step 1; L1.S1 | one | It is two. | two | https://example.com/ "
        "| `lab-1/do-it` (L1.S1), page `what-next` |\n" in shown.out
    )
    assert shown.err == ""
    assert command.run(args(GOOD, sections=True), env) == 0
    assert "## E1: Step 1\n" in capsys.readouterr().out
    assert command.run(args(GOOD, as_json=True), env) == 0
    assert json.loads(capsys.readouterr().out)["course"] == "good"


def test_an_invalid_course_is_status_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(GOOD, tmp_path / "course")
    (folder / "errata.yaml").write_text("", encoding="utf-8")
    with pytest.raises(Problem, match="is invalid") as caught:
        command.run(args(folder), {"XDG_CACHE_HOME": str(tmp_path)})
    assert caught.value.status == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "errata.yaml:1:1: error: the file is empty\n" in shown.err


def test_no_course_and_two_forms_are_mistakes_of_usage(tmp_path: Path) -> None:
    with pytest.raises(Problem) as caught:
        command.run(args(tmp_path), {"XDG_CACHE_HOME": str(tmp_path)})
    assert caught.value.status == 2
    assert main(["errata", "--json", "--sections"]) == 2


def test_some_are_told_by_their_ids(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert main(["errata", str(GOOD), "e1"]) == 0
    assert "## E1: Step 1\n" in capsys.readouterr().out
    assert main(["errata", str(GOOD), "E1", "E01x", "--json"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "this course has no erratum 'E01x'" in shown.err
    assert "Did you mean E1? `labrunner errata` tells which there are." in shown.err


def test_a_terminal_gets_a_line_for_each_and_all_about_one(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TERM", "dumb")
    out = FullScreen()
    monkeypatch.setattr("sys.stdout", out)
    assert main(["errata", str(GOOD)]) == 0
    assert out.getvalue() == "E1  Step 1\n"
    assert "All about one: `labrunner errata E1`." in capsys.readouterr().err
    assert main(["errata", str(GOOD), "E1"]) == 0
    assert "But today: It is two." in out.getvalue()
    assert "Shown in lab-1/do-it." in out.getvalue()
