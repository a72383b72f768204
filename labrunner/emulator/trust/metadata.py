"""Signed metadata of Notary v1, read strictly: what is not exactly so is Invalid (notary's `tuf/data`).

Keys that differ from a known one in case only are refused: what reads JSON as Go does would take them for it.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from labrunner.emulator.trust.canonical import decode, encode
from labrunner.emulator.trust.keys import PublicKey, public_key_of

__all__ = [
    "BASE_ROLES",
    "Delegation",
    "FileMeta",
    "Invalid",
    "Role",
    "Root",
    "Signature",
    "Signed",
    "Targets",
    "file_meta",
    "is_delegation",
    "parent_of",
    "read_root",
    "read_signed",
    "read_snapshot",
    "read_targets",
]

BASE_ROLES = ("root", "targets", "snapshot", "timestamp")

_TYPES = {"root": "Root", "targets": "Targets", "snapshot": "Snapshot", "timestamp": "Timestamp"}
_DELEGATION = re.compile(r"targets(?:/[-a-z0-9_]+)+")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")
_LONGEST_ROLE = 255
_LAST_VERSION = (1 << 31) - 1
_DIGEST_SIZES = {"sha256": 32, "sha512": 64}
_COMMON = ("_type", "expires", "version")


class Invalid(Exception):  # noqa: N818 - an answer about what was sent
    """Why metadata is not valid; words: notary's, as its clients show them, where it knows the case."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """method: in small letters."""

    key_id: str
    method: str
    value: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """One role's file. body: as it was sent. message: what its signatures sign. expires: seconds since 1970.

    content: what is signed. For a role that is not of the file's type it cannot be made.
    """

    role: str
    body: bytes
    message: bytes
    content: Mapping[str, Any]
    signatures: tuple[Signature, ...]
    version: int
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """Who signs for a role, and how many of them have to."""

    name: str
    keys: Mapping[str, PublicKey]
    threshold: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation(Role):
    """paths: how the names of its targets may begin."""

    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """roles: by name, the four base roles."""

    signed: Signed
    roles: Mapping[str, Role]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMeta:
    """digests: by algorithm; at least one of those that are known."""

    length: int
    digests: Mapping[str, bytes]

    def describes(self, body: bytes) -> bool:
        """Whether that is the file."""
        known = {name: digest for name, digest in self.digests.items() if name in _DIGEST_SIZES}
        return self.length == len(body) and all(
            hashlib.new(name, body).digest() == digest for name, digest in known.items()
        )

    def json(self) -> dict[str, Any]:
        """As metadata has it."""
        digests = {name: base64.b64encode(digest).decode() for name, digest in self.digests.items()}
        return {"hashes": digests, "length": self.length}


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """files: by target's name (Docker: the tag). delegations: by role."""

    signed: Signed
    files: Mapping[str, FileMeta]
    delegations: Mapping[str, Delegation]


def is_delegation(role: str) -> bool:
    """Whether that can be the name of a delegated role."""
    return len(role) <= _LONGEST_ROLE and _DELEGATION.fullmatch(role) is not None


def parent_of(role: str) -> str:
    """The role that delegates to it."""
    return role.rpartition("/")[0]


def file_meta(body: bytes) -> FileMeta:
    """What describes a file."""
    digests = {name: hashlib.new(name, body).digest() for name in _DIGEST_SIZES}
    return FileMeta(length=len(body), digests=digests)


def read_signed(role: str, body: bytes) -> Signed:
    """The parts that every role's file has. Raises ValueError for what is no JSON object, or has values of another type
    in these parts, and Invalid."""
    value = decode(body)
    if not isinstance(value, dict):
        raise ValueError("no JSON object")  # noqa: TRY004 - as for what is no JSON
    known = _object(role, value, ("signed", "signatures"))
    content = _object(role, known.get("signed"), _COMMON)
    expected = _TYPES["targets" if is_delegation(role) else role]
    if content.get("_type") != expected:
        raise _invalid(role, f"expected type {expected}, not {str(content.get('_type'))[:50]}")
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise ValueError("version is no number")  # noqa: TRY004 - as for what is no JSON
    if version < 1:
        raise _invalid(role, f"version cannot be less than {'1' if role == 'root' else 'one'}")
    if version > _LAST_VERSION:
        raise _invalid(role, "version is too large")
    listed = known.get("signatures")
    if not isinstance(listed, list):
        raise _invalid(role, "signatures are no list")
    return Signed(
        role=role,
        body=body,
        message=encode(content),
        content=content,
        signatures=tuple(_signature(role, one) for one in listed),
        version=version,
        expires=_moment(content.get("expires")),
    )


def read_root(signed: Signed) -> Root:
    """Raises Invalid."""
    content = _object("root", signed.content, (*_COMMON, "keys", "roles", "consistent_snapshot"))
    if not isinstance(content.get("consistent_snapshot", False), bool):
        raise _invalid("root", "consistent_snapshot is neither true nor false")
    keys, listed = _keys("root", content.get("keys")), content.get("roles")
    if not isinstance(listed, dict):
        raise _invalid("root", "missing root role specification")
    roles = {}
    for name in BASE_ROLES:
        if not isinstance(listed.get(name), dict):
            raise _invalid("root", f"missing {name} role specification")
        role = _role("root", name, listed[name], keys)
        if len(role.keys) < role.threshold:
            raise _invalid("root", f"{name} has fewer keys than its threshold")
        roles[name] = role
    return Root(signed=signed, roles=roles)


def read_targets(signed: Signed) -> Targets:
    """Also a delegated role's. Raises Invalid."""
    role = signed.role
    content = _object(role, signed.content, (*_COMMON, "targets", "delegations"))
    files = content.get("targets")
    if not isinstance(files, dict):
        raise _invalid(role, "targets are missing")
    given = content.get("delegations") or {}
    delegations = _object(role, given, ("keys", "roles"))
    keys, found = _keys(role, delegations.get("keys") or {}), {}
    listed = delegations.get("roles") or []
    if not isinstance(listed, list):
        raise _invalid(role, "delegations are no list")
    for one in listed:
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or not is_delegation(name) or parent_of(name) != role or name in found:
            raise _invalid(role, f"delegation role {str(name)[:100]} invalid")
        made, paths = _role(role, name, one, keys), one.get("paths") or []
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise _invalid(role, f"paths of {name} are no list of names")
        found[name] = Delegation(name=name, keys=made.keys, threshold=made.threshold, paths=tuple(paths))
    return Targets(signed=signed, files=_files(role, files), delegations=found)


def read_snapshot(signed: Signed) -> dict[str, FileMeta]:
    """What the snapshot says of each role's file. Raises Invalid."""
    content = _object("snapshot", signed.content, (*_COMMON, "meta"))
    listed = content.get("meta")
    if not isinstance(listed, dict):
        raise _invalid("snapshot", "missing root sha256 checksum information")
    meta = _files("snapshot", listed)
    for role in meta:
        if role not in ("root", "targets") and not is_delegation(role):
            raise _invalid("snapshot", f"{role[:100]} is no role that a snapshot lists")
    for role in ("root", "targets"):
        if role not in meta or "sha256" not in meta[role].digests:
            raise _invalid("snapshot", f"missing {role} sha256 checksum information")
    return meta


def _invalid(role: str, why: str) -> Invalid:
    return Invalid(f"{role} type metadata invalid: {why}")


def _object(role: str, value: object, known: Iterable[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _invalid(role, "an object is missing")
    names = frozenset(known)
    for key in value:
        if key not in names and key.casefold() in names:
            raise _invalid(role, f"{key[:50]} is written otherwise")
    return value


def _moment(value: object) -> float:
    """Raises ValueError."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError("expires is no time")
    try:
        return datetime.fromisoformat(value).astimezone(UTC).timestamp()
    except OverflowError as error:
        raise ValueError("expires is no time") from error


def _signature(role: str, value: object) -> Signature:
    given = _object(role, value, ("keyid", "method", "sig"))
    match given:
        case {"keyid": str(key_id), "method": str(method), "sig": str(text)}:
            return Signature(key_id=key_id, method=method.lower(), value=base64.b64decode(text, validate=True))
    raise _invalid(role, "a signature is incomplete")


def _keys(role: str, value: object) -> dict[str, PublicKey]:
    if not isinstance(value, dict):
        raise _invalid(role, "keys are missing")
    found = {}
    for key_id, one in value.items():
        given = _object(role, one, ("keytype", "keyval"))
        _object(role, given.get("keyval"), ("public", "private"))
        if given["keyval"].get("private") is not None:
            raise _invalid(role, f"key {key_id[:64]} has its private part")
        try:
            key = public_key_of(given)
        except ValueError as error:
            raise _invalid(role, f"key {key_id[:64]}: {error}") from error
        if key.id != key_id:
            raise Invalid("key ID is not valid for key content")
        found[key_id] = key
    return found


def _role(within: str, name: str, value: Mapping[str, Any], keys: Mapping[str, PublicKey]) -> Role:
    given = _object(within, value, ("keyids", "threshold", "name", "paths"))
    threshold, key_ids = given.get("threshold"), given.get("keyids")
    if not isinstance(threshold, int) or isinstance(threshold, bool) or threshold < 1:
        raise _invalid(within, f"invalid threshold specified for {name}: {str(threshold)[:20]} ")
    if key_ids is None:
        key_ids = []
    if not isinstance(key_ids, list) or not all(isinstance(key_id, str) for key_id in key_ids):
        raise _invalid(within, f"key ids of {name} are no list")
    for key_id in key_ids:
        if key_id not in keys:
            raise _invalid(within, f"key ID {key_id[:64]} specified in {name} without corresponding key")
    return Role(name=name, keys={key_id: keys[key_id] for key_id in key_ids}, threshold=threshold)


def _files(role: str, value: Mapping[str, Any]) -> dict[str, FileMeta]:
    found = {}
    for name, one in value.items():
        given = _object(role, one, ("length", "hashes", "custom"))
        length, listed = given.get("length"), given.get("hashes")
        if not isinstance(length, int) or isinstance(length, bool) or length < 0 or not isinstance(listed, dict):
            raise _invalid(role, f"{name[:100]} has no length or no checksums")
        found[name] = FileMeta(length=length, digests=_digests(role, name, listed))
    return found


def _digests(role: str, name: str, listed: Mapping[str, object]) -> dict[str, bytes]:
    digests = {}
    for algorithm, text in listed.items():
        try:
            digests[algorithm] = base64.b64decode(text if isinstance(text, str) else "?", validate=True)
        except ValueError as error:
            raise _invalid(role, f"a checksum of {name[:100]} is no base64") from error
        if len(digests[algorithm]) != _DIGEST_SIZES.get(algorithm, len(digests[algorithm])):
            raise _invalid(role, f"invalid {name[:100]} checksum information, {algorithm} checksum invalid")
    if not digests.keys() & _DIGEST_SIZES.keys():
        raise _invalid(role, f"invalid {name[:100]} checksum information, at least one supported hash needed")
    return digests
