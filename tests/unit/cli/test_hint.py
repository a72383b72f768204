"""`labrunner hint LAB`: the step that is next in that lab."""

import pytest

from labrunner.cli import Problem
from labrunner.cli.sessions import step_in
from tests.unit.cli.test_again import COURSE, WHOLE, Learner


@pytest.fixture
def learner(tmp_path):
    (tmp_path / "labrunner" / "sandboxes" / "default").mkdir(parents=True)
    return Learner(tmp_path)


def named(learner, selector):
    return step_in(learner.args, COURSE, learner.env, selector)


def refused(learner, selector):
    with pytest.raises(Problem) as found:
        named(learner, selector)
    assert found.value.status == 2
    return f"{found.value} {found.value.remedy}"


@pytest.mark.parametrize("selector", ["lab-1", "id-1", "lab-1/"])
def test_it_is_the_first_one_that_has_not_passed(learner, selector):
    learner.did("s1", ("lab-1",), WHOLE[0])
    assert named(learner, selector) == "lab-1/b"


def test_it_is_that_of_a_later_lab_of_the_run_too(learner):
    learner.did("s1", (), WHOLE[0])
    assert named(learner, "lab-2") == f"lab-2/{COURSE.labs[1].steps[0].id}"


def test_a_run_that_is_under_way_comes_before_one_that_is_done(learner):
    learner.did("s1", (), WHOLE[0])
    learner.did("s2", ("lab-1",), *WHOLE)
    assert named(learner, "lab-1") == "lab-1/b"


def test_what_was_begun_anew_since_does_not_count(learner):
    learner.did("s1", ("lab-1",), WHOLE[0])
    learner.did("s2", ("lab-1",), *WHOLE)
    assert "every step of lab-1 has passed" in refused(learner, "lab-1")


def test_what_names_no_lab_is_left_to_others(learner):
    assert named(learner, "lab-1/b") == "lab-1/b"
    assert named(learner, "lab-7") == "lab-7"


def test_where_it_is_done_or_was_never_begun_it_says_what_to_type(learner):
    assert "no run in sandbox 'default' has lab-1 Begin it with `labrunner run lab-1`" in refused(learner, "lab-1")
    learner.did("s1", ("lab-1",), *WHOLE)
    assert "every step of lab-1 has passed Name a step of it: lab-1/a, lab-1/b." in refused(learner, "id-1")
    assert "has lab-2 Begin it with" in refused(learner, "lab-2")
