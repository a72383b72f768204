"""What a learner may ask to see in full: the latest output, and why the course text was corrected."""

import re

from labrunner.ui import texts
from labrunner.ui.keys import Key
from labrunner.ui.pages import Pages
from labrunner.ui.scenes import WHY, Scenes
from labrunner.ui.screen import Screen

__all__ = ["More"]

OUTPUT = "o"
_WHY = Key(WHY, "why corrected", "tells what the course text says there, why it is wrong, and the source.")
_NAMED = re.compile(rf"\b{WHY}\W+tells\W+why\b")
"""In the title of a box, which may be folded."""


class More:
    """Keys that every question understands while they have something to show; then the question is asked again."""

    def __init__(self, screen: Screen, pages: Pages, scenes: Scenes) -> None:
        self._screen = screen
        self._pages = pages
        self._scenes = scenes
        self.output = ""
        """The latest command's output when not all of it was shown."""

    def choices(self) -> list[Key]:
        """The keys that have something to show."""
        found = [Key(OUTPUT, "all output", "shows the whole output of the latest command.")] if self.output else []
        return [*found, _WHY] if self._scenes.corrections else found

    def named(self, text: str) -> list[Key]:
        """The keys among them that a text names."""
        return [_WHY] if self._scenes.corrections and _NAMED.search(texts.clean(text)) else []

    def show(self, answer: str) -> bool:
        """Show what the answer asks for; False when it is none of these keys."""
        if answer == OUTPUT and self.output:
            with self._pages.reading(aside=True):
                self._screen.gap()
                self._screen.verbatim(texts.clean(self.output).rstrip().split("\n"), indent=2)
        elif answer == WHY and self._scenes.corrections:
            with self._pages.reading(aside=True):
                self._scenes.reasons()
        else:
            return False
        return True
