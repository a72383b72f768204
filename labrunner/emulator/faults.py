"""Faults on purpose: what a test or an instructor makes the local Azure do badly, and until when.

A fault is a value with a beginning and an end by the emulator's clock. None outlives the program, and what it changed
is as it was when it has ended. What was really answered amiss is `trouble`'s business.
"""

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from labrunner.emulator.clock import Clock

__all__ = ["NAMES", "SERVICES", "Fault", "FaultError", "Faults"]

SERVICES = ("arm", "graph", "acr", "entra", "runlogs")
"""Those that a fault can be of, by the names of their `Service`."""

_LONGEST = 24 * 3600.0


class FaultError(ValueError):
    """What was asked for is no fault; the text says why, and what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A fault as it is if nothing else is asked for. A field that is None is none of its parameters."""

    services: tuple[str, ...] | None = None
    delay: float | None = None
    retry_after: int | None = None
    status: int | None = None
    registry: str | None = None
    tiers: tuple[str, ...] | None = None
    sku: str | None = None
    roles: tuple[str, ...] | None = None


_KINDS = {
    "latency": _Kind(services=SERVICES, delay=5.0, registry=""),
    "throttled": _Kind(services=("arm", "graph", "acr"), retry_after=5, registry="", tiers=()),
    "server-error": _Kind(services=SERVICES, status=503),
    "expired-tokens": _Kind(),
    "role-delay": _Kind(delay=60.0),
    "list-lag": _Kind(delay=30.0),
    "proxy-down": _Kind(),
    "lower-tier": _Kind(registry="", sku="Standard"),
    "fewer-roles": _Kind(roles=("Role Based Access Control Administrator",)),
}
NAMES = tuple(_KINDS)
"""latency: an answer begins `delay` seconds late. throttled: 429, with Retry-After. server-error: `status`.
expired-tokens: every token issued before is refused as expired. role-delay: an assignment made meanwhile has its effect
`delay` seconds later. list-lag: lists of repositories, tags and manifests are as they were `delay` seconds ago.
proxy-down: the proxy ends every connection. lower-tier: a registry is of the tier `sku`, until somebody gives it one.
fewer-roles: of what the user was given before, only `roles` are left, at the subscription; what is given meanwhile
counts beside them."""

_STATUSES = (500, 502, 503, 504)
_TIERS = ("Basic", "Standard", "Premium")
_OWN = ("services", "delay", "retry_after", "status", "registry", "tiers", "sku", "roles")
"""The parameters that a kind may have."""
_QUIET = ("registry", "tiers")
"""Those that are told only where they narrow a fault down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One that was set. since, until: by the emulator's clock, in seconds since 1970; until None: until it is cleared.

    services: whose answers it spoils, () where that is no question. delay, retry_after: seconds. status: HTTP.
    registry: the one alone whose answers it spoils, or "". tiers: if there are any, it spoils what writes to registries
    of these, and nothing else. step: whether a step of a lab wants it so; then it is nobody's trouble, and the next
    step ends it.
    """

    name: str
    since: float
    until: float | None = None
    services: tuple[str, ...] = ()
    delay: float = 0.0
    retry_after: int = 0
    status: int = 0
    registry: str = ""
    tiers: tuple[str, ...] = ()
    sku: str = ""
    roles: tuple[str, ...] = ()
    step: bool = False

    def concerns(self, registry: str) -> bool:
        """Whether it is about that registry ("": about what is no registry's)."""
        return self.registry.lower() in ("", registry.lower())

    def json(self) -> dict[str, Any]:
        """As the control socket tells it: what this kind of fault has."""
        kind = _KINDS[self.name]
        own = {name: getattr(self, name) for name in _OWN if getattr(kind, name) is not None}
        told = {name: value for name, value in own.items() if value or name not in _QUIET}
        return {
            "name": self.name,
            "since": self.since,
            "until": self.until,
            **told,
            **({"step": True} if self.step else {}),
        }


class Faults:
    """Those that are set now, one of a name. Used from one thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._set: dict[str, Fault] = {}
        self._changed = asyncio.Event()
        self._subscribers: list[Callable[[str], None]] = []

    def __bool__(self) -> bool:
        """Whether there may be one: what is asked first for every request."""
        return bool(self._set)

    def put(self, wanted: Mapping[str, Any]) -> Fault:
        """Set a fault, in place of one of that name. Raises FaultError.

        wanted: "name", "seconds" (how long; None or absent: until it is cleared), and the parameters of its kind.
        """
        fault = _read(wanted, self._clock.now())
        self._set[fault.name] = fault
        self._tell(fault.name)
        return fault

    def clear(self, name: str = "", *, of_step: bool = False) -> list[str]:
        """End that one, or all (of_step: that a step wanted); the names of those that there were. Raises FaultError for
        a name that no fault has."""
        if name and name not in _KINDS:
            raise FaultError(_unknown(name))
        gone = [fault.name for fault in self.all() if name in ("", fault.name) and (fault.step or not of_step)]
        for each in gone:
            del self._set[each]
            self._tell(each)
        return gone

    def all(self) -> list[Fault]:
        """Those that have not ended."""
        return [fault for name in list(self._set) if (fault := self.active(name)) is not None]

    def active(self, name: str, service: str = "") -> Fault | None:
        """The fault of that name, if it is set now (and spoils that service)."""
        fault = self._set.get(name)
        if fault is None or (service and service not in fault.services):
            return None
        if fault.until is not None and fault.until <= self._clock.now():
            del self._set[name]
            self._tell(name)
            return None
        return fault

    def due(self, name: str, made: float) -> float:
        """When what was made at a moment has its effect: at once, or as late as the fault makes it, by the clock."""
        fault = self.active(name)
        if fault is None or made < fault.since:
            return min(made, self._clock.now())  # the clock may have been set back
        return made + fault.delay if fault.until is None else min(made + fault.delay, fault.until)

    def left(self, fault: Fault) -> float:
        """Seconds until a fault ends by itself; infinite if it does not."""
        return math.inf if fault.until is None else max(0.0, fault.until - self._clock.now())

    async def hold(self, fault: Fault, *, mark: float, tell: Callable[[], None]) -> float:
        """Wait for the fault's delay, or until it ends, by the emulator's clock; the seconds waited by that clock.

        tell: called once, as soon as `mark` seconds have passed.
        """
        began, told = self._clock.now(), False
        while True:
            changed, waited = self._changed, self._clock.now() - began
            if not told and waited >= mark:
                tell()
                told = True
            if waited >= fault.delay or self.active(fault.name) is not fault:
                return waited
            until = fault.delay if told else min(mark, fault.delay)
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(until - waited, self.left(fault)))

    def subscribe(self, tell: Callable[[str], None]) -> None:
        """Have `tell` called with a fault's name after it was set, was cleared, or was found to be over."""
        self._subscribers.append(tell)

    def wake(self) -> None:
        """Let those who wait look at the clock again: it was moved."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _tell(self, name: str) -> None:
        self.wake()
        for tell in self._subscribers:
            tell(name)


def _unknown(name: object) -> str:
    return f"there is no fault {name!r}; there are: {', '.join(NAMES)}"


def _read(wanted: Mapping[str, Any], now: float) -> Fault:
    if not isinstance(wanted, Mapping):
        raise FaultError('a fault is an object with a "name"')
    name = wanted.get("name")
    if not isinstance(name, str) or name not in _KINDS:
        raise FaultError(_unknown(name))
    kind = _KINDS[name]
    known = [field for field in _OWN if getattr(kind, field) is not None]
    for given in wanted:
        if given not in ("name", "seconds", "step", *known):
            there = ", ".join(("seconds", *known))
            raise FaultError(f"the fault {name} has no {given!r}; it has: {there}")
    seconds = wanted.get("seconds")
    values: dict[str, Any] = {field: getattr(kind, field) for field in known}
    if wanted.get("services") is not None and "services" in known:
        values["services"] = _services(wanted["services"])
    if wanted.get("delay") is not None:
        values["delay"] = _number("delay", wanted["delay"], least=0.0)
    if wanted.get("retry_after") is not None:
        values["retry_after"] = math.ceil(_number("retry_after", wanted["retry_after"], least=1.0))
    if wanted.get("status") is not None:
        if wanted["status"] not in _STATUSES:
            raise FaultError(f"status is one of {', '.join(map(str, _STATUSES))}, not {wanted['status']!r}")
        values["status"] = int(wanted["status"])
    until = None if seconds is None else now + _number("seconds", seconds, least=0.0)
    values |= _named(wanted)
    return Fault(name=name, since=now, until=until, step=wanted.get("step") is True, **values)


def _named(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that are names: one, or a list."""
    found: dict[str, Any] = {}
    for field, allowed in (("tiers", _TIERS), ("roles", ())):
        if wanted.get(field) is not None:
            found[field] = _texts(field, wanted[field], allowed)
    for field, allowed in (("registry", ()), ("sku", _TIERS)):
        if wanted.get(field) is not None:
            (found[field],) = _texts(field, [wanted[field]], allowed)
    return found


def _number(what: str, value: object, *, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= _LONGEST:
        raise FaultError(f"{what} is a number of seconds from {least:g} to {_LONGEST:g}, not {value!r}")
    return float(value)


def _texts(what: str, value: object, allowed: tuple[str, ...]) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) and one for one in value):
        raise FaultError(f"{what} needs text, not {value!r}")
    wrong = [one for one in value if allowed and one not in allowed]
    if wrong:
        raise FaultError(f"{what} can be {', '.join(allowed)}, not {wrong[0]!r}")
    return tuple(value)


def _services(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value or not all(name in SERVICES for name in value):
        raise FaultError(f"services is a list of {', '.join(SERVICES)}, not {value!r}")
    return tuple(name for name in SERVICES if name in value)
