"""What a request names, checked before anybody uses it (distribution spec, "Pulling manifests")."""

import re

from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.digests import is_digest

__all__ = ["checked_name", "is_name", "is_tag", "page_size"]

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_NAME_LENGTH = 255
_PAGE = 100
_LARGEST_PAGE = 1000


def is_name(text: str) -> bool:
    """Whether a repository may be called so."""
    return len(text) <= _NAME_LENGTH and _NAME.fullmatch(text) is not None


def is_tag(text: str) -> bool:
    """Whether a tag may be called so."""
    return not is_digest(text) and _TAG.fullmatch(text) is not None


def checked_name(text: str) -> str:
    """The name of a repository. Raises Refusal (400 NAME_INVALID; words: distribution's)."""
    if not is_name(text):
        raise Refusal(400, "NAME_INVALID", "invalid repository name", detail={"name": text[:300]})
    return text


def page_size(text: str | None) -> int:
    """How many entries a page has. Guess: Azure's default and limit, and that what is no number is refused."""
    if text is None or text == "":
        return _PAGE
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Refusal(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested", detail={"n": text[:50]})
    return min(int(text), _LARGEST_PAGE)
