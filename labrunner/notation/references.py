"""Names of images as notation takes them: `registry/repository:tag` or `registry/repository@digest`."""

import re
from dataclasses import dataclass

from labrunner.notation.descriptors import is_digest
from labrunner.notation.problem import NotationError

__all__ = ["Reference", "read_reference"]

_EXPECTED = "Expecting <registry>/<repository>:<tag> or <registry>/<repository>@<digest>"
_REGISTRY = re.compile(r"[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?(?::\d{1,5})?")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+|/)[a-z0-9]+)*")
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    """name: a tag or a digest."""

    registry: str
    repository: str
    name: str

    @property
    def is_digest(self) -> bool:
        """Whether the name is one."""
        return ":" in self.name

    @property
    def path(self) -> str:
        """Registry and repository."""
        return f"{self.registry}/{self.repository}"

    def __str__(self) -> str:
        return f"{self.path}{'@' if self.is_digest else ':'}{self.name}"


def read_reference(text: str) -> Reference:
    """Raises NotationError. A tag before a digest is left out."""
    registry, slash, rest = text.partition("/")
    if not slash or not rest:
        raise _refused(text, "missing registry or repository")
    if "@" in rest:
        repository, _, name = rest.partition("@")
        repository = repository.partition(":")[0]
    else:
        repository, _, name = rest.partition(":")
    if not _REGISTRY.fullmatch(registry):
        raise _refused(text, f'invalid registry "{registry}"')
    if not _REPOSITORY.fullmatch(repository):
        raise _refused(text, f'invalid repository "{repository}"')
    if not name:
        raise _refused(text, "no tag or digest")
    if "@" in rest and not is_digest(name):
        raise _refused(text, f'invalid digest "{name}"')
    if "@" not in rest and not _TAG.fullmatch(name):
        raise _refused(text, f'invalid tag "{name}"')
    return Reference(registry, repository, name)


def _refused(text: str, why: str) -> NotationError:
    return NotationError(f'"{text}": invalid reference: {why}. {_EXPECTED}')
