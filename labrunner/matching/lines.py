"""Blocks of lines: `exact` and `lines`. A block is sought with Shift-And, one bit per expected line.

A block has a fixed number of lines, so its leftmost place is also its earliest end: placing each block of a `...`
expectation leftmost, once, is exact. Only the expected lines that are due are tried on a line of the output; and where
a line of the block is rare in the output, only the places around it.
"""

from dataclasses import dataclass

from labrunner.matching.explain import line_mismatch
from labrunner.matching.placeholders import Pattern, compile_pattern
from labrunner.matching.result import Mismatch

__all__ = ["GAP", "block_of", "match_exact", "match_lines", "output_lines", "trimmed"]

GAP = "..."
_LOOK = 5000  # lines that are searched, for the explanation alone, for a block that is not there
_PIVOTS = 3  # lines of a block that are counted to find a rare one

Block = list[Pattern]


def output_lines(output: str) -> list[str]:
    """The lines of an output without trailing white space and without blank lines at the ends."""
    lines = output.replace("\r\n", "\n").split("\n") if "\r" in output else output.split("\n")
    trails = any(mark in output and f"{mark}\n" in output for mark in " \t")  # one character is found far faster
    if trails or lines[-1][-1:].isspace():
        lines = [line.rstrip() for line in lines]
    return trimmed(lines)


def trimmed(lines: list[str]) -> list[str]:
    """`lines`, from which blank ones at the ends are taken away."""
    begin, end = 0, len(lines)
    while begin < end and not lines[begin].strip():
        begin += 1
    while end > begin and not lines[end - 1].strip():
        end -= 1
    # in place: a long output's lines weigh several times as much as its text
    del lines[end:]
    del lines[:begin]
    return lines


def block_of(text: str) -> list[str]:
    """The lines of an expected text, as it is compared: without trailing white space and blank ends."""
    return trimmed([line.rstrip() for line in text.split("\n")])


def match_exact(text: str, lines: list[str]) -> Mismatch | None:
    """None if `lines` are exactly those of `text`."""
    wanted = output_lines(text)
    if wanted == lines:
        return None
    pairs = zip(wanted, lines, strict=False)
    at = next((i for i, (left, right) in enumerate(pairs) if left != right), min(len(wanted), len(lines)))
    return line_mismatch([_literal(line) for line in wanted], at, lines, at, whole=True)


def _literal(line: str) -> Pattern:
    return Pattern(line, (((line,),) if line else ()), open_start=False, open_end=False, fixed=line, key=line)


@dataclass(slots=True)
class _Progress:
    """The furthest a block came: how many of its lines, and the output line after them."""

    depth: int = 0
    at: int = -1


def match_lines(text: str, lines: list[str], output: str) -> Mismatch | None:
    """None if the whole output fits `text`, where `...` alone on a line stands for any number of lines.

    lines: those of `output`, by `output_lines`.
    """
    blocks: list[Block] = [[]]
    for line in block_of(text):
        if line.strip() == GAP:
            blocks.append([])
        else:
            blocks[-1].append(compile_pattern(line))
    if len(blocks) == 1:
        return _match_whole(blocks[0], lines)
    first, *middle, last = blocks
    missed = _missed(first, lines, 0)
    if missed >= 0:
        return line_mismatch(first, missed, lines, missed)
    at = len(first)
    for block in middle:
        progress = _Progress()
        found = _seek(block, lines, at, output, progress)
        if found < 0:
            near = progress.at if progress.depth else -1
            return line_mismatch(block, progress.depth, lines, near, since=at)
        at = found + len(block)
    return _match_end(last, lines, at)


def _match_whole(block: Block, lines: list[str]) -> Mismatch | None:
    missed = _missed(block, lines, 0)
    if missed < 0 and len(block) == len(lines):
        return None
    at = missed if missed >= 0 else len(block)
    return line_mismatch(block, at, lines, at, whole=True)


def _match_end(block: Block, lines: list[str], at: int) -> Mismatch | None:
    begin = max(at, len(lines) - len(block))
    missed = _missed(block, lines, begin)
    return None if missed < 0 else line_mismatch(block, missed, lines, begin + missed)


def _missed(block: Block, lines: list[str], begin: int) -> int:
    """The first line of the block that lines[begin:] does not have in its place, -1 if all are there."""
    for number, pattern in enumerate(block):
        if begin + number >= len(lines) or not pattern.matches(lines[begin + number]):
            return number
    return -1


def _seek(block: Block, lines: list[str], start: int, output: str, progress: _Progress) -> int:
    """The first line from `start` at which the block begins, or -1.

    Where one of its lines is rare in the output, only the places around that line are tried.
    """
    if not block:
        return start
    if len(block) == 1 and block[0].key in output:
        return _next(block[0], lines, start)
    pivot, count = _rarest(block, output)
    if count * len(block) > len(lines):
        return _shift_and(block, lines, start, progress)
    at = start + pivot
    while count and (at := _next(block[pivot], lines, at)) >= 0:
        if _missed(block, lines, at - pivot) < 0:
            return at - pivot
        at += 1
    _shift_and(block, lines[: start + _LOOK], start, progress)
    return -1


def _rarest(block: Block, output: str) -> tuple[int, int]:
    """A line of the block whose literal text is rare in the output, and how often that text is there at most."""
    texts = [pattern.text for pattern in block]
    single = sorted(range(len(block)), key=lambda number: (texts.count(texts[number]), -len(block[number].key)))
    counts = {number: output.count(block[number].key) for number in single[:_PIVOTS]}
    pivot = min(counts, key=lambda number: counts[number])
    return pivot, counts[pivot]


def _shift_and(block: Block, lines: list[str], start: int, progress: _Progress) -> int:
    """The first line from `start` at which the block begins, or -1."""
    masks: dict[str, tuple[Pattern, int]] = {}
    for number, pattern in enumerate(block):
        masks[pattern.text] = (pattern, masks.get(pattern.text, (pattern, 0))[1] | 1 << number)
    distinct = tuple((pattern.matches, bits) for pattern, bits in masks.values())
    done = 1 << (len(block) - 1)
    state, at = 0, start
    while True:
        if not state:
            at = _next(block[0], lines, at)
            if at < 0:
                return -1
            state = 1
        else:
            if at >= len(lines):
                return -1
            before, due, state = state, state << 1 | 1, 0
            for matches, bits in distinct:
                if bits & due and matches(lines[at]):
                    state |= bits & due
            if state == before:
                at = _alike(lines, at)
        at += 1
        if state & done:
            return at - len(block)
        if state.bit_length() > progress.depth:
            progress.depth, progress.at = state.bit_length(), at


def _alike(lines: list[str], at: int) -> int:
    """The last of the equal lines that begin at `at`: where one changed nothing, the others change nothing."""
    line = lines[at]
    while at + 1 < len(lines) and lines[at + 1] == line:
        at += 1
    return at


def _next(pattern: Pattern, lines: list[str], start: int) -> int:
    """The first line from `start` that fits, or -1."""
    key, matches = pattern.key, pattern.matches
    for at in range(start, len(lines)):
        if key in lines[at] and matches(lines[at]):
            return at
    return -1
