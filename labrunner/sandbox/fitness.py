"""What a machine has of what labs need, finding by finding, for `labrunner doctor`.

The probes and the words of what is missing are those by which a run is refused (`sandbox.preflight`): the two cannot
disagree. Nothing is fetched, started or changed, and no network is asked.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from labrunner.model import Course
from labrunner.places import tools_dir
from labrunner.sandbox import azure_cli, tools
from labrunner.sandbox.preflight import GIGABYTE, KERNEL, PYTHON, Machine, Problem, dotted, problems, shortages

__all__ = [
    "COLUMNS",
    "LINES",
    "NEEDS",
    "Finding",
    "State",
    "course_findings",
    "installation_findings",
    "is_installed",
    "machine_findings",
    "terminal_finding",
]

NEEDS = ("azure", "docker-engine", "remote-host")
"""What labs can ask of the sandbox."""

COLUMNS, LINES = 80, 24
"""What the course's tables and texts are laid out for."""

_TOOLS_MB, _AZURE_MB = 115, 55
"""What is downloaded: Debian 12's packages and the lists of them; the wheels of azure-cli 2.86.0 for Python 3.11."""


class State(StrEnum):
    """OK: it is there. NOTE: labs run, and there is something to know. MISSING: a run is refused, or likely to fail."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. about: one word for it. says: what was found. remedy: what to do next."""

    about: str
    state: State = State.OK
    says: str
    remedy: str = ""


def machine_findings(machine: Machine, *, install: bool) -> list[Finding]:
    """The machine itself; of another system than Linux that alone. install: something is still to be fetched."""
    wrong = [*problems(machine, engine=True, install=install), *shortages(machine)]
    if machine.system != "Linux":
        return [_missing(problem) for problem in wrong if problem.about == "system"]
    found = []
    for about, says in _there(machine, install=install):
        mine = [_missing(problem) for problem in wrong if problem.about == about]
        found += mine or [Finding(about=about, says=text) for text in says]
    return found


def _missing(problem: Problem) -> Finding:
    return Finding(about=problem.about, state=State.MISSING, says=problem.what, remedy=problem.remedy)


def _there(machine: Machine, *, install: bool) -> list[tuple[str, Sequence[str]]]:
    """Everything that is looked at, with what to say where nothing is wrong."""
    found: list[tuple[str, Sequence[str]]] = [
        ("system", [f"{machine.system} on {machine.architecture}."]),
        ("kernel", [f"Linux {machine.kernel} ({dotted(KERNEL)} or later is needed)."]),
        ("python", [f"Python {dotted(machine.python)} ({dotted(PYTHON)} or later is needed)."]),
        ("root", ["You are root, and a private network, mounts and processes can be made here."]),
        ("control-groups", ["The kernel has control groups."]),
        ("terminals", ["Pseudo-terminals can be opened, for the shell of a lab."]),
        ("programs", ["bash, mount and util-linux are here."]),
    ]
    if install:
        found += [
            ("packages", ["apt-get and dpkg are here, to fetch the tools with."]),
            ("venv", ["Python can make virtual environments."]),
        ]
    disks = [f"{free / GIGABYTE:.1f} GB are free where {folder} lies." for folder, free in machine.free.items()]
    memory = [f"{machine.memory / GIGABYTE:.1f} GB are free."] if machine.memory >= 0 else []
    return [*found, ("disk", disks), ("memory", memory)]


def terminal_finding(size: tuple[int, int] | None) -> Finding:
    """size: columns and lines of the terminal; None: there is none."""
    if size is None:
        return Finding(about="terminal", says="None here: a run asks nothing then, and goes through all steps.")
    columns, lines = size
    says = f"{columns} columns and {lines} lines."
    if columns >= COLUMNS and lines >= LINES:
        return Finding(about="terminal", says=says)
    return Finding(
        about="terminal",
        state=State.NOTE,
        says=f"{says} Labs work, but tables are hard to read.",
        remedy=f"Make the window larger: {COLUMNS} columns and {LINES} lines or more.",
    )


def is_installed(env: Mapping[str, str], needs: Collection[str]) -> bool:
    """Whether all that labs with these needs ask for is in the cache."""
    return tools.ready(env) is not None and ("azure" not in needs or azure_cli.ready(env) is not None)


def installation_findings(env: Mapping[str, str], needs: Collection[str], *, fetch: str) -> list[Finding]:
    """What is in the cache, and how much is still to be fetched. fetch: a line that fetches it, to be typed."""
    later = f"The first run fetches it, from this machine's own sources; `{fetch}` does so now."
    where = tools_dir(env)
    engine = "The Docker Engine, git, curl, jq and more"
    found = [
        Finding(about="tools", says=f"{engine} are in {where}.")
        if tools.ready(env)
        else Finding(
            about="tools", state=State.NOTE, says=f"{engine} are to be fetched: about {_TOOLS_MB} MB.", remedy=later
        )
    ]
    if "azure" in needs:
        cli = f"azure-cli {azure_cli.VERSION}"
        found.append(
            Finding(about="az", says=f"{cli} is in {where}.")
            if azure_cli.ready(env)
            else Finding(
                about="az", state=State.NOTE, says=f"{cli} is to be fetched: about {_AZURE_MB} MB.", remedy=later
            )
        )
    return found


def course_findings(course: Course) -> list[Finding]:
    """What the course asks for and the sandbox brings along. course: with its values filled in."""
    found = [Finding(about="course", says=f"{course.title}: {len(course.labs)} labs.")]
    wanted: dict[str, list[str]] = {}
    for lab in course.labs:
        for need in lab.needs:
            wanted.setdefault(need, []).append(lab.name)
    brought = {
        "docker-engine": "The sandbox brings a Docker Engine of its own: none need be installed or running here",
        "azure": "The sandbox brings a signed-in az and a local Azure: no account and no network are needed",
        "remote-host": "The sandbox brings a second machine, which `ssh user@remote-host` reaches: none need be there",
    }
    for need, labs in sorted(wanted.items()):
        who = f"{need} (wanted by {', '.join(labs)})"
        if need in NEEDS:
            found.append(Finding(about=need, says=f"{brought[need]}. Wanted by {', '.join(labs)}."))
        else:
            remedy = "Use a labrunner that has it, or another course."
            found.append(Finding(about=need, state=State.MISSING, says=f"The sandbox has no {who}.", remedy=remedy))
    if course.azure is not None and (names := [registry.name for registry in course.azure.registries]):
        found.append(Finding(about="registry", says=f"Made in the local Azure when a run starts: {', '.join(names)}."))
    if images := [name for image in course.images for name in image.names]:
        says = f"Stand-ins, made in the sandbox when a run starts: {', '.join(images)}."
        found.append(Finding(about="images", says=says))
    return found
