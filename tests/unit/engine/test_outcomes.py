import pytest

from labrunner.engine.outcomes import Blame, ExitStatus, StepResult, exit_status
from labrunner.model import Outcome

PASSED, FAILED = StepResult(Outcome.PASSED), StepResult(Outcome.FAILED, "no")
GONE, DEFECT = StepResult(Outcome.ERROR, "gone", Blame.TARGET), StepResult(Outcome.ERROR, "oops", Blame.BUG)


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([PASSED, PASSED], ExitStatus.PASSED),
        ([], ExitStatus.FAILED),
        ([PASSED, FAILED], ExitStatus.FAILED),
        ([PASSED, StepResult(Outcome.SKIPPED)], ExitStatus.FAILED),
        ([PASSED, StepResult(Outcome.NOT_RUN)], ExitStatus.FAILED),
        ([FAILED, GONE], ExitStatus.TARGET),
        ([GONE, DEFECT], ExitStatus.BUG),
    ],
)
def test_the_gravest_result_decides(results: list[StepResult], status: ExitStatus) -> None:
    assert exit_status(results) is status


def test_an_interruption_is_told_before_anything_else() -> None:
    assert exit_status([DEFECT], interrupted=True) is ExitStatus.INTERRUPTED
