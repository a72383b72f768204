"""Whether metadata is what its role may say: signatures, chains of roots and of delegations, expiry."""

from collections.abc import Mapping
from datetime import UTC, datetime

from labrunner.emulator.trust.certificates import certified
from labrunner.emulator.trust.keys import PublicKey
from labrunner.emulator.trust.metadata import (
    Delegation,
    Invalid,
    Role,
    Root,
    Signed,
    Targets,
    is_delegation,
    parent_of,
    read_targets,
)

__all__ = ["check_root", "check_signatures", "check_time", "checked_targets", "delegation_of"]

_UNTRUSTED = "could not validate the path to a trusted root: "
_NOT_ROTATED = "could not rotate trust to a new trusted root: "


def check_signatures(signed: Signed, role: Role) -> None:
    """Raises Invalid unless as many of the role's keys as it wants have signed."""
    if not signed.signatures:
        raise Invalid("tuf: data has no signatures")
    if len(_signers(signed, role.keys)) < role.threshold:
        raise Invalid(f"valid signatures did not meet threshold for {role.name}")


def check_time(signed: Signed, now: float) -> None:
    """Raises Invalid for what has expired."""
    if signed.expires < now:
        moment = datetime.fromtimestamp(signed.expires, UTC)
        raise Invalid(f"{signed.role} expired at {moment:%a %b} {moment.day} {moment:%H:%M:%S UTC %Y}")


def check_root(root: Root, before: Root | None, gun: str, now: float) -> None:
    """Raises Invalid for a root that its own keys, or those of the root before it, did not sign."""
    own = root.roles["root"]
    mine = certified(own, gun, now=now)
    if not mine:
        raise Invalid(f"{_UNTRUSTED}unable to retrieve valid leaf certificates")
    if before is not None:
        old = before.roles["root"]
        if len(_signers(root.signed, certified(old, gun, now=None))) < old.threshold:
            raise Invalid(f"{_NOT_ROTATED}failed to validate data with current trusted certificates")
    if len(_signers(root.signed, mine)) < own.threshold:
        raise Invalid(f"{_UNTRUSTED}failed to validate integrity of roots")
    check_time(root.signed, now)


def delegation_of(role: str, known: Mapping[str, Targets]) -> Delegation:
    """A delegated role as its parents define it: from `targets` on down, each within its own parent's paths.

    known: the metadata of each of them. Raises Invalid.
    """
    parent = known.get(parent_of(role))
    found = parent.delegations.get(role) if parent is not None else None
    if found is None:
        raise Invalid(f"tuf: invalid role {role}. delegation does not exist")
    above = delegation_of(parent_of(role), known).paths if is_delegation(parent_of(role)) else ("",)
    within = tuple(path for path in found.paths if path.startswith(above))
    return Delegation(name=role, keys=found.keys, threshold=found.threshold, paths=within)


def checked_targets(signed: Signed, root: Root, known: Mapping[str, Targets], now: float) -> Targets:
    """The metadata of `targets`, or of a role delegated from it. known: that of its parents. Raises Invalid.

    Stricter than notary-server: a delegated role may name only what its paths allow.
    """
    if not is_delegation(signed.role):
        check_signatures(signed, root.roles["targets"])
        targets = read_targets(signed)
    else:
        role = delegation_of(signed.role, known)
        check_signatures(signed, role)
        targets = read_targets(signed)
        for name in targets.files:
            if not name.startswith(role.paths):
                raise Invalid(f"{signed.role} may not sign {name[:100]}")
    check_time(signed, now)
    return targets


def _signers(signed: Signed, keys: Mapping[str, PublicKey]) -> set[str]:
    """The keys that have signed, each counted once."""
    return {
        one.key_id
        for one in signed.signatures
        if one.key_id in keys and keys[one.key_id].verifies(one.method, one.value, signed.message)
    }
