"""The step that `LAB/STEP` names, and what is said of a name that no step has."""

import pytest

from labrunner.cli import Problem
from labrunner.cli.sessions import step_of
from labrunner.model import Course, Lab, Step


def lab(number, *steps):
    entries = tuple(Step(id=step, title=step, text="") for step in steps)
    return Lab(id=f"id-{number}", name=f"lab-{number}", title="L", steps=entries)


COURSE = Course(
    id="c", title="C", labs=(lab(1, "log-in", "look"), lab(2, "tag-for-acr", "push-it"), lab(3, "look", "log-out"))
)


def test_a_step_is_named_by_its_lab_and_its_own_name():
    assert step_of(COURSE, "lab-2/push-it") == ("id-2", "push-it")
    assert step_of(COURSE, "id-3/look") == ("id-3", "look")


@pytest.mark.parametrize(
    ("selector", "said", "remedy"),
    [
        ("lab2/tag-for-acr", "there is no lab called 'lab2'. Did you mean 'lab-2/tag-for-acr'?", ""),
        ("lab2/tag-fr-acr", "there is no lab called 'lab2'. Did you mean 'lab-2/tag-for-acr'?", ""),
        ("lab-9/look", "there is no lab called 'lab-9'. Did you mean 'lab-1/look' or 'lab-3/look'?", ""),
        ("lab9/x", "there is no lab called 'lab9'. Did you mean 'lab-3'? There are: lab-1, lab-2, lab-3.", ""),
        ("lab-2/log-in", "there is no step of lab-2 called 'log-in'. Did you mean 'lab-1/log-in'?", ""),
        ("lab-2/push", "there is no step of lab-2 called 'push'. Did you mean 'push-it'? There are:", ""),
        ("lab-2/unknown-step", "there is no step of lab-2 called 'unknown-step'. There are: tag-for-acr, push-it.", ""),
        ("tag-for-acr", "there is no step 'tag-for-acr'. Did you mean 'lab-2/tag-for-acr'?", ""),
        ("tag-for-arc", "there is no step 'tag-for-arc'. Did you mean 'lab-2/tag-for-acr'?", ""),
        ("lab-2", "'lab-2' names no step", "Name a step of it: lab-2/tag-for-acr, lab-2/push-it."),
        ("lab-2/", "'lab-2/' names no step", "Name a step of it: lab-2/tag-for-acr, lab-2/push-it."),
        ("lab2", "'lab2' names no step: there is no lab called 'lab2'. Did you mean 'lab-2'?", "such as lab-1/log-in."),
        ("nonsense", "'nonsense' names no step: there is no lab called 'nonsense'. There are: ", "Write LAB/STEP"),
    ],
)
def test_what_is_probably_meant_is_said(selector, said, remedy):
    with pytest.raises(Problem) as found:
        step_of(COURSE, selector)
    assert str(found.value).startswith(said)
    assert remedy in found.value.remedy
    assert found.value.status == 2
