"""The pages of a course, as a guided run of all of it shows them: before the first lab, and when all is done."""

from labrunner.model import Course, Page
from labrunner.ui import texts
from labrunner.ui.own import MARK
from labrunner.ui.pages import Pages
from labrunner.ui.scenes import Scenes
from labrunner.ui.screen import Screen
from labrunner.ui.tally import Tally
from labrunner.ui.terminal import Keyboard

__all__ = ["Reading"]


class Reading:
    """Shows the pages of `course` (its variables filled in), with one question for all of them."""

    def __init__(
        self,
        screen: Screen,
        keys: Keyboard,
        pages: Pages,
        scenes: Scenes,
        *,
        course: Course,
        command_line: texts.CommandLine,
    ) -> None:
        self._screen = screen
        self._keys = keys
        self._pages = pages
        self._scenes = scenes
        self._course = course
        self._command_line = command_line

    def before(self, tally: Tally) -> bool:
        """Show those of the start, if all of the course is to be run; False when the learner wants to quit."""
        found = self._found("start", tally)
        if not found or self._pages.quit:
            return True
        with self._pages.reading():
            self._show(found)
        if self._pages.quit:
            return False
        goes_on = self._ask("[Enter] go on   q quit: ")
        self._scenes.begin()
        return goes_on

    def after(self, tally: Tally) -> None:
        """Offer those of the end, if all of the course was run."""
        found = self._found("end", tally)
        if not found or self._pages.quit:
            return
        self._screen.gap()
        self._screen.line(f"To read at the end: {', '.join(page.title for page in found)}.")
        if not self._ask("[Enter] read   q enough: "):
            found = []
        with self._pages.reading(aside=True):
            self._show(found)

    def _found(self, shown: str, tally: Tally) -> list[Page]:
        if not tally.covers(self._course):
            return []
        return [page for page in self._course.pages if page.shown == shown]

    def _show(self, found: list[Page]) -> None:
        for page in found:
            self._scenes.page(page)
        self._screen.gap()
        self._screen.line(texts.pages_again(self._command_line), style="dim")

    def _ask(self, prompt: str) -> bool:
        """Whether it is Enter, not `q`."""
        self._screen.gap()
        while (answer := self._keys.line(prompt)) is not None:
            self._pages.turn()
            typed = answer.strip().lower()
            if typed in {"", "q", "quit"}:
                return not typed
            self._screen.line(texts.OWN_LATER if typed.startswith(MARK) else "Type Enter, or q and Enter.")
        return False
