"""The Checkers: `WorkerChecker` asks through a process inside the sandbox, `DirectChecker` in a thread of this one.

Both hold the same conversation (`checking.wire`) over a channel; a side that does not answer in time is given up, its
checks are ERROR results, and the next question starts a new one.
"""

import json
import os
import queue
import select
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import IO, Any, Protocol

from labrunner.checking.api import CheckResult, TargetError
from labrunner.checking.context import Runner, WorkerContext
from labrunner.checking.polling import Clock
from labrunner.checking.serving import serve
from labrunner.checking.wire import config_line, load_line, read_result, request_line
from labrunner.model import Check, Outcome
from labrunner.shell.program import run_program

__all__ = ["DirectChecker", "WorkerChecker", "WorkerContext", "WorkerProcess"]

GRACE = 25.0
"""Seconds beyond a check's own time: longer than any one question may take (10 s), so that it can say itself."""

OnWait = Callable[[Check, str], None]


class WorkerProcess(Protocol):
    """What is needed of a `subprocess.Popen` with binary pipes. Its stderr must be a file or nothing, not a pipe."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """Requests."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """Answers."""

    def poll(self) -> int | None:
        """The exit status, None while it runs."""

    def kill(self) -> None:
        """End it at once."""

    def wait(self, timeout: float | None = None) -> int:
        """The exit status, at its end."""


class WorkerChecker:
    """A Checker whose checks run in the process that `start` starts: `... python -m labrunner.checking.worker`.

    folders: where check files are, as the worker sees them. grace: seconds beyond a check's own time.
    """

    def __init__(
        self,
        start: Callable[[], WorkerProcess],
        folders: tuple[str, ...],
        context: WorkerContext,
        *,
        grace: float = GRACE,
    ) -> None:
        self._talk = _Conversation(
            lambda: _Pipes(start()), config_line(folders, context), grace=grace, remedy=context.remedy
        )

    def begin(self, kinds: Collection[str] = ()) -> None:
        """Start the worker, and have it load these kinds, without waiting for it: the first question need not, then.
        That one says what failed."""
        with suppress(_LostError, TargetError, OSError):
            self._talk.begin(kinds)

    def ask(self, checks: Sequence[Check], *, once: bool = False, on_wait: OnWait | None = None) -> list[CheckResult]:
        """See `checking.api.Checker`."""
        return self._talk.ask(checks, once=once, on_wait=on_wait)

    def close(self) -> None:
        """End the worker. Idempotent."""
        self._talk.close()


class DirectChecker:
    """A Checker whose checks run in a thread of this process: for a target that is this machine, and for tests.

    A check that hangs is left behind in its thread, since a thread cannot be ended.
    """

    def __init__(
        self,
        folders: tuple[str, ...],
        context: WorkerContext,
        *,
        grace: float = GRACE,
        runner: Runner = run_program,
    ) -> None:
        self._talk = _Conversation(
            lambda: _Thread(runner), config_line(folders, context), grace=grace, remedy=context.remedy
        )

    def ask(self, checks: Sequence[Check], *, once: bool = False, on_wait: OnWait | None = None) -> list[CheckResult]:
        """See `checking.api.Checker`."""
        return self._talk.ask(checks, once=once, on_wait=on_wait)

    def close(self) -> None:
        """End the thread. Idempotent."""
        self._talk.close()


class _LostError(Exception):
    """The other side is gone, or silent. The message says which, in half a sentence."""


class _Channel(Protocol):
    """Lines to and from the side that asks."""

    def send(self, line: bytes) -> None:
        """Raises _LostError."""

    def receive(self, timeout: float) -> bytes:
        """The next line. Raises _LostError, TimeoutError."""

    def alive(self) -> bool:
        """Whether it may still answer."""

    def close(self) -> None:
        """End it, whatever it is doing."""


class _Conversation:
    """Requests and answers over a channel that is opened when it is needed."""

    def __init__(self, connect: Callable[[], _Channel], config: bytes, *, grace: float, remedy: str) -> None:
        self._connect = connect
        self._config = config
        self._grace = grace
        self._remedy = remedy
        self._clock = Clock()
        self._channel: _Channel | None = None
        self._ready = False
        self._asked = 0

    def begin(self, kinds: Collection[str] = ()) -> _Channel:
        """Start the other side, if there is none, and tell it what it needs. Raises as a channel does, or its start."""
        if self._channel is None:
            self._ready = False
            self._channel = self._connect()
            self._channel.send(self._config)
        if kinds:
            self._channel.send(load_line(kinds))
        return self._channel

    def ask(self, checks: Sequence[Check], *, once: bool, on_wait: OnWait | None) -> list[CheckResult]:
        if not checks:
            return []
        results: list[CheckResult] = []
        try:
            channel = self._open()
            self._asked += 1
            channel.send(request_line(self._asked, checks, once=once))
            for number, check in enumerate(checks):
                results.append(self._answer(channel, number, check, once=once, on_wait=on_wait))
        except (_LostError, TargetError, OSError) as error:
            self.close()
            results += self._errors(checks[len(results) :], str(error))
        except BaseException:
            # Whoever asked was interrupted: the answers that are still to come are nobody's.
            self.close()
            raise
        return results

    def close(self) -> None:
        if self._channel is not None:
            channel, self._channel = self._channel, None
            channel.close()

    def _open(self) -> _Channel:
        if self._channel is not None and not self._channel.alive():
            self.close()
        channel = self.begin()
        if not self._ready:
            try:
                self._record(channel, self._grace)
            except TimeoutError:
                raise _LostError(f"it did not start within {self._grace:g} seconds") from None
            self._ready = True
        return channel

    def _answer(
        self, channel: _Channel, number: int, check: Check, *, once: bool, on_wait: OnWait | None
    ) -> CheckResult:
        within = 0.0 if once else check.within
        deadline = self._clock.now() + within + self._grace
        while True:
            try:
                record = self._record(channel, deadline - self._clock.now())
            except TimeoutError:
                raise _LostError(f"it did not answer within {within + self._grace:g} seconds, and was ended") from None
            if (record.get("ask"), record.get("number")) != (self._asked, number):
                raise _LostError("its answers are not in order")
            if "result" in record:
                return read_result(check, record["result"])
            if on_wait is not None:
                on_wait(check, record["wait"])

    def _record(self, channel: _Channel, timeout: float) -> Mapping[str, Any]:
        line = channel.receive(timeout)
        try:
            record = json.loads(line)
        except ValueError:
            raise _LostError(f"it said what is no answer: {line[:80]!r}") from None
        if not isinstance(record, dict):
            raise _LostError(f"it said what is no answer: {line[:80]!r}")
        return record

    def _errors(self, checks: Sequence[Check], reason: str) -> list[CheckResult]:
        """The first check is the one that was being asked; the others were not."""
        remedy = f" What to do: {self._remedy.rstrip('.')}." if self._remedy else ""
        asked = [
            CheckResult(
                check=check,
                outcome=Outcome.ERROR,
                message=f"No answer from the process that asks the check {check.kind}: {reason.rstrip('.')}.{remedy}",
            )
            for check in checks[:1]
        ]
        others = [
            CheckResult(
                check=check,
                outcome=Outcome.ERROR,
                message=f"The check {check.kind} was not asked, because the one before it got no answer.{remedy}",
                asked=0,
            )
            for check in checks[1:]
        ]
        return asked + others


class _Pipes:
    """A channel to a process."""

    def __init__(self, process: WorkerProcess) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._clock = Clock()
        self._buffer = b""

    def send(self, line: bytes) -> None:
        try:
            self._stdin.write(line)
            self._stdin.flush()
        except OSError:
            raise _LostError(self._end()) from None

    def receive(self, timeout: float) -> bytes:
        deadline = self._clock.now() + timeout
        while b"\n" not in self._buffer:
            # Not `select`: a descriptor may be beyond 1023.
            poll = select.poll()
            poll.register(self._stdout, select.POLLIN)
            if not poll.poll(max(0.0, deadline - self._clock.now()) * 1000):
                raise TimeoutError
            data = os.read(self._stdout.fileno(), 65536)
            if not data:
                raise _LostError(self._end())
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        """At the end of its stdin a worker ends its programs and itself, within a second; then it is killed."""
        with suppress(OSError):
            self._stdin.close()
        self._wait(2.0)
        self._process.kill()
        self._process.wait()
        self._stdout.close()

    def _wait(self, seconds: float) -> None:
        deadline = self._clock.now() + seconds
        while self._process.poll() is None and self._clock.now() < deadline:
            self._clock.sleep(0.005)

    def _end(self) -> str:
        self._wait(1.0)
        status = self._process.poll()
        return "it closed its output" if status is None else f"it ended by itself, with status {status}"


class _Thread:
    """A channel to a thread of this process."""

    def __init__(self, runner: Runner) -> None:
        self._requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._runner = runner
        threading.Thread(target=self._serve, name="labrunner-checks", daemon=True).start()

    def send(self, line: bytes) -> None:
        self._requests.put(line)

    def receive(self, timeout: float) -> bytes:
        try:
            line = self._answers.get(timeout=max(0.0, timeout))
        except queue.Empty:
            raise TimeoutError from None
        if not line:
            raise _LostError("its thread ended")
        return line

    def alive(self) -> bool:
        return True

    def close(self) -> None:
        self._requests.put(b"")

    def _serve(self) -> None:
        try:
            serve(self._requests.get, self._answers.put, clock=Clock(), runner=self._runner)
        finally:
            self._answers.put(b"")
