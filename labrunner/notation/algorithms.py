"""Signature algorithms: the signing certificate's key alone decides (signature-specification, Algorithm Selection)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

__all__ = ["Algorithm", "AlgorithmError", "PrivateKey", "algorithm_of"]

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class AlgorithmError(ValueError):
    """The specification has no algorithm for that key."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """jws: its name in an envelope (RFC 7518, 3.1). name: on screen. size: bytes of an EC number, 0 for RSA."""

    jws: str
    name: str
    digest: hashes.HashAlgorithm
    size: int = 0

    def sign(self, key: PrivateKey, content: bytes) -> bytes:
        """The signature, as a JWS holds it."""
        if isinstance(key, rsa.RSAPrivateKey):
            return key.sign(content, _pss(self.digest), self.digest)
        r, s = utils.decode_dss_signature(key.sign(content, ec.ECDSA(self.digest)))
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")

    def verifies(self, key: object, signature: bytes, content: bytes) -> bool:
        """Whether it is that key's signature of that content."""
        try:
            if isinstance(key, rsa.RSAPublicKey):
                key.verify(signature, content, _pss(self.digest), self.digest)
            elif isinstance(key, ec.EllipticCurvePublicKey) and len(signature) == 2 * self.size:
                halves = (int.from_bytes(half, "big") for half in (signature[: self.size], signature[self.size :]))
                key.verify(utils.encode_dss_signature(*halves), content, ec.ECDSA(self.digest))
            else:
                return False
        except (InvalidSignature, ValueError):
            return False
        return True


def _pss(digest: hashes.HashAlgorithm) -> padding.PSS:
    return padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)  # the salt's length: RFC 7518, 3.5


_RSA: Mapping[int, Algorithm] = MappingProxyType(
    {
        2048: Algorithm("PS256", "RSASSA-PSS-SHA-256", hashes.SHA256()),
        3072: Algorithm("PS384", "RSASSA-PSS-SHA-384", hashes.SHA384()),
        4096: Algorithm("PS512", "RSASSA-PSS-SHA-512", hashes.SHA512()),
    }
)
_EC: Mapping[str, Algorithm] = MappingProxyType(
    {
        "secp256r1": Algorithm("ES256", "ECDSA-SHA-256", hashes.SHA256(), 32),
        "secp384r1": Algorithm("ES384", "ECDSA-SHA-384", hashes.SHA384(), 48),
        "secp521r1": Algorithm("ES512", "ECDSA-SHA-512", hashes.SHA512(), 66),
    }
)


def algorithm_of(key: object) -> Algorithm:
    """The one algorithm of a private or public key. Raises AlgorithmError."""
    if isinstance(key, rsa.RSAPrivateKey | rsa.RSAPublicKey):
        found, said = _RSA.get(key.key_size), f"RSA with {key.key_size} bits"
    elif isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey):
        found, said = _EC.get(key.curve.name), f"the curve {key.curve.name}"
    else:
        found, said = None, "this type of key"
    if found is None:
        raise AlgorithmError(f"the Notary Project has no signature algorithm for {said}")
    return found
