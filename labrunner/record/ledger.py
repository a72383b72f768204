"""What appeared during a session, by immutable id: present after, absent before. Never names alone."""

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Entry", "Inventory", "appeared", "differences"]


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One thing of the target.

    kind: "image-tag", "image", "container", "volume", "network", "file", "folder", and what Azure has.
    name: how people call it. id: what it is and stays (an image id, a container id, a file's sha256 ...).
    """

    kind: str
    name: str
    id: str


Inventory = frozenset[Entry]


def appeared(before: Inventory, after: Inventory) -> list[Entry]:
    """What is in `after` only, sorted. A name that now means another id has appeared."""
    return sorted(after - before)


def differences(before: Inventory, after: Inventory) -> list[str]:
    """One line per difference, for people: `+ image-tag x` (new), `- volume y` (gone), `~ file z` (changed)."""
    old = {(entry.kind, entry.name) for entry in before - after}
    new = {(entry.kind, entry.name) for entry in after - before}
    marks: Iterable[tuple[tuple[str, str], str]] = [
        *((key, "~") for key in old & new),
        *((key, "-") for key in old - new),
        *((key, "+") for key in new - old),
    ]
    return [f"{mark} {kind} {name}" for (kind, name), mark in sorted(marks)]
