"""What a guided learner sees of a course, a lab, a step and a command, before anything is asked."""

import re
from collections.abc import Iterable, Sequence

from labrunner.model import Command, Course, Erratum, File, Lab, Notice, Outcome, Step
from labrunner.record.events import SessionEnded, SessionStarted
from labrunner.ui import texts
from labrunner.ui.screen import Screen
from labrunner.ui.tally import Tally

__all__ = ["Scenes"]

NOTICES = {"warning": "Warning", "cost": "Cost", "retirement": "Retirement", "note": "Note"}
PRAISE = ("Well done.", "Good work.", "That is right.")


class Scenes:
    """Draws the parts of `course` (its variables filled in) on `screen`."""

    def __init__(self, screen: Screen, course: Course) -> None:
        self._screen = screen
        self._course = course

    def session(self, event: SessionStarted, tally: Tally) -> None:
        """The course, what is planned and how to get along."""
        screen = self._screen
        screen.gap()
        screen.heading(event.course_title)
        labs = f"{texts.count(len(event.plan), 'lab')}, {texts.count(tally.steps(), 'step')}"
        place = "in your sandbox" if event.target == "sandbox" else f"on {event.target}"
        screen.line(f"{labs}, {place}.", style="dim")
        screen.gap()
        screen.markdown(self._course.text)
        self._notices(self._course.notices)
        screen.gap()
        screen.line(
            "At each command you are asked: Enter runs it. A letter and Enter does what the line says. "
            "While a command runs, Ctrl-C stops that command."
        )

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
        self._errata(self._errata_of(step, None))

    def command(self, step: Step, command: Command, text: str) -> None:
        """What a command is for, where the course text differs, and the command itself."""
        screen = self._screen
        commands = list(step.all_commands())
        place = f"Command {commands.index(command) + 1} of {len(commands)}" if command in commands else "Command"
        screen.gap()
        screen.line(f"{place}: {command.says}" if command.says else place)
        errata = self._errata_of(step, command)
        self._errata(errata)
        if command.written and not any(command.written.strip() in erratum.says for erratum in errata):
            screen.bar("The command differs from the course text", [("It says:", command.written)], style="magenta")
        if errata or command.written:
            screen.gap()
        screen.command(text or command.run, command.host)

    def file(self, path: str, text: str) -> None:
        """A file that is about to be written into the work folder."""
        screen = self._screen
        screen.gap()
        screen.line(f"The file {path} in your work folder gets this content:")
        screen.verbatim(text.rstrip("\n").split("\n"), indent=4)

    def praise(self, number: int) -> str:
        """A short word for a step that passed."""
        return PRAISE[number % len(PRAISE)]

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
        remains, command = texts.what_remains(tally.target, tally.made, line)
        if remains:
            screen.line(remains)
        if command:
            screen.verbatim([command], indent=4)

    def _notices(self, notices: Iterable[Notice]) -> None:
        for notice in notices:
            rows = [("", notice.text)]
            if notice.source:
                rows.append(("", f"Source: {notice.source}"))
            self._screen.bar(NOTICES.get(notice.kind, notice.kind.capitalize()), rows, style="yellow")

    def _errata(self, errata: Sequence[Erratum]) -> None:
        for erratum in errata:
            rows = [
                ("It says:", erratum.says),
                ("But today:", erratum.wrong),
                ("So here:", erratum.correction),
                ("Source:", erratum.source),
            ]
            title = f"The course text is out of date here ({erratum.id})"
            self._screen.bar(title, [row for row in rows if row[1]], style="magenta")

    def _errata_of(self, step: Step, command: Command | None) -> list[Erratum]:
        """The step's errata that concern the command; for None those that concern no command of the step."""
        entries = [entry for entry in self._course.errata if entry.id in step.errata]
        return [entry for entry in entries if _concerns(entry, step) is command]


def file_of(step: Step, command: Command) -> File | None:
    """The file of the step that the engine shows as this command; None for a command of its own."""
    if any(known is command for known in step.all_commands()):
        return None
    files = [*step.files, *(file for option in step.options for file in option.files)]
    return next((file for file in files if file.ref == command.ref and (file.text or "") == command.run), None)


def _concerns(erratum: Erratum, step: Step) -> Command | None:
    """The first command of the step that the erratum is about: by its ref, or by the text that it quotes."""
    commands = list(step.all_commands())
    for command in commands:
        if command.ref and re.search(rf"(?<![\w.]){re.escape(command.ref)}(?!\w)", erratum.where):
            return command
    says = " ".join(erratum.says.split())
    for command in commands:
        quoted = " ".join((command.written or command.run).split())
        if len(quoted) >= 8 and quoted in says:
            return command
    return None
