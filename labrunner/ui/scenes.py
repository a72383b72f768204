"""What a guided learner sees of a course, a lab, a step and a command, before anything is asked."""

from collections.abc import Iterable, Sequence

from labrunner.model import Command, Course, Erratum, File, Lab, Notice, Option, Outcome, Page, Problem, Step
from labrunner.record.events import (
    CarriedOver,
    CommandEnded,
    OwnCommandEnded,
    ProblemRecognised,
    SessionEnded,
    SessionResumed,
    SessionStarted,
    StepEnded,
)
from labrunner.ui import texts
from labrunner.ui.keys import HELP
from labrunner.ui.lines import width_of
from labrunner.ui.own import EXAMPLE, MARK
from labrunner.ui.prose import first_sentence
from labrunner.ui.screen import Screen
from labrunner.ui.settings import in_short
from labrunner.ui.tally import Tally

__all__ = ["WHY", "Scenes", "commands_of", "file_of", "option_of", "place_of"]

NOTICES = {"warning": "Warning", "cost": "Cost", "retirement": "Retirement", "note": "Note"}
WHY = "w"
"""The key that shows the reasons of corrections."""

HOW_TO = (
    "Each command is shown before it runs: Enter runs it. A letter and Enter does what the line says. "
    "While a command runs, Ctrl-C stops that command. "
    f"A line that begins with {MARK} is a command of your own, such as: {MARK} {EXAMPLE}. "
    f"It runs in the same shell and is not judged. At any question, {HELP} says what can be typed."
)
PRAISE = ("Well done.", "Good work.", "That is right.")


class Scenes:
    """Draws the parts of `course` (its variables filled in) on `screen`."""

    def __init__(self, screen: Screen, course: Course) -> None:
        self._screen = screen
        self._course = course
        self.corrections: list[Erratum] = []
        """Those shown in short since `begin`; `reasons` shows the rest of them."""
        self._told: set[str] = set()  # the ids of those whose correction was shown
        self._written: tuple[Sequence[Erratum], str] = ((), "")  # corrections, and the text's command that none quotes
        self._given: Step | None = None  # the last step of which was said that labrunner runs commands

    def begin(self) -> None:
        """The learner has gone on: what is shown from here is about something else."""
        self.corrections = []

    def session(self, event: SessionStarted, tally: Tally) -> None:
        """The course, what is planned and how to get along."""
        screen = self._screen
        screen.gap()
        screen.heading(event.course_title)
        labs = f"{texts.count(len(event.plan), 'lab')}, {texts.count(tally.steps(), 'step')}"
        sandbox = "in your sandbox (a small machine of its own inside this one)"
        screen.line(f"{labs}, {sandbox if event.target == 'sandbox' else f'on {event.target}'}.", style="dim")
        early = self._from_the_start(event)
        if early:
            screen.gap()
            screen.markdown(self._course.text)
        self._notices(self._course.notices)
        if early:
            screen.gap()
            screen.line(HOW_TO)

    def _from_the_start(self, event: SessionStarted) -> bool:
        """Whether the plan begins where the course does; who goes on later has read how it works."""
        first = self._course.labs[0].id if self._course.labs else None
        return not event.plan or event.plan[0]["id"] == first

    def resumed(self, event: SessionResumed, tally: Tally) -> None:
        """That a session goes on, and with what."""
        screen = self._screen
        screen.gap()
        screen.heading(event.course_title)
        done = sum(entry["outcome"] == Outcome.PASSED for entry in event.outcomes)
        screen.line(f"You go on: {done} of {texts.count(tally.steps(), 'step')} done.")
        screen.line(texts.SHELL_BACK[event.shell])
        if not event.outcomes:
            screen.gap()
            screen.line(HOW_TO)

    def page(self, page: Page, *, why: bool = False) -> None:
        """A page's title, its text and what of the course text it corrects. why: all there is to say about that."""
        screen = self._screen
        screen.gap()
        screen.heading(page.title, level=2)
        screen.gap()
        screen.markdown(page.text)
        errata = [entry for entry in self._course.errata if entry.id in page.errata]
        if why:
            self.whole(errata)
        else:
            self._errata(errata)

    def problems(self, title: str) -> None:
        """Everything that the course says of the errors that it knows, in the order in which they are recognised."""
        screen = self._screen
        screen.gap()
        screen.heading(title, level=2)
        for problem in self._course.problems:
            rows = [("Cause:", problem.cause), ("Fix:", problem.fix), ("Source:", problem.source)]
            screen.bar(_title(problem), self._see(rows, problem.see, texts.command_line), style="yellow")

    def lab(self, lab: Lab) -> None:
        """A lab's title, text and notices."""
        screen = self._screen
        screen.gap()
        screen.heading(f"{lab.name}: {lab.title}", f"about {lab.minutes} min" if lab.minutes else "")
        screen.gap()
        screen.markdown(lab.text)
        self._notices(lab.notices)

    def step(self, step: Step, number: int, total: int) -> None:
        """A step's title, text, notices, and those errata that belong to no single command."""
        screen = self._screen
        screen.gap()
        screen.heading(f"Step {number} of {total}: {step.title}", level=2)
        screen.gap()
        screen.markdown(step.text)
        self._notices(step.notices)
        everything = list(step.all_commands())
        self._errata([entry for entry in self._errata_of(step) if _first_of(entry, everything) is None])

    def command(self, step: Step, command: Command, text: str, mine: Sequence[Command], *, back: bool = False) -> None:
        """What a command is for, where the course text differs, and the command itself.

        mine: the step's commands that this learner gives, in order. back: all of it was shown before.
        """
        screen = self._screen
        word = "Back to command" if back else "Command"
        place = f"{word} {mine.index(command) + 1} of {len(mine)}" if command in mine else word
        screen.gap()
        screen.line(f"{place}: {command.says}" if command.says else place)
        if back:
            screen.command(text or command.run, command.host)
            return
        errata = [entry for entry in self._errata_of(step) if _first_of(entry, mine) is command]
        self._errata(errata, other=bool(command.written))
        if command.written and not any(_folded(command.written) in _folded(erratum.says) for erratum in errata):
            if errata:
                self._written = (self.corrections, command.written)
            else:
                self._as_written("The command differs from the course text", command.written)
        if errata or command.written:
            screen.gap()
        if errata and not command.written:
            screen.line("The command is that of the course text:")
        if command.by == "labrunner" and self._given is not step:
            self._given = step
            screen.line("labrunner runs this one for you:")
        screen.command(text or command.run, command.host)

    def file(self, path: str, text: str) -> None:
        """A file that is about to be written into the work folder; a script's long lines as its shell reads them."""
        screen = self._screen
        screen.gap()
        screen.line(f"The file {path} in your work folder gets this content:")
        text = texts.clean(text).rstrip("\n")
        if path.endswith(".sh"):
            screen.to_type(text)
            return
        lines = text.split("\n")
        room = screen.columns - max(map(width_of, lines))
        screen.verbatim(lines, indent=max(0, min(4, room)))

    def command_ended(self, event: CommandEnded, *, file: str) -> None:
        """How a command ended, behind its output; or that the `file` is written."""
        screen = self._screen
        if event.outcome is not Outcome.PASSED:
            head, rest = texts.headline(event)
            screen.verdict(event.outcome, head, raw=True)
            room = screen.columns - max(map(len, rest), default=0)
            screen.verbatim(rest, indent=max(0, min(4, room)))
        elif (verdict := texts.command_verdict(event)) or not event.output.strip():
            done = f"{file} is written." if file else "Done, no output."
            screen.line(verdict or done, style="dim", indent=2)

    def carried_over(self, event: CarriedOver) -> None:
        """What a shell was given of earlier steps that it had not seen, as far as the lab is about it."""
        lab = next((lab for lab in self._course.labs if lab.id == event.lab), None)
        if settings := in_short(event.runs, lab):
            text = f"labrunner has set in your shell what earlier steps set: {'; '.join(settings)}"
            self._screen.line(text, style="dim", indent=2, raw=True)

    def own_ended(self, event: OwnCommandEnded) -> None:
        """How a command of the learner's own ended, where its output does not say."""
        verdict = texts.own_verdict(event)
        if event.reason:
            self._screen.verdict(Outcome.ERROR, verdict)
        elif verdict:
            self._screen.line(verdict, style="dim", indent=2)

    def step_ended(self, event: StepEnded, lab: Lab | None, done: int, *, line: texts.CommandLine) -> None:
        """How a step ended; of one that passed, how many of its lab are `done` by now."""
        screen = self._screen
        if event.outcome is Outcome.PASSED:
            are = "is" if done == 1 else "are"
            progress = f" {done} of {texts.count(len(lab.steps), 'step')} of this lab {are} done." if lab else ""
            screen.verdict(event.outcome, f"{PRAISE[done % len(PRAISE)]}{progress}")
        elif event.outcome is Outcome.SKIPPED:
            screen.verdict(event.outcome, "You can come back to it at any time:")
            screen.to_type(line(f"goto {lab.name if lab else event.lab}/{event.step}"))
        elif event.outcome is not Outcome.NOT_RUN:
            screen.verdict(event.outcome, event.reason or "The step is not done yet.")

    def problem(self, event: ProblemRecognised, *, line: texts.CommandLine) -> None:
        """A known problem that a command has met: why, and what to do."""
        lab = next((lab.name for lab in self._course.labs if lab.id == event.lab), event.lab)
        see = "" if event.see in {lab, f"{lab}/{event.step}"} else event.see  # they are there
        rows = self._see([("Cause:", event.cause), ("Fix:", event.fix)], see, line)
        titles = {problem.id: _title(problem) for problem in self._course.problems}
        self._screen.bar(f"A known problem: {titles.get(event.problem, event.problem)}", rows, style="yellow")

    def _see(self, rows: list[tuple[str, str]], see: str, line: texts.CommandLine) -> list[tuple[str, str]]:
        """The rows, and one for the lab or step that is about it, if one is: its title, and how to get there."""
        titles = {lab.name: lab.title for lab in self._course.labs}
        titles |= {f"{lab.name}/{step.id}": step.title for lab in self._course.labs for step in lab.steps}
        return [*rows, ("See:", f"{titles[see]}: `{line(f'run {see}')}`")] if see in titles else rows

    def summary(self, event: SessionEnded, tally: Tally, *, line: texts.CommandLine) -> None:
        """How the session ended and what is left."""
        screen = self._screen
        screen.gap()
        screen.heading("Summary", level=2)
        screen.line(f"{texts.totals_line(event.totals)}, in {texts.duration(event.seconds)}.")
        wrong = tally.not_passed()
        names = {lab.id: lab.name for lab in self._course.labs}
        for end in wrong:
            screen.verdict(
                end.outcome, f"{names.get(end.lab, end.lab)}/{end.step}" + (f": {end.reason}" if end.reason else "")
            )
        if any(end.outcome is Outcome.ERROR for end in wrong):
            screen.line(texts.error_advice(tally.target, line))
        total, passed = tally.steps(), event.totals.get("passed", 0)
        if total and passed == total:
            screen.line("Every step passed. Well done!", style="bold green")
            if follows := self._next_lab(tally):
                screen.line(f"The next lab is {texts.named(follows)}:")
                screen.to_type(line(f"run {follows.name}"))
        if tally.passed_over():
            screen.line(texts.PASSED_OVER)
            screen.to_type(line("run"))
        elif more := texts.not_reached(tally.not_reached(), tally.mode):
            screen.line(more, indent=2)
        remains, command = texts.what_remains(tally.target, tally.made, line)
        if remains:
            screen.line(remains)
        if command:
            screen.to_type(command)

    def _next_lab(self, tally: Tally) -> Lab | None:
        """The lab after the last one of the plan, when that was done to its end."""
        labs = list(self._course.labs)
        at = next((at for at, lab in enumerate(labs) if tally.plan and lab.id == tally.plan[-1]["id"]), len(labs))
        if at + 1 >= len(labs) or not labs[at].steps or not tally.is_last(labs[at].id, labs[at].steps[-1].id):
            return None
        return labs[at + 1]

    def _notices(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            rows = [("", " ".join(part.split())) for part in notice.text.split("\n\n")]
            if notice.source:
                rows.append(("", f"Source: {notice.source}"))
            self._screen.bar(NOTICES.get(notice.kind, notice.kind.capitalize()), rows, style="yellow")

    def _errata(self, errata: Sequence[Erratum], *, other: bool = False) -> None:
        """The corrections alone; what was wrong, and who says so, waits for `reasons`. other: so is the command.

        Several share a box, with the first sentence of each. That alone is said again of one that was shown before in
        this run.
        """
        what = "The course text has another command" if other else "About the course text here"
        if not errata:
            return
        self.corrections.extend(errata)
        if len(errata) > 1:
            rows = [(erratum.id, first_sentence(erratum.correction)) for erratum in errata]
            self._screen.bar(f"{what} ({len(errata)} errata; {WHY} tells why)", rows, style="magenta")
        else:
            (one,) = errata
            again = one.id in self._told
            rows = [("", first_sentence(one.correction) if again else f"{one.where}: {one.correction}")]
            self._screen.bar(f"{what} (erratum {one.id}; {WHY} tells why)", rows, style="magenta")
        self._told.update(erratum.id for erratum in errata)

    def reasons(self) -> None:
        """All there is to say about the corrections that were shown last."""
        self.whole(self.corrections)
        about, written = self._written
        if about is self.corrections:
            self._as_written("The course text's own command", written)

    def _as_written(self, title: str, command: str) -> None:
        self._screen.bar(title, [("It says:", command)], style="magenta", raw=True)

    def whole(self, errata: Iterable[Erratum]) -> None:
        """All there is to say about these corrections."""
        for erratum in errata:
            rows = [
                ("It says:", erratum.says),
                ("But today:", erratum.wrong),
                ("So here:", erratum.correction),
                ("Source:", erratum.source),
            ]
            title = f"Erratum {erratum.id} of the course text: {erratum.where}"
            self._screen.bar(title, [row for row in rows if row[1]], style="magenta")

    def _errata_of(self, step: Step) -> list[Erratum]:
        return [entry for entry in self._course.errata if entry.id in step.errata]


def _title(problem: Problem) -> str:
    """What a learner knows it by."""
    return problem.title or " ... ".join(problem.when)


def commands_of(step: Step, options: Sequence[Option]) -> list[Command]:
    """The commands of a learner who has chosen these options of the step."""
    found = [*step.commands, *(command for option in options for command in option.commands)]
    return [command for command in found if command.by != "unattended"]


def option_of(step: Step, command: Command) -> tuple[Option, ...]:
    """The option that has the command: what was chosen before a run that is gone on with."""
    return tuple(option for option in step.options if command in option.commands)[:1]


def place_of(lab: Lab, step: Step) -> tuple[int, int]:
    """The step's number in its lab, and how many there are."""
    ids = [known.id for known in lab.steps]
    return ids.index(step.id) + 1, len(ids)


def file_of(step: Step, command: Command) -> File | None:
    """The file of the step that the engine shows as this command; None for a command of its own."""
    if any(known is command for known in step.all_commands()):
        return None
    files = [*step.files, *(file for option in step.options for file in option.files)]
    return next((file for file in files if file.ref == command.ref and (file.text or "") == command.run), None)


def _first_of(erratum: Erratum, commands: Sequence[Command]) -> Command | None:
    """The first of the commands that the erratum is about: by its references, or, without any, by what it quotes."""
    if erratum.ref:
        return next((command for command in commands if command.ref in erratum.ref), None)
    says = _folded(erratum.says)
    for command in commands:
        quoted = _folded(command.written or command.run)
        if len(quoted) >= 8 and quoted in says:
            return command
    return None


def _folded(text: str) -> str:
    """In one line, as the shell takes lines that end in a backslash."""
    return " ".join(text.replace("\\\n", " ").split())
