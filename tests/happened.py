"""Events of a guided run of the course `c`. A test gives what it is about; all else has a usual value."""

from typing import Any

from labrunner.model import Outcome
from labrunner.record import events

_RUN = {
    "session": "s",
    "mode": "guided",
    "course": "c",
    "course_title": "C",
    "course_digest": "",
    "target": "sandbox",
}


def session_started(**given: Any) -> events.SessionStarted:
    return events.SessionStarted(**{**_RUN, "started": "", **given})


def session_resumed(**given: Any) -> events.SessionResumed:
    return events.SessionResumed(**{**_RUN, "resumed": "", "shell": "back", **given})


def command_ended(run: str = "true", output: str = "", **given: Any) -> events.CommandEnded:
    """It has passed, in step `s` of lab `l`, unless something else is given."""
    usual = {
        "lab": "l",
        "step": "s",
        "number": 0,
        "ref": None,
        "exit_status": 0,
        "end": "exited",
        "outcome": Outcome.PASSED,
        "seconds": 0.1,
    }
    return events.CommandEnded(run=run, output=output, **{**usual, **given})
