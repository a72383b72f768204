"""Shell text folded for a narrow terminal in a way that a shell reads as the same text."""

import re
from dataclasses import dataclass

__all__ = ["fold_command"]

_HERE = re.compile(r"<<(-?)[ \t]*(?:'([^'\n]+)'|\"([^\"\n]+)\"|\\?([\w.]+))")
_CASE = re.compile(r"\bcase\b")


@dataclass(frozen=True, slots=True)
class _Break:
    """A space at `at` that may become `tail`, a line end, and `head`."""

    at: int
    tail: str
    head: str


class _UnclearError(Exception):
    """The text is not understood well enough to put anything into it."""


class _Reader:
    """Reads shell text as far as its quotes, substitutions, here-documents and comments go."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._awaited: list[tuple[str, bool]] = []  # the ends of here-documents whose line is being read
        self.breaks: list[_Break] = []

    def code(self, closing: str = "") -> None:
        """Up to what closes it, or to the end. Raises _UnclearError."""
        text = self._text
        begin = self._at
        while self._at < len(text):
            at = self._at
            char = text[at]
            self._at += 1
            if char == closing:
                if _CASE.search(text, begin, at):
                    raise _UnclearError  # its patterns have closing brackets that nothing opens
                return
            if char == "\\":
                self._at += 1
            elif char == "(":
                self.code(")")
            elif char == "#" and (at == 0 or text[at - 1] in " \t\n;|&()"):
                self._comment(at)
            elif char == "<" and text.startswith("<<", at):
                self._here(at)
            elif char == "\n":
                self._skip_here_documents()
            elif char == " ":
                self._space(at)
            else:
                self._quote(char)
        if closing or self._awaited:
            raise _UnclearError

    def _quote(self, char: str) -> None:
        """What begins with this character, if that is one that quotes or substitutes."""
        if char == '"':
            while (inner := self._take()) != '"':
                if inner == "\\":
                    self._at += 1
                elif inner in "$`":
                    self._quote(inner)
        elif char == "'":
            self._until("'")
        elif char == "`" and "\\" in self._until("`"):
            raise _UnclearError
        elif char == "$":
            self._dollar()

    def _dollar(self) -> None:
        text = self._text
        if text.startswith("'", self._at):
            raise _UnclearError  # quoting rules of its own
        if text.startswith("((", self._at):
            self._until("))")
        elif text.startswith("(", self._at):
            self._at += 1
            self.code(")")
        elif text.startswith("{", self._at) and {"'", '"', "`", "\\", "{"} & set(self._until("}")[1:]):
            raise _UnclearError

    def _take(self) -> str:
        if self._at >= len(self._text):
            raise _UnclearError
        self._at += 1
        return self._text[self._at - 1]

    def _until(self, end: str) -> str:
        """What stands before `end`."""
        found = self._text.find(end, self._at)
        if found < 0:
            raise _UnclearError
        passed = self._text[self._at : found]
        self._at = found + len(end)
        return passed

    def _space(self, at: int) -> None:
        around = self._text[at - 1 : at] + self._text[at + 1 : at + 2]
        if len(around) == 2 and around[0] not in " \t\n" and around[1] not in " \t\n#\\":
            self.breaks.append(_Break(at, " \\", "    "))

    def _comment(self, at: int) -> None:
        end = self._text.find("\n", at)
        self._at = end if end >= 0 else len(self._text)
        if self._text.startswith("#!", at):
            return
        for space in range(at + 2, self._at - 1):
            if self._text[space] == " " and " " not in (self._text[space - 1], self._text[space + 1]):
                self.breaks.append(_Break(space, "", "# "))

    def _here(self, at: int) -> None:
        if self._text.startswith("<<<", at):
            self._at = at + 3
            return
        found = _HERE.match(self._text, at)
        if found is None:
            raise _UnclearError
        self._awaited.append((found[2] or found[3] or found[4], bool(found[1])))
        self._at = found.end()

    def _skip_here_documents(self) -> None:
        for end, tabs in self._awaited:
            while True:
                if self._at >= len(self._text):
                    raise _UnclearError
                line, _, _ = self._text[self._at :].partition("\n")
                self._at += len(line) + 1
                if (line.lstrip("\t") if tabs else line) == end:
                    break
        self._awaited.clear()


def _breaks(text: str) -> list[_Break]:
    reader = _Reader(text)
    try:
        reader.code()
    except (_UnclearError, RecursionError):
        return []
    return reader.breaks


def fold_command(text: str, width: int) -> list[str]:
    """The command as lines of at most `width` columns where that can be had. What goes on is indented by 4 and the
    line before ends in a backslash; comments go on as comments. Pasted into a shell, the lines are the same command.

    A word that is too long stays as it is, and so does all that has to: what is quoted, and here-documents.
    """
    text = text.rstrip("\n")
    own = text.split("\n")
    if all(len(line) <= width for line in own):
        return own
    breaks = _breaks(text)
    lines: list[str] = []
    start = 0
    for line in own:
        lines += _fold(line, [found for found in breaks if start < found.at < start + len(line)], start, width)
        start += len(line) + 1
    return lines


def _fold(line: str, breaks: list[_Break], offset: int, width: int) -> list[str]:
    """A line of the text, which begins at `offset` in it."""
    indent = line[: len(line) - len(line.lstrip(" "))]
    lines: list[str] = []
    begin, prefix = 0, ""
    while len(prefix) + len(line) - begin > width:
        ahead = [found for found in breaks if found.at - offset > begin]
        if not ahead:
            break
        room = width - len(prefix) + begin + offset
        fitting = [found for found in ahead if found.at + len(found.tail) <= room]
        chosen = _best(fitting, line, offset, begin) if fitting else ahead[0]
        lines.append(f"{prefix}{line[begin : chosen.at - offset]}{chosen.tail}")
        begin, prefix = chosen.at - offset + 1, indent + chosen.head
    lines.append(prefix + line[begin:])
    return lines


def _best(fitting: list[_Break], line: str, offset: int, begin: int) -> _Break:
    """The last, or one of the second half that leaves an option with its value, and an operator with what follows."""
    last = fitting[-1].at - offset
    for found in reversed(fitting):
        at = found.at - offset
        if at - begin < (last - begin) // 2:
            break
        word = line[begin:at].rpartition(" ")[2]
        if not word.startswith("-") and word not in {"&&", "||", "|"}:
            return found
    return fitting[-1]
