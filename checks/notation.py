"""Checks of signatures as the Notary Project has them: of images in a registry, and what the learner's notation keeps.

The registry is asked by labrunner's own client, as the identity that checks have; each signature is verified, and its
certificate compared with the learner's. Keys, trust stores and the trust policy are read where notation keeps them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from labrunner.checking.api import Context, Finding, TargetError, check, failed, passed
from labrunner.notation.certificates import CertificateError, read_certificates, subject
from labrunner.notation.descriptors import Descriptor
from labrunner.notation.envelopes import JWS, Envelope, EnvelopeError, verify
from labrunner.notation.policies import Policy, policy_for
from labrunner.notation.problem import NotationError, RegistryError
from labrunner.notation.references import Reference
from labrunner.notation.repositories import Repository
from labrunner.notation.settings import Settings
from labrunner.notation.transport import Credentials, Transport
from labrunner.notation.verification import evaluate

from .azure_registry import digest_of, short
from .azure_session import MissingError, few, finding, server_of

_AGENT = "labrunner-checks"
_LOCAL = "~/.config/notation"
_UNSIGNED, _OTHER, _STRANGER = "unsigned", "another-image", "stranger"
_REASONS = {
    _UNSIGNED: "it has no signature",
    _OTHER: "it is the signature of another image",
    _STRANGER: "does not contain any trusted certificate",
}


# Images


@check("notation.signed")
@finding
def signed(ask: Context, *, registry: str, repository: str, tag: str, key: str) -> Finding:
    """An image of the registry has a signature, over this very image, of a signing key of the learner's."""
    image, found = _signatures(ask, registry, repository, tag)
    own = _certificates(ask, key)
    what = f"`{repository}:{tag}` {short(image.digest)}"
    if not found:
        return failed(f"{what} has no signature in the registry `{registry}`.")
    others = []
    for each in found:
        if isinstance(each, str):
            others.append(each)
        elif each.certificates != own:
            others.append(f"one is of `{subject(each.certificates[0].subject)}`, with another certificate")
        elif not each.target.names_the_same(image):
            others.append(f"one is the signature of another image {short(each.target.digest)}")
        else:
            return passed(f"{what} is signed with the key `{key}`.")
    return failed(f"{what} has no signature of the key `{key}`: {'; '.join(others)}.")


@check("notation.verifies")
@finding
def verifies(ask: Context, *, registry: str, repository: str, tag: str) -> Finding:
    """By the learner's trust policy, a signature of an image in the registry counts."""
    image, reasons = _refusals(ask, registry, repository, tag)
    what = f"`{repository}:{tag}` {short(image.digest)}"
    if "" in reasons:
        return passed(f"By your trust policy, {what} has a signature that counts.")
    return failed(f"By your trust policy, {what} is refused: {'; '.join(reasons) or _REASONS[_UNSIGNED]}.")


@check("notation.refuses")
@finding
def refuses(ask: Context, *, registry: str, repository: str, tag: str, because: str) -> Finding:
    """By the learner's trust policy, an image in the registry is refused, and for that reason.

    because: it is `unsigned`, a signature is one of `another-image`, or nobody but a `stranger` has signed it.
    """
    if because not in _REASONS:
        raise ValueError(f"`because` must be one of {few(_REASONS, last='or')}")
    image, reasons = _refusals(ask, registry, repository, tag)
    what = f"`{repository}:{tag}` {short(image.digest)}"
    if "" in reasons:
        return failed(f"By your trust policy, {what} has a signature that counts.")
    said = "; ".join(reasons) or _REASONS[_UNSIGNED]
    is_so = not reasons if because == _UNSIGNED else any(_REASONS[because] in reason for reason in reasons)
    if is_so:
        return passed(f"By your trust policy, {what} is refused: {said}.")
    return failed(f"By your trust policy, {what} is refused, but not because of `{because}`: {said}.")


# What notation keeps


@check("notation.key")
@finding
def key_there(ask: Context, *, name: str, default: bool = False) -> Finding:
    """A signing key of that name is in notation's list, its private half readable by nobody else."""
    settings = _settings(ask)
    with _kept():
        chosen, _ = settings.keys()
        key = settings.signing_key(name)
    try:
        mode = os.stat(key.key).st_mode & 0o777  # noqa: PTH116
    except OSError as error:
        return failed(f"The signing key `{name}` is in the list, but its file cannot be read: {error.strerror}.")
    if mode & 0o077:
        return failed(f"The private key of `{name}` has the permissions {mode:04o}: others can read it.")
    _certificates(ask, name)
    if default and chosen != name:
        return failed(f"The default signing key is `{chosen}`, not `{name}`." if chosen else "No key is the default.")
    return passed(f"notation has the {'default ' if default else ''}signing key `{name}`.")


@check("notation.trusted")
@finding
def trusted(ask: Context, *, store: str, key: str) -> Finding:
    """The trust store of that name, of the type `ca`, holds the certificate of a signing key."""
    own = _certificates(ask, key)
    with _kept():
        found = _settings(ask).trusted("ca", store)
    if any(each in found for each in own):
        return passed(f"The trust store `ca:{store}` holds the certificate of `{key}`.")
    names = few({subject(each.subject) for each in found})
    return failed(f"The trust store `ca:{store}` does not hold the certificate of `{key}`; it holds that of {names}.")


@check("notation.policy")
@finding
def policy(ask: Context, *, registry: str, repository: str, level: str, store: str = "") -> Finding:
    """The trust policy for a repository of the registry has that level, and trusts that store of the type `ca`."""
    scope = f"{server_of(registry)}/{repository}"
    found = _policy(ask, scope)
    if found.level != level:
        return failed(f"For `{scope}`, the trust policy `{found.name}` has the level `{found.level}`, not `{level}`.")
    if store and ("ca", store) not in found.stores:
        has = few(f"{kind}:{name}" for kind, name in found.stores) or "no store"
        return failed(f"For `{scope}`, the trust policy `{found.name}` trusts {has}, not `ca:{store}`.")
    return passed(f"For `{scope}`, the trust policy `{found.name}` has the level `{level}`.")


# What the kinds share


def _settings(ask: Context) -> Settings:
    return Settings(Path(ask.home, ".config", "notation"))


@contextmanager
def _kept() -> Iterator[None]:
    """What notation does not have is a failed finding."""
    try:
        yield
    except NotationError as error:
        raise MissingError(f"In `{_LOCAL}`: {str(error).partition('. ')[0]}.") from error


def _certificates(ask: Context, key: str) -> tuple[object, ...]:
    """The certificates of a signing key of the learner's. Raises MissingError."""
    with _kept():
        found = _settings(ask).signing_key(key)
    try:
        return tuple(read_certificates(Path(found.certificate).read_bytes()))
    except (OSError, CertificateError) as error:
        raise MissingError(f"The certificate of the signing key `{key}` cannot be read.") from error


def _policy(ask: Context, scope: str) -> Policy:
    """Raises MissingError."""
    with _kept():
        found = policy_for(_settings(ask).policies(), scope)
    if found is None:
        raise MissingError(f"The trust policy has no statement for `{scope}`.")
    return found


def _repository(ask: Context, registry: str, name: str) -> Repository:
    own = Credentials(user=ask.azure.client_id, password=ask.azure.client_secret)
    return Repository(Transport(server_of(registry), own, os.environ, agent=_AGENT), name)


@contextmanager
def _asking(ask: Context, server: str) -> Iterator[None]:
    try:
        yield
    except RegistryError as error:
        why = f"status {error.status}" if error.status else "no connection"
        raise TargetError(f"`{server}` does not answer as a registry does ({why})", ask.remedy) from error


def _fetched(
    ask: Context, registry: str, repository: str, tag: str
) -> tuple[Descriptor, list[tuple[str, bytes] | str]]:
    """An image, and of each of its signatures the envelope, or why there is none."""
    digest = digest_of(ask, registry, repository, tag)
    server = server_of(registry)
    with _asking(ask, server):
        place = _repository(ask, registry, repository)
        image = place.resolve(Reference(server, repository, digest))
        found: list[tuple[str, bytes] | str] = []
        for manifest in place.signatures(image):
            try:
                found.append(place.envelope(manifest))
            except RegistryError:
                raise
            except NotationError as error:
                found.append(str(error))
    return image, found


def _signatures(ask: Context, registry: str, repository: str, tag: str) -> tuple[Descriptor, list[Envelope | str]]:
    """An image, and each of its signatures, or why it is none."""
    image, fetched = _fetched(ask, registry, repository, tag)
    found: list[Envelope | str] = []
    for each in fetched:
        if isinstance(each, str):
            found.append(each)
        elif each[0] != JWS:
            found.append(f"one is in an envelope of the type `{each[0]}`")
        else:
            try:
                found.append(verify(each[1]))
            except EnvelopeError as error:
                found.append(str(error))
    return image, found


def _refusals(ask: Context, registry: str, repository: str, tag: str) -> tuple[Descriptor, list[str]]:
    """An image, and of each of its signatures why it does not count by the learner's trust policy ("": it does)."""
    wanted = _policy(ask, f"{server_of(registry)}/{repository}")
    image, fetched = _fetched(ask, registry, repository, tag)
    if wanted.skips:
        return image, [""]
    stores, now = _settings(ask).trusted, datetime.now(UTC)
    reasons = []
    for each in fetched:
        if isinstance(each, str):
            reasons.append(each)
            continue
        with _kept():
            reasons.append(evaluate(each[1], each[0], image, wanted, stores, now=now, metadata={}).refused)
    return image, list(dict.fromkeys(reasons))
