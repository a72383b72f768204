"""What a user of notation keeps: keys, trust stores, the trust policy; in `notation` below the configuration folder.

The files, their names and their forms are notation's (1.3.2), so that both may go on with what the other wrote.
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from labrunner.notation.algorithms import PrivateKey
from labrunner.notation.certificates import CertificateError, may_be_trusted, read_certificates
from labrunner.notation.policies import STORE_TYPES, Policy, PolicyError, is_store_name, read_policies
from labrunner.notation.problem import NotationError

__all__ = ["Key", "Settings", "settings_of"]

_HELP = "https://notaryproject.dev/docs/quickstart/#create-a-trust-policy"
_POLICIES = ("trustpolicy.oci.json", "trustpolicy.json")
"""Where later versions keep it, then where 1.3.2 does."""
_ADD = "Use command 'notation cert add' to create and add trusted certificates to the trust store"


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key: where it and its certificates are."""

    name: str
    key: str
    certificate: str

    def load(self) -> tuple[PrivateKey, list[x509.Certificate]]:
        """Raises NotationError."""
        try:
            key = load_pem_private_key(Path(self.key).read_bytes(), password=None)
            chain = read_certificates(Path(self.certificate).read_bytes())
        except OSError as error:
            raise NotationError(f"{error.filename} cannot be read: {error.strerror}") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise NotationError(f"the signing key {self.name} cannot be used: {error}") from error
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise NotationError(f"the signing key {self.name} is neither RSA nor EC")
        return key, chain


def settings_of(env: Mapping[str, str]) -> "Settings":
    """Where the environment says that they are. Raises NotationError."""
    named = env.get("NOTATION_CONFIG")
    if named:
        return Settings(Path(named))
    base = env.get("XDG_CONFIG_HOME") or (f"{env['HOME']}/.config" if env.get("HOME") else "")
    if not base:
        raise NotationError("neither HOME nor XDG_CONFIG_HOME is set")
    return Settings(Path(base, "notation"))


@dataclass(frozen=True, slots=True)
class Settings:
    """All that is kept in that folder. Every method raises NotationError for what cannot be read or written."""

    folder: Path

    def local_key(self, name: str) -> tuple[Path, Path]:
        """Where a key of that name and its certificate are made."""
        return self.folder / "localkeys" / f"{name}.key", self.folder / "localkeys" / f"{name}.crt"

    # Keys

    def keys(self) -> tuple[str, list[Key]]:
        """The default's name ("": none), and all."""
        value = self._signing_keys()
        return value.get("default") or "", [_key(each) for each in value.get("keys") or ()]

    def add_key(self, key: Key, *, default: bool) -> None:
        """Write one down."""
        name, keys = self.keys()
        if any(each.name == key.name for each in keys):
            raise NotationError(f'signing key with name "{key.name}" already exists')
        self._write_keys(key.name if default else name, [*keys, key])

    def remove_keys(self, names: Sequence[str]) -> str:
        """Forget them; their files stay. Returns who was the default until then."""
        default, keys = self.keys()
        for name in names:
            if all(each.name != name for each in keys):
                raise NotationError(f"signing key {name} not found")
        self._write_keys("" if default in names else default, [each for each in keys if each.name not in names])
        return default

    def choose_key(self, name: str) -> None:
        """Make that one the default."""
        _, keys = self.keys()
        if all(each.name != name for each in keys):
            raise NotationError(f"signing key {name} not found")
        self._write_keys(name, keys)

    def signing_key(self, name: str = "") -> Key:
        """The one of that name, or the default."""
        default, keys = self.keys()
        if not name and not default:
            raise NotationError("default signing key not set. Please set default signing key or specify a key name")
        for key in keys:
            if key.name == (name or default):
                return key
        raise NotationError(f"signing key {name or default} not found")

    def _signing_keys(self) -> dict[str, Any]:
        path = self.folder / "signingkeys.json"
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise NotationError(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise NotationError(f"{path} is no JSON: {error}") from error
        if not isinstance(value, dict) or not isinstance(value.get("keys") or [], list):
            raise NotationError(f"{path} is no list of signing keys")
        return value

    def _write_keys(self, default: str, keys: Sequence[Key]) -> None:
        value = {"keys": [{"name": each.name, "keyPath": each.key, "certPath": each.certificate} for each in keys]}
        text = json.dumps({**({"default": default} if default else {}), **value}, indent=4)
        self.write(self.folder / "signingkeys.json", f"{text}\n".encode(), mode=0o600)

    # Trust stores

    def store(self, kind: str, name: str) -> Path:
        """The folder of a trust store."""
        return self.folder / "truststore" / "x509" / kind / name

    def trusted(self, kind: str, name: str) -> list[x509.Certificate]:
        """The certificates of a trust store; one that is empty, or is no plain folder of plain files, is refused."""
        folder = self.store(kind, name)
        try:
            if not stat.S_ISDIR(folder.lstat().st_mode):
                raise NotationError(f"the trust store {folder} is no folder (links are not followed)")
            files = sorted(folder.iterdir())
        except FileNotFoundError as error:
            raise NotationError(f'the trust store "{name}" of type "{kind}" does not exist. {_ADD}') from error
        except OSError as error:
            raise NotationError(f"{folder} cannot be read: {error.strerror}") from error
        found = [certificate for path in files for certificate in self.trusted_file(path)]
        if not found:
            raise NotationError(f'no x509 certificates were found in trust store "{name}" of type "{kind}". {_ADD}')
        return found

    def trusted_file(self, path: Path) -> list[x509.Certificate]:
        """The certificates of one file of a trust store."""
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise NotationError(f"{path} in a trust store is no plain file (folders and links are not read)")
            found = read_certificates(path.read_bytes())
        except OSError as error:
            raise NotationError(f"{path} cannot be read: {error.strerror}") from error
        except CertificateError as error:
            raise NotationError(f"{path}: {error}") from error
        for certificate in found:
            if not may_be_trusted(certificate):
                raise NotationError(f"{path} is neither the certificate of an authority nor self-signed")
        return found

    def stored(self) -> Iterator[tuple[str, str, Path]]:
        """(type, store, file) of every trusted certificate."""
        for kind in STORE_TYPES:
            for path in sorted((self.folder / "truststore" / "x509" / kind).glob("*/*")):
                if path.is_file() and is_store_name(path.parent.name):
                    yield kind, path.parent.name, path

    # The trust policy

    def policy_file(self) -> Path | None:
        """Where the trust policy is; None: there is none."""
        return next((path for path in (self.folder / name for name in _POLICIES) if os.path.lexists(path)), None)

    def policies(self) -> tuple[Policy, ...]:
        """The statements of the trust policy."""
        path = self.policy_file()
        if path is None:
            raise NotationError(f"trust policy is not present. To create a trust policy, see: {_HELP}")
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                raise NotationError(f"the trust policy {path} is no plain file (links are not followed)")
            return read_policies(path.read_bytes())
        except OSError as error:
            raise NotationError(f"{path} cannot be read: {error.strerror}") from error
        except PolicyError as error:
            raise NotationError(f"the trust policy {path} is invalid: {error}") from error
        except ValueError as error:
            raise NotationError(f"malformed trust policy. To create a trust policy, see: {_HELP}") from error

    def write_policy(self, raw: bytes) -> None:
        """Replace the trust policy."""
        path = self.policy_file() or self.folder / _POLICIES[-1]
        if path.is_symlink():
            path.unlink()
        self.write(path, raw, mode=0o600)

    def write(self, path: Path, content: bytes, *, mode: int, new: bool = False) -> None:
        """Write a file, whole or not at all; its folders are the user's alone. new: it must not be there yet."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = path if new else path.with_name(f"{path.name}.new")
            flags = os.O_WRONLY | os.O_CREAT | (os.O_EXCL if new else os.O_TRUNC)
            with os.fdopen(os.open(beside, flags, mode), "wb") as file:
                file.write(content)
            if not new:
                beside.replace(path)
        except FileExistsError as error:
            raise NotationError(f"open {path}: file exists") from error
        except OSError as error:
            raise NotationError(f"{path} cannot be written: {error.strerror}") from error


def _key(value: object) -> Key:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise NotationError("signingkeys.json has a key without a name")
    places = (value.get("keyPath"), value.get("certPath"))
    if not all(isinstance(place, str) and place for place in places):
        raise NotationError(f"the signing key {value['name']} is kept by a plugin, and plugins are not used here")
    return Key(value["name"], str(places[0]), str(places[1]))
