"""A course with all that belongs to it, and its variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from labrunner.model.lab import Lab
from labrunner.model.reading import Erratum, Notice, Page, Problem
from labrunner.model.world import Azure, Image, WorkFolder

__all__ = ["Course", "Variable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """A course variable, written `@{NAME}`. Asked for (`default` by target), derived (`value`), or a secret made for
    each run (`generate`: so many characters; 0: not made).

    pattern: a Python regular expression that the whole value must match; `says` explains it.
    """

    name: str
    prompt: str = ""
    pattern: str = ""
    says: str = ""
    default: Mapping[str, str] = field(default_factory=dict)
    value: str = ""
    generate: int = 0
    secret: bool = False
    at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A loaded course. `path` is its folder, `digest` the hash of everything in it (sha256, hex)."""

    id: str
    title: str
    text: str = ""
    variables: tuple[Variable, ...] = ()
    images: tuple[Image, ...] = ()
    work: WorkFolder = field(default_factory=WorkFolder)
    azure: Azure | None = None
    labs: tuple[Lab, ...] = ()
    errata: tuple[Erratum, ...] = ()
    problems: tuple[Problem, ...] = ()
    notices: tuple[Notice, ...] = ()
    pages: tuple[Page, ...] = ()
    path: str = ""
    digest: str = ""

    def erratum(self, name: str) -> Erratum:
        """The erratum of that id. Raises KeyError."""
        for entry in self.errata:
            if entry.id == name:
                return entry
        raise KeyError(name)
