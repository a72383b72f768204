"""The sessions that were held in a sandbox: found, gone on with, and written to without a run."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from labrunner import places
from labrunner.cli import Problem
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.plan import Plan, SelectionError, select
from labrunner.engine.session import Session
from labrunner.model import Course, Lab, Step
from labrunner.record.book import Book, BookError
from labrunner.record.events import Event
from labrunner.record.left import Left, read_left
from labrunner.record.progress import Progress, ProgressError, set_aside
from labrunner.record.snapshots import Snapshots
from labrunner.record.transcript import Transcript, TranscriptError, read, utc_clock
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import layout
from labrunner.sandbox.running import lock_of

__all__ = [
    "Held",
    "book_of",
    "current",
    "folder_of",
    "forget",
    "going_on",
    "held",
    "progress_of",
    "put_away",
    "session_arguments",
    "step_of",
    "write_to",
    "writing",
]


@dataclass(frozen=True, slots=True)
class Held:
    """A session that was held: its folder and what it has left."""

    folder: Path
    left: Left

    @property
    def transcript(self) -> str:
        """The path of its transcript."""
        return str(self.folder / "transcript.jsonl")

    @property
    def labs(self) -> frozenset[str]:
        """The ids of the labs that were planned."""
        return frozenset(lab for lab, _ in self.left.plan)

    def current(self) -> tuple[str, str] | None:
        """The step to go on with, (lab, step) by id; None when nothing is left to do."""
        left = self.left
        if left.position is not None and left.position in left.plan:
            return left.position
        return next((place for place in left.plan if left.outcome(place) is None), None)


def session_arguments(parser: ArgumentParser, *, step: str = "") -> None:
    """The options of a command about a session. step: what the command does with a step that is named."""
    from labrunner.cli.machine import sandbox_argument

    if step:
        parser.add_argument("step", nargs="?", metavar="LAB/STEP", help=f"{step} (default: the current one)")
    parser.add_argument("--course", metavar="PATH", help="a course folder (default: the bundled course)")
    sandbox_argument(parser)


def folder_of(session: str, env: Mapping[str, str]) -> Path:
    """The session's own folder."""
    return Path(places.sessions_dir(env), session)


def progress_of(name: str, course: Course, env: Mapping[str, str]) -> Progress:
    """The sessions of the course in that sandbox."""
    return Progress(f"{places.sandbox_dir(env, name)}/progress-{course.id}.json")


def book_of(name: str, course: Course, env: Mapping[str, str]) -> Book:
    """What labs of the course have made in that sandbox. One that cannot be read is kept aside, and told."""
    path = f"{places.sandbox_dir(env, name)}/ledger-{course.id}.json"
    try:
        return Book(path)
    except BookError as error:
        sys.stderr.write(f"labrunner: {error}.\n")
        return Book(path)


def held(name: str, course: Course, env: Mapping[str, str]) -> Iterator[Held]:
    """Every session of the course in that sandbox, newest first. What cannot be read is kept aside, and told."""
    try:
        sessions = progress_of(name, course, env).sessions()
    except ProgressError as error:
        sys.stderr.write(f"labrunner: {error}. What was done before is not known any more; it begins anew.\n")
        return
    for session in sessions:
        folder = folder_of(session, env)
        path = folder / "transcript.jsonl"
        if not path.is_file():
            continue  # the user has removed it
        try:
            left = read_left(read(str(path)))
        except (TranscriptError, KeyError, ValueError, TypeError) as error:
            aside = set_aside(path)
            sys.stderr.write(f"labrunner: {error}. It is kept as {aside}; what it says is not used.\n")
            continue
        if left.id:
            yield Held(folder, left)


def going_on(name: str, course: Course, selectors: Sequence[str], env: Mapping[str, str]) -> Held | None:
    """The newest session that was left in the middle, of the same labs and steps; of any when none are named."""
    wanted = _plan(course, selectors)
    for found in held(name, course, env):
        plan = _plan(course, found.left.selectors)
        if plan is None or found.left.is_complete:
            continue
        if not selectors or plan == wanted:
            return found
    return None


def current(name: str, course: Course, env: Mapping[str, str], *, step: str | None = None) -> tuple[Held, Lab, Step]:
    """The session that `run` would go on with, and the step that is named or is its turn. Problem."""
    for found in held(name, course, env):
        place = found.current() if step is None else step_of(course, step)
        if place is None or place not in found.left.plan:
            continue
        lab = next((lab for lab in course.labs if lab.id == place[0]), None)
        known = next((entry for entry in lab.steps if entry.id == place[1]), None) if lab else None
        if lab is not None and known is not None:
            return found, lab, known
    if step is None:
        raise Problem(
            f"nothing is under way in sandbox '{name}'",
            status=ExitStatus.USAGE,
            remedy="Begin with `labrunner run LAB`; `labrunner list` shows the labs.",
        )
    raise Problem(
        f"no run in sandbox '{name}' has the step {step}",
        status=ExitStatus.USAGE,
        remedy=f"Begin it with `labrunner run {step}`; `labrunner status` shows what is under way.",
    )


def step_of(course: Course, selector: str) -> tuple[str, str]:
    """The one step that `LAB/STEP` names, by ids. Problem."""
    if "/" not in selector:
        raise Problem(
            f"'{selector}' names no step", status=ExitStatus.USAGE, remedy="Write LAB/STEP, such as lab-2/tag-for-acr."
        )
    try:
        (lab,) = select(course, [selector]).labs
    except SelectionError as error:
        raise Problem(str(error), status=ExitStatus.USAGE) from error
    return lab.lab.id, lab.steps[0].id


@contextmanager
def writing(name: str, found: Held, env: Mapping[str, str], *, holder: str) -> Iterator[Callable[[Event], None]]:
    """Write events behind the session's own, while nobody runs it. Problem."""
    try:
        place = layout(name, env)
        with lock_of(place, holder):
            transcript = Transcript(found.transcript, now=utc_clock(), going_on=True)
            try:
                yield transcript.write
            finally:
                transcript.close()
    except SandboxError as error:
        raise Problem(str(error), status=ExitStatus.TARGET, remedy=error.remedy) from error
    except TranscriptError as error:
        raise Problem(str(error), status=ExitStatus.TARGET) from error


def write_to(found: Held, event: Event) -> None:
    """Write an event behind the session's own; the caller holds the sandbox. Raises TranscriptError."""
    transcript = Transcript(found.transcript, now=utc_clock(), going_on=True)
    try:
        transcript.write(event)
    finally:
        transcript.close()


def forget(name: str, course: Course, sessions: Sequence[Held], env: Mapping[str, str]) -> None:
    """Nobody goes on with these sessions: their shells are not kept, their transcripts are."""
    progress = progress_of(name, course, env)
    for found in sessions:
        Snapshots(str(found.folder)).forget()
        progress.drop(found.left.id)


def put_away(session: Session) -> None:
    """Forget the shell of a session in which nothing is left to do: its variables may hold secrets."""
    if session.snapshots is not None and read_left(read(session.transcript.path)).is_complete:
        session.snapshots.forget()


def _plan(course: Course, selectors: Sequence[str]) -> Plan | None:
    try:
        return select(course, selectors)
    except SelectionError:
        return None
