"""Lists as Azure serves them: they may lag behind what was pushed and deleted."""

from collections.abc import Callable
from typing import TypeVar

from labrunner.emulator.acr.errors import name_unknown
from labrunner.emulator.acr.rights import registry_of
from labrunner.emulator.routing import Call

__all__ = ["listed", "require_listed"]

_T = TypeVar("_T")


def listed(call: Call, what: str, question: Callable[[], _T]) -> _T:
    """What a list shows: the answer to a question to the images, now or a while ago. what: the list, for a learner."""
    shown, is_stale = call.world.history.asked(question)
    if is_stale:
        call.world.trouble.note("stale-list", f"The list of {what} lags behind: it lacks the latest changes.")
    return shown


def require_listed(call: Call, name: str) -> None:
    """Go on only if there is that repository, or was when the lists were made. Raises Refusal (404)."""
    registry, images = registry_of(call), call.world.images
    if not listed(call, "repositories", lambda: images.repository(registry.id, name) is not None):
        raise name_unknown(name)
