"""Fetches packages with the machine's own package client, into folders of ours.

Sources, keys, proxies and mirrors are the machine's; lists, cache and state are private, so nothing of the system
changes: no package is installed, no list refreshed, no hook of the machine's configuration runs. Resolving happens
against the part of the system that cannot be removed (the essential packages and what they need), so that what is
fetched goes on working whatever else is installed or removed. Standard library only.
"""

import contextlib
import os
import re
import selectors
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Fetched", "PackageClient", "PackageError", "essential"]

# Asked for by packages for parts that are not used here: git's Perl half (send-email, svn; 11 MB), and what scripts of
# maintainers make system users with.
_PROMISED = ("perl", "adduser")
_PROMISE = """Package: {name}
Status: install ok installed
Priority: optional
Section: misc
Maintainer: labrunner
Architecture: {architecture}
Multi-Arch: allowed
Version: 999
Description: not wanted
"""
# The machine's own C library and loader serve every program; a second one must never meet them.
_NEVER = frozenset({"libc6", "libc-bin", "libc6-dev"})
# Whoever starts us may be killed; what we started must not go on writing where the next run writes.
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
# Left out of the machine's configuration: what would run its hooks, and where it keeps its state.
_LEFT_OUT = re.compile(
    r"^(DPkg|APT::Update|RPM|Dir::State|Dir::Cache|Dir::Log|Dir::Etc::(main|parts)|Acquire::Languages"
    r"|APT::Sandbox|Acquire::IndexTargets::(deb-src|deb::(?!Packages)))\b",
    re.IGNORECASE,
)
_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+)")


class PackageError(Exception):
    """The package client failed; the text holds its own words."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A package file that is here, complete and verified."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class PackageClient:
    """apt with private state under `home`. `env` is the machine's environment (its proxies and certificates)."""

    home: Path
    env: Mapping[str, str]

    @property
    def debs(self) -> Path:
        """Where downloaded packages wait to be unpacked."""
        return self.home / "debs"

    def prepare(self) -> None:
        """Write the private configuration and status. Raises PackageError."""
        for folder in ("lists/partial", "debs/partial", "none", "cache", "log", "parts"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        dump = self._text(["apt-config", "dump"], self.env)
        kept = [line for line in dump.splitlines() if line.count('"') == 2 and not _LEFT_OUT.match(line)]
        status = _setting(dump, "Dir::State::status") or "/var/lib/dpkg/status"
        ours = {
            "Dir::Etc::main": "/dev/null",
            "Dir::Etc::parts": f"{self.home}/parts",
            "Dir::State": f"{self.home}",
            "Dir::State::lists": f"{self.home}/lists",
            "Dir::State::status": f"{self.home}/status",
            "Dir::Cache": f"{self.home}/cache",
            "Dir::Cache::archives": f"{self.debs}",
            "Dir::Log": f"{self.home}/log",
            "Acquire::Languages": "none",
            "APT::Sandbox::User": "",  # our folders are private: the client's own user could not write there
        }
        written = [*kept, *(f'{name} "{value}";' for name, value in ours.items())]
        _write_private(self.home / "apt.conf", "\n".join(written) + "\n")
        architecture = self._text(["dpkg", "--print-architecture"], self.env).strip()
        try:
            installed = Path(status).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise PackageError(f"the list of installed packages cannot be read: {error}") from error
        promises = (_PROMISE.format(name=name, architecture=architecture) for name in _PROMISED)
        _write_private(self.home / "status", essential(installed) + "\n".join(promises))

    def update(self, say: Callable[[float], None]) -> str:
        """Fetch the package lists; `say` gets 0.0 to 1.0. Returns the client's complaints.

        A source of others that fails is no failure as long as the packages that are wanted resolve.
        """
        return self._followed(["update"], say)

    def offered(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that the package lists have. Raises PackageError."""
        known = set(self._text(["apt-cache", "pkgnames"], self._apt_env()).split())
        return [name for name in names if name in known]

    def resolve(self, packages: Sequence[str]) -> dict[str, int]:
        """The package files that `packages` need, with their sizes in bytes. Raises PackageError."""
        options = ["-o", f"Dir::Cache::archives={self.home}/none"]
        command = ["apt-get", *options, "-qq", *_INSTALL, "--print-uris", *packages]
        found = {}
        for line in self._text(command, self._apt_env()).splitlines():
            match = _URI.match(line)
            if match and match["file"].partition("_")[0] not in _NEVER:
                found[match["file"]] = int(match["size"])
        if not found:
            raise PackageError(f"the package client offers nothing for {', '.join(packages)}")
        return found

    def download(self, packages: Sequence[str], say: Callable[[float], None]) -> str:
        """Fetch the package files, verified by the client; those that are here are not fetched again."""
        return self._followed([*_INSTALL, "--download-only", *packages], say)

    def fetched(self, files: Mapping[str, int]) -> list[Fetched]:
        """The files of `resolve` that are here. Raises PackageError naming those that are not."""
        missing = [name for name, size in files.items() if _size(self.debs / name) != size]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise PackageError(f"not downloaded: {', '.join(missing[:3])}{more}")
        return [Fetched(name.partition("_")[0], self.debs / name) for name in files]

    def unpack(self, package: Fetched, into: Path) -> None:
        """Lay the package's files out under `into`; none of its scripts runs. Raises PackageError."""
        self._text(["dpkg-deb", "--extract", str(package.path), str(into)], self.env)

    def _apt_env(self) -> dict[str, str]:
        return {**self.env, "APT_CONFIG": f"{self.home}/apt.conf", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}

    def _text(self, command: Sequence[str], env: Mapping[str, str]) -> str:
        try:
            done = subprocess.run(
                [*_WITH_US, *command],
                env=dict(env),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            raise PackageError(f"{_WITH_US[0]} cannot be run: {error.strerror}") from error
        if done.returncode != 0:
            raise PackageError(_complaints(done.stderr) or f"{command[0]} ended with status {done.returncode}")
        return done.stdout

    def _followed(self, arguments: Sequence[str], say: Callable[[float], None]) -> str:
        """Run apt-get and pass on the progress that it reports on a descriptor. Returns its complaints."""
        reading, writing = os.pipe()
        with os.fdopen(reading, "rb", buffering=0) as status:
            try:
                process = subprocess.Popen(
                    [*_WITH_US, "apt-get", "-q", "-o", f"APT::Status-Fd={writing}", *arguments],
                    env=self._apt_env(),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                    pass_fds=(writing,),
                )
            except OSError as error:
                raise PackageError(f"{_WITH_US[0]} cannot be run: {error.strerror}") from error
            finally:
                os.close(writing)
            with process:
                return _follow(process, status.fileno(), say)


_INSTALL = ("-y", "--no-install-recommends", "--allow-downgrades", "install")


def _follow(process: "subprocess.Popen[bytes]", status: int, say: Callable[[float], None]) -> str:
    if process.stderr is None:  # pragma: no cover - it was asked for
        raise PackageError("apt-get was started without its error output")
    complaints = bytearray()
    line = b""
    part = 0.0
    try:
        with selectors.DefaultSelector() as selector:
            for descriptor in (status, process.stderr.fileno()):
                selector.register(descriptor, selectors.EVENT_READ)
            while selector.get_map():
                say(part)  # also when nothing arrives: a stalled download must not look like a dead program
                for key, _ in selector.select(timeout=1):
                    chunk = os.read(key.fd, 65536)
                    if not chunk:
                        selector.unregister(key.fd)
                    elif key.fd == status:
                        *lines, line = (line + chunk).split(b"\n")
                        part = _newest(lines, part)
                    else:
                        complaints += chunk
    except BaseException:
        process.terminate()
        raise
    process.wait()
    return _complaints(complaints.decode(errors="replace"))


def _newest(lines: Iterable[bytes], part: float) -> float:
    """The part that the last of the client's status lines tells (`dlstatus:item:percent:text`), else `part`."""
    for line in lines:
        fields = line.split(b":")
        if len(fields) >= 3 and fields[0] == b"dlstatus":
            with contextlib.suppress(ValueError):
                part = min(float(fields[2]) / 100, 1.0)
    return part


def essential(status: str) -> str:
    """The paragraphs of a dpkg status that every machine of this kind has: essential packages and their needs."""
    paragraphs: dict[str, str] = {}
    fields: dict[str, dict[str, str]] = {}
    providers: dict[str, list[str]] = {}
    for paragraph in status.split("\n\n"):
        values = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        name = values.get("Package", "")
        if values.get("Status") != "install ok installed" or name in paragraphs:
            continue
        paragraphs[name], fields[name] = paragraph.strip("\n"), values
        for provided in _names(values.get("Provides", "")):
            providers.setdefault(provided, []).append(name)
    wanted = [name for name, values in fields.items() if values.get("Essential") == "yes"]
    kept: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in kept:
            continue
        kept.add(name)
        for need in _names(fields[name].get("Pre-Depends", "") + "," + fields[name].get("Depends", "")):
            wanted.extend([need] if need in paragraphs else providers.get(need, ()))
    return "".join(f"{paragraphs[name]}\n\n" for name in sorted(kept))


def _names(relation: str) -> list[str]:
    """Package names of a dependency field, versions and architectures left out."""
    entries = (entry.split() for entry in re.split(r"[,|]", relation))
    return [entry[0].partition(":")[0] for entry in entries if entry]


def _setting(dump: str, name: str) -> str:
    for line in dump.splitlines():
        if line.startswith(f'{name} "'):
            return line.split('"')[1]
    return ""


def _complaints(text: str) -> str:
    """The errors among a package client's lines; its warnings where it gave no error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line[2:].strip() for line in lines if line.startswith("E:")]
    return "\n".join(dict.fromkeys(errors or lines))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _write_private(path: Path, text: str) -> None:
    """The machine's configuration may hold a proxy's password: nobody else may read our copy."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
