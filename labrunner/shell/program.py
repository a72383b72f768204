"""Runs one program to its end, for those who may not start processes themselves (checks, targets).

No terminal, no shell: an argument list, a whole environment, a deadline. The program gets a process group of its
own, and all of the group is ended when the deadline is over or the caller is interrupted.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

__all__ = ["ProgramError", "ProgramResult", "ProgramTimeoutError", "run_program"]

OUTPUT_LIMIT = 4 * 1024 * 1024
"""Bytes kept of each stream; what comes after is read and dropped."""


class ProgramError(Exception):
    """The program could not be started."""


class ProgramTimeoutError(ProgramError):
    """The program, and everything of its process group, was ended after its deadline."""


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How a program ended. status: as a shell has it, 128 + the signal's number for one ended by a signal."""

    status: int
    stdout: str
    stderr: str


def run_program(argv: Sequence[str], *, env: Mapping[str, str], cwd: str, timeout: float) -> ProgramResult:
    """Run `argv` in `cwd` with exactly `env` and no input, at most `timeout` seconds.

    The name of the program is looked up in the PATH of `env`. Output that is not UTF-8 is shown with replacement
    characters. Raises ProgramTimeoutError, and ProgramError if it cannot be started.
    """
    deadline = time.monotonic() + timeout
    try:
        process = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise ProgramError(f"`{argv[0]}` could not be started: {error}") from error
    try:
        stdout, stderr = _read(process, deadline)
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise ProgramTimeoutError(f"`{' '.join(argv)}` did not end within {timeout:g} seconds") from error
    finally:
        _end(process)
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return ProgramResult(status, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def _read(process: "subprocess.Popen[bytes]", deadline: float) -> tuple[bytes, bytes]:
    """Both streams, to their ends. Raises TimeoutExpired."""
    assert process.stdout is not None
    assert process.stderr is not None
    kept = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for descriptor in kept:
            selector.register(descriptor, selectors.EVENT_READ)
        while selector.get_map():
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise subprocess.TimeoutExpired(process.args, 0)
            for key, _ in selector.select(remaining):
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fd)
                room = OUTPUT_LIMIT - len(kept[key.fd])
                kept[key.fd] += data[: max(0, room)]
    stdout, stderr = kept.values()
    return bytes(stdout), bytes(stderr)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Nothing of the program is left, whichever way we leave."""
    if process.poll() is None:
        # The leader is not reaped yet, so its number cannot have become another's.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
