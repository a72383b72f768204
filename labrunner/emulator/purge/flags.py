"""The flags of `acr purge`, read as cobra and pflag read them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from labrunner.emulator.purge.problem import PurgeProblem

__all__ = ["Purge", "read_flags", "usage"]

_LARGEST_POOL = 32
_DEFAULT_POOL = 2
"""GOMAXPROCS of ACR's agents, which have 2 processors by default."""

_TEXTS = {"ago": "", "filter": "", "config": "", "registry": "", "username": "", "password": ""}
_NUMBERS = {"keep": 0, "concurrency": _DEFAULT_POOL, "filter-timeout-seconds": 60, "repository-page-size": 100}
_SWITCHES = ("untagged", "untagged-only", "dry-run", "include-locked", "verbose", "help")
_SHORT = {"f": "filter", "c": "config", "r": "registry", "u": "username", "p": "password", "h": "help"}
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a purge was asked to do. ago: as given, "" if not. registry: the one that was named, if any."""

    filters: tuple[str, ...]
    ago: str
    keep: int
    untagged: bool
    untagged_only: bool
    dry_run: bool
    include_locked: bool
    concurrency: int
    registry: str
    help: bool

    @property
    def concurrency_remark(self) -> str:
        """What acr says of a concurrency that it does not take; "" if it takes it."""
        if self.concurrency <= 0:
            return f"Specified concurrency value invalid. Set to default value: {_DEFAULT_POOL} "
        if self.concurrency > _LARGEST_POOL:
            return f"Specified concurrency value too large. Set to maximum value: {_LARGEST_POOL} "
        return ""


def read_flags(words: Sequence[str]) -> Purge:
    """What the words after `acr purge` ask for; other words are ignored, as by acr. Raises PurgeProblem."""
    values: dict[str, list[str]] = {}
    for name, value in _flags(iter(words)):
        values.setdefault(name, []).append(value)
    texts = {name: values[name][-1] if name in values else default for name, default in _TEXTS.items()}
    numbers = {name: int(values[name][-1]) if name in values else default for name, default in _NUMBERS.items()}
    switches = {name: values[name][-1] in _TRUE if name in values else False for name in _SWITCHES}
    purge = Purge(
        filters=tuple(values.get("filter", ())),
        ago=texts["ago"],
        keep=numbers["keep"],
        untagged=switches["untagged"],
        untagged_only=switches["untagged-only"],
        dry_run=switches["dry-run"],
        include_locked=switches["include-locked"],
        concurrency=numbers["concurrency"],
        registry=texts["registry"],
        help=switches["help"],
    )
    if not purge.help:
        _check(purge, frozenset(values))
    return purge


def usage() -> str:
    """The flags, for --help. The words are ours."""
    rows = ["Usage:", "  acr purge [flags]", "", "Flags:"]
    letters = {name: letter for letter, name in _SHORT.items()}
    for name in sorted({*_TEXTS, *_NUMBERS, *_SWITCHES}):
        kind = "" if name in _SWITCHES else " int" if name in _NUMBERS else " string"
        short = f"-{letters[name]}, " if name in letters else "    "
        rows.append(f"  {short}--{name}{kind}")
    return "\n".join(rows)


def _check(purge: Purge, given: frozenset[str]) -> None:
    if not given & {"filter", "untagged-only"}:
        raise PurgeProblem("at least one of the flags in the group [filter untagged-only] is required")
    if {"untagged", "untagged-only"} <= given:
        raise PurgeProblem(
            "if any flags in the group [untagged untagged-only] are set none of the others can be; "
            "[untagged untagged-only] were all set"
        )
    if purge.untagged_only:
        return
    if not purge.filters:
        raise PurgeProblem("--filter is required when not using --untagged-only")
    if not purge.ago:
        raise PurgeProblem("--ago is required when not using --untagged-only")


def _flags(words: Iterator[str]) -> Iterator[tuple[str, str]]:
    for word in words:
        if word == "--":
            return
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not name or name.startswith(("-", "=")):
                raise PurgeProblem(f"bad flag syntax: {word}")
            yield _flag(name, value if equals else None, words, word, f"unknown flag: --{name}")
        elif word.startswith("-") and word != "-":
            yield from _letters(word, words)


def _letters(word: str, words: Iterator[str]) -> Iterator[tuple[str, str]]:
    left = word[1:]
    while left:
        letter, left = left[0], left[1:]
        name = _SHORT.get(letter, "")
        problem = f"unknown shorthand flag: {letter!r} in {word}"
        if name in _SWITCHES and not left.startswith("="):
            yield _flag(name, None, words, word, problem)
            continue
        value = left.removeprefix("=") if left else None
        yield _flag(name, value, words, f"{letter!r} in {word}", problem)
        return


def _flag(name: str, value: str | None, words: Iterator[str], shown: str, unknown: str) -> tuple[str, str]:
    if name in _SWITCHES:
        value = "true" if value is None else value
        if value not in _TRUE | _FALSE:
            raise _invalid(name, value, f'strconv.ParseBool: parsing "{value}": invalid syntax')
        return name, value
    if name not in _TEXTS and name not in _NUMBERS:
        raise PurgeProblem(unknown)
    if value is None:
        value = next(words, None)
    if value is None:
        raise PurgeProblem(f"flag needs an argument: {shown}")
    if name in _NUMBERS:
        try:
            value = str(int(value.strip() if value == value.strip() else "-"))
        except ValueError as error:
            raise _invalid(name, value, f'strconv.ParseInt: parsing "{value}": invalid syntax') from error
    return name, value


def _invalid(name: str, value: str, why: str) -> PurgeProblem:
    letters = {long: letter for letter, long in _SHORT.items()}
    shown = f"-{letters[name]}, --{name}" if name in letters else f"--{name}"
    return PurgeProblem(f'invalid argument "{value}" for "{shown}" flag: {why}')
