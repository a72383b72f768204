"""The pages of a course: shown by a guided run of all of it, only named by a run that nobody watches, never else."""

import io
from dataclasses import replace

import pytest

from labrunner.engine.policy import Moment, Move, Point
from labrunner.model import Command, Course, Erratum, Lab, Page, Step
from labrunner.record import events
from labrunner.ui.guide import Guide
from labrunner.ui.plain import Plain
from tests.happened import session_resumed, session_started

STEP = Step(id="s", title="S", text="T", commands=(Command(run="true"),))
LABS = (
    Lab(id="one", name="lab-1", title="One", steps=(STEP,)),
    Lab(id="two", name="lab-2", title="Two", steps=(STEP,)),
)
PAGES = (
    Page(id="aims", title="Aims", text="What you *learn*.", errata=("E1",)),
    Page(id="next", title="Next", text="Where to go.", shown="end"),
    Page(id="needs", title="Needs", text="What you need."),
)
ERRATUM = Erratum(id="E1", where="Aims", says="old", wrong="It is old.", correction="The new one.", source="Tried")
COURSE = Course(id="c", title="C", labs=LABS, pages=PAGES, errata=(ERRATUM,))
MOVES = (Move.RUN, Move.SKIP, Move.QUIT)
QUESTION = "[Enter] go on   w why corrected   q quit: "
OFFER = "[Enter] read   q enough: "


def started(*labs):
    plan = tuple({"id": lab.id, "title": lab.title, "steps": [{"id": "s", "title": "S"}]} for lab in labs)
    return session_started(plan=plan)


def ended(passed, **totals):
    return events.SessionEnded(seconds=1.0, status=0, totals={"passed": passed, **totals})


def guided(answers, *happenings, course=COURSE):
    """What the guide says of the happenings, and how the fork before the first step is decided."""
    out = io.StringIO()
    with Guide(io.StringIO(answers), out, course=course, env={}) as guide:
        move = None
        for happening in happenings:
            guide.show(happening)
            if isinstance(happening, events.SessionStarted):
                move = guide.decide(Moment(point=Point.STEP, moves=MOVES, lab=LABS[0], step=STEP))
    return out.getvalue(), move


def plain(*happenings, course=COURSE):
    out = io.StringIO()
    presenter = Plain(out, env={}, course=course)
    for happening in happenings:
        presenter.show(happening)
    return out.getvalue()


def test_a_run_of_the_whole_course_begins_with_the_pages_of_the_start_and_one_question():
    said, move = guided("\n\n", started(*LABS))
    assert move is Move.RUN
    assert said.count(QUESTION) == 1
    assert said.index("Aims") < said.index("The new one.") < said.index("Needs") < said.index(QUESTION)
    assert said.index(QUESTION) < said.index("Next: step 1 of 1")
    assert "`labrunner read` shows the pages" in said
    assert "Where to go." not in said


def test_so_does_a_run_of_the_first_lab():
    said, move = guided("\n\n", started(LABS[0]))
    assert move is Move.RUN
    assert said.index("Aims") < said.index("Needs") < said.index(QUESTION)


@pytest.mark.parametrize(("done", "times"), [((), 1), (("one",), 0)])
def test_who_quit_before_anything_was_done_finds_them_again(done, times):
    plan = started(*LABS).plan
    outcomes = tuple({"lab": lab, "step": "s", "outcome": "passed"} for lab in done)
    event = session_resumed(plan=plan, outcomes=outcomes)
    said, _ = guided("\n", event)
    assert [said.count("What you need."), said.count(QUESTION), said.count("Each command is shown")] == [times] * 3


def test_optional_labs_are_not_missed_at_the_end():
    course = replace(COURSE, labs=(*LABS, Lab(id="more", name="lab-3", title="More", steps=(STEP,), optional=True)))
    said, _ = guided("\n\n\n", started(*LABS), ended(2), course=course)
    assert said.index(OFFER) < said.index("Where to go.")


@pytest.mark.parametrize("answer", ["q\n", "quit\n", ""])
def test_quit_at_that_question_quits(answer):
    said, move = guided(answer, started(*LABS))
    assert move is Move.QUIT
    assert "Next: step 1" not in said


def test_what_is_no_answer_there_is_asked_again():
    said, move = guided("! ls\nwhat\n\n\n", started(*LABS))
    assert move is Move.RUN
    assert said.count(QUESTION) == 3
    assert "Commands of your own are for the question before" in said


@pytest.mark.parametrize(
    ("labs", "course"),
    [
        (LABS[1:], COURSE),
        (LABS[:1], replace(COURSE, labs=(replace(LABS[0], steps=(STEP, STEP)), LABS[1]))),
        (LABS, replace(COURSE, pages=())),
        (LABS, replace(COURSE, pages=PAGES[1:2])),
    ],
)
def test_a_later_part_of_the_course_and_one_without_pages_ask_nothing(labs, course):
    said, move = guided("\n", started(*labs), course=course)
    assert move is Move.RUN
    assert QUESTION not in said


def test_a_whole_course_that_passed_ends_with_the_pages_of_the_end():
    said, _ = guided("\n\n\n", started(*LABS), ended(2))
    assert said.index("Every step passed") < said.index(OFFER) < said.index("Where to go.")
    assert said.rstrip().endswith("`labrunner read` shows the pages of this course at any time.")


@pytest.mark.parametrize("answer", ["q\n", ""])
def test_who_has_enough_is_told_where_they_are(answer):
    said, _ = guided(f"\n\n{answer}", started(*LABS), ended(2))
    assert "Where to go." not in said
    assert said.rstrip().endswith("`labrunner read` shows the pages of this course at any time.")


@pytest.mark.parametrize(
    ("labs", "totals"),
    [(LABS, {"passed": 1, "failed": 1}), (LABS, {"passed": 1, "not_run": 1}), (LABS[1:], {"passed": 1})],
)
def test_what_was_not_all_of_the_course_has_no_such_end(labs, totals):
    said, _ = guided("\n\n\n", started(*labs), ended(**totals))
    assert OFFER not in said
    assert "Where to go." not in said


def test_a_run_that_nobody_watches_names_them_and_goes_on():
    said = plain(started(*LABS), ended(2))
    assert "To read before, by `labrunner read PAGE`: aims, needs\n" in said
    assert "To read now, by `labrunner read PAGE`: next\n" in said
    assert "What you need." not in said


def test_it_names_none_that_do_not_belong_there():
    assert "To read" not in plain(started(LABS[0]), ended(1))
    assert "To read now" not in plain(started(*LABS), ended(1, failed=1))
    assert "To read" not in plain(started(*LABS), ended(2), course=None)
