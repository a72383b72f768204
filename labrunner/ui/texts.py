"""The wording that both presenters share: outcome words, durations, advice. No terminal, no rich."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from labrunner.model import Lab, Outcome
from labrunner.record.events import CommandEnded, OwnCommandEnded
from labrunner.ui.things import counted

__all__ = [
    "FOUND_DONE",
    "INTERRUPTED",
    "MARKS",
    "OWN_KEPT",
    "OWN_LATER",
    "SHELL_BACK",
    "SIGNED_IN",
    "CommandLine",
    "Window",
    "ascii_only",
    "back_to_failure",
    "clean",
    "command_line",
    "command_verdict",
    "count",
    "duration",
    "error_advice",
    "excerpt",
    "headline",
    "left_host",
    "left_out_line",
    "not_a_choice",
    "not_asked",
    "not_reached",
    "own_verdict",
    "pages_again",
    "pages_line",
    "shell_restarted",
    "sign_in_here",
    "totals_line",
    "way",
    "what_remains",
    "word",
]

CommandLine = Callable[[str], str]
"""Makes `run lab-2` or `sandbox down` a line that this user can type: the program, and the options of this run."""


def command_line(words: str) -> str:
    """The line without options, with labrunner on the PATH."""
    return f"labrunner {words}"


WORDS: Mapping[Outcome, str] = {
    Outcome.PASSED: "PASSED",
    Outcome.FAILED: "FAILED",
    Outcome.ERROR: "ERROR",
    Outcome.SKIPPED: "SKIPPED",
    Outcome.NOT_RUN: "NOT RUN",
}

SIGNED_IN = "[labrunner] The code is entered, and you have agreed to the sign-in."
PREPARING = "One moment: labrunner prepares this step."
OWN_LATER = "Commands of your own are for the question before a step or a command."
OWN_KEPT = "No command runs here: it waits for you at the next question where one does."
SHELL_BACK: Mapping[str, str] = {
    "back": "Your shell is as you left it: variables, functions, aliases, options and directory.",
    "partly": "Your shell is nearly as you left it: not everything could be set again.",
    "new": "Your shell is a new one: what you had set in it is gone, but what the course sets comes back by itself.",
}
FOUND_DONE = "The checks find the command's work there."
INTERRUPTED = "This command was running when everything ended"

MARKS = str.maketrans(
    {
        "•": "*",
        "─": "-",
        "━": "-",
        "│": "|",
        "▌": "|",
        "·": "-",
        "…": "...",
        "\u2013": "-",
        "\u2014": "-",
        "\u2019": "'",
    }
)
"""What our own typography becomes on a terminal that cannot show it."""

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])")
_OUTPUT_AGAIN = re.compile(r"The output:|The last \d+ of \d+ lines of output:")
_CONTROLS = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)])


def word(outcome: Outcome) -> str:
    """The word of the outcome on screen."""
    return WORDS[outcome]


def shell_restarted(host: str) -> str:
    """That a command has run, or ended, in another shell than the one before."""
    if host == "local":
        return "The shell ended with that command, so a new one was started. Variables set before are gone."
    return f"You are on {host} again, in a new shell. Variables set there before are gone."


def left_host(host: str) -> str:
    """That the shell on another host has ended."""
    return f"You have left {host}. The next command for it connects again."


def duration(seconds: float) -> str:
    """A duration for people: `0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def named(lab: Lab) -> str:
    """A lab in a sentence: its name and its title; the title alone where the name says nothing else."""
    return lab.title if lab.name.casefold() == lab.title.casefold() else f"{lab.name}, {lab.title}"


def count(number: int, noun: str) -> str:
    """`1 step`, `3 steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def clean(text: str) -> str:
    """The text without anything that a terminal would obey; line ends and tabs stay."""
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    return text.translate(_CONTROLS)


def ascii_only(text: str, encoding: str) -> str:
    """The text with whatever `encoding` cannot say replaced."""
    return text.translate(MARKS).encode(encoding, "replace").decode(encoding)


@dataclass(frozen=True, slots=True)
class Window:
    """How much of a long output is shown: its first `head` and last `tail` lines. One that is longer by `spare`
    lines at most is shown whole."""

    head: int = 30
    tail: int = 10
    spare: int = 1

    @classmethod
    def of(cls, rows: int) -> "Window":
        """What leaves room, on a terminal of so many rows, for what is said of the command and the next question."""
        return cls(head=max(8, rows - 12), tail=5, spare=max(1, rows // 3))

    def left_out(self, lines: int) -> int:
        """How many of so many lines are not shown."""
        between = lines - self.head - self.tail
        return between if between > self.spare else 0


def left_out_line(lines: int) -> str:
    """What stands where lines are left out."""
    return f"[... {lines} lines left out ...]"


def excerpt(output: str, window: Window | None = None) -> list[str]:
    """The lines of an output; of a long one the first and the last, and how many are left out between."""
    window = window or Window()
    lines = clean(output).rstrip().split("\n")
    left_out = window.left_out(len(lines))
    if not left_out:
        return lines
    return [*lines[: window.head], left_out_line(left_out), *lines[-window.tail :]]


_ENDS: Mapping[str, str] = {
    "limit": "It would go on for ever, so it was stopped{after}. That is fine.",
    "timeout": "It took too long and was stopped{after}.",
    "interrupted": "It was stopped from the keyboard{after}.",
    "found-done": "It was interrupted, and counts as done.",
}


def command_verdict(event: CommandEnded) -> str:
    """How a command ended, where that is worth a line; empty for one that passed in the usual way."""
    after = f" after {duration(event.seconds)}"
    if event.end in _ENDS:
        return _ENDS[event.end].format(after=after)
    if event.outcome is Outcome.PASSED:
        return f"It fails, as it should (exit status {event.exit_status})." if event.exit_status else ""
    if event.exit_status is None:
        return "It ended without an exit status."
    return f"Exit status {event.exit_status}."


def own_verdict(event: OwnCommandEnded) -> str:
    """How a command of the learner's own ended, where its output does not say; empty where it does."""
    if event.reason:
        return event.reason
    if event.end in _ENDS:
        return _ENDS[event.end].format(after=f" after {duration(event.seconds)}")
    if event.exit_status:
        return f"Exit status {event.exit_status}."
    return "" if event.output.strip() else "Done, no output."


def not_a_choice(answer: str, key: str) -> str:
    """What is said of an answer that the question does not list. key: the one that explains those it lists."""
    shown = clean(answer).strip()
    what = f'"{shown if len(shown) <= 60 else shown[:57] + "..."}"' if shown else "That"
    return f"{what} is none of the choices ({key} explains them)."


def back_to_failure(reason: str, outcome: Outcome | None) -> str:
    """Where the learner is, after a command of their own, when the step had failed before."""
    what = "could not go on" if outcome is Outcome.ERROR else "has failed"
    return f"Back to the step, which {what}{f': {reason}' if reason else '.'}"


def headline(event: CommandEnded) -> tuple[str, tuple[str, ...]]:
    """For a command that did not pass: what went wrong in one line, and the lines that explain it.

    Without the end of the output, which stands above already.
    """
    if event.explanation:
        head, *rest = event.explanation
        repeated = (at for at, line in enumerate(rest) if _OUTPUT_AGAIN.fullmatch(line))
        return head, tuple(rest[: next(repeated, len(rest))])
    return command_verdict(event), ()


def pages_again(line: CommandLine) -> str:
    """Where the pages of a course are, when they have been shown."""
    return f"`{line('read')}` shows the pages of this course at any time."


def pages_line(names: Iterable[str], when: str, line: CommandLine) -> str:
    """That there are pages to read, by name, for those who are not shown them."""
    return f"To read {when}, by `{line('read PAGE')}`: {', '.join(names)}"


def error_advice(target: str, line: CommandLine) -> str:
    """What an ERROR means and what to do next."""
    if target == "sandbox":
        cause, look = "the sandbox or labrunner itself had a problem", f"See `{line('sandbox status')}`, then run"
    else:
        cause, look = f"{target or 'the target'} or labrunner itself had a problem", "Run"
    return f"This is not your mistake: {cause}. {look} the step again; if it stays, tell your instructor."


MODES: Mapping[str, str] = {
    "unattended": "It runs by itself and asks nothing.",
    "check": "Only a look at what is there: no command runs.",
    "solve": "labrunner does one step for you.",
}


def way(target: str, mode: str) -> str:
    """Where a run is that nobody is guided through, and what it does: the end of a line, and a sentence."""
    where = ", in the sandbox" if target == "sandbox" else f", on {target}" if target else ""
    return f"{where}. {MODES.get(mode, '')}".rstrip()


def not_asked(number: int) -> str:
    """Of checks about what a later command may rightly undo, that they are left out where only checks are asked."""
    if number == 1:
        return "1 check holds only during the run, so it is not asked now."
    return f"{number} checks hold only during the run, so they are not asked now."


def totals_line(totals: Mapping[str, int]) -> str:
    """`2 passed, 1 failed`; what is zero is left out, except passed."""
    parts = [f"{totals.get('passed', 0)} passed"]
    parts += [
        f"{totals[key]} {key.replace('_', ' ')}" for key in ("failed", "error", "skipped", "not_run") if totals.get(key)
    ]
    return ", ".join(parts)


PASSED_OVER = "The steps that you have passed over are still to be done:"
"""Before the command line that goes on with them."""


def not_reached(steps: int, mode: str) -> str:
    """How many steps of what was asked the summary does not name, as none of them was come to; empty if none."""
    if not steps:
        return ""
    which = f"{steps} more step{'s' if steps > 1 else ''}"
    if mode == "check":
        return f"{which} {'were' if steps > 1 else 'was'} not looked at."
    return f"{which} {'are' if steps > 1 else 'is'} still to be done."


def what_remains(target: str, kinds: Iterable[str], line: CommandLine) -> tuple[str, str]:
    """What is left behind after the run, and the command that removes it; either may be empty."""
    made = counted(kinds)
    if target == "sandbox":
        run = f"This run made {made}. " if made else ""
        return f"{run}The sandbox is still running. This removes it and all that was made in it:", line("sandbox down")
    if made:
        return f"Made during this run and still there: {made}. Remove what you do not need.", ""
    return "", ""


def sign_in_here(code: str) -> str:
    """What a learner can do about a sign-in that waits."""
    return f"[labrunner] There is no browser here. Press Enter, and {code} is entered for you."
