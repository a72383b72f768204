"""What a passing, a failing and an erroring run look like, and one in which the learner tries things: plain,
guided, guided in accessible mode, narrow."""

import io
from collections.abc import Callable, Sequence
from dataclasses import replace

import pyte
import pytest

from labrunner.engine.policy import Moment, Move, Point
from labrunner.model import (
    Check,
    Command,
    Course,
    Erratum,
    Hint,
    Lab,
    Mistake,
    Notice,
    Outcome,
    Question,
    Step,
)
from labrunner.record import events
from labrunner.ui.guide import Guide
from labrunner.ui.plain import Plain

Golden = Callable[[str, str], None]

SERVER = "progressacr12345678.azurecr.io"
LIST = Command(run="docker images mywebapi", ref="L2.S1.C2", says="List one repository.")
TAG = Command(
    run=f"docker tag mywebapi:latest {SERVER}/mywebapi:1.0.0 && docker image inspect {SERVER}/mywebapi:1.0.0",
    written="docker tag mywebapi $SERVER/mywebapi:1.0.0",
    ref="L2.S2.C5",
    says="Point a second name at the image.",
)
STEP_1 = Step(
    id="list-local-images",
    title="List Local Images",
    text="See what you have.\n\n| Column | Meaning |\n|---|---|\n| TAG | which one |\n\n```bash\ndocker images\n```\n",
    commands=(LIST,),
    notices=(Notice(kind="cost", text="Nothing here costs money: `docker` is local.", source="the sandbox"),),
    questions=(
        Question(
            id="q", text="How many images are there?", choices=("One", "Two"), answer="One", explanation="Two names."
        ),
    ),
)
STEP_2 = Step(
    id="tag-for-acr",
    title="Tag Image for ACR",
    text="A tag is a **pointer**, not a copy.\n\n1. First one thing.\n2. Then the [other](https://example.org).",
    commands=(TAG,),
    checks=(Check(kind="docker.same-image"),),
    hints=(
        Hint(text="Look at the name, and at $VERSION."),
        Hint(text=f"docker tag mywebapi:latest {SERVER}/mywebapi:1.0.0"),
    ),
    mistakes=(Mistake(when=("No such image",), text="The first name is not on this machine. See: docker images."),),
    errata=("E25", "E42"),
)
LAB = Lab(
    id="tag-images",
    name="lab-2",
    title="Tagging Images for ACR",
    text="## Before you start\n\nAn image's name says where it belongs, and *all of this* happens here.",
    minutes=10,
    steps=(STEP_1, STEP_2),
)
COURSE = Course(
    id="acr-images",
    title="Working with Container Images in ACR",
    text="Push, pull and manage images.",
    labs=(LAB,),
    errata=(
        Erratum(
            id="E25",
            where="Lab 2, Step 2 (Tag with version)",
            ref=("L2.S2.C5",),
            says="docker tag mywebapi $SERVER/mywebapi:1.0.0",
            wrong="SERVER is never set.",
            correction="Write the login server.",
            source="Tried with Docker CLI 20.10",
        ),
        Erratum(
            id="E42",
            where="Lab 2, Step 2 (the expected table)",
            ref=("L2.S2",),
            says="The order 1.0.0, latest",
            wrong="Docker sorts by name.",
            correction="Only the set matters.",
            source="Tried",
        ),
    ),
)

FORWARD = (Move.RUN, Move.HINT, Move.SKIP, Move.QUIT)
AFTER_FAILURE = (Move.RETRY, Move.RESTART, Move.HINT, Move.SKIP, Move.QUIT)
TABLE = """REPOSITORY   TAG       IMAGE ID       CREATED         SIZE
mywebapi     1.0       5f70bf18a086   2 minutes ago   2.1MB
mywebapi     latest    5f70bf18a086   2 minutes ago   2.1MB
"""

Happening = events.Event | Moment


def session() -> list[Happening]:
    steps = [{"id": step.id, "ref": [], "title": step.title} for step in LAB.steps]
    return [
        events.SessionStarted(
            session="s1",
            mode="guided",
            course=COURSE.id,
            course_title=COURSE.title,
            course_digest="0" * 64,
            target="sandbox",
            started="2026-11-23T06:00:00+00:00",
            tools={"docker": "20.10.24", "bash": "5.2.15"},
            plan=({"id": LAB.id, "title": LAB.title, "steps": steps},),
        ),
        events.LabStarted(lab=LAB.id, title=LAB.title),
    ]


def start(step: Step) -> list[Happening]:
    number = LAB.steps.index(step) + 1
    return [
        Moment(point=Point.STEP, moves=FORWARD if step.hints else (Move.RUN, Move.SKIP, Move.QUIT), lab=LAB, step=step),
        events.StepStarted(lab=LAB.id, step=step.id, title=step.title, attempt=1, number=number, count=2),
    ]


def ask(step: Step, command: Command, *, hints: int = 0) -> Moment:
    moves = tuple(move for move in FORWARD if move is not Move.HINT or hints < len(step.hints))
    return Moment(
        point=Point.COMMAND, moves=moves, lab=LAB, step=step, command=command, text=command.run, hints_shown=hints
    )


def ran(
    step: Step, command: Command, output: str, *, status: int = 0, explanation: Sequence[str] = ()
) -> list[Happening]:
    return [
        events.CommandStarted(lab=LAB.id, step=step.id, ref=command.ref, run=command.run, host="local"),
        *([events.OutputArrived(data=output.replace("\n", "\r\n"))] if output else []),
        events.CommandEnded(
            lab=LAB.id,
            step=step.id,
            number=0,
            ref=command.ref,
            run=command.run,
            exit_status=status,
            end="exited",
            outcome=Outcome.FAILED if explanation else Outcome.PASSED,
            seconds=0.32,
            output=output,
            explanation=tuple(explanation),
        ),
    ]


def checked(step: Step, outcome: Outcome, message: str) -> list[Happening]:
    waiting = events.CheckWaiting(
        lab=LAB.id, step=step.id, kind="docker.same-image", message=f"{SERVER}/mywebapi:1.0.0 is not there"
    )
    return [
        *([waiting, waiting] if outcome is not Outcome.ERROR else []),
        events.CheckEnded(
            lab=LAB.id,
            step=step.id,
            number=0,
            kind="docker.same-image",
            after=None,
            outcome=outcome,
            message=message,
            seconds=1.2,
        ),
    ]


def ended(step: Step, outcome: Outcome, *, reason: str | None = None, attempts: int = 1) -> events.StepEnded:
    return events.StepEnded(
        lab=LAB.id, step=step.id, outcome=outcome, seconds=1.6, attempts=attempts, hints=0, reason=reason
    )


def close(status: int, **totals: int) -> list[Happening]:
    return [
        events.LedgerEntry(kind="image-tag", thing=f"{SERVER}/mywebapi:1.0.0", id="sha256:5f70"),
        events.SessionEnded(
            seconds=75.2,
            status=status,
            totals={"passed": 0, "failed": 0, "error": 0, "skipped": 0, "not_run": 0, **totals},
        ),
    ]


def first_step() -> list[Happening]:
    return [*start(STEP_1), ask(STEP_1, LIST), *ran(STEP_1, LIST, TABLE), ended(STEP_1, Outcome.PASSED)]


SAME = f"mywebapi:latest and {SERVER}/mywebapi:1.0.0 are one image (5f70bf18a086)."


def passing() -> tuple[list[Happening], str]:
    return [
        *session(),
        *first_step(),
        *start(STEP_2),
        events.Prepared(lab=LAB.id, step=STEP_2.id, text="The images of Lab 3 are in the registry.", seconds=1.4),
        ask(STEP_2, TAG),
        events.CarriedOver(lab=LAB.id, step=STEP_2.id, runs=("VERSION=1.0.0",)),
        *ran(STEP_2, TAG, ""),
        *checked(STEP_2, Outcome.PASSED, SAME),
        ended(STEP_2, Outcome.PASSED),
        *close(0, passed=2),
    ], "\n\n1\n\n\n"


def failing() -> tuple[list[Happening], str]:
    explanation = (
        "exit status 1, but 0 was expected",
        "",
        "expected  (no output)",
        "came      Error response from daemon: No such image",
    )
    reason = explanation[0]
    return [
        *session(),
        *first_step(),
        *start(STEP_2),
        ask(STEP_2, TAG),
        *ran(
            STEP_2,
            TAG,
            "Error response from daemon: No such image: mywebapi:latest\n",
            status=1,
            explanation=explanation,
        ),
        events.MistakeRecognised(lab=LAB.id, step=STEP_2.id, text=STEP_2.mistakes[0].text),
        Moment(point=Point.FAILED, moves=AFTER_FAILURE, lab=LAB, step=STEP_2, reason=reason, outcome=Outcome.FAILED),
        events.HintShown(lab=LAB.id, step=STEP_2.id, number=1, count=2, text=STEP_2.hints[0].text),
        Moment(
            point=Point.FAILED,
            moves=AFTER_FAILURE,
            lab=LAB,
            step=STEP_2,
            reason=reason,
            outcome=Outcome.FAILED,
            hints_shown=1,
        ),
        ask(STEP_2, TAG, hints=1),
        *ran(STEP_2, TAG, "\n".join(f"line {number}" for number in range(1, 61))),
        *checked(
            STEP_2, Outcome.FAILED, f"{SERVER}/mywebapi:1.0.0 is another image (77aa) than mywebapi:latest (5f70)."
        ),
        Moment(
            point=Point.FAILED, moves=AFTER_FAILURE[:2] + AFTER_FAILURE[3:], lab=LAB, step=STEP_2, reason="other image"
        ),
        ended(STEP_2, Outcome.FAILED, reason=f"{SERVER}/mywebapi:1.0.0 is another image.", attempts=2),
        *close(1, passed=1, failed=1),
    ], "\n\n2\n\n\nh\nr\nwhat\nq\n"


def tried(step: Step, run: str, output: str = "", *, status: int = 0) -> list[Happening]:
    place = {"lab": LAB.id, "step": step.id, "run": run}
    return [
        events.OwnCommandStarted(**place, host="local"),
        *([events.OutputArrived(data=output.replace("\n", "\r\n"))] if output else []),
        events.OwnCommandEnded(**place, exit_status=status, end="exited", seconds=0.1, output=output),
    ]


def trying() -> tuple[list[Happening], str]:
    """Commands of the learner's own, at each kind of question."""
    failed = Moment(
        point=Point.FAILED,
        moves=AFTER_FAILURE,
        lab=LAB,
        step=STEP_2,
        reason="exit status 1, but 0 was expected",
        outcome=Outcome.FAILED,
    )
    begin, *started = start(STEP_2)
    return [
        *session(),
        begin,
        *tried(STEP_2, "docker ps", "CONTAINER ID   IMAGE\n"),
        begin,
        *started,
        ask(STEP_2, TAG),
        *tried(STEP_2, "X=1"),
        ask(STEP_2, TAG),
        *tried(STEP_2, 'echo "$SERVER"', f"{SERVER}\n"),
        ask(STEP_2, TAG),
        *ran(STEP_2, TAG, "", status=1, explanation=("exit status 1, but 0 was expected",)),
        failed,
        *tried(STEP_2, "exit 3", "exit\n", status=3),
        failed,
        ended(STEP_2, Outcome.FAILED, reason="exit status 1, but 0 was expected"),
        *close(1, failed=1, not_run=1),
    ], '! docker ps\n\n! X=1\n!\necho "$SERVER"\n\npodman ps -a\n!exit 3\nq\n'


def erroring() -> tuple[list[Happening], str]:
    reason = "The engine does not answer on its socket. Run `labrunner sandbox reset`."
    return [
        *session(),
        *first_step(),
        *start(STEP_2),
        ask(STEP_2, TAG),
        *ran(STEP_2, TAG, ""),
        *checked(STEP_2, Outcome.ERROR, "The engine does not answer on its socket."),
        Moment(point=Point.FAILED, moves=AFTER_FAILURE, lab=LAB, step=STEP_2, reason=reason, outcome=Outcome.ERROR),
        ended(STEP_2, Outcome.ERROR, reason=reason),
        *close(4, passed=1, error=1),
    ], "\n\n\n\n\n"


class Terminal(io.StringIO):
    """Says that it is one; what it shows is for the terminal model to find out."""

    def isatty(self) -> bool:
        return True


class Echo(io.StringIO):
    """Answers, echoed as a terminal does."""

    def __init__(self, answers: str, out: io.StringIO) -> None:
        super().__init__(answers)
        self._out = out

    def readline(self, size: int | None = -1, /) -> str:
        line = super().readline()
        self._out.write(line)
        return line


def seen(text: str, *, columns: int = 80, lines: int = 300) -> str:
    """What a terminal shows of the text."""
    screen = pyte.Screen(columns, lines)
    screen.set_mode(pyte.modes.LNM)
    pyte.Stream(screen).feed(text)
    return "\n".join(line.rstrip() for line in screen.display).rstrip() + "\n"


def guided(case: tuple[list[Happening], str], *, columns: int = 80, accessible: bool = False) -> str:
    happenings, answers = case
    out = Terminal()
    env = {"TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": "300"}
    with Guide(Echo(answers, out), out, course=COURSE, env=env, accessible=accessible) as guide:
        for happening in happenings:
            if isinstance(happening, Moment):
                guide.decide(happening)
            else:
                guide.show(happening)
    if accessible:
        assert "\x1b" not in out.getvalue()
        assert "\r" not in out.getvalue().replace("\r\n", "\n")
        assert out.getvalue().isascii()
    return seen(out.getvalue(), columns=columns)


class Watched(io.StringIO):
    """Presses Enter (or types `answers` first) and keeps what a terminal of 80 x 24 shows at each question."""

    def __init__(self, answers: Sequence[str], out: io.StringIO) -> None:
        super().__init__()
        self.shown: list[str] = []
        self._answers = list(answers)
        self._out = out
        self._read = 0
        self._screen = pyte.Screen(80, 24)
        self._screen.set_mode(pyte.modes.LNM)
        self._stream = pyte.Stream(self._screen)

    def look(self) -> None:
        """Keep what is on the screen now."""
        text = self._out.getvalue()
        self._stream.feed(text[self._read :])
        self._read = len(text)
        self.shown.append("\n".join(line.rstrip() for line in self._screen.display))

    def readline(self, _size: int | None = -1, /) -> str:
        self.look()
        line = (self._answers.pop(0) if self._answers else "") + "\n"
        self._out.write(line)
        return line


def test_what_a_terminal_of_80_by_24_shows_at_each_question(golden: Golden) -> None:
    out = Terminal()
    watched = Watched(["", "", "", "", "", "w"], out)
    env = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    much = "\n\n".join(f"Paragraph {number} of the introduction." for number in range(1, 11))
    with Guide(watched, out, course=replace(COURSE, text=much), env=env) as guide:
        for happening in passing()[0]:
            if isinstance(happening, Moment):
                guide.decide(happening)
            else:
                guide.show(happening)
    watched.look()
    golden("guide-24.passing.txt", f"\n{'=' * 80}\n".join(watched.shown) + "\n")


CASES = [passing, failing, erroring, trying]


@pytest.mark.parametrize("case", CASES)
def test_plain(case: Callable[[], tuple[list[Happening], str]], golden: Golden) -> None:
    out = io.StringIO()
    plain = Plain(out, env={}, report="out.json", course=COURSE)
    for happening in case()[0]:
        if isinstance(happening, events.SessionStarted | events.SessionResumed):
            plain.show(replace(happening, mode="unattended"))
        elif isinstance(happening, events.Event):
            plain.show(happening)
    text = out.getvalue()
    assert "\x1b" not in text
    assert text.isascii()
    golden(f"plain.{case.__name__}.txt", text)


@pytest.mark.parametrize("case", CASES)
def test_guide(case: Callable[[], tuple[list[Happening], str]], golden: Golden) -> None:
    golden(f"guide.{case.__name__}.txt", guided(case()))


@pytest.mark.parametrize("case", CASES)
def test_guide_in_accessible_mode(case: Callable[[], tuple[list[Happening], str]], golden: Golden) -> None:
    golden(f"guide-accessible.{case.__name__}.txt", guided(case(), accessible=True))


def test_guide_in_a_narrow_terminal(golden: Golden) -> None:
    golden("guide-60.passing.txt", guided(passing(), columns=60))
