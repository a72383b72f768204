"""Says where expected lines and an output part: the first expected line that never came, the nearest line that
came with the place marked, and a diff of a bounded window. All work here is bounded, whatever the output's size.
"""

from labrunner.matching.columns import cut, marked
from labrunner.matching.patience import WINDOW, diff
from labrunner.matching.placeholders import Pattern
from labrunner.matching.result import Mismatch, tail

__all__ = ["line_mismatch", "missing_line", "nearest"]

_REPORT = 200  # columns of an expected or actual text in a report
_LOOK = 2000  # lines among which the nearest is sought
_DIFF = 20  # lines of a diff that are shown
_AROUND = 3  # agreeing lines shown before the first difference


def line_mismatch(
    block: list[Pattern], missed: int, lines: list[str], near: int, *, since: int = 0, whole: bool = False
) -> Mismatch:
    """Line `missed` of `block` did not come; `near` is the output line in its place (-1: look from `since` on).

    whole: the block is the whole expectation, so lines left over are a mismatch too.
    """
    if missed >= len(block):
        return _too_many(block, lines)
    pattern = block[missed]
    if near < 0:
        near = nearest(pattern, lines, since)
    report = [f"This expected line did not come (line {missed + 1} of {len(block)}):", f"  {pattern.in_words}"]
    if not pattern.text:
        report[1] = "  (a blank line)"
    if near >= len(lines) or near < 0:
        came = "the output ended" if lines else "no output"
        report += [f"Instead the output ended after {_counted(len(lines))}." if lines else "There was no output."]
        near = len(lines)
    else:
        came = lines[near]
        where = "In its place came" if whole else "The nearest line that came"
        report += [f"{where} (line {near + 1} of {len(lines)}):", *_marked(pattern, came)]
    if len(block) > 1 and lines:
        report += _window(block, missed, lines, near, whole=whole)
    return Mismatch(cut(pattern.in_words, _REPORT), cut(came, _REPORT), tuple(report))


def missing_line(pattern: Pattern, lines: list[str], *, asked: str) -> Mismatch:
    """The output has no line for `pattern`; `asked` says what was asked of it."""
    report = [asked, f"  {pattern.in_words}"]
    near = nearest(pattern, lines, 0)
    came = lines[near] if near >= 0 else ""
    if near >= 0 and _score(pattern, _words(pattern), came)[0] > 0:
        report += [f"The nearest line that came (line {near + 1} of {len(lines)}):", *_marked(pattern, came)]
    else:
        report += tail(lines)
        came = lines[-1] if lines else "no output"
    return Mismatch(cut(pattern.in_words, _REPORT), cut(came, _REPORT), tuple(report))


def _marked(pattern: Pattern, line: str) -> tuple[str, ...]:
    if pattern.matches(line):
        return (f"  {line}", "  (it fits, but stands in another place)")
    place, wanted = pattern.reach(line)
    return marked(line, place, note=f"expected here: {wanted}")


def _counted(count: int, word: str = "") -> str:
    return f"{count} {word}line" + ("" if count == 1 else "s")


def _too_many(block: list[Pattern], lines: list[str]) -> Mismatch:
    extra = lines[len(block) :]
    many = _counted(len(extra), "more ")
    asked = _counted(len(block)) if block else "no output"
    report = [f"Expected {asked}; {many} came:", *(f"  + {line}" for line in extra[:5])]
    if len(extra) > 5:
        report.append(f"  … and {len(extra) - 5} more")
    return Mismatch(f"{asked}, then the end" if block else asked, cut(f"{many}: {extra[0]}", _REPORT), tuple(report))


def nearest(pattern: Pattern, lines: list[str], since: int) -> int:
    """The index of the line most like `pattern` among a bounded number from `since` on; -1 if there is none."""
    choice = range(since, len(lines))
    half = _LOOK // 2
    few = choice if len(choice) <= _LOOK else (*choice[:half], *choice[-half:])  # headers come first, errors last
    words = _words(pattern)
    return max(few, key=lambda at: _score(pattern, words, lines[at]), default=-1)


def _words(pattern: Pattern) -> set[str]:
    return {
        word
        for segment in pattern.segments
        for piece in segment
        if isinstance(piece, str)
        for word in piece.split()
        if word.strip(".,:;|-=")
    }


def _score(pattern: Pattern, words: set[str], line: str) -> tuple[int, int]:
    """How near a line is: shared words, then how far the pattern goes along with it."""
    line = line[:1000]
    place = pattern.reach(line)[0]
    return (sum(1 for word in words if word in line) + (place > 2), place)


def _window(block: list[Pattern], missed: int, lines: list[str], near: int, *, whole: bool) -> list[str]:
    """A diff of the block against the lines around `near`, cut to what matters."""
    half = WINDOW // 2
    first = max(0, missed - half)
    left = range(first, min(len(block), missed + half))
    if whole:
        right = range(max(0, near - half), min(len(lines), near + half))
    else:
        begin = max(0, near - (missed - first))
        right = range(begin, min(len(lines), begin + len(left) + _AROUND))
    edits = diff(left, right, lambda i, j: block[i].matches(lines[j]))
    start = next((at for at, (mark, _) in enumerate(edits) if mark != " "), 0)
    shown = edits[max(0, start - _AROUND) :]
    report = [f"  {mark} {block[at].in_words if mark == '-' else lines[at]}" for mark, at in shown[:_DIFF]]
    if len(shown) > _DIFF:
        report.append(f"  … {len(shown) - _DIFF} lines more")
    return ["Where they part (- expected, + came):", *report]
