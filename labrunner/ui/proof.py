"""Shows what `labrunner prove` finds: per check what made it fail, and what is not proven."""

from typing import TextIO

from labrunner.model import Course
from labrunner.record.events import Event, LabStarted, Proved, SessionEnded, StepEnded

__all__ = ["Proof"]

_WORDS = {
    ("before", True): "fails before",
    ("before", False): "NOT PROVEN",
    ("after", True): "passes after",
    ("again", True): "passes again",
    ("cleanup", True): "cleanup",
    ("wrong-state", True): "fails when wrong",
}
_WIDTH = 17


class Proof:
    """Presents events on a text stream, one line of evidence each."""

    def __init__(self, out: TextIO, *, course: Course | None = None) -> None:
        """`out` gets the evidence: it is what the command is asked for. `course` gives its labs their names."""
        self._out = out
        self._names = {lab.id: lab.name for lab in course.labs} if course else {}
        self._step = ""

    def show(self, event: Event) -> None:
        """Print the event if it is evidence or a heading."""
        match event:
            case LabStarted():
                self._line(f"{self._names.get(event.lab, event.lab)}: {event.title}")
            case Proved():
                self._heading(event.lab, event.step)
                self._evidence(event)
            case StepEnded():
                self._line(f"    => {'proven' if event.outcome == 'passed' else f'{event.outcome}: not proven'}")
                if event.outcome == "error":
                    self._line(f"       {event.reason}")
            case SessionEnded():
                proven = event.totals.get("passed", 0)
                self._line(f"{proven} of {sum(event.totals.values())} steps are proven.")

    def _heading(self, lab: str, step: str) -> None:
        place = f"{self._names.get(lab, lab)}/{step}"
        if self._step != place:
            self._step = place
            self._line(f"  {self._step}")

    def _evidence(self, event: Proved) -> None:
        word = _WORDS.get((event.phase, event.ok), "NOT PROVEN")
        what = f"{event.check}: " if event.check else ""
        place = "" if event.ok else f"{event.at}: "
        self._line(f"    {word:<{_WIDTH}}{place}{what}{event.message}")

    def _line(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()
