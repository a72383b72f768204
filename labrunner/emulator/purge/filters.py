"""Which tags of which repositories: `--filter REPOSITORY:TAG`, two regular expressions."""

import re
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from labrunner.emulator.purge.problem import PurgeProblem

__all__ = ["Expression", "filters_by_repository", "split_filter"]

_SECONDS = 5.0
"""How long one expression may take for all names. acr's limit is a minute for one name; here, everybody waits."""

_GROUPS = re.compile(r"(?:\(\?[imsU-]{0,5}|\[*\^*\[\^*)\Z")
_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t-\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_TRANSLATED = re.compile(
    r"\\Q(?P<literal>.*?)(?:\\E|\Z)|\\(?P<escaped>.)|\[:(?P<not>\^?)(?P<class>[a-z]+):\]|\(\?<(?P<name>[A-Za-z_]\w*)>",
    re.DOTALL,
)


class Expression:
    """A regular expression of acr's (.NET's, in RE2 mode), as far as Python's come: look-behind has a fixed width."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self._compiled = re.compile(_TRANSLATED.sub(_python, text), re.ASCII)
        except (re.error, RecursionError, OverflowError) as error:
            # The words are ours: what .NET's parser says of each mistake is not known here.
            raise PurgeProblem(f"error parsing regexp: {error} in `{text}`") from error

    def among(self, names: Iterable[str]) -> list[str]:
        """Those names in which it is found. Raises PurgeProblem when that takes too long."""
        try:
            with _limited(_SECONDS):
                return [name for name in names if self._compiled.search(name)]
        except TimeoutError as error:
            raise PurgeProblem(
                f"match timeout after {_SECONDS:.0f}s on input: the expression `{self.text}` backtracks too much"
            ) from error


def split_filter(text: str) -> tuple[str, str]:
    """A filter's expression for repositories and that for tags. Raises PurgeProblem.

    They are apart at the one colon that is not part of a group or of a character class.
    """
    colons = [
        at
        for at, letter in enumerate(text)
        if letter == ":" and not _GROUPS.search(text[:at]) and text[at + 1 : at + 2] != "]"
    ]
    if len(colons) != 1:
        raise PurgeProblem("unable to correctly parse filter flag")
    repository, tag = text[: colons[0]], text[colons[0] + 1 :]
    if not repository:
        raise PurgeProblem("missing repository name/expression")
    if not tag:
        raise PurgeProblem("missing tag name/expression")
    return repository, tag


def filters_by_repository(filters: Sequence[str], repositories: Sequence[str]) -> dict[str, str]:
    """The expression for tags, by repository. Repositories match as a whole, tags in any part. Raises PurgeProblem."""
    found: dict[str, str] = {}
    for text in filters:
        repository, tag = split_filter(text)
        for name in Expression(f"^{repository}$").among(repositories):
            found[name] = f"{found[name]}|{tag}" if name in found else tag
    return found


def _python(found: re.Match[str]) -> str:
    if found["literal"] is not None:
        return re.escape(found["literal"])
    if found["escaped"] is not None:
        return r"\Z" if found["escaped"] == "z" else found[0]
    if found["name"] is not None:
        return f"(?P<{found['name']}>"
    if found["class"] not in _CLASSES or found["not"]:
        return found[0]
    return _CLASSES[found["class"]]


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in what runs inside. Python's matcher looks for signals while it backtracks, and in no
    other way can it be stopped; outside of the main thread, where no signals arrive, there is no limit."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)
