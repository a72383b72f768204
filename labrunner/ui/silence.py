"""Says that a command still runs while nothing comes of it, so that nobody takes it for hung."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["SECONDS", "Silence"]

SECONDS = 4.0
"""Without output for so long, and it is said."""


class Silence:
    """Calls `say` once nothing has happened for `seconds`, from a thread of its own, and `unsay` before what happens
    next, if it was said.

    Whoever writes to the terminal meanwhile does so within `broken`: the two never write at once. say() returns
    whether it said something; if not, it is asked again after the next silence.
    """

    def __init__(self, say: Callable[[], bool], unsay: Callable[[], None], *, seconds: float = SECONDS) -> None:
        self._say = say
        self._unsay = unsay
        self._seconds = seconds
        self._happened = threading.Condition()
        self._since = time.monotonic()
        self._said = False
        self._over = False
        self._thread = threading.Thread(target=self._watch, name="silence", daemon=True)
        self._thread.start()

    @contextmanager
    def broken(self) -> Iterator[None]:
        """Something happens, in the body: what was said is unsaid first."""
        with self._happened:
            self._break()
            yield

    def end(self) -> None:
        """The command has ended; nothing is said any more. Idempotent."""
        with self._happened:
            self._break()
            self._over = True
            self._happened.notify()
        self._thread.join()

    def _break(self) -> None:
        self._since = time.monotonic()
        if self._said:
            self._said = False
            self._unsay()
            self._happened.notify()

    def _watch(self) -> None:
        with self._happened:
            while not self._over:
                left = self._since + self._seconds - time.monotonic()
                if self._said:
                    self._happened.wait()
                elif left > 0:
                    self._happened.wait(left)
                else:
                    self._said = self._say()
                    self._since = time.monotonic()
