"""What is said of the local Azure's clock, and what it can be told."""

import pytest

from labrunner.cli import Problem, main
from labrunner.cli.clock import seconds, told
from labrunner.sandbox.clock import AzureClock

HOUR = 3600.0


@pytest.mark.parametrize(
    ("text", "wanted"),
    [("+30d", 30 * 24 * HOUR), ("+12h", 12 * HOUR), ("+90m", 1.5 * HOUR), ("+1d2h30m", 26.5 * HOUR), ("+0d1h", HOUR)],
)
def test_a_step(text, wanted):
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["30d", "+", "+30", "-1d", "+0d", "+1h1d", "+1.5d", "+1w", "", "back", "+99999d"])
def test_what_is_no_step(text):
    with pytest.raises(Problem, match="no time to move the clock by") as caught:
        seconds(text)
    assert caught.value.status == 2
    assert "+30d" in caught.value.remedy


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (0.0, "2027-01-15 08:00:00 UTC, as on this machine"),
        (24 * HOUR, "2027-01-15 08:00:00 UTC, 1 day ahead of this machine"),
        (49.5 * HOUR, "2027-01-15 08:00:00 UTC, 2 days 1 hour 30 minutes ahead of this machine"),
        (-HOUR, "2027-01-15 08:00:00 UTC, 1 hour behind this machine"),
    ],
)
def test_how_it_is_told(ahead, text):
    assert told(AzureClock(now=1_800_000_000.0, ahead=ahead)) == text


@pytest.mark.parametrize("text", ["-1d", "-12h", "-0", "-5"])
def test_a_step_back_is_refused_in_words(text, capsys):
    assert main(["sandbox", "clock", text, "--sandbox", "none-such"]) == 2
    err = capsys.readouterr().err
    assert err.startswith("labrunner: the local Azure's clock goes on, not back\n")
    assert "What to do: `labrunner sandbox clock reset`" in err
