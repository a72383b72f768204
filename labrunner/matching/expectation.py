"""Puts an Expectation to a command's exit status and output: every part that is set must hold."""

from collections.abc import Callable, Iterator
from functools import cache

from labrunner.matching.columns import cut, marked
from labrunner.matching.explain import missing_line
from labrunner.matching.lines import match_exact, match_lines, output_lines
from labrunner.matching.placeholders import compile_pattern
from labrunner.matching.result import Match, Mismatch, tail
from labrunner.matching.subset import match_json
from labrunner.matching.tables import match_rows
from labrunner.model import Expectation

__all__ = ["match"]

Lines = Callable[[], list[str]]

NONZERO = "nonzero"
_MOST_LINES = 60


def match(expectation: Expectation, *, exit_status: int | None, output: str) -> Match:
    """How the result of a command agrees with what is expected of it.

    output: what a terminal would show. An `exit_status` of None (the shell did not say) fits no
    expectation: who ended a command on purpose passes the status that counts. A wrong status is told alone, with the
    end of the output; of the other parts each that does not hold is told, the first one in `expected` and `actual`.
    Time is linear in the output. Raises PatternError for a pattern that is not well formed.
    """
    # split when first asked for: most expectations are about the exit status, or find their text without
    lines = cache(lambda: output_lines(output))
    wrong = _match_exit(expectation, exit_status, lines)
    missed = [wrong] if wrong else list(_missed(expectation, output, lines))
    if not missed:
        return Match(ok=True)
    report: list[str] = []
    for mismatch in missed:
        report += [""] if report else []
        report += mismatch.explained()
    if len(report) > _MOST_LINES:
        report = [*report[: _MOST_LINES - 1], f"… {len(report) - _MOST_LINES + 1} lines more"]
    return Match(ok=False, expected=missed[0].expected, actual=missed[0].actual, explanation=tuple(report))


def _match_exit(expectation: Expectation, status: int | None, lines: Lines) -> Mismatch | None:
    wanted = expectation.exit
    if status is not None and (status != 0 if wanted == NONZERO else status == wanted):
        return None
    asked = "an exit status other than 0" if wanted == NONZERO else f"exit status {wanted}"
    came = "no exit status" if status is None else f"exit status {status}"
    why = ("The command must fail here.",) if wanted == NONZERO else ()
    return Mismatch(asked, came, (f"Expected {asked}, came {came}.", *why, *tail(lines())))


def _missed(expectation: Expectation, output: str, lines: Lines) -> Iterator[Mismatch]:
    found: list[Mismatch | None] = []
    if expectation.exact is not None:
        found.append(match_exact(expectation.exact, lines()))
    if expectation.lines is not None:
        found.append(match_lines(expectation.lines, lines(), output))
    found += [_match_set(wanted, lines()) for wanted in expectation.set]
    if expectation.rows:
        found.append(match_rows(expectation.rows, expectation.same, lines()))
    if expectation.json is not None:
        found.append(match_json(expectation.json, output))
    found += [_match_contains(wanted, output, lines) for wanted in expectation.contains]
    found += [_match_lacks(unwanted, output) for unwanted in expectation.lacks]
    return (mismatch for mismatch in found if mismatch is not None)


def _match_set(wanted: str, lines: list[str]) -> Mismatch | None:
    pattern = compile_pattern(wanted.rstrip())
    key = pattern.key
    if any(pattern.matches(line) for line in lines if key in line):
        return None
    return missing_line(pattern, lines, asked="Expected this line, in any place; it did not come:")


def _match_contains(wanted: str, output: str, lines: Lines) -> Mismatch | None:
    pattern = compile_pattern(wanted)
    if pattern.find(output) is not None:
        return None
    return missing_line(pattern, lines(), asked="Expected this text on some line; it did not come:")


def _match_lacks(unwanted: str, output: str) -> Mismatch | None:
    pattern = compile_pattern(unwanted)
    place = pattern.find(output)
    if place is None:
        return None
    begin = output.rfind("\n", 0, place[0]) + 1
    end = output.find("\n", place[1])
    line = output[begin : end if end >= 0 else len(output)]
    number = output.count("\n", 0, begin) + 1
    report = (
        "This text must not come, and it came:",
        f"  {pattern.in_words}",
        f"On line {number} of the output:",
        *marked(line, place[0] - begin, note="here"),
    )
    return Mismatch(f"no {cut(pattern.in_words, 150)}", cut(line, 200), report)
