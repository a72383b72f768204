"""What `list` shows of a course, from a cache of its own: an unchanged course costs neither yaml nor dataclasses."""

import marshal

from labrunner.content import cache as private
from labrunner.content.files import CourseFilesError, stamp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labrunner.model import Diagnostic

__all__ = ["PROBLEMS", "Entry", "Listing", "PageEntry", "listing"]

_KIND = "list"

Entry = tuple[str, str, str, int, int, bool]
"""A lab: name, id, title, number of steps, minutes (0: not told), whether it is optional."""

PageEntry = tuple[str, str, str]
"""A page: id, title, when it is shown: "start", "end", or "failure" for the one that the problems make."""

PROBLEMS: PageEntry = ("problems", "Known Problems", "failure")
"""The page of the errors that the course knows, with cause and fix."""

Listing = tuple[str, str, tuple[Entry, ...], tuple[PageEntry, ...]]
"""A course: id, title, its labs in order, its pages in order."""


def listing(folder: str, *, cache: str | None) -> "tuple[Listing | None, tuple[Diagnostic, ...]]":
    """The labs of the course in `folder`, or what is wrong with it. Executes nothing of the course.

    cache: as in `load`. Raises LibyamlMissingError.
    """
    try:
        state = stamp(folder)
    except CourseFilesError:
        state = []  # `load` says what is wrong
    name = private.file_name(folder, _KIND)
    known = _recalled(cache, name, state) if cache is not None and state else None
    if known is not None:
        return known, ()
    from labrunner.content.load import load

    loaded = load(folder, cache=cache)
    course = loaded.course
    if course is None:
        return None, loaded.diagnostics
    labs = tuple((lab.name, lab.id, _line(lab.title), len(lab.steps), lab.minutes, lab.optional) for lab in course.labs)
    pages = tuple((page.id, _line(page.title), page.shown) for page in course.pages)
    if course.problems:
        pages += (PROBLEMS,)
    found: Listing = (course.id, _line(course.title), labs, pages)
    if cache is not None:
        private.store(cache, name, marshal.dumps((state, found)))
    return found, loaded.diagnostics


def _line(text: str) -> str:
    return " ".join(text.split())


def _recalled(cache: str, name: str, state: list[object]) -> Listing | None:
    content = private.recall(cache, name)
    if content is None:
        return None
    try:
        stored, found = marshal.loads(content)  # noqa: S302 - `recall` gives back only what we wrote ourselves
    except (EOFError, ValueError, TypeError):
        return None
    return found if stored == state else None
