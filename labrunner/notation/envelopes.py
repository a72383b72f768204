"""The signature envelope: a flattened JWS in JSON (signature-envelope-jws; RFC 7515, 7.2.2)."""

import base64
import binascii
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding

from labrunner.notation.algorithms import Algorithm, AlgorithmError, PrivateKey, algorithm_of
from labrunner.notation.certificates import CertificateError, check_chain
from labrunner.notation.descriptors import Descriptor, DescriptorError

__all__ = ["JWS", "PAYLOAD", "Envelope", "EnvelopeError", "read", "sign", "verify"]

JWS = "application/jose+json"
PAYLOAD = "application/vnd.cncf.notary.payload.v1+json"
X509 = "notary.x509"
AUTHORITY = "notary.x509.signingAuthority"
"""The two signing schemes (signing-scheme)."""

_SCHEME = "io.cncf.notary.signingScheme"
_SIGNED_AT = "io.cncf.notary.signingTime"
_AUTHENTIC = "io.cncf.notary.authenticSigningTime"
_EXPIRY = "io.cncf.notary.expiry"
_TIMESTAMP = "io.cncf.notary.timestampSignature"
_AGENT = "io.cncf.notary.signingAgent"
_OWN = frozenset({"alg", "cty", "crit", _SCHEME, _SIGNED_AT, _AUTHENTIC, _EXPIRY})
_PARTS = frozenset({"payload", "protected", "header", "signature"})
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})")
_URL_SAFE = re.compile(r"[A-Za-z0-9_-]*")


class EnvelopeError(ValueError):
    """It is no valid signature envelope; the message says why, and holds nothing of its content but names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What a signature says. Only what `verify` returns is known to be signed by the first certificate's key.

    target: what was signed. certificates: the signer's first. extended: signed headers that the specification does not
    have; critical: which of all headers a verifier must understand. agent and timestamp are not signed.
    """

    algorithm: Algorithm
    target: Descriptor
    content_type: str
    scheme: str
    signed_at: datetime
    expiry: datetime | None
    certificates: tuple[x509.Certificate, ...]
    extended: Mapping[str, Any] = field(default_factory=dict)
    critical: tuple[str, ...] = ()
    agent: str = ""
    timestamp: bytes = b""


def sign(
    target: Descriptor,
    key: PrivateKey,
    chain: Sequence[x509.Certificate],
    *,
    now: datetime,
    agent: str,
    lasts: timedelta | None = None,
) -> bytes:
    """An envelope by the scheme notary.x509. chain: the key's certificate first. lasts: until when it may be used.

    Raises EnvelopeError for a key and certificates that may not sign.
    """
    signed_at = now.astimezone(UTC).replace(microsecond=0)
    try:
        check_chain(chain, at=signed_at)
        algorithm = algorithm_of(key)
    except (CertificateError, AlgorithmError) as error:
        raise EnvelopeError(str(error)) from error
    if chain[0].public_key() != key.public_key():
        raise EnvelopeError("the key is not the one of the certificate")
    headers: dict[str, Any] = {
        "alg": algorithm.jws,
        "cty": PAYLOAD,
        "crit": [_SCHEME],
        _SCHEME: X509,
        _SIGNED_AT: _written(signed_at),
    }
    if lasts is not None:
        headers["crit"] = [_SCHEME, _EXPIRY]
        headers[_EXPIRY] = _written(signed_at + lasts)
    protected = _encoded(json.dumps(headers).encode())
    payload = _encoded(json.dumps({"targetArtifact": target.json()}).encode())
    certificates = [base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain]
    return json.dumps(
        {
            "payload": payload,
            "protected": protected,
            "header": {"x5c": certificates, _AGENT: agent},
            "signature": _encoded(algorithm.sign(key, f"{protected}.{payload}".encode())),
        }
    ).encode()


def verify(raw: bytes) -> Envelope:
    """What an envelope says, if the key of its first certificate has signed it. Raises EnvelopeError."""
    return _read(raw, verified=True)


def read(raw: bytes) -> Envelope:
    """What an envelope says, whoever wrote it. Raises EnvelopeError."""
    return _read(raw, verified=False)


def _read(raw: bytes, *, verified: bool) -> Envelope:
    parts = _object(raw, "the envelope")
    if set(parts) != _PARTS:
        raise EnvelopeError(f"the envelope must have {', '.join(sorted(_PARTS))}, and nothing else")
    header = parts["header"]
    if not isinstance(header, dict):
        raise EnvelopeError("its unprotected header is no object")
    certificates = _certificates(header.get("x5c"))
    algorithm = _algorithm(certificates[0])
    signature, payload = _decoded(parts["signature"], "signature"), _decoded(parts["payload"], "payload")
    protected = _object(_decoded(parts["protected"], "protected header"), "the protected header")
    if protected.get("alg") != algorithm.jws:
        raise EnvelopeError(f"it must be signed with {algorithm.jws}, for that is what its certificate's key is for")
    if verified:
        signed = f"{parts['protected']}.{parts['payload']}".encode()
        if not algorithm.verifies(certificates[0].public_key(), signature, signed):
            raise EnvelopeError("the signature is not one of its certificate's key over this content")
    scheme, signed_at, expiry, critical = _attributes(protected)
    try:
        check_chain(certificates)
        target = Descriptor.read(_object(payload, "the payload").get("targetArtifact"))
    except CertificateError as error:
        raise EnvelopeError(str(error)) from error
    except DescriptorError as error:
        raise EnvelopeError(f"the payload's targetArtifact: {error}") from error
    return Envelope(
        algorithm=algorithm,
        target=target,
        content_type=protected["cty"],
        scheme=scheme,
        signed_at=signed_at,
        expiry=expiry,
        certificates=certificates,
        extended={name: value for name, value in protected.items() if name not in _OWN},
        critical=critical,
        agent=header[_AGENT] if isinstance(header.get(_AGENT), str) else "",
        timestamp=_timestamp(header.get(_TIMESTAMP)),
    )


def _attributes(protected: Mapping[str, Any]) -> tuple[str, datetime, datetime | None, tuple[str, ...]]:
    """Scheme, signing time, expiry and critical headers, checked against each other."""
    if protected.get("cty") != PAYLOAD:
        raise EnvelopeError(f"its content type must be {PAYLOAD}")
    scheme = protected.get(_SCHEME)
    if scheme not in (X509, AUTHORITY):
        raise EnvelopeError("it has a signing scheme that the specification does not have")
    own, foreign = (_SIGNED_AT, _AUTHENTIC) if scheme == X509 else (_AUTHENTIC, _SIGNED_AT)
    if foreign in protected or own not in protected:
        raise EnvelopeError(f"a signature of the scheme {scheme} must have {own}, and must not have {foreign}")
    signed_at = _time(protected[own], own)
    expiry = _time(protected[_EXPIRY], _EXPIRY) if _EXPIRY in protected else None
    if expiry is not None and expiry <= signed_at:
        raise EnvelopeError("it expires before it was signed")
    critical = protected.get("crit")
    if not isinstance(critical, list) or not all(isinstance(name, str) for name in critical):
        raise EnvelopeError("it does not say which of its headers are critical")
    must = {_SCHEME} | ({_EXPIRY} if expiry else set()) | ({_AUTHENTIC} if scheme == AUTHORITY else set())
    if not must <= set(critical):
        raise EnvelopeError(f"not marked as critical: {', '.join(sorted(must - set(critical)))}")
    absent = [name for name in critical if name not in protected]
    if absent or len(set(critical)) != len(critical) or {"alg", "cty", "crit"} & set(critical):
        raise EnvelopeError("headers that are not there, or that are always understood, are marked as critical")
    return scheme, signed_at, expiry, tuple(critical)


def _certificates(value: object) -> tuple[x509.Certificate, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise EnvelopeError("it has no certificates (x5c)")
    try:
        return tuple(x509.load_der_x509_certificate(base64.b64decode(each, validate=True)) for each in value)
    except (ValueError, binascii.Error) as error:
        raise EnvelopeError("one of its certificates (x5c) cannot be read") from error


def _algorithm(certificate: x509.Certificate) -> Algorithm:
    try:
        return algorithm_of(certificate.public_key())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise EnvelopeError(f"its certificate's key cannot sign: {error}") from error


def _timestamp(value: object) -> bytes:
    if value is None:
        return b""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else b""
    except (ValueError, binascii.Error) as error:
        raise EnvelopeError("its timestamp cannot be read") from error


def _object(raw: bytes, what: str) -> dict[str, Any]:
    try:
        found = json.loads(raw.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError(f"{what} is no JSON") from error
    if not isinstance(found, dict):
        raise EnvelopeError(f"{what} is no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that comes twice is read in two ways by two programs."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name comes twice")
    return found


def _time(value: object, name: str) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise EnvelopeError(f"{name} is no time")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise EnvelopeError(f"{name} is no time") from error


def _written(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(value: object, what: str) -> bytes:
    if not isinstance(value, str) or not _URL_SAFE.fullmatch(value) or len(value) % 4 == 1:
        raise EnvelopeError(f"its {what} is not in base64url")
    found = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    if not found or _encoded(found) != value:
        raise EnvelopeError(f"its {what} is empty, or not written as base64url has it")
    return found
