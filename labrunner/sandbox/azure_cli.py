"""The real azure-cli, in a virtual environment of its own: nothing is installed on the system.

`ready` says whether it is here, `ensure` gets it. A virtual environment cannot be moved, so it is made in its place and
its stamp is written last: a folder without a stamp is what a cut left, and is made again from the wheels that were
fetched by then. Standard library only.

Without bytecode pip needs half the time and half the space (400 MB); compiled is what the labs use, so that their first
`az` is as fast as the next ones. The index of commands comes with az since 2.85 or so (`commandIndex.latest.json`).

    python -m labrunner.sandbox.azure_cli
"""

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from labrunner.places import cache_dir, tools_dir
from labrunner.sandbox.libraries import LibrariesError, install_libraries, run_followed
from labrunner.sandbox.progress import Meter, Progress
from labrunner.sandbox.tools import STAMP, ToolsError, alone, is_whole

__all__ = ["VERSION", "AzureCli", "ensure", "main", "ready"]

VERSION = "2.86.0"
"""The last that accepts `content-trust update --status enabled`, as the course has it."""

_LAYOUT = 1
_TRY_AGAIN = "Check this machine's network, proxy and PIP settings, then run the same command again: it goes on here."
_FREE_SPACE = "Free some disk space (azure-cli needs 0.5 GB), then run the same command again."
_MANAGED = tuple(
    f"azure/mgmt/{name}"
    for name in (
        *("authorization", "containerregistry", "containerregistrytasks", "core"),
        *("resource/features", "resource/links", "resource/locks", "resource/managedapplications"),
        *("resource/deployments", "resource/deploymentstacks", "resource/databoundaries", "resource/subscriptions"),
        *("resource/resources/v2024_11_01", "resource/resources/v2025_04_01"),
    )
)
# Found by running the course's commands; all else is compiled in memory, each time it is used.
_COMPILED = (
    *("azure/cli/core", "azure/cli/telemetry", "azure/common", "azure/core", "azure/profiles", *_MANAGED),
    *(f"azure/cli/command_modules/{name}" for name in ("acr", "profile", "resource", "role", "util")),
    *("argcomplete", "certifi", "chardet", "charset_normalizer", "colorama", "dateutil", "humanfriendly", "idna"),
    *("isodate", "jmespath", "jwt", "knack", "msal", "msal_extensions", "msrest", "oauthlib", "packaging"),
    *("portalocker", "requests", "requests_oauthlib", "semver", "tabulate", "urllib3", "yaml", "_distutils_hack"),
)
_COMPILED_ALONE = (
    *("", "azure", "azure/cli", "azure/cli/command_modules", "azure/mgmt", "azure/mgmt/resource"),
    *("azure/mgmt/resource/policy", "azure/mgmt/resource/resources"),
)
"""Folders of which only the files are, not what is below them."""
_NOT_COMPILED = re.compile(r"/(aio|tests)/")


@dataclass(frozen=True, slots=True)
class AzureCli:
    """A whole azure-cli. root: the folder of its virtual environment."""

    root: Path

    @property
    def launcher(self) -> str:
        """The text of a program that runs it, whatever Python settings its caller has."""
        # What of it is not compiled yet, Python 3.12 and later warn about: that is nothing to a learner.
        python = f"{shlex.quote(str(self.root))}/bin/python -I -W ignore::SyntaxWarning"
        return f'#!/bin/sh\nexec {python} -m azure.cli "$@"\n'

    @property
    def version(self) -> str:
        """What is installed, from its metadata: starting az to ask would cost half a second."""
        found = list(self.root.glob("lib/python3*/site-packages/azure_cli-*.dist-info"))
        return found[0].name.removeprefix("azure_cli-").removesuffix(".dist-info") if found else ""


def ready(env: Mapping[str, str]) -> AzureCli | None:
    """It, if it is here and whole. Costs one small file read."""
    key = _key()
    root = _root(env, key)
    return AzureCli(root) if is_whole(root, key) else None


def ensure(env: Mapping[str, str], say: Callable[[Progress], None] = lambda _: None) -> AzureCli:
    """It, installed if it is not here. Raises ToolsError.

    env: the machine's environment; HOME and XDG_CACHE_HOME say where the cache is, pip's settings and proxies are used.
    """
    found = ready(env)
    if found:
        return found
    key = _key()
    root = _root(env, key)
    with alone(root.parent, say, lock="azure-cli.lock"):
        if not is_whole(root, key):
            _install(root, key, env, say)
    return AzureCli(root)


def _key() -> str:
    """Names an installation by all that decides what is in it."""
    what = json.dumps([_LAYOUT, VERSION, sys.version, os.path.realpath(sys.executable)])
    return hashlib.sha256(what.encode()).hexdigest()[:16]


def _root(env: Mapping[str, str], key: str) -> Path:
    return Path(tools_dir(env)) / f"azure-cli-{VERSION}-{key}"


def _install(root: Path, key: str, env: Mapping[str, str], say: Callable[[Progress], None]) -> None:
    downloads = Path(cache_dir(env)) / f"wheels-{root.name}"
    try:
        say(Progress("making a virtual environment for azure-cli"))
        shutil.rmtree(root, ignore_errors=True)
        pip = _make_venv(root, env)
        options = ["install", "--no-input", "--disable-pip-version-check", "--no-compile"]
        install_libraries([*pip, *options], [f"azure-cli=={VERSION}"], downloads, env, say, what="azure-cli")
        _compile(root, say)
        partial = root / f"{STAMP}.partial"
        partial.write_text(json.dumps({"key": key, "root": str(root)}), encoding="utf-8")
        os.sync()  # a power cut must not leave the stamp without what it vouches for
        partial.replace(root / STAMP)
    except LibrariesError as error:
        remedy = _FREE_SPACE if "No space left" in str(error) else _TRY_AGAIN
        raise ToolsError(str(error), remedy) from error
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ToolsError(f"azure-cli could not be installed: {error.strerror}{where}", _FREE_SPACE) from error
    shutil.rmtree(downloads, ignore_errors=True)


def _make_venv(root: Path, env: Mapping[str, str]) -> Sequence[str]:
    """An empty virtual environment; the command line of a pip that installs into it.

    Where there is one, it is our own pip in the new Python, as `pip --python` starts it: that one would stay behind as
    the parent, and when it is killed the child goes on.
    """
    import importlib.util

    found = importlib.util.find_spec("pip")
    runner = Path(found.origin or "").with_name("__pip-runner__.py") if found else None
    ours = [str(runner)] if runner and runner.is_file() else []
    line = [sys.executable, "-I", "-m", "venv", *(["--without-pip"] if ours else []), str(root)]
    run_followed(line, env, "a virtual environment for azure-cli could not be made")
    return [str(root / "bin" / "python"), *(ours or ["-m", "pip"])]


def _compile(root: Path, say: Callable[[Progress], None]) -> None:
    """Make the bytecode of what the labs use, on all processors."""
    from concurrent.futures import ProcessPoolExecutor  # what only an installation needs, no command waits for

    site = next(root.glob("lib/python3*/site-packages"))
    files = [str(path) for name in _COMPILED_ALONE for path in (site / name).glob("*.py")]
    for name in _COMPILED:
        files += [str(path) for path in (site / name).rglob("*.py") if not _NOT_COMPILED.search(str(path))]
    with ProcessPoolExecutor(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)) as pool:
        for done, _ in enumerate(pool.map(_compile_file, files, chunksize=16)):
            say(Progress("preparing azure-cli", done, len(files), "files"))
    say(Progress("preparing azure-cli", len(files), len(files), "files"))


def _compile_file(path: str) -> None:
    import compileall
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a newer Python about code that is not ours
        compileall.compile_file(path, quiet=2)


def main(env: Mapping[str, str]) -> int:
    """Get it; the last line on stdout is its folder."""
    try:
        with Meter(sys.stderr) as meter:
            root = ensure(env, meter.show).root
    except ToolsError as error:
        sys.stderr.write(f"{error}\n{error.remedy}\n")
        return 4
    sys.stdout.write(f"{root}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
