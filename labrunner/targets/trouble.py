"""What of a sandbox's own doing may be why a command or a check failed: asked before anybody blames the learner."""

import time
from collections.abc import Mapping

from labrunner.checking.api import TargetError
from labrunner.sandbox.azure import LocalAzure
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.remote import RemoteHost
from labrunner.sandbox.room import shortage
from labrunner.sandbox.running import Sandbox, ask_supervisor, remedy_up

__all__ = ["Watch"]

_AGAIN = "Try again: nothing is wrong with what you did."
_REMEDIES: Mapping[str, str] = {
    "throttled": "Wait a little, then try again: nothing is wrong with what you did.",
    "server-error": _AGAIN,
    "slow": "Try again, with more patience: nothing is wrong with what you did.",
    "expired-token": "Log in again, then try again: Docker by `az acr login`; az by `az account clear`, after which "
    "the next `labrunner run` signs it in.",
    "role-not-spread": "Wait until it has, then try again.",
    "stale-list": "Wait until the list is up to date, then try again.",
    "disk-full": "Free some disk space, then try again: `labrunner sandbox status` says where.",
    "refused-connection": "Try again; if it stays so, `labrunner sandbox up` starts what is gone.",
}
_LATE = "slow"
"""A slow answer was an answer: it is a reason for what waited too long, when there is no better one."""


class Watch:
    """One for a target. azure, remote: None for labs that need none."""

    def __init__(self, sandbox: Sandbox, azure: LocalAzure | None, remote: RemoteHost | None = None) -> None:
        self._sandbox = sandbox
        self._azure = azure
        self._remote = remote
        self._since = 0
        self._began = time.monotonic()

    def begin(self) -> None:
        """What has been amiss until now counts no more. Of a local Azure that does not answer all counts that comes."""
        self._began = time.monotonic()
        if self._azure is not None:
            try:
                self._since = int(self._azure.trouble(self._since)["seq"])
            except SandboxError:
                self._since = 0

    def cause(self, *, late: bool) -> TargetError | None:
        """The likeliest reason, and what to do; None: nothing is known."""
        try:
            full = shortage(self._sandbox.layout)
            if full is not None:
                return TargetError(str(full), full.remedy)
            self._sandbox.check_engine()
            self._check_remote()
            was_amiss = self._was_amiss()
            if was_amiss is not None:
                return was_amiss
            told = [] if self._azure is None else self._azure.trouble(self._since)["trouble"]
        except SandboxError as error:
            return TargetError(str(error), error.remedy)
        reasons = [one for one in told if one["kind"] != _LATE] or [one for one in told if late]
        if not reasons:
            return None
        chosen = reasons[0]  # the latest
        return TargetError(chosen["text"], _REMEDIES.get(chosen["kind"], "Try again."))

    def _check_remote(self) -> None:
        """Raise SandboxError if the remote host has ended or hangs."""
        reply = ask_supervisor(self._sandbox.layout, "status") if self._remote is not None else None
        if self._remote is not None and reply is not None:
            wrong = self._remote.wrong(self._remote.state(reply))
            if wrong is not None:
                raise wrong

    def _was_amiss(self) -> TargetError | None:
        """What of the machine was broken since it counts, and is well by now. Raises SandboxError."""
        ago = time.monotonic() - self._began  # first: what was over before must not seem to be later
        reply = ask_supervisor(self._sandbox.layout, "status")
        if reply is None:
            raise SandboxError(f"sandbox '{self._sandbox.name}' is not running", remedy_up(self._sandbox.name))
        if reply.ended.get("disk-full", ago) < ago:
            return TargetError("the sandbox's disk was full for a while", _AGAIN)
        if reply.lingers:
            return TargetError(
                "a program is in a folder that it entered while the disk was full, and still finds no room there",
                "In the shell, `cd` to the folder again (`cd .`), then try again.",
            )
        for name, seconds in (("Docker Engine", reply.engine_seconds), ("local Azure", reply.azure_seconds)):
            if seconds < ago:
                return TargetError(f"the {name} of the sandbox was started anew {seconds:.0f} s ago", _AGAIN)
        return None

    def settling(self) -> str:
        """One sentence on what will become true by itself; "" when nothing."""
        try:
            told = [] if self._azure is None else self._azure.trouble(self._since)["settling"]
        except SandboxError:
            return ""
        return str(told[0]) if told else ""
