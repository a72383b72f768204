"""Commands of the learner's own at the questions of the guide, and programs that draw on the whole terminal."""

import io

import pytest

from labrunner.engine.policy import Moment, Move, Own, Point
from labrunner.model import Outcome
from labrunner.record import events
from labrunner.ui.guide import Guide
from labrunner.ui.live import LiveOutput
from labrunner.ui.stream import Sink
from labrunner.ui.terminal import ProgramKeys
from labrunner.ui.whole import WholeOutput
from tests.happened import command_ended
from tests.unit.ui.test_guide import AFTER_FAILURE, COMMAND, COURSE, LAB, MOVES, STEP, FullScreen, Room

PLACE = {"lab": "l", "step": "s"}


def show_tried(guide: Guide, output: str = "", *, status: int | None = 0, **more: object) -> None:
    guide.show(events.OwnCommandStarted(**PLACE, run="x", host="local"))
    if output:
        guide.show(events.OutputArrived(data=output))
    fields = {"end": "exited", "seconds": 0.1, **more}
    guide.show(events.OwnCommandEnded(**PLACE, run="x", exit_status=status, output=output, **fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "run"),
    [
        ('! echo "$ACR_NAME"\n', 'echo "$ACR_NAME"'),
        ("!ls\n", "ls"),
        ("  !  Ls -A  \n", "Ls -A"),
        ("!\ndocker ps\n", "docker ps"),
        ("! docker tag a \\\n    b\n", "docker tag a \\\n    b"),
        ("! a\tb\n", "a\tb"),
    ],
)
@pytest.mark.parametrize("point", [Point.STEP, Point.COMMAND, Point.INTERRUPTED, Point.FAILED])
def test_a_line_that_begins_with_the_mark_is_a_command(typed: str, run: str, point: Point) -> None:
    moves = AFTER_FAILURE if point is Point.FAILED else MOVES
    more = {"outcome": Outcome.FAILED, "reason": "x"} if point is Point.FAILED else {}
    room = Room(typed)
    assert room.at(point, moves=moves, command=None if point is Point.FAILED else COMMAND, **more) == Own(run)
    assert ("  $ " in room.said.splitlines()[-1]) == typed.startswith("!\n")


@pytest.mark.parametrize("typed", ["!\n\n", "!  \n  \n"])
def test_who_types_nothing_is_asked_the_question_again(typed: str) -> None:
    room = Room(f"{typed}s\n")
    assert room.at(Point.COMMAND, command=COMMAND) is Move.SKIP
    assert room.said.count("[Enter] run it") == 2


def test_leaving_the_prompt_for_a_command_is_not_quitting() -> None:
    class Leaves(io.StringIO):
        def readline(self, size: int | None = -1, /) -> str:
            line = super().readline()
            if line == "^C\n":
                raise KeyboardInterrupt
            return line

    out = io.StringIO()
    guide = Guide(Leaves("!\n^C\ns\n"), out, course=COURSE, env={})
    moment = Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=STEP, command=COMMAND, text=COMMAND.run)
    assert guide.decide(moment) is Move.SKIP
    assert "You stop here" not in out.getvalue()


def test_two_marks_run_the_last_one_again() -> None:
    room = Room("!!\n! echo hi\n!!\n")
    assert room.at(Point.COMMAND, command=COMMAND) == Own("echo hi")
    assert "There is no command of your own to run again." in room.said
    show_tried(room.guide, "hi\n")
    assert room.at(Point.COMMAND, command=COMMAND) == Own("echo hi")
    assert room.said.endswith("  $ echo hi\n")


def test_keys_that_are_no_text_are_refused() -> None:
    room = Room("! echo\x1b[A\n!\n\x1b[A\ns\n")
    assert room.at(Point.COMMAND, command=COMMAND) is Move.SKIP
    assert room.said.count("That line holds keys that are no text") == 2
    assert "\x1b" not in room.said


def test_after_it_the_learner_is_told_what_the_question_is_about() -> None:
    room = Room("! a\n! b\n! c\n\n")
    room.at(Point.COMMAND, command=COMMAND)
    show_tried(room.guide)
    before = len(room.said)
    room.at(Point.COMMAND, command=COMMAND)
    assert "Back to command 1 of 2" in room.said[before:]
    assert "$ echo one" in room.said[before:]
    show_tried(room.guide)
    before = len(room.said)
    room.at(Point.FAILED, moves=AFTER_FAILURE, outcome=Outcome.FAILED, reason="There is no tag.")
    assert "Back to the step, which has failed: There is no tag." in room.said[before:]
    show_tried(room.guide)
    before = len(room.said)
    assert room.at(Point.FAILED, moves=AFTER_FAILURE, outcome=Outcome.ERROR, reason="No engine.") is Move.RETRY
    assert "Back to the step, which could not go on: No engine." in room.said[before:]
    assert "This is not your mistake" in room.said[before:]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({}, "Done, no output."),
        ({"output": "one\n"}, ""),
        ({"output": "one\n", "status": 3}, "Exit status 3."),
        ({"status": 130, "end": "interrupted"}, "It was stopped from the keyboard after 0.1 s."),
        ({"status": None, "end": "timeout", "seconds": 1800.0}, "It took too long and was stopped after 30 min 0 s."),
        ({"status": None, "end": "error", "reason": "the shell did not answer"}, "ERROR the shell did not answer"),
    ],
)
def test_how_it_ended_is_said_without_a_judgement(how: dict[str, object], said: str) -> None:
    room = Room("")
    show_tried(room.guide, **how)  # type: ignore[arg-type]
    assert room.said.split("\n", 1)[0 if "output" not in how else 1].strip() == said
    assert "PASSED" not in room.said
    assert "FAILED" not in room.said


def test_one_that_ended_the_shell_says_so_after_its_output() -> None:
    room = Room("")
    room.guide.show(events.OwnCommandStarted(**PLACE, run="exit", host="local"))
    room.guide.show(events.ShellRestarted(**PLACE, host="local"))
    room.guide.show(
        events.OwnCommandEnded(**PLACE, run="exit", exit_status=0, end="shell-exited", seconds=0.1, output="exit\n")
    )
    assert room.said.index("exit") < room.said.index("The shell ended with that command")


@pytest.mark.parametrize("status", [0, 3])
def test_one_that_ended_the_shell_on_another_host_says_where_the_learner_is(status: int) -> None:
    room = Room("")
    room.guide.show(events.OwnCommandStarted(**PLACE, run="exit", host="there"))
    fields = {"exit_status": status, "end": "shell-exited", "seconds": 0.1, "output": "logout\n"}
    room.guide.show(events.OwnCommandEnded(**PLACE, run="exit", **fields))  # type: ignore[arg-type]
    assert room.said.endswith("  You have left there. The next command for it connects again.\n")
    assert "shell ended with that command" not in room.said


def test_one_for_which_another_hosts_shell_was_opened_again_says_so_once() -> None:
    room = Room("")
    for restarted in (True, False):
        room.guide.show(events.OwnCommandStarted(**PLACE, run="hostname", host="there"))
        if restarted:
            room.guide.show(events.ShellRestarted(**PLACE, host="there"))
        fields = {"exit_status": 0, "end": "exited", "seconds": 0.1, "output": "there\n"}
        room.guide.show(events.OwnCommandEnded(**PLACE, run="hostname", **fields))  # type: ignore[arg-type]
    assert room.said.count("You are on there again, in a new shell. Variables set there before are gone.") == 1
    assert "shell ended with that command" not in room.said


def test_how_to_try_something_is_said_once_with_the_first_hint_that_has_code() -> None:
    room = Room("")
    for number, text in enumerate(("Look.", "See `echo $A`.", "See `ls`."), 1):
        room.guide.show(events.HintShown(**PLACE, number=number, count=3, text=text))
    assert room.said.count("put ! before it") == 1
    assert room.said.index("echo $A") < room.said.index("put ! before it") < room.said.index("See `ls`")


def test_who_has_tried_something_is_not_told_how() -> None:
    room = Room("! ls\n")
    room.at(Point.COMMAND, command=COMMAND)
    room.guide.show(events.HintShown(**PLACE, number=1, count=1, text="See `echo $A`."))
    assert "put ! before it" not in room.said


@pytest.mark.parametrize(
    ("typed", "example"),
    [("docker ps -a", "! docker ps -a"), ("$ docker PS", "! docker PS"), ("x", "! docker images"), ("a " * 90, "! d")],
)
def test_a_command_without_the_mark_is_refused_with_the_line_to_type(typed: str, example: str) -> None:
    room = Room(f"{typed}\n\n")
    assert room.at(Point.COMMAND, command=COMMAND) is Move.RUN
    assert f"as in: {example}" in " ".join(room.said.split())


def test_questions_that_are_no_forks_say_where_it_works() -> None:
    room = Room("! ls\n1\n")
    room.guide.choose(STEP, STEP.options)
    assert "Commands of your own are for the question before" in room.said
    room = Room("! ls\n1\n")
    room.guide.show(events.StepEnded(**PLACE, outcome=Outcome.PASSED, seconds=0.1, attempts=1, hints=0))
    assert "Commands of your own are for the question before" in room.said


def test_one_while_there_is_more_to_read_does_not_turn_the_page() -> None:
    out = FullScreen()
    env = {"TERM": "xterm", "COLUMNS": "40", "LINES": "12"}
    guide = Guide(io.StringIO("o\n! ls\nq\n\n"), out, course=COURSE, env=env)
    long = "".join(f"line {number}\n" for number in range(60))
    guide.show(events.CommandStarted(**PLACE, ref=None, run="x", host="local"))
    guide.show(events.OutputArrived(data=long))
    guide.show(command_ended("x", long))
    moment = Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=STEP, command=COMMAND, text=COMMAND.run)
    assert guide.decide(moment) is Move.RUN
    shown = out.getvalue()
    assert shown.count("read on") == 2
    assert "Commands of your own are" in shown


class Whole:
    """A WholeOutput and what got to the terminal."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        sink = Sink(self.out)
        lines = LiveOutput(sink.write, columns=80, redraw=True)
        self.output = WholeOutput(sink, lines, ProgramKeys(None))

    @property
    def said(self) -> str:
        return self.out.getvalue()


DRAWING = "\x1b[?1049h\x1b[1;5H\x1b[31mred\x1b[?1049l"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_what_is_drawn_on_the_whole_terminal_gets_there(size: int) -> None:
    whole = Whole()
    text = f"before \x1b[32mgreen\x1b[0m\r\n{DRAWING}\x1b[?1l\x1b>after\r\n"
    for at in range(0, len(text), size):
        whole.output.feed(text[at : at + size])
    whole.output.finish("before green\nred\nafter\n")
    assert "before green\n" in whole.said
    assert "\x1b[?1049h\x1b[1;5H\x1b[31mred" in whole.said
    assert whole.said.count("\x1b[?1049h") == whole.said.count("\x1b[?1049l") == 1
    assert whole.said.endswith("after\n")
    assert "\x1b[32m" not in whole.said


def test_a_monitor_that_draws_on_the_screen_as_it_is() -> None:
    whole = Whole()
    whole.output.feed("\x1b[?1h\x1b=\x1b[H\x1b[2Jload 1\r\nload 2")
    whole.output.feed("\x1b[?1l\x1b>\r\n")
    whole.output.finish("load 1\nload 2\n")
    opened, shown, closed = (whole.said.index(text) for text in ("\x1b[?1049h", "load 2", "\x1b[?1049l"))
    assert opened < shown < closed
    assert "load" not in whole.said[closed:]


def test_a_program_that_was_killed_while_it_drew_leaves_the_terminal_in_order() -> None:
    whole = Whole()
    whole.output.feed("\x1b[?1049h\x1b[?25l\x1b[?1h~\r\n~")
    whole.output.finish("~\n~")
    assert whole.said.endswith("\x1b[?1049l")
    assert "\x1b[?25h" in whole.said
    assert "\x1b[?1l" in whole.said


def test_a_command_of_the_course_cannot_take_the_terminal() -> None:
    out = FullScreen()
    guide = Guide(io.StringIO(""), out, course=COURSE, env={"TERM": "xterm", "COLUMNS": "80", "LINES": "24"})
    guide.show(events.CommandStarted(**PLACE, ref=None, run="x", host="local"))
    guide.show(events.OutputArrived(data=DRAWING))
    assert "\x1b[31m" not in out.getvalue()
    assert "\x1b[?1049h" not in out.getvalue()


def test_a_plain_terminal_is_never_drawn_on_and_gives_no_size() -> None:
    room = Room("! vi\n")
    assert room.at(Point.COMMAND, command=COMMAND) == Own("vi", None)
    room.guide.show(events.OwnCommandStarted(**PLACE, run="vi", host="local"))
    room.guide.show(events.OutputArrived(data=DRAWING))
    assert "\x1b" not in room.said
    assert "Ctrl-C three times ends it" in " ".join(room.said.split())


def test_a_full_terminal_gives_its_size() -> None:
    env = {"TERM": "xterm", "COLUMNS": "91", "LINES": "33"}
    guide = Guide(io.StringIO("! vi\n"), FullScreen(), course=COURSE, env=env)
    moment = Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=STEP, command=COMMAND, text=COMMAND.run)
    assert guide.decide(moment) == Own("vi", (91, 33))
