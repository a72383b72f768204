"""Adding and removing the secrets of applications and service principals."""

from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from labrunner.emulator.graph.answers import body, entity, nothing
from labrunner.emulator.graph.problems import bad_request
from labrunner.emulator.graph.shapes import credential
from labrunner.emulator.routing import Call
from labrunner.emulator.state.directory import Application, ServicePrincipal

__all__ = ["add", "remove"]

_YEARS = 2
"""How long a secret lasts when nobody says (Microsoft Learn, application: addPassword)."""
_NAME_LIMIT = 256
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9900, 1, 1, tzinfo=UTC)


async def add(call: Call, holder: Application | ServicePrincipal) -> web.StreamResponse:
    """A new secret, shown this once. Raises Refusal."""
    asked = (await body(call)).get("passwordCredential", {})
    if not isinstance(asked, dict) or set(asked) - {"displayName", "startDateTime", "endDateTime"}:
        raise bad_request("Invalid value specified for property 'passwordCredential' of resource 'Application'.")
    name = asked.get("displayName")
    if name is not None and not (isinstance(name, str) and len(name) <= _NAME_LIMIT):
        raise _invalid("displayName")
    now = datetime.fromtimestamp(call.world.clock.now(), UTC)
    starts = _moment(asked, "startDateTime") or now
    ends = _moment(asked, "endDateTime") or starts + timedelta(days=365 * _YEARS)
    if ends <= starts:
        raise _invalid("endDateTime")
    made, text = call.world.directory.add_secret(holder, name=name, starts=starts.timestamp(), ends=ends.timestamp())
    return entity(call, credential(made, text=text), context="microsoft.graph.passwordCredential")


async def remove(call: Call, holder: Application | ServicePrincipal) -> web.StreamResponse:
    """Away with one. Raises Refusal."""
    key_id = (await body(call)).get("keyId")
    if not isinstance(key_id, str) or not call.world.directory.remove_secret(holder, key_id):
        raise bad_request(f"No password credential found with keyId {key_id}.")
    return nothing()


def _moment(asked: dict[str, Any], name: str) -> datetime | None:
    text = asked.get(name)
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        if not _FIRST <= found <= _LAST:
            raise _invalid(name)
    except (TypeError, ValueError, OverflowError) as error:
        raise _invalid(name) from error
    return found


def _invalid(name: str) -> Exception:
    return bad_request(f"Invalid value specified for property '{name}' of resource 'PasswordCredential'.")
