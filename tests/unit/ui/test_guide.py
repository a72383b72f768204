"""The guide's decisions and questions, without a terminal."""

import io
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from labrunner.engine.policy import Moment, Move, Point
from labrunner.model import Command, Course, Erratum, File, Hint, Lab, Option, Outcome, Question, Step, Variable
from labrunner.record import events
from labrunner.ui.guide import Guide
from labrunner.ui.questions import Questions
from tests.happened import command_ended, session_started

COMMAND = Command(run="echo one", ref="R1")
STEP = Step(
    id="s",
    title="S",
    text="T",
    files=(File(path="Dockerfile", ref="F1", text="FROM busybox\n"),),
    commands=(COMMAND, Command(run="echo two", by="labrunner")),
    options=(
        Option(id="a", title="With a file", commands=(Command(run="echo a"),)),
        Option(id="b", title="With a flag", text="Shorter."),
    ),
    hints=(Hint(text="H"),),
    questions=(Question(id="q", text="Why?", choices=("a", "b"), answer="b"),),
)
LAB = Lab(id="l", name="lab-1", title="L", steps=(STEP,))
COURSE = Course(id="c", title="C", labs=(LAB,))
MOVES = (Move.RUN, Move.HINT, Move.SKIP, Move.QUIT)
AFTER_FAILURE = (Move.RETRY, Move.RESTART, Move.HINT, Move.SKIP, Move.QUIT)


class FullScreen(io.StringIO):
    """Says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Room:
    """A guide with answers to come and what it said."""

    def __init__(self, answers: str, *, env: Mapping[str, str] | None = None, course: Course = COURSE) -> None:
        self.out = io.StringIO()
        self.guide = Guide(io.StringIO(answers), self.out, course=course, env=env or {})

    def at(
        self, point: Point, *, moves: tuple[Move, ...] = MOVES, command: Command | None = None, **more: object
    ) -> Move:
        text = command.run if command else ""
        return self.guide.decide(
            Moment(point=point, moves=moves, lab=LAB, step=STEP, command=command, text=text, **more)  # type: ignore[arg-type]
        )

    @property
    def said(self) -> str:
        return self.out.getvalue()


@pytest.mark.parametrize(
    ("answer", "move"),
    [
        ("\n", Move.RUN),
        ("h\n", Move.HINT),
        (" S \n", Move.SKIP),
        ("skip\n", Move.SKIP),
        ("q\n", Move.QUIT),
        ("", Move.QUIT),
    ],
)
def test_answers_at_a_command(answer: str, move: Move) -> None:
    assert Room(answer).at(Point.COMMAND, command=COMMAND) is move


@pytest.mark.parametrize("typed", [COMMAND.run, f"  {COMMAND.run.replace(' ', '   ')} ", f"! {COMMAND.run}"])
def test_who_types_the_command_that_is_next_runs_it(typed: str) -> None:
    assert Room(f"{typed}\n").at(Point.COMMAND, command=COMMAND) is Move.RUN


def test_a_part_of_the_command_is_not_the_command() -> None:
    room = Room(f"{COMMAND.run[:3]}\ns\n")
    assert room.at(Point.COMMAND, command=COMMAND) is Move.SKIP
    assert "is none of the choices" in room.said


def test_every_choice_is_listed_and_a_wrong_answer_is_asked_again() -> None:
    room = Room("r\n\x1b[2Jnonsense\nb\n")
    assert room.at(Point.FAILED, moves=AFTER_FAILURE, reason="x", outcome=Outcome.FAILED) is Move.RETRY
    assert room.at(Point.FAILED, moves=AFTER_FAILURE, reason="x", outcome=Outcome.FAILED) is Move.RESTART
    for choice in ("[Enter] try again", "b begin again", "h hint", "s skip step", "q quit"):
        assert choice in " ".join(room.said.split())
    assert '"nonsense" is none of the choices (? explains them).' in room.said
    assert "\x1b" not in room.said


def test_a_question_mark_explains_every_choice_and_asks_again() -> None:
    room = Room("?\ns\n")
    assert room.at(Point.FAILED, moves=AFTER_FAILURE, reason="x", outcome=Outcome.FAILED) is Move.SKIP
    explained = room.said.split("q quit: ")[1].splitlines()
    assert [line.split()[0] for line in explained if line.startswith("  ")] == ["Enter", "b", "h", "s", "q", "!"]
    assert room.said.count("[Enter] try again") == 2


def test_a_question_mark_explains_the_choices_of_options_and_of_a_quiz() -> None:
    room = Room("?\n2\n")
    assert room.guide.choose(STEP, STEP.options) == STEP.options[1:]
    assert "takes the first." in room.said
    quizzed = Room("?\nq\n")
    quizzed.guide.show(
        events.StepEnded(lab="l", step="s", outcome=Outcome.PASSED, seconds=1, attempts=1, hints=0, reason=None)
    )
    assert "goes on without an answer" in quizzed.said
    assert quizzed.said.count("1-2 answer") == 2


def test_a_hint_behind_the_first_command_is_told_to_be_about_the_whole_step() -> None:
    step = replace(STEP, commands=(COMMAND, Command(run="echo two")))
    said = []
    for command in step.commands:
        room = Room("h\n")
        moment = Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=step, command=command, text=command.run)
        room.guide.decide(moment)
        room.guide.show(events.HintShown(lab="l", step="s", number=1, count=1, text="Look."))
        said.append(room.said)
    assert "Hint 1 of 1: Look." in said[0]
    assert "Hint 1 of 1: (for the step as a whole) Look." in said[1]


def test_a_hint_that_is_not_there_is_said() -> None:
    room = Room("h\n\nh\n\n")
    moves = (Move.RUN, Move.SKIP, Move.QUIT)
    assert room.at(Point.COMMAND, moves=moves, command=COMMAND) is Move.RUN
    assert "There is no hint here." in room.said
    assert room.at(Point.COMMAND, moves=moves, command=COMMAND, hints_shown=1) is Move.RUN
    assert "You have seen every hint of this step." in room.said


def test_after_retry_the_command_runs_without_a_second_question() -> None:
    room = Room("r\n\n")
    room.at(Point.FAILED, moves=AFTER_FAILURE, reason="x", outcome=Outcome.FAILED)
    assert room.at(Point.COMMAND, command=COMMAND) is Move.RUN
    assert room.said.count("[Enter]") == 1
    assert room.at(Point.COMMAND, command=COMMAND) is Move.RUN
    assert room.said.count("[Enter]") == 2


def test_what_labrunner_runs_is_shown_and_not_asked() -> None:
    room = Room("")
    assert room.at(Point.COMMAND, command=STEP.commands[1]) is Move.RUN
    assert "$ echo two" in room.said


def test_that_labrunner_runs_a_command_is_said_once_in_a_step() -> None:
    given = (Command(run="echo two", by="labrunner"), Command(run="echo three", by="labrunner"))
    first, second = (replace(STEP, id=name, commands=(COMMAND, *given)) for name in ("s1", "s2"))
    room = Room("\n\n")
    for step in (first, second):
        for command in step.commands:
            moment = Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=step, command=command, text=command.run)
            assert room.guide.decide(moment) is Move.RUN
    assert room.said.count("labrunner runs this one for you:\n  $ echo two\n") == 2
    assert room.said.count("labrunner runs") == 2


def test_a_file_is_shown_with_its_content() -> None:
    room = Room("\n")
    assert room.at(Point.COMMAND, command=Command(run="FROM busybox\n", ref="F1")) is Move.RUN
    assert "The file Dockerfile" in room.said
    assert "    FROM busybox" in room.said
    assert "$ FROM" not in room.said
    assert "[Enter] write it" in room.said


def test_an_error_is_not_the_learners_mistake() -> None:
    room = Room("q\n")
    assert room.at(Point.FAILED, moves=AFTER_FAILURE, reason="dockerd is gone.", outcome=Outcome.ERROR) is Move.QUIT
    assert "ERROR dockerd is gone." in room.said
    assert "This is not your mistake" in room.said
    assert "FAILED" not in room.said


@pytest.mark.parametrize(
    ("answer", "chosen"),
    [("\n", "a"), ("2\n", "b"), ("B\n", "b"), ("c\na\n", "a"), ("3\n0\nx\n1\n", "a"), ("\u00b2\n2\n", "b")],
)
def test_one_option_is_chosen(answer: str, chosen: str) -> None:
    room = Room(answer)
    assert [option.id for option in room.guide.choose(STEP, STEP.options)] == [chosen]
    assert "With a flag. Shorter." in room.said


@pytest.mark.parametrize(("answer", "count", "second"), [("1\n", 3, "echo a"), ("2\n", 2, "echo two")])
def test_only_the_commands_of_the_chosen_option_are_counted(answer: str, count: int, second: str) -> None:
    room = Room(answer + "\n\n")
    chosen = room.guide.choose(STEP, STEP.options)
    commands = [*STEP.commands, *chosen[0].commands]
    for command in commands:
        room.at(Point.COMMAND, command=command)
    assert f"Command 1 of {count}\n" in room.said
    given = "" if answer == "1\n" else "labrunner runs this one for you:\n"
    assert f"Command {count} of {count}\n{given}  $ {commands[-1].run}" in room.said
    assert second == commands[-1].run


def test_the_first_command_of_the_second_option_is_the_first_of_its_learner() -> None:
    first, second = (Option(id=name, title=name, commands=(Command(run=f"echo {name}"),)) for name in "ab")
    step = Step(id="s", title="S", text="T", options=(first, second))
    room = Room("2\n\n")
    (chosen,) = room.guide.choose(step, step.options)
    room.guide.decide(
        Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=step, command=chosen.commands[0], text="echo b")
    )
    assert "Command 1 of 1\n  $ echo b" in room.said
    resumed = Room("\n")  # the choice was made in a run before this one
    resumed.guide.decide(
        Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=step, command=chosen.commands[0], text="echo b")
    )
    assert "Command 1 of 1\n  $ echo b" in resumed.said


CORRECTED = Course(
    id="c",
    title="C",
    labs=(LAB,),
    errata=(
        Erratum(
            id="E7",
            where="Lab 1, Step 1 (the greeting)",
            ref=("L1.S1.C1",),
            says="echo two",
            wrong="Nobody says two.",
            correction="Say `one`.",
            source="Tried",
        ),
    ),
)


def test_a_correction_is_short_and_w_tells_why() -> None:
    step = Step(id="s", title="S", text="T", commands=(Command(run="echo one", ref="L1.S1.C1"),), errata=("E7",))
    room = Room("w\nw\n\nw\n\n", course=CORRECTED)
    moment = Moment(
        point=Point.COMMAND, moves=MOVES, lab=LAB, step=step, command=step.commands[0], text=step.commands[0].run
    )
    assert room.guide.decide(moment) is Move.RUN
    asked = room.said.index("[Enter]")
    said = " ".join(room.said[:asked].split())
    title = "About the course text here (erratum E7; w tells why)"
    assert (
        f"{title} Lab 1, Step 1 (the greeting): Say `one`. The command is that of the course text: $ echo one" in said
    )
    assert "Nobody says two" not in room.said[:asked]
    assert room.said[asked:].count("But today: Nobody says two.\n  So here: Say `one`.\n  Source: Tried") == 2
    before = len(room.said)
    assert room.guide.decide(moment) is Move.RUN
    assert '"w" is none of the choices' in room.said[before:]


def test_a_command_that_an_erratum_quotes_is_not_announced_twice() -> None:
    """The text's command may go over several lines, a quotation is in one."""
    command = Command(run="echo one", written="echo \\\n  two\n", ref="L1.S1.C1")
    step = Step(id="s", title="S", text="T", commands=(command,), errata=("E7",))
    room = Room("\n", course=CORRECTED)
    room.guide.decide(Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=step, command=command, text=command.run))
    assert "The course text has another command (erratum E7; w tells why)" in room.said
    assert "differs from the course text" not in room.said
    assert "The command is that of the course text" not in room.said


def test_a_command_that_no_erratum_quotes_is_among_the_reasons() -> None:
    command = Command(run="echo one", written="echo three", ref="L1.S1.C1")
    step = Step(id="s", title="S", text="T", commands=(command,), errata=("E7",))
    room = Room("w\n\nw\n\n", course=CORRECTED)
    room.guide.decide(Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=step, command=command, text=command.run))
    asked, shown = room.said.index("[Enter]"), len(room.said)
    failed = Moment(
        point=Point.FAILED,
        moves=AFTER_FAILURE,
        lab=LAB,
        step=step,
        command=command,
        text=command.run,
        reason="It failed.",
    )
    room.guide.decide(failed)
    assert "It says: echo three\n" in room.said[shown:]
    assert "echo three" not in room.said[:asked]
    assert "  Source: Tried\n\nThe course text's own command\n  It says: echo three\n" in room.said[asked:]
    alone = Room("\n")
    moment = Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=step, command=command, text=command.run)
    alone.guide.decide(moment)
    assert "The command differs from the course text\n  It says: echo three\n" in alone.said


def test_a_long_output_is_cut_and_o_shows_all_of_it() -> None:
    out = FullScreen()
    guide = Guide(io.StringIO("o\n" + "\n" * 9), out, course=COURSE, env={"TERM": "xterm", "LINES": "24"})
    output = "".join(f"line {number}\n" for number in range(1, 101))
    guide.show(events.CommandStarted(lab="l", step="s", ref=None, run="seq", host="local"))
    guide.show(events.OutputArrived(data=output.replace("\n", "\r\n")))
    guide.show(command_ended(output=output))
    shown = out.getvalue()
    assert "  line 12\n\r\x1b[K" in shown
    assert "  [... 83 lines left out ...]\n  line 96\n" in shown
    guide.decide(Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=STEP, command=COMMAND, text=COMMAND.run))
    more = out.getvalue()[len(shown) :]
    assert "o all output" in more
    assert all(f"  line {number}\n" in more for number in range(1, 101))
    assert more.count("read on") == 4
    guide.show(events.CommandStarted(lab="l", step="s", ref=None, run="true", host="local"))
    guide.show(command_ended())
    before = len(out.getvalue())
    guide.decide(Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=STEP, command=STEP.commands[0], text="x"))
    assert "all output" not in out.getvalue()[before:]


def test_who_has_read_enough_of_an_output_is_asked_again() -> None:
    out = FullScreen()
    guide = Guide(io.StringIO("o\nq\n\n"), out, course=COURSE, env={"TERM": "xterm", "LINES": "24"})
    output = "".join(f"line {number}\n" for number in range(1, 101))
    guide.show(events.CommandStarted(lab="l", step="s", ref=None, run="seq", host="local"))
    guide.show(events.OutputArrived(data=output))
    guide.show(command_ended(output=output))
    before = len(out.getvalue())
    moment = Moment(point=Point.COMMAND, moves=MOVES, lab=LAB, step=STEP, command=COMMAND, text=COMMAND.run)
    assert guide.decide(moment) is Move.RUN
    more = out.getvalue()[before:]
    assert more.count("q enough: ") == 1
    assert "  line 20\n" in more
    assert "  line 30\n" not in more


@pytest.mark.parametrize(("answer", "said"), [("1", "Not quite. The answer is: b."), ("2", "Right.")])
def test_what_is_said_of_an_answer_can_be_read_with_the_next_lab(answer: str, said: str) -> None:
    out = FullScreen()
    following = Lab(id="m", name="lab-2", title="M", text="\n".join(f"- {number}" for number in range(30)))
    course = Course(id="c", title="C", labs=(LAB, following))
    guide = Guide(io.StringIO(f"{answer}\n\n"), out, course=course, env={"TERM": "xterm", "LINES": "24"})
    guide.show(events.StepEnded(lab="l", step="s", outcome=Outcome.PASSED, seconds=1.0, attempts=1, hints=0))
    guide.show(events.LabStarted(lab="m", title="M"))
    page, asked, _ = out.getvalue().partition("[Enter] read on")
    assert asked
    assert said in "\n".join(page.split("\n")[-24:])  # the last of them is where the question stands


def test_a_file_that_is_written_is_said_to_be_written() -> None:
    room = Room("")
    room.guide.show(events.CommandStarted(lab="l", step="s", ref="F1", run="FROM x\n", host="local", file="Dockerfile"))
    room.guide.show(command_ended())
    assert "  Dockerfile is written.\n" in room.said


def test_quit_while_reading_quits_at_the_next_fork() -> None:
    out = FullScreen()
    course = Course(id="c", title="C", text="\n\n".join(f"Paragraph {n}." for n in range(40)), labs=(LAB,))
    guide = Guide(io.StringIO("\nq\n"), out, course=course, env={"TERM": "xterm", "LINES": "24"})
    guide.show(session_started())
    assert "Paragraph 15." in out.getvalue()
    assert "Paragraph 39." not in out.getvalue()
    guide.show(events.LabStarted(lab="l", title="L"))
    moment = Moment(point=Point.STEP, moves=MOVES, lab=LAB, step=STEP)
    assert guide.decide(moment) is Move.QUIT
    assert "You stop here, and that is fine. To go on from here:\n    labrunner run\n" in out.getvalue()


def test_code_in_short_texts_is_drawn_without_backticks() -> None:
    out = FullScreen()
    guide = Guide(io.StringIO(""), out, course=COURSE, env={"TERM": "xterm"})
    guide.show(events.HintShown(lab="l", step="s", number=1, count=2, text="Look at `docker images`."))
    guide.show(events.MistakeRecognised(lab="l", step="s", text="See `docker ps`."))
    guide.show(
        events.CheckEnded(
            lab="l", step="s", number=0, kind="k", after=None, outcome=Outcome.FAILED, message="No `x`.", seconds=0.1
        )
    )
    assert "`" not in out.getvalue()
    guide.show(command_ended("echo", "x", exit_status=2, outcome=Outcome.FAILED, explanation=("came `date` and `id`",)))
    assert "came `date` and `id`" in out.getvalue()  # evidence stays as it is


def test_the_end_of_the_output_is_not_told_twice() -> None:
    room = Room("")
    explanation = ("Expected exit status 0, came exit status 1.", "The last 5 of 6 lines of output:", "  usage")
    event = command_ended("x", "a\nusage", exit_status=1, outcome=Outcome.FAILED, explanation=explanation)
    room.guide.show(events.CommandStarted(lab="l", step="s", ref=None, run="x", host="local"))
    room.guide.show(event)
    assert room.said.count("usage") == 1
    assert "The last 5" not in room.said


def test_a_skipped_step_says_how_to_come_back() -> None:
    room = Room("")
    room.guide.show(events.StepEnded(lab="l", step="s", outcome=Outcome.SKIPPED, seconds=1.0, attempts=0, hints=0))
    assert "You can come back to it at any time:\n    labrunner goto lab-1/s\n" in room.said


def carried(*runs: str, used: str = "") -> str:
    """What is said of the commands that were run again for a lab with the command `used`."""
    step = replace(STEP, commands=(Command(run=used),))
    course = replace(COURSE, labs=(replace(LAB, steps=(step,)),)) if used else replace(COURSE, labs=())
    room = Room("", course=course)
    room.guide.show(events.CarriedOver(lab="l", step="s", runs=runs))
    return " ".join(room.said.split())


def test_the_settings_of_earlier_steps_are_named_once() -> None:
    said = carried("A=1", "B=`date`", "A=1")
    assert said == "labrunner has set in your shell what earlier steps set: A=1; B=`date`"


def test_long_settings_are_told_in_short() -> None:
    script = 'NAME="x"\nSERVER="$NAME.example"\n\necho "=== Title ==="\necho ""'
    shown = "labrunner has set in your shell what earlier steps set: "
    assert carried(script) == f"{shown}NAME; SERVER"
    assert carried('NAME="x"', script) == f'{shown}NAME="x"; SERVER'
    assert carried(f"IMAGE=server@$(az acr repository show {'--name x ' * 8})") == f"{shown}IMAGE"
    assert carried("shopt -s extglob\nset -u\numask 077") == f"{shown}shopt -s extglob ... (3 lines)"


def test_settings_that_the_lab_does_not_read_are_not_told() -> None:
    assert carried("A=1", "AB=2", "C=3\nD=4", used="echo $A ${D}") == (
        "labrunner has set in your shell what earlier steps set: A=1; D"
    )
    assert carried("A=1", used="echo $AB") == ""


def test_what_was_missing_is_named_in_one_line() -> None:
    room = Room("")
    room.guide.show(events.Prepared(lab="l", step="s", text="The images are in the registry.", seconds=2.0))
    assert "  Prepared for you: The images are in the registry.\n" in room.said


def summary_of(steps: tuple[str, ...], *, then: str = "lab-2") -> str:
    labs = (LAB, Lab(id="m", name=then, title="More", steps=(STEP,)))
    room = Room("", course=Course(id="c", title="C", labs=labs))
    room.guide.show(session_started(plan=({"id": "l", "title": "L", "steps": [{"id": name} for name in steps]},)))
    room.guide.show(events.SessionEnded(seconds=1.0, status=0, totals={"passed": len(steps)}))
    return room.said


def test_the_next_lab_is_named_after_the_last_step() -> None:
    assert "The next lab is lab-2, More:\n    labrunner run lab-2\n" in summary_of(("s",))
    assert "The next lab is More:\n    labrunner run more\n" in summary_of(("s",), then="more")
    assert "The next lab" not in summary_of(("another",))


def test_quit_at_the_options_quits_at_the_next_fork() -> None:
    room = Room("q\n")
    assert len(room.guide.choose(STEP, STEP.options)) == 1
    assert room.at(Point.COMMAND, command=COMMAND) is Move.QUIT


def test_quit_at_a_quiz_question_quits_at_the_next_fork() -> None:
    room = Room("7\nq\n")
    room.guide.show(events.StepEnded(lab="l", step="s", outcome=Outcome.PASSED, seconds=1.0, attempts=1, hints=0))
    assert "Type a number from 1 to 2, Enter to go on without an answer, or q." in room.said
    assert room.at(Point.STEP) is Move.QUIT


def test_the_end_of_the_shell_is_said_after_the_output() -> None:
    room = Room("")
    guide = room.guide
    guide.show(events.CommandStarted(lab="l", step="s", ref=None, run="exit 3", host="local"))
    guide.show(events.OutputArrived(data="bye"))
    guide.show(events.ShellRestarted(lab="l", step="s", host="local"))
    guide.show(
        command_ended(
            "exit 3",
            "bye",
            exit_status=3,
            end="shell-exited",
            outcome=Outcome.FAILED,
            explanation=("exit status 3, but 0 was expected",),
        )
    )
    said = " ".join(room.said.split())
    assert said.index("bye") < said.index("FAILED exit status 3") < said.index("The shell ended")


def test_a_closed_output_does_not_raise() -> None:
    room = Room("\n")
    room.out.close()
    room.guide.show(events.LabStarted(lab="l", title="L"))
    assert room.at(Point.COMMAND, command=COMMAND) is Move.RUN
    room.guide.close()


def questions(answers: str) -> tuple[Questions, io.StringIO]:
    out = io.StringIO()
    return Questions(io.StringIO(answers), out, env={}), out


NAME = Variable(name="ACR_NAME", prompt="Name of your registry", pattern="[a-z0-9]{5,50}", says="5 to 50 letters.")


def test_a_value_is_asked_until_it_fits() -> None:
    ask, out = questions("no\nmyregistry.azurecr.io\nmyregistry\n")
    assert ask.ask_variable(NAME) == "myregistry"
    assert out.getvalue().count("That does not fit. 5 to 50 letters.") == 2


def test_enter_takes_the_default_and_a_bad_default_does_not_pass() -> None:
    ask, out = questions("\n")
    assert ask.ask_variable(NAME, "progressacr") == "progressacr"
    assert "Name of your registry (Enter for progressacr)" in out.getvalue()
    ask, _ = questions("\ngoodname\n")
    assert ask.ask_variable(NAME, "bad") == "goodname"


def test_no_value_can_be_left_by_quitting() -> None:
    ask, _ = questions("\n")
    with pytest.raises(KeyboardInterrupt):
        ask.ask_variable(NAME)


def test_a_secrets_default_is_not_shown() -> None:
    ask, out = questions("\n")
    secret = Variable(name="TOKEN", secret=True)
    assert ask.ask_variable(secret, "hunter2") == "hunter2"
    assert "hunter2" not in out.getvalue()


@pytest.mark.parametrize(
    ("answer", "trusted"), [("y\n", True), ("YES\n", True), ("\n", False), ("", False), ("ok\n", False)]
)
def test_trust_is_given_by_yes_alone(answer: str, *, trusted: bool) -> None:
    ask, out = questions(answer)
    assert ask.confirm_trust("A course", "/srv/course", "ab" * 32) is trusted
    assert "/srv/course" in out.getvalue()


def test_rich_loads_only_when_something_is_drawn() -> None:
    import subprocess
    import sys

    code = "import sys, labrunner.ui.plain, labrunner.ui.guide; print([m for m in sys.modules if m.startswith('rich')])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert ran.stdout.strip() == "[]"


def test_a_correction_is_told_whole_once_and_then_in_a_sentence() -> None:
    erratum = Erratum(
        id="E1", where="Step 1", says="echo 1", wrong="No number.", correction="Write one. In words.", source="Tried"
    )
    course = replace(COURSE, errata=(erratum,))
    first, second = (replace(STEP, id=name, errata=("E1",), commands=(COMMAND,)) for name in ("s1", "s2"))
    room = Room("\ns\n\nw\ns\n", course=course)
    for step in (first, second):
        for point, command in ((Point.STEP, None), (Point.COMMAND, COMMAND)):
            lab = replace(LAB, steps=(first, second))
            moment = Moment(point=point, moves=MOVES, lab=lab, step=step, command=command, text="echo one")
            room.guide.decide(moment)
    assert room.said.count("Write one. In words.") == 2  # told once, and by the key
    first, _, second = room.said.partition("Write one. In words.")
    assert first.count("About the course text here (erratum E1; w tells why)") == 1
    box, _, why = second.partition("No number.")
    assert "About the course text here (erratum E1; w tells why)\n  Write one.\n" in box
    assert why


def test_several_corrections_of_one_command_share_a_box() -> None:
    errata = tuple(
        Erratum(
            id=f"E{number}",
            where=f"Lab 1, Step {number}",
            says="echo 1",
            ref=("R1",),
            wrong="No number.",
            correction=f"Write `{number}. Two`. And that is why.",
            source="Tried",
        )
        for number in (1, 2, 3)
    )
    course = replace(COURSE, errata=errata)
    first = replace(STEP, id="s1", errata=("E3",), commands=(COMMAND,))
    second = replace(STEP, id="s2", errata=("E1", "E2", "E3"), commands=(COMMAND,))
    out = FullScreen()
    env = {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "NO_COLOR": "1"}
    with Guide(io.StringIO("\nw\n\n"), out, course=course, env=env) as guide:
        for step in (first, second):
            lab = replace(LAB, steps=(first, second))
            moment = Moment(point=Point.COMMAND, moves=MOVES, lab=lab, step=step, command=COMMAND, text="echo one")
            guide.decide(moment)
    said = re.sub(r"\x1b\[[0-9;]*m", "", out.getvalue())
    assert "▌ About the course text here (erratum E3; w tells why)\n  ▌ Lab 1, Step 3: Write 3. Two. And" in said
    box = [
        "▌ About the course text here (3 errata; w tells why)",
        "▌ E1 Write 1. Two.",
        "▌ E2 Write 2. Two.",
        "▌ E3 Write 3. Two.",
    ]
    assert "\n  ".join(["", *box, ""]).rstrip() in said
    why = said[said.index("E3 Write 3. Two.") :]
    assert [f"Erratum E{number} of" in why for number in (1, 2, 3)] == [True, True, True]


def test_the_key_of_a_correction_works_where_a_text_pauses() -> None:
    erratum = Erratum(id="E1", where="Here", says="echo 1", wrong="No number.", correction="Write one.", source="Tried")
    text = "\n\n".join(f"Paragraph {number}." for number in range(1, 21))
    step = replace(STEP, text=text, errata=("E1",))
    out = FullScreen()
    env = {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    with Guide(io.StringIO("\n?\nw\nq\n"), out, course=replace(COURSE, errata=(erratum,)), env=env) as guide:
        lab = replace(LAB, steps=(step,))
        assert guide.decide(Moment(point=Point.STEP, moves=MOVES, lab=lab, step=step)) is Move.QUIT
    said = out.getvalue()
    assert said.index("shows the next page.") < said.index("No number.")
    assert said.count("[Enter] read on") == 3
