"""The real az without its second of imports per command: each command runs in a fork of a process that has made them.

Only the libraries that az uses are imported beforehand. az itself is imported by every fork, in the environment that
the command is given, and ends with its process: nothing of one command is there in the next one but what it wrote.

This file is also the program of that process, run by the Python of az. Standard library only.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# What az's commands for registries, groups, roles, applications and sign-ins spend their time on.
LIBRARIES = (
    *("argcomplete", "asyncio", "colorama", "cryptography.x509", "dateutil.parser", "jmespath", "jwt", "tabulate"),
    *("knack.cli", "knack.commands", "knack.help", "msal", "msal_extensions", "msrest", "requests", "yaml"),
    *("azure.core.pipeline.policies", "azure.core.pipeline.transport", "azure.core.polling.base_polling"),
    *("azure.mgmt.authorization", "azure.mgmt.containerregistry", "azure.mgmt.containerregistrytasks"),
    *("azure.mgmt.core.polling.arm_polling", "azure.mgmt.resource.deploymentstacks"),
    *("azure.mgmt.resource.features.v2021_07_01.operations", "azure.mgmt.resource.locks.models"),
    *("azure.mgmt.resource.managedapplications.v2019_07_01", "azure.mgmt.resource.policy", "semver", "unittest.mock"),
    *(
        "azure.mgmt.resource.resources.v2024_11_01.operations",
        "azure.mgmt.resource.subscriptions.v2022_12_01.operations",
    ),
)
_STATUS = struct.Struct("i")


class AzForks:
    """The process, and how to ask it. python: the one of az's virtual environment."""

    def __init__(self, python: str, environment: Mapping[str, str]) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [python, "-I", __file__], stdin=theirs, env=dict(environment), start_new_session=True
            )

    @property
    def running(self) -> int:
        """How many processes there are beside the one that is asked."""
        groups = []
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(ProcessLookupError):
                groups.append(os.getpgid(int(entry.name)))
        return groups.count(self._process.pid) - 1

    def run(
        self, words: Sequence[str], environment: Mapping[str, str], *, stdin: str, seconds: float
    ) -> tuple[int, str, str]:
        """`az words` to its end: its exit status, stdout and stderr. Raises TimeoutExpired, az is ended then."""
        asked = json.dumps([list(words), dict(environment), str(Path.cwd())]).encode()
        ours, theirs = socket.socketpair()
        with ours, tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin.encode())
            given.seek(0)
            with theirs:
                files = [theirs.fileno(), given.fileno(), out.fileno(), err.fileno()]
                socket.send_fds(self._control, [asked], files)
            ours.settimeout(seconds)
            try:
                told = ours.recv(_STATUS.size)
            except TimeoutError as error:
                raise subprocess.TimeoutExpired(["az", *words], seconds) from error
            assert told, "the process that az is forked from has died"
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode())
        return _STATUS.unpack(told)[0], *said

    def end(self) -> None:
        self._control.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)


def _serve(control: socket.socket) -> None:
    """Fork for each request, until nobody can ask any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that wait for an az
    while True:
        asked, files, _, _ = socket.recv_fds(control, 1 << 20, 4)
        if not asked:
            return
        if os.fork() == 0:
            control.close()
            _watch(asked, files)
            return
        for file in files:
            os.close(file)


def _watch(asked: bytes, files: Sequence[int]) -> None:
    """Fork once more; tell how that one ends, or end it when who asked has gone. Returns in the process that is az."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        _become_az(*json.loads(asked), files)
        return
    try:
        ended, asker = os.pidfd_open(child), files[0]
        if asker in select.select([ended, asker], [], [])[0]:
            os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(asker, _STATUS.pack(status))
    finally:
        os._exit(0)


def _become_az(words: list[str], environment: dict[str, str], folder: str, files: Sequence[int]) -> None:
    for number, file in enumerate(files[1:]):
        os.dup2(file, number)
    for file in files:
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    sys.argv = ["az", *words]
    runpy.run_module("azure.cli", run_name="__main__", alter_sys=True)


def main() -> None:
    """Import, then fork for whoever asks on stdin."""
    control = socket.socket(fileno=os.dup(0))
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    _serve(control)


if __name__ == "__main__":
    main()
