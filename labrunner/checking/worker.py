"""The process that asks checks where the target is: `python -m labrunner.checking.worker`.

It is started inside the sandbox, so that `localhost` is the sandbox's and a check that hangs or crashes takes nothing
with it. It speaks `checking.wire` on stdin and stdout, and ends as soon as its stdin does, even in the middle of a
check. Its own environment is emptied, but for what leads to the target's Azure: no library finds another proxy, an
engine or a home there.
"""

import io
import os
import queue
import signal
import sys
import threading
import time

from labrunner.checking.polling import Clock
from labrunner.checking.serving import serve
from labrunner.shell.program import run_program

__all__ = ["main"]

LEADING_TO_AZURE = (
    *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"),
)
"""Variables by which libraries find the target's Azure under its true names."""
LAST_MOMENT = 1.0
"""Seconds that a check gets to be interrupted in, before the process ends anyway."""


class ClientGone(BaseException):
    """stdin has ended: the way out through whatever a check is doing, so no Exception."""


def main() -> int:
    """Serve stdin and stdout. What checks print goes to stderr."""
    stdin = os.fdopen(os.dup(0), "rb")
    stdout = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    kept = {name: os.environ[name] for name in LEADING_TO_AZURE if name in os.environ}
    os.environ.clear()
    os.environ.update(kept)
    os.environ["HOME"] = "/nonexistent"  # unset, libraries would take the account's
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the learner's program; the client tells us to end
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(stdin, lines), daemon=True).start()
    try:
        serve(lines.get, lambda line: _write(stdout, line), clock=Clock(), runner=run_program)
    except (ClientGone, BrokenPipeError):
        return 0
    return 0


def _read(stdin: io.BufferedReader, lines: "queue.SimpleQueue[bytes]") -> None:
    """Pass lines on; at the end, end the process, whatever it is doing."""
    for line in stdin:
        lines.put(line)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_MOMENT)
    os._exit(1)


def _leave(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature of a signal handler
    raise ClientGone


def _write(descriptor: int, line: bytes) -> None:
    while line:
        line = line[os.write(descriptor, line) :]


if __name__ == "__main__":
    sys.exit(main())
