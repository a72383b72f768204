"""The check that compares an image of the Docker Engine with what the registry holds."""

from docker.errors import NotFound

from labrunner.checking.api import Context, Finding, check, failed, passed

from .azure_registry import digest_of, short
from .azure_session import finding
from .docker_engine import asking_engine, full


@check("acr.pushed")
@finding
def pushed(ask: Context, *, registry: str, repository: str, tag: str, image: str) -> Finding:
    """A tag of the registry is the image that the engine has by that name."""
    digest = digest_of(ask, registry, repository, tag)
    name = full(image)
    there = f"`{repository}:{tag}` in the registry `{registry}`"
    with asking_engine(ask) as engine:
        try:
            about = engine.inspect_image(name)  # type: ignore[no-untyped-call]
        except NotFound:
            return failed(f"There is no image `{name}` here to compare with {there}.")
    here = [each.partition("@")[2] for each in about.get("RepoDigests") or ()]
    if digest in here:
        return passed(f"{there} is the image `{name}` {short(digest)}.")
    if not here:
        return failed(f"The image `{name}` was not pushed yet: it is not {there} {short(digest)}. Tag it and push it.")
    return failed(
        f"{there} {short(digest)} is another image than `{name}` here {short(here[0])}. Tag it and push it again."
    )
