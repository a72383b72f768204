"""The step on the remote host, in the guide, by the course's own lines."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.commandline import Terminal, User

pytestmark = [pytest.mark.sandbox, pytest.mark.e2e]

PROMPT = "q quit: "
SERVER = "progressacr12345678.azurecr.io"


@pytest.fixture
def learner(user: User) -> Iterator[Terminal]:
    words = ["run", "lab-5/pull-on-remote-host", "--sandbox", user.sandbox(), "--report", str(user.home / "out.json")]
    with Terminal(user, words, columns=140, rows=50) as opened:
        yield opened


def test_the_lines_of_the_text_typed_one_by_one(user: User, learner: Terminal) -> None:
    learner.expect(PROMPT, seconds=120)
    learner.type("\n")
    while learner.expect("Command 1 of 6", PROMPT, "[Enter] read on", seconds=60) != "Command 1 of 6":
        learner.type("\n")
    learner.expect(PROMPT)
    learner.type("ssh user@remote-host\n")
    learner.expect("(yes/no/[fingerprint])?")
    learner.type("yes\n")
    learner.expect("Command 2 of 6")
    learner.expect(PROMPT)
    learner.type("! hostname; here=9\n")
    learner.expect("remote-host")
    learner.expect(PROMPT)
    learner.type("! exit\n")
    learner.expect("You have left remote-host.")
    learner.expect(PROMPT)
    learner.type("! hostname\n")
    learner.expect("You are on remote-host again, in a new shell.")
    learner.expect(PROMPT)
    learner.type("az login\n")
    learner.expect("Press Enter")
    learner.type("\n")
    learner.expect("Command 3 of 6", seconds=60)
    for line, then in (
        (f"az acr login --name {SERVER.partition('.')[0]}", "Command 4 of 6"),
        (f"docker pull {SERVER}/mywebapi:1.0.0", "Command 5 of 6"),
        (f"docker run -d -p 8080:8080 {SERVER}/mywebapi:1.0.0", "Command 6 of 6"),
    ):
        learner.expect(PROMPT)
        learner.type(f"{line}\n")
        learner.expect(then, seconds=60)
    learner.expect(PROMPT)
    learner.type("exit\n")
    learner.expect("Connection to remote-host closed.")
    learner.expect("1 of 4 steps of this lab is done")
    learner.expect(PROMPT)
    learner.type("1\n")
    assert learner.end() == 0, learner.text
    (lab,) = json.loads((user.home / "out.json").read_text())["labs"]
    (step,) = [step for step in lab["steps"] if step["id"] == "pull-on-remote-host"]
    assert step["outcome"] == "passed"
    assert [command["ref"] for command in step["commands"]][:5] == [f"L5.S4.C{number}" for number in range(1, 6)]
