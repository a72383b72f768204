"""Commands of the learner's own, typed at a question."""

from labrunner.engine.policy import Own
from labrunner.ui.screen import Screen
from labrunner.ui.terminal import Keyboard

__all__ = ["EXAMPLE", "MARK", "OwnCommands", "advice"]

MARK = "!"
EXAMPLE = "docker images"


def advice(text: str = "") -> str:
    """How such a command is given; `text`: what the learner has typed, when that looks like one."""
    return f"To run a command of your own, put {MARK} before it, as in: {MARK} {text or EXAMPLE}"


class OwnCommands:
    """Takes an answer that begins with the mark for a command; asks for one when nothing follows it."""

    def __init__(self, screen: Screen, keys: Keyboard) -> None:
        self._screen = screen
        self._keys = keys
        self._last = ""
        self._known = False  # the learner has used one, or was told how

    def mention(self, hint: str) -> None:
        """Say how one is given, once, after the first hint that has code in it to try."""
        if "`" in hint and not self._known:
            self._known = True
            self._screen.line(advice(), style="dim", indent=2)

    def read(self, answer: str) -> Own | None:
        """The command of an answer that begins with the mark; None when it is none after all (and that was said)."""
        self._known = True
        text = answer.strip().removeprefix(MARK).strip()
        if text == MARK:
            text = self._last
            if not text:
                self._screen.line("There is no command of your own to run again.")
                return None
            self._screen.command(text)
        elif not text:
            text = (self._keys.line("  $ ") or "").strip()
        while text.endswith("\\") and (more := self._keys.line("  > ", ahead=True)) is not None:
            text = f"{text}\n{more}"
        if not text:
            return None
        if not text.replace("\t", "").replace("\n", "").isprintable():
            self._screen.line("That line holds keys that are no text, such as an arrow. Type it again.")
            return None
        self._last = text
        return Own(text, None if self._screen.plain else (self._screen.columns, self._screen.rows))
