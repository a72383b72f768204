"""What can be typed at a question: as the question lists it, and as `?` explains it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from labrunner.ui.screen import Screen

__all__ = ["ENTER", "HELP", "Key", "explain", "prompt_of"]

ENTER = "Enter"
HELP = "?"
"""Explains the choices, at every question of the guide; not listed, so that questions stay short."""


@dataclass(frozen=True, slots=True)
class Key:
    """key: what is typed. word: what the question says of it. says: a few words more, for `?`."""

    key: str
    word: str
    says: str

    @property
    def choice(self) -> str:
        """As a question lists it."""
        return f"[{self.key}] {self.word}" if self.key == ENTER else f"{self.key} {self.word}"


def prompt_of(keys: Iterable[Key], columns: int) -> str:
    """A question's choices on as many lines as they need; the answer is typed after the last."""
    lines = [""]
    for part in (key.choice for key in keys):
        joined = f"{lines[-1]}   {part}" if lines[-1] else part
        if lines[-1] and len(joined) > columns - 4:
            lines.append(part)
        else:
            lines[-1] = joined
    return "\n".join(lines) + ": "


def explain(screen: Screen, keys: Sequence[Key]) -> None:
    """Say what each of the keys does."""
    width = max(len(key.key) for key in keys)
    for key in keys:
        screen.labelled(key.key.ljust(width), key.says, style="bold")
