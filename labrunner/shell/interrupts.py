"""Counts Ctrl-C while a command runs, in place of an exception in the middle of a read."""

import os
import signal
import threading
from types import FrameType
from typing import Any, Self

__all__ = ["Interrupts"]


class Interrupts:
    """While entered, SIGINT adds to `count` and makes `fileno` readable.

    A handler of the program's own is left alone, and so is every thread but the main one, which has no signals.
    """

    __slots__ = ("_before", "count", "fileno")

    def __init__(self) -> None:
        self.fileno = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.count = 0
        self._before: Any = None

    def __enter__(self) -> Self:
        self.count = 0
        if threading.current_thread() is threading.main_thread():
            before = signal.signal(signal.SIGINT, self._note)
            if before is signal.default_int_handler:
                self._before = before
            else:
                signal.signal(signal.SIGINT, before)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None
        if self.count:
            self.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        self.count += 1
        os.eventfd_write(self.fileno, 1)

    def clear(self) -> None:
        """Make `fileno` unreadable again; `count` stays."""
        try:
            os.eventfd_read(self.fileno)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Once, not while entered."""
        os.close(self.fileno)
