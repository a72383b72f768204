"""Makes a mistyped `az` command answer soon: in the background, once, behind the installation of azure-cli.

To suggest what may have been meant, az loads every command that it has. What the labs use is compiled when azure-cli is
installed (see `azure_cli`); the rest is some 2000 files, which each such mistake would compile anew: the sandbox sees
azure-cli read-only, and nothing is kept. So az itself makes that mistake here, where it may write, with what processors
have left over. Measured: 23 s of processor for a mistake before, 7 s after; 75 MB of disk.

This file is run by the Python of azure-cli, by its path: standard library only, nothing of labrunner when it is run.
"""

import contextlib
import fcntl
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

__all__ = ["begin"]

_STAMP = "warm"
_LOCK = "warming.lock"
_HOME = "warming"
_MISTAKE = ("az", "acr", "lst")
_NOWHERE = "http://127.0.0.1:9"
"""A proxy that is not there: az is to load its commands, and to reach nobody."""


def begin(root: Path) -> None:
    """Have it done for the azure-cli in that folder, unless that was done. Returns at once; a failure is only slow."""
    if (root / _STAMP).exists():
        return
    home = str(root / _HOME)
    environment = {
        "PATH": os.defpath,
        "HOME": home,
        "AZURE_CONFIG_DIR": home,
        "AZURE_CORE_COLLECT_TELEMETRY": "no",
        "HTTP_PROXY": _NOWHERE,
        "HTTPS_PROXY": _NOWHERE,
    }
    with contextlib.suppress(OSError):
        subprocess.run(
            ["/bin/sh", "-c", '"$@" &', "sh", str(root / "bin" / "python"), "-I", __file__, str(root)],
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
        )


def _warm(root: Path) -> None:
    """Make the mistake, then leave the stamp: what cannot be done is not tried for ever."""
    lock = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    if (root / _STAMP).exists():
        return
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    sys.argv[:] = _MISTAKE
    try:
        runpy.run_module("azure.cli", run_name="__main__")
    except SystemExit:
        pass
    finally:
        shutil.rmtree(root / _HOME, ignore_errors=True)
        (root / _STAMP).touch()


if __name__ == "__main__":
    _warm(Path(sys.argv[1]))
