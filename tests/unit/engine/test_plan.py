from dataclasses import replace

import pytest

from labrunner.engine.plan import SelectionError, select
from labrunner.model import Course, Lab, Step


def step(name: str) -> Step:
    return Step(id=name, title=name.title(), text="")


COURSE = Course(
    id="c",
    title="C",
    labs=(
        Lab(id="tag-images", name="lab-2", title="Tag", steps=(step("one"), step("two"), step("three"))),
        Lab(id="push-images", name="lab-3", title="Push", steps=(step("one"),)),
    ),
)


def chosen(*selectors: str) -> list[tuple[str, list[str]]]:
    return [(lab.lab.name, [step.id for step in lab.steps]) for lab in select(COURSE, selectors).labs]


def test_nothing_chosen_is_everything() -> None:
    assert chosen() == [("lab-2", ["one", "two", "three"]), ("lab-3", ["one"])]


def test_an_optional_lab_is_chosen_by_its_name_only() -> None:
    course = replace(COURSE, labs=(*COURSE.labs, Lab(id="more", name="extra", title="M", optional=True)))
    assert [lab.lab.name for lab in select(course, []).labs] == ["lab-2", "lab-3"]
    assert [lab.lab.name for lab in select(course, ["extra", "lab-3"]).labs] == ["lab-3", "extra"]
    only = replace(COURSE, labs=course.labs[-1:])
    assert [lab.lab.name for lab in select(only, []).labs] == ["extra"]


def test_a_lab_goes_by_its_name_and_by_its_id() -> None:
    assert chosen("lab-2") == chosen("tag-images") == [("lab-2", ["one", "two", "three"])]


def test_steps_run_in_the_order_of_the_course() -> None:
    assert chosen("lab-3", "lab-2/three", "tag-images/one") == [("lab-2", ["one", "three"]), ("lab-3", ["one"])]


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("lab-22", "there is no lab called 'lab-22'. Did you mean 'lab-2'? There are: lab-2, lab-3."),
        ("3", "there is no lab called '3'. Did you mean 'lab-3'? There are: lab-2, lab-3."),
        ("LAB3", "there is no lab called 'LAB3'. Did you mean 'lab-3'? There are: lab-2, lab-3."),
        ("lab", "there is no lab called 'lab'. There are: lab-2, lab-3."),
        ("lab-9", "there is no lab called 'lab-9'. Did you mean 'lab-3'? There are: lab-2, lab-3."),
        ("lab-0", "there is no lab called 'lab-0'. Did you mean 'lab-2'? There are: lab-2, lab-3."),
        ("lab9", "there is no lab called 'lab9'. Did you mean 'lab-3'? There are: lab-2, lab-3."),
        ("lab-2/tow", "there is no step of lab-2 called 'tow'. Did you mean 'two'? There are: one, two, three."),
        ("zzz", "there is no lab called 'zzz'. There are: lab-2, lab-3."),
    ],
)
def test_a_name_that_is_not_there_is_answered_with_the_nearest(selector: str, message: str) -> None:
    with pytest.raises(SelectionError) as caught:
        select(COURSE, [selector])
    assert str(caught.value) == message


def test_the_outline_names_labs_and_steps() -> None:
    outline = select(COURSE, ["lab-3"]).outline()
    assert outline == ({"id": "push-images", "title": "Push", "steps": [{"id": "one", "ref": [], "title": "One"}]},)
