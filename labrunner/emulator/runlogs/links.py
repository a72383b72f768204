"""Links to logs: who has one may read that log, for a while (Microsoft: "Create a service SAS")."""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from labrunner.emulator.clock import iso
from labrunner.emulator.refusal import Refusal
from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.runs import Run
from labrunner.emulator.world import World

__all__ = ["account_of", "check_link", "log_link"]

_SUFFIX = ".blob.core.windows.net"
_ACCOUNT = "acrtaskprod"
_VERSION = "2018-11-09"
_SECONDS = 3600.0
_EARLY = 300.0
"""Before it is made, a link is valid as well: clocks differ. Both lives are guesses."""
_SIGNED = ("sp", "st", "se", "", "si", "sip", "spr", "sv", "sr", "", "rscc", "rscd", "rsce", "rscl", "rsct")
"""What is signed, in this order, one a line; the first "" is the blob's name, the second its (absent) snapshot."""


def log_link(world: World, registry: Registry, run: Run) -> str:
    """A new link to a run's log. Its signature is told to Issued."""
    now = world.clock.now()
    account = f"{_ACCOUNT}{registry.location}"
    path = f"/{registry.uid.replace('-', '')}/logs/{run.name}/rawtext.log"
    query = {
        "sv": _VERSION,
        "sr": "b",
        "sp": "r",
        "st": iso(now - _EARLY, digits=0),
        "se": iso(now + _SECONDS, digits=0),
    }
    signature = world.issued.add(_signature(world, account, path, query), expires=now + _SECONDS)
    return f"https://{account}{_SUFFIX}{quote(path)}?{urlencode({**query, 'sig': signature})}"


def account_of(host: str) -> str:
    """The storage account that a host name names; "" if it is not one that keeps logs."""
    name = host.lower().removesuffix(_SUFFIX)
    return name if re.fullmatch(rf"{_ACCOUNT}[a-z0-9]+", name) else ""


def check_link(world: World, account: str, path: str, query: Mapping[str, str]) -> None:
    """Go on only with a link that log_link made, and while it is valid. Raises Refusal (403, 409).

    Source of the words: Microsoft, "Blob service error codes", and answers of Azure Storage as issues show them.
    """
    if "sig" not in query:
        raise Refusal(409, "PublicAccessNotPermitted", "Public access is not permitted on this storage account.")
    if not hmac.compare_digest(query["sig"].encode(), _signature(world, account, path, query).encode()):
        raise _denied("Signature did not match.")
    now, start, end = world.clock.now(), _moment(query.get("st", "")), _moment(query.get("se", ""))
    if not start <= now < end:
        shown = " - ".join(
            f"{word} [{datetime.fromtimestamp(moment, UTC):%a, %d %b %Y %H:%M:%S GMT}]"
            for word, moment in (("Start", start), ("Expiry", end), ("Current", now))
        )
        raise _denied(f"Signature not valid in the specified time frame: {shown}")
    if "r" not in query.get("sp", ""):
        raise Refusal(
            403,
            "AuthorizationPermissionMismatch",
            "This request is not authorized to perform this operation using this permission.",
        )


def _signature(world: World, account: str, path: str, query: Mapping[str, str]) -> str:
    values = [query.get(name, "") if name else "" for name in _SIGNED]
    values[3] = f"/blob/{account}{path}"
    return world.runs.sign("\n".join(values))


def _moment(text: str) -> float:
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _denied(why: str) -> Refusal:
    return Refusal(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly "
        "including the signature.",
        detail=why,
    )
