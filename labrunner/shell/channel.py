"""How we talk with bash, apart from the learner's terminal: a private directory with two FIFOs and some files (0600).

    start    what bash reads first (its --rcfile)
    command  the text to run, rewritten for each command
    input    the lines that bash reads as its own input; only ours, never the learner's
    report   where those lines write what came of it, in records that end in NUL
    dump     the lines that report and then write bash's state; sourced, since only that leaves `$_` and `$@` alone
    state    where they write it: overwritten, never emptied before, which makes ext4 write to the disk

A command is one line of input, `eval "$(<command)" </dev/tty; REPORT`, and a second one, `REPORT` again. Some
errors and every SIGINT make bash drop the rest of a line: then the second reports. The first can be `source dump`:
bash writes its state while the report is read, and says when it has. A record carries the
number of its command, so a report that comes twice is no harm. An interrupt that bash notices while it reads a line
costs the characters read so far, therefore the empty lines, and `Running` asks again when bash sits idle.

Bash's input is no terminal, so that signals flush
none of it, nothing of it is echoed, no line is too long and what is typed ahead never becomes a command.
The FIFOs are opened for each record: a command cannot close them and a program does not inherit them.
"""

import array
import contextlib
import fcntl
import os
import re
import shlex
import shutil
import tempfile
import termios
from collections.abc import Sequence
from typing import NamedTuple

from labrunner.shell.protocol import ShellError
from labrunner.shell.snapshot import Parts, State, parsed

__all__ = ["MARKS", "Channel", "Report"]

MARKS = re.compile(rb"\x1b\]5379;([0-9]+)\x07")
"""What `_MARK` writes."""

_PREFIX = "shell-"
_READ_BYTES = 64 * 1024
_DUMP_BYTES = 8 * 1024
_DUMPED = re.compile(rb"([0-9]+) dumped\Z")
# Nothing is dumped any more: it failed, or it is the second line that reports.
_OVER = re.compile(rb"([0-9]+) (?:dumped|[0-9]+ [^ ]* - )")
# A command may have set a prompt (`source ~/.bashrc`): it is taken away before bash gets to show it.
_SILENCE = (
    'case "${PS0-}${PS1-}${PS2-}${PROMPT_COMMAND[*]-}" in "") ;;'
    " *) \\builtin unset -v PS0 PS1 PS2 PROMPT_COMMAND ;; esac"
)
_MARK = "\\builtin printf '\\033]5379;%s\\007%.0s' {number} \"${{_-}}\" >/dev/tty"
"""Says in the terminal itself that a command has ended: an operating system command (ECMA-48, 8.3.89) of our own."""
# Its arguments: number, status, flags, those of the shell itself, `$_`. Descriptor 8 is the report, 9 the state; each
# line redirects by itself, so that what a DEBUG trap prints goes elsewhere. Only its message says that `declare` could
# not write all (its status does not): it becomes part of the record that is closed last.
_DUMP = r"""
MARK
SILENCE
\builtin printf '\0%s %s %s + %s\0%s dumped' "$1" "$2" "$3" "${PWD-}" "$1" >&8
\builtin declare -p >&9 2>&8 &&
\builtin alias -p >&9 &&
\builtin trap -p >&9 &&
\builtin umask -p >&9 &&
case "$#" in
4) ;;
*) \builtin printf 'set --' >&9 && \builtin printf ' %q' "${@:4:$#-4}" >&9 && \builtin echo >&9 ;;
esac &&
\builtin printf '\0' >&9 &&
\builtin declare -f >&9 2>&8 &&
\builtin printf '\0%s\0' "$1" >&9
\builtin printf '\0' >&8
"""


class Report(NamedTuple):
    """What bash says after a command: `flags` are those of `$-`."""

    number: int
    status: int
    flags: str
    cwd: str


class Channel:
    """One shell's private directory, and both ends of its FIFOs. Raises ShellError if it cannot be made."""

    __slots__ = (
        "_command",
        "_dumped",
        "_inode",
        "_input",
        "_input_path",
        "_lock",
        "_marks",
        "_over",
        "_report_path",
        "_rest",
        "_run_line",
        "_size",
        "_state",
        "directory",
        "fileno",
    )

    def __init__(self, run_dir: str, *, marks: bool = False) -> None:
        """marks: the terminal is not on this machine, and says in its output when that of a command has ended."""
        self._marks = marks
        try:
            self.directory, self._lock = _new_directory(run_dir)
        except OSError as error:
            raise ShellError(f"cannot make a directory for the shell in {run_dir}: {error.strerror}") from error
        self._input_path = f"{self.directory}/input"
        self._report_path = f"{self.directory}/report"
        os.mkfifo(self._input_path, 0o600)
        os.mkfifo(self._report_path, 0o600)
        # Both ways, so that neither opening waits for bash and its exit is not an end of file.
        self._input = os.open(self._input_path, os.O_RDWR | os.O_NONBLOCK)
        self.fileno = os.open(self._report_path, os.O_RDWR | os.O_NONBLOCK)
        self._command = self._open_command()
        self._size = -1
        self._state = self._write_dump()
        inode = os.fstat(self._input)
        self._inode = (inode.st_dev, inode.st_ino)
        self._rest = b""
        self._dumped = self._over = 0
        command = shlex.quote(f"{self.directory}/command")
        self._run_line = f'$(<{command})" </dev/tty; '

    def _open_command(self) -> int:
        return os.open(f"{self.directory}/command", os.O_WRONLY | os.O_CREAT, 0o600)

    def _write_dump(self) -> int:
        """Write the lines that make bash dump its state; returns the descriptor of the file that they write."""
        # Not at the start: who starts bash knows nothing of marks yet.
        mark = f"""case "$1" in 1) ;; *) {_MARK.format(number='"$1"')} ;; esac""" if self._marks else ""
        self._write("dump", _DUMP.replace("SILENCE", _SILENCE).replace("MARK", mark).encode())
        state = os.open(f"{self.directory}/state", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.fchmod(state, 0o600)  # bash may have made it
        return state

    def _write(self, name: str, text: bytes) -> str:
        """Write a private file; returns its path. Raises ShellError."""
        path = f"{self.directory}/{name}"
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123
                file.write(text)
        except OSError as error:
            raise ShellError(f"cannot write {path}: {error.strerror}") from error
        return path

    def ask_end(self) -> None:
        """Have bash end."""
        self._send("\n\n\\builtin exit 0\n")

    def write_start(self, directories: Sequence[str], *, number: int) -> str:
        """Write the start file; returns its path. Bash goes to the first directory that exists, then reports."""
        go = " || ".join(f"\\builtin cd -- {shlex.quote(path)}" for path in directories)
        text = (
            "set +o history +H\n"
            "unset -v HISTFILE PS0 PS1 PS2 PROMPT_COMMAND\n"
            f"exec 0<{shlex.quote(self._input_path)}\n"
            f"{{ {go}; }} >/dev/null 2>&1\n"
            f"{self._dumping(number)}\n"
        )
        return self._write("start", text.encode("utf-8", "surrogateescape"))

    def _dumping(self, number: int, *, status: str = '"$?"') -> str:
        # In a list, a dump that fails (the disk is full) does not end a shell with `set -e`. Last comes what `$_` was.
        directory = shlex.quote(self.directory)
        return (
            f'{{ \\builtin . {directory}/dump {number} {status} "$-" "$@" "${{_-}}" || \\builtin : "${{_-}}"; }}'
            f" 8>|{directory}/report 9<>{directory}/state >/dev/null 2>&1"
        )

    def _reporting(self, number: int) -> str:
        mark = f"; {_MARK.format(number=number)}" if self._marks else ""
        # `$_` as an argument that prints nothing keeps `$_` for the learner's next command. Traces (`set -x`) and
        # what traps print (DEBUG) stay off the terminal; the first NUL parts the latter from the record.
        return (
            f'{{ \\builtin printf \'\\0%s %s %s - %s%.0s\\0\' {number} "$?" "$-" "${{PWD-}}" "${{_-}}"'
            f"{mark}; {_SILENCE}; }} >|{shlex.quote(self._report_path)} 2>/dev/null"
        )

    def run(self, text: bytes, *, number: int, prefix: str = "", dump: bool = False) -> None:
        """Have bash run `text` after `prefix`, in the same line; and dump its state then, if it gets so far."""
        if os.fstat(self._command).st_nlink == 0:  # removed by the learner
            os.close(self._command)
            self._command = self._open_command()
            self._size = -1
        # Overwriting and cutting costs microseconds; truncating to nothing first makes ext4 write to the disk.
        written = 0
        while written < len(text):
            written += os.pwrite(self._command, text[written:], written)
        if len(text) != self._size:
            os.ftruncate(self._command, len(text))
            self._size = len(text)
        report = self._reporting(number)
        first = self._dumping(number) if dump else report
        hide = "{ \\builtin set +x; } 2>/dev/null; " if "set -x;" in prefix else ""
        # The empty lines take what an unfinished quote leaves in the parser, and what an interrupt still costs.
        self._send(f'{hide}\\builtin eval "{prefix}{self._run_line}{first}\n\n\n{report}\n')

    def ask_report(self, number: int) -> None:
        """Have bash report once more, after whatever it is doing."""
        self._send(f"\n\n{self._reporting(number)}\n")

    def ask_dump(self, number: int) -> None:
        """Have bash dump its state, and report."""
        try:
            linked = os.fstat(self._state).st_nlink and os.stat(f"{self.directory}/dump").st_nlink  # noqa: PTH116
        except OSError:
            linked = 0
        if not linked:  # removed by the learner
            state, self._state = self._state, self._write_dump()
            os.close(state)
        self._send(f"\n\n{self._dumping(number)}\n")

    def ask_restore(self, wanted: Parts, number: int) -> None:
        """Have bash become what the parts of a snapshot say, dump its state, and report the status 0."""
        functions = shlex.quote(self._write("functions", wanted.functions))
        rest = shlex.quote(self._write("rest", wanted.rest))
        # Without arguments, `set --` in a sourced file lasts, but `$_` is the file: the loop is no simple command.
        self._send(
            f"{{ \\builtin . {functions}; \\builtin . {rest}; for _ in ''; do [[ 1 ]]; done; }}"
            f" >/dev/null 2>&1; {self._dumping(number, status='0')}\n"
        )

    def forget_restore(self) -> None:
        """Remove what `ask_restore` wrote."""
        for name in ("functions", "rest"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.directory}/{name}")  # noqa: PTH108 - as the rest of this module

    def state(self, number: int) -> State | None:
        """The state that bash has dumped together with the report of that number."""
        # Not by its size, which is that of the longest dump so far.
        dump, size = b"", _DUMP_BYTES
        while data := os.pread(self._state, size, len(dump)):
            dump += data
            found = parsed(dump, number)
            if found is not None:
                return found
            size *= 4
        return None

    def ask_variable(self, name: str, *, number: int) -> None:
        """Have bash report the value of a variable: a record `NUMBER =VALUE`, or `NUMBER ` if it is unset."""
        value = f'"${{{name}+=}}${{{name}-}}"'
        self._send(
            f"{{ \\builtin printf '\\0%s %s\\0' {number} {value}; }} >|{shlex.quote(self._report_path)} 2>/dev/null\n"
        )

    def _send(self, lines: str) -> None:
        try:
            os.write(self._input, lines.encode("utf-8", "surrogateescape"))
        except BlockingIOError as error:
            raise ShellError("the shell reads nothing any more; start the run again") from error

    def _records(self) -> list[bytes]:
        """The records that have arrived in full."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data = os.read(self.fileno, _READ_BYTES)
                self._rest += data
                if len(data) < _READ_BYTES:
                    break
        *whole, self._rest = self._rest.split(b"\0")
        for record in whole:
            if (dumped := _DUMPED.match(record)) is not None:
                self._dumped = int(dumped[1])
            elif (over := _OVER.match(record)) is not None:
                self._over = int(over[1])
        return whole

    def report(self, number: int) -> Report | None:
        """The report of that command, if it has arrived. Older ones are dropped."""
        found = None
        for record in self._records():
            fields = record.decode("utf-8", "surrogateescape").split(" ", 4)
            if found is None and len(fields) == 5 and fields[0] == str(number):
                found = Report(number, int(fields[1]), fields[2], fields[4])
        return found

    def has_dumped(self, number: int) -> bool | None:
        """Whether bash has dumped its state after the report of that number; None while it is at it."""
        self._records()
        if self._dumped == number:
            return True
        return False if self._over >= number else None

    def value(self, number: int) -> tuple[bytes] | None:
        """The answer to `ask_variable`: its record without the number."""
        start = b"%d " % number
        for record in self._records():
            if record.startswith(start):
                return (record[len(start) :],)
        return None

    def forget(self) -> None:
        """Empty both FIFOs, for a new shell."""
        self._records()
        self._rest = b""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._input, _READ_BYTES):
                pass

    def is_read(self) -> bool:
        """Whether bash has taken all lines."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self._input, termios.FIONREAD, waiting)
        return waiting[0] == 0

    def is_input_of(self, pid: int) -> bool:
        """Whether that process reads our lines; a command can make bash lose them (`exec 10>&-`)."""
        try:
            found = os.stat(f"/proc/{pid}/fd/0")  # noqa: PTH116 - for each command
        except PermissionError:
            return True  # another user's bash: cannot be seen
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def reopening(self) -> bytes:
        """The line that makes bash, if it reads the terminal, read our lines again."""
        # Not `builtin exec`: bash would undo that redirection.
        return f"\\command exec 0<{shlex.quote(self._input_path)}\n".encode("utf-8", "surrogateescape")

    def close(self) -> None:
        """Remove the directory. Idempotent for the files, once for the descriptors."""
        for descriptor in (self._input, self.fileno, self._command, self._state):
            os.close(descriptor)
        shutil.rmtree(self.directory, ignore_errors=True)
        os.close(self._lock)


def _new_directory(run_dir: str) -> tuple[str, int]:
    """A private directory, and the descriptor that locks it for as long as we live.

    Those that nobody locks are of a labrunner that was killed, and may hold secrets: they are removed. Raises OSError.
    """
    whole = os.open(run_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(whole, fcntl.LOCK_EX)
        with os.scandir(run_dir) as entries:
            for entry in entries:
                if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                    _remove_unless_locked(entry.path)
        directory = tempfile.mkdtemp(prefix=_PREFIX, dir=run_dir)
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
    finally:
        os.close(whole)
    return directory, lock


def _remove_unless_locked(directory: str) -> None:
    with contextlib.suppress(OSError):
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory)
        finally:
            os.close(lock)
