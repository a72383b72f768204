"""What `status` says of a sandbox that is not well."""

import pytest

from labrunner.cli.sandbox import _as_text
from labrunner.cli.status import _about
from labrunner.sandbox.faults import SetFault
from labrunner.sandbox.machine import Status

UP = "labrunner sandbox up --sandbox b"


@pytest.mark.parametrize(
    ("state", "detail", "remedy", "said"),
    [
        ("stopped", "", "", "The sandbox 'b' is stopped, and its data is kept. `RUN` brings it back."),
        ("older", "", UP, "The sandbox 'b' was started by another version of labrunner. `RUN` brings it back."),
        ("engine-down", "the Docker Engine does not answer", UP, "The Docker Engine does not answer. `RUN` brings"),
        ("hung", "the supervisor does not answer", UP, "The supervisor does not answer. `RUN` brings it back."),
        # what no run mends is not said to be mended by one
        (
            "broken",
            "another sandbox named 'b' is running, with its data in /x",
            "Use another name with `--sandbox NAME`.",
            "Another sandbox named 'b' is running, with its data in /x. Use another name with `--sandbox NAME`.",
        ),
        (
            "broken",
            "/run/x belongs to user 7",
            "Choose another name.",
            "/run/x belongs to user 7. Choose another name.",
        ),
        ("engine-down", "it is down on purpose", "Clear it.", "It is down on purpose. Clear it."),
        ("stopped", "the disk is full", "Make room.", "The disk is full. Make room."),
    ],
)
def test_whether_a_run_brings_it_back_is_told_as_it_is(state, detail, remedy, said):
    status = Status(name="b", state=state, folder="/f", detail=detail, remedy=remedy)
    assert _about(status, lambda words: words.upper()).startswith(said)


def test_who_uses_it_is_told_but_not_for_a_sandbox_of_somebody_else():
    def about(state, remedy):
        return _about(
            Status(name="b", state=state, folder="/f", detail="it is another", remedy=remedy, holder="`x` (pid 1)"), str
        )

    assert about("running", "") == about("hung", UP) == "The sandbox 'b' is in use by `x` (pid 1)."
    assert about("broken", "Use another name.") == "It is another. Use another name."


def test_of_one_that_is_well_or_not_there_nothing_is_said():
    assert {_about(Status(name="b", state=state, folder="/f"), str) for state in ("running", "absent")} == {""}


def test_what_goes_wrong_on_purpose_is_told_in_words_with_how_to_end_it():
    faults = (SetFault(name="engine-down", seconds_left=None), SetFault(name="disk-full", seconds_left=41.6))
    text = _as_text(Status(name="b", state="running", folder="/f", faults=faults))
    assert (
        "\non purpose  the Docker Engine is dead, and kept so, until it is cleared\n"
        "on purpose  the sandbox's disk has no room, for 42 s more\n"
        "to end it   labrunner sandbox fault --clear --sandbox b\n"
    ) in text
