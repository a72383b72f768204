"""The optional lab of signatures for real: twice, checked, and its keys and tokens in nothing that is kept."""

import json
from pathlib import Path

import pytest

from labrunner.emulator.client import ControlClient
from labrunner.sandbox.layout import layout
from tests.e2e.commandline import User

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]


def test_the_lab_passes_again_too_and_keeps_its_secrets(user: User) -> None:
    name, report = user.sandbox(), user.home / "out.json"
    said = []
    for _ in range(2):
        ended = user.run("run", "signing", "--report", str(report), "--sandbox", name, timeout=300)
        assert ended.status == 0, ended
        said.append(ended.said)
    assert json.loads(report.read_text())["totals"]["passed"] == 8
    asked = user.run("check", "signing", "--sandbox", name)
    assert asked.status == 0, asked

    place = layout(name, user.env)
    keys = [path.read_text() for path in Path(place.home, ".config/notation/localkeys").glob("*.key")]
    assert len(keys) == 2
    feed = ControlClient(place.azure_control).secrets()
    secrets = [*feed.new(), *(key.splitlines()[1] for key in keys)]
    feed.close()
    sessions = Path(user.env["XDG_STATE_HOME"], "labrunner", "sessions")
    kept = [path for folder in (sessions, Path(place.folder, "log")) for path in folder.rglob("*") if path.is_file()]
    texts = {"screen": "".join(said), **{str(path): path.read_text(errors="replace") for path in (*kept, report)}}
    assert len(texts) > 4
    assert [where for where, text in texts.items() if any(secret in text for secret in secrets)] == []

    user.inside(name, f"rm {place.home}/.config/notation/truststore/x509/ca/labs.example/*")
    broken = user.run("check", "signing", "--sandbox", name)
    assert broken.status == 1
    assert "no x509 certificates were found in trust store" in " ".join(broken.said.split())

    # no lab is named, and this one is optional: what it has made goes all the same
    finished = user.run("finish", "--sandbox", name)
    assert finished.status == 0, finished
    assert "signedapi" in finished.said
