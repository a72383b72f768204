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
    with asking_engine(ask) as engine:
        try:
            about = engine.inspect_image(full(image))  # type: ignore[no-untyped-call]
        except NotFound:
            return failed(f"There is no image `{full(image)}` to compare with `{repository}:{tag}` in the registry.")
    local = {each.partition("@")[2] for each in about.get("RepoDigests") or ()}
    where = f"`{repository}:{tag}` in the registry `{registry}`"
    if digest in local:
        return passed(f"{where} is the image `{full(image)}` {short(digest)}.")
    return failed(f"{where} {short(digest)} is another image than `{full(image)}` here. Tag it and push it again.")
