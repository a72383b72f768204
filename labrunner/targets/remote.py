"""The remote host of a sandbox, as part of its target: shell, checks. Started with the first lab that needs it."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from labrunner.checking.api import AzureContext, Checker, CheckResult, Ran
from labrunner.checking.client import OnWait, WorkerChecker
from labrunner.checking.context import WorkerContext
from labrunner.model import Check
from labrunner.record.ledger import Entry
from labrunner.sandbox import engine
from labrunner.sandbox.azure import signed_in
from labrunner.sandbox.environment import REMOTE_NAME, REMOTE_USER
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.remote import RemoteHost
from labrunner.sandbox.running import Sandbox, remedy_up
from labrunner.shell.bash import BashShell
from labrunner.shell.far import FarShell
from labrunner.shell.protocol import ShellSpec
from labrunner.targets.containers import KINDS as ENGINE_KINDS
from labrunner.targets.containers import engine_entries, remove_engine_entries

__all__ = ["KINDS", "ByHost", "Remote"]

_LABEL = "remote-"
_ACCOUNT = f"{_LABEL}az-account"
KINDS = frozenset({_ACCOUNT, *(f"{_LABEL}{kind}" for kind in ENGINE_KINDS)})
"""What an inventory calls its things."""
_CONNECT = f"ssh -o StrictHostKeyChecking=accept-new -o ConnectTimeout=10 {REMOTE_USER}@{REMOTE_NAME}"
_BASH = ("bash", "--noprofile", "--norc", "-c")


class Remote:
    """The remote host of a sandbox, for one run. Methods raise SandboxError when it does not start.

    shown: folders of this machine that are to be seen there, too.
    """

    name = REMOTE_NAME

    def __init__(self, sandbox: Sandbox, shown: Callable[[], Collection[str]]) -> None:
        self._sandbox = sandbox
        self._host = RemoteHost(sandbox)
        self._shown = shown
        self.kinds: Collection[str] = ()
        self._begun = False
        self._awaited = False
        self._shell: FarShell | None = None
        self._checker: WorkerChecker | None = None

    def begin(self, kinds: Collection[str]) -> None:
        """Have it start, if it does not run. Whoever needs it waits for it, and says what failed. kinds: those of the
        checks that will be asked there."""
        self.kinds = kinds
        with suppress(SandboxError, OSError):
            used = self._host.has_run()
            self._begun = self._host.begin()
            self._awaited |= self._begun and used

    def shell(self, near: BashShell, *, attended: bool = True) -> FarShell:
        """Its shell, at the end of an ssh session in `near`. attended: ssh may ask somebody about its key."""
        self._up()
        if not attended:
            self._host.make_known()
        if self._shell is None:
            spec = ShellSpec(cwd=self._host.home, run_dir=self._sandbox.layout.shell_dir)
            self._shell = FarShell(near, spec, door=self._sandbox.layout.remote_door, connect=_CONNECT)
        return self._shell

    def script(self, text: str, *, timeout: float) -> Ran:
        """A fresh bash there, without ssh."""
        self._up()
        result = self._host.run([*_BASH, text], timeout=timeout)
        return Ran(status=result.status, stdout=result.stdout, stderr=result.stderr)

    def checker(self, folders: tuple[str, ...], azure: Callable[[], AzureContext | None]) -> WorkerChecker:
        """A worker there."""
        self._up()
        if self._checker is None:
            host = self._host
            self._checker = WorkerChecker(
                lambda: host.start_module("labrunner.checking.worker"),
                folders,
                WorkerContext(
                    engine_url=f"unix://{engine.SOCKET}",
                    home=host.home,
                    work=host.home,
                    env=host.environment(),
                    remedy=f"run `{remedy_up(self._sandbox.name)}`, then try again.",
                    azure=azure(),
                ),
            )
        return self._checker

    def inventory(self) -> Iterator[Entry]:
        """What is there; nothing while it does not run. Where it was begun and has things of an earlier time, it is
        waited for: they are no news then."""
        if self._awaited:
            self._awaited = False
            self._up()
        elif not self._host.is_up():
            return
        for entry in engine_entries(self._host):
            yield replace(entry, kind=f"{_LABEL}{entry.kind}")
        who = signed_in(self._host.home)
        if who is not None:
            yield Entry(_ACCOUNT, who[0], f"{who[1]} in {who[2]}")

    def remove(self, entries: Sequence[Entry]) -> dict[Entry, str]:
        """See `Target.remove`; of its own kinds alone."""
        mine = {replace(entry, kind=entry.kind.removeprefix(_LABEL)): entry for entry in entries if entry.kind in KINDS}
        if not mine:
            return {}
        self._up()
        things = [entry for entry in mine if entry.kind in ENGINE_KINDS]
        told = remove_engine_entries(self._host, things) if things else {}
        told |= {entry: self._sign_out(entry) for entry in mine if entry not in things}
        return {mine[entry]: words for entry, words in told.items()}

    def empty(self) -> None:
        """As new, and not running."""
        self.close()
        self._host.empty()

    def close(self) -> None:
        """End shell and worker. Idempotent."""
        if self._shell is not None:
            self._shell.close()
            self._shell = None
        if self._checker is not None:
            self._checker.close()
            self._checker = None

    def _up(self) -> None:
        if self._begun or not self._host.is_up():
            self._host.up()
            self._begun = False
        self._host.show(self._shown())

    def _sign_out(self, entry: Entry) -> str:
        now = signed_in(self._host.home)
        if now is None or now[0] != entry.name:
            return "" if now is None else "Somebody else is signed in by now."
        result = self._host.run(["az", "logout", "--username", entry.name])
        words = (result.stderr or result.stdout).strip().splitlines()
        return f"`az logout` failed: {words[-1] if words else result.status}." if result.status else ""


class ByHost:
    """A Checker that asks each check on its host. on: the Checker of a host, by name; raises TargetError."""

    def __init__(self, on: Callable[[str], Checker]) -> None:
        self._on = on

    def ask(self, checks: Sequence[Check], *, once: bool = False, on_wait: OnWait | None = None) -> list[CheckResult]:
        """See `checking.api.Checker`. Neighbours of one host are asked at once."""
        results: list[CheckResult] = []
        while len(results) < len(checks):
            rest = checks[len(results) :]
            size = next((at for at, one in enumerate(rest) if one.host != rest[0].host), len(rest))
            results += self._on(rest[0].host).ask(rest[:size], once=once, on_wait=on_wait)
        return results

    def close(self) -> None:
        """Nothing of its own."""
