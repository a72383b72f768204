"""Which of a root role's keys count: those with a certificate for the repository (notary's `trustpinning`)."""

import warnings
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from labrunner.emulator.trust.keys import LEAST_RSA_BITS, PublicKey
from labrunner.emulator.trust.metadata import Role

__all__ = ["certified"]


def certified(role: Role, gun: str, *, now: float | None) -> dict[str, PublicKey]:
    """The keys with a certificate for `gun`. now: seconds since 1970, when it has to be valid; None: any time."""
    return {key_id: key for key_id, key in role.keys.items() if _is_certified(key, gun, now)}


def _is_certified(key: PublicKey, gun: str, now: float | None) -> bool:
    if not key.kind.endswith("-x509"):
        return False
    try:
        leaf, *others = x509.load_pem_x509_certificates(key.public)
        if _is_authority(leaf) or not all(_is_authority(other) for other in others):
            return False
        return _matches(_common_name(leaf), gun) and _is_sound(leaf, now)
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        return False


def _common_name(certificate: x509.Certificate) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # X.509 allows 64 characters, and repositories have longer names
        named = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(named[-1].value) if named else ""


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _matches(name: str, gun: str) -> bool:
    """A name that ends with `*` is for all that begin so."""
    return gun.startswith(name.rstrip("*")) if name.endswith("*") else name == gun


def _is_sound(certificate: x509.Certificate, now: float | None) -> bool:
    if certificate.not_valid_before_utc > certificate.not_valid_after_utc:
        return False
    if isinstance(certificate.signature_hash_algorithm, hashes.SHA1):
        return False
    public = certificate.public_key()
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < LEAST_RSA_BITS:
        return False
    if now is None:
        return True
    moment = datetime.fromtimestamp(now, UTC)
    # A day's grace, for clocks that are behind.
    return certificate.not_valid_before_utc <= moment + timedelta(days=1) and moment <= certificate.not_valid_after_utc
