"""Certificates of signers: their rules (signature-specification, Certificate Requirements), their names, test ones."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from labrunner.notation.algorithms import AlgorithmError, algorithm_of

__all__ = [
    "CertificateError",
    "check_chain",
    "fingerprint",
    "is_authority",
    "is_self_signed",
    "may_be_trusted",
    "names_revocation",
    "read_certificates",
    "subject",
    "trial_certificate",
]

_PEM = b"-----BEGIN CERTIFICATE-----"
_TEST_DAYS = 1
_BAD_PURPOSES = {
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE: "anyExtendedKeyUsage",
    ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth",
    ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "emailProtection",
    ExtendedKeyUsageOID.TIME_STAMPING: "timeStamping",
}
_BAD_USES = ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")


class CertificateError(ValueError):
    """A certificate, or a chain of them, that no signature may have; the message says which rule it breaks."""


def read_certificates(content: bytes) -> list[x509.Certificate]:
    """The certificates of a file, PEM or DER. Raises CertificateError."""
    try:
        if _PEM in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except ValueError as error:
        raise CertificateError("no certificate could be read from it, neither PEM nor DER") from error


def subject(name: x509.Name) -> str:
    """A name as RFC 4514 writes it, the last part first."""
    return name.rfc4514_string()


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of its DER, in hex."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def is_authority(certificate: x509.Certificate) -> bool:
    """Whether it says that it may issue others (RFC 5280, 4.2.1.9)."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def is_self_signed(certificate: x509.Certificate) -> bool:
    """Whether it was issued to its issuer, and by its own key."""
    return _is_issued_by(certificate, certificate)


def may_be_trusted(certificate: x509.Certificate) -> bool:
    """Whether a trust store may hold it: an authority's, or a self-signed one (trust-store-trust-policy)."""
    return is_authority(certificate) or is_self_signed(certificate)


def names_revocation(certificate: x509.Certificate) -> bool:
    """Whether it names a place where its revocation is told (OCSP or CRL)."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        if any(each.access_method == AuthorityInformationAccessOID.OCSP for each in access):
            return True
    except x509.ExtensionNotFound:
        pass
    try:
        certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints)
    except x509.ExtensionNotFound:
        return False
    return True


def check_chain(chain: Sequence[x509.Certificate], *, at: datetime | None = None) -> None:
    """Raise CertificateError if the chain, the signer's first, breaks a rule. at: when it must be valid (None: ever).

    It says nothing about whether anybody trusts it.
    """
    if not chain:
        raise CertificateError("there is no certificate")
    try:
        _check_chain(chain, at)
    except CertificateError:
        raise
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise CertificateError(f"a certificate cannot be read: {error}") from error


def _check_chain(chain: Sequence[x509.Certificate], at: datetime | None) -> None:
    for certificate in chain:
        _check_signature_algorithm(certificate)
        if at is not None and not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
            raise _broken(certificate, f"it was not valid when the signature was made, {at:%Y-%m-%d %H:%M:%S} UTC")
    for place, certificate in enumerate(chain):
        is_last = place == len(chain) - 1
        if is_self_signed(certificate) != is_last:
            raise _broken(
                certificate,
                "the chain ends with it, and it is not self-signed"
                if is_last
                else "it is self-signed, but the chain does not end with it",
            )
        if not is_last and not _is_issued_by(certificate, chain[place + 1]):
            raise _broken(certificate, f"it was not issued by {subject(chain[place + 1].subject)}")
        if place:
            _check_authority(certificate, below=place - 1)
    _check_signer(chain[0])


def _check_signer(certificate: x509.Certificate) -> None:
    if is_authority(certificate):
        raise _broken(certificate, "basicConstraints says that it is an authority (CA)")
    usage = _key_usage(certificate)
    if not usage.digital_signature:
        raise _broken(certificate, "keyUsage lacks digitalSignature")
    wrong = [name for name in _BAD_USES if getattr(usage, name)]
    if usage.key_agreement:  # the two below have a meaning with it only
        wrong += [name for name in ("encipher_only", "decipher_only") if getattr(usage, name)]
    if wrong:
        raise _broken(certificate, f"keyUsage allows more than signing: {', '.join(wrong)}")
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        purposes = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING])
    for purpose in purposes:
        if purpose in _BAD_PURPOSES:
            raise _broken(certificate, f"extendedKeyUsage must not have {_BAD_PURPOSES[purpose]}")
    try:
        algorithm_of(certificate.public_key())
    except (AlgorithmError, ValueError) as error:
        raise _broken(certificate, str(error)) from error


def _check_authority(certificate: x509.Certificate, *, below: int) -> None:
    """below: how many authorities stand between it and the signer."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        found = None
    if found is None or not found.critical or not found.value.ca:
        raise _broken(certificate, "basicConstraints must be there, critical, and say that it is an authority (CA)")
    if found.value.path_length is not None and found.value.path_length < below:
        raise _broken(certificate, f"it allows {found.value.path_length} authorities below it, and there are {below}")
    if not _key_usage(certificate).key_cert_sign:
        raise _broken(certificate, "keyUsage lacks keyCertSign")


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage:
    try:
        found = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    except x509.ExtensionNotFound as error:
        raise _broken(certificate, "it has no keyUsage") from error
    if not found.critical:
        raise _broken(certificate, "keyUsage is not marked critical")
    return found.value


def _check_signature_algorithm(certificate: x509.Certificate) -> None:
    digest = certificate.signature_hash_algorithm
    if digest is None or digest.digest_size < 32:
        raise _broken(certificate, "it is signed with SHA-1, or with something older or unknown")


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _broken(certificate: x509.Certificate, rule: str) -> CertificateError:
    return CertificateError(f"the certificate of {subject(certificate.subject)}: {rule}")


def trial_certificate(name: str, key: rsa.RSAPrivateKey, *, now: datetime) -> x509.Certificate:
    """A self-signed one for trying out, good for a day, as `notation certificate generate-test` makes it (seen: the
    subject, the day, the two usages)."""
    parts = (
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.STATE_OR_PROVINCE_NAME, "WA"),
        (NameOID.LOCALITY_NAME, "Seattle"),
        (NameOID.ORGANIZATION_NAME, "Notary"),
        (NameOID.COMMON_NAME, name),
    )
    named = x509.Name([x509.NameAttribute(kind, value) for kind, value in parts])
    usage = dict.fromkeys((*_BAD_USES, "content_commitment", "encipher_only", "decipher_only"), False)
    return (
        x509.CertificateBuilder()
        .subject_name(named)
        .issuer_name(named)
        .public_key(key.public_key())
        .serial_number(random.SystemRandom().getrandbits(63) + 1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=_TEST_DAYS))
        .add_extension(x509.KeyUsage(digital_signature=True, **usage), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(key, hashes.SHA256())
    )
