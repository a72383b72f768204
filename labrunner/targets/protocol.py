"""What a lab runs on. The engine knows this Protocol only; `targets.sandbox` and `targets.local` implement it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, Unpack

from labrunner.checking.api import Checker, Ran, TargetError
from labrunner.model import Arrangement, Check, Fault, Seed
from labrunner.record.ledger import Entry, Inventory
from labrunner.shell.protocol import Completed, Shell, Terms

__all__ = ["Runs", "Target", "TargetError"]


class Runs(Protocol):
    """As `Shell.run`."""

    def __call__(self, text: str, **terms: Unpack[Terms]) -> Completed:
        """See `shell.protocol.Shell.run`."""


class Target(Protocol):
    """One learner's machine for the length of a run. Every method raises TargetError when the target is gone."""

    name: str
    capabilities: frozenset[str]
    """What labs may ask for in `needs`: "docker-engine", "azure" (the Azure of the course, and `az`), "remote-host" (a
    second machine, `ssh user@remote-host`)."""

    def values(self) -> Mapping[str, str]:
        """Values that the target knows better than the course's defaults (such as ACR_LOGIN_SERVER)."""

    def tools(self) -> Mapping[str, str]:
        """Versions for the report: {"docker": "20.10.24", "bash": "5.2.15"}."""

    def foresee(self, needs: Collection[str], checks: Collection[Check]) -> None:
        """Begin to start what a lab with these needs and checks will use, and wait for nothing: whoever uses it does,
        and says what failed. Never raises."""

    def shell(self, host: str) -> Shell:
        """The learner's shell on that host; the same one on each call. Raises TargetError for an unknown host."""

    def entrance(self, host: str, *, attended: bool) -> "Runs":
        """Runs a command in the local shell that leads into the one of that host: done when it is there.

        attended: a person can answer what it asks. Raises TargetError for an unknown host.
        """

    def sign_in_codes(self) -> Sequence[str]:
        """The device codes of sign-ins that wait for a person; none where that takes a browser. Never raises."""

    def approve(self, code: str) -> None:
        """Do what that person would. Never raises: then the command that waits says what is wrong."""

    def script(self, text: str, *, host: str = "local", timeout: float = 60.0) -> Ran:
        """Run `text` in a fresh, quiet bash in the work folder (setup, cleanup, planted states)."""

    def seed(self, seed: Seed | Arrangement) -> str:
        """Have in a repository what it has from the past, or a registry as a step wants to find it, all of it or
        nothing: "", or one sentence why it cannot be had. Raises TargetError also where none of that can be made: what
        a lab seeds needs the sandbox's local Azure."""

    def spoil(self, fault: Fault) -> None:
        """Have something go wrong until `mend`. Raises TargetError also where nothing can be made to go wrong."""

    def mend(self) -> None:
        """End what `spoil` began, also for an earlier run. Idempotent."""

    def write_file(self, path: str, content: bytes, mode: int) -> None:
        """Write a file of the course into the work folder; refuses a path outside of it."""

    def checker(self) -> Checker:
        """The same one on each call."""

    def health(self) -> None:
        """Raise TargetError, with a remedy, if the target is not ours or does not answer."""

    def inventory(self) -> Inventory:
        """What is there now: images, tags, containers, volumes, networks, files and folders of work folder and HOME,
        and what the learner can make in Azure. Each by an id that is never another thing's."""

    def remove(self, entries: Sequence[Entry]) -> dict[Entry, str]:
        """Remove these things of an inventory, each by its id and only while its name still means that id.

        For each "" when it is gone (or was already), else one sentence why not. Orders by itself: containers before
        images, tags before manifests ... Never takes along what is not among them, so that one call with all of a
        session's things removes more than one call for each.

        It cannot know what was there before: a file, an image's tag or a repository's tag that was there under the same
        name, and is another by now, was changed and not made, and does not belong among the entries.
        """

    def settling(self) -> str:
        """One sentence on what of the target has not settled yet ("A role given 12 s ago has not spread yet."), ""
        when nothing. Never raises."""

    def trouble(self, *, late: bool = False) -> TargetError | None:
        """What of the target's own doing may have made the last command or check fail, since the previous `watch`: the
        cause in one sentence, its remedy what to do. None: nothing is known. Never raises.

        late: what failed had waited too long, so slowness may be the reason.
        """

    def watch(self) -> None:
        """Trouble counts from now. Never raises."""

    def secrets(self) -> Sequence[str]:
        """The secrets that the target has issued since the last call, at once. Never raises.

        Whoever got one from the target finds it here: asked before each output that is shown or written.
        """

    def reset(self) -> None:
        """Back to the state of a fresh target, shells ended. Removes only what is this target's."""

    def close(self) -> None:
        """End shells and checker; the target itself lives on. Idempotent."""
