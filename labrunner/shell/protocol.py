"""What the engine asks of a shell, and what it gets back. `shell.bash` is the real one.

A Shell is one long-lived interactive shell on one host: variables, functions, options and the
working directory carry over from command to command, programs see a terminal.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypedDict, Unpack


class End(StrEnum):
    """How a command came to its end."""

    EXITED = "exited"  # by itself: exit_status is its own
    LIMIT = "limit"  # a streaming command, ended by us after its limit: counts as done
    TIMEOUT = "timeout"  # ended by the ladder
    INTERRUPTED = "interrupted"  # the person at the keyboard ended it
    SHELL_EXITED = "shell-exited"  # it took the shell with it (`exit`, `set -e`); a new shell is running


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellSpec:
    """How to start a host's shell: an argument list that ends in running `bash` with the arguments appended.

    prefix: the argument list before `bash` (enters a sandbox), empty for this machine.
    env: the whole environment, nothing is inherited.
    run_dir: a directory (mode 0700) that both sides see at this path, for the command file.
    """

    prefix: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str
    run_dir: str
    columns: int = 200
    lines: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """One command's result.

    exit_status: 0-255, None where the shell did not say (it was ended, or left).
    output: raw bytes as the terminal received them, without our own; the middle is dropped beyond the
        capture limit and `dropped` counts the bytes that are missing.
    ladder: the signals that had to be sent, in order ("INT", "TERM", "KILL").
    restarted: a new shell is running, variables of the old one are gone (always with End.SHELL_EXITED; also
        when the ladder had to take the shell itself, or when it had died since the last command).
    left: the shell on another host has ended with the command; the next one opens another.
    unread: what came from the keyboard and the command has not read.
    """

    exit_status: int | None
    end: End
    output: bytes
    dropped: int
    seconds: float
    ladder: tuple[str, ...] = ()
    restarted: bool = False
    left: bool = False
    unread: bytes = b""


class Terms(TypedDict, total=False):
    """On what terms a command is run: the keyword arguments of `Shell.run`.

    timeout: seconds until it is ended by the ladder; not given: 60.
    limit: seconds after which a command that streams for ever is ended and counts as done; None: none.
    on_output: gets batches of raw bytes as they arrive.
    keyboard: a descriptor whose bytes are passed to the command while it runs: after Ctrl-C three times in a row the
        command is ended.
    keys: is handed each piece that was typed, and gives back what of it is for the command.
    size: columns and lines of a terminal on which the command's output is shown as it comes, so that it may draw on
        all of it; None: that of ShellSpec.
    """

    timeout: float
    limit: float | None
    on_output: Callable[[bytes], None] | None
    keyboard: int | None
    keys: Callable[[bytes], bytes] | None
    size: tuple[int, int] | None


class ShellError(Exception):
    """The shell could not be started, or is lost for good. About the machine, never the learner."""


class Shell(Protocol):
    """One interactive shell on one host."""

    def run(self, text: str, **terms: Unpack[Terms]) -> Completed:
        """Run `text` to its end. Raises ShellError."""

    def variable(self, name: str) -> str | None:
        """The value of a shell variable (over the side channel, never on the terminal); None if unset."""

    def snapshot(self) -> bytes:
        """What a new bash needs to be as this one is now: a bash script, small, with secrets in it.

        Variables (all kinds), functions, aliases, options, traps, umask, directory, positional parameters: what
        differs from the shell as it first started. Not: jobs, open files, limits, the hash table, DEBUG and RETURN
        traps, bash's own variables. After each command it is there already, so it may be asked for often; it is that
        of the last command also when the shell has died since. Raises ShellError.
        """

    def restore(self, snapshot: bytes) -> bool:
        """Make a new shell, before its first command, what `snapshot` says. True if everything came back.

        What cannot be set is left out; of a directory that is gone, the nearest that exists is taken; of bytes that
        are no snapshot, or not all of one, nothing. Raises ShellError.
        """

    def close(self) -> None:
        """End the shell and everything it started that is still in its session. Idempotent."""
