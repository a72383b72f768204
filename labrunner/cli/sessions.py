"""The sessions that were held in a sandbox: found, gone on with, and written to without a run."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from labrunner import places
from labrunner.cli import Problem
from labrunner.cli.kept import folder_of
from labrunner.cli.options import typed
from labrunner.cli.telling import tell
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.plan import Plan, SelectionError, select
from labrunner.model import Course, Lab, Outcome, Step
from labrunner.record.book import Book, BookError
from labrunner.record.events import Event
from labrunner.record.left import Left, read_left
from labrunner.record.progress import Progress, ProgressError, set_aside
from labrunner.record.snapshots import Snapshots
from labrunner.record.transcript import Transcript, TranscriptError, read, utc_clock
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import layout
from labrunner.sandbox.running import lock_of
from labrunner.shell.snapshot import parts

__all__ = [
    "Held",
    "book_of",
    "current",
    "enter",
    "forget",
    "give_up",
    "going_on",
    "held",
    "progress_of",
    "put_away",
    "session_arguments",
    "step_in",
    "step_of",
    "under_way",
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

    def now(self) -> Left:
        """What it has left by now, for a caller who holds the sandbox: another may have gone on with it. Problem."""
        try:
            return read_left(read(self.transcript))
        except TranscriptError as error:
            raise Problem(str(error), status=ExitStatus.TARGET) from error

    @property
    def labs(self) -> frozenset[str]:
        """The ids of the labs that were planned."""
        return frozenset(lab for lab, _ in self.left.plan)

    def current(self, course: Course) -> tuple[str, str] | None:
        """The step of the course to go on with, (lab, step) by id; None when nothing is left to do."""
        left = self.left
        if left.is_complete:
            return None
        today = self.places(course)
        if left.position in today:
            return left.position
        return next((place for place in today if left.outcome(place) is None), None)

    def places(self, course: Course) -> list[tuple[str, str]]:
        """What was asked for, as the course is today: its steps, (lab, step) by id; none when it is gone."""
        plan = _plan(course, self.left.selectors)
        return [(lab.lab.id, step.id) for lab in plan.labs for step in lab.steps] if plan else []


def session_arguments(parser: ArgumentParser, *, step: str = "") -> None:
    """The options of a command about a session. step: what the command does with a step that is named."""
    from labrunner.cli.options import sandbox_argument

    if step:
        parser.add_argument("step", nargs="?", metavar="LAB/STEP", help=f"{step} (default: the current one)")
    parser.add_argument("--course", metavar="PATH", help="a course folder (default: the bundled course)")
    sandbox_argument(parser)


def progress_of(name: str, course: Course, env: Mapping[str, str]) -> Progress:
    """The sessions of the course in that sandbox."""
    return Progress(f"{places.sandbox_dir(env, name)}/progress-{course.id}.json")


def book_of(name: str, course: Course, env: Mapping[str, str]) -> Book:
    """What labs of the course have made in that sandbox. A book that cannot be read is kept aside, and told."""
    path = f"{places.sandbox_dir(env, name)}/ledger-{course.id}.json"
    try:
        return Book(path)
    except BookError as error:
        tell(f"labrunner: {error}.")
        return Book(path)


def held(name: str, course: Course, env: Mapping[str, str]) -> Iterator[Held]:
    """Every session of the course in that sandbox, newest first. What cannot be read is kept aside, and told."""
    try:
        sessions = progress_of(name, course, env).sessions()
    except ProgressError as error:
        tell(f"labrunner: {error}. What was done before is not known any more; it begins anew.")
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
            tell(f"labrunner: {error}. It is kept as {aside}; what it says is not used.")
            continue
        if left.id:
            yield Held(folder, left)


def going_on(args: Namespace, course: Course, env: Mapping[str, str]) -> Held | None:
    """The newest session that was left in the middle, of the same labs and steps; of any when none are named."""
    wanted = _plan(course, args.labs) if args.labs or args.all else None
    for found in under_way(held(args.sandbox, course, env), course):
        if wanted is None or _plan(course, found.left.selectors) == wanted:
            _check_shell(found)
            return found
    return None


def under_way(sessions: Iterable[Held], course: Course) -> Iterator[Held]:
    """Those in which something of the course is left to do, but for one that was begun anew since.

    sessions: newest first.
    """
    newer: list[list[tuple[str, str]]] = []
    for found in sessions:
        places = found.places(course)
        if found.current(course) is not None and places not in newer:
            yield found
        newer.append(places)


def current(args: Namespace, course: Course, env: Mapping[str, str], *, step: str | None) -> tuple[Held, Lab, Step]:
    """The session that `run` would go on with, and the step whose turn it is; or the one that is named, in the newest
    session that has it, one that is under way before those that are done. Problem."""
    place = None if step is None else step_of(course, step)
    sessions = list(held(args.sandbox, course, env))
    candidates = list(under_way(sessions, course))
    candidates += [found for found in sessions if place is not None and found not in candidates]
    for found in candidates:
        at = place or found.current(course)
        if at in found.places(course):
            _check_shell(found)
            lab = next(lab for lab in course.labs if lab.id == at[0])
            return found, lab, next(entry for entry in lab.steps if entry.id == at[1])
    line = typed(args, env)
    if step is None:
        raise Problem(
            f"nothing is under way in sandbox '{args.sandbox}'",
            status=ExitStatus.USAGE,
            remedy=f"Begin with `{line('run LAB')}`; `{line('list')}` shows the labs.",
        )
    raise Problem(
        f"no run in sandbox '{args.sandbox}' has the step {step}",
        status=ExitStatus.USAGE,
        remedy=f"Begin it with `{line(f'run {step}')}`; `{line('status')}` shows what is under way.",
    )


def _check_shell(found: Held) -> None:
    """Keep a snapshot aside that is not what was written, and tell; the run then has a new shell."""
    path = found.folder / "shell-local.bash"
    try:
        if parts(path.read_bytes()) is None:
            aside = set_aside(path)
            tell(f"labrunner: the shell in {path} cannot be read. It is kept as {aside} until the run is over.")
    except FileNotFoundError:
        pass  # there was none


def step_of(course: Course, selector: str) -> tuple[str, str]:
    """The one step that `LAB/STEP` names, by ids. Problem."""
    try:
        (planned,) = select(course, [selector]).labs
    except SelectionError as error:
        raise _no_step(course, selector, str(error)) from error
    if selector.partition("/")[2]:
        return planned.lab.id, planned.steps[0].id
    steps = ", ".join(f"{planned.lab.name}/{step.id}" for step in planned.steps)
    raise Problem(f"'{selector}' names no step", status=ExitStatus.USAGE, remedy=f"Name a step of it: {steps}.")


def step_in(args: Namespace, course: Course, env: Mapping[str, str], selector: str) -> str:
    """`LAB/STEP` for a selector that is the name of a lab: the step whose turn it is in that lab, in the session that
    `current` takes. Any other selector is given back. Problem."""
    lab = next((lab for lab in course.labs if selector.removesuffix("/") in (lab.id, lab.name)), None)
    if lab is None:
        return selector
    sessions = list(held(args.sandbox, course, env))
    having = [found for found in sessions if any(place[0] == lab.id for place in found.places(course))]
    for found in [*(found for found in under_way(sessions, course) if found in having), *having[:1]]:
        own = [place for place in found.places(course) if place[0] == lab.id]
        at = found.current(course)
        if at not in own:
            at = next((place for place in own if found.left.outcome(place) is not Outcome.PASSED), None)
        if at is not None:
            return f"{lab.name}/{at[1]}"
    if having:
        steps = ", ".join(f"{lab.name}/{step.id}" for step in lab.steps)
        said, remedy = f"every step of {lab.name} has passed", f"Name a step of it: {steps}."
    else:
        line = typed(args, env)
        said = f"no run in sandbox '{args.sandbox}' has {lab.name}"
        remedy = f"Begin it with `{line(f'run {lab.name}')}`; `{line('status')}` shows what is under way."
    raise Problem(said, status=ExitStatus.USAGE, remedy=remedy)


def _no_step(course: Course, selector: str, said: str) -> Problem:
    """What to say of a name that no step has. said: what is said of it as the name of labs and steps."""
    name, slash, step = selector.partition("/")
    steps = {f"{lab.name}/{step.id}": step.id for lab in course.labs for step in lab.steps}
    meant = [place for place, known in steps.items() if known == (step or name)]
    lab = next((lab for lab in course.labs if name in (lab.id, lab.name)), None)
    if not meant and slash and lab is None:
        meant = get_close_matches(selector, steps, n=1, cutoff=0.8)
    elif not meant and not slash:
        near = get_close_matches(name, set(steps.values()), n=1, cutoff=0.7)
        meant = [place for place, known in steps.items() if known in near]
    what = f"step of {lab.name} called '{step}'" if lab else f"lab called '{name}'" if slash else f"step '{name}'"
    if meant:
        places = " or ".join(f"'{place}'" for place in meant)
        return Problem(f"there is no {what}. Did you mean {places}?", status=ExitStatus.USAGE)
    if slash:
        return Problem(said, status=ExitStatus.USAGE)
    remedy = f"Write LAB/STEP, such as {next(iter(steps))}."
    return Problem(f"'{selector}' names no step: {said}", status=ExitStatus.USAGE, remedy=remedy)


@contextmanager
def writing(
    name: str, found: Held, env: Mapping[str, str], *, holder: str, busy: str
) -> Iterator[Callable[[Event], None]]:
    """Write events behind the session's own, while nobody runs it. busy: what to do when somebody does. Problem."""
    try:
        with lock_of(layout(name, env), holder, remedy=busy):
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


def enter(name: str, course: Course, session: str, env: Mapping[str, str]) -> None:
    """Have later runs find the session. A progress that cannot be read is kept aside, and told."""
    progress = progress_of(name, course, env)
    try:
        progress.sessions()
    except ProgressError as error:
        tell(f"labrunner: {error}.")
    progress.add(session)


def give_up(args: Namespace, course: Course, session: str, env: Mapping[str, str]) -> None:
    """The session does anew what others began: their shells are not kept."""
    wanted = select(course, args.labs)
    for found in held(args.sandbox, course, env):
        if found.left.id != session and _plan(course, found.left.selectors) == wanted:
            Snapshots(str(found.folder)).forget()


def forget(name: str, course: Course, sessions: Sequence[Held], env: Mapping[str, str]) -> None:
    """Nobody goes on with these sessions: their shells are not kept, their transcripts are."""
    progress = progress_of(name, course, env)
    for found in sessions:
        Snapshots(str(found.folder)).forget()
        progress.drop(found.left.id)


def put_away(folder: Path) -> None:
    """Forget the shell of a session in which nothing is left to do: its variables may hold secrets."""
    if read_left(read(str(folder / "transcript.jsonl"))).is_complete:
        Snapshots(str(folder)).forget()


def _plan(course: Course, selectors: Sequence[str]) -> Plan | None:
    try:
        return select(course, selectors)
    except SelectionError:
        return None
