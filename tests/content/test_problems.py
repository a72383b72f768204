"""The problems of the course "acr-images" against recorded errors: each is told of what it is about, of nothing else.

tests/content/data/errors.txt has the outputs, each below the id of the problem that is told of it.
"""

import io
import re
from pathlib import Path

import pytest

from labrunner.authoring.lint import LONG_ADVICE
from labrunner.content.load import load
from labrunner.content.variables import fill_in, resolve
from labrunner.model import Course, Problem
from labrunner.record.events import ProblemRecognised
from labrunner.ui.scenes import Scenes
from labrunner.ui.screen import Screen

COURSE = Path(__file__).parents[2] / "labs" / "acr-images"
RECORDED = Path(__file__).parent / "data" / "errors.txt"
TITLE = 59
"""Characters: with "A known problem: " before it, a line of 80 columns."""
LINES = 10
"""A box leaves more than half of the smallest usual terminal, 24 lines, to the error itself and the question."""


def loaded() -> Course:
    course = load(str(COURSE), cache=None).course
    assert course is not None
    return fill_in(course, resolve(course, target="sandbox", given={}, known={}, ask=None))


def recorded() -> list[tuple[str, str]]:
    """(id of the problem, output) of each recording; the command itself is no part of the output."""
    _, *parts = re.split(r"^=== (\S+)\n", RECORDED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    found = []
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        command, output = re.sub(r"\A# from .*\n", "", text).split("\n", 1)
        assert command.startswith("$ ")
        found.append((name, output))
    return found


LOADED = loaded()
OUTPUTS = recorded()


def at_a_terminal(output: str) -> str:
    """Where there are colours, az has them in place of the words for how grave a line is (knack 0.11, `log.py`)."""
    return re.sub(r"^(?:ERROR|WARNING): ", "", output, flags=re.MULTILINE)


def told(output: str) -> str:
    return next((problem.id for problem in LOADED.problems if problem.fits(output)), "none")


def test_there_are_enough_of_both() -> None:
    assert len(LOADED.problems) >= 25
    assert sum(name == "none" for name, _ in OUTPUTS) >= 3


@pytest.mark.parametrize(("name", "output"), OUTPUTS, ids=[f"{name}-{at}" for at, (name, _) in enumerate(OUTPUTS)])
def test_of_a_recorded_error_its_own_problem_is_told(name: str, output: str) -> None:
    assert told(output) == name
    assert told(at_a_terminal(output)) == name


def test_every_problem_is_told_of_a_recorded_error() -> None:
    """So its wording is real, and no earlier one hides it."""
    assert {problem.id for problem in LOADED.problems} - {told(output) for _, output in OUTPUTS} == set()


def test_each_has_a_title_of_its_own_that_a_learner_can_read() -> None:
    titles = [problem.title for problem in LOADED.problems]
    assert len(set(titles)) == len(titles)
    for title in titles:
        assert 0 < len(title) <= TITLE
        assert not re.search(r"`| \.\.\. |[.\s]\Z", title), title


def test_each_place_to_read_on_is_a_step() -> None:
    """A whole lab would leave the learner to search."""
    assert {problem.see.count("/") for problem in LOADED.problems if problem.see} == {1}


@pytest.mark.parametrize("problem", LOADED.problems, ids=lambda problem: problem.id)
def test_it_says_what_to_do_in_a_short_box(problem: Problem) -> None:
    for text in (problem.cause, problem.fix, problem.source):
        assert text.count("`") % 2 == 0, "backticks come in pairs: what stands between them is code"
        assert "\n" not in text.strip(), "one paragraph"
    assert problem.cause.endswith("."), "a sentence"
    assert len(problem.cause) + len(problem.fix) <= LONG_ADVICE
    screen = Screen(out := io.StringIO(), env={"COLUMNS": "80"})
    screen.plain = False
    event = ProblemRecognised(
        lab="l", step="s", problem=problem.id, cause=problem.cause, fix=problem.fix, see=problem.see
    )
    Scenes(screen, LOADED).problem(event, line=lambda words: f"labrunner {words}")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue()).splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= 80
