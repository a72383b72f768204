"""A known problem on screen: a short box in the guide, two lines for those who read along, all of them on a page."""

import io
import textwrap
from dataclasses import replace

import pytest

from labrunner.model import Course, Lab, Problem, Step
from labrunner.record.events import ProblemRecognised
from labrunner.ui.guide import Guide
from labrunner.ui.plain import Plain
from labrunner.ui.scenes import Scenes
from labrunner.ui.screen import Screen

LAB = Lab(id="log-in", name="lab-1", title="Logging In", steps=(Step(id="first", title="The First Time", text="T"),))
PROBLEMS = (
    Problem(
        id="not-logged-in",
        when=("unauthorized", "required"),
        cause="Docker has no login.",
        fix="`docker login`.",
        source="Docker Docs",
        see="lab-1/first",
    ),
    Problem(
        id="no-room",
        title="No space is left",
        when=("space left",),
        cause="The disk is full.",
        fix="Make room.",
        source="Tried",
    ),
)
COURSE = Course(id="c", title="C", labs=(LAB,), problems=PROBLEMS)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def event(**more: str) -> ProblemRecognised:
    known = {"problem": "not-logged-in", "cause": "Docker has no `login`.", "fix": "Log in: `docker login`."}
    return ProblemRecognised(lab="l", step="s", **(known | more))


def guided(happened: ProblemRecognised, stream: io.StringIO, **env: str) -> str:
    with Guide(io.StringIO(""), stream, course=COURSE, env=env) as guide:
        guide.show(happened)
    return stream.getvalue()


def boxed(text: str) -> str:
    return textwrap.indent(textwrap.dedent(text), "  ").replace("|", "▌").rstrip(" ")


def test_the_guide_shows_a_box_with_cause_fix_and_where_to_read_on() -> None:
    shown = guided(event(see="lab-1/first"), Terminal(), TERM="xterm", NO_COLOR="1", COLUMNS="80")
    assert plain_of(shown) == "\n" + boxed(
        """\
        | A known problem: unauthorized ... required
        | Cause: Docker has no login.
        | Fix:   Log in: docker login.
        | See:   The First Time: labrunner run lab-1/first
        """
    )


def plain_of(text: str) -> str:
    import re

    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", text)


@pytest.mark.parametrize(
    ("see", "line"), [("lab-1", "See: Logging In: `labrunner run lab-1`"), ("", ""), ("lab-9/gone", "")]
)
def test_where_to_read_on_is_named_if_the_course_has_it(see: str, line: str) -> None:
    shown = guided(event(see=see), io.StringIO())
    box = (
        "A known problem: unauthorized ... required\n  Cause: Docker has no `login`.\n  Fix: Log in: `docker login`.\n"
    )
    assert box in shown
    assert line in shown
    assert ("See:" in shown) is bool(line)


def test_how_to_get_there_is_a_line_for_the_sandbox_of_this_run() -> None:
    stream = io.StringIO()
    line = "labrunner {} --sandbox mine".format
    with Guide(io.StringIO(""), stream, course=COURSE, env={}, command_line=line) as guide:
        guide.show(event(see="lab-1"))
    assert "See: Logging In: `labrunner run lab-1 --sandbox mine`" in stream.getvalue()


@pytest.mark.parametrize(("see", "told"), [("lab-1", False), ("lab-1/first", False), ("lab-1/other", True)])
def test_where_one_is_already_is_not_where_to_read_on(see: str, told: bool) -> None:
    other = Step(id="other", title="The Other Time", text="T")
    course = replace(COURSE, labs=(replace(LAB, steps=(*LAB.steps, other)),))
    stream = io.StringIO()
    with Guide(io.StringIO(""), stream, course=course, env={}) as guide:
        guide.show(replace(event(see=see), lab="log-in", step="first"))
    assert "A known problem" in stream.getvalue()
    assert ("See:" in stream.getvalue()) is told


def test_a_problem_is_called_by_its_title() -> None:
    shown = guided(event(problem="no-room", cause="The disk is full.", fix="Make room."), io.StringIO())
    assert "A known problem: No space is left\n  Cause: The disk is full.\n" in shown


def test_those_who_read_along_get_cause_and_fix() -> None:
    stream = io.StringIO()
    plain = Plain(stream, env={})
    plain.show(event())
    plain.flush()
    assert stream.getvalue() == (
        "    Known problem (not-logged-in): Docker has no `login`.\n    Fix: Log in: `docker login`.\n"
    )


def test_the_page_has_all_of_them_with_their_errors_and_sources() -> None:
    stream = io.StringIO()
    Scenes(Screen(stream, env={}), COURSE).problems("Known Problems")
    assert stream.getvalue() == (
        "\nKnown Problems\n"
        "\nunauthorized ... required\n  Cause: Docker has no login.\n  Fix: `docker login`.\n  Source: Docker Docs\n"
        "  See: The First Time: `labrunner run lab-1/first`\n"
        "\nNo space is left\n  Cause: The disk is full.\n  Fix: Make room.\n  Source: Tried\n"
    )
