"""The presenter for runs that nobody sits at: pipes, files, CI. One block per event, no cursor movement.

Our own words are folded at 80 columns; commands and their output are never broken, so that they can be
copied and searched.
"""

import textwrap
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TextIO

from labrunner.model import Course, Lab, Outcome
from labrunner.record import events
from labrunner.ui import texts
from labrunner.ui.program import as_typed
from labrunner.ui.settings import in_short
from labrunner.ui.stream import Sink, is_terminal, wants_color
from labrunner.ui.tally import Tally

__all__ = ["Plain"]

WIDTH = 80
COLORS: Mapping[Outcome, str] = {
    Outcome.PASSED: "32",
    Outcome.FAILED: "31",
    Outcome.ERROR: "35",
    Outcome.SKIPPED: "33",
    Outcome.NOT_RUN: "33",
}

_HANDED_ON = (events.CommandStarted, events.OwnCommandStarted, events.StepEnded, events.SessionEnded)


class Plain:
    """Shows events on a text stream. `report` is the path of the report, named at the end if there is one.
    `course`: gives its labs their names, which events do not have; its pages are named by a run of all of it.

    A terminal gets every event at once; otherwise text is handed on before a command runs and when a step
    or the session ends. A stream that is closed on the way is left alone.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        env: Mapping[str, str],
        report: str = "",
        course: Course | None = None,
        command_line: texts.CommandLine = texts.command_line,
    ) -> None:
        self._sink = Sink(stream)
        self._env = env
        self._prompt = is_terminal(stream)
        self._color = wants_color(stream, env)
        self._report = report
        self._course = course
        self._labs: Mapping[str, Lab] = {lab.id: lab for lab in course.labs} if course else {}
        self._command_line = command_line
        self._tally = Tally()
        self._options: Collection[str] = ()  # those of the step at hand that were taken
        self._text: list[str] = []
        self._show: Mapping[type[events.Event], Callable[[Any], None]] = {
            events.SessionStarted: self._session_started,
            events.SessionResumed: self._session_resumed,
            events.LabStarted: self._lab_started,
            events.StepStarted: self._step_started,
            events.OptionsTaken: self._options_taken,
            events.StepResumed: self._step_resumed,
            events.CommandStarted: self._command_started,
            events.CommandEnded: self._command_ended,
            events.OwnCommandStarted: self._own_command_started,
            events.OwnCommandEnded: self._own_command_ended,
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

    def show(self, event: events.Event) -> None:
        """Present the event. Kinds without a place here (live output, waiting) are passed over."""
        self._tally.add(event)
        present = self._show.get(type(event))
        if present is None:
            return
        present(event)
        if self._prompt or isinstance(event, _HANDED_ON):
            self.flush()

    def flush(self) -> None:
        """Hand on what is held back."""
        if self._text:
            self._sink.write("".join(self._text))
            self._text.clear()
            self._sink.flush()

    def _line(self, text: str = "") -> None:
        self._text.append(f"{text}\n")

    def _say(self, text: str, *, indent: str = "", hanging: str | None = None) -> None:
        """Our own words, folded; `hanging` indents the lines after the first."""
        text = as_typed(text, self._env)
        line = indent + (text if text.isprintable() else texts.clean(text).replace("\n", " "))
        if len(line) <= WIDTH:
            self._text.append(f"{line}\n")
            return
        hanging = indent if hanging is None else hanging
        folded = textwrap.wrap(line, WIDTH, subsequent_indent=hanging, break_on_hyphens=False, break_long_words=False)
        self._text.extend(f"{part}\n" for part in folded)

    def _verdict(self, outcome: Outcome, text: str, *, indent: str = "") -> None:
        start = len(self._text)
        word = texts.word(outcome)
        self._say(f"{word:<7} {text}", indent=indent, hanging=f"{indent}        ")
        if self._color:
            self._text[start] = self._text[start].replace(word, f"\x1b[{COLORS[outcome]}m{word}\x1b[0m", 1)

    def _session_started(self, event: events.SessionStarted) -> None:
        labs, steps = len(event.plan), self._tally.steps()
        self._say(event.course_title)
        self._say(f"{texts.count(labs, 'lab')}, {texts.count(steps, 'step')}{texts.way(event.target, event.mode)}")
        if event.tools:
            self._say(", ".join(f"{name} {version}" for name, version in event.tools.items()))
        self._name_pages("start", "before")

    def _name_pages(self, shown: str, when: str) -> None:
        if self._course is None or self._tally.mode == "check" or not self._tally.covers(self._course):
            return
        if names := [page.id for page in self._course.pages if page.shown == shown]:
            self._say(texts.pages_line(names, when, self._command_line))

    def _session_resumed(self, event: events.SessionResumed) -> None:
        done = sum(entry["outcome"] == Outcome.PASSED for entry in event.outcomes)
        self._say(event.course_title)
        self._say(
            f"Going on with a run that was left: {done} of {texts.count(self._tally.steps(), 'step')} passed"
            f"{texts.way(event.target, event.mode)}"
        )
        self._say(texts.SHELL_BACK[event.shell])

    def _lab_name(self, lab: str) -> str:
        """What the lab is called: by its name, where the course is known, as everywhere else."""
        return self._labs[lab].name if lab in self._labs else lab

    def _lab_started(self, event: events.LabStarted) -> None:
        heading = f"{self._lab_name(event.lab)}: {event.title}"
        self._line()
        self._say(heading)
        self._line("=" * min(len(heading), WIDTH))

    def _step_started(self, event: events.StepStarted) -> None:
        self._options = ()
        again = f", attempt {event.attempt}" if event.attempt > 1 else ""
        self._line()
        self._say(f"[{event.number}/{event.count}] {event.title} ({self._lab_name(event.lab)}/{event.step}{again})")

    def _options_taken(self, event: events.OptionsTaken) -> None:
        self._options = event.options

    def _step_resumed(self, event: events.StepResumed) -> None:
        self._line()
        place = f"{self._lab_name(event.lab)}/{event.step}"
        self._say(f"[{event.number}/{event.count}] {event.title} ({place}, gone on with)")
        if event.interrupted:
            self._say(f"{texts.INTERRUPTED}:", indent="    ")
            self._line(f"      {texts.clean(event.run)}")

    def _command_started(self, event: events.CommandStarted) -> None:
        if event.file:
            self._say(f"Write the file {event.file}", indent="    ")
        else:
            self._command(event.run, event.host)

    def _own_command_started(self, event: events.OwnCommandStarted) -> None:
        self._say("A command of the learner's own:", indent="    ")
        self._command(event.run, event.host)

    def _command(self, run: str, host: str) -> None:
        host = "" if host == "local" else f"{host} "
        first, *rest = texts.clean(run).rstrip("\n").split("\n")
        self._line(f"    {host}$ {first}")
        for line in rest:
            self._line(f"      {line}")

    def _output(self, output: str) -> None:
        if output and not output.isspace():
            self._text.extend(f"      {line}\n" if line else "\n" for line in texts.excerpt(output))

    def _own_command_ended(self, event: events.OwnCommandEnded) -> None:
        self._output(event.output)
        if verdict := texts.own_verdict(event):
            self._say(f"({verdict})", indent="    ")

    def _command_ended(self, event: events.CommandEnded) -> None:
        self._output(event.output)
        if event.outcome is not Outcome.PASSED:
            head, rest = texts.headline(event)
            self._verdict(event.outcome, f"({texts.duration(event.seconds)}) {head}", indent="    ")
            self._explanation(rest)
        elif verdict := texts.command_verdict(event):
            self._say(f"({verdict})", indent="    ")

    def _explanation(self, lines: Sequence[str]) -> None:
        """Lines of up to 80 columns: as far to the right as they fit."""
        indent = " " * max(0, min(8, WIDTH - max(map(len, lines), default=0)))
        for line in lines:
            self._line(f"{indent}{texts.clean(line)}".rstrip())

    def _check_ended(self, event: events.CheckEnded) -> None:
        self._verdict(event.outcome, f"{event.kind}: {event.message}", indent="    ")

    def _shell_restarted(self, event: events.ShellRestarted) -> None:
        self._say(texts.shell_restarted(event.host), indent="    ")

    def _prepared(self, event: events.Prepared) -> None:
        self._say(f"(prepared in {texts.duration(event.seconds)}: {event.text})", indent="    ")

    def _carried_over(self, event: events.CarriedOver) -> None:
        if settings := in_short(event.runs, self._labs.get(event.lab)):
            self._say(f"(set again in a new shell: {'; '.join(settings)})", indent="    ")

    def _hint_shown(self, event: events.HintShown) -> None:
        self._say(f"Hint {event.number} of {event.count}: {event.text}", indent="    ")

    def _mistake_recognised(self, event: events.MistakeRecognised) -> None:
        self._say(f"Known slip: {event.text}", indent="    ")

    def _problem_recognised(self, event: events.ProblemRecognised) -> None:
        self._say(f"Known problem ({event.problem}): {event.cause}", indent="    ")
        self._say(f"Fix: {event.fix}", indent="    ")

    def _step_ended(self, event: events.StepEnded) -> None:
        if self._tally.mode == "check" and event.outcome in (Outcome.PASSED, Outcome.FAILED):
            self._tell_unasked(event.lab, event.step)
        reason = f": {event.reason}" if event.reason else ""
        place = f"{self._lab_name(event.lab)}/{event.step}"
        self._verdict(event.outcome, f"{place} ({texts.duration(event.seconds)}){reason}", indent="  ")

    def _tell_unasked(self, lab: str, name: str) -> None:
        """Of a step that was only looked at: how many checks are about what does not last."""
        steps = self._labs[lab].steps if lab in self._labs else ()
        step = next((step for step in steps if step.id == name), None)
        if step is None:
            return
        checks = list(step.checks)
        for option in step.options:
            checks += option.checks if option.id in self._options else ()
        if number := sum(not check.lasts for check in checks):
            self._say(f"({texts.not_asked(number)})", indent="    ")

    def _session_ended(self, event: events.SessionEnded) -> None:
        self._line()
        self._say(f"Summary: {texts.totals_line(event.totals)} in {texts.duration(event.seconds)}")
        wrong = self._tally.not_passed()
        for end in wrong:
            reason = f": {end.reason}" if end.reason else ""
            self._verdict(end.outcome, f"{self._lab_name(end.lab)}/{end.step}{reason}", indent="  ")
        if any(end.outcome is Outcome.ERROR for end in wrong):
            self._say(texts.error_advice(self._tally.target, self._command_line), indent="  ")
        if event.totals.get("passed", 0) == self._tally.steps():
            self._name_pages("end", "now")
        if self._tally.passed_over():
            self._say(texts.PASSED_OVER)
            self._line(f"    {self._command_line('run')}")
        elif more := texts.not_reached(self._tally.not_reached(), self._tally.mode):
            self._say(more, indent="  ")
        if self._tally.mode != "check":
            remains, command = texts.what_remains(self._tally.target, self._tally.made, self._command_line)
            if remains:
                self._say(remains)
            if command:
                self._line(f"    {command}")
        if self._report:
            self._line(f"Report: {self._report}")
