"""Disturbs real runs by seed, and prints counts: kills of what a run needs, and what came of each.

    python -m soak.run [--seed N] [--kills N] [--labs LAB,...]

--kills: how many of each victim (runner, supervisor, emulator, dockerd); default 3. A run goes through the labs with
kills at seeded moments, is started again after each, and has to end as one that nobody disturbed. Exit status 0 when
every one did, 1 otherwise; the transcripts of those that did not are kept, and named.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from labrunner.record.transcript import TranscriptError, read
from labrunner.sandbox import machine
from soak.host import Host
from soak.verdict import problems, repeated
from soak.victims import VICTIMS, Scene

LABS = ("lab-1", "lab-2", "lab-3", "lab-4", "lab-5")
RECOVERY_SECONDS = 10.0
KILLS_PER_RUN = 8
RUN_SECONDS = 300.0


@dataclass
class Counts:
    """Of one victim."""

    kills: int = 0
    recovered: int = 0
    seconds: list[float] = field(default_factory=list)


class Soak:
    """One soak: a sandbox and a state folder of its own."""

    def __init__(self, seed: int, labs: Sequence[str]) -> None:
        self.random = random.Random(seed)
        self.labs = labs
        self.folder = Path(tempfile.mkdtemp(prefix="labrunner-soak-"))
        self.sandbox = f"soak-{os.getpid()}"
        self.env = {**os.environ, "XDG_STATE_HOME": str(self.folder)}
        self.counts = {name: Counts() for name in VICTIMS}
        self.wrong: list[str] = []
        self.runs = 0
        self.expected: dict[str, int] = {}
        self.lines = 0

    def run(self, kills: int) -> bool:
        host = Host.look()
        try:
            self._undisturbed()
            left = [name for name in VICTIMS for _ in range(kills)]
            self.random.shuffle(left)
            while left:
                batch, left = left[:KILLS_PER_RUN], left[KILLS_PER_RUN:]
                self._disturbed(batch)
        finally:
            machine.down(self.sandbox, self.env, force=True)
        changed = host.differences(Host.look())
        self.wrong += [f"the machine is not as before: {line}" for line in changed]
        return not self.wrong

    def _undisturbed(self) -> None:
        """What a run is that nobody disturbs: its steps, commands and how long its transcript gets."""
        report = self.folder / "undisturbed.json"
        process = self._start(report, "--restart")
        process.wait(RUN_SECONDS)
        told = json.loads(report.read_text())
        commands = [command for lab in told["labs"] for step in lab["steps"] for command in step["commands"]]
        self.expected = {"steps": sum(told["totals"].values()), "commands": len(commands)}
        found = problems(told, **self.expected)
        if process.returncode or found:
            raise SystemExit(f"soak: the labs do not pass undisturbed: {found}")
        self.lines = len(list(read(str(self._transcript()))))
        self._clear()

    def _disturbed(self, victims: Sequence[str]) -> None:
        """One run with kills of these, to its end."""
        self.runs += 1
        say(f"run {self.runs}: {', '.join(victims)}")
        report = self.folder / f"report-{self.runs}.json"
        moments = sorted(self.random.uniform(0.0, 0.95) for _ in victims)
        process = self._start(report, "--restart")
        first = self._first_transcript(process)
        for victim, moment in zip(victims, moments, strict=True):
            counts = self.counts[victim]
            if not self._reach(process, first, int(self.lines * moment)):
                process = self._again(process, report)[0]
            time.sleep(self.random.uniform(0.0, 0.4))
            if not VICTIMS[victim](Scene(process, self.sandbox, self.env)):
                self.wrong.append(f"run {self.runs}: there was no {victim} to kill")
                continue
            counts.kills += 1
            process, seconds = self._again(process, report)
            counts.seconds.append(seconds)
            if seconds <= RECOVERY_SECONDS:
                counts.recovered += 1
            else:
                self.wrong.append(f"run {self.runs}: {seconds:.1f} s after the kill of {victim}")
        self._finish(process, report)
        self._judge(report, first)
        self._clear()

    def _again(self, process: "subprocess.Popen[bytes]", report: Path) -> "tuple[subprocess.Popen[bytes], float]":
        """Let the run end by itself, start it again, and wait until it goes on: seconds from that start."""
        process.wait(RUN_SECONDS)
        transcript = self._transcript()
        before = transcript.stat().st_size
        began = time.monotonic()
        process = self._start(report)
        while process.poll() is None and time.monotonic() - began < RUN_SECONDS:
            # what goes on says so, and then does something
            if transcript.stat().st_size > before and transcript.read_bytes()[before:].count(b"\n") > 2:
                break
            time.sleep(0.02)
        return process, time.monotonic() - began

    def _finish(self, process: "subprocess.Popen[bytes]", report: Path) -> None:
        """To the end: a run that was cut once more by what was killed goes on once more."""
        for _ in range(3):
            process.wait(RUN_SECONDS)
            if process.returncode == 0:
                return
            process = self._start(report)
        process.wait(RUN_SECONDS)

    def _judge(self, report: Path, transcript: Path) -> None:
        found = []
        try:
            found += problems(json.loads(report.read_text()), **self.expected)
            found += [f"ran twice: {line}" for line in repeated(read(str(transcript)))]
        except (OSError, ValueError, TranscriptError) as error:
            found.append(f"no report: {error}")
        if found:
            kept = shutil.copy(transcript, tempfile.mkstemp(prefix=f"soak-{self.runs}-", suffix=".jsonl")[1])
            self.wrong += [f"run {self.runs}: {line}" for line in found] + [f"run {self.runs}: see {kept}"]

    def _start(self, report: Path, *more: str) -> "subprocess.Popen[bytes]":
        line = [sys.executable, "-m", "labrunner", "run", *self.labs, "--unattended", "--sandbox", self.sandbox]
        with (self.folder / "screen.log").open("ab") as screen:
            return subprocess.Popen([*line, "--report", str(report), *more], env=self.env, stderr=screen, stdout=screen)

    def _reach(self, process: "subprocess.Popen[bytes]", transcript: Path, lines: int) -> bool:
        """Wait until the transcript has so many lines; False when the run ends before."""
        while process.poll() is None:
            if transcript.read_bytes().count(b"\n") >= lines:
                return True
            time.sleep(0.02)
        return False

    def _first_transcript(self, process: "subprocess.Popen[bytes]") -> Path:
        while process.poll() is None:
            found = list(self.folder.glob("labrunner/sessions/*/transcript.jsonl"))
            if found:
                return found[0]
            time.sleep(0.02)
        raise SystemExit("soak: the run ended before it began; see its words in screen.log")

    def _transcript(self) -> Path:
        (found,) = self.folder.glob("labrunner/sessions/*/transcript.jsonl")
        return found

    def _clear(self) -> None:
        """As new for the next run."""
        machine.down(self.sandbox, self.env, force=True)
        shutil.rmtree(self.folder / "labrunner" / "sessions", ignore_errors=True)


def say(text: str) -> None:
    """On the way."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """Soak, and print the counts."""
    parser = argparse.ArgumentParser(prog="python -m soak.run", description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=None, help="the moments' (default: a new one, printed)")
    parser.add_argument("--kills", type=int, default=3, help="of each victim (default: 3)")
    parser.add_argument("--labs", default=",".join(LABS), help="which labs, by comma")
    args = parser.parse_args(arguments)
    seed = args.seed if args.seed is not None else random.SystemRandom().randrange(1_000_000)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    soak = Soak(seed, args.labs.split(","))
    began = time.monotonic()
    say(f"seed {seed}")
    try:
        well = soak.run(args.kills)
    finally:
        shutil.rmtree(soak.folder, ignore_errors=True)
    print(f"seed {seed}, {soak.runs} runs of {args.labs}, {time.monotonic() - began:.0f} s")
    print(f"{'killed':<12}{'kills':>6}{'recovered':>11}{'median':>9}{'worst':>8}")
    for name, counts in soak.counts.items():
        times = sorted(counts.seconds)
        median, worst = (times[len(times) // 2], times[-1]) if times else (0.0, 0.0)
        print(f"{name:<12}{counts.kills:>6}{counts.recovered:>11}{median:>8.1f}s{worst:>7.1f}s")
    for line in soak.wrong:
        print(f"WRONG  {line}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
