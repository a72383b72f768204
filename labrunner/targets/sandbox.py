"""The sandbox as a Target: everything is asked of, and done in, the private machine."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from labrunner.checking.api import AzureContext, Checker, Ran, TargetError
from labrunner.checking.client import WorkerChecker
from labrunner.checking.context import WorkerContext
from labrunner.model import Arrangement, Check, Course, Fault, Seed
from labrunner.record.ledger import Entry, Inventory
from labrunner.sandbox import engine, stock
from labrunner.sandbox.azure import LocalAzure, SecretsSource, check_azure, signed_in
from labrunner.sandbox.azure_cli import AzureCli
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.progress import Progress
from labrunner.sandbox.remote import RemoteHost
from labrunner.sandbox.room import shortage
from labrunner.sandbox.running import Sandbox, remedy_up
from labrunner.sandbox.tools import Tools
from labrunner.shell.bash import BashShell
from labrunner.shell.protocol import Shell, ShellSpec
from labrunner.targets.containers import KINDS as ENGINE_KINDS
from labrunner.targets.containers import engine_entries, remove_engine_entries
from labrunner.targets.files import file_entries, write_inside
from labrunner.targets.leftovers import KINDS as FILE_KINDS
from labrunner.targets.leftovers import remove_file_entries
from labrunner.targets.protocol import Runs
from labrunner.targets.remote import KINDS as REMOTE_KINDS
from labrunner.targets.remote import ByHost, Remote
from labrunner.targets.trouble import Watch

__all__ = ["SandboxTarget"]

_ACCOUNT = "az-account"
_NO_AZURE = "Give the course an `azure` with a `resource_group`."
_OTHER_KINDS = ENGINE_KINDS | FILE_KINDS | REMOTE_KINDS | {_ACCOUNT}
_BASH = ("bash", "--noprofile", "--norc", "-c")
_VERSIONS = {
    "docker": "docker version --format '{{.Client.Version}}'",
    "docker-engine": "docker version --format '{{.Server.Version}}'",
    "bash": 'echo "${BASH_VERSION%%(*}"',
    "git": "git --version | sed 's/git version //'",
}
_VERSIONS_FOR = {
    "azure": {"notation": "notation version | sed -n 's/^Version: *//p'"},
    "remote-host": {"ssh": "ssh -V 2>&1 | sed 's/^OpenSSH_\\([^ ,]*\\).*/\\1/'"},
}
"""What prints the versions of programs, by what a lab needs."""


class SandboxTarget:
    """A Target on an attached sandbox, which the caller holds the lock of.

    folders: where check files are, as paths of this machine. tools: what stand-in images are made with. needs: what
    the labs of this run ask for. cli: azure-cli, for a run that prepares what needs "azure".
    """

    name = "sandbox"
    capabilities = frozenset({"docker-engine", "azure", "remote-host"})

    def __init__(
        self,
        sandbox: Sandbox,
        course: Course,
        folders: tuple[str, ...],
        *,
        tools: Tools,
        needs: Collection[str] = (),
        cli: AzureCli | None = None,
    ) -> None:
        self._sandbox = sandbox
        self._needs = frozenset(needs)
        self._azure = LocalAzure(sandbox) if "azure" in needs else None
        self._watch = Watch(sandbox, self._azure, RemoteHost(sandbox) if Remote.name in needs else None)
        self._cli = cli
        self._secrets = SecretsSource(sandbox.layout.azure_control)
        self._course = course
        self._folders = folders
        self._remote = Remote(sandbox, self._shown)
        self._by_host = ByHost(self._checker_on)
        self._shell: BashShell | None = None
        self._checker: WorkerChecker | None = None
        self._tools = tools
        self._versions: dict[str, str] | None = None

    def values(self) -> Mapping[str, str]:
        """None that the course does not know."""
        return {}

    def tools(self) -> Mapping[str, str]:
        """Versions inside."""
        if self._versions is None:
            asks = dict(_VERSIONS)
            for need in sorted(self._needs):
                asks |= _VERSIONS_FOR.get(need, {})
            each = (f'(found=$({ask} 2>/dev/null); echo "{name} $found") &' for name, ask in asks.items())
            lines = self.script("\n".join([*each, "wait"])).stdout.splitlines()
            found = {name: version.strip() for name, _, version in (line.partition(" ") for line in lines)}
            self._versions = {name: found[name] for name in asks if found.get(name)}
            if self._cli is not None:
                self._versions["az"] = self._cli.version
        return self._versions

    def foresee(self, needs: Collection[str], checks: Collection[Check]) -> None:
        """The remote host takes a while, and so do the libraries that checks use."""
        with suppress(TargetError):
            self._checker_here().begin({check.kind for check in checks if check.host == "local"})
        if Remote.name in needs:
            self._remote.begin({check.kind for check in checks if check.host == Remote.name})

    def shell(self, host: str) -> Shell:
        """The learner's shell; on the remote host, at the end of an ssh session in the one here."""
        _check_host(host)
        if host == Remote.name:
            with _told():
                return self._remote.shell(self._near())
        return self._near()

    def entrance(self, host: str, *, attended: bool) -> Runs:
        """To the remote host."""
        if host != Remote.name:
            raise TargetError(f"nothing leads to the host '{host}'", "Run `labrunner lint` on the course.")
        with _told():
            shell = self._remote.shell(self._near(), attended=attended)
            self._remote.checker(self._folders, self._azure_context).begin(self._remote.kinds)
        return shell.enter

    def sign_in_codes(self) -> Sequence[str]:
        """Those of the local Azure."""
        return self._azure.sign_in_codes() if self._azure is not None else ()

    def approve(self, code: str) -> None:
        """In the local Azure."""
        if self._azure is not None:
            self._azure.approve(code)

    def _near(self) -> BashShell:
        if self._shell is None:
            with _told():
                self._shell = BashShell(
                    ShellSpec(
                        prefix=self._sandbox.prefix(),
                        env=self._sandbox.environment(),
                        cwd=self._sandbox.layout.work,
                        run_dir=self._sandbox.layout.shell_dir,
                    )
                )
        return self._shell

    def script(self, text: str, *, host: str = "local", timeout: float = 60.0) -> Ran:
        """A fresh bash inside; status 124 for one that took too long."""
        _check_host(host)
        with _told():
            if host == Remote.name:
                return self._remote.script(text, timeout=timeout)
            result = self._sandbox.run([*_BASH, text], timeout=timeout)
        return Ran(status=result.status, stdout=result.stdout, stderr=result.stderr)

    def seed(self, seed: Seed | Arrangement) -> str:
        """In the local Azure, for labs that need it."""
        if isinstance(seed, Seed):
            azure = self._needed(f"what `{seed.repository}` shall have from the past")
            with _told():
                return azure.seed(seed)
        azure, place = self._needed(f"the registry `{seed.registry}`"), self._course.azure
        if place is None:
            raise TargetError(f"no resource group is there for the registry `{seed.registry}`", _NO_AZURE)
        with _told():
            return azure.arrange(seed, place)

    def spoil(self, fault: Fault) -> None:
        """In the local Azure, for labs that need it."""
        azure = self._needed(f"the fault `{fault.name}`")
        with _told():
            azure.spoil(fault)

    def mend(self) -> None:
        """In the local Azure."""
        if self._azure is not None:
            with _told():
                self._azure.mend()

    def _needed(self, what: str) -> LocalAzure:
        if self._azure is None:
            raise TargetError(f"{what} needs the local Azure, and this lab none", "Add `azure` to the lab's `needs`.")
        return self._azure

    def write_file(self, path: str, content: bytes, mode: int) -> None:
        """Into the work folder, which is at the same place on both sides."""
        full = shortage(self._sandbox.layout)
        if full is not None:
            raise TargetError(f"{path} cannot be written: {full}", full.remedy)
        write_inside(self._sandbox.layout.work, path, content, mode)

    def checker(self) -> Checker:
        """A worker inside, and one on the remote host for what is asked there."""
        self._checker_here()
        return self._by_host

    def _checker_on(self, host: str) -> Checker:
        _check_host(host)
        if host == Remote.name:
            with _told():
                return self._remote.checker(self._folders, self._azure_context)
        return self._checker_here()

    def _checker_here(self) -> WorkerChecker:
        if self._checker is None:
            sandbox = self._sandbox
            with _told():
                sandbox.show(self._folders)
            self._checker = WorkerChecker(
                lambda: sandbox.start_module("labrunner.checking.worker"),
                self._folders,
                WorkerContext(
                    engine_url=f"unix://{engine.SOCKET}",
                    engines={Remote.name: f"unix://{sandbox.layout.remote_engine}"},
                    home=sandbox.layout.home,
                    work=sandbox.layout.work,
                    env=sandbox.environment(),
                    remedy=f"run `{remedy_up(sandbox.name)}`, then try again.",
                    azure=self._azure_context(),
                ),
            )
        return self._checker

    def health(self) -> None:
        """The engine answers, and is this sandbox's; so does the local Azure, for labs that need it."""
        with _told():
            self._sandbox.check_engine()
            if self._azure is not None:
                check_azure(self._sandbox.layout)

    def inventory(self) -> Inventory:
        """See the Protocol. Networks that every engine has are left out."""
        with _told():
            entries = set(engine_entries(self._sandbox))
            if self._azure is not None:
                entries.update(Entry(kind, name, identity) for kind, name, identity in self._azure.inventory())
        entries.update(file_entries(self._sandbox.layout.work, "work"))
        with _told():
            entries.update(self._remote.inventory())
        # az writes logs and caches there with each call; what of it matters is who is signed in
        entries.update(file_entries(self._sandbox.layout.home, "~", home=True, skipped=(".azure", ".ssh")))
        account = _account(self._sandbox.layout.home)
        return frozenset(entries if account is None else {*entries, account})

    def remove(self, entries: Sequence[Entry]) -> dict[Entry, str]:
        """See the Protocol. What is in Azure, only for labs that need it."""
        told: dict[Entry, str] = {}
        place = self._sandbox.layout
        azure = [entry for entry in entries if entry.kind not in _OTHER_KINDS]
        with _told():
            if any(entry.kind in ENGINE_KINDS for entry in entries):
                told |= remove_engine_entries(self._sandbox, entries)
            if self._azure is not None and azure:
                check_azure(place)
                told |= zip(azure, self._azure.remove([(one.kind, one.name, one.id) for one in azure]), strict=True)
            told |= {entry: self._sign_out(entry) for entry in entries if entry.kind == _ACCOUNT}
            told |= self._remote.remove(entries)
        told |= remove_file_entries(place.work, "work", entries)
        told |= remove_file_entries(place.home, "~", entries)
        return {entry: told.get(entry, "It is nothing that this target can have.") for entry in entries}

    def _sign_out(self, entry: Entry) -> str:
        """For az keeps what somebody signed in with, an application's secret too."""
        now = _account(self._sandbox.layout.home)
        if now != entry:
            return "" if now is None else "Somebody else is signed in by now."
        result = self._sandbox.run(["az", "logout", "--username", entry.name])
        words = (result.stderr or result.stdout).strip().splitlines()
        return f"`az logout` failed: {words[-1] if words else result.status}." if result.status else ""

    def settling(self) -> str:
        """What the local Azure knows."""
        return self._watch.settling()

    def trouble(self, *, late: bool = False) -> TargetError | None:
        """A full disk, an engine or a local Azure that is gone, what the local Azure has answered amiss."""
        return self._watch.cause(late=late)

    def watch(self) -> None:
        """See the Protocol."""
        self._watch.begin()

    def secrets(self) -> Sequence[str]:
        """Those of the local Azure; none while it does not run."""
        return self._secrets.new()

    def prepare(self, course: Course | None = None, say: Callable[[Progress], None] = lambda _: None) -> None:
        """Bring about what the course declares and the sandbox lacks: stand-in images, the work folder's content, and
        for labs that need it what the local Azure holds, with somebody signed in to it.

        course: as filled in for this learner, instead of the one given before.
        """
        self._course = course or self._course
        if self._azure is not None and self._cli is not None:
            with _told():
                self._azure.install(self._cli)  # what is asked for its version beside the rest
        with _told(), ThreadPoolExecutor(2, thread_name_prefix="stock") as beside:
            versions = beside.submit(self.tools)
            stocked = beside.submit(stock.prepare, self._sandbox, self._course, busybox=str(self._tools.busybox))
            if self._azure is not None and self._cli is not None:
                self._azure.prepare(self._course.azure, say)
            stocked.result()
            with suppress(TargetError):  # whoever wants to know them asks again
                versions.result()
        self._checker_here().begin()

    def reset(self) -> None:
        """Empty the sandbox and prepare it again. Shell and worker are new ones after that."""
        self._end_processes()
        with _told():
            self._remote.empty()
            stock.empty(self._sandbox)
            if self._azure is not None:
                self._azure.reset()
        self.prepare()

    def close(self) -> None:
        """End shell and worker."""
        self._end_processes()
        self._secrets.close()

    def _shown(self) -> Collection[str]:
        """What of this machine the remote host is to see: check files, and az."""
        return (*self._folders, *([str(self._cli.root)] if self._cli is not None else []))

    def _end_processes(self) -> None:
        self._remote.close()
        if self._shell is not None:
            self._shell.close()
            self._shell = None
        if self._checker is not None:
            self._checker.close()
            self._checker = None

    def _azure_context(self) -> AzureContext | None:
        if self._azure is None:
            return None
        with _told():
            tenant, subscription, identity, secret = self._azure.operator()
        return AzureContext(tenant=tenant, subscription=subscription, client_id=identity, client_secret=secret)


def _account(home: str) -> Entry | None:
    who = signed_in(home)
    return None if who is None else Entry(_ACCOUNT, who[0], f"{who[1]} in {who[2]}")


def _check_host(host: str) -> None:
    if host not in ("local", Remote.name):
        raise TargetError(f"the sandbox has no host '{host}'", "Run `labrunner lint` on the course.")


@contextmanager
def _told() -> Iterator[None]:
    """The sandbox's errors as the target's."""
    try:
        yield
    except SandboxError as error:
        raise TargetError(str(error), error.remedy) from error
