"""The presenter for a learner at a terminal: shows each step, asks before each command, explains what came.

A Policy of the engine: it sees every event and answers every fork. Each question is a line that lists all that
can be typed, commands of the learner's own aside; Ctrl-D and Ctrl-C at a question mean quit. While a command runs
the keyboard is the command's.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self, TextIO

from labrunner.engine.policy import Decision, Moment, Move, Point
from labrunner.model import Course, Lab, Option, Outcome, Step
from labrunner.record import events
from labrunner.ui import texts
from labrunner.ui.asking import Asking
from labrunner.ui.pages import Pages
from labrunner.ui.questions import choose_option, offer_options, quiz
from labrunner.ui.reading import Reading
from labrunner.ui.running import Running
from labrunner.ui.scenes import Scenes, commands_of, file_of, option_of, place_of
from labrunner.ui.screen import Screen
from labrunner.ui.tally import Tally
from labrunner.ui.terminal import Keyboard

__all__ = ["Guide"]

WHILE_RUNNING = (
    *(events.OutputArrived, events.ShellRestarted, events.CommandEnded, events.OwnCommandEnded),
    *(events.SignInWaiting, events.SignInApproved),
)


class Guide:
    """Guides through `course` (its variables filled in) on a terminal.

    accessible: plain lines in reading order, nothing redrawn, no boxes, no meaning in colour.
    command_line: makes `run LAB` or `sandbox down` a line that this user can type, for advice.
    Use it as a context manager: leaving it gives the terminal back whatever happened.
    """

    mode = "guided"
    live = True

    def __init__(
        self,
        source: TextIO,
        stream: TextIO,
        *,
        course: Course,
        env: Mapping[str, str],
        accessible: bool = False,
        command_line: texts.CommandLine = texts.command_line,
    ) -> None:
        self._screen = Screen(stream, env=env, accessible=accessible)
        self._keys = Keyboard(source, self._screen.sink, plain=self._screen.plain)
        self.keyboard: int | None = self._keys.descriptor
        self._running = Running(self._screen, self.keyboard)
        self._scenes = Scenes(self._screen, course)
        self._pages = Pages(self._screen, self._keys)
        self._asking = Asking(self._screen, self._keys, self._pages, self._scenes, course)
        self._reading = Reading(
            self._screen,
            self._keys,
            self._pages,
            self._scenes,
            self._asking.more,
            course=course,
            command_line=command_line,
        )
        self._pages.more = self._asking.more.show
        self._pages.named = self._asking.more.named
        self._course = course
        self._command_line = command_line
        self._tally = Tally()
        self._file = ""  # the path of a file that is being written
        self._chosen: tuple[Option, ...] = ()
        self._introduced: tuple[str, str] | None = None
        self._drawn: tuple[str, str, str] | None = None
        self._met: set[str] = set()  # labs whose text an earlier run has shown
        self._waited: set[str] = set()
        self._prepares = False
        self._said = ""
        self._later = False  # the command at hand is not the first of its step
        self._go_on = False
        self._quitting = False
        self._leaving = False  # the learner said so where the engine does not ask; the next fork quits
        self._restarted = ""  # the host where a new shell runs, to be told
        self._own_host = "local"
        self._back = False  # from a command of the learner's own to a question that was asked before
        self._show: Mapping[type[events.Event], Callable[[Any], None]] = {
            events.SessionStarted: self._session_started,
            events.SessionResumed: self._session_resumed,
            events.LabStarted: self._lab_started,
            events.StepStarted: self._step_started,
            events.StepResumed: self._step_resumed,
            events.CommandStarted: self._command_started,
            events.OutputArrived: self._output_arrived,
            events.SignInWaiting: self._sign_in_waiting,
            events.SignInApproved: self._sign_in_approved,
            events.CommandEnded: self._command_ended,
            events.OwnCommandStarted: self._own_command_started,
            events.OwnCommandEnded: self._own_command_ended,
            events.CheckWaiting: self._check_waiting,
            events.CheckEnded: self._check_ended,
            events.ShellRestarted: self._shell_restarted,
            events.Prepared: self._prepared,
            events.CarriedOver: self._carried_over,
            events.HintShown: self._hint_shown,
            events.MistakeRecognised: self._mistake_recognised,
            events.ProblemRecognised: self._problem_recognised,
            events.StepEnded: self._step_ended,
            events.SessionEnded: self._session_ended,
        }

    def __enter__(self) -> Self:
        self._keys.quiet()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the terminal back. Idempotent."""
        self._running.release()
        self._screen.end_status()
        self._screen.sink.flush()
        self._keys.give_back()

    def take_back(self, typed: bytes) -> None:
        """Have it stand at the next question that is about the lab."""
        self._keys.take_back(typed)

    # -- what happens

    def show(self, event: events.Event) -> None:
        """Present the event."""
        self._tally.add(event)
        present = self._show.get(type(event))
        if present is None:
            return
        if self._running and not isinstance(event, WHILE_RUNNING):
            self._running.release()
        present(event)
        self._screen.sink.flush()

    def _session_started(self, event: events.SessionStarted) -> None:
        with self._pages.reading():
            self._scenes.session(event, self._tally)
        if not self._stops:
            self._leaving = not self._reading.before(self._tally)

    def _session_resumed(self, event: events.SessionResumed) -> None:
        self._met = {entry["lab"] for entry in event.outcomes}
        with self._pages.reading():
            self._scenes.resumed(event, self._tally)
        if not event.outcomes and not self._stops:  # perhaps they were not read: no step is done
            self._leaving = not self._reading.before(self._tally)

    def _step_resumed(self, event: events.StepResumed) -> None:
        step = self._step(event.lab, event.step)
        if step is not None:
            self._introduce(event.lab, step, event.number, event.count)
        if event.start and not event.interrupted and step is not None:
            unseen = sum(command.by == "unattended" for command in step.commands[: event.start - len(step.files)])
            done = texts.count(event.start - unseen, "command")
            self._screen.line(f"You are back in this step: {done} of it done.", style="dim")

    def _lab_started(self, event: events.LabStarted) -> None:
        lab = self._lab(event.lab)
        with self._pages.reading():
            if lab is not None and lab.id not in self._met:
                self._scenes.lab(lab)
            else:
                self._screen.heading(f"{lab.name}: {lab.title}" if lab else event.title)

    def _step_started(self, event: events.StepStarted) -> None:
        self._waited.clear()
        self._prepares = False
        step = self._step(event.lab, event.step)
        if step is not None:
            self._introduce(event.lab, step, event.number, event.count)
        if event.attempt > 1:
            self._screen.gap()
            self._screen.line(f"Attempt {event.attempt}", style="dim")
        if step is not None and step.setup:
            self._screen.status(texts.PREPARING)

    def _command_started(self, event: events.CommandStarted) -> None:
        if self._drawn != (event.lab, event.step, event.run):
            self._screen.gap()
            if event.file:
                self._scenes.file(event.file, event.run)
            else:
                self._screen.command(event.run, event.host)
        self._drawn = None
        self._asking.more.output = ""
        self._pages.turn()
        self._file = event.file or ""
        if not event.file:
            self._running.begin()

    def _output_arrived(self, event: events.OutputArrived) -> None:
        self._running.feed(event.data)

    def _sign_in_waiting(self, event: events.SignInWaiting) -> None:
        self._running.say(texts.sign_in_here(event.code), gap=True)

    def _sign_in_approved(self, _event: events.SignInApproved) -> None:
        self._running.say(texts.SIGNED_IN)

    def _command_ended(self, event: events.CommandEnded) -> None:
        self._finish_output(event.output)
        self._scenes.command_ended(event, file=self._file)
        self._tell_restart()

    def _own_command_started(self, event: events.OwnCommandStarted) -> None:
        self._own_host = event.host
        self._asking.more.output = ""
        self._running.begin(own=True)

    def _own_command_ended(self, event: events.OwnCommandEnded) -> None:
        self._finish_output(event.output)
        self._scenes.own_ended(event)
        if event.end == "shell-exited" and self._own_host != "local":
            self._screen.line(texts.left_host(self._own_host), indent=2)
        self._tell_restart()
        self._back = True

    def _finish_output(self, output: str) -> None:
        self._asking.more.output = output if self._running.finish(output) else ""

    def _tell_restart(self) -> None:
        if self._restarted:
            self._screen.line(texts.shell_restarted(self._restarted), indent=2)
            self._restarted = ""

    def _check_waiting(self, event: events.CheckWaiting) -> None:
        text = f"waiting: {event.message}"
        self._screen.status(text)
        if self._screen.plain and event.kind not in self._waited:
            self._waited.add(event.kind)
            self._screen.line(text, indent=2)

    def _check_ended(self, event: events.CheckEnded) -> None:
        self._said = event.message
        self._screen.verdict(event.outcome, event.message or event.kind)

    def _shell_restarted(self, event: events.ShellRestarted) -> None:
        self._restarted = event.host  # said after the command's own output

    def _prepared(self, event: events.Prepared) -> None:
        if not self._prepares:
            self._screen.gap()
        self._prepares = True
        self._screen.line(f"Prepared for you: {event.text}", style="dim", indent=2)
        self._screen.status(texts.PREPARING)  # there may be more to do

    def _carried_over(self, event: events.CarriedOver) -> None:
        self._scenes.carried_over(event)

    def _hint_shown(self, event: events.HintShown) -> None:
        self._screen.gap()
        whole = "(for the step as a whole) " if self._later else ""
        text = f"{whole}{event.text}"
        self._screen.labelled(f"Hint {event.number} of {event.count}:", text, style="bold yellow")
        self._asking.own.mention(event.text)

    def _mistake_recognised(self, event: events.MistakeRecognised) -> None:
        self._screen.labelled("Looks familiar:", event.text, style="bold yellow")

    def _problem_recognised(self, event: events.ProblemRecognised) -> None:
        self._scenes.problem(event, line=self._command_line)

    def _step_ended(self, event: events.StepEnded) -> None:
        self._scenes.step_ended(event, self._lab(event.lab), self._tally.passed(event.lab), line=self._command_line)
        if event.outcome is Outcome.PASSED:
            self._quiz(event)

    def _quiz(self, event: events.StepEnded) -> None:
        step = self._step(event.lab, event.step)
        if step is None or self._stops:
            return
        self._leaving = not quiz(self._screen, self._keys, self._pages, step.questions)

    @property
    def _stops(self) -> bool:
        """Whether the learner has said that this is enough for now."""
        return self._quitting or self._leaving or self._pages.quit

    def _session_ended(self, event: events.SessionEnded) -> None:
        self._scenes.summary(event, self._tally, line=self._command_line)
        if not self._stops and event.totals.get("passed", 0) == self._tally.steps():
            self._reading.after(self._tally)

    # -- what is decided

    def decide(self, moment: Moment) -> Decision:
        """Show where the learner is and ask; RUN without a question where there is nothing to choose."""
        self._running.release()
        if self._stops:
            return self._quit(moment)
        back, self._back = self._back, False
        if moment.point is Point.STEP:
            return self._decide_step(moment)
        if moment.point is Point.COMMAND:
            return self._decide_command(moment, back=back)
        if moment.point is Point.INTERRUPTED:
            return self._decide_interrupted(moment)
        if moment.point is Point.PASSED:
            return moment.moves[0]  # the next step's own question is where the learner rests
        if back:
            self._screen.gap()
            self._screen.line(texts.back_to_failure(moment.reason, moment.outcome))
            if moment.moves[0] is Move.DONE:
                self._screen.line(texts.FOUND_DONE, indent=2)
        if moment.outcome is Outcome.ERROR:
            if moment.reason != self._said and not back:
                self._screen.verdict(Outcome.ERROR, moment.reason)
            self._screen.line(texts.error_advice(self._tally.target, self._command_line), indent=2)
        return self._ask(moment, "go on")

    def _decide_step(self, moment: Moment) -> Decision:
        number, total = place_of(moment.lab, moment.step)
        usual = "start" if number == 1 else "go on"
        self._scenes.begin()
        with self._pages.reading():
            self._screen.gap()
            self._screen.line(f"Next: step {number} of {total}, {moment.step.title}")
        move = self._ask(moment, usual, without=Move.HINT)
        if move is Move.RUN:
            self._asking.more.output = ""
            self._introduce(moment.lab.id, moment.step, number, total)
            return self._quit(moment) if self._stops else move
        return move

    def _decide_command(self, moment: Moment, *, back: bool) -> Decision:
        command = moment.command
        assert command is not None
        key = (moment.lab.id, moment.step.id, moment.text or command.run)
        file = file_of(moment.step, command)
        mine = commands_of(moment.step, self._chosen or option_of(moment.step, command))
        self._later = command in mine[1:]
        if self._drawn != key or back:
            with self._pages.reading():
                if file is not None:
                    self._scenes.file(file.path, moment.text)
                elif self._go_on:
                    self._screen.gap()
                    self._screen.command(moment.text or command.run, command.host)
                else:
                    self._scenes.command(moment.step, command, moment.text, mine, back=back)
            self._drawn = key
            if self._stops:
                return self._quit(moment)
        if self._go_on or command.by == "labrunner":
            self._go_on = False
            return moment.moves[0]
        return self._ask(moment, "write it" if file is not None else "run it")

    def _decide_interrupted(self, moment: Moment) -> Decision:
        """What to do with a command that nobody saw the end of; it is on the screen once."""
        self._screen.gap()
        self._screen.line(f"{texts.INTERRUPTED}. It may have done its work, a part of it, or nothing:")
        self._screen.command(moment.text, moment.command.host if moment.command else "local")
        if moment.moves[0] is Move.DONE:
            self._screen.line(texts.FOUND_DONE, indent=2)
        self._drawn = (moment.lab.id, moment.step.id, moment.text)
        move = self._ask(moment, "run it again", without=None)
        self._go_on = move is Move.RUN
        return move

    def _ask(self, moment: Moment, usual: str, *, without: Move | None = None) -> Decision:
        """Ask until the answer is one of the moves, or a command; `usual` says what Enter does if that is RUN."""
        answer = self._asking.ask(moment, usual, without=without)
        if answer is None:
            return self._quit(moment)
        if isinstance(answer, Move):
            self._go_on = answer is Move.RETRY
        return answer

    def _quit(self, moment: Moment) -> Move:
        if not self._quitting:
            self._quitting = True
            self._screen.line("You stop here, and that is fine. To go on from here:")
            self._screen.to_type(self._command_line("run"))
        return Move.QUIT if Move.QUIT in moment.moves else moment.moves[0]

    def choose(self, step: Step, options: tuple[Option, ...]) -> tuple[Option, ...]:  # noqa: ARG002
        """The one alternative that the learner picks. After quit at this question the next fork quits."""
        self._chosen = options[:1]
        if len(options) > 1:
            with self._pages.reading():
                offer_options(self._screen, options)
            found = None if self._pages.quit else choose_option(self._screen, self._keys, options)
            self._leaving = found is None
            self._chosen = (found,) if found is not None else options[:1]
            self._pages.turn()
        return self._chosen

    # -- where we are

    def _introduce(self, lab: str, step: Step, number: int, total: int) -> None:
        if self._introduced != (lab, step.id):
            self._introduced = (lab, step.id)
            self._drawn = None
            self._chosen = ()
            self._later = False
            with self._pages.reading():
                self._scenes.step(step, number, total)

    def _lab(self, name: str) -> Lab | None:
        return next((lab for lab in self._course.labs if lab.id == name), None)

    def _step(self, lab: str, name: str) -> Step | None:
        found = self._lab(lab)
        return next((step for step in found.steps if step.id == name), None) if found else None
