"""The Context that checks get: programs through one injected runner, and clients made once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from labrunner.checking.api import AzureContext, Ran, TargetError
from labrunner.shell.program import ProgramError, ProgramResult

__all__ = ["AskingContext", "AzureContext", "Runner", "WorkerContext"]

T = TypeVar("T")


class Runner(Protocol):
    """How a program is run: `shell.program.run_program`, or a stand-in that provokes a fault."""

    def __call__(self, argv: Sequence[str], *, env: Mapping[str, str], cwd: str, timeout: float) -> ProgramResult:
        """Run it to its end. Raises ProgramError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerContext:
    """What checks may know of the target. Paths are the target's own; `env` is the whole environment of programs.

    engines: see `checking.api.Context`.

    remedy: what to do when the target does not answer, for the message. azure: None where there is no Azure.
    """

    engine_url: str
    home: str
    work: str
    engines: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    remedy: str = ""
    azure: AzureContext | None = None


class AskingContext:
    """A Context: what one run of checks shares."""

    def __init__(self, about: WorkerContext, *, runner: Runner) -> None:
        self.engine_url = about.engine_url
        self.engines = about.engines
        self.home = about.home
        self.work = about.work
        self.remedy = about.remedy
        self._azure = about.azure
        self._env = about.env
        self._runner = runner
        self._made: dict[str, Any] = {}

    @property
    def azure(self) -> AzureContext:
        """See `checking.api.Context`."""
        if self._azure is None:
            raise TargetError("this target has no Azure to ask", self.remedy)
        return self._azure

    def run(self, argv: Sequence[str], *, timeout: float = 10.0) -> Ran:
        """Run a program in the work folder with the target's environment.

        Raises TargetError when it cannot be started or takes longer than `timeout` seconds.
        """
        try:
            result = self._runner(argv, env=self._env, cwd=self.work, timeout=timeout)
        except ProgramError as error:
            raise TargetError(str(error)) from error
        return Ran(status=result.status, stdout=result.stdout, stderr=result.stderr)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """`make()` the first time, the same object after that. A `make` that raised is tried again next time."""
        if name not in self._made:
            self._made[name] = make()
        made: T = self._made[name]
        return made

    def close(self) -> None:
        """Close what was made once and can be closed."""
        made, self._made = self._made, {}
        for thing in made.values():
            close = getattr(thing, "close", None)
            if callable(close):
                close()
