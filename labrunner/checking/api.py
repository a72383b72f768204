"""What a check is written against: `@check`, Context, Finding, TargetError.

A check is a function of the checks folder. It asks the target for its state and returns a Finding; it
never raises for a wrong state. TargetError says that the target could not be asked (an ERROR, never
FAILED); any other exception is a defect of the check (an ERROR too).

    @check("docker.image")
    def image(ask: Context, *, image: str) -> Finding:
        '''The engine has the image.'''

Arguments are keyword-only, typed `str`, `int`, `bool`, `list[str]` or `dict[str, str]`; those without a
default are required. `content.catalog` reads these signatures without running the file, so that a lab's
arguments are checked with file, line and column before anything runs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from labrunner.model import Check, Outcome

__all__ = [
    "AzureContext",
    "CheckFunction",
    "CheckResult",
    "Checker",
    "Context",
    "Finding",
    "Ran",
    "TargetError",
    "check",
    "failed",
    "passed",
]

T = TypeVar("T")


class TargetError(Exception):
    """The target cannot be asked or is gone. `remedy` says what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Finding:
    """A check's answer. `message` says what is (not only what is missing), in one or two short sentences."""

    ok: bool
    message: str


def passed(message: str) -> Finding:
    """A Finding that the state is right."""
    return Finding(ok=True, message=message)


def failed(message: str) -> Finding:
    """A Finding that the state is wrong, and how."""
    return Finding(ok=False, message=message)


@dataclass(frozen=True, slots=True)
class Ran:
    """What a program run for a check gave. `output` is stdout and stderr as they came."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureContext:
    """The Azure of a target, and the identity that checks ask it with. tenant, subscription, client_id: GUIDs."""

    tenant: str
    subscription: str
    client_id: str
    client_secret: str = field(repr=False)


class Context(Protocol):
    """What a check may use. Paths are the target's own; `engine_url` is the Docker Engine's address.

    engines: the Docker Engines of the target's other hosts, by their names, where a check compares two machines.
    remedy: what the learner can do when the target does not answer, for a TargetError.
    """

    engine_url: str
    engines: Mapping[str, str]
    home: str
    work: str
    remedy: str

    @property
    def azure(self) -> AzureContext:
        """The target's Azure. Raises TargetError when there is none."""

    def run(self, argv: Sequence[str], *, timeout: float = 10.0) -> Ran:
        """Run a program in the work folder with the target's environment. Raises TargetError on a timeout."""

    def once(self, name: str, make: Callable[[], T]) -> T:
        """`make()` the first time, the same object after that (a client, for as long as the run lasts)."""


CheckFunction = Callable[..., Finding]


def check(kind: str) -> Callable[[CheckFunction], CheckFunction]:
    """Mark a function as the check of that kind (`area.question`, kebab-case)."""

    def mark(function: CheckFunction) -> CheckFunction:
        vars(function)["check_kind"] = kind
        return function

    return mark


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How asking one check ended.

    outcome: PASSED, FAILED or ERROR. asked: how many times. seconds: from the first question to the answer.
    bug: an ERROR that is a defect of the check, not of the target.
    """

    check: Check
    outcome: Outcome
    message: str
    seconds: float = 0.0
    asked: int = 1
    bug: bool = False
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Checker(Protocol):
    """Asks checks where the target is. One for a run; starts lazily."""

    def ask(
        self,
        checks: Sequence[Check],
        *,
        once: bool = False,
        on_wait: Callable[[Check, str], None] | None = None,
    ) -> list[CheckResult]:
        """Ask every check, in order, each until it passes or its `within` is over (`once`: one question each).

        on_wait(check, message) is called each time a question did not pass and will be asked again.
        Never raises for a broken target or check: that is an ERROR result.
        """

    def close(self) -> None:
        """Idempotent."""
