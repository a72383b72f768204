"""The sandbox of a command: installed, up, held, prepared for the course, and let go at the end."""

import json
import shlex
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from labrunner import places
from labrunner.cli import Problem
from labrunner.cli.opening import check_folders
from labrunner.cli.sessions import book_of
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.plan import Plan
from labrunner.model import Course
from labrunner.sandbox import azure_cli, azure_warming, machine, preflight, tools
from labrunner.sandbox.azure_cli import AzureCli
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.progress import Meter
from labrunner.sandbox.tools import Tools, ToolsError
from labrunner.targets.protocol import TargetError
from labrunner.targets.sandbox import SandboxTarget

__all__ = [
    "AGAIN",
    "command_line",
    "found_target",
    "installed",
    "needs_of",
    "prepare",
    "remember",
    "remembered",
    "removed_afterwards",
    "started_target",
]

AGAIN = "Wait until it ends (`q` quits a run on a terminal), then give this command again."
"""What to do about somebody who uses the sandbox, for a command that is about this sandbox and no other."""


def command_line(name: str, arguments: list[str]) -> str:
    """What a second one is told of who holds the sandbox."""
    return shlex.join(["labrunner", name, *arguments])


def needs_of(plan: Plan) -> frozenset[str]:
    """What the planned labs ask of the target."""
    return frozenset(need for planned in plan.labs for need in planned.lab.needs)


def installed(env: Mapping[str, str]) -> Tools:
    """The tools, fetched now if they are missing. What the machine lacks is said before anything starts. Problem."""
    kit, _ = _installed(env, azure=False)
    return kit


def _installed(env: Mapping[str, str], *, azure: bool) -> tuple[Tools, AzureCli | None]:
    """The tools, and azure-cli where it is wanted."""
    kit, cli = tools.ready(env), azure_cli.ready(env) if azure else None
    whole = kit is not None and (cli is not None or not azure)
    found = preflight.problems(
        preflight.look([places.cache_dir(env), places.state_dir(env)]), engine=True, install=not whole
    )
    if found:
        raise Problem(preflight.explain(found).rstrip(), status=ExitStatus.TARGET)
    try:
        with Meter(sys.stderr) as meter:
            kit = kit or tools.ensure(env, meter.show)
            if azure:
                cli = cli or azure_cli.ensure(env, meter.show)
    except ToolsError as error:
        raise Problem(str(error), status=ExitStatus.TARGET, remedy=error.remedy) from error
    if cli:
        azure_warming.begin(cli.root)
    return kit, cli


@contextmanager
def started_target(
    name: str, course: Course, env: Mapping[str, str], *, holder: str, needs: Collection[str], busy: str = AGAIN
) -> Iterator[SandboxTarget]:
    """A target on the sandbox, started if it is not running; `prepare` it next. Problem.

    needs: what the labs that are planned ask for; azure-cli is installed for those that need "azure" only. busy: what
    to do when somebody uses it.
    """
    kit, cli = _installed(env, azure="azure" in needs)
    with _told():
        sandbox = machine.up(name, env, kit, say=lambda sentence: sys.stderr.write(f"{sentence}\n"))
        with (
            sandbox.hold(holder, remedy=busy),
            closing(SandboxTarget(sandbox, course, check_folders(course), tools=kit, needs=needs, cli=cli)) as target,
        ):
            _end_stretch(sandbox, course, kit, env)
            yield target


def _end_stretch(sandbox: machine.Sandbox, course: Course, kit: Tools, env: Mapping[str, str]) -> None:
    """Write down what the lab of a run that was killed has made, before this run adds anything. No other labs' needs
    are looked at: there is what the lab cannot have seen when it began."""
    book = book_of(sandbox.name, course, env)
    lab = next((lab for lab in course.labs if lab.id == book.open_lab), None)
    if lab is None:
        return
    with closing(SandboxTarget(sandbox, course, check_folders(course), tools=kit, needs=lab.needs)) as then:
        then.foresee(lab.needs, ())
        book.end(then.inventory())


def prepare(target: SandboxTarget, course: Course) -> None:
    """Have the course's images, its work folder and what it needs of Azure.

    course: with its values filled in. Raises TargetError.
    """
    with Meter(sys.stderr) as meter:
        target.prepare(course, meter.show)


@contextmanager
def found_target(
    name: str, course: Course, env: Mapping[str, str], *, holder: str, needs: Collection[str]
) -> Iterator[SandboxTarget]:
    """A target on a sandbox that is running already, nothing of it changed. needs: as above. Problem."""
    kit = installed(env)
    with _told():
        # an engine that is gone is for the steps to tell, as an ERROR
        sandbox = machine.attach(name, env, engine=False)
        with (
            sandbox.hold(holder, remedy=AGAIN),
            closing(SandboxTarget(sandbox, course, check_folders(course), tools=kit, needs=needs)) as target,
        ):
            yield target


@contextmanager
def _told() -> Iterator[None]:
    """The sandbox's errors as the user's."""
    try:
        yield
    except (SandboxError, TargetError) as error:
        raise Problem(str(error), status=ExitStatus.TARGET, remedy=error.remedy) from error


@contextmanager
def removed_afterwards(name: str, env: Mapping[str, str]) -> Iterator[None]:
    """For a command that resets the sandbox: one that is there already is somebody's and is refused. Problem."""
    state = machine.status(name, env).state
    if state != "absent":
        raise Problem(
            f"there is a sandbox '{name}' already, and this command would empty it",
            status=ExitStatus.USAGE,
            remedy=f"Give another name with --sandbox, or remove it: `labrunner sandbox down --sandbox {name}`",
        )
    try:
        yield
    finally:
        machine.down(name, env)


def remember(name: str, course: Course, values: Mapping[str, str], env: Mapping[str, str]) -> None:
    """Keep the values of a run with its sandbox, so that `check` asks about the same registry. No secrets."""
    secret = {variable.name for variable in course.variables if variable.secret}
    derived = {variable.name for variable in course.variables if variable.value}
    kept = {key: value for key, value in values.items() if key not in secret | derived}
    file = _memory(name, env)
    new = file.with_suffix(".new")
    new.write_text(json.dumps({"course": course.id, "values": kept}), encoding="utf-8")
    new.replace(file)


def remembered(name: str, course: Course, env: Mapping[str, str]) -> dict[str, str]:
    """The values of the last run of this course in this sandbox."""
    try:
        memory = json.loads(_memory(name, env).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    known = {variable.name for variable in course.variables}
    match memory:
        case {"course": course.id, "values": dict(values)}:
            return {key: value for key, value in values.items() if key in known and isinstance(value, str)}
    return {}  # of another course, or damaged


def _memory(name: str, env: Mapping[str, str]) -> Path:
    return Path(places.sandbox_dir(env, name)) / "last-run.json"
