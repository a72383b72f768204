"""What a check found, asserted: each gives back the message."""

from labrunner.checking.api import CheckResult
from labrunner.model import Outcome


def passed(result: CheckResult) -> str:
    assert result.outcome is Outcome.PASSED, result
    return result.message


def failed(result: CheckResult) -> str:
    assert result.outcome is Outcome.FAILED, result
    return result.message


def error(result: CheckResult) -> str:
    """Ours or the machine's, and no defect of the check."""
    assert (result.outcome, result.bug) == (Outcome.ERROR, False), result
    return result.message


def misused(result: CheckResult) -> str:
    """A defect of the check, or of how it is used."""
    assert (result.outcome, result.bug) == (Outcome.ERROR, True), result
    return result.message
