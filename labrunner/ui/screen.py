"""What the guide draws: course text, labelled blocks, commands. rich renders, this decides the shapes.

Three kinds of terminal: one that can do everything; one without colour (NO_COLOR); and a plain one (dumb, no
terminal, or accessible mode), that gets text line by line and nothing else. Meaning is never in colour alone.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from labrunner.model import Outcome
from labrunner.ui import texts
from labrunner.ui.fold import fold_command
from labrunner.ui.lines import broken, width_of
from labrunner.ui.program import as_typed
from labrunner.ui.prose import code_pieces, plain_prose, without_marks
from labrunner.ui.stream import Sink, columns_of, is_terminal, rows_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

__all__ = ["STYLES", "Screen"]

STYLES: Mapping[Outcome, str] = {
    Outcome.PASSED: "bold green",
    Outcome.FAILED: "bold red",
    Outcome.ERROR: "bold magenta",
    Outcome.SKIPPED: "bold yellow",
    Outcome.NOT_RUN: "bold yellow",
}

CODE = "bold cyan"
"""The style of code within a text; commands have it too."""

_READABLE = 100
_TRAILING = re.compile(r"[ ]+((?:\x1b\[[0-9;]*m)*)$", re.MULTILINE)


class Screen:
    """Draws on a text stream; asks for its width each time, so that a resized window is used from then on."""

    def __init__(self, stream: TextIO, *, env: Mapping[str, str], accessible: bool = False) -> None:
        self.sink = Sink(stream)
        self._stream = stream
        self._env = env
        self.accessible = accessible
        smart = is_terminal(stream) and env.get("TERM", "dumb") not in {"dumb", "unknown"}
        self.plain = accessible or not smart
        self._console: Console | None = None
        self._status = False

    @property
    def columns(self) -> int:
        """The width of the terminal now."""
        return columns_of(self._stream, self._env)

    @property
    def rows(self) -> int:
        """The height of the terminal now."""
        return rows_of(self._stream, self._env)

    @property
    def width(self) -> int:
        """The width for text: the terminal's, as far as that is readable."""
        return min(self.columns, _READABLE)

    def show(self, renderable: "RenderableType", *, verbatim: bool = False) -> None:
        """Draw something of rich's. verbatim: never fold its lines. What cannot be folded is never cut."""
        self.end_status()
        console = self._rich()
        buffer = console.file
        assert isinstance(buffer, io.StringIO)
        console.print(renderable, width=None if verbatim else self.width, soft_wrap=verbatim, crop=False)
        self.sink.write(_TRAILING.sub(r"\1", buffer.getvalue()))
        buffer.seek(0)
        buffer.truncate()

    def _rich(self) -> "Console":
        if self._console is None:
            from rich.console import Console
            from rich.theme import Theme

            self._console = Console(
                file=io.StringIO(),
                force_terminal=not self.plain,
                color_system=None if self.plain else "auto",
                no_color=bool(self._env.get("NO_COLOR")),
                highlight=False,
                markup=False,
                emoji=False,
                width=_READABLE,
                legacy_windows=False,
                theme=Theme({"markdown.code": CODE}),
                _environ=self._env,
            )
        return self._console

    def gap(self) -> None:
        """An empty line."""
        self.end_status()
        self.sink.write("\n")

    def heading(self, text: str, aside: str = "", *, level: int = 1) -> None:
        """A title; level 1 for a lab, 2 for a step."""
        if self.plain:
            self.line(f"{text} ({aside})" if aside else text)
            return
        from rich.rule import Rule
        from rich.text import Text

        if level == 1:
            self.show(Rule(style="cyan"))
        title = Text(text, style="bold cyan" if level == 1 else "bold")
        self.show(title.append(f"  {aside}", style="not bold dim") if aside else title)
        if level == 1:
            self.show(Rule(style="cyan"))

    def markdown(self, text: str) -> None:
        """Course text."""
        text = as_typed(texts.clean(text), self._env)
        if not text.strip():
            return
        if self.plain:
            self.end_status()
            for line in plain_prose(text, self.width):
                self.sink.write(f"{line}\n")
            return
        from labrunner.ui.markdown import course_markdown

        self.show(course_markdown(text))

    def short(self, text: str, *, style: str = "") -> "Text":
        """A short text with its `code` as course text shows it; a plain terminal keeps the backticks."""
        from rich.text import Text

        text = as_typed(texts.clean(text).strip(), self._env)
        if self.plain:
            return Text(text, style=style)
        found = Text(style=style)
        for piece, is_code in code_pieces(text):
            found.append(piece, style=CODE if is_code else None)
        return found

    def line(self, text: str, *, style: str = "", indent: int = 0, raw: bool = False) -> None:
        """A folded line of our own words; further lines start under the first. raw: backticks mean nothing."""
        from rich.text import Text

        shown = Text(texts.clean(text), style=style) if raw else self.short(text, style=style)
        for part in self._parts(shown, self.width - indent):
            self.show(Text.assemble(" " * indent, part), verbatim=True)

    def _parts(self, shown: "Text", width: int, *, hanging: int = 0) -> "list[Text]":
        """The text in lines of at most `width` columns; those that go on are indented by `hanging`."""
        from rich.text import Text

        parts = broken(shown.plain, width, hanging=hanging)
        goes_on = [start > 0 and shown.plain[start - 1] != "\n" for start, _ in parts]
        return [
            Text.assemble(" " * hanging * further, shown[start:end])
            for (start, end), further in zip(parts, goes_on, strict=True)
        ]

    def verbatim(self, lines: Sequence[str], *, style: str = "", indent: int = 0) -> None:
        """Lines that are never folded by us."""
        from rich.text import Text

        for line in lines:
            self.show(Text(" " * indent + texts.clean(line), style=style), verbatim=True)

    def to_type(self, line: str, *, indent: int = 4) -> None:
        """A line for the learner's own shell, folded so that it can be copied."""
        self.verbatim(fold_command(line, self.columns - indent), indent=indent)

    def labelled(self, label: str, text: str, *, style: str = "", indent: int = 2, raw: bool = False) -> None:
        """`label text`, the text hanging after the label; on a plain terminal under a smaller indent."""
        from rich.text import Text

        text = texts.clean(text).strip()
        if self.plain or len(label) > self.width // 3:
            self.line(f"{label} {text}", indent=indent, raw=raw)
            return
        room = indent + width_of(label) + 1
        first, *rest = self._parts(Text(text) if raw else self.short(text), self.width - room)
        self.show(Text.assemble(" " * indent, (label, style), " ", first), verbatim=True)
        for part in rest:
            self.show(Text.assemble(" " * room, part), verbatim=True)

    def bar(self, title: str, rows: Sequence[tuple[str, str]], *, style: str, raw: bool = False) -> None:
        """A block that stands out, after an empty line: a title, then labelled rows, a bar down its left side.

        raw: the rows are shell text, in which backticks are the shell's.
        """
        self.gap()
        from rich.text import Text

        if self.plain:
            self.line(title)
            for label, text in rows:
                self.line(f"{label} {texts.clean(text).strip()}".strip(), indent=2, raw=raw)
            return
        room = self.width - 4
        for part in self._parts(Text(title, style=f"bold {style}"), room):
            self._barred(part, style)
        widest = max((width_of(label) + 1 for label, _ in rows if label), default=0)
        for label, text in rows:
            shown = Text(texts.clean(text).strip()) if raw else self.short(text)
            before = Text(label.ljust(widest), style="bold")
            for part in self._parts(shown, room - widest, hanging=4 if raw else 0):
                self._barred(Text.assemble(before, part), style)
                before = Text(" " * widest)

    def _barred(self, line: "Text", style: str) -> None:
        from rich.text import Text

        self.show(Text.assemble(("  ▌ ", style), line), verbatim=True)

    def command(self, text: str, host: str = "local") -> None:
        """A command's exact text, folded so that it can be copied."""
        from rich.text import Text

        prompt = "  $ " if host == "local" else f"  {host}$ "
        first, *rest = fold_command(texts.clean(text), self.columns - len(prompt))
        self.show(Text.assemble((prompt, "dim"), (first, CODE)), verbatim=True)
        self.verbatim(rest, style=CODE, indent=len(prompt))

    def verdict(self, outcome: Outcome, text: str, *, indent: int = 2, raw: bool = False) -> None:
        """An outcome's word and what there is to say."""
        self.labelled(texts.word(outcome), text, style=STYLES[outcome], indent=indent, raw=raw)

    def status(self, text: str) -> None:
        """A line that the next one replaces. On a plain terminal nothing: what matters comes as a line."""
        if self.plain:
            return
        room = self.columns - 3
        text = without_marks(texts.clean(text).replace("\n", " "))
        self.sink.write(f"\r\x1b[K  {text if len(text) <= room else text[: room - 3] + '...'}")
        self.sink.flush()
        self._status = True

    def end_status(self) -> None:
        """Remove the status line if there is one."""
        if self._status:
            self._status = False
            self.sink.write("\r\x1b[K")
