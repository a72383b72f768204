"""The installed command as a user has it: in a process of its own, on pipes or on a terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "labs" / "acr-images"
DEADLINE = 60.0
STEPS = ("list-local-images", "tag-for-acr", "tagging-best-practices")

_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]")


def command() -> list[str]:
    """The console script beside this Python, or the module where it is not installed."""
    script = Path(sys.executable).with_name("labrunner")
    return [str(script)] if script.exists() else [sys.executable, "-m", "labrunner"]


def until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Wait until the condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about: {what}"
        time.sleep(0.02)


@dataclass(frozen=True)
class Ended:
    """What a command left: its status, stdout, stderr, and the seconds of CPU that it and its children took."""

    status: int
    out: str
    err: str
    cpu: float = 0.0

    @property
    def said(self) -> str:
        """Both streams."""
        return self.out + self.err


@dataclass
class User:
    """One user of this machine: a HOME, an environment with nothing else in it, sandboxes."""

    home: Path
    env: dict[str, str]
    names: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, home: Path, cache: str) -> "User":
        """A user with that HOME; the unpacked tools are shared."""
        home.mkdir(parents=True, exist_ok=True)
        env = {
            "HOME": str(home),
            "XDG_CACHE_HOME": cache,
            "XDG_STATE_HOME": str(home / "state"),
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "TERM": "xterm-256color",
        }
        return cls(home, env)

    def sandbox(self) -> str:
        """A name that no other sandbox has; `end` takes it down."""
        self.names.append(f"e2e-{os.getpid()}-{os.urandom(3).hex()}")
        return self.names[-1]

    def run(self, *words: str, env: Mapping[str, str] | None = None, timeout: float = DEADLINE) -> Ended:
        """Run `labrunner words` to its end, without a terminal."""
        with self.start(*words, env=env) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except BaseException:
                process.kill()
                raise
        return Ended(process.returncode, out, err)

    def start(self, *words: str, env: Mapping[str, str] | None = None) -> "subprocess.Popen[str]":
        """Start `labrunner words` on pipes."""
        return subprocess.Popen(
            [*command(), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.env | (env or {}),
            cwd=self.home,
            start_new_session=True,
        )

    def timed(self, *words: str) -> Ended:
        """As `run`, with the CPU time that the command took."""
        out, err = self.home / "out.txt", self.home / "err.txt"
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(
                [*command(), *words],
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                env=self.env,
                cwd=self.home,
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        return Ended(process.returncode, out.read_text(), err.read_text(), used.ru_utime + used.ru_stime)

    def inside(self, sandbox: str, text: str) -> str:
        """What bash says inside the sandbox: the hand of somebody who works there beside labrunner. Must not fail."""
        from labrunner.sandbox import machine

        result = machine.attach(sandbox, self.env, engine=False).run(["bash", "-c", text])
        assert result.status == 0, result
        return result.stdout.strip()

    def end(self) -> None:
        """Take every sandbox down, whatever uses it."""
        for name in self.names:
            ended = self.run("sandbox", "down", "--sandbox", name, "--force")
            assert ended.status == 0, ended


class Terminal:
    """`labrunner words` on a terminal of its own. `expect` reads on until a text has come."""

    def __init__(self, user: User, words: Sequence[str], *, columns: int = 80, rows: int = 24) -> None:
        self.columns = columns
        self.master, self._slave = pty.openpty()
        self._open = [self.master, self._slave]
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            [*command(), *words],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - one system call, before exec
            env=user.env,
            cwd=user.home,
        )
        self.text = ""
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(DEADLINE)
        self.close()

    def close(self) -> None:
        """Close the terminal's window: whoever runs there is hung up. Idempotent."""
        while self._open:
            os.close(self._open.pop())

    @property
    def mode(self) -> list[object]:
        """The terminal's settings now."""
        return list(termios.tcgetattr(self._slave))

    @property
    def lines(self) -> list[str]:
        """All that was shown, as lines without escapes; of a line that was redrawn, what it was last."""
        plain = _ESCAPES.sub("", self.text.replace("\r\n", "\n"))
        return [line.rpartition("\r")[2] for line in plain.split("\n")]

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self.master, keys.encode())

    def expect(self, *texts: str, seconds: float = DEADLINE) -> str:
        """Read on until one of the texts has come; which one."""
        deadline = time.monotonic() + seconds
        while True:
            found = [(at, text) for text in texts if (at := self.text.find(text, self._read)) >= 0]
            if found:
                at, text = min(found)
                self._read = at + len(text)
                return text
            left = deadline - time.monotonic()
            assert left > 0, f"none of {texts} came after {self.text[self._read :]!r}"
            assert self._more(left), f"it ended, and none of {texts} came after {self.text[self._read :]!r}"

    def end(self) -> int:
        """Read to the end; the exit status."""
        while self.process.poll() is None:
            self._more(0.05)
        while self._more(0.0):
            pass
        return self.process.wait()

    def _more(self, seconds: float) -> bool:
        """Whether there may be more to come; the slave is open here too, so that its end is the process's."""
        if select.select([self.master], [], [], min(seconds, 0.2))[0]:
            self.text += os.read(self.master, 65536).decode(errors="replace")
            return True
        return self.process.poll() is None and seconds > 0


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
