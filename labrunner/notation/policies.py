"""Trust policies: whose signatures count, for which images, how strictly (trust-store-trust-policy, version 1.0)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from labrunner.notation.subjects import SubjectError, is_part_of, parse_subject

__all__ = ["ACTIONS", "CHECKS", "STORE_TYPES", "Policy", "PolicyError", "is_store_name", "policy_for", "read_policies"]

CHECKS = ("integrity", "authenticity", "authenticTimestamp", "expiry", "revocation")
ACTIONS = ("enforce", "log", "skip")
STORE_TYPES = ("ca", "signingAuthority", "tsa")

_LEVELS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "strict": ("enforce", "enforce", "enforce", "enforce", "enforce"),
        "permissive": ("enforce", "enforce", "log", "log", "log"),
        "audit": ("enforce", "log", "log", "log", "log"),
        "skip": ("skip", "skip", "skip", "skip", "skip"),
    }
)
_TIMESTAMPS = ("always", "afterCertExpiry")
_SUBJECT = "x509.subject"
_NAME = re.compile(r"[a-zA-Z0-9_.-]+")
_DOMAIN = re.compile(
    r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?"
)
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*")


class PolicyError(ValueError):
    """It is no trust policy; the message says what is wrong in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One statement. actions: check -> `enforce`, `log` or `skip`. stores: (type, name). identities: what a signer's
    subject must have, of each that is trusted; None: any subject. scopes: repositories, or `*` alone."""

    name: str
    scopes: tuple[str, ...]
    level: str
    actions: Mapping[str, str]
    stores: tuple[tuple[str, str], ...] = ()
    identities: tuple[Mapping[str, str], ...] | None = field(default=())
    timestamps: str = "always"

    @property
    def skips(self) -> bool:
        """Whether nothing is verified at all."""
        return self.level == "skip"


def is_store_name(text: str) -> bool:
    """Whether a trust store, a key or a file in one may be called so."""
    return _NAME.fullmatch(text) is not None and text not in (".", "..")


def read_policies(raw: bytes) -> tuple[Policy, ...]:
    """The statements of a document. Raises PolicyError; `json.JSONDecodeError` for what is no JSON."""
    value = json.loads(raw)
    if not isinstance(value, dict):
        raise PolicyError("it is no JSON object")
    if value.get("version") != "1.0":
        raise PolicyError('"version" must be "1.0"')
    statements = value.get("trustPolicies")
    if not isinstance(statements, list) or not statements:
        raise PolicyError('"trustPolicies" must have a statement')
    found = tuple(_statement(each) for each in statements)
    names = [each.name for each in found]
    scopes = [scope for each in found for scope in each.scopes]
    for what, all_of in (("the name", names), ("the registry scope", scopes)):
        twice = next((each for each in all_of if all_of.count(each) > 1), None)
        if twice is not None:
            raise PolicyError(f'{what} "{twice}" may be in one statement only')
    return found


def policy_for(policies: tuple[Policy, ...], repository: str) -> Policy | None:
    """The statement for that repository (`server/name`): its own one before the one for all."""
    for wanted in (repository, "*"):
        for policy in policies:
            if wanted in policy.scopes:
                return policy
    return None


def _statement(value: object) -> Policy:
    if not isinstance(value, dict):
        raise PolicyError("a statement is no JSON object")
    name = value.get("name")
    if not isinstance(name, str) or not name:
        raise PolicyError("a statement has no name")
    try:
        return _read_statement(name, value)
    except PolicyError as error:
        raise PolicyError(f'the statement "{name}": {error}') from error


def _read_statement(name: str, value: Mapping[str, Any]) -> Policy:
    level, actions, timestamps = _verification(value.get("signatureVerification"))
    scopes = _scopes(_texts(value, "registryScopes"))
    stores, identities = _texts(value, "trustStores"), _texts(value, "trustedIdentities")
    if level == "skip":
        if "*" in scopes:
            raise PolicyError('the level "skip" is not for all repositories ("*")')
        if stores or identities:
            raise PolicyError('with the level "skip" it must name no trust stores and no trusted identities')
        return Policy(name=name, scopes=scopes, level=level, actions=actions)
    if not stores or not identities:
        raise PolicyError('"trustStores" and "trustedIdentities" must name something')
    return Policy(
        name=name,
        scopes=scopes,
        level=level,
        actions=actions,
        stores=tuple(_store(each) for each in stores),
        identities=_identities(identities),
        timestamps=timestamps,
    )


def _texts(value: Mapping[str, Any], key: str) -> tuple[str, ...]:
    found = value.get(key) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise PolicyError(f'"{key}" must be a list of texts')
    return tuple(found)


def _verification(value: object) -> tuple[str, Mapping[str, str], str]:
    """Level, actions and when timestamps are verified."""
    if not isinstance(value, dict) or not isinstance(value.get("level"), str) or value["level"] not in _LEVELS:
        raise PolicyError(f'"signatureVerification" must have a "level": {", ".join(_LEVELS)}')
    level = value["level"]
    actions = dict(zip(CHECKS, _LEVELS[level], strict=True))
    override = value.get("override") or {}
    if not isinstance(override, dict) or (override and level == "skip"):
        raise PolicyError('"override" must be an object, and is not for the level "skip"')
    for check, action in override.items():
        if check not in CHECKS[1:]:
            raise PolicyError(f'"override" may have {", ".join(CHECKS[1:])}, not "{check}"')
        allowed = ACTIONS if check == "revocation" else ACTIONS[:2]
        if action not in allowed:
            raise PolicyError(f'"override" may set "{check}" to {", ".join(allowed)}')
        actions[check] = action
    timestamps = value.get("verifyTimestamp") or "always"
    if timestamps not in _TIMESTAMPS:
        raise PolicyError(f'"verifyTimestamp" must be one of {", ".join(_TIMESTAMPS)}')
    return ("custom" if override else level), actions, timestamps


def _scopes(scopes: tuple[str, ...]) -> tuple[str, ...]:
    if not scopes:
        raise PolicyError('"registryScopes" must name a repository, or have "*"')
    if "*" in scopes and len(scopes) > 1:
        raise PolicyError('"registryScopes" has "*", which is for all, and others')
    for scope in scopes:
        domain, _, repository = scope.partition("/")
        if scope != "*" and not (_DOMAIN.fullmatch(domain) and _REPOSITORY.fullmatch(repository)):
            raise PolicyError(f'the registry scope "{scope}" is no repository, such as registry.example/my/image')
    return scopes


def _store(text: str) -> tuple[str, str]:
    kind, colon, name = text.partition(":")
    if not colon or kind not in STORE_TYPES or not is_store_name(name):
        raise PolicyError(
            f'the trust store "{text}" is not written as TYPE:NAME, with {", ".join(STORE_TYPES)} as TYPE'
        )
    return kind, name


def _identities(texts: tuple[str, ...]) -> tuple[Mapping[str, str], ...] | None:
    if "*" in texts:
        if len(texts) > 1:
            raise PolicyError('"trustedIdentities" has "*", which is for all, and others')
        return None
    found: list[Mapping[str, str]] = []
    for text in texts:
        kind, colon, value = text.partition(":")
        if not colon or not value.strip():
            raise PolicyError(f'the trusted identity "{text}" is not written as TYPE:VALUE')
        if kind == _SUBJECT:  # others are for plugins
            try:
                found.append(parse_subject(value))
            except SubjectError as error:
                raise PolicyError(f'the trusted identity "{text}": {error}') from error
    for place, one in enumerate(found):
        if any(is_part_of(one, other) for other in (*found[:place], *found[place + 1 :])):
            raise PolicyError('one of "trustedIdentities" includes another one')
    return tuple(found)
