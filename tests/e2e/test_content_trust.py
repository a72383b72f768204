"""Lab 8 for real: by itself, with passphrases that nobody types and that are in nothing that is kept."""

import json
from pathlib import Path

import pytest

from labrunner.sandbox.layout import layout
from tests.e2e.commandline import User
from tests.e2e.test_labs import contracted, folded

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

ROOT, REPOSITORY = "RootPassphraseOfThisTest", "RepositoryPassphraseOfThisTest"


def test_the_lab_passes_alone_and_keeps_its_secrets(user: User) -> None:
    name, report = user.sandbox(), user.home / "out.json"
    given = ("--var", f"TRUST_ROOT_PASSPHRASE={ROOT}", "--var", f"TRUST_REPOSITORY_PASSPHRASE={REPOSITORY}")
    ended = user.run("run", "lab-8", *given, "--report", str(report), "--sandbox", name, timeout=300)
    assert ended.status == 0, ended
    written = json.loads(report.read_text())
    assert written["totals"] == {"passed": 5, "failed": 0, "error": 0, "skipped": 0, "not_run": 0}
    entries = [entry for step in written["labs"][0]["steps"] for entry in step["commands"]]
    assert {entry["ref"]: folded(entry["run"]) for entry in entries if entry["ref"]} == contracted("L8.")
    assert "No valid trust data for unsigned-tag" in ended.err

    place = layout(name, user.env)
    keys = list(Path(place.home, ".docker/trust/private").glob("*.key"))
    assert len(keys) == 3
    bodies = [path.read_text().splitlines()[-3] for path in keys]
    state = Path(user.env["XDG_STATE_HOME"], "labrunner")
    kept = [path for path in state.rglob("*") if path.is_file() and path not in keys]
    texts = {"screen": ended.said, **{str(path): path.read_text(errors="replace") for path in (*kept, report)}}
    assert any("transcript" in where for where in texts)
    assert [where for where, text in texts.items() if any(one in text for one in (ROOT, REPOSITORY, *bodies))] == []

    # its environment is clean, and the registry is for everybody again
    server = "progressacr12345678.azurecr.io"
    user.inside(name, f"docker rmi {server}/mywebapi:unsigned-tag && docker pull -q {server}/mywebapi:unsigned-tag")
    asked = user.run("check", "lab-8", "--sandbox", name)
    assert asked.status == 0, asked
