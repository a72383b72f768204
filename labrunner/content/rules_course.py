"""The rules of `course.yaml` and of the files of errata."""

import re
from collections.abc import Iterator, Mapping

from labrunner.content import insides
from labrunner.content.listing import PROBLEMS
from labrunner.content.nearest import shown, suggestion
from labrunner.content.rules import Known, course_file, kebab, not_empty, notice_rules, unique
from labrunner.content.shapes import CourseFile, Path
from labrunner.content.sources import Source
from labrunner.content.variables import NAME, references
from labrunner.model import Azure, Diagnostic, Erratum, Page, Variable

__all__ = ["FORMAT", "course_rules", "errata_rules"]

FORMAT = 1
"""The format of a course's files that this labrunner reads."""

_REGISTRY = re.compile("[A-Za-z0-9]{5,50}")
_LENGTHS = range(16, 65)
"""How long a generated value may be: one that nobody guesses, and that fits a line."""
_SHOWN = ("start", "end")
_SKUS = ("Basic", "Standard", "Premium")
_ACTIONS = ("push", "delete", "quarantine", "chart_push", "chart_delete")
"""Microsoft.ContainerRegistry/registries/webhooks, `properties.actions`."""


def course_rules(course: CourseFile, source: Source, *, known: Known) -> Iterator[Diagnostic]:
    """The rules of `course.yaml` itself; its files of labs and errata are the loader's."""
    if source.has(("format",)) and course.format != FORMAT:
        yield source.problem(("format",), f"this labrunner reads format {FORMAT} of a course, not {course.format}")
    yield from kebab(source, ("id",), course.id)
    yield from not_empty(source, ("title",), course.title)
    if source.wrote(("labs",)) and source.lacks(("labs",)):
        yield source.problem(("labs",), "a course needs a lab")
    yield from notice_rules(source, (), course.notices)
    yield from unique(source, [(("pages", at, "id"), page.id) for at, page in enumerate(course.pages)], "the page id")
    for index, page in enumerate(course.pages):
        yield from _page(page, source, ("pages", index), known)
        if course.problems and page.id == PROBLEMS[0]:
            message = f"the page id {shown(page.id)} is that of the page that is made of the course's 'problems'"
            yield source.problem(("pages", index, "id"), message)
    for index, variable in enumerate(course.variables):
        yield from _variable(variable, source, ("variables", index))
    yield from _cycles(course.variables, source)
    names = [
        (("images", index, "names", number), name)
        for index, image in enumerate(course.images)
        for number, name in enumerate(image.names)
    ]
    yield from unique(source, names, "the image name")
    for index, image in enumerate(course.images):
        yield from _image_files(image.files, source, ("images", index, "files"), known)
    yield from _work_files(course.work.files, source, ("work", "files"), known)
    if course.azure is not None:
        yield from _azure(course.azure, source)


def _page(page: Page, source: Source, path: Path, known: Known) -> Iterator[Diagnostic]:
    yield from kebab(source, (*path, "id"), page.id)
    yield from not_empty(source, (*path, "title"), page.title)
    yield from not_empty(source, (*path, "text"), page.text)
    yield from _one_of(source, (*path, "shown"), page.shown, _SHOWN)
    for index, erratum in enumerate(page.errata):
        if known.errata is not None and erratum not in known.errata:
            message = f"unknown erratum {shown(erratum)}{suggestion(erratum, known.errata)}"
            yield source.problem((*path, "errata", index), message)


def _azure(azure: Azure, source: Source) -> Iterator[Diagnostic]:
    yield from not_empty(source, ("azure", "resource_group"), azure.resource_group)
    registries = [(("azure", "registries", index), item) for index, item in enumerate(azure.registries)]
    yield from unique(source, [((*path, "name"), item.name) for path, item in registries], "the registry")
    for path, registry in registries:
        if "@{" not in registry.name and not _REGISTRY.fullmatch(registry.name):
            yield source.problem((*path, "name"), f"{shown(registry.name)} must be 5 to 50 letters and digits")
        yield from _one_of(source, (*path, "sku"), registry.sku, _SKUS)
        hooks = [((*path, "webhooks", index), item) for index, item in enumerate(registry.webhooks)]
        yield from unique(source, [((*place, "name"), hook.name) for place, hook in hooks], "the webhook")
        for place, hook in hooks:
            for number, action in enumerate(hook.actions):
                yield from _one_of(source, (*place, "actions", number), action, _ACTIONS)
            if not hook.service_uri.startswith(("http://", "https://")):
                yield source.problem((*place, "service_uri"), "'service_uri' must begin with http:// or https://")


def _one_of(source: Source, path: Path, value: str, known: tuple[str, ...]) -> Iterator[Diagnostic]:
    if source.has(path) and value not in known:
        yield source.problem(path, f"{shown(value)} must be one of {', '.join(known)}")


def _variable(variable: Variable, source: Source, path: Path) -> Iterator[Diagnostic]:
    if not NAME.fullmatch(variable.name):
        yield source.problem(
            path, f"{shown(variable.name)} is no name of a variable; use upper-case letters, digits and '_'"
        )
    if variable.value and source.has((*path, "default")):
        yield source.problem((*path, "value"), "a variable has a 'default' or a derived 'value', not both")
    yield from _generated(variable, source, path)
    pattern = _compiled(variable.pattern)
    if isinstance(pattern, str):
        yield source.problem((*path, "pattern"), f"'pattern' is no regular expression: {pattern}")
        return
    for target, default in variable.default.items():
        place = (*path, "default", target)
        if any(references(default)):
            yield source.problem(place, "a default cannot refer to a variable; derive it with 'value'")
        elif variable.pattern and not pattern.fullmatch(default):
            yield source.problem(place, f"the default {shown(default)} does not match the variable's own 'pattern'")


def _generated(variable: Variable, source: Source, path: Path) -> Iterator[Diagnostic]:
    """What is made for each run is a secret, and comes from nowhere else."""
    place = (*path, "generate")
    if not source.wrote(place):
        return
    if variable.generate not in _LENGTHS:
        yield source.problem(place, f"'generate' must be {_LENGTHS.start} to {_LENGTHS.stop - 1} characters")
    if not variable.secret:
        yield source.problem(place, "what is generated is a secret; write 'secret: true'")
    for key in ("prompt", "pattern", "default", "value"):
        if source.wrote((*path, key)):
            yield source.problem((*path, key), f"a variable that is generated has no '{key}'")


def _compiled(pattern: str) -> re.Pattern[str] | str:
    """The compiled pattern, or what is wrong with it."""
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return str(error)


def _cycles(variables: tuple[Variable, ...], source: Source) -> Iterator[Diagnostic]:
    """Each variable that can never be derived because its value leads back to itself."""
    needs = {item.name: {found.name for found in references(item.value) if found.name} for item in variables}
    while True:
        free = {name for name, wanted in needs.items() if not wanted & needs.keys()}
        if not free:
            break
        needs = {name: wanted for name, wanted in needs.items() if name not in free}
    for index, variable in enumerate(variables):
        if variable.name in needs:
            loop = " -> ".join(_loop(variable.name, needs))
            if loop.endswith(f" {variable.name}"):
                yield source.problem(("variables", index, "value"), f"the variable is derived from itself: {loop}")


def _loop(name: str, needs: Mapping[str, set[str]]) -> list[str]:
    """A walk along the first needs, until a name comes again."""
    walk = [name]
    while True:
        following = min(needs[walk[-1]] & needs.keys())
        walk.append(following)
        if following in walk[:-1]:
            return walk


def _image_files(files: Mapping[str, str], source: Source, path: Path, known: Known) -> Iterator[Diagnostic]:
    for inside, name in files.items():
        if not inside.startswith("/") or ".." in inside.split("/"):
            yield source.problem(
                (*path, inside), f"the path in the image {shown(inside)} must be absolute, without '..'"
            )
        yield from course_file(name, source, (*path, inside), known)


def _work_files(files: Mapping[str, str], source: Source, path: Path, known: Known) -> Iterator[Diagnostic]:
    for inside, name in files.items():
        reason = insides.outside_work(inside)
        if reason is not None:
            yield source.problem((*path, inside), f"the path {shown(inside)} {reason}")
        yield from course_file(name, source, (*path, inside), known)


def errata_rules(errata: tuple[Erratum, ...], source: Source, *, earlier: list[str]) -> Iterator[Diagnostic]:
    """The rules of one file of errata; `earlier` are the ids of the files before it."""
    yield from unique(source, [((index, "id"), item.id) for index, item in enumerate(errata)], "the erratum")
    for index, item in enumerate(errata):
        if item.id in earlier:
            yield source.problem((index, "id"), f"the erratum {shown(item.id)} is in an earlier file too")
