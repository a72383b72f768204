"""The rules of setups: what one runs, or the past that it seeds a repository with."""

import math
import re
from collections.abc import Iterator, Sequence

from labrunner.content.nearest import shown
from labrunner.content.nodes import Scalar
from labrunner.content.rules import not_empty, seconds
from labrunner.content.shapes import Path
from labrunner.content.sources import Source
from labrunner.model import Diagnostic, Seed, SeededManifest, Setup

__all__ = ["setup_rules"]

_IMAGE = re.compile(r"[^\s:@]+:[^\s:@/]+")
_LONGEST_DAYS = 3650
_OF_RUN = ("host", "timeout")


def setup_rules(setups: Sequence[Setup], source: Source, path: Path) -> Iterator[Diagnostic]:
    """The rules of a lab's or step's setup."""
    for index, setup in enumerate(setups):
        place = (*path, index)
        yield from _ways(source, place)
        yield from not_empty(source, (*place, "run"), setup.run)
        yield from seconds(source, (*place, "timeout"), setup.timeout)
        if setup.seed is not None:
            yield from _seed(setup.seed, source, (*place, "seed"))
        if setup.unless is not None and source.wrote((*place, "unless", "after")):
            yield source.problem((*place, "unless", "after"), "a setup's check has no 'after'")


def _ways(source: Source, path: Path) -> Iterator[Diagnostic]:
    """It runs or it seeds; what says how to run goes with the first."""
    runs, seeds = (source.wrote((*path, key)) for key in ("run", "seed"))
    if not runs and not seeds:
        yield source.problem(path, "a setup needs the key 'run' or 'seed'")
    if runs and seeds:
        yield source.problem((*path, "seed"), "a setup has 'run' or 'seed', not both")
    for key in _OF_RUN:
        if seeds and not runs and source.wrote((*path, key)):
            yield source.problem((*path, key), f"a setup that seeds runs nothing, so it has no '{key}'")


def _seed(seed: Seed, source: Source, path: Path) -> Iterator[Diagnostic]:
    yield from not_empty(source, (*path, "registry"), seed.registry)
    yield from not_empty(source, (*path, "repository"), seed.repository)
    if source.has((*path, "manifests")) and source.lacks((*path, "manifests")):
        yield source.problem((*path, "manifests"), "a seed needs a manifest")
    for index, manifest in enumerate(seed.manifests):
        yield from _manifest(manifest, source, (*path, "manifests", index))


def _manifest(manifest: SeededManifest, source: Source, path: Path) -> Iterator[Diagnostic]:
    taken, made = source.wrote((*path, "from_")), source.wrote((*path, "index_of"))
    if taken == made:
        where = (*path, "index_of") if made else path
        yield source.problem(where, "a seeded manifest needs either 'from' or 'index_of'")
    if source.has((*path, "index_of")) and source.lacks((*path, "index_of")):
        yield source.problem((*path, "index_of"), "an index needs a child")
    names = [((*path, "index_of", index), name) for index, name in enumerate(manifest.index_of)]
    for place, name in (*([((*path, "from_"), manifest.from_)] if taken else ()), *names):
        is_text = isinstance(source.places.get(place), Scalar)
        if is_text and "@{" not in name and not _IMAGE.fullmatch(name):
            yield source.problem(place, f"{shown(name)} must be an image of the same registry, like 'mywebapi:latest'")
    place = (*path, "days")
    if source.has(place) and not (math.isfinite(manifest.days) and 0 <= manifest.days <= _LONGEST_DAYS):
        yield source.problem(place, f"'days' must be a number from 0 to {_LONGEST_DAYS}")
