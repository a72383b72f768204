"""The engine and the other programs of a sandbox, unpacked privately: nothing is installed on the system.

`ready` says whether they are here, `ensure` gets them. A tree is built beside its place and renamed when it is whole,
its stamp written last, so a cut at any point leaves nothing that could be taken for a tree; what was downloaded by then
is not downloaded again. Standard library only: this runs before any library is installed.

    python -m labrunner.sandbox.tools [--extra PACKAGE DIR]
"""

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labrunner.places import tools_dir
from labrunner.sandbox.packages import Fetched, PackageClient, PackageError
from labrunner.sandbox.progress import Meter, Progress
from labrunner.sandbox.tree import finish

__all__ = [
    "PACKAGES",
    "STAMP",
    "Progress",
    "Tools",
    "ToolsError",
    "alone",
    "ensure",
    "is_whole",
    "ready",
    "unpack_extra",
]

PACKAGES = ("docker.io", "docker-compose", "iptables", "busybox-static", "git", "curl", "jq", "openssh-client")
_PARTED = {"docker.io": ("docker-cli",)}
"""What newer releases have in packages of their own, which the first one only recommends (Debian 13)."""
_INSTEAD = {"docker-compose": "docker-compose-v2"}
"""What Ubuntu has under another name, beside a Compose 1 that its Python cannot run."""
_LAYOUT = 2
STAMP = "whole.json"
_LISTS_ARE_FRESH_FOR_SECONDS = 6 * 3600
_MACHINE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TRY_AGAIN = (
    "Check this machine's network, proxy and package sources, then run the same command again: it goes on here."
)


class ToolsError(Exception):
    """The tools are not here and could not be had. `remedy` says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Tools:
    """A whole tree of tools.

    root: the folder that holds everything. path: the value of PATH with the tools first, then the machine's programs.
    environment: what else must be set for a program that is found by that PATH.
    """

    root: Path
    path: str
    environment: Mapping[str, str] = field(default_factory=dict)

    def program(self, name: str) -> str:
        """The path by which to run a program of the tree. Raises ToolsError."""
        path = self.root / "bin" / name
        if not path.exists():
            raise ToolsError(f"the unpacked tools hold no `{name}`", f"Remove {self.root} and run `make setup` again.")
        return str(path)

    @property
    def busybox(self) -> str:
        """The static busybox binary itself: it can be copied anywhere."""
        for folder in ("bin", "usr/bin"):
            path = self.root / "root" / folder / "busybox"
            if path.exists():
                return str(path)
        raise ToolsError("the unpacked tools hold no busybox", f"Remove {self.root} and run `make setup` again.")

    @property
    def git(self) -> str:
        """The path by which to run git."""
        return self.program("git")


def ready(env: Mapping[str, str]) -> Tools | None:
    """The tools, if they are here and whole. Costs two small file reads."""
    key = _key(PACKAGES)
    root = Path(tools_dir(env)) / key
    return _tools(root) if is_whole(root, key) else None


def ensure(env: Mapping[str, str], say: Callable[[Progress], None] = lambda _: None) -> Tools:
    """The tools, fetched and unpacked if they are not here. Raises ToolsError.

    env: the machine's environment; HOME and XDG_CACHE_HOME say where the cache is, proxies and certificates are used.
    """
    found = ready(env)
    if found:
        return found
    key = _key(PACKAGES)
    root = Path(tools_dir(env)) / key
    with alone(Path(tools_dir(env)), say):
        if not is_whole(root, key):
            _build(PACKAGES, root, key, env, say)
    return _tools(root)


def unpack_extra(
    package: str, folder: Path, env: Mapping[str, str], say: Callable[[Progress], None] = lambda _: None
) -> Path:
    """Another package of the distribution, with what it needs, in `folder`; its programs are in the result.

    Raises ToolsError.
    """
    key = _key((package,))
    with alone(Path(tools_dir(env)), say):
        if not is_whole(folder, key):
            _build((package,), folder, key, env, say)
    return folder / "bin"


def _tools(root: Path) -> Tools:
    return Tools(root=root, path=f"{root}/bin:{_MACHINE_PATH}")


def _key(packages: Sequence[str]) -> str:
    """Names a tree by all that decides what is in it."""
    system = ""
    with contextlib.suppress(OSError):
        system = Path("/etc/os-release").read_text(encoding="utf-8")
    release = sorted(line for line in system.splitlines() if line.startswith(("ID=", "VERSION_ID=")))
    what = json.dumps([_LAYOUT, list(packages), os.uname().machine, release])
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def is_whole(root: Path, key: str) -> bool:
    """Whether all is in the folder that its stamp vouches for, by that key, and it is where it was made."""
    try:
        stamp = json.loads((root / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    # Scripts name their programs by full path: a tree that was moved is not whole.
    return isinstance(stamp, dict) and stamp.get("key") == key and stamp.get("root") == str(root)


@contextlib.contextmanager
def alone(home: Path, say: Callable[[Progress], None], *, lock: str = "lock") -> Iterator[None]:
    """Two set-ups at a time would download the same twice; the second waits and finds everything done.

    home: the folder that the file `lock` is in. Raises ToolsError.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home / lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ToolsError(
            f"{home} cannot be written: {error.strerror}", "Make it writable, or set XDG_CACHE_HOME."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(Progress("waiting for another labrunner that is setting up"))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _build(
    packages: Sequence[str], root: Path, key: str, env: Mapping[str, str], say: Callable[[Progress], None]
) -> None:
    client = PackageClient(Path(tools_dir(env)) / "packages", env)
    beside = root.with_name(f"{root.name}.partial")
    try:
        files = _download(client, packages, say)
        shutil.rmtree(beside, ignore_errors=True)
        tree = beside / "root"
        tree.mkdir(parents=True)
        for done, package in enumerate(files):
            say(Progress("unpacking the tools", done, len(files), "packages"))
            client.unpack(package, tree)
        say(Progress("unpacking the tools", len(files), len(files), "packages"))
        finish(tree, programs=beside / "bin", final=root)
        stamp = {"key": key, "root": str(root), "packages": list(packages), "files": [f.path.name for f in files]}
        (beside / STAMP).write_text(json.dumps(stamp), encoding="utf-8")
        os.sync()  # a power cut must not leave a stamp without the files that it vouches for
        shutil.rmtree(root, ignore_errors=True)
        beside.rename(root)
    except PackageError as error:
        raise ToolsError(f"the tools ({', '.join(packages)}) could not be had:\n{error}", _TRY_AGAIN) from error
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ToolsError(
            f"the tools could not be unpacked: {error.strerror}{where}", "Free some disk space, then run it again."
        ) from error
    shutil.rmtree(client.home, ignore_errors=True)


def _download(client: PackageClient, packages: Sequence[str], say: Callable[[Progress], None]) -> list[Fetched]:
    client.prepare()
    fresh = client.home / "lists" / "fetched"
    complaints = ""
    if not _is_younger(fresh, _LISTS_ARE_FRESH_FOR_SECONDS):
        complaints = client.update(
            lambda part: say(Progress("fetching the package lists", round(part * 100), 100, "%"))
        )
    try:
        packages = _as_offered(client, packages)
        files = client.resolve(packages)
    except PackageError as error:
        raise PackageError("\n".join(filter(None, (str(error), complaints)))) from error
    if not complaints:
        fresh.touch()
    total = sum(files.values()) / 1e6
    what = "downloading the tools"
    complaints = client.download(
        packages, lambda part: say(Progress(what, round(part * total, 1), round(total, 1), "MB"))
    )
    try:
        return client.fetched(files)
    except PackageError as error:
        fresh.unlink(missing_ok=True)  # the lists may name files that are gone: fetch them anew next time
        raise PackageError("\n".join(filter(None, (str(error), complaints)))) from error


def _as_offered(client: PackageClient, packages: Sequence[str]) -> list[str]:
    """The packages as this release of the distribution has them. Raises PackageError."""
    others = [part for name in packages for part in _PARTED.get(name, ())]
    offered = client.offered([*others, *_INSTEAD.values()])
    named = [_INSTEAD[name] if _INSTEAD.get(name) in offered else name for name in packages]
    return [*named, *(part for part in others if part in offered)]


def _is_younger(path: Path, seconds: float) -> bool:
    try:
        return 0 <= time.time() - path.stat().st_mtime < seconds
    except OSError:
        return False


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Get the tools, or another package; the last line on stdout is the folder of its programs."""
    parser = argparse.ArgumentParser(
        prog="python -m labrunner.sandbox.tools", description="Unpack the sandbox's tools."
    )
    parser.add_argument("--extra", nargs=2, metavar=("PACKAGE", "DIR"), help="unpack another package into DIR")
    options = parser.parse_args(arguments)
    try:
        with Meter(sys.stderr) as meter:
            if options.extra:
                programs = unpack_extra(options.extra[0], Path(options.extra[1]).absolute(), env, meter.show)
            else:
                programs = ensure(env, meter.show).root / "bin"
    except ToolsError as error:
        sys.stderr.write(f"{error}\n{error.remedy}\n")
        return 4
    sys.stdout.write(f"{programs}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
