"""The local Azure of a sandbox, from outside: waited for, filled for a course, signed in to.

It runs inside, held by the supervisor; it is spoken to over its control socket, which nobody inside can reach.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from labrunner.emulator.client import ControlClient, ControlError, SecretsFeed
from labrunner.emulator.damage import STATUS, discard
from labrunner.emulator.damage import told as told_damage
from labrunner.model import Arrangement, Azure, Fault, Seed
from labrunner.sandbox.control import python_line
from labrunner.sandbox.engine import last_lines
from labrunner.sandbox.environment import ADDRESS, PROXY, REMOTE_ADDRESS, REMOTE_NAME
from labrunner.sandbox.errors import AzureDamaged, SandboxError
from labrunner.sandbox.layout import Layout
from labrunner.sandbox.notation import offer as offer_notation
from labrunner.sandbox.progress import Progress
from labrunner.sandbox.room import told
from labrunner.sandbox.running import Sandbox, ask_supervisor, remedy_up

__all__ = [
    "LocalAzure",
    "SecretsSource",
    "check_azure",
    "compile_emulator",
    "damage",
    "emulator_environment",
    "emulator_line",
    "signed_in",
    "write_hosts",
]

if TYPE_CHECKING:
    from labrunner.sandbox.azure_cli import AzureCli

T = TypeVar("T")

_POLL_SECONDS = 0.02
_AGAIN_SECONDS = 1.0
_LOOK_SECONDS = 1.0
_START_SECONDS = 30.0
_STATUS_SECONDS = 5.0
_FRESH_SECONDS = 10.0
"""For so long after its start nobody wonders that it does not answer."""
_SIGN_IN_SECONDS = 60.0
_EMULATOR = "labrunner.emulator"


def emulator_line(place: Layout) -> list[str]:
    """What starts the local Azure inside, but for the control socket's descriptor."""
    return [
        *python_line(_EMULATOR, site=True),
        *("--state", place.azure, "--proxy", PROXY, "--tls", f"{ADDRESS}:443", "--hosts", place.hosts),
    ]


def emulator_environment(place: Layout) -> dict[str, str]:
    """All of its environment. It calls nobody whose certificate it would verify: reading the public authorities, which
    its libraries do when they are imported, is a fifth of its start, at the time that the engine starts too."""
    return {"PATH": "/usr/bin:/bin", "HOME": place.azure, "LANG": "C.UTF-8", "SSL_CERT_FILE": os.devnull}


def compile_emulator() -> None:
    """Make its bytecode where that is missing, and that of the stand-in for notation: inside, programs are read-only,
    and each start would make it anew."""
    import compileall

    for folder in ("emulator", "notation"):
        with suppress(OSError):
            compileall.compile_dir(Path(__file__).parents[1] / folder, quiet=2)


def write_hosts(place: Layout) -> None:
    """Write what is to be /etc/hosts inside. The local Azure adds the names that it answers for."""
    lines = ("127.0.0.1\tlocalhost labrunner", "::1\tlocalhost", f"{REMOTE_ADDRESS}\t{REMOTE_NAME}")
    Path(place.hosts).write_text("".join(f"{line}\n" for line in lines), encoding="ascii")


def check_azure(place: Layout, *, patience: float = 0.0) -> dict[str, Any]:
    """What the local Azure says of itself. Raises SandboxError if it does not answer, or is not this sandbox's;
    AzureDamaged if it ended because its state is damaged.

    patience: seconds that one which runs may take until it answers. One that has only just started gets the time that
    a start may take.
    """
    began = time.monotonic()
    what = f"the local Azure of sandbox '{place.name}'"
    while True:
        reply = ask_supervisor(place, "status")
        if reply is None:
            raise SandboxError(f"sandbox '{place.name}' is not running", remedy_up(place.name))
        if not reply.azure_pid and reply.azure_end.startswith(f"ended with status {STATUS} "):
            raise _damaged(place)
        if not reply.azure_pid:
            at_fault = patience and "with status" in reply.azure_end  # it gave up by itself, and its log says why
            words = last_lines(f"{place.folder}/log/azure.log") if at_fault else ""
            raise SandboxError(f"{what} is gone: it {reply.azure_end}\n{words}".rstrip(), remedy_up(place.name))
        try:
            about = ControlClient(place.azure_control, timeout=_STATUS_SECONDS).status()
        except ControlError as error:
            since = time.monotonic() - began
            if since >= patience and reply.azure_seconds >= _FRESH_SECONDS:
                raise SandboxError(f"{what} does not answer: {error}", remedy_up(place.name)) from error
            time.sleep(_POLL_SECONDS)
            continue
        if about.get("pid") != reply.azure_pid:
            raise SandboxError(f"what answers at {place.azure_control} is not {what}", remedy_up(place.name))
        return about


def _damaged(place: Layout) -> AzureDamaged:
    option = "" if place.name == "default" else f" --sandbox {place.name}"
    which = told_damage(last_lines(f"{place.folder}/log/azure.log")) or f"see {place.folder}/log/azure.log"
    return AzureDamaged(
        f"the local Azure of sandbox '{place.name}' cannot go on, its state is damaged: {which}",
        f"Copy what you want to keep from {place.work}, then `labrunner sandbox reset{option}`:"
        " this sandbox begins anew, without its containers, images and files. Others are left alone.",
    )


def damage(place: Layout) -> AzureDamaged | None:
    """What is damaged of the state that the local Azure was started with. Waits until it has read it."""
    try:
        check_azure(place, patience=_START_SECONDS)
    except AzureDamaged as found:
        return found
    except SandboxError:
        return None  # whoever needs it is told
    return None


class LocalAzure:
    """The local Azure of a running sandbox. Every method raises SandboxError when it is gone or refuses."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._client = ControlClient(sandbox.layout.azure_control)

    def wait(self) -> None:
        """Until it answers."""
        check_azure(self._sandbox.layout, patience=_START_SECONDS)

    def prepare(self, wanted: Azure | None, say: Callable[[Progress], None]) -> None:
        """Have what the course declares, where it is missing, and the sandbox's user signed in, by what `install` put
        there."""
        with told(self._sandbox.layout):
            self._prepare(wanted, say)

    def _prepare(self, wanted: Azure | None, say: Callable[[Progress], None]) -> None:
        self.wait()
        if wanted is not None:
            self._ask(lambda: self._client.seed(_seed(wanted)))
        about = self._ask(self._client.status)
        if signed_in(self._sandbox.layout.home) != (about["user"], "user", about["subscription"]):
            say(Progress("signing in to the local Azure"))
            self._sign_in()

    def sign_in_codes(self) -> list[str]:
        """The codes of sign-ins that wait for a person; none when it does not answer."""
        try:
            return self._client.device_codes()
        except ControlError:
            return []

    def approve(self, code: str) -> None:
        """Let the sandbox's user sign in with that code. Who waits for it says what is wrong."""
        with suppress(ControlError):
            self._client.approve(code)

    def seed(self, seed: Seed) -> str:
        """Have what a repository has from the past: "", or one sentence why it cannot be had."""
        return self._ask(lambda: self._client.seed_images(_past(seed)))

    def arrange(self, wanted: Arrangement, place: Azure) -> str:
        """Have a registry as a step wants it, in that resource group and region: "", or one sentence why not."""
        return self._ask(
            lambda: self._client.arrange(
                {
                    "name": wanted.registry,
                    "resource_group": place.resource_group,
                    "location": place.location,
                    "sku": wanted.sku,
                    "role_assignment_mode": wanted.role_assignment_mode,
                    "roles": list(wanted.roles),
                }
            )
        )

    def spoil(self, fault: Fault) -> None:
        """Have something go wrong until `mend`."""
        about = {
            "registry": fault.registry,
            "delay": fault.delay,
            "tiers": list(fault.tiers),
            "sku": fault.sku,
            "roles": list(fault.roles),
        }
        given: dict[str, Any] = {key: value for key, value in about.items() if value}
        self._ask(lambda: self._client.set_fault(fault.name, step=True, **given))

    def mend(self) -> None:
        """End what `spoil` began."""
        self._ask(self._client.end_step_faults)

    def reset(self) -> None:
        """As new: nothing that a course declares, nobody signed in. Also when what it knew is damaged."""
        try:
            self.wait()
        except AzureDamaged:
            place = self._sandbox.layout
            with told(place):
                discard(Path(place.azure))
            ask_supervisor(place, "renew", ["azure"])
            self.wait()
        self._ask(self._client.reset)

    def operator(self) -> tuple[str, str, str, str]:
        """Tenant, subscription, and the client id and secret of the identity that checks ask with."""
        about = self._ask(self._client.status)
        return (about["tenant"], about["subscription"], *self._ask(self._client.operator))

    def inventory(self) -> list[tuple[str, str, str]]:
        """(kind, name, immutable id) of what is there."""
        return self._ask(self._client.inventory)

    def remove(self, things: Sequence[tuple[str, str, str]]) -> list[str]:
        """For each (kind, name, immutable id): "" when it is gone, else one sentence why it stays."""
        return self._ask(lambda: self._client.remove(things))

    def trouble(self, since: int) -> dict[str, Any]:
        """What was answered amiss after that number, and what will settle by itself (`emulator.control`)."""
        return self._ask(lambda: self._client.trouble(since))

    def install(self, cli: "AzureCli") -> None:
        """Put `az` on the PATH inside, whole at any moment; and `notation`."""
        with told(self._sandbox.layout):
            self._install(cli)

    def _install(self, cli: "AzureCli") -> None:
        self._sandbox.show([str(cli.root)])
        path = Path(self._sandbox.layout.bin, "az")
        new = path.with_suffix(".new")
        new.write_text(cli.launcher, encoding="utf-8")
        new.chmod(0o755)
        new.replace(path)
        offer_notation(self._sandbox.layout, self._sandbox.environment()["PATH"])

    def _sign_in(self) -> None:
        """Sign the sandbox's user in, as `az login --use-device-code` does with a person who types the code."""
        before = frozenset(self._ask(self._client.device_codes))
        over = threading.Event()
        person = threading.Thread(target=self._approve, args=(before, over), name="approve", daemon=True)
        person.start()
        try:
            line = ["az", "login", "--use-device-code", "--output", "none", "--only-show-errors"]
            result = self._sandbox.run(line, timeout=_SIGN_IN_SECONDS)
        finally:
            over.set()
            person.join()
        if result.status:
            words = (result.stderr or result.stdout).strip()[-500:]
            raise SandboxError(
                f"signing in to the local Azure failed:\n{words}", f"See {self._sandbox.layout.folder}/log/azure.log."
            )

    def _approve(self, before: frozenset[str], over: threading.Event) -> None:
        """Approve the codes that were not there before."""
        while not over.wait(_POLL_SECONDS):
            with suppress(ControlError):  # then az says what is wrong
                for code in set(self._client.device_codes()) - before:
                    self._client.approve(code)

    def _ask(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except ControlError:
            check_azure(self._sandbox.layout)  # says it better when it is gone, and waits while it starts
        try:
            return question()
        except ControlError as error:
            raise SandboxError(str(error), remedy_up(self._sandbox.name)) from error


class SecretsSource:
    """What the local Azure has issued since it was asked last; of one that does not run, nothing.

    It is there before the answer that holds it has left the local Azure. Read all the time in a thread: the other end
    must never have to keep back what a socket does not take.
    """

    def __init__(self, path: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """path: of the control socket, where somebody listens or will."""
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._feed: SecretsFeed | None = None
        self._found: list[str] = []
        self._closed = False
        self._not_before = 0.0

    def new(self) -> list[str]:
        """At once."""
        with self._lock:
            if self._feed is not None:
                self._take(self._feed)
            if self._feed is None and not self._closed:
                self._connect()
            found, self._found = self._found, []
        return found

    def close(self) -> None:
        """Idempotent."""
        with self._lock:
            self._closed = True
            if self._feed is not None:
                self._feed.close()
                self._feed = None

    def _connect(self) -> None:
        if self._clock() < self._not_before:
            return
        try:
            self._feed = ControlClient(self._path).secrets()
        except ControlError as error:
            if isinstance(error.__cause__, TimeoutError):
                self._not_before = self._clock() + _AGAIN_SECONDS  # it hangs: not everything else has to
            return
        self._take(self._feed)
        threading.Thread(target=self._follow, args=(self._feed,), name="secrets", daemon=True).start()

    def _take(self, feed: SecretsFeed) -> None:
        self._found += feed.new()
        if feed.ended:
            feed.close()
            self._feed = None

    def _follow(self, feed: SecretsFeed) -> None:
        while True:
            feed.wait(_LOOK_SECONDS)
            with self._lock:
                if self._feed is not feed:
                    return
                self._take(feed)


def _seed(wanted: Azure) -> dict[str, Any]:
    """The control socket's words (`emulator.seed`) for what a course declares."""
    place = {"resource_group": wanted.resource_group, "location": wanted.location}
    return {
        "registries": [
            {
                "name": registry.name,
                "sku": registry.sku,
                **place,
                "webhooks": [
                    {"name": hook.name, "actions": list(hook.actions), "service_uri": hook.service_uri}
                    for hook in registry.webhooks
                ],
            }
            for registry in wanted.registries
        ]
    }


def _past(seed: Seed) -> dict[str, Any]:
    """The control socket's words (`emulator.past`)."""
    return {
        "registry": seed.registry,
        "repository": seed.repository,
        "manifests": [
            {"from": one.from_, "index_of": list(one.index_of), "tags": list(one.tags), "days": one.days}
            for one in seed.manifests
        ],
    }


def signed_in(home: str) -> tuple[str, str, str] | None:
    """Whom az takes its caller for (azureProfile.json, as az writes it): name, "user" or "servicePrincipal",
    and the id of the subscription; None: nobody."""
    folder = Path(home, ".azure")
    try:
        profile = json.loads((folder / "azureProfile.json").read_text(encoding="utf-8-sig"))
        chosen = next(entry for entry in profile["subscriptions"] if entry.get("isDefault"))
        return (str(chosen["user"]["name"]), str(chosen["user"]["type"]), str(chosen["id"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return None
