"""The rules of setups: what one runs, seeds, or has go wrong."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from labrunner.content.nearest import shown
from labrunner.content.nodes import Scalar
from labrunner.content.rules import not_empty, seconds
from labrunner.content.shapes import Path
from labrunner.content.sources import Source
from labrunner.model import Arrangement, Diagnostic, Fault, Seed, SeededManifest, Setup

__all__ = ["setup_rules"]

_IMAGE = re.compile(r"[^\s:@]+:[^\s:@/]+")
_LONGEST_DAYS = 3650
_WAYS = ("run", "seed", "arrange", "fault")
_OF_RUN = ("host", "timeout")
_SKUS = ("Basic", "Standard", "Premium")
_MODES = ("rbac", "rbac-abac")
_FAULTS = {
    "latency": ("registry", "delay"),
    "throttled": ("registry", "tiers"),
    "lower-tier": ("registry", "sku"),
    "fewer-roles": ("roles",),
}
"""Those that a step can want, each with the keys that it needs."""


def setup_rules(setups: Sequence[Setup], source: Source, path: Path) -> Iterator[Diagnostic]:
    """The rules of a lab's or step's setup."""
    for index, setup in enumerate(setups):
        place = (*path, index)
        yield from _ways(source, place)
        yield from not_empty(source, (*place, "run"), setup.run)
        yield from seconds(source, (*place, "timeout"), setup.timeout)
        if setup.seed is not None:
            yield from _seed(setup.seed, source, (*place, "seed"))
        if setup.arrange is not None:
            yield from _arrangement(setup.arrange, source, (*place, "arrange"))
        if setup.fault is not None:
            yield from _fault(setup.fault, source, (*place, "fault"))
        if setup.unless is not None and source.wrote((*place, "unless", "after")):
            yield source.problem((*place, "unless", "after"), "a setup's check has no 'after'")
        if setup.unless is None and source.wrote((*place, "asks_again")):
            yield source.problem((*place, "asks_again"), "a setup without 'unless' has no 'asks_again'")


def _ways(source: Source, path: Path) -> Iterator[Diagnostic]:
    """It goes one way; what says how to run goes with the first."""
    ways = [key for key in _WAYS if source.wrote((*path, key))]
    if not ways:
        yield source.problem(path, f"a setup needs one of the keys {_listed(_WAYS)}")
    for key in ways[1:]:
        yield source.problem((*path, key), f"a setup has only one of {_listed(_WAYS)}, and this one has '{ways[0]}'")
    for key in _OF_RUN:
        if ways and ways[0] != "run" and source.wrote((*path, key)):
            yield source.problem((*path, key), f"a setup without 'run' has no '{key}'")


def _listed(words: Iterable[str]) -> str:
    """Words in quotes, for a message."""
    *most, last = (f"'{word}'" for word in words)
    return f"{', '.join(most)} and {last}" if most else last


def _one_of(source: Source, path: Path, value: str, allowed: Sequence[str]) -> Iterator[Diagnostic]:
    if value and "@{" not in value and value not in allowed:
        yield source.problem(path, f"{shown(value)} must be one of {_listed(allowed)}")


def _arrangement(wanted: Arrangement, source: Source, path: Path) -> Iterator[Diagnostic]:
    yield from not_empty(source, (*path, "registry"), wanted.registry)
    yield from _one_of(source, (*path, "sku"), wanted.sku, _SKUS)
    yield from _one_of(source, (*path, "role_assignment_mode"), wanted.role_assignment_mode, _MODES)


def _fault(fault: Fault, source: Source, path: Path) -> Iterator[Diagnostic]:
    yield from _one_of(source, (*path, "name"), fault.name, tuple(_FAULTS))
    needed = _FAULTS.get(fault.name)
    if needed is None:
        return
    for key in ("registry", "delay", "tiers", "sku", "roles"):
        wrote = source.wrote((*path, key))
        if wrote and key not in needed:
            yield source.problem((*path, key), f"the fault '{fault.name}' has no '{key}'")
        elif not wrote and key in needed:
            yield source.problem(path, f"the fault '{fault.name}' needs the key '{key}'")
    if source.wrote((*path, "delay")):
        yield from seconds(source, (*path, "delay"), fault.delay)
    yield from _one_of(source, (*path, "sku"), fault.sku, _SKUS)
    for index, tier in enumerate(fault.tiers):
        yield from _one_of(source, (*path, "tiers", index), tier, _SKUS)


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
