"""Checks of Docker Content Trust: what a registry's trust server has, and what Docker keeps on this machine.

The trust server is asked for its metadata as the identity that checks have. It verifies what is uploaded, so no
signature is verified here again. Of Docker's private keys only what stands above the key is read, never the key.
"""

import base64
import binascii
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import look_up

from .azure_registry import digest_of, short
from .azure_session import TIMEOUT, Azure, MissingError, a_repository, azure_of, few, finding, server_of

TRUST = ".docker/trust"
ROLES = ("targets", "targets/releases")
"""Where Docker looks up what is signed (docker/cli, `cli/trust`)."""
LONGEST = 1024 * 1024
_STATES = ("enabled", "disabled")
_KEYS = {"root": "root key", "targets": "repository key (role `targets`)"}
"""What the roles' keys are called where Docker asks for their passphrases; any other role is a signer's."""


# The registry


@check("trust.policy")
@finding
def policy(ask: Context, *, registry: str, status: str) -> Finding:
    """Content trust is `enabled`, or `disabled`, in the registry, as Resource Manager says."""
    if status not in _STATES:
        raise ValueError(f"`status` must be {few(_STATES, last='or')}")
    server_of(registry)
    about = azure_of(ask).registry(registry)
    found = look_up(about, "properties.policies.trustPolicy.status")
    if found == status:
        return passed(f"In the registry `{registry}`, content trust is {status}.")
    return failed(f"In the registry `{registry}`, content trust is {found}, not {status}.")


# What the trust server has


@check("trust.signed")
@finding
def signed(ask: Context, *, registry: str, repository: str, tag: str) -> Finding:
    """The registry's trust server has a signature for a tag, over the image that the tag is in the registry."""
    digest = digest_of(ask, registry, repository, tag)
    found = signed_tags(_metadata(ask, registry, repository))
    what = f"`{repository}:{tag}` {short(digest)}"
    if digest in found.get(tag, ()):
        return passed(f"{what} is signed.")
    if tag in found:
        return failed(f"{what} is not signed: the signature of this tag is of another image.")
    has = f"signed are {few(found)}" if found else "no tag of this repository is"
    return failed(f"{what} is not signed; {has}.")


@check("trust.no-data")
@finding
def no_data(ask: Context, *, registry: str, repository: str) -> Finding:
    """The registry's trust server has nothing of a repository: no signatures, no signers."""
    there = _metadata(ask, registry, repository)
    where = f"The trust server of the registry `{registry}`"
    if not there:
        return passed(f"{where} has nothing of `{repository}`.")
    tags = few(signed_tags(there))
    return failed(f"{where} has trust data of `{repository}`{f', for {tags}' if tags else ''}.")


@check("trust.signer")
@finding
def signer(ask: Context, *, registry: str, repository: str, name: str, key: str) -> Finding:
    """A signer of that name may sign in a repository, with the public key of a file in the work folder."""
    there = _metadata(ask, registry, repository)
    try:
        wanted = _public_key(Path(ask.work, key).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return failed(f"There is no file `{key}` with the signer's public key.")
    except (OSError, ValueError):
        return failed(f"`{key}` cannot be read as a public key.")
    delegations = _signed_part(there, "targets").get("delegations") or {}
    roles = {each["name"].removeprefix("targets/"): each["keyids"] for each in delegations.get("roles") or ()}
    signers = sorted(set(roles) - {"releases"})
    if name not in roles:
        has = f"there is {few(signers)}" if signers else "there is none"
        return failed(f"`{repository}` in the registry `{registry}` has no signer `{name}`; {has}.")
    keys = [delegations["keys"][each]["keyval"]["public"] for each in roles[name]]
    if not any(base64.b64decode(each) == wanted for each in keys):
        return failed(f"The signer `{name}` of `{repository}` has another key than the one in `{key}`.")
    return passed(f"`{name}` may sign in `{repository}`, with the key in `{key}`.")


# What Docker keeps on this machine


@check("trust.key")
@finding
def private_key(ask: Context, *, role: str, registry: str = "", repository: str = "") -> Finding:
    """Docker has a private key of that role here, with a passphrase, readable by nobody else.

    role: `root`, `targets` (the key of a repository, which then is named too), or the name that `docker trust key
    generate` was given.
    """
    gun = f"{server_of(registry)}/{a_repository(repository)}" if repository else ""
    found = [one for one in _keys(ask) if one.role == role and (not gun or one.gun == gun)]
    what = f"{_KEYS.get(role, f'signer key `{role}`')}{f' for `{gun}`' if gun else ''}"
    if not found:
        return failed(f"Docker has no {what} in `~/{TRUST}/private`.")
    for one in found:
        if one.mode & 0o077:
            return failed(f"The {what} has the permissions {one.mode:04o}: others can read it.")
        if not one.has_passphrase:
            return failed(f"The {what} has no passphrase.")
    return passed(f"Docker has the {what}, with a passphrase, and with permissions for you alone.")


# What the kinds share


def _metadata(ask: Context, registry: str, repository: str) -> dict[str, dict[str, Any]]:
    """The trust server's targets and what they delegate to, by role; nothing where there is no trust data.

    Source: notary-server's routes; docker/cli, `cli/trust`, for which roles say what is signed.
    """
    server, azure = server_of(registry), azure_of(ask)
    gun = f"{server}/{a_repository(repository)}"
    with azure.asking(server, registry=registry):
        headers = {"Authorization": f"Bearer {_token(ask, azure, server, gun)}"}
        found = {}
        for role in ROLES:
            url = f"https://{server}/v2/{gun}/_trust/tuf/{role}.json"
            answer = azure.session.get(url, headers=headers, timeout=TIMEOUT, allow_redirects=False)
            if answer.status_code in (404, 405):  # none of this role, or content trust is disabled
                continue
            if answer.status_code != 200:
                azure.refused(server, answer.status_code, "")
            found[role] = document(answer.content)
    return found


def _token(ask: Context, azure: Azure, server: str, gun: str) -> str:
    """Source: Docker's registry authentication specification."""
    answer = azure.session.get(
        f"https://{server}/oauth2/token",
        params={"service": server, "scope": f"repository:{gun}:pull"},
        auth=(ask.azure.client_id, ask.azure.client_secret),
        timeout=TIMEOUT,
        allow_redirects=False,
    )
    if answer.status_code != 200:
        azure.refused(server, answer.status_code, "")
    return str(document(answer.content).get("access_token") or "")


def document(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer or a file; an empty one for anything else."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _signed_part(metadata: Mapping[str, Mapping[str, Any]], role: str) -> dict[str, Any]:
    part = metadata.get(role, {}).get("signed")
    return part if isinstance(part, dict) else {}


def signed_tags(metadata: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Each tag that is signed, with the digests."""
    found: dict[str, set[str]] = {}
    for role in metadata:
        for tag, about in (_signed_part(metadata, role).get("targets") or {}).items():
            try:
                digest = base64.b64decode(str(look_up(about, "hashes.sha256")), validate=True).hex()
            except (ValueError, binascii.Error):
                continue
            found.setdefault(tag, set()).add(f"sha256:{digest}")
    return found


@dataclass(frozen=True, slots=True)
class _Key:
    """What stands above a private key (notary: PEM headers `role` and `gun`), and who may read its file."""

    role: str
    gun: str
    mode: int
    has_passphrase: bool


def _keys(ask: Context) -> Iterator[_Key]:
    for path in sorted(Path(ask.home, TRUST, "private").glob("*.key")):
        try:
            lines = path.read_text(encoding="ascii")[:LONGEST].splitlines()
            mode = stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116
        except (OSError, ValueError) as error:
            raise MissingError(f"`~/{TRUST}/private/{path.name[:12]}...` cannot be read.") from error
        headers = dict(line.split(": ", 1) for line in lines[:4] if ": " in line)
        yield _Key(headers.get("role", ""), headers.get("gun", ""), mode, "ENCRYPTED" in "".join(lines[:1]))


def _public_key(text: str) -> bytes:
    """The bytes of a PEM's body, below its headers. Raises ValueError."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 3 or "PUBLIC KEY" not in lines[0]:
        raise ValueError("no public key")
    return base64.b64decode("".join(line for line in lines[1:-1] if ":" not in line), validate=True)
