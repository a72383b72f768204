"""Counts Ctrl-C while a command runs, in place of an exception in the middle of a read."""

import os
import signal
import threading
from types import FrameType
from typing import Any, Self

__all__ = ["Interrupts"]


class Interrupts:
    """While entered, SIGINT adds to `count` and makes `fileno` readable; otherwise it does what it did before.

    The handler is put in place once, at the first entering, and stays until `close`: doing so for each command is
    felt. A handler of the program's own is left alone, and so is every thread but the main one, which has no signals.
    """

    __slots__ = ("_before", "_closed", "_entered", "count", "fileno")

    def __init__(self) -> None:
        self.fileno = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.count = 0
        self._entered = False
        self._closed = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self.count = 0
        self._entered = True
        if self._before is None and threading.current_thread() is threading.main_thread():
            before = signal.getsignal(signal.SIGINT)
            if before is signal.default_int_handler or isinstance(getattr(before, "__self__", None), Interrupts):
                self._before = before
                signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        self._entered = False
        if self.count:
            self.clear()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if not self._entered:
            self._before(number, frame)
            return
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
        self._closed = True
        if threading.current_thread() is threading.main_thread():
            self._put_back()
        os.close(self.fileno)

    @staticmethod
    def _put_back() -> None:
        """The program's own handler, unless a shell that is still open has one in front: that one passes on."""
        while isinstance(last := getattr(signal.getsignal(signal.SIGINT), "__self__", None), Interrupts):
            if not last._closed:  # noqa: SLF001 - our own class
                return
            signal.signal(signal.SIGINT, last._before)  # noqa: SLF001 - our own class
