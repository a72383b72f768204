"""`labrunner doctor`: what this machine has and lacks for the labs. Quick, needs no network and changes nothing.

It works before anything is installed, with the standard library alone: what the course asks for is left open then.
"""

import json
import os
import platform
import shlex
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from labrunner import places
from labrunner.cli import Problem
from labrunner.content.find import CourseNotFoundError, find_course
from labrunner.engine.outcomes import ExitStatus
from labrunner.model import Course

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.sandbox.fitness import Finding

__all__ = ["arguments", "run"]

_WIDTHS = (7, 14)
_TARGET = "sandbox"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--target", choices=[_TARGET], default=_TARGET, help="where the labs are to run")
    parser.add_argument("--course", metavar="PATH", help="a course folder (default: the bundled course)")
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--fix", action="store_true", help="fetch now what the first run would fetch")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Say it: 0 when nothing is missing, 4 otherwise. Raises Problem."""
    course = _course(args.course, env)
    findings, needs = _look(course, args, env)
    if args.fix and not _missing(findings):
        _fetch(env, needs)
        findings, needs = _look(course, args, env)
    missing = _missing(findings)
    sys.stdout.write(_as_json(findings, args.target, course, needs) if args.json else _as_text(findings, env))
    sys.stdout.flush()
    sys.stderr.write(
        f"{missing} thing{'' if missing == 1 else 's'} missing. Nothing was changed.\n"
        if missing
        else "This machine has what the labs need.\n"
    )
    return int(ExitStatus.TARGET if missing else ExitStatus.PASSED)


def _missing(findings: "Iterable[Finding]") -> int:
    return sum(finding.state == "missing" for finding in findings)


def _course(path: str | None, env: Mapping[str, str]) -> Course | None:
    """The course, with what it has by default; None while the libraries that read it are not there. Raises Problem."""
    from labrunner.content.load import load

    try:
        folder = find_course(path)
        loaded = load(folder, cache=places.cache_dir(env), keep=False)
    except CourseNotFoundError as error:
        raise Problem(str(error), status=ExitStatus.USAGE) from error
    except ModuleNotFoundError as error:
        if (error.name or "labrunner").startswith("labrunner"):
            raise
        return None
    except RuntimeError as error:
        from labrunner.content.files import LibyamlMissingError

        if not isinstance(error, LibyamlMissingError):
            raise
        raise Problem(str(error), status=ExitStatus.TARGET) from error
    if loaded.course is None:
        raise Problem(
            f"the course in {folder} is invalid", status=ExitStatus.COURSE, remedy=f"See `labrunner lint {folder}`."
        )
    from labrunner.cli.opening import known_course

    return known_course(loaded.course, _TARGET, {})


def _look(course: Course | None, args: Namespace, env: Mapping[str, str]) -> "tuple[list[Finding], list[str]]":
    """The findings, and what the course's labs need of the target."""
    from labrunner.sandbox import preflight
    from labrunner.sandbox.preflight import Machine

    if (system := platform.system()) != "Linux":  # nothing else can be asked of it
        from labrunner.sandbox.fitness import machine_findings

        return machine_findings(Machine(system=system), install=True), []
    from labrunner.sandbox import fitness

    needs = sorted({need for lab in course.labs for need in lab.needs}) if course else list(fitness.NEEDS)
    facts = preflight.look([places.cache_dir(env), places.state_dir(env)])
    found = fitness.machine_findings(facts, install=course is None or not fitness.is_installed(env, needs))
    found.append(fitness.terminal_finding(_terminal_size()))
    found += fitness.installation_findings(
        env, needs, fetch=_fetch_line(args, env) if course else "make doctor ARGS=--fix"
    )
    found += fitness.course_findings(course) if course else [_unread()]
    return found, needs


def _fetch_line(args: Namespace, env: Mapping[str, str]) -> str:
    """What this user can type to have it fetched."""
    course = ["--course", shlex.quote(args.course)] if args.course else []
    from labrunner.ui.program import program

    return " ".join([program(env), "doctor", "--fix", *course])


def _unread() -> "Finding":
    from labrunner.sandbox.fitness import Finding, State

    return Finding(
        about="course",
        state=State.NOTE,
        says="labrunner's own libraries are not installed yet, so that no course can be read.",
        remedy="`make setup` installs them, and so does `make lab`.",
    )


def _terminal_size() -> tuple[int, int] | None:
    """Columns and lines of the terminal that the learner sits at, also when our output goes elsewhere."""
    for descriptor in (1, 2, 0):
        try:
            size = os.get_terminal_size(descriptor)
        except OSError:
            continue
        if size.columns > 0 and size.lines > 0:
            return size.columns, size.lines
    return None


def _fetch(env: Mapping[str, str], needs: Sequence[str]) -> None:
    """Have in the cache what labs need. Raises Problem."""
    from labrunner.sandbox import azure_cli, tools
    from labrunner.sandbox.progress import Meter

    try:
        with Meter(sys.stderr) as meter:
            tools.ensure(env, meter.show)
            if "azure" in needs:
                azure_cli.ensure(env, meter.show)
    except tools.ToolsError as error:
        raise Problem(str(error), status=ExitStatus.TARGET, remedy=error.remedy) from error


def _as_text(findings: "Iterable[Finding]", env: Mapping[str, str]) -> str:
    """One line for each finding; on a terminal folded, further lines under the first."""
    width = 0
    if sys.stdout.isatty():
        from labrunner.ui.stream import columns_of

        width = columns_of(sys.stdout, env)
    indent = " " * (sum(_WIDTHS) + 4)
    lines = []
    for finding in findings:
        head = f"{finding.state:<{_WIDTHS[0]}}  {finding.about:<{_WIDTHS[1]}}  "
        text = f"{finding.says} {finding.remedy}".strip()
        if width > 2 * len(indent):
            lines += wrap(head + text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        else:
            lines.append(head + text)
    return "\n".join(lines) + "\n"


def _as_json(findings: "Sequence[Finding]", target: str, course: Course | None, needs: Sequence[str]) -> str:
    told = [
        {"about": each.about, "state": str(each.state), "says": each.says, "remedy": each.remedy or None}
        for each in findings
    ]
    about = {"target": target, "course": course.id if course else None, "needs": needs, "ok": not _missing(findings)}
    return json.dumps({**about, "findings": told}, indent=2, ensure_ascii=False) + "\n"
