"""Tests wait on conditions, for so long at most."""

import time
from collections.abc import Callable
from typing import Any


def wait_for(question: Callable[[], Any], *, seconds: float = 20.0) -> Any:
    """The first answer that is true. Fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)
    return answer
