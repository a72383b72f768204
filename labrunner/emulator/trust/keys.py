"""Public keys of Notary v1, what they verify, and the keys that the registry signs with itself."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from labrunner.emulator.state.trust import HeldKey
from labrunner.emulator.trust.canonical import encode

__all__ = ["LEAST_RSA_BITS", "PublicKey", "new_key", "public_key_of", "public_of", "sign"]

LEAST_RSA_BITS = 2048

_KINDS = ("ecdsa", "ecdsa-x509", "rsa", "rsa-x509", "ed25519")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """kind: "ecdsa", "rsa" (DER), "ed25519" (raw), and "...-x509" (a PEM bundle that begins with the certificate)."""

    kind: str
    public: bytes

    @property
    def id(self) -> str:
        """SHA-256 of the canonical text."""
        return hashlib.sha256(encode(self.json())).hexdigest()

    def json(self) -> dict[str, Any]:
        """As metadata lists it."""
        public = base64.b64encode(self.public).decode()
        return {"keytype": self.kind, "keyval": {"private": None, "public": public}}

    def verifies(self, method: str, signature: bytes, message: bytes) -> bool:
        """Whether a signature is this key's. method: as the signature names it, in small letters."""
        try:
            _CHECKS[method](self, signature, message)
        except (KeyError, InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
            return False
        return True


def public_key_of(value: Mapping[str, Any]) -> PublicKey:
    """The key that such JSON describes. Raises ValueError."""
    kind, pair = value.get("keytype"), value.get("keyval")
    if kind not in _KINDS or not isinstance(pair, dict) or not isinstance(pair.get("public"), str):
        raise ValueError("no public key of a known type")
    return PublicKey(kind, base64.b64decode(pair["public"], validate=True))


def new_key() -> tuple[HeldKey, PublicKey]:
    """A key pair for the registry: Ed25519, as notary-server makes it when it signs itself."""
    private = Ed25519PrivateKey.generate()
    public = PublicKey("ed25519", private.public_key().public_bytes_raw())
    return HeldKey(key_id=public.id, private=private.private_bytes_raw()), public


def sign(key: HeldKey, message: bytes) -> dict[str, str]:
    """A signature, as metadata carries it."""
    signature = Ed25519PrivateKey.from_private_bytes(key.private).sign(message)
    return {"keyid": key.key_id, "method": "eddsa", "sig": base64.b64encode(signature).decode()}


def public_of(key: HeldKey) -> PublicKey:
    """The public half."""
    return PublicKey("ed25519", Ed25519PrivateKey.from_private_bytes(key.private).public_key().public_bytes_raw())


def _loaded(key: PublicKey, family: str) -> object:
    if key.kind == family:
        return load_der_public_key(key.public)
    if key.kind == f"{family}-x509":
        return x509.load_pem_x509_certificate(key.public).public_key()
    raise ValueError(f"a key of type {key.kind} makes no such signatures")


def _check_ecdsa(key: PublicKey, signature: bytes, message: bytes) -> None:
    """The signature is r and s, each as long as the curve's order, not DER."""
    loaded = _loaded(key, "ecdsa")
    if not isinstance(loaded, ec.EllipticCurvePublicKey):
        raise TypeError("no key of an elliptic curve")
    half = (loaded.curve.key_size + 7) // 8
    if len(signature) != 2 * half:
        raise ValueError("the signature has another length")
    pair = int.from_bytes(signature[:half]), int.from_bytes(signature[half:])
    loaded.verify(encode_dss_signature(*pair), message, ec.ECDSA(hashes.SHA256()))


def _rsa(key: PublicKey) -> rsa.RSAPublicKey:
    loaded = _loaded(key, "rsa")
    if not isinstance(loaded, rsa.RSAPublicKey) or loaded.key_size < LEAST_RSA_BITS:
        raise ValueError("no RSA key that is long enough")
    return loaded


def _check_rsa_pss(key: PublicKey, signature: bytes, message: bytes) -> None:
    scheme = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)
    _rsa(key).verify(signature, message, scheme, hashes.SHA256())


def _check_rsa_pkcs1(key: PublicKey, signature: bytes, message: bytes) -> None:
    _rsa(key).verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


def _check_ed25519(key: PublicKey, signature: bytes, message: bytes) -> None:
    if key.kind != "ed25519":
        raise ValueError("no Ed25519 key")
    Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)


_CHECKS = {
    "ecdsa": _check_ecdsa,
    "rsapss": _check_rsa_pss,
    "rsapkcs1v15": _check_rsa_pkcs1,
    "eddsa": _check_ed25519,
}
