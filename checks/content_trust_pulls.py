"""Checks of what content trust did with a pull: what Docker has verified on this machine, and what the engine has.

What Docker has verified lies in HOME, below `.docker/trust/tuf`, and is read there.
"""

from pathlib import Path
from typing import Any

from docker.errors import NotFound

from labrunner.checking.api import Context, Finding, check, failed, passed

from .azure_registry import digest_of
from .azure_session import a_repository, a_tag, few, finding, server_of
from .content_trust import LONGEST, ROLES, TRUST, document, signed_tags
from .docker_engine import asking_engine


@check("trust.verified")
@finding
def verified(ask: Context, *, registry: str, repository: str, tag: str) -> Finding:
    """Docker has verified the signature of a tag on this machine, and the engine has the image that was signed."""
    gun = f"{server_of(registry)}/{a_repository(repository)}"
    digests = signed_tags(_kept(ask, gun)).get(a_tag(tag))
    if not digests:
        return failed(f"Docker has verified no signature of `{gun}:{tag}` on this machine.")
    here = _digests_here(ask, gun, tag)
    if here is None:
        return failed(f"The signature of `{gun}:{tag}` was verified, but Docker does not have the image here.")
    if not digests & here:
        return failed(f"Docker's image `{gun}:{tag}` is not the one that was signed.")
    return passed(f"Docker has `{gun}:{tag}`, and its signature was verified here.")


@check("trust.refused")
@finding
def refused(ask: Context, *, registry: str, repository: str, tag: str) -> Finding:
    """Docker has verified what is signed in a repository; a tag of the registry is not among it, and not here."""
    digest_of(ask, registry, repository, tag)  # one that is not there would be refused for another reason
    gun = f"{server_of(registry)}/{a_repository(repository)}"
    found = signed_tags(_kept(ask, gun))
    if not found:
        return failed(f"Docker has verified nothing of `{gun}` on this machine, so it cannot know what is signed.")
    if tag in found:
        return failed(f"`{gun}:{tag}` is signed, so Docker does not refuse it.")
    if _digests_here(ask, gun, tag) is not None:
        return failed(f"Docker has `{gun}:{tag}`, although nobody has signed it.")
    return passed(
        f"`{tag}` is in the registry and not among what is signed, {few(found)}; Docker does not have it here."
    )


def _kept(ask: Context, gun: str) -> dict[str, dict[str, Any]]:
    """What Docker keeps of a repository's trust data, which it has verified, by role (notary: `tuf/GUN/metadata`)."""
    place = Path(ask.home, TRUST, "tuf", gun, "metadata")
    found = {}
    for role in ROLES:
        try:
            found[role] = document((place / f"{role}.json").read_bytes()[:LONGEST])
        except OSError:
            continue
    return found


def _digests_here(ask: Context, gun: str, tag: str) -> set[str] | None:
    """The digests by which the engine knows the image of that name; None if there is none."""
    with asking_engine(ask) as engine:
        try:
            about = engine.inspect_image(f"{gun}:{tag}")  # type: ignore[no-untyped-call]
        except NotFound:
            return None
    return {
        digest for name, _, digest in (each.partition("@") for each in about.get("RepoDigests") or ()) if name == gun
    }
