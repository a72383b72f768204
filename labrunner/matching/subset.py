"""JSON subsets: every key and element that is asked for is there; more may be. Finds the value between other lines.

Objects may hold more keys. The elements of an array must each occur, in the pattern's order, others between them
allowed; an empty array asks for an empty array. Numbers, true, false and null are equal or not; a text is a pattern.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from labrunner.matching.columns import cut
from labrunner.matching.placeholders import compile_pattern
from labrunner.matching.result import Mismatch, tail

__all__ = ["match_json", "path_of"]

_EFFORT = 16  # how many times the output's length may be spent on values that turn out broken
_NEAR = 500  # values and elements among which the nearest is sought
_OBJECT = re.compile(r"^[ \t]*+(?=\{\s*[\"}])", re.MULTILINE)
_ARRAY = re.compile(r"^[ \t]*+(?=\[\s*[]\[{\"\-0-9tfn])", re.MULTILINE)
_TEXT = re.compile(r"^[ \t]*+(?=\")", re.MULTILINE)
_SCALAR = re.compile(r"^[ \t]*+(?=[\-0-9tfn])", re.MULTILINE)
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


@dataclass(frozen=True, slots=True)
class _Parting:
    """Where a value parts from the pattern. agreed: keys and elements that fit; before: those up to the place."""

    path: str
    expected: str
    actual: str
    agreed: int
    before: int = 0


def path_of(path: str, key: str) -> str:
    """The path of a key below `path`, as in jq and az: `$.sku.name`, `$."a-b"`."""
    return f"{path}.{key}" if key and _PLAIN.issuperset(key) else f"{path}.{json.dumps(key, ensure_ascii=False)}"


def match_json(pattern: object, output: str) -> Mismatch | None:
    """None if a JSON value in the output holds everything of `pattern`."""
    found: list[tuple[int, _Parting]] = []
    asked = _told(_in_words(pattern))
    for value, size in _values(output, pattern):
        if _holds(pattern, value):
            return None
        if len(found) < _NEAR and (parting := _part(pattern, value, "$")) is not None:
            found.append((size, parting))
    if not found:
        lines = output.split("\n")
        report = [f"Expected {_sort(pattern)} in JSON like", f"  {asked}", "The output holds none."]
        return Mismatch(asked, "no JSON of that kind", (*report, *tail([line for line in lines if line.strip()])))
    _, parting = max(found, key=lambda each: (each[1].agreed, each[0]))
    report = [
        "The JSON that came parts from what was expected at",
        f"  {parting.path}",
        f"    expected  {parting.expected}",
        f"    came      {parting.actual}",
    ]
    return Mismatch(f"{parting.path}: {parting.expected}", f"{parting.path}: {parting.actual}", tuple(report))


def _values(output: str, pattern: object) -> Iterator[tuple[object, int]]:
    """The JSON values that begin a line and end one, of the pattern's sort, with their length."""
    if isinstance(pattern, Mapping):
        opening = _OBJECT
    elif _is_array(pattern):
        opening = _ARRAY
    else:
        opening = _TEXT if isinstance(pattern, str) else _SCALAR
    decoder = json.JSONDecoder()
    at, effort = 0, _EFFORT * len(output) + 1000
    while effort > 0 and (begins := opening.search(output, at)):
        start = begins.end()
        at = _next_line(output, start)
        size, cost, value = _decoded(decoder, output, start)
        effort -= cost
        line_end = _next_line(output, start + size)
        if size and not output[start + size : line_end].strip():
            yield value, size
            at = line_end


def _decoded(decoder: json.JSONDecoder, output: str, start: int) -> tuple[int, int, object]:
    """The value at `start`: (its length or 0, characters that were looked at, the value).

    Decoded from growing pieces of whole lines: an error costs what lies before it in the whole text, to count lines.
    """
    room, cost = 1, 0
    while True:
        end = _next_line(output, min(start + room, len(output)))
        piece = output[start:end].rstrip()
        cost += len(piece)
        try:
            value, size = decoder.raw_decode(piece)
        except json.JSONDecodeError as error:
            if error.pos < len(piece) - 1 or end == len(output):
                return 0, cost, None
        except (ValueError, RecursionError):  # a number of thousands of digits; nested thousands deep
            return 0, cost + 100_000, None
        else:
            return size, cost, value
        room = max(4096, 4 * room)


def _next_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _is_array(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def _holds(pattern: object, value: object) -> bool:
    if isinstance(pattern, Mapping):
        if not isinstance(value, dict):
            return False
        return all(key in value and _holds(wanted, value[key]) for key, wanted in pattern.items())
    if isinstance(pattern, Sequence) and not isinstance(pattern, str):
        if not isinstance(value, list) or (value and not pattern):
            return False
        rest = iter(value)  # each search goes on where the last one ended
        return all(any(_holds(wanted, element) for element in rest) for wanted in pattern)
    return _equal(pattern, value)


def _equal(pattern: object, value: object) -> bool:
    if isinstance(pattern, str):
        return isinstance(value, str) and compile_pattern(pattern).matches(value)
    if pattern is None or isinstance(pattern, bool):
        return value is pattern
    return isinstance(value, int | float) and not isinstance(value, bool) and value == pattern


def _part(pattern: object, value: object, path: str) -> _Parting | None:
    """The first place where `value` parts from `pattern`, None if it holds all of it."""
    if isinstance(pattern, Mapping):
        return _part_object(pattern, value, path)
    if isinstance(pattern, Sequence) and not isinstance(pattern, str):
        return _part_array(pattern, value, path)
    return None if _equal(pattern, value) else _Parting(path, _told(_in_words(pattern)), _told(value), 0)


def _part_object(pattern: Mapping[str, object], value: object, path: str) -> _Parting | None:
    if not isinstance(value, dict):
        return _Parting(path, "an object", _told(value), 0)
    first: _Parting | None = None
    agreed = before = 0
    for key, wanted in pattern.items():
        below = path_of(path, str(key))
        if key in value:
            parting = _part(wanted, value[key], below)
        else:
            parting = _Parting(
                below, _told(_in_words(wanted)), f"no such key; keys: {', '.join(sorted(value)) or 'none'}", 0
            )
        if parting is None:
            agreed += 1
            before += first is None
        else:
            first = first or parting
            agreed += parting.agreed
    return None if first is None else _Parting(first.path, first.expected, first.actual, agreed, before)


def _part_array(pattern: Sequence[object], value: object, path: str) -> _Parting | None:
    if not isinstance(value, list):
        return _Parting(path, "an array", _told(value), 0)
    if not pattern:
        return None if not value else _Parting(path, "an empty array", f"{len(value)} elements: {_told(value)}", 0)
    at = 0
    for agreed, wanted in enumerate(pattern):
        begin = at
        partings: list[_Parting] = []
        while at < len(value):
            parting = None
            if not (fits := _holds(wanted, value[at])) and len(partings) < _NEAR:
                parting = _part(wanted, value[at], f"{path}[{at}]")
            at += 1
            if fits:
                break
            if parting is not None:
                partings.append(parting)
        else:
            return _missing(wanted, value, path, begin, partings, agreed)
    return None


def _missing(
    wanted: object, value: list[object], path: str, begin: int, partings: list[_Parting], agreed: int
) -> _Parting:
    """No element from `begin` on holds `wanted`: the one that agrees most says why."""
    near = max(partings, key=lambda each: (each.agreed, each.before), default=None)
    if near is not None and near.agreed:
        return _Parting(near.path, near.expected, near.actual, agreed + near.agreed)
    rest = "" if not begin else f" after element {begin - 1}"
    came = f"{len(value)} elements: {_told(value)}" if value else "an empty array"
    return _Parting(f"{path}[]", f"an element{rest} like {_told(_in_words(wanted))}", came, agreed)


def _in_words(pattern: object) -> object:
    """The pattern with its placeholders as people say them."""
    if isinstance(pattern, Mapping):
        return {key: _in_words(wanted) for key, wanted in pattern.items()}
    if isinstance(pattern, str):
        return compile_pattern(pattern).in_words
    return [_in_words(wanted) for wanted in pattern] if isinstance(pattern, Sequence) else pattern


def _told(value: object) -> str:
    return cut(json.dumps(value, ensure_ascii=False, default=_plain), 200)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return list(value) if isinstance(value, Sequence) else str(value)


def _sort(pattern: object) -> str:
    if isinstance(pattern, Mapping):
        return "an object"
    return "an array" if _is_array(pattern) else "a value"
