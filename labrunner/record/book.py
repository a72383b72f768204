"""The ledger on the disk: what labs have made on one target, by immutable id, over all the runs there.

Each lab of a run is a stretch: what is there before it is written down first, so that a run that is killed loses
nothing. The next one that opens the book closes the stretch with what it finds.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from labrunner.record.ledger import Entry, Inventory, appeared
from labrunner.record.progress import set_aside, write_whole

__all__ = ["Book", "BookError", "Made"]

FORMAT = 1


class BookError(Exception):
    """The book could not be read, and was kept aside; the message says where. It is told once."""


@dataclass(frozen=True, slots=True, order=True)
class Made:
    """Something that appeared while a lab ran. lab: its id. session: that of the run; nothing in an older book."""

    entry: Entry
    lab: str
    session: str = ""


class Book:
    """The ledger in the file `path`, which need not exist. Raises BookError and OSError."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._before: Inventory | None = None
        self._lab = self._session = ""
        self._made: list[Made] = []
        self._read()

    @property
    def made(self) -> list[Made]:
        """What is written down, in order of its appearance."""
        return list(self._made)

    @property
    def open_lab(self) -> str:
        """The lab of a stretch that was not closed; nothing when there is none."""
        return self._lab

    def begin(self, lab: str, now: Inventory, *, session: str = "") -> None:
        """A lab starts, in the session of that id. A stretch that is open still ends here."""
        if self._before is not None:
            self._close(now)
        self._lab, self._session, self._before = lab, session, now
        self._write()

    def end(self, now: Inventory) -> None:
        """The open stretch ends; what has appeared since its beginning is the lab's."""
        if self._before is not None:
            self._close(now)
            self._write()

    def strike(self, entries: Iterable[Entry]) -> None:
        """These are gone."""
        gone = set(entries)
        self._made = [made for made in self._made if made.entry not in gone]
        self._write()

    def _close(self, now: Inventory) -> None:
        assert self._before is not None
        known = {made.entry for made in self._made}
        ours = {(entry.kind, entry.name) for entry in known}
        # what was there before and is another now, was changed: it is somebody else's still; one beside it is not
        others = {(entry.kind, entry.name) for entry in self._before - now} - ours
        self._made += [
            Made(entry, self._lab, self._session)
            for entry in appeared(self._before, now)
            if entry not in known and (entry.kind, entry.name) not in others
        ]
        self._lab, self._session, self._before = "", "", None

    def _read(self) -> None:
        try:
            record = json.loads(self._path.read_text(encoding="utf-8"))
            if record["format"] != FORMAT:
                raise ValueError(f"its format is {record['format']}, not {FORMAT}")  # noqa: TRY301 - kept aside too
            self._made = [Made(_entry(made), *map(str, made[3:5])) for made in record["made"]]
            if record["open"] is not None:
                self._lab, self._session = str(record["open"]["lab"]), str(record["open"].get("session", ""))
                self._before = frozenset(_entry(entry) for entry in record["open"]["before"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            aside = set_aside(self._path)
            raise BookError(
                f"the ledger in {self._path} cannot be read ({error}); it is kept as {aside}, and what earlier runs "
                "made is not removed by `finish`"
            ) from error

    def _write(self) -> None:
        before = None
        if self._before is not None:
            rows = [_row(entry) for entry in sorted(self._before)]
            before = {"lab": self._lab, "session": self._session, "before": rows}
        made = [[*_row(made.entry), made.lab, made.session] for made in self._made]
        write_whole(self._path, json.dumps({"format": FORMAT, "open": before, "made": made}))


def _row(entry: Entry) -> list[str]:
    return [entry.kind, entry.name, entry.id]


def _entry(row: Sequence[object]) -> Entry:
    kind, name, identity = row[:3]
    return Entry(str(kind), str(name), str(identity))
