"""What becomes of an upload: everything in it is verified against what is there, then all of it is stored or nothing.

Source: notary-server's `server/handlers/validation.go` for what is refused and with which error. Stricter than it: see
`differs` of the operation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labrunner.emulator.state.trust import OldVersion, Stored
from labrunner.emulator.trust.errors import (
    bad_hierarchy,
    bad_role,
    malformed_json,
    old_version,
    unvalidated,
)
from labrunner.emulator.trust.metadata import (
    FileMeta,
    Invalid,
    Root,
    Signed,
    Targets,
    file_meta,
    is_delegation,
    read_root,
    read_signed,
    read_snapshot,
    read_targets,
)
from labrunner.emulator.trust.serving import Place, held, issue, settle_keys
from labrunner.emulator.trust.verification import (
    check_root,
    check_signatures,
    check_time,
    checked_targets,
    delegation_of,
)

__all__ = ["update"]


@dataclass(slots=True, kw_only=True)
class _Update:
    """One upload on its way. sent: by role. known: the targets' metadata that was read so far."""

    place: Place
    now: float
    there: Mapping[str, Stored]
    sent: Mapping[str, Signed]
    known: dict[str, Targets] = field(default_factory=dict)

    def body(self, role: str) -> bytes | None:
        """A role's file as it will be."""
        if role in self.sent:
            return self.sent[role].body
        return self.there[role].body if role in self.there else None


def update(place: Place, parts: Mapping[str, bytes]) -> None:
    """Verify and store an upload, with a new snapshot (if the registry signs it) and a new timestamp.

    parts: the files, by role. Nothing is changed when it raises: Refusal, with notary's codes.
    """
    now = place.world.clock.machine()
    with place.world.store.write():
        there = place.world.trust.current(place.registry.id, place.repository)
        change = _Update(
            place=place, now=now, there=there, sent={role: _read(role, body) for role, body in parts.items()}
        )
        root = _root(change)
        _targets(change, root)
        made = [(role, signed.version, signed.body) for role, signed in change.sent.items()]
        snapshot = _snapshot(change, root)
        if snapshot is not None:
            made.append(snapshot)
        made.append(_timestamp(change, root, snapshot[2] if snapshot else change.sent["snapshot"].body))
        try:
            place.world.trust.add(place.registry.id, place.repository, made)
        except OldVersion as error:
            raise old_version() from error
        if "root" in change.sent:
            settle_keys(place, root)


def _read(role: str, body: bytes) -> Signed:
    try:
        return read_signed(role, body)
    except Invalid as problem:
        raise bad_role(role, str(problem)) from problem
    except ValueError as error:
        raise malformed_json() from error


def _root(change: _Update) -> Root:
    """The root as it will be. Raises Refusal."""
    before = read_root(read_signed("root", change.there["root"].body)) if "root" in change.there else None
    sent = change.sent.get("root")
    if sent is None:
        if before is None:
            raise unvalidated("no pre-existing root and no root provided in update.")
        return before
    version = before.signed.version if before is not None else 1
    if sent.version not in (version, version + 1):
        said = "Root modifications must increment the version."
        raise bad_role("root", f"{said} Current {version}, new {sent.version}")
    try:
        root = read_root(sent)
        check_root(root, before, change.place.gun, change.now)
    except Invalid as problem:
        raise bad_role("root", str(problem)) from problem
    return root


def _targets(change: _Update, root: Root) -> None:
    """Verify what is sent for targets and delegated roles, parents first. Raises Refusal."""
    if change.body("targets") is None:
        raise unvalidated("targets must be loaded first")
    if "root" in change.sent and "targets" not in change.sent:
        try:  # the targets that stay have to be signed by the keys of the new root
            check_signatures(read_signed("targets", change.there["targets"].body), root.roles["targets"])
        except Invalid as problem:
            raise bad_role("targets", str(problem)) from problem
    for role in sorted(set(change.sent) - {"root", "snapshot"}, key=lambda name: (name.count("/"), name)):
        _load_parents(change, root, role)
        try:
            change.known[role] = checked_targets(change.sent[role], root, change.known, change.now)
        except Invalid as problem:
            raise bad_role(role, str(problem)) from problem


def _load_parents(change: _Update, root: Root, role: str) -> None:
    """Have what delegates to a role, from the top down. It may have expired. Raises Refusal."""
    steps = role.split("/")
    for name in ("/".join(steps[:depth]) for depth in range(1, len(steps))):
        if name in change.known or name not in change.there:
            continue
        signed = read_signed(name, change.there[name].body)
        try:
            check_signatures(signed, delegation_of(name, change.known) if is_delegation(name) else root.roles[name])
        except Invalid as problem:
            raise bad_role(name, str(problem)) from problem
        change.known[name] = read_targets(signed)


def _snapshot(change: _Update, root: Root) -> tuple[str, int, bytes] | None:
    """The new snapshot; None if it was sent, and is good. Raises Refusal."""
    sent = change.sent.get("snapshot")
    if sent is not None:
        try:
            _check_snapshot(change, root, sent)
        except Invalid as problem:
            raise bad_role("snapshot", str(problem)) from problem
        return None
    keys = held(change.place, root.roles["snapshot"])
    if len(keys) < root.roles["snapshot"].threshold:
        said = "no snapshot was included in update and server does not hold current snapshot key for repository"
        raise bad_hierarchy("snapshot", said)
    before = change.there.get("snapshot")
    meta = read_snapshot(read_signed("snapshot", before.body)) if before is not None else {}
    meta |= {role: file_meta(signed.body) for role, signed in change.sent.items()}
    return "snapshot", *issue("snapshot", before.version if before else 0, meta, keys, change.now)


def _check_snapshot(change: _Update, root: Root, sent: Signed) -> None:
    """Of a repository whose snapshot key the publisher has. Raises Invalid."""
    check_signatures(sent, root.roles["snapshot"])
    meta = read_snapshot(sent)
    check_time(sent, change.now)
    for role in meta:
        _check_described(role, meta, change.body(role))
    for role in change.sent:
        if role != "snapshot":
            _check_described(role, meta, change.body(role))


def _check_described(role: str, meta: Mapping[str, FileMeta], body: bytes | None) -> None:
    if role not in meta:
        raise Invalid(f"no checksums for supported algorithms were provided for {role}")
    if body is None or not meta[role].describes(body):
        raise Invalid(
            f"sha256 checksum for {role} did not match: expected {meta[role].digests.get('sha256', b'').hex()}"
        )


def _timestamp(change: _Update, root: Root, snapshot: bytes) -> tuple[str, int, bytes]:
    keys = held(change.place, root.roles["timestamp"])
    if len(keys) < root.roles["timestamp"].threshold:
        raise bad_role("root", "no timestamp keys exist on the server")
    before = change.there.get("timestamp")
    meta = {"snapshot": file_meta(snapshot)}
    return "timestamp", *issue("timestamp", before.version if before else 0, meta, keys, change.now)
