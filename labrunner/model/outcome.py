"""How a step, a command or a check ended."""

from enum import StrEnum

__all__ = ["Outcome"]


class Outcome(StrEnum):
    """How a step, command or check ended. FAILED is about the learner's state, ERROR about us or the machine."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    NOT_RUN = "not_run"
