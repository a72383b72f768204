"""What the author probably meant."""

from collections.abc import Iterable

__all__ = ["shown", "suggestion"]

_LISTED = 12


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the nearest known one, else all of a few, else nothing."""
    import difflib

    words = sorted(set(known))
    near = difflib.get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"; did you mean '{near[0]}'?"
    if 0 < len(words) <= _LISTED:
        return f"; there is {', '.join(words)}" if len(words) == 1 else f"; there are {', '.join(words)}"
    return ""


def shown(text: str) -> str:
    """Text from a course inside a message: quoted, in one line, harmless on a terminal, not long."""
    safe = "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
    return f"'{safe}'" if len(safe) <= 60 else f"'{safe[:57]}...'"
