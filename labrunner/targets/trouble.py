"""What of a sandbox's own doing may be why a command or a check failed: asked before anybody blames the learner."""

from collections.abc import Mapping

from labrunner.checking.api import TargetError
from labrunner.sandbox.azure import LocalAzure
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.room import shortage
from labrunner.sandbox.running import Sandbox

__all__ = ["Watch"]

_REMEDIES: Mapping[str, str] = {
    "throttled": "Wait a little, then try again: nothing is wrong with what you did.",
    "server-error": "Try again: nothing is wrong with what you did.",
    "slow": "Try again, with more patience: nothing is wrong with what you did.",
    "expired-token": "Log in again (`az acr login` for Docker, `az login` for az), then try again.",
    "role-not-spread": "Wait until it has, then try again.",
    "stale-list": "Wait until the list is up to date, then try again.",
    "refused-connection": "Try again; if it stays so, `labrunner sandbox up` starts what is gone.",
}
_LATE = "slow"
"""A slow answer was an answer: it is a reason for what waited too long, when there is no better one."""


class Watch:
    """One for a target. azure: None for labs that need none."""

    def __init__(self, sandbox: Sandbox, azure: LocalAzure | None) -> None:
        self._sandbox = sandbox
        self._azure = azure
        self._since = 0

    def begin(self) -> None:
        """What has been amiss until now counts no more. Of a local Azure that does not answer all counts that comes."""
        if self._azure is not None:
            try:
                self._since = int(self._azure.trouble(self._since)["seq"])
            except SandboxError:
                self._since = 0

    def cause(self, *, late: bool) -> TargetError | None:
        """The likeliest reason, and what to do; None: nothing is known."""
        try:
            found = shortage(self._sandbox.layout)
            if found is not None:
                return TargetError(str(found), found.remedy)
            self._sandbox.check_engine()
            told = [] if self._azure is None else self._azure.trouble(self._since)["trouble"]
        except SandboxError as error:
            return TargetError(str(error), error.remedy)
        reasons = [one for one in told if one["kind"] != _LATE] or [one for one in told if late]
        if not reasons:
            return None
        chosen = reasons[0]  # the latest
        return TargetError(chosen["text"], _REMEDIES.get(chosen["kind"], "Try again."))

    def settling(self) -> str:
        """One sentence on what will become true by itself; "" when nothing."""
        try:
            told = [] if self._azure is None else self._azure.trouble(self._since)["settling"]
        except SandboxError:
            return ""
        return str(told[0]) if told else ""
