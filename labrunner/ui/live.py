"""A running command's output on the learner's terminal, as it arrives.

The command believes in a terminal of another size than the learner's, so its cursor movement must not get
through. Lines are passed on as text; a line that is rewritten (a carriage return, line editing) is redrawn.
Once a command moves over several lines (progress of a push or pull) its lines are withdrawn, and one status line
stands for them. When it rests on a question, or has long gone on below, they are shown for good as a screen would
have them, and lines are passed on again; otherwise its final output is shown at its end. Of an output that is too long
for the terminal the first lines are passed on and the last ones shown at its end; a status line says that it goes on.
Colour, titles and all else that a terminal would obey is dropped.
"""

import re
from collections.abc import Callable

from labrunner.shell.screen import SCREEN_LINES
from labrunner.ui.edited import EditedLine
from labrunner.ui.moving import Moving, is_question
from labrunner.ui.room import Room
from labrunner.ui.texts import Window, count, excerpt, left_out_line
from labrunner.ui.withheld import Withheld

__all__ = ["MOVING", "LiveOutput"]

_TOKEN = re.compile(
    r"\x1b\[([0-?]*)[ -/]*([@-~])"  # control sequence: arguments, final byte
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # a string for the terminal (title, clipboard)
    r"|\x1b[ -/]*[0-~]"  # other escapes
    r"|([\x00-\x1f\x7f-\x9f])"  # one control character
    r"|([^\x00-\x1f\x7f-\x9f]+)"  # text
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)?\Z")
_LONGEST_SEQUENCE = 4096
_LINES_KEPT = 500
MOVING = "(It redraws its progress; the result follows at its end.)"
_MOVES = frozenset("AEFHfLMSTdrsu")


class LiveOutput:
    """One command's output. `write` gets text for a terminal of `columns` x `rows`.

    redraw: whether the terminal can redraw its last line; without, nothing but new lines and text is written.
    moving: said of one that moves over its lines where nothing can be redrawn.
    window: how much of a long output is shown. `left_out` then says, at its end, how many lines are not.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        columns: int,
        rows: int = 24,
        redraw: bool,
        indent: str = "  ",
        window: Window | None = None,
        moving: str = MOVING,
    ) -> None:
        self._write = write
        self._window = window or Window.of(rows)
        self._note = moving
        self._shown = 0  # rows of the terminal that lines which have ended take, since the latest question
        self._withheld = Withheld(self._window)  # lines after those
        self._withheld_drawn = False  # whether a status line stands for them
        self._room = Room(columns, indent)
        self._rows = rows
        self._redraw = redraw
        self._indent = indent
        self._held = ""  # the start of a sequence whose end has not arrived
        self._line = EditedLine()  # the one being written
        self._drawn = ""  # what of it is on the terminal
        self._lines: list[str] = []  # lines that are on the terminal for good
        self._torn = False  # whether a part of a line stands below them that is in none of them
        self._kept = 0  # how many of them are never withdrawn: those up to the latest question
        self._standing = 0  # how many of the last of them the moving screen begins with
        self._moving: Moving | None = None
        self._settled = False  # whether lines that it had moved over were shown for good
        self.left_out = 0
        self.seen = False

    @property
    def is_at_rest(self) -> bool:
        """Whether the terminal's cursor is at the begin of an empty line, and nothing of the output is on its way."""
        return not (self._moving or self._full or self._line or self._drawn or self._held)

    def feed(self, data: str) -> None:
        """Show the next piece of output."""
        if not data:
            return
        self.seen = True
        data = (self._held + data).replace("\r\n", "\n")
        self._held = ""
        while data:
            data = self._some(data)

    def _some(self, data: str) -> str:
        """Show the next piece as far as it is of one kind; the rest."""
        if (
            self._moving is None
            and not _CONTROL.search(data)
            and (self._full or self._line.text == self._drawn)
            and self._line.is_at_end
        ):
            self._plain(data)
            self._rest()
            return ""
        unfinished = _UNFINISHED.search(data, max(0, len(data) - _LONGEST_SEQUENCE))
        if unfinished:
            self._held, data = unfinished[0] + self._held, data[: unfinished.start()]
        if data.endswith("\r"):  # may be the first half of a line end
            self._held, data = "\r" + self._held, data[:-1]
        moved = 0 if self._moving else -1
        for token in _TOKEN.finditer(data):
            self._take(token)
            if self._moving is None:
                continue
            moved = token.start() if moved < 0 else moved
            if self._moving.is_over:
                self._moving.feed(data[moved : token.end()])
                self._settle(self._moving, "")
                return data[token.end() :]
        if self._moving is not None:
            self._moving.feed(data[moved:])
            self._look(self._moving)
        self._draw()
        self._rest()
        return ""

    def finish(self, output: str) -> None:
        """The command has ended; `output` is what it left on its screen."""
        moving, self._moving = self._moving, None
        final = excerpt(output, self._window) if output.strip() else []
        if moving is None and (self.seen or not final):
            if self._line or self._drawn:
                self._end_line()
            self._show_last()
            return
        if moving is not None:
            self._clear()
            if self._settled:
                rows = moving.rows()
                while rows and not rows[-1]:
                    rows.pop()
                self._bring(rows)
                self._show_last()
                return
        self.left_out = self._window.left_out(output.rstrip().count("\n") + 1) if final else 0
        known = 0
        while known < min(len(final), len(self._lines)) and final[known].rstrip() == self._lines[known].rstrip():
            known += 1
        for line in final[known:]:
            self._write(f"{self._indent}{line}\n" if line else "\n")

    @property
    def _full(self) -> bool:
        """Whether the first lines are shown and further ones wait for the end: where a status line can say so."""
        return self._redraw and self._shown >= self._window.head

    def _show_last(self) -> None:
        """The command has ended: the last lines of a long output."""
        if not self._withheld:
            return
        self._wipe_status()
        left_out, last = self._withheld.take_last()
        if left_out:
            self._write(f"{self._indent}{left_out_line(left_out)}\n")
        self._write("".join(f"{self._indent}{line}\n" if line else "\n" for line in last))
        self.left_out += left_out
        self._lines[:] = last

    def _wipe_status(self) -> None:
        """Take the status line of what waits."""
        if self._withheld_drawn:
            self._write("\r\x1b[K")
            self._withheld_drawn = False

    def _draw_withheld(self) -> None:
        """A status line for what waits: how many lines, and the latest; one that has not ended may be a question."""
        latest = self._line.text or self._withheld.latest
        if not self._redraw or not latest:
            return
        waiting = f"[{count(self._withheld.count, 'more line')}] " if not self._line else ""
        self._write(f"\r\x1b[K{self._indent}{self._room.cut(waiting + latest.expandtabs())}")
        self._withheld_drawn = True

    def _plain(self, data: str) -> None:
        """The usual case: nothing but text and line ends."""
        head, newline, rest = data.rpartition("\n")
        text = []
        if newline:
            for part in head.split("\n"):
                line = self._line.text + part
                if self._full:
                    self._withheld.add(line)
                    self._line.begin()
                    continue
                fresh = part if self._drawn else (self._indent + line if line else "")
                text.append(f"{fresh}\n")
                self._keep(line)
                self._line.begin()
                self._drawn = ""
        self._line.append(rest)
        if rest and not self._full:
            text.append(rest if self._drawn else self._indent + rest)
            self._drawn = self._line.text
        self._write("".join(text))
        if self._full:
            self._draw_withheld()

    def _keep(self, line: str) -> None:
        self._shown += self._room.rows_of(line)
        self._lines.append(line)
        if len(self._lines) > _LINES_KEPT:
            del self._lines[: _LINES_KEPT // 2]
            self._kept = max(0, self._kept - _LINES_KEPT // 2)

    def _take(self, token: re.Match[str]) -> None:
        arguments, final, control, text = token.groups()
        if text is not None:
            (self._moving or self._line).put(text)
        elif control is not None:
            self._control(control)
        elif final is not None:
            self._sequence(arguments, final)

    def _control(self, control: str) -> None:
        if self._moving is not None:
            self._moving.control(control)
        elif control == "\n":
            self._end_line()
        else:
            self._line.control(control)

    def _sequence(self, arguments: str, final: str) -> None:
        number = int(arguments) if arguments.isdecimal() and len(arguments) < 5 else 0
        private = arguments[:1] in {"?", "<", "=", ">"}
        alternate_screen = final == "h" and arguments in {"?47", "?1047", "?1049"}
        if alternate_screen or (not private and (final in _MOVES or (final == "J" and number >= 2))):
            if self._moving is None:
                self._moving = self._start_moving()
            self._moving.move()
        elif private or final == "m":
            return
        elif self._moving is not None:
            self._moving.edit()
        else:
            self._line.edit(final, number)

    def _start_moving(self) -> Moving:
        """The command draws over its own lines: take back what can be taken back; a status line stands for them."""
        line, at = self._line.text, self._line.at
        before = list(self._lines)
        self._wipe_status()
        if not self._redraw:
            if self._drawn:
                self._write(f"{line[len(self._drawn) :]}\n" if line.startswith(self._drawn) else "\n")
                self._lines.append(line)
            self._write(f"{self._indent}{self._note}\n")
        elif self._drawn:
            if self._room.rows_of(self._drawn) == 1:
                self._write("\r\x1b[K")
            else:
                self._write("\n")
                self._torn = True
        self._line.begin()
        self._drawn = ""
        waited = self._withheld.take_remembered()
        taken = self._withdraw(len(self._lines) - self._kept) if not waited else 0
        if self._withheld.count:  # lines between are not remembered
            before = []
        reached = before[-max(SCREEN_LINES, taken) :]
        self._standing = len(reached) + len(self._lines) - len(before) if before else 0
        return Moving([*reached, *waited], line, at)

    def _withdraw(self, count: int) -> int:
        """Take so many of the last lines from the terminal, if that can be done; how many were taken."""
        lines = self._lines[len(self._lines) - count :] if count > 0 else []
        used = sum(self._room.rows_of(line) for line in lines)
        if not lines or not self._redraw or self._torn or used >= self._rows - 2:
            return 0
        self._write(f"\x1b[{used}A\x1b[J")
        del self._lines[len(self._lines) - count :]
        self._shown = max(0, self._shown - used)
        return count

    def _look(self, moving: Moving) -> None:
        """Whether there is anything to show for good, of what moves."""
        if gone := moving.scrolled_away():
            self._clear()
            self._bring(gone)
            self._settled = True
        if not self._held and (question := moving.question()):
            self._settle(moving, question)

    def _settle(self, moving: Moving, line: str) -> None:
        """Show for good what has moved, and pass on what comes: `line` is the last one, which has not ended."""
        self._clear()
        self._moving = None
        self._settled = True
        self._bring(moving.rows()[:-1])
        self._kept = len(self._lines)
        self._line.begin(line)
        if not line:
            self._draw()
            return
        if not self._full:
            self._write(self._indent + line)
            self._drawn = line

    def _rest(self) -> None:
        """After the first lines that were shown for good, everything is that a question is about."""
        line = self._line.text
        if self._moving is not None or not self._settled or not is_question(line):
            return
        if self._full:
            self._wipe_status()
            self._show_last()
            self._write(self._indent + line)
            self._drawn = line
        self._shown, self._torn = 0, False
        self._kept = len(self._lines) + 1

    def _clear(self) -> None:
        """Take the status line of what moves away."""
        if self._redraw:
            self._write("\r\x1b[K")

    def _bring(self, rows: list[str]) -> None:
        """Have on the terminal what the screen has, from the first line on that it could move to."""
        old = self._lines[len(self._lines) - self._standing :] if self._standing else []
        known = 0
        while known < min(len(rows), len(old)) and rows[known] == old[known].expandtabs().rstrip():
            known += 1
        self._standing = 0
        self._withdraw(len(old) - known)
        for row in rows[known:]:
            if self._full:
                self._withheld.add(row)
            else:
                self._write(f"{self._indent}{row}\n" if row else "\n")
                self._keep(row)

    def _draw(self) -> None:
        """Bring the terminal up to date with the line being written."""
        if self._moving is not None:
            if self._redraw:
                self._write(f"\r\x1b[K{self._indent}{self._room.cut(self._moving.status.strip())}")
            return
        if self._full:
            self._draw_withheld()
            return
        text = self._line.text
        if text == self._drawn and self._line.is_at_end:
            return
        if self._redraw and self._room.fits(text) and self._room.fits(self._drawn):
            move = self._room.back(text[self._line.at :])
            self._write(f"\r\x1b[K{self._indent}{text}{move}" if text else "\r\x1b[K")
            self._drawn = text
        elif text.startswith(self._drawn) and len(text) > len(self._drawn):
            self._write(text[len(self._drawn) :] if self._drawn else self._indent + text)
            self._drawn = text

    def _end_line(self) -> None:
        text = self._line.text
        if self._full:
            self._withheld.add(text)
            self._line.begin()
            return
        if not self._drawn:
            self._write(f"{self._indent}{text}\n" if text else "\n")
        elif text.startswith(self._drawn):
            self._write(f"{text[len(self._drawn) :]}\n")
        elif self._redraw and self._room.fits(self._drawn):
            self._write(f"\r\x1b[K{self._indent}{text}\n")
        else:
            self._write(f"\n{self._indent}{text}\n")
        self._keep(text)
        self._line.begin()
        self._drawn = ""
