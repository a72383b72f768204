"""What `run`, `check` and `prove` do first: the course, whether it may run, the plan, the values, the session."""

import json
import os
import secrets
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from labrunner import places
from labrunner.cli import Problem
from labrunner.content.files import LibyamlMissingError
from labrunner.content.find import CourseNotFoundError, checks_folder, find_course
from labrunner.content.load import load
from labrunner.engine.outcomes import ExitStatus
from labrunner.engine.plan import Plan, SelectionError, select
from labrunner.model import Course, Variable

if TYPE_CHECKING:  # status, hint and others only open the course: they do not wait for what runs it
    from labrunner.engine.policy import Policy
    from labrunner.engine.runner import Conduct
    from labrunner.engine.session import Session
    from labrunner.record.book import Book
    from labrunner.record.left import Left
    from labrunner.targets.protocol import Target

__all__ = [
    "carry_out",
    "check_folders",
    "course_arguments",
    "fill_course",
    "given_values",
    "known_course",
    "new_session",
    "open_course",
    "plan_of",
    "require_trust",
    "settle_values",
]


def course_arguments(parser: ArgumentParser) -> None:
    """The options that every command has which opens a course and a sandbox."""
    parser.add_argument(
        "labs",
        nargs="*",
        metavar="LAB[/STEP]",
        help="such as lab-2 or lab-2/tag-for-acr; default: all but the optional ones",
    )
    parser.add_argument("--course", metavar="PATH", help="a course folder (default: the bundled course)")
    parser.add_argument("--trust", action="store_true", help="run a course of somebody else without asking")
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=VALUE", help="set a variable of the course; may be repeated"
    )


def open_course(path: str | None, env: Mapping[str, str]) -> Course:
    """The course, or a Problem that shows every diagnostic."""
    try:
        folder = find_course(path)
    except CourseNotFoundError as error:
        raise Problem(str(error), status=ExitStatus.USAGE) from error
    try:
        loaded = load(folder, cache=places.cache_dir(env))
    except LibyamlMissingError as error:
        raise Problem(str(error), status=ExitStatus.TARGET) from error
    if loaded.course is None:
        for diagnostic in loaded.diagnostics:
            sys.stderr.write(f"{diagnostic}\n")
        raise Problem(
            f"the course in {folder} is invalid",
            status=ExitStatus.COURSE,
            remedy=f"Mend what is listed above; `labrunner lint {folder}` shows it again.",
        )
    return loaded.course


def check_folders(course: Course) -> tuple[str, ...]:
    """Where the check kinds are: the bundled ones, and the course's own."""
    own = Path(course.path) / "checks"
    return (checks_folder(), str(own)) if own.is_dir() else (checks_folder(),)


def require_trust(
    course: Course, env: Mapping[str, str], *, trusted: bool, confirm: Callable[[str, str, str], bool] | None
) -> None:
    """A course is code: one that is not bundled runs only when the user has agreed to this very content.

    confirm(title, path, digest) asks at a terminal; None: nobody can be asked. Raises Problem.
    """
    if Path(course.path).parent == Path(checks_folder()).parent / "labs":
        return
    file = Path(places.state_dir(env)) / "trusted-courses.json"
    known = _trusted(file)
    if course.digest in known:
        return
    if not trusted and (confirm is None or not confirm(course.title, course.path, course.digest)):
        raise Problem(
            f"the course in {course.path} is not trusted: its commands would run on this machine",
            status=ExitStatus.USAGE,
            remedy="Read its files, then run the same command with --trust.",
        )
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.write_text(json.dumps(sorted({*known, course.digest})), encoding="utf-8")
    new.replace(file)


def _trusted(file: Path) -> set[str]:
    try:
        return set(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return set()  # none yet, or unreadable: no trust, so the user is asked


def plan_of(course: Course, selectors: Sequence[str]) -> Plan:
    """What the selectors name, or a Problem."""
    try:
        return select(course, selectors)
    except SelectionError as error:
        raise Problem(str(error), status=ExitStatus.USAGE) from error


def settle_values(
    course: Course,
    target: "Target",
    args: Namespace,
    *,
    remembered: Mapping[str, str] | None = None,
    ask: Callable[[Variable, str], str] | None = None,
) -> dict[str, str]:
    """The value of every variable of the course. Raises Problem."""
    from labrunner.content.variables import VariableError, resolve

    given = {**(remembered or {}), **given_values(course, args)}
    try:
        return resolve(course, target=target.name, given=given, known=target.values(), ask=ask)
    except VariableError as error:
        raise Problem(str(error), status=ExitStatus.USAGE) from error


def given_values(course: Course, args: Namespace) -> dict[str, str]:
    """What `--var` says, where the course accepts it. Raises Problem."""
    from labrunner.content.variables import problem as refusal
    from labrunner.content.variables import unknown_variable

    known = {variable.name: variable for variable in course.variables}
    given = {}
    for assignment in args.var:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise Problem(f"--var takes NAME=VALUE, not '{assignment}'", status=ExitStatus.USAGE)
        refused = refusal(known[name], value) if name in known else unknown_variable(name, known)
        if refused is not None:
            raise Problem(refused, status=ExitStatus.USAGE)
        given[name] = value
    return given


def fill_course(course: Course, values: Mapping[str, str]) -> Course:
    """The course as this learner sees it: every `@{NAME}` filled in."""
    from labrunner.content.variables import fill_in

    return fill_in(course, values) if values else course


def known_course(course: Course, target: str, given: Mapping[str, str]) -> Course:
    """The course filled in without asking anybody; where that cannot be, with nothing in its local Azure."""
    from labrunner.content.variables import VariableError, resolve

    try:
        return fill_course(course, resolve(course, target=target, given=given, known={}, ask=None))
    except VariableError:
        return replace(course, azure=None)


def new_session(
    course: Course,
    values: Mapping[str, str],
    target: "Target",
    policy: "Policy",
    env: Mapping[str, str],
    *,
    resume: str = "",
    keeps_shell: bool = False,
) -> "Session":
    """A session in `course` (filled in), with a transcript of its own, and secrets that will not be shown.

    resume: the id of a session to go on with, instead of a new one. keeps_shell: a later run may go on with it.
    """
    from labrunner.engine.session import Session
    from labrunner.record.redaction import Redactor
    from labrunner.record.snapshots import Snapshots
    from labrunner.record.transcript import Transcript, utc_clock

    identity = resume or f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    folder = os.path.join(places.sessions_dir(env), identity)  # noqa: PTH118 - places are text
    redactor = Redactor(source=target.secrets)
    for variable in course.variables:
        if variable.secret and values.get(variable.name):
            redactor.add(values[variable.name])
    with _disk():
        transcript = Transcript(f"{folder}/transcript.jsonl", now=utc_clock(), going_on=bool(resume))
    return Session(
        id=identity,
        target=target,
        policy=policy,
        transcript=transcript,
        redactor=redactor,
        values=dict(values),
        course_path=course.path,
        problems=course.problems,
        snapshots=Snapshots(folder) if keeps_shell else None,
    )


def carry_out(
    session: "Session",
    course: Course,
    plan: Plan,
    conduct: "Conduct",
    *,
    selectors: Sequence[str] = (),
    left: "Left | None" = None,
    book: "Book | None" = None,
) -> ExitStatus:
    """Run the plan (see `engine.runner.Runner`); the transcript is whole and closed afterwards. Raises Problem."""
    from labrunner.engine.runner import Runner

    runner = Runner(
        session=session,
        course=course,
        plan=plan,
        conduct=conduct,
        selectors=tuple(selectors),
        left=left,
        book=book,
    )
    with _disk():
        try:
            return runner.run()
        finally:
            session.transcript.close()


@contextmanager
def _disk() -> Iterator[None]:
    from labrunner.record.transcript import TranscriptError

    try:
        yield
    except TranscriptError as error:
        raise Problem(
            str(error), status=ExitStatus.TARGET, remedy="Free some disk space, or see whose folder that is."
        ) from error
