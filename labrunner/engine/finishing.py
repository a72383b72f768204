"""Removes what labs have made on a target, and nothing else: by their cleanups, then by the ledger's immutable ids."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from labrunner.model import Cleanup, Course
from labrunner.record.book import Book
from labrunner.record.ledger import Entry, Inventory
from labrunner.targets.protocol import Target

__all__ = ["Finished", "finish"]

_TOLD = frozenset({"container", "volume", "network", "image-tag", "repository", "repository-tag", "application"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What came of it. kept: ours that is still there, with the reason. foreign: what others have made, untouched.

    lost: what was not ours and is gone nevertheless, which is a defect. complaints: cleanups that failed.
    """

    removed: tuple[Entry, ...]
    kept: tuple[tuple[Entry, str], ...]
    foreign: tuple[Entry, ...]
    lost: tuple[Entry, ...]
    complaints: tuple[str, ...]


def finish(
    target: Target,
    course: Course,
    book: Book,
    *,
    labs: Collection[str],
    begun: Collection[tuple[str, str]],
) -> Finished:
    """Undo what these labs (by id) have made. begun: the steps that ever began, by ids. Raises TargetError, OSError."""
    before = target.inventory()
    book.end(before)
    ours = {made.entry for made in book.made if made.lab in labs} & before
    complaints = _clean_up(target, course, labs, begun)
    left = ours & target.inventory()
    answers = target.remove(sorted(left))
    after = target.inventory()
    book.strike(made.entry for made in book.made if made.entry not in after)
    return Finished(
        removed=tuple(sorted(ours - after)),
        kept=tuple((entry, answers.get(entry) or "It is still there.") for entry in sorted(ours & after)),
        foreign=tuple(entry for entry in sorted(after - {made.entry for made in book.made}) if _tell(entry, course)),
        lost=tuple(entry for entry in sorted(before - after - ours) if _vanished(entry, after)),
        complaints=complaints,
    )


def _clean_up(
    target: Target, course: Course, labs: Collection[str], begun: Collection[tuple[str, str]]
) -> tuple[str, ...]:
    """Run the cleanups of what was begun, the last first. The words of those that fail."""
    entries: list[Cleanup] = []
    for lab in course.labs:
        if lab.id not in labs or not any(place[0] == lab.id for place in begun):
            continue
        entries += lab.cleanup[::-1]  # the whole list is turned round below
        for step in lab.steps:
            if (lab.id, step.id) in begun:
                entries += step.cleanup[::-1]
    return tuple(filter(None, (_run(target, entry) for entry in reversed(entries))))


def _run(target: Target, entry: Cleanup) -> str:
    ran = target.script(entry.run, host=entry.host, timeout=entry.timeout)
    if ran.status == 0:
        return ""
    return (ran.stderr or ran.stdout).strip() or f"exit status {ran.status}"


def _tell(entry: Entry, course: Course) -> bool:
    """Whether a thing that is not ours is worth a word: not what the course itself declares."""
    stock: Sequence[str] = [name for image in course.images for name in image.names]
    return entry.kind in _TOLD and entry.name not in stock


def _vanished(entry: Entry, after: Inventory) -> bool:
    """Whether the thing is gone, and not only another one of its name (a file that a cleanup restored)."""
    return entry.kind in _TOLD and (entry.kind, entry.name) not in {(other.kind, other.name) for other in after}
