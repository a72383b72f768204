"""`labrunner status`: what is done, where the next run goes on."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from labrunner.cli.sessions import Held
    from labrunner.model import Course
    from labrunner.sandbox.machine import Status


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    from labrunner.cli.sessions import session_arguments

    session_arguments(parser)
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(args: Namespace, env: Mapping[str, str]) -> int:
    """Show it; nothing is changed. Raises Problem."""
    from labrunner.cli.opening import open_course
    from labrunner.cli.options import typed
    from labrunner.cli.sessions import held
    from labrunner.cli.telling import tell
    from labrunner.sandbox import machine

    course = open_course(args.course, env)
    sessions = list(held(args.sandbox, course, env))
    labs = _labs(course, sessions)
    state = machine.status(args.sandbox, env)
    next_step = _next(course, sessions)
    if args.json:
        about = {"sandbox": args.sandbox, "state": state.state, "in_use_by": state.holder or None}
        sys.stdout.write(json.dumps({**about, "labs": labs, "next": next_step}, indent=2, ensure_ascii=False) + "\n")
        return 0
    line = typed(args, env)
    if labs or next_step or state.state != "broken":
        tell(_as_text(course, labs, next_step, line), sys.stdout)
    else:
        tell("Nothing has been begun.", sys.stdout)  # and nothing can be, in a sandbox of somebody else
    if said := _about(state, line):
        tell(said)
    return 0


def _about(state: "Status", line: "Callable[[str], str]") -> str:
    """Who uses the sandbox; of one that is not well whether a run brings it back, or what does. Mostly nothing."""
    from labrunner.sandbox.running import remedy_up

    well = state.state in ("running", "absent")
    a_run_helps = state.remedy in ("", remedy_up(state.name))
    if state.holder and (well or a_run_helps):
        return f"The sandbox '{state.name}' is in use by {state.holder}."
    if well:
        return ""
    said = state.detail or f"the sandbox '{state.name}' {_STATES.get(state.state, 'is not well')}"
    brings = f"`{line('run')}` brings it back." if a_run_helps else state.remedy
    return f"{said[:1].upper()}{said[1:]}. {brings}"


def _labs(course: "Course", sessions: "Iterable[Held]") -> "list[dict[str, Any]]":
    """The labs that were begun, each step with how it ended in the newest session that has it."""
    outcomes: dict[tuple[str, str], str] = {}
    for session in sessions:
        for place, step in session.left.steps.items():
            outcomes.setdefault(place, str(step.outcome) if step.outcome else "not_run")
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
    from labrunner.cli.sessions import under_way

    for session in under_way(sessions, course):
        place = session.current(course)
        assert place is not None
        left = session.left.steps.get(place)
        running = left.stopped_run if left is not None and left.uncertain else None
        lab = next(lab for lab in course.labs if lab.id == place[0])
        return {"lab": lab.id, "name": lab.name, "step": place[1], "interrupted": running}
    return None


def _as_text(
    course: "Course", labs: "list[dict[str, Any]]", following: "dict[str, Any] | None", line: "Callable[[str], str]"
) -> str:
    if not labs and following is None:
        return f"Nothing has been begun. `{line('list')}` shows the labs, `{line('run LAB')}` begins one."
    lines = [course.title]
    for lab in labs:
        done = sum(step["outcome"] == "passed" for step in lab["steps"])
        lines += ["", f"{lab['name']}: {lab['title']} ({done} of {len(lab['steps'])} steps passed)"]
        lines += [f"  {_WORDS[step['outcome']]:<8} {step['id']}" for step in lab["steps"]]
    lines.append("")
    if following is not None:
        lines.append(f"`{line('run')}` goes on with {following['name']}/{following['step']}.")
        if following["interrupted"]:
            lines.append(f"This command was interrupted there: {following['interrupted']}")
    else:
        if any(step["outcome"] in ("failed", "error", "skipped") for lab in labs for step in lab["steps"]):
            lines.append(f"Nothing is under way; `{line('goto LAB/STEP')}` takes up what has not passed.")
        else:
            lines.append("All that was begun is done.")
        lines.append(f"`{line('finish')}` removes what the labs have made.")
    return "\n".join(lines)


_STATES = {
    "stopped": "is stopped, and its data is kept",
    "older": "was started by another version of labrunner",
}
_WORDS = {"passed": "passed", "failed": "FAILED", "error": "ERROR", "skipped": "skipped", "not_run": "-"}
