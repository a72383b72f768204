"""`labrunner status`: what is done, where the next run goes on."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from labrunner.cli.sessions import Held
    from labrunner.model import Course


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.sessions import session_arguments

    session_arguments(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Show it; nothing is changed. Raises Problem."""
    from labrunner.cli.opening import open_course
    from labrunner.cli.sessions import held
    from labrunner.sandbox import machine

    course = open_course(args.course, env)
    sessions = list(held(args.sandbox, course, env))
    labs = _labs(course, sessions)
    state = machine.status(args.sandbox, env)
    next_step = _next(course, sessions)
    if args.json:
        about = {"sandbox": args.sandbox, "state": state.state, "labs": labs, "next": next_step}
        sys.stdout.write(json.dumps(about, indent=2, ensure_ascii=False) + "\n")
        return 0
    sys.stdout.write(_as_text(course, labs, next_step))
    if state.state not in ("running", "absent"):
        sys.stderr.write(f"The sandbox '{args.sandbox}' is {state.state}; `labrunner run` brings it back.\n")
    return 0


def _labs(course: "Course", sessions: "Iterable[Held]") -> "list[dict[str, Any]]":
    """The labs that were begun, each step with how it ended in the newest session that has it."""
    outcomes: dict[tuple[str, str], str] = {}
    for session in sessions:
        for place, step in session.left.steps.items():
            outcome = step.outcome
            outcomes.setdefault(place, str(outcome) if outcome else "not_run")
    begun = {lab for lab, _ in outcomes}
    return [
        {
            "id": lab.id,
            "name": lab.name,
            "title": lab.title,
            "steps": [
                {"id": step.id, "title": step.title, "outcome": outcomes.get((lab.id, step.id), "not_run")}
                for step in lab.steps
            ],
        }
        for lab in course.labs
        if lab.id in begun
    ]


def _next(course: "Course", sessions: "Iterable[Held]") -> "dict[str, Any] | None":
    """Where `labrunner run` goes on."""
    for session in sessions:
        place = session.current()
        if place is None:
            continue
        left = session.left.steps.get(place)
        running = left.stopped_run if left is not None and left.uncertain else None
        lab = next((lab for lab in course.labs if lab.id == place[0]), None)
        if lab is not None and any(step.id == place[1] for step in lab.steps):
            return {"lab": lab.id, "name": lab.name, "step": place[1], "interrupted": running}
    return None


def _as_text(course: "Course", labs: "list[dict[str, Any]]", following: "dict[str, Any] | None") -> str:
    if not labs:
        return "Nothing has been begun. `labrunner list` shows the labs, `labrunner run LAB` begins one.\n"
    lines = [course.title]
    for lab in labs:
        done = sum(step["outcome"] == "passed" for step in lab["steps"])
        lines += ["", f"{lab['name']}: {lab['title']} ({done} of {len(lab['steps'])} steps passed)"]
        lines += [f"  {_WORDS[step['outcome']]:<8} {step['id']}" for step in lab["steps"]]
    lines.append("")
    if following is None:
        lines.append("All that was begun is done. `labrunner finish` removes what the labs have made.")
    else:
        lines.append(f"`labrunner run` goes on with {following['name']}/{following['step']}.")
        if following["interrupted"]:
            lines.append(f"This command was interrupted there: {following['interrupted']}")
    return "\n".join(lines) + "\n"


_WORDS = {"passed": "passed", "failed": "FAILED", "error": "ERROR", "skipped": "skipped", "not_run": "-"}
