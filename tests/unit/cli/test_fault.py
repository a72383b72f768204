"""`labrunner sandbox fault`: its words."""

import pytest

from labrunner.cli import Problem, main
from labrunner.cli.fault import seconds
from labrunner.sandbox.faults import NAMES


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("30s", 30), ("2m", 120), ("1h", 3600), ("1m30s", 90), ("1h1m1s", 3661), ("0.5s", 0.5), ("24h", 86400)],
)
def test_times(text, wanted):
    assert seconds(text) == wanted


@pytest.mark.parametrize(
    "text", ["", "30", "s", "0s", "-5s", "5 s", "5S", "30x", "1s1m", "25h", "99999h", "1e3s", "nan", "٣s", "5s\n"]
)
def test_no_times(text):
    with pytest.raises(Problem, match="is no time for a fault") as found:
        seconds(text)
    assert "30s, 2m or 1m30s" in found.value.remedy


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["latncy"], "there is no fault 'latncy'\nWhat to do: Did you mean 'latency'?"),
        (["disk"], "there is no fault 'disk'\nWhat to do: Did you mean 'disk-full'?"),
        (["Engine-Down"], "there is no fault 'Engine-Down'\nWhat to do: Did you mean 'engine-down'?"),
        (["--clear", "throttle"], "Did you mean 'throttled'?"),
        (["zzz"], f"What to do: There are: {', '.join(NAMES)}."),
        ([], "no fault was named"),
        (["latency", "--for", "30"], "'30' is no time for a fault"),
        (["latency", "--list"], "--list, --clear and setting a fault are three things"),
        (["--list", "--clear"], "--list, --clear and setting a fault are three things"),
        (["latency", "--clear", "--for", "5s"], "--list, --clear and setting a fault are three things"),
        (["--list", "--for", "5s"], "--list, --clear and setting a fault are three things"),
        (["latency", "--sandbox", "No Name"], "is no name for a sandbox"),
    ],
)
def test_wrong_words_are_told(words, said, capsys):
    assert main(["sandbox", "fault", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["latency"], ["disk-full", "--for", "5s"], ["--list"], ["--clear"]])
def test_a_sandbox_that_does_not_run_is_told(words, capsys):
    assert main(["sandbox", "fault", *words]) == 4
    said = capsys.readouterr().err
    assert "sandbox 'default' is not running" in said
    assert "What to do: labrunner sandbox up" in said


def test_help_names_every_fault(capsys):
    assert main(["sandbox", "fault", "--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in NAMES)
