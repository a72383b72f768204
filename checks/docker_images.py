"""Checks of images and their tags, asked of the Docker Engine's API (never of the docker CLI)."""

from collections.abc import Mapping

import docker

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import cut, listed

from .docker_engine import asking_engine, full, image_id, short_id, split

TAGS_SHOWN = 16


@check("docker.image")
def image(ask: Context, *, image: str) -> Finding:
    """The engine has the image."""
    with asking_engine(ask) as engine:
        if image_id(engine, image):
            return passed(f"Docker has the image `{full(image)}`.")
        repository, tag = split(image)
        return failed(_no_tags(repository, [tag], _tags(engine, repository)))


@check("docker.no-image")
def no_image(ask: Context, *, image: str) -> Finding:
    """The engine does not have the image (any more)."""
    with asking_engine(ask) as engine:
        found = image_id(engine, image)
    name = full(image)
    if found:
        return failed(f"Docker still has the image `{name}` ({short_id(found)}).")
    return passed(f"Docker has no image `{name}`.")


@check("docker.same-image")
def same_image(ask: Context, *, images: list[str]) -> Finding:
    """All these names exist, and are one image (a tag is a pointer, not a copy); the first one is the measure."""
    with asking_engine(ask) as engine:
        ids = {full(name): image_id(engine, name) for name in images}
        missing: dict[str, list[str]] = {}
        for name in (name for name, found in ids.items() if not found):
            repository, tag = split(name)
            missing.setdefault(repository, []).append(tag)
        said = [_no_tags(repository, tags, _tags(engine, repository)) for repository, tags in missing.items()]
    there = {name: found for name, found in ids.items() if found}
    measure = next(iter(there), "")
    for name, found in there.items():
        if found != there[measure]:
            said.append(_another(name, found, measure, there[measure]))
    if said:
        return failed(" ".join(said))
    return passed(f"{listed(ids)} are one image ({short_id(there[measure])}).")


@check("docker.tags")
def tags(ask: Context, *, repository: str, tags: list[str]) -> Finding:
    """A repository of the engine has all these tags, others allowed."""
    with asking_engine(ask) as engine:
        found = _tags(engine, repository)
    missing = [tag for tag in tags if tag not in found]
    if missing:
        return failed(_no_tags(repository, missing, found))
    return passed(_has_tags(repository, tags))


@check("docker.tag-like")
def tag_like(ask: Context, *, repository: str, like: str, same_as: str = "") -> Finding:
    """A repository has a tag that a pattern with placeholders describes; with `same_as`, one that is that image."""
    from labrunner.matching import compile_pattern
    from labrunner.matching import like as is_like

    with asking_engine(ask) as engine:
        found = {tag: of for tag, of in _tags(engine, repository).items() if is_like(like, tag)}
        if not found:
            words = compile_pattern(like).in_words
            return failed(f"Docker has no tag like `{words}` of `{repository}`.{_has(_tags(engine, repository))}")
        wanted = image_id(engine, same_as) if same_as else ""
    if not same_as or wanted in found.values():
        return passed(_has_tags(repository, [tag for tag, of in found.items() if not same_as or of == wanted]))
    if not wanted:
        return failed(f"Docker has no image `{full(same_as)}` to compare with.")
    tag, other = next(iter(found.items()))
    return failed(_another(f"{repository}:{tag}", other, full(same_as), wanted))


@check("docker.tag-from")
def tag_from(ask: Context, *, repository: str, run: str, same_as: str = "") -> Finding:
    """A repository has the tag that a command, run by bash in the work folder, says (`git rev-parse --short HEAD`)."""
    ran = ask.run(["bash", "-c", run])
    tag = ran.stdout.strip()
    if ran.status != 0 or not tag:
        return failed(f"`{run}` says no tag: status {ran.status}, {cut(ran.stderr + ran.stdout) or 'no output'}.")
    with asking_engine(ask) as engine:
        found = _tags(engine, repository)
        if tag not in found:
            return failed(f"{_no_tags(repository, [tag], found)} (That is what `{run}` says.)")
        wanted = image_id(engine, same_as) if same_as else found[tag]
    if not wanted:
        return failed(f"Docker has no image `{full(same_as)}` to compare with.")
    if found[tag] != wanted:
        return failed(_another(f"{repository}:{tag}", found[tag], full(same_as), wanted))
    return passed(f"Docker has the tag `{tag}` of `{repository}`, as `{run}` says.")


def _tags(engine: docker.APIClient, repository: str) -> dict[str, str]:
    """Tag -> image id."""
    return {
        tag: about["Id"]
        for about in engine.images()
        for name, tag in (split(full) for full in about["RepoTags"] or ())
        if name == repository
    }


def _no_tags(repository: str, missing: list[str], found: Mapping[str, str]) -> str:
    if not found:
        return f"Docker has no image `{repository}` at all, so it has no {_tag_words(missing)}."
    return f"Docker has no {_tag_words(missing)} of `{repository}`.{_has(found)}"


def _has_tags(repository: str, tags: list[str]) -> str:
    return f"Docker has the {'tag' if len(tags) == 1 else 'tags'} {listed(tags)} of `{repository}`."


def _tag_words(tags: list[str]) -> str:
    return f"{'tag' if len(tags) == 1 else 'tags'} {listed(tags, last='or')}"


def _has(found: Mapping[str, str]) -> str:
    names = sorted(found)
    more = len(names) - TAGS_SHOWN
    if more > 0:
        return f" It has {', '.join(f'`{name}`' for name in names[:TAGS_SHOWN])} and {more} more."
    return f" It has {listed(names)}." if names else ""


def _another(name: str, identity: str, measure: str, wanted: str) -> str:
    return f"`{name}` is another image ({short_id(identity)}) than `{measure}` ({short_id(wanted)}). Tag it again."
