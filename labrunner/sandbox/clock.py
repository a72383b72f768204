"""The clock of a sandbox's local Azure, from outside."""

import time
from dataclasses import dataclass

from labrunner.emulator.client import ControlClient, ControlError
from labrunner.sandbox.azure import check_azure
from labrunner.sandbox.errors import SandboxError
from labrunner.sandbox.layout import Layout
from labrunner.sandbox.running import remedy_up

__all__ = ["FARTHEST", "AzureClock", "azure_clock", "move_clock"]

FARTHEST = 10 * 365 * 24 * 3600.0
"""The local Azure takes no more, in seconds."""
_PATIENCE_SECONDS = 10.0
_ACT_SECONDS = 120.0
"""Tasks that come due run before it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureClock:
    """now: seconds since 1970. ahead: seconds in front of the machine's clock."""

    now: float
    ahead: float


def azure_clock(place: Layout) -> AzureClock:
    """As it is. Raises SandboxError when the sandbox does not run, or its local Azure does not answer."""
    return _read(_client(place), place)


def move_clock(place: Layout, by: float | None) -> AzureClock:
    """Move it on by so many seconds, or back to the machine's time (None); as it is then. Raises SandboxError."""
    client = _client(place)
    offset = 0.0 if by is None else _read(client, place).ahead + by
    if abs(offset) > FARTHEST:
        raise SandboxError(
            "the local Azure's clock goes ten years ahead, and no further",
            "Begin anew: `labrunner sandbox clock reset`",
        )
    try:
        client.set_clock(offset)
    except ControlError as error:
        raise SandboxError(str(error), remedy_up(place.name)) from error
    return _read(client, place)


def _client(place: Layout) -> ControlClient:
    check_azure(place, patience=_PATIENCE_SECONDS)
    return ControlClient(place.azure_control, timeout=_ACT_SECONDS)


def _read(client: ControlClient, place: Layout) -> AzureClock:
    try:
        ahead = float(client.status()["clock_offset"])
    except ControlError as error:
        raise SandboxError(str(error), remedy_up(place.name)) from error
    return AzureClock(now=time.time() + ahead, ahead=ahead)
