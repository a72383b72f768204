"""A course in every form loads to the values that it says."""

from pathlib import Path

import pytest

from labrunner.content.load import load
from labrunner.model import Check, Course, Expectation, Hint, Setup

GOOD = Path(__file__).parents[2] / "courses" / "good"


@pytest.fixture(scope="module")
def course() -> Course:
    loaded = load(str(GOOD), cache=None)
    assert loaded.diagnostics == ()
    assert loaded.course is not None
    return loaded.course


def test_text_stays_text_and_the_field_decides_the_type(course: Course):
    lab = course.labs[0]
    step = lab.steps[0]
    assert course.images[0].names == ("probe:1.10",)
    assert course.images[0].env == {"PORT": "8080", "FLAG": "on"}
    assert step.files[0].text == "1.10"
    assert lab.minutes == 5
    assert lab.optional is True
    assert step.commands[1].timeout == 2.5
    assert course.work.git is True
    assert course.variables[3].secret is True
    assert lab.steps[1].reads_only is True
    assert lab.steps[2].questions[0].choices == ("1.10", "1.1")


def test_expectations_type_only_plain_json_scalars(course: Course):
    assert course.labs[0].steps[0].commands[1].expect == Expectation(
        exit="nonzero",
        contains=("{digest} @{NAME} mywebapi@{digest}",),
        rows=({"TAG": "1.10", "ON": "on"},),
        same=("TAG",),
        json={"on": True, "off": "true", "port": 8080, "ratio": 0.5, "none": None, "tags": [1.1, "1.10", "v1", "0x10"]},
    )


def test_shorthands_are_expanded(course: Course):
    lab = course.labs[0]
    step = lab.steps[0]
    assert lab.needs == ("docker-engine",)
    assert lab.setup[0] == Setup(run="mkdir -p x")
    assert step.ref == ("L1.S1",)
    assert step.commands[0].run == "echo plain"
    assert step.hints == (Hint(text="Look."), Hint(text="Look again."))
    assert [mistake.when for mistake in step.mistakes] == [("denied",), ("a", "b")]
    assert step.cleanup[0].run == "rm -f x"
    assert step.errata == ("E1",)
    assert course.variables[1].default == {"*": "same"}
    assert course.erratum("E1").correction == "two"


def test_check_arguments_get_the_types_of_the_signature(course: Course):
    checks = course.labs[0].steps[0].checks
    assert checks[0] == Check(
        kind="probe.state",
        args={"name": "1.10", "count": 3, "ready": False, "tags": ["one"], "env": {"A": "1"}, "share": 1.5},
        after="L1.S1.C1",
        within=30.0,
        at="lab.yaml:32:9",
    )
    assert checks[1].args == {"name": "b"}
    assert course.labs[0].setup[1].unless == Check(kind="probe.state", args={"name": "y"}, at="lab.yaml:8:28")


def test_places_are_kept_for_messages(course: Course):
    lab = course.labs[0]
    assert lab.at == "lab.yaml:1:1"
    assert lab.steps[0].at == "lab.yaml:10:5"
    assert lab.steps[0].commands[1].at == "lab.yaml:20:9"
    assert course.variables[0].at == "course.yaml:5:3"
