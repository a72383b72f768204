"""The pages of a course, as a guided run shows them: before the first lab, and when all of the course is done."""

from labrunner.model import Course, Page
from labrunner.ui import texts
from labrunner.ui.keys import ENTER, HELP, Key, explain, prompt_of
from labrunner.ui.more import More
from labrunner.ui.own import MARK, put_off
from labrunner.ui.pages import Pages
from labrunner.ui.scenes import Scenes
from labrunner.ui.screen import Screen
from labrunner.ui.tally import Tally
from labrunner.ui.terminal import Keyboard

__all__ = ["Reading"]

_GO_ON = (
    Key(ENTER, "go on", "goes on to the labs."),
    Key("q", "quit", "stops here; a later run goes on from this place."),
)
_READ = (Key(ENTER, "read", "shows them, page by page."), Key("q", "enough", "ends without them."))


class Reading:
    """Shows the pages of `course` (its variables filled in), with one question for all of them."""

    def __init__(
        self,
        screen: Screen,
        keys: Keyboard,
        pages: Pages,
        scenes: Scenes,
        more: More,
        *,
        course: Course,
        command_line: texts.CommandLine,
    ) -> None:
        self._screen = screen
        self._keys = keys
        self._pages = pages
        self._scenes = scenes
        self._more = more
        self._course = course
        self._command_line = command_line

    def before(self, tally: Tally) -> bool:
        """Show those of the start, if the course's first lab is to be run; False when the learner wants to quit."""
        found = self._found("start") if tally.begins(self._course) else []
        if not found or self._pages.quit:
            return True
        with self._pages.reading():
            self._show(found)
        if self._pages.quit:
            return False
        goes_on = self._ask(_GO_ON)
        self._scenes.begin()
        return goes_on

    def after(self, tally: Tally) -> None:
        """Offer those of the end, if all of the course was run."""
        found = self._found("end") if tally.covers(self._course) else []
        if not found or self._pages.quit:
            return
        self._screen.gap()
        self._screen.line(f"To read at the end: {', '.join(page.title for page in found)}.")
        if not self._ask(_READ):
            found = []
        with self._pages.reading(aside=True):
            self._show(found)

    def _found(self, shown: str) -> list[Page]:
        return [page for page in self._course.pages if page.shown == shown]

    def _show(self, found: list[Page]) -> None:
        for page in found:
            self._scenes.page(page)
        self._screen.gap()
        self._screen.line(texts.pages_again(self._command_line), style="dim")

    def _ask(self, keys: tuple[Key, ...]) -> bool:
        """Whether it is Enter, not `q`."""
        enter, *others = keys
        self._screen.gap()
        while True:
            listed = [enter, *self._more.choices(), *others]
            answer = self._keys.line(prompt_of(listed, self._screen.columns))
            self._pages.turn()
            if answer is None:
                return False
            typed = answer.strip().lower()
            if typed in {"", "q", "quit"}:
                return not typed
            if typed == HELP:
                explain(self._screen, listed)
                continue
            if self._more.show(typed):
                if self._pages.quit:
                    return False
                self._screen.gap()
                continue
            own = typed.startswith(MARK) or " " in typed
            said = put_off(self._keys, answer.strip()) if own else texts.not_a_choice(typed, HELP)
            self._screen.line(said, raw=True)
            self._screen.gap()
