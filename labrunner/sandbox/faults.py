"""Faults on purpose, from outside: some are the local Azure's, some the supervisor's; a user need not know which."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from labrunner.emulator.client import ControlClient, ControlError
from labrunner.sandbox.azure import check_azure
from labrunner.sandbox.control import Reply
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import Layout
from labrunner.sandbox.running import ask_supervisor, remedy_up

__all__ = ["NAMES", "SetFault", "clear_faults", "faults_set", "set_fault"]

_AZURE: Mapping[str, str] = {
    "latency": "the local Azure answers 5 s late",
    "throttled": "the local Azure refuses requests as too many (429)",
    "server-error": "the local Azure answers with server errors (503)",
    "expired-tokens": "tokens issued before are refused as expired",
    "role-delay": "a role given meanwhile has its effect 60 s later",
    "list-lag": "lists of repositories, tags and manifests are 30 s old",
    "proxy-down": "no connection to Azure stands",
    "lower-tier": "registries are of the tier Standard, until somebody gives them one",
    "fewer-roles": "the user may give roles, and else only read",
}
_MACHINE: Mapping[str, str] = {
    "engine-down": "the Docker Engine is dead, and kept so",
    "disk-full": "the sandbox's disk has no room",
}
NAMES: Mapping[str, str] = {**_AZURE, **_MACHINE}
"""What there is, each in a few words."""

_START_SECONDS = 10.0
_LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFault:
    """One that is set. seconds_left: None: until it is cleared."""

    name: str
    seconds_left: float | None


def set_fault(place: Layout, name: str, seconds: float | None) -> None:
    """Have it for so long (None: until it is cleared), in place of one of that name. Raises SandboxError.

    Whether a run holds the sandbox does not matter: it is what faults are for.
    """
    if name in _MACHINE:
        _answered(place, "fault", [name] if seconds is None else [name, str(seconds)])
        return
    with _azure(place) as azure:
        azure.set_fault(name, seconds=seconds)


def faults_set(place: Layout) -> list[SetFault]:
    """Those that are set now, in the order of `NAMES`. Those of a local Azure that does not answer are none.

    Raises SandboxError when the sandbox does not run.
    """
    found = dict(_answered(place, "status").outages)
    azure = ControlClient(place.azure_control, timeout=_LOOK_SECONDS)
    with suppress(ControlError):
        now = time.time() + float(azure.status()["clock_offset"])
        for fault in azure.faults():
            found[fault["name"]] = None if fault["until"] is None else max(0.0, fault["until"] - now)
    return [SetFault(name=name, seconds_left=found[name]) for name in NAMES if name in found]


def clear_faults(place: Layout, name: str = "") -> list[str]:
    """End that one, or all; the names of those that there were. Raises SandboxError."""
    gone = [fault.name for fault in faults_set(place) if name in ("", fault.name)]
    if any(one in _MACHINE for one in gone):
        _answered(place, "clear", [name] if name else [])
    if any(one in _AZURE for one in gone):
        with _azure(place) as azure:
            azure.clear_faults(name)
    return gone


def _answered(place: Layout, do: str, what: list[str] | None = None) -> Reply:
    reply = ask_supervisor(place, do, what or [])
    if reply is None:
        raise SandboxError(f"sandbox '{place.name}' is not running", remedy_up(place.name))
    return reply


@contextmanager
def _azure(place: Layout) -> Iterator[ControlClient]:
    """The local Azure, once it answers; its errors as the sandbox's."""
    check_azure(place, patience=_START_SECONDS)
    try:
        yield ControlClient(place.azure_control)
    except ControlError as error:
        raise SandboxError(str(error), remedy_up(place.name)) from error
