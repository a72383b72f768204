"""Commands of the learner's own, typed at a question."""

import re

from labrunner.engine.policy import Own
from labrunner.model import Course
from labrunner.ui.screen import Screen
from labrunner.ui.terminal import Keyboard
from labrunner.ui.texts import OWN_KEPT, OWN_LATER

__all__ = ["EXAMPLE", "MARK", "OwnCommands", "advice", "is_same", "put_off", "without_prompt"]

MARK = "!"
EXAMPLE = "docker images"

_QUOTED = re.compile(r"""'[^']*'|"(?:[^"\\]|\\.)*\"|\\\n""")
_BEGINS = re.compile(
    r"(?:^|[|;&(\n`]|\b(?:do|then|else|if|while|until)\s)\s*(?:[A-Za-z_]\w*=[^\s(]*\s+)*([A-Za-z][\w.+-]*)(?=\s|\Z)"
)
_OF_THE_SHELL = frozenset(
    {"for", "while", "until", "if", "then", "else", "elif", "fi", "do", "done", "case", "esac", "in"}
)
_EVERYDAY = frozenset({
    "bash", "cat", "cd", "cp", "curl", "date", "df", "dig", "echo", "env", "export", "file", "find", "free",
    "getent", "git", "grep", "head", "history", "hostname", "id", "jq", "kill", "less", "ls", "man", "mkdir", "mv",
    "nano", "nslookup", "openssl", "ping", "printenv", "printf", "ps", "pwd", "rm", "sed", "sh", "sleep", "sort",
    "ss", "stat", "tail", "touch", "tree", "type", "unset", "vi", "vim", "wc", "wget", "which", "whoami",
})  # fmt: skip
_SETS = re.compile(r"[A-Za-z_]\w*=")
_LEAST_WORDS = 2


def advice(text: str = "") -> str:
    """How such a command is given; `text`: what the learner has typed, when that looks like one."""
    return f"To run a command of your own, put {MARK} before it, as in: {MARK} {text or EXAMPLE}"


def without_prompt(typed: str) -> str:
    """The line that was meant: without the `$` that a text may have before it."""
    return typed.removeprefix("$ ").lstrip()


def is_same(typed: str, run: str) -> bool:
    """Whether both are the same command, white space and lines that go on aside."""
    return typed.replace("\\\n", " ").split() == run.replace("\\\n", " ").split() != []


def put_off(keys: Keyboard, answer: str) -> str:
    """A command where none runs: what is said of it. It stands at the next question where one does, if that can be."""
    return OWN_KEPT if keys.put_off(answer) else OWN_LATER


def _programs(course: Course) -> set[str]:
    commands = (command for lab in course.labs for step in lab.steps for command in step.all_commands())
    texts = (text for command in commands for text in (command.run, command.written or ""))
    return {name for text in texts for name in _BEGINS.findall(_QUOTED.sub(" ", text))} - _OF_THE_SHELL


class OwnCommands:
    """Takes an answer for a command: one that begins with the mark (it asks for one when nothing follows it), and one
    that can only be a command: of several words, the first a program that the course uses; of any number, the first one
    that everybody knows, or sets a variable; of several lines, any."""

    def __init__(self, screen: Screen, keys: Keyboard, course: Course) -> None:
        self._screen = screen
        self._keys = keys
        self._last = ""
        self._course = course
        self._programs: set[str] | None = None
        self._known = False  # the learner has used one, or was told how

    def mention(self, hint: str) -> None:
        """Say how one is given, once, after the first hint that has code in it to try."""
        if "`" in hint and not self._known:
            self._known = True
            self._screen.line(advice(), style="dim", indent=2)

    def takes(self, answer: str) -> bool:
        """Whether the answer is a command."""
        return answer.startswith(MARK) or self._is_plain(without_prompt(answer))

    def _is_plain(self, typed: str) -> bool:
        words = typed.split()
        if not words or words[0] in _EVERYDAY or _SETS.match(typed) or "\n" in typed:
            return bool(words)
        if self._programs is None:
            self._programs = _programs(self._course)
        return len(words) >= _LEAST_WORDS and words[0] in self._programs

    def read(self, answer: str) -> Own | None:
        """The command of an answer that is one; None when it is none after all (and that was said)."""
        self._known = True
        text = without_prompt(answer.strip().removeprefix(MARK).strip())
        if text == MARK:
            text = self._last
            if not text:
                self._screen.line("There is no command of your own to run again.")
                return None
            self._screen.command(text)
        elif not text:
            text = (self._keys.line("  $ ") or "").strip()
        while text.endswith("\\") and (more := self._keys.line("  > ", ahead=True)) is not None:
            text = f"{text}\n{more}"
        if not text:
            return None
        if not text.replace("\t", "").replace("\n", "").isprintable():
            self._screen.line("That line holds keys that are no text, such as an arrow. Type it again.")
            return None
        self._last = text
        self._keys.remember(text if self._is_plain(text) else f"{MARK} {text}")
        return Own(text, None if self._screen.plain else (self._screen.columns, self._screen.rows))
