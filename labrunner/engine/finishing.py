"""Removes what labs have made on a target, and nothing else: by the ledger's immutable ids.

First come those cleanups of the steps that do more than to remove: a setting that is switched back, a login that ends,
a lock that is opened. Those that look by name for what the ledger knows are left out: they might find somebody else's,
and each takes as long as a few calls of az. They are run for a lab of which the ledger knows nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass

from labrunner.model import Cleanup, Course
from labrunner.record.book import Book
from labrunner.record.ledger import Entry, Inventory
from labrunner.targets.protocol import Target

__all__ = ["Finished", "finish"]

_TOLD = frozenset(
    (
        *("container", "volume", "network", "image-tag", "file"),
        *("repository-tag", "trust-data", "webhook", "task", "application"),
        *("remote-container", "remote-volume", "remote-network", "remote-image-tag"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """What came of it. kept: ours that is still there, with the reason. foreign: what others have made, untouched.

    lost: what was not ours and is gone nevertheless, which is a defect. complaints: cleanups that failed. settings:
    what the others say is as it was again.
    """

    removed: tuple[Entry, ...]
    kept: tuple[tuple[Entry, str], ...]
    foreign: tuple[Entry, ...]
    lost: tuple[Entry, ...]
    complaints: tuple[str, ...]
    settings: tuple[str, ...] = ()


def finish(
    target: Target,
    course: Course,
    book: Book,
    *,
    labs: Collection[str],
    begun: Collection[tuple[str, str]],
) -> Finished:
    """Undo what these labs (by id) have made. begun: the steps that ever began, by ids. Raises TargetError, OSError."""
    target.mend()
    target.foresee(_needs(course, labs, begun), ())  # what is on another host is seen while that runs
    before = target.inventory()
    book.end(before)
    ours = {made.entry for made in book.made if made.lab in labs} & before
    undone = _clean_up(target, course, labs, begun, known={made.lab for made in book.made})
    left = ours & target.inventory()
    answers = target.remove(sorted(left))
    after = target.inventory()
    # of other labs there may be things that only who needs what they need can see
    book.strike(made.entry for made in book.made if made.lab in labs and made.entry not in after)
    declared = _declared(course)
    return Finished(
        removed=tuple(sorted(ours - after)),
        kept=tuple((entry, answers.get(entry) or "It is still there.") for entry in sorted(ours & after)),
        foreign=tuple(
            entry
            for entry in sorted(after - {made.entry for made in book.made})
            if _counts(entry) and (entry.kind, entry.name) not in declared
        ),
        lost=tuple(
            entry
            for entry in sorted(before - after - ours)
            if _counts(entry) and not _is_changed(entry, after - before)
        ),
        complaints=tuple(complaint for _, complaint in undone if complaint),
        settings=tuple(dict.fromkeys(entry.says for entry, complaint in undone if entry.says and not complaint)),
    )


def _needs(course: Course, labs: Collection[str], begun: Collection[tuple[str, str]]) -> set[str]:
    places = {place[0] for place in begun}
    return {need for lab in course.labs if lab.id in labs and lab.id in places for need in lab.needs}


def _clean_up(
    target: Target,
    course: Course,
    labs: Collection[str],
    begun: Collection[tuple[str, str]],
    *,
    known: Collection[str],
) -> list[tuple[Cleanup, str]]:
    """Run the cleanups of what was begun, the last first; with each its words when it failed, else none.

    known: the labs of which the ledger knows what they have made.
    """
    entries: list[Cleanup] = []
    for lab in course.labs:
        if lab.id not in labs or not any(place[0] == lab.id for place in begun):
            continue
        steps = (step.cleanup for step in lab.steps if (lab.id, step.id) in begun)
        for cleanups in (lab.cleanup, *steps):
            # the whole list is turned round below
            entries += [
                entry for entry in cleanups[::-1] if not (entry.restores or (entry.removes and lab.id in known))
            ]
    return [(entry, _run(target, entry)) for entry in reversed(entries)]


def _run(target: Target, entry: Cleanup) -> str:
    ran = target.script(entry.run, host=entry.host, timeout=entry.timeout)
    if ran.status == 0:
        return ""
    return (ran.stderr or ran.stdout).strip() or f"exit status {ran.status}"


def _counts(entry: Entry) -> bool:
    """Whether somebody would call it a thing of theirs: in HOME and in git's folder programs keep what they like."""
    return entry.kind in _TOLD and (entry.kind != "file" or _is_work(entry.name))


def _is_work(name: str) -> bool:
    return name.startswith("work/") and "/.git/" not in name


def _declared(course: Course) -> set[tuple[str, str]]:
    """What is there for the course, by kind and name."""
    found = {("image-tag", name) for image in course.images for name in image.names}
    found |= {("file", f"work/{path}") for path in course.work.files}
    registries = course.azure.registries if course.azure else ()
    return found | {
        ("webhook", f"{registry.name}/{hook.name}") for registry in registries for hook in registry.webhooks
    }


def _is_changed(entry: Entry, new: Inventory) -> bool:
    """Whether another one has its name now (a file that a cleanup restored)."""
    return any((other.kind, other.name) == (entry.kind, entry.name) for other in new)
