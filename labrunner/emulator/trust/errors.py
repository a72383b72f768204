"""How a trust server refuses: notary-server's codes, statuses and words (its `server/errors`, `tuf/validation`).

The details of an invalid update are what its clients read and show.
"""

from typing import Any

from labrunner.emulator.refusal import Refusal

__all__ = [
    "bad_hierarchy",
    "bad_role",
    "invalid_gun",
    "invalid_role",
    "malformed_json",
    "malformed_upload",
    "no_filename",
    "not_enabled",
    "not_found",
    "old_version",
    "unvalidated",
]

_KINDS = {"root": "ErrBadRoot", "snapshot": "ErrBadSnapshot"}


def not_found() -> Refusal:
    """No such metadata."""
    return Refusal(404, "METADATA_NOT_FOUND", "You have requested metadata that does not exist.", detail={})


def not_enabled() -> Refusal:
    """The registry's content trust is disabled. Guess: the status is what a registry of Azure answered to somebody
    (docker/notary-official-images issue 32, which does not tell why); code and words are distribution's for it."""
    return Refusal(405, "UNSUPPORTED", "The operation is unsupported.", detail={"trustPolicy": "disabled"})


def invalid_gun(prefix: str) -> Refusal:
    """Trust data of another registry's repository, or of what is no repository's name."""
    said = "The server does not support actions on images of this name."
    return Refusal(400, "INVALID_GUN", said, detail=f"Require GUNs with prefix: [{prefix}]")


def invalid_role(role: str) -> Refusal:
    """No role that can be uploaded, or whose key can be asked for."""
    return Refusal(400, "INVALID_ROLE", "The role you are attempting to operate on is invalid.", detail=role[:300])


def no_filename() -> Refusal:
    """A part of an upload that does not say which role it is."""
    return Refusal(400, "NO_FILENAME", "No file/role name provided.", detail={})


def malformed_json() -> Refusal:
    """A part of an upload that is no JSON object."""
    return Refusal(400, "MALFORMED_JSON", "JSON sent by the client could not be parsed by the server", detail={})


def malformed_upload() -> Refusal:
    """An upload that is no whole multipart/form-data, or has a role twice."""
    return Refusal(400, "MALFORMED_UPLOAD", "The body of your request is malformed.", detail={})


def old_version() -> Refusal:
    """As new a version of that role is there already."""
    return Refusal(400, "VERSION", "A newer version of metadata is already available.", detail={})


def bad_role(role: str, why: str) -> Refusal:
    """A role's metadata that is not valid."""
    return _invalid(_KINDS.get(role, "ErrBadTargets"), {"Msg": why})


def bad_hierarchy(missing: str, why: str) -> Refusal:
    """A role's metadata that should have been in the update."""
    return _invalid("ErrBadHierarchy", {"Missing": missing, "Msg": why})


def unvalidated(why: str) -> Refusal:
    """What is wrong with an update as a whole."""
    return _invalid("ErrValidation", {"Msg": why})


def _invalid(kind: str, error: dict[str, Any]) -> Refusal:
    detail = {"Name": kind, "Error": error}
    return Refusal(400, "INVALID_UPDATE", "Update sent by the client is invalid.", detail=detail)
