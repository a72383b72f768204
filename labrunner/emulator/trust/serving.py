"""What the registry itself signs: the timestamp of every repository, and the snapshot unless the publisher does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from labrunner.emulator.state.registries import Registry
from labrunner.emulator.state.trust import HeldKey, Stored
from labrunner.emulator.trust.canonical import encode
from labrunner.emulator.trust.keys import PublicKey, new_key, public_of, sign
from labrunner.emulator.trust.metadata import (
    FileMeta,
    Role,
    Root,
    file_meta,
    read_root,
    read_signed,
    read_snapshot,
    read_targets,
)

if TYPE_CHECKING:
    from labrunner.emulator.world import World

__all__ = [
    "SERVED_ROLES",
    "Place",
    "current",
    "held",
    "issue",
    "rotated_key",
    "served_key",
    "settle_keys",
    "signed_tags",
]

SERVED_ROLES = ("snapshot", "timestamp")
"""The roles whose keys the registry may hold."""

_DAY = 24 * 3600
_LASTS = {"snapshot": 3 * 365 * _DAY, "timestamp": 14 * _DAY}
"""Seconds; notary-server's (`NotarySnapshotExpiry`, `NotaryTimestampExpiry`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A repository that trust data is about. Its name for clients (GUN) begins with the registry's host."""

    world: "World"
    registry: Registry
    repository: str

    @property
    def gun(self) -> str:
        """As clients name it: `progressacr12345678.azurecr.io/mywebapi`."""
        return f"{self.registry.login_server}/{self.repository}"


def issue(
    role: str, version: int, meta: Mapping[str, FileMeta], keys: Sequence[HeldKey], now: float
) -> tuple[int, bytes]:
    """The next version of a role that the registry signs. version: of the one before, 0 for none."""
    content: dict[str, Any] = {
        "_type": role.capitalize(),
        "expires": datetime.fromtimestamp(int(now) + _LASTS[role], UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "meta": {name: meta[name].json() for name in meta},
        "version": version + 1,
    }
    message = encode(content)
    return version + 1, encode({"signed": content, "signatures": [sign(key, message) for key in keys]})


def held(place: Place, role: Role) -> list[HeldKey]:
    """Those of a role's keys that the registry has."""
    keys = place.world.trust.keys(place.registry.id, place.repository, role.name)
    return [key for key in keys if key.key_id in role.keys]


def served_key(place: Place, role: str) -> PublicKey:
    """The key that the registry signs a role with, or will sign it with: made when it is first asked for."""
    trust = place.world.trust
    root = trust.current(place.registry.id, place.repository).get("root")
    keys = trust.keys(place.registry.id, place.repository, role)
    if root is not None:
        keys = held(place, read_root(read_signed("root", root.body)).roles[role]) or keys
    return public_of(keys[0]) if keys else rotated_key(place, role)


def rotated_key(place: Place, role: str) -> PublicKey:
    """A new key for a role. It signs as soon as a root names it."""
    key, public = new_key()
    place.world.trust.hold(place.registry.id, place.repository, role, key)
    return public


def settle_keys(place: Place, root: Root) -> None:
    """Let go of the keys that the new root does not name."""
    for role in SERVED_ROLES:
        place.world.trust.keep_keys(place.registry.id, place.repository, role, root.roles[role].keys.keys())


def current(place: Place, role: str) -> Stored | None:
    """A role's newest metadata. What the registry signs is signed anew when it has expired."""
    trust = place.world.trust
    with place.world.store.write():
        if role in SERVED_ROLES:
            _renew(place)
        return trust.current(place.registry.id, place.repository).get(role)


def signed_tags(place: Place) -> frozenset[tuple[str, str]]:
    """The tags that are signed, with the digest of their manifest: where Docker looks them up (docker/cli,
    `cli/trust`), by the repository's own key or by a signer's."""
    there = place.world.trust.current(place.registry.id, place.repository)
    found = set()
    for role in ("targets", "targets/releases"):
        if role in there:
            files = read_targets(read_signed(role, there[role].body)).files
            found |= {(tag, f"sha256:{files[tag].digests.get('sha256', b'').hex()}") for tag in files}
    return frozenset(found)


def _renew(place: Place) -> None:
    trust, now = place.world.trust, place.world.clock.machine()
    there = trust.current(place.registry.id, place.repository)
    if not all(role in there for role in ("root", *SERVED_ROLES)):
        return
    root = read_root(read_signed("root", there["root"].body))
    old = {role: read_signed(role, there[role].body) for role in SERVED_ROLES}
    body = there["snapshot"].body
    made = []
    keys = held(place, root.roles["snapshot"])
    if old["snapshot"].expires < now and len(keys) >= root.roles["snapshot"].threshold:
        version, body = issue("snapshot", old["snapshot"].version, read_snapshot(old["snapshot"]), keys, now)
        made.append(("snapshot", version, body))
    keys = held(place, root.roles["timestamp"])
    if (made or old["timestamp"].expires < now) and keys:
        made.append(
            ("timestamp", *issue("timestamp", old["timestamp"].version, {"snapshot": file_meta(body)}, keys, now))
        )
    trust.add(place.registry.id, place.repository, made)
