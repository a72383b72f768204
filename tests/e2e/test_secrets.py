"""No secret of a run is anywhere but where the course's own commands put it."""

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from labrunner.emulator.client import ControlClient
from labrunner.sandbox.layout import layout
from tests.e2e.commandline import User

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

CANARY = "canary-5c1e8a90d7"


def arguments_of_processes(seen: set[bytes], over: threading.Event) -> None:
    while not over.is_set():
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                seen.add(entry.read_bytes())


def test_no_secret_is_written_shown_or_in_the_arguments_of_our_processes(user: User):
    name, report = user.sandbox(), user.home / "out.json"
    planted = {"AZURE_CLIENT_SECRET": CANARY, "DOCKER_AUTH_CONFIG": CANARY, "ARM_CLIENT_SECRET": CANARY}
    seen: set[bytes] = set()
    over = threading.Event()
    watching = threading.Thread(target=arguments_of_processes, args=(seen, over))
    watching.start()
    try:
        words = ("run", "lab-1", "lab-3", "--report", str(report), "--sandbox", name)
        ended = user.run(*words, env={**user.env, **planted}, timeout=300)
    finally:
        over.set()
        watching.join()
    assert ended.status == 0, ended
    place = layout(name, user.env)
    feed = ControlClient(place.azure_control).secrets()
    issued = feed.new()
    feed.close()
    assert len(issued) > 20

    sessions = [path for path in Path(user.env["XDG_STATE_HOME"], "labrunner", "sessions").rglob("*") if path.is_file()]
    logs = list(Path(place.folder, "log").iterdir())
    assert sessions
    assert logs
    # the course's `docker login --password`, and az's own start of it, are the two that show a password
    ours = b"\n".join(words for words in seen if b"login\0" not in words and b"docker login" not in words)
    written = {str(path): path.read_bytes() for path in (*sessions, *logs, report)}
    written |= {"screen": (ended.out + ended.err).encode(), "arguments": ours}
    found = {
        (where, value[:6]) for where, text in written.items() for value in (*issued, CANARY) if value.encode() in text
    }
    assert not found
    assert os.fsencode(CANARY) not in user.inside(name, "cat /proc/*/environ 2>/dev/null").encode()
