"""The local Azure's own trouble: what it really answered amiss, whoever caused it, and what will settle by itself.

Whoever wonders why a command failed asks here first: what is told here is not the learner's doing.
"""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from labrunner.emulator.clock import Clock

if TYPE_CHECKING:
    from labrunner.emulator.state.roles import Assignment
    from labrunner.emulator.world import World

__all__ = ["KINDS", "SLOW_SECONDS", "Trouble", "note_waiting", "settling"]

KINDS = (
    "throttled",
    "server-error",
    "slow",
    "expired-token",
    "role-not-spread",
    "stale-list",
    "refused-connection",
    "disk-full",
)

SLOW_SECONDS = 2.0
"""From when on an answer is slow."""

_KEPT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class _Incident:
    seq: int
    moment: float
    text: str


class Trouble:
    """The last incidents of each kind. Sequence numbers grow for ever, also from one run of the program to the next."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seq = int(clock.now() * 1000)  # far more than there were incidents before
        self._of: dict[str, deque[_Incident]] = {kind: deque(maxlen=_KEPT) for kind in KINDS}

    @property
    def seq(self) -> int:
        """The number of the latest incident: what to ask `since` with, for those that come after."""
        return self._seq

    def note(self, kind: str, text: str) -> None:
        """Something went amiss. text: the cause, one sentence for a learner."""
        self._seq += 1
        self._of[kind].append(_Incident(seq=self._seq, moment=self._clock.now(), text=text))

    def note_expired(self, audience: str) -> None:
        """Somebody came with a token that has expired."""
        self.note("expired-token", f"A token for {audience.rstrip('/')} was refused, because it has expired.")

    def since(self, seq: int = 0) -> list[dict[str, Any]]:
        """By kind, the latest first: how often (of at most 256 that are remembered), and the latest one's words.

        A number that was not given yet is another program's, of before: all is new then.
        """
        seq = 0 if seq > self._seq else seq
        found = []
        for kind, incidents in self._of.items():
            new = [incident for incident in incidents if incident.seq > seq]
            if new:
                found.append((new[-1].seq, kind, len(new), new[-1]))
        return [
            {"kind": kind, "count": count, "text": last.text, "last": last.moment}
            for _, kind, count, last in sorted(found, key=lambda entry: -entry[0])
        ]

    def forget(self) -> None:
        """Nothing has been amiss."""
        for incidents in self._of.values():
            incidents.clear()


def note_waiting(world: "World", held: "Assignment") -> None:
    """Somebody was refused what an assignment will allow."""
    world.trouble.note("role-not-spread", _waiting(world, held))


def settling(world: "World") -> list[str]:
    """What will become true by itself, and when; a sentence each."""
    if not world.faults:
        return []
    found = [_waiting(world, held) for held in world.roles.waiting()]
    seconds = world.history.settles_in()
    if seconds > 0:
        found.append(
            "The lists of repositories, tags and manifests lack the latest changes: they are up to date in "
            f"{_seconds(seconds)}."
        )
    return found


def _waiting(world: "World", held: "Assignment") -> str:
    now = world.clock.now()
    role, principal = world.roles.role(held.role), world.directory.principal(held.principal)
    name = role.name if role else held.role
    whose = principal.name if principal else held.principal
    ago, still = now - held.created, world.roles.effective(held) - now
    return f"The role {name} given to {whose} {_seconds(ago)} ago has not spread yet: it does in {_seconds(still)}."


def _seconds(value: float) -> str:
    return f"{max(0, round(value))} s"
