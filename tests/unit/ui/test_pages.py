"""What is read a screenful at a time: which answers read on."""

import io
from collections.abc import Sequence

import pytest

from labrunner.ui.keys import Key
from labrunner.ui.more import More
from labrunner.ui.pages import Pages
from labrunner.ui.scenes import Scenes
from labrunner.ui.screen import Screen
from labrunner.ui.terminal import Keyboard
from tests.unit.ui.test_guide import CORRECTED, FullScreen

ENV = {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}


def read(answers: str, *, aside: bool = False, named: Sequence[Key] = ()) -> tuple[str, Pages]:
    """What is shown of 60 lines with these answers."""
    out = FullScreen()
    screen = Screen(out, env=ENV)
    pages = Pages(screen, Keyboard(io.StringIO(answers), screen.sink))
    pages.named = lambda text: [key for key in named if f"line {key.word}." in text]
    with pages.reading(aside=aside):
        screen.verbatim([f"line {number}." for number in range(1, 61)])
    return out.getvalue(), pages


@pytest.mark.parametrize("aside", [True, False])
def test_enter_reads_on(*, aside: bool) -> None:
    shown, pages = read("\n  \n\n", aside=aside)
    assert "line 60." in shown
    assert "choices" not in shown
    assert not pages.quit


@pytest.mark.parametrize("aside", [True, False])
@pytest.mark.parametrize("answer", ["h", "s", "x", "images", "w", "\x1b[A"])
def test_anything_else_is_refused_and_asked_again(answer: str, *, aside: bool) -> None:
    shown, pages = read(f"{answer}\nq\n", aside=aside)
    assert shown.count("[Enter] read on") == 2
    assert f'"{answer}" is none of the choices (? explains them).' in shown or answer == "\x1b[A"
    assert "none of the choices (? explains them)." in shown
    assert "line 30." not in shown
    assert pages.quit is not aside


@pytest.mark.parametrize("aside", [True, False])
def test_what_the_question_does_not_list_but_explains(*, aside: bool) -> None:
    shown, pages = read("?\n! ls\nq\n", aside=aside)
    assert "shows the next page." in shown
    assert "Commands of your own are for the question before a step or a command" in shown
    assert "none of the choices" not in shown
    assert pages.quit is not aside


def test_a_command_without_a_mark_waits_for_its_question_too() -> None:
    shown, _ = read("docker images\nq\n")
    assert "Commands of your own are for the question before a step or a command" in shown
    assert "none of the choices" not in shown


def test_the_end_of_the_keyboard_quits() -> None:
    shown, pages = read("x\n")
    assert pages.quit
    assert "line 30." not in shown


@pytest.mark.parametrize("aside", [True, False])
def test_what_the_text_has_named_is_listed_but_where_that_is_read(*, aside: bool) -> None:
    keys = [Key("a", "10", "is on the first page."), Key("b", "30", "is on the second.")]
    shown, _ = read("\nq\n", aside=aside, named=keys)
    assert ("[Enter] read on   a 10   q quit" in shown) is not aside
    assert ("[Enter] read on   a 10   b 30   q quit" in shown) is not aside


def test_why_is_named_by_the_title_of_a_box_also_when_that_is_folded() -> None:
    screen = Screen(io.StringIO(), env=ENV)
    scenes = Scenes(screen, CORRECTED)
    more = More(screen, Pages(screen, Keyboard(io.StringIO(), screen.sink)), scenes)
    folded = "About it (erratum E7; \x1b[35mw tells\x1b[0m\n  ▌ why)"
    assert more.named(folded) == []  # nothing is corrected
    scenes.corrections = list(CORRECTED.errata)
    assert [key.key for key in more.named(folded)] == ["w"]
    assert more.named("About it. Now tells why") == []
