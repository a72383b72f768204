"""A patience diff of two bounded sequences under any notion of "fits": common ends first, then unique pairs."""

from bisect import bisect_left
from collections.abc import Callable

__all__ = ["WINDOW", "diff"]

WINDOW = 200  # lines of each side that a caller may pass: the work is their product

Fits = Callable[[int, int], bool]
Pair = tuple[int, int]


def diff(left: range, right: range, fits: Fits) -> list[tuple[str, int]]:
    """How `left` becomes `right`: ("-", i), ("+", j), or (" ", j) where left and right agree, in order."""
    edits: list[tuple[str, int]] = []
    todo: list[tuple[range, range] | Pair] = [(left, right)]
    while todo:
        a, b = todo.pop()
        if isinstance(a, int):
            assert isinstance(b, int)
            edits.append((" ", b))
            continue
        assert isinstance(b, range)
        head, middle_a, middle_b, end = _trim(a, b, fits)
        todo.extend(reversed(end))
        anchors = _anchors(middle_a, middle_b, fits)
        if anchors:
            todo.extend(reversed(_between(middle_a, middle_b, anchors)))
        edits.extend((" ", j) for _, j in head)
        if not anchors:
            edits.extend(("-", i) for i in middle_a)
            edits.extend(("+", j) for j in middle_b)
    return edits


def _trim(a: range, b: range, fits: Fits) -> tuple[list[Pair], range, range, list[Pair]]:
    head: list[Pair] = []
    while a and b and fits(a[0], b[0]):
        head.append((a[0], b[0]))
        a, b = a[1:], b[1:]
    end: list[Pair] = []
    while a and b and fits(a[-1], b[-1]):
        end.append((a[-1], b[-1]))
        a, b = a[:-1], b[:-1]
    return head, a, b, end[::-1]


def _anchors(a: range, b: range, fits: Fits) -> list[Pair]:
    """Pairs that fit only each other, in the longest rising run."""
    fitting = [(i, j) for i in a for j in b if fits(i, j)]
    lefts: dict[int, int] = {}
    rights: dict[int, int] = {}
    for i, j in fitting:
        lefts[i] = lefts.get(i, 0) + 1
        rights[j] = rights.get(j, 0) + 1
    return _rising([(i, j) for i, j in fitting if lefts[i] == 1 and rights[j] == 1])


def _rising(pairs: list[Pair]) -> list[Pair]:
    tops: list[int] = []
    piles: list[list[tuple[Pair, int]]] = []
    for pair in pairs:
        pile = bisect_left(tops, pair[1])
        back = len(piles[pile - 1]) - 1 if pile else -1
        if pile == len(tops):
            tops.append(pair[1])
            piles.append([])
        tops[pile] = pair[1]
        piles[pile].append((pair, back))
    run: list[Pair] = []
    at = len(piles[-1]) - 1 if piles else -1
    for pile_of in reversed(piles):
        pair, back = pile_of[at]
        run.append(pair)
        at = back
    return run[::-1]


def _between(a: range, b: range, anchors: list[Pair]) -> list[tuple[range, range] | Pair]:
    parts: list[tuple[range, range] | Pair] = []
    i, j = a.start, b.start
    for left, right in anchors:
        parts += [(range(i, left), range(j, right)), (left, right)]
        i, j = left + 1, right + 1
    parts.append((range(i, a.stop), range(j, b.stop)))
    return parts
