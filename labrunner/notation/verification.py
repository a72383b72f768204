"""Whether a signature is good for an image by a trust policy (trust-store-trust-policy, Signature Evaluation)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from labrunner.notation.certificates import names_revocation, subject
from labrunner.notation.descriptors import Descriptor
from labrunner.notation.envelopes import JWS, X509, Envelope, EnvelopeError, verify
from labrunner.notation.policies import Policy
from labrunner.notation.subjects import SubjectError, is_part_of, subject_parts

__all__ = ["Outcome", "Stores", "evaluate"]

Stores = Callable[[str, str], Sequence[x509.Certificate]]
"""The certificates of a trust store, by type and name. Raises NotationError for one that is not there."""

_Check = Callable[[Envelope, Policy, Stores, datetime], str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """refused: why the signature does not count ("": it does). logged: (check, what is wrong) that the policy allows.

    envelope: what it says; None when it was not even whole.
    """

    refused: str
    logged: tuple[tuple[str, str], ...] = ()
    envelope: Envelope | None = None


def evaluate(
    raw: bytes,
    media_type: str,
    image: Descriptor,
    policy: Policy,
    stores: Stores,
    *,
    now: datetime,
    metadata: Mapping[str, str],
) -> Outcome:
    """Evaluate one envelope. image: what it is to be a signature of. metadata: what the signer must have said of it.

    Raises NotationError when a trust store of the policy cannot be used.
    """
    if media_type != JWS:
        return Outcome(f"signatures in {media_type} envelopes are not verified here, only {JWS}")
    try:
        envelope = verify(raw)
    except EnvelopeError as error:
        return Outcome(str(error))
    refused, logged = _checked(envelope, policy, stores, now)
    return Outcome(refused or _content(envelope, image, metadata), logged, envelope)


def _checked(
    envelope: Envelope, policy: Policy, stores: Stores, now: datetime
) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Why the policy refuses it, and what it only has logged."""
    foreign = [name for name in envelope.critical if name in envelope.extended]
    if foreign:
        return f"it must be verified by who understands {', '.join(foreign)}", ()
    logged: list[tuple[str, str]] = []
    for check, ask in _CHECKS.items():
        action = policy.actions[check]
        wrong = "" if action == "skip" else ask(envelope, policy, stores, now)
        if wrong and action == "enforce":
            return wrong, tuple(logged)
        if wrong:
            logged.append((check, wrong))
    return "", tuple(logged)


def _content(envelope: Envelope, image: Descriptor, metadata: Mapping[str, str]) -> str:
    if not envelope.target.names_the_same(image):
        return "it is the signature of another image"
    if any(envelope.target.annotations.get(key) != value for key, value in metadata.items()):
        return "the signer did not say that of it"
    return ""


def _authenticity(envelope: Envelope, policy: Policy, stores: Stores, _now: datetime) -> str:
    kind = "ca" if envelope.scheme == X509 else "signingAuthority"
    trusted = [each for own, name in dict.fromkeys(policy.stores) if own == kind for each in stores(kind, name)]
    if not trusted:
        return f"the trust policy names no trust store of type {kind}"
    if not any(each in trusted for each in envelope.certificates):
        # notation's words: what a learner may look up
        return "the signature's certificate chain does not contain any trusted certificate"
    if policy.identities is None:
        return ""
    signer = envelope.certificates[0].subject
    try:
        parts = subject_parts(signer)
    except SubjectError as error:
        return f"the signer's name {subject(signer)}: {error}"
    if not any(is_part_of(wanted, parts) for wanted in policy.identities):
        return f"the signer {subject(signer)} is none of the trusted identities"
    return ""


def _expiry(envelope: Envelope, _policy: Policy, _stores: Stores, now: datetime) -> str:
    if envelope.expiry is not None and now >= envelope.expiry:
        return f"the signature has expired on {envelope.expiry:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _authentic_timestamp(envelope: Envelope, policy: Policy, _stores: Stores, now: datetime) -> str:
    moment = now if envelope.scheme == X509 else envelope.signed_at
    over = [one for one in envelope.certificates if not one.not_valid_before_utc <= moment <= one.not_valid_after_utc]
    asks_timestamp = envelope.scheme == X509 and any(kind == "tsa" for kind, _ in policy.stores)
    if asks_timestamp and (over or policy.timestamps == "always"):
        return "the trust policy asks for a timestamp, and timestamps are not verified here"
    if not over:
        return ""
    when = "now" if envelope.scheme == X509 else "when it signed"
    return (
        f"the certificate of {subject(over[0].subject)} is not valid {when}, but from "
        f"{over[0].not_valid_before_utc:%Y-%m-%d %H:%M:%S} to {over[0].not_valid_after_utc:%Y-%m-%d %H:%M:%S} UTC"
    )


def _revocation(envelope: Envelope, _policy: Policy, _stores: Stores, _now: datetime) -> str:
    """Certificates that name no place where their revocation is told count as not revoked."""
    for certificate in envelope.certificates[:-1] or envelope.certificates:
        if names_revocation(certificate):
            return f"whether the certificate of {subject(certificate.subject)} is revoked cannot be asked here"
    return ""


_CHECKS: Mapping[str, _Check] = {
    "authenticity": _authenticity,
    "expiry": _expiry,
    "authenticTimestamp": _authentic_timestamp,
    "revocation": _revocation,
}
