"""A publisher of trust data (Notary v1) of the tests' own: keys, certificates and metadata made with `cryptography`
alone, so that what verifies is checked against what it did not write."""

import base64
import hashlib
import json
import warnings
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

Content = dict[str, Any]
DIGEST = hashlib.sha256(b"manifest").digest()
FAR = "2036-01-01T00:00:00.123456789Z"
PAST = "2016-01-01T00:00:00Z"


def canonical(value: Any) -> bytes:
    """Enough for what has no control characters in it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def described(body: bytes) -> Content:
    hashed = {"sha256": text(hashlib.sha256(body).digest()), "sha512": text(hashlib.sha512(body).digest())}
    return {"length": len(body), "hashes": hashed}


class Key:
    """A P-256 key. certified: the name of its certificate; plain without. days: how long that is valid."""

    def __init__(self, certified: str = "", days: float = 3650) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        public = self.private.public_key()
        if certified:
            self.kind, self.public = "ecdsa-x509", _certificate(self.private, certified, days)
        else:
            form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            self.kind, self.public = "ecdsa", public.public_bytes(*form)

    @property
    def json(self) -> Content:
        return {"keytype": self.kind, "keyval": {"public": text(self.public), "private": None}}

    @property
    def id(self) -> str:
        return hashlib.sha256(canonical(self.json)).hexdigest()

    def der(self, message: bytes) -> bytes:
        return self.private.sign(message, ec.ECDSA(hashes.SHA256()))

    def raw(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.der(message))
        return r.to_bytes(32) + s.to_bytes(32)

    def signature(self, content: Content, **other: Any) -> Content:
        return {"keyid": self.id, "method": "ecdsa", "sig": text(self.raw(canonical(content))), **other}


def _certificate(key: ec.EllipticCurvePrivateKey, name: str, days: float) -> bytes:
    now = datetime.now(UTC)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # names of more than 64 characters, which Docker makes too
        called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name, _validate=False)])
    builder = x509.CertificateBuilder(called, called, key.public_key(), 7)
    begins = now - timedelta(days=2) + timedelta(days=min(days, 0))
    builder = builder.not_valid_before(begins).not_valid_after(now + timedelta(days=days))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def signed(content: Content, *keys: Key) -> bytes:
    return json.dumps({"signed": content, "signatures": [key.signature(content) for key in keys]}).encode()


def changed(body: bytes, **content: Any) -> bytes:
    """With other content under the old signatures."""
    value = json.loads(body)
    value["signed"] |= content
    return json.dumps(value).encode()


def role(*keys: Key | str, threshold: int = 1) -> Content:
    return {"keyids": [key if isinstance(key, str) else key.id for key in keys], "threshold": threshold}


class Publisher:
    """Somebody with the keys of one repository. served: the registry's public keys, by role, as JSON."""

    def __init__(self, gun: str, served: dict[str, Content]) -> None:
        self.gun = gun
        self.served = served
        self.root_key, self.targets_key, self.alice = Key(gun), Key(), Key()

    def root_content(self, version: int = 1, *, others: tuple[Key, ...] = (), **more: Any) -> Content:
        """others: keys to list besides. more: what to say otherwise; roles are added to."""
        ids = {name: hashlib.sha256(canonical(value)).hexdigest() for name, value in self.served.items()}
        keys = {key.id: key.json for key in (self.root_key, self.targets_key, *others)}
        keys |= {ids[name]: self.served[name] for name in ids}
        roles = {"root": role(self.root_key), "targets": role(self.targets_key)}
        roles |= {name: role(key_id) for name, key_id in ids.items()} | more.pop("roles", {})
        common = {"_type": "Root", "version": version, "expires": FAR, "consistent_snapshot": False}
        return {**common, "keys": keys, "roles": roles, **more}

    def root(self, version: int = 1, *, by: tuple[Key, ...] = (), **more: Any) -> bytes:
        return signed(self.root_content(version, **more), *(by or (self.root_key,)))

    def targets_content(self, version: int = 1, *tags: str, signers: dict[str, Key] | None = None, **more: Any):
        """signers: the delegated roles, each with its key."""
        files = {tag: {"length": 8, "hashes": {"sha256": text(DIGEST)}} for tag in tags}
        listed = [{"name": name, "paths": [""], **role(key)} for name, key in (signers or {}).items()]
        keys = {key.id: key.json for key in (signers or {}).values()}
        delegations = {"keys": keys, "roles": listed}
        common = {"_type": "Targets", "version": version, "expires": FAR}
        return {**common, "targets": files, "delegations": delegations, **more}

    def targets(self, version: int = 1, *tags: str, by: tuple[Key, ...] = (), **more: Any) -> bytes:
        return signed(self.targets_content(version, *tags, **more), *(by or (self.targets_key,)))

    def snapshot(self, version: int, by: Key, **bodies: bytes) -> bytes:
        """Of a publisher who signs the snapshot too."""
        meta = {name: described(body) for name, body in bodies.items()}
        common = {"_type": "Snapshot", "version": version, "expires": FAR}
        return signed({**common, "meta": meta}, by)
