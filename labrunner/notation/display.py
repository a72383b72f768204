"""What notation 1.3.2 prints: trees, tables, JSON. Seen, and compared in tests where it is installed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography import x509

from labrunner.notation.certificates import fingerprint, is_authority, subject
from labrunner.notation.descriptors import Descriptor
from labrunner.notation.envelopes import Envelope
from labrunner.notation.repositories import SIGNATURE

__all__ = ["Signature", "details", "listing", "signatures_json", "signatures_text", "table"]


@dataclass(frozen=True, slots=True)
class Signature:
    """One that was read: its manifest's digest, its envelope's type, and what it says."""

    digest: str
    media_type: str
    envelope: Envelope


@dataclass(slots=True)
class _Node:
    text: str
    below: list["_Node"] = field(default_factory=list)

    def add(self, text: str) -> "_Node":
        self.below.append(_Node(text))
        return self.below[-1]

    def lines(self, before: str = "") -> list[str]:
        found = [self.text] if not before else []
        for place, node in enumerate(self.below):
            is_last = place == len(self.below) - 1
            found.append(f"{before[1:]}{'└── ' if is_last else '├── '}{node.text}")
            found += node.lines(f" {before[1:]}{'    ' if is_last else '│   '}")
        return found


def listing(reference: str, signatures: Sequence[Descriptor]) -> str:
    """What `notation ls` prints."""
    if not signatures:
        return f"{reference} has no associated signature"
    root = _Node(reference)
    node = root.add(SIGNATURE)
    for each in signatures:
        node.add(each.digest)
    return "\n".join(root.lines())


def signatures_text(reference: str, signatures: Sequence[Signature]) -> str:
    """What `notation inspect` prints."""
    if not signatures:
        return f"{reference} has no associated signature"
    root = _Node(reference)
    all_of = root.add(SIGNATURE)
    for each in signatures:
        envelope = each.envelope
        node = all_of.add(each.digest)
        node.add(f"media type: {each.media_type}")
        node.add(f"signature algorithm: {envelope.algorithm.name}")
        signed = node.add("signed attributes")
        signed.add(f"signingScheme: {envelope.scheme}")
        signed.add(f"signingTime: {_ansi(envelope.signed_at)}")
        if envelope.expiry:
            signed.add(f"expiry: {_ansi(envelope.expiry)}")
        for name, value in envelope.extended.items():
            signed.add(f"{name}: {value}")
        defined = node.add("user defined attributes")
        for name, value in sorted(envelope.target.annotations.items()):
            defined.add(f"{name}: {value}")
        if not defined.below:
            defined.add("(empty)")
        unsigned = node.add("unsigned attributes")
        if envelope.timestamp:
            unsigned.add("timestamp signature").add("error: timestamps are not read here")
        if envelope.agent:
            unsigned.add(f"signingAgent: {envelope.agent}")
        certificates = node.add("certificates")
        for certificate in envelope.certificates:
            below = certificates.add(f"SHA256 fingerprint: {fingerprint(certificate)}")
            below.add(f"issued to: {subject(certificate.subject)}")
            below.add(f"issued by: {subject(certificate.issuer)}")
            below.add(f"expiry: {_ansi(certificate.not_valid_after_utc)}")
        artifact = node.add("signed artifact")
        artifact.add(f"media type: {envelope.target.media_type}")
        artifact.add(f"digest: {envelope.target.digest}")
        artifact.add(f"size: {envelope.target.size}")
    return "\n".join(["Inspecting all signatures for signed artifact", *root.lines()])


def signatures_json(media_type: str, signatures: Sequence[Signature]) -> str:
    """What `notation inspect --output json` prints. media_type: the image's."""
    value = {"mediaType": media_type, "Signatures": [_as_json(each) for each in signatures]}
    return json.dumps(value, indent=4, ensure_ascii=False)


def _as_json(each: Signature) -> dict[str, Any]:
    envelope = each.envelope
    signed = {"signingScheme": envelope.scheme, "signingTime": _rfc3339(envelope.signed_at)}
    if envelope.expiry:
        signed["expiry"] = _rfc3339(envelope.expiry)
    signed |= {name: str(value) for name, value in envelope.extended.items()}
    unsigned: dict[str, Any] = {}
    if envelope.timestamp:
        unsigned["timestampSignature"] = {"error": "timestamps are not read here"}
    if envelope.agent:
        unsigned["signingAgent"] = envelope.agent
    target = envelope.target
    return {
        "mediaType": each.media_type,
        "digest": each.digest,
        "signatureAlgorithm": envelope.algorithm.name,
        "signedAttributes": dict(sorted(signed.items())),
        "userDefinedAttributes": dict(sorted(target.annotations.items())) or None,
        "unsignedAttributes": unsigned,
        "certificates": [
            {
                "SHA256Fingerprint": fingerprint(certificate),
                "issuedTo": subject(certificate.subject),
                "issuedBy": subject(certificate.issuer),
                "expiry": _rfc3339(certificate.not_valid_after_utc),
            }
            for certificate in envelope.certificates
        ],
        "signedArtifact": {"mediaType": target.media_type, "digest": target.digest, "size": target.size},
    }


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns three blanks apart, the last one too."""
    widths = [max(len(row[column]) for row in rows) + 3 for column in range(len(rows[0]))]
    return "\n".join("".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def details(certificates: Sequence[x509.Certificate]) -> str:
    """What `notation certificate show` prints."""
    line = "-" * 80
    lines = ["Certificate details"]
    for certificate in certificates:
        lines += [
            line,
            f"Issuer: {subject(certificate.issuer)}",
            f"Subject: {subject(certificate.subject)}",
            f"Valid from: {certificate.not_valid_before_utc:%Y-%m-%d %H:%M:%S} +0000 UTC",
            f"Valid to: {certificate.not_valid_after_utc:%Y-%m-%d %H:%M:%S} +0000 UTC",
            f"IsCA: {str(is_authority(certificate)).lower()}",
            f"SHA256 Thumbprint: {fingerprint(certificate)}",
        ]
    return "\n".join(lines)


def _ansi(moment: datetime) -> str:
    return f"{moment:%a %b} {moment.day:>2} {moment:%H:%M:%S %Y}"


def _rfc3339(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
