"""No secret of a run is anywhere but where the course's own commands put it."""

import os
import threading
from base64 import b64encode
from contextlib import suppress
from pathlib import Path

import pytest

from labrunner.emulator.client import ControlClient
from labrunner.record.redaction import MARK, Redactor
from labrunner.record.transcript import read
from labrunner.sandbox.layout import layout
from tests.e2e import courses
from tests.e2e.commandline import User

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

CANARY = "canary-5c1e8a90d7"


def arguments_of_processes(seen: set[bytes], over: threading.Event) -> None:
    """Of those that begin from now on. A look every few milliseconds: the shortest, a docker command, lives for 30."""
    others = set(processes())
    while not over.wait(0.003):
        running = processes()
        others.intersection_update(running)  # a number that is free again may become ours
        for number in running:
            if number not in others:
                with suppress(OSError):
                    seen.add(Path(f"/proc/{number}/cmdline").read_bytes())


def processes() -> list[str]:
    """The numbers of those that run."""
    return [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - no Path for each


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


LAB = """\
id: show-secrets
name: lab-1
title: Show Secrets
needs: [docker-engine, azure]
steps:
  - id: show
    title: Show
    text: Secrets that stand alone, without a name before them.
    commands:
      - run: env > environment
      - run: az acr update -n learnersregistry --admin-enabled true -o none
      - {ref: X.1, run: 'az acr credential show -n learnersregistry --query "passwords[0].value" -o tsv | tee admin'}
      - {ref: X.2, run: 'az ad sp create-for-rbac --name shown --query password -o tsv 2>/dev/null | tee application'}
      - {ref: X.3, run: 'printf "%s:%s" learnersregistry "$(cat admin)" | base64 -w 0'}
      - {ref: X.4, run: 'printf "%s:%s" learnersregistry "$(cat admin)" | base64 -w 64 | sed "s/^/    /"'}
    checks:
      - file.exists: {path: application}
"""
AZURE = """\
azure: {resource_group: learners, location: eastus, registries: [{name: learnersregistry, sku: Basic}]}
"""


def test_a_secret_that_no_pattern_knows_is_redacted_as_soon_as_it_is_issued(user: User, tmp_path: Path):
    """Whether the run hears of what the local Azure issues, before it shows or writes an output that holds it."""
    course = courses.write(tmp_path / "course", LAB)
    (course / "course.yaml").write_text(courses.COURSE + AZURE)
    name, report = user.sandbox(), user.home / "out.json"
    words = ("run", "--course", str(course), "--trust", "--report", str(report), "--sandbox", name)
    ended = user.run(*words, env={"ARM_CLIENT_SECRET": CANARY, "AZURE_PASSWORD": CANARY}, timeout=120)
    assert ended.status == 0, ended
    work = Path(layout(name, user.env).work)
    values = [(work / file).read_text().strip() for file in ("admin", "application")]
    values.append(b64encode(f"learnersregistry:{values[0]}".encode()).decode())
    for value in values:
        assert len(value) > 30
        assert Redactor().redact(value) == value  # by its shape alone it is nobody's secret

    transcripts = list(Path(user.env["XDG_STATE_HOME"], "labrunner", "sessions").rglob("transcript.jsonl"))
    outputs = {event["ref"]: event["output"] for event in read(str(*transcripts)) if event["event"] == "command-ended"}
    assert outputs["X.1"] == outputs["X.2"] == f"{MARK}\n"
    assert MARK in outputs["X.3"]
    assert outputs["X.4"].strip() == outputs["X.3"].strip()
    texts = [*(path.read_text() for path in (*transcripts, report)), ended.said]
    assert not [value for value in values for text in texts if value in text or value[30:] in text]
    environment = (work / "environment").read_text()
    assert "HTTPS_PROXY=" in environment
    assert CANARY not in environment
