"""Installs Python libraries with pip and the machine's own pip configuration; a cut one goes on where it was.

Standard library only: this runs before any library is installed.
"""

import contextlib
import os
import re
import selectors
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from labrunner.sandbox.progress import Progress

__all__ = ["LibrariesError", "install_libraries", "run_followed"]

# Whoever starts us may be killed; what we started must not go on writing where the next run writes.
_WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")
_NOT_PASSED_ON = ("PYTHONHOME", "PYTHONPATH", "PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_REQUIRE_VIRTUALENV")
_LAST_WORDS = 12
_PIP_FELL = "ERROR: Exception:"
_CHOOSE_ANEW = ("ResolutionImpossible", _PIP_FELL)
"""Of a failure with pins: they no longer fit what is wanted, or pip does not get along with them."""
_EXTRA = re.compile(r"(?:^|\n)(?:Requires-Dist:)?\s*([A-Za-z0-9][\w.-]*)\s*\[")


class LibrariesError(Exception):
    """pip (or another program of a set-up) failed; the text holds its own words."""


def install_libraries(
    pip: Sequence[str],
    wanted: Sequence[str],
    downloads: Path,
    env: Mapping[str, str],
    say: Callable[[Progress], None],
    *,
    what: str = "Python libraries",
) -> None:
    """Let pip fetch and install `wanted`. Raises LibrariesError, OSError.

    pip: its command line up to `install` and options. downloads: a folder of this one purpose.

    pip drops what it downloaded when it fails, and its own cache holds nothing where an index sends no caching headers.
    So its temporary files lie in `downloads`, whole wheels are kept aside, and the next run is pinned to those.
    """
    temporary = downloads / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    names: list[str] = []
    state = Progress(f"fetching {what}")

    def follow(line: str) -> None:
        nonlocal state
        words = line.split()
        if words[:1] in ([], ["Collecting"], ["Installing"], ["ERROR:"]):
            _keep_whole_wheels(temporary, downloads)
        if words[:1] in (["Collecting"], ["Processing"]):
            names.append(words[1])
            state = Progress(f"fetching {what}", len(names), unit="found")
        elif words[:2] == ["Installing", "collected"]:
            state = Progress(f"installing {what}", len(words) - 3, unit="libraries")
        say(state)

    say(state)
    command = [*pip, "--progress-bar", "off"]
    failure = f"{what} could not be installed"
    settings = {**env, "TMPDIR": str(temporary)}
    pins = _pinned(downloads, wanted)
    if pins:
        try:
            return run_followed([*command, "--constraint", pins, *wanted], settings, failure, follow)
        except LibrariesError as error:
            if not any(words in str(error) for words in _CHOOSE_ANEW):
                raise
            names.clear()
    return run_followed([*command, *wanted], settings, failure, follow)


def run_followed(
    command: Sequence[str], env: Mapping[str, str], failure: str, follow: Callable[[str], None] = lambda _: None
) -> None:
    """Run a program, giving each line of its output to `follow`. Raises LibrariesError with its last words, OSError.

    follow gets an empty line about every second without output, so that it can show that time goes on.
    """
    environment = {name: value for name, value in env.items() if name not in _NOT_PASSED_ON}
    environment |= {"PYTHONUNBUFFERED": "1", "LC_ALL": "C.UTF-8"}
    lines: list[str] = []
    with subprocess.Popen(
        [*_WITH_US, *command],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        try:
            _follow(process, lines, follow)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        tried = [line for line in lines if line.startswith("WARNING: Retrying")]
        words = tried[-1:] + [line for line in lines if line.startswith("ERROR:")] or lines[-_LAST_WORDS:]
        if words[-1] == _PIP_FELL:
            words.append(lines[-1])
        raise LibrariesError("\n".join([f"{failure}:", *(f"  {line}" for line in words)]))


def _follow(process: "subprocess.Popen[bytes]", lines: list[str], follow: Callable[[str], None]) -> None:
    if process.stdout is None:  # pragma: no cover - it was asked for
        raise LibrariesError("a program was started without its output")
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(timeout=1):
                follow("")
                continue
            chunk = os.read(process.stdout.fileno(), 65536)
            if not chunk:
                return
            *whole, rest = (rest + chunk).split(b"\n")
            for line in (raw.decode(errors="replace").strip() for raw in whole):
                lines.append(line)
                follow(line)


def _keep_whole_wheels(temporary: Path, downloads: Path) -> None:
    """Link complete wheels out of pip's temporary folders, which it removes when it ends."""
    for folder, _, files in os.walk(temporary):
        for name in files:
            path, kept = Path(folder, name), downloads / name
            with contextlib.suppress(OSError):
                if name.endswith(".whl") and not kept.exists() and zipfile.is_zipfile(path):
                    kept.hardlink_to(path)


def _pinned(downloads: Path, wanted: Sequence[str]) -> str:
    """A file of constraints that name the kept wheels; "" if there are none.

    Without those that somebody wants with an extra, as msal wants pyjwt[crypto]: pip 23 ends with a defect of its own
    where such a one is pinned to an address.
    """
    wheels = sorted(downloads.glob("*.whl"))
    texts = "\n".join([*wanted, *(text for wheel in wheels for text in _metadata(wheel))])
    extra = {_normal(name) for name in _EXTRA.findall(texts)}
    names = {wheel.name.partition("-")[0]: wheel.as_uri() for wheel in wheels}
    lines = {name: address for name, address in names.items() if _normal(name) not in extra}
    if not lines:
        return ""
    path = downloads / "constraints.txt"
    path.write_text("".join(f"{name} @ {address}\n" for name, address in lines.items()), encoding="utf-8")
    return str(path)


def _metadata(wheel: Path) -> Iterator[str]:
    with contextlib.suppress(OSError, ValueError, zipfile.BadZipFile), zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.endswith(".dist-info/METADATA"):
                yield archive.read(name).decode(errors="replace")


def _normal(name: str) -> str:
    """As the packaging standards compare names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()
