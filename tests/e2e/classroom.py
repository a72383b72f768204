"""A small course with a shell full of things and a command that waits, in a sandbox that a module's tests share."""

import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.commandline import Ended, Terminal, User, until

PROMPT = "q quit: "
COURSE = """\
format: 1
id: {id}
title: Things of a Shell
labs: [lab.yaml]
"""
SET = """\
      - {ref: K.1, run: "NAME='two words'; export OUT=\\"it's\\"; LIST=(a 'b c'); declare -A MAP=([k]=v)"}
      - {ref: K.2, run: "LONG=$'x\\\\ny'; greet() { echo \\"hello $1\\"; }; alias hi='greet'"}
      - {ref: K.3, run: "set -o noclobber; shopt -s nullglob; umask 027; mkdir -p in; cd in"}
"""
USE = """\
      - {ref: K.4, run: "echo four >> ~/../work/log; TOKEN=s3cret-$((5000 + 55)); PART=done", secrets: [TOKEN]}
      - ref: K.5
        run: |
          echo five >> ~/../work/log; touch ~/../work/begun
          until [ -e ~/../work/go ]; do read -rt 0.02 <> <(:); done
          touch ~/../work/five
      - ref: K.6
        run: |
          echo "$NAME|$OUT|${LIST[1]}|${MAP[k]}|${LONG//$'\\n'/:}|$(umask)|${PWD##*/}|$PART|$TOKEN"
          hi you; shopt nullglob; set -o | grep noclobber; bash -c 'echo $OUT-$NAME'
          echo six >> ~/../work/log
"""
LAB = f"""\
id: keep
name: lab-1
title: Keep Things
text: A lab that sets things.
steps:
  - id: set
    title: Set Things
    text: Set variables.
    commands:
{SET}
    checks:
      - file.exists: {{path: in/}}
    hints: [{{text: Look.}}, {{text: Look again.}}]
    cleanup: [{{run: rm -rf in}}]
  - id: use
    title: Use Things
    text: Use them.
    commands:
{USE}
    checks:
      - file.exists: {{path: five}}
        after: K.5
      - file.exists: {{path: log}}
    cleanup: [{{run: rm -f log five begun}}]
"""


@dataclass
class Classroom:
    """One sandbox for this module, with a course of the test's own in it."""

    user: User
    name: str
    course: Path
    id: str

    @property
    def work(self) -> Path:
        return self.user.home / "state/labrunner/sandboxes" / self.name / "work"

    @property
    def kept(self) -> Path:
        """The folder of the sandbox."""
        return self.work.parent

    @property
    def options(self) -> list[str]:
        return ["--sandbox", self.name, "--course", str(self.course)]

    def run(self, *words: str) -> Ended:
        return self.user.run(*words, *self.options)

    def start(self, *words: str):
        return self.user.start(*words, *self.options, "--trust")

    def terminal(self, *words: str) -> Terminal:
        return Terminal(self.user, [*words, *self.options])

    def rewrite(self, lab: str) -> None:
        (self.course / "lab.yaml").write_text(lab)

    def write(self, lab: str = LAB) -> None:
        self.course.mkdir()
        (self.course / "course.yaml").write_text(COURSE.format(id=self.id))
        self.rewrite(lab)

    @property
    def sessions(self) -> list[Path]:
        """The folders of this course's sessions, oldest first."""
        ids = json.loads((self.kept / f"progress-{self.id}.json").read_text())["sessions"]
        return [self.user.home / "state/labrunner/sessions" / name for name in ids]

    def records(self) -> list[dict[str, Any]]:
        """The transcript of the one session."""
        (session,) = self.sessions
        return [json.loads(line) for line in (session / "transcript.jsonl").read_text().splitlines()]

    def ran(self) -> list[str]:
        """The references of the commands that were begun, in order."""
        return [record["ref"] for record in self.records() if record["event"] == "command-started"]

    def output(self, ref: str) -> str:
        return next(r["output"] for r in reversed(self.records()) if r["event"] == "command-ended" and r["ref"] == ref)

    def status(self) -> dict[str, Any]:
        return json.loads(self.run("status", "--json").out)

    def killed_in(self, file: str = "begun") -> None:
        """A run that nobody watches, killed in its fifth command."""
        with self.start("run") as process:
            try:
                until(lambda: (self.work / file).exists() or process.poll() is not None, "the command runs")
            finally:
                process.kill()
            out, err = process.communicate()
        assert process.returncode == -signal.SIGKILL, out + err

    def release(self) -> None:
        """Let the waiting command end."""
        (self.work / "go").touch()


def steps(report: Path) -> dict[str, dict[str, Any]]:
    return {step["id"]: step for lab in json.loads(report.read_text())["labs"] for step in lab["steps"]}


def read_on(learner: Terminal, *questions: str) -> str:
    """Press Enter at every page until one of the questions comes; which one."""
    while (found := learner.expect(*questions, "[Enter] read on")) == "[Enter] read on":
        learner.expect(PROMPT)
        learner.type("\n")
    learner.expect(PROMPT)
    return found


def go_to_the_second_command(learner: Terminal) -> None:
    """Start the first step and give one command; the question about the next one is there."""
    read_on(learner, "[Enter] start")
    learner.type("\n")
    read_on(learner, "[Enter] run it")
    learner.type("\n")
    read_on(learner, "[Enter] run it")
