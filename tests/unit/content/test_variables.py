"""Values of course variables, and filling them in."""

import pytest

from labrunner.content.variables import VariableError, fill, fill_in, resolve
from labrunner.matching import like
from labrunner.model import Check, Command, Course, Expectation, File, Mistake, Setup, Step, Variable

NAME = Variable(
    name="NAME", prompt="Name", pattern="[a-z]{3,}", says="Letters.", default={"sandbox": "probe", "*": "other"}
)
SERVER = Variable(name="SERVER", value="@{NAME}.example.com")
COURSE = Course(id="c", title="C", variables=(Variable(name="URL", value="https://@{SERVER}/"), SERVER, NAME))


def values(course: Course = COURSE, *, target="sandbox", given=None, known=None, ask=None):
    return resolve(course, target=target, given=given or {}, known=known or {}, ask=ask)


def test_defaults_go_by_target_and_derived_values_follow_in_any_order():
    assert values() == {"NAME": "probe", "SERVER": "probe.example.com", "URL": "https://probe.example.com/"}
    assert values(target="azure")["SERVER"] == "other.example.com"


def test_what_the_target_knows_wins_and_comes_along():
    found = values(given={"NAME": "given"}, known={"NAME": "Known1", "ELSE": "x"})
    assert found == {
        "NAME": "Known1",
        "ELSE": "x",
        "SERVER": "Known1.example.com",
        "URL": "https://Known1.example.com/",
    }


def test_a_derived_value_can_be_given():
    assert values(given={"SERVER": "s.cn"})["URL"] == "https://s.cn/"


def test_asking_gets_the_variable_and_its_default():
    asked = []

    def ask(variable: Variable, default: str) -> str:
        asked.append((variable.name, default))
        return "answer"

    assert values(ask=ask)["SERVER"] == "answer.example.com"
    assert asked == [("NAME", "probe")]
    assert values(ask=ask, given={"NAME": "given"})["NAME"] == "given"
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"NAME": "A"}, r"'A' is no value for NAME\. Letters\."),
        ({"NAME": "abc; rm"}, r"'abc; rm' is no value for NAME"),
        ({"NAME": "abc\nrm"}, "must be one line of plain text"),
        ({"NAME": ""}, "must not be empty"),
        ({"NAM": "abc"}, "has no variable 'NAM'; did you mean 'NAME'"),
    ],
)
def test_a_bad_value_is_refused_with_the_reason(given, message):
    with pytest.raises(VariableError, match=message):
        values(given=given)


def test_a_generated_value_is_new_each_time_and_of_its_length():
    course = Course(id="c", title="C", variables=(Variable(name="KEY", generate=24, secret=True),))
    first, second = (values(course, ask=lambda *_: "asked")["KEY"] for _ in range(2))
    assert first != second
    assert all(len(value) == 24 and value.isalnum() for value in (first, second))
    assert values(course, given={"KEY": "given"}) == {"KEY": "given"}
    assert resolve(course, target="t", given={}, known={}, ask=None, generate="x".__mul__) == {"KEY": "x" * 24}


def test_a_secret_is_not_repeated():
    course = Course(id="c", title="C", variables=(Variable(name="KEY", pattern="[0-9]+", secret=True),))
    with pytest.raises(VariableError) as caught:
        values(course, given={"KEY": "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_without_a_value_it_says_how_to_give_one():
    course = Course(id="c", title="C", variables=(Variable(name="KEY"),))
    with pytest.raises(VariableError, match="KEY needs a value: give it with --var KEY="):
        values(course)


def test_a_cycle_is_refused():
    course = Course(id="c", title="C", variables=(Variable(name="A", value="@{B}"), Variable(name="B", value="@{A}")))
    with pytest.raises(VariableError, match="A cannot be derived"):
        values(course)


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("@{A}@{A}", "xx"),
        ("@@{A} @@@{A} ${A} a@b {A}", "@{A} @@{A} ${A} a@b {A}"),
        ("@{B}", "@{A}"),
    ],
)
def test_filling_is_one_pass_with_an_escape(text, filled):
    assert fill(text, {"A": "x", "B": "@{A}"}) == filled


@pytest.mark.parametrize("text", ["@{C}", "@{A", "@{}", "@{a b}"])
def test_filling_refuses_what_has_no_value(text):
    with pytest.raises(VariableError):
        fill(text, {"A": "x"})


def test_in_a_pattern_the_value_is_literal_and_placeholders_stay():
    pattern = fill("mywebapi@{digest} @{A}", {"A": "{x}"}, pattern=True)
    assert like(pattern, f"mywebapi@sha256:{'0' * 64} {{x}}")
    assert not like(pattern, "mywebapi@{digest} {x}")


def test_a_step_is_filled_everywhere_but_in_its_names():
    step = Step(
        id="@{A}",
        title="T @{A}",
        text="@@{A}",
        setup=(Setup(run="s @{A}", unless=Check(kind="k.k", args={"images": ["@{A}"], "n": 1, "m": {"k": "@{A}"}})),),
        files=(File(path="@{A}.txt", text="@{A}"),),
        commands=(
            Command(
                run="echo @{A}", ref="@{A}", expect=Expectation(exact="@{A}", contains=("@{A}",), json=["@{A}", 1])
            ),
        ),
        mistakes=(Mistake(when=("@{A}",), text="m"),),
    )
    filled = fill_in(step, {"A": "{v}"})
    assert filled == Step(
        id="@{A}",
        title="T {v}",
        text="@{A}",
        setup=(Setup(run="s {v}", unless=Check(kind="k.k", args={"images": ["{v}"], "n": 1, "m": {"k": "{v}"}})),),
        files=(File(path="{v}.txt", text="{v}"),),
        commands=(
            Command(
                run="echo {v}", ref="@{A}", expect=Expectation(exact="{v}", contains=("{{v}}",), json=["{{v}}", 1])
            ),
        ),
        mistakes=(Mistake(when=("{v}",), text="m"),),
    )
    assert fill_in(Command(run="x"), {}) == Command(run="x")
