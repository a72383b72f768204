"""labrunner's own: how old a registry's tags look. For the setups of labs that need images of last month today."""

from collections.abc import Mapping

from aiohttp import web

from labrunner.emulator.arm.requests import REGISTRY, answer, existing_registry, object_in, text_in
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.routing import Call, Operation

__all__ = ["OPERATIONS"]

_DAY = 86400.0
_LONGEST_DAYS = 3650


async def _set_ages(call: Call) -> web.Response:
    registry = existing_registry(call, "write")
    body = await call.json()
    repository, days = text_in(body, "repository"), _days(object_in(body, "days"))
    now = call.world.clock.now()
    if call.world.images.repository(registry.id, repository) is None:
        raise Refusal(404, "RepositoryNotFound", f"The registry '{registry.name}' has no repository '{repository}'.")
    moments = {tag: now - age * _DAY for tag, age in days.items()}
    with call.world.store.write():
        unknown = call.world.images.age(registry.id, repository, moments)
        if unknown:
            raise Refusal(404, "TagNotFound", f"The repository '{repository}' has no tag {', '.join(unknown)}.")
    return answer(call, {"repository": repository, "days": days})


def _days(wanted: Mapping[str, object]) -> dict[str, float]:
    """Days by tag. Raises Refusal (400)."""
    found = {}
    for tag, age in wanted.items():
        if isinstance(age, bool) or not isinstance(age, int | float) or not 0 <= age <= _LONGEST_DAYS:
            raise Refusal(
                400, "InvalidAge", f"'{tag}' cannot be {age!r} days old: give a number from 0 to {_LONGEST_DAYS}."
            )
        found[tag] = float(age)
    if not found:
        raise Refusal(400, "InvalidAge", 'Give the ages of tags: {"repository": "web", "days": {"1.0": 40}}.')
    return found


OPERATIONS = (
    Operation(
        name="Labrunner_SetAges",
        method="POST",
        path=f"{REGISTRY}/labrunnerAges",
        handler=_set_ages,
        source="labrunner's own, for the setups of labs: tags get the times of so many days ago, and what they name is "
        "at least as old; words and right (`registries/write`) are ours",
        differs="Azure has no such operation",
    ),
)
