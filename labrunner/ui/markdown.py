"""Course text by rich, in a quiet shape: headings at the left, code without a box so that it can be copied."""

from typing import ClassVar

from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown, MarkdownContext, MarkdownElement, Paragraph, TableElement
from rich.table import Table
from rich.text import Text

from labrunner.ui.fold import fold_command
from labrunner.ui.lines import broken, folded

__all__ = ["course_markdown"]

_SHELLS = frozenset({"bash", "sh", "shell", "console"})
_INDENT = 4


class _Heading(Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        self.text.justify = "left"
        self.text.stylize("bold")
        yield self.text


class _Paragraph(Paragraph):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        parts = broken(self.text.plain, options.max_width)
        yield Text("\n").join(self.text[start:end] for start, end in parts)


class _Code(CodeBlock):
    """Folded as its shell reads it. What is too long then stays so, for the terminal to wrap, so that it can be copied;
    but in a list, whose lines rich cuts, it is folded wherever that is."""

    def on_enter(self, context: MarkdownContext) -> None:
        super().on_enter(context)
        self._whole = context.options.max_width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width - _INDENT
        text = str(self.text).rstrip()
        lines = fold_command(text, room) if self.lexer_name in _SHELLS else text.split("\n")
        if options.max_width < self._whole:
            lines = [part for line in lines for part in folded(line, room)]
        shown = "\n".join(f"{' ' * _INDENT}{line}".rstrip() for line in lines)
        yield Text(shown, "cyan", no_wrap=True, overflow="ignore")


class _Table(TableElement):
    """Without the empty lines that rich has above and below, and nothing of a long cell left out."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for table in super().__rich_console__(console, options):
            if isinstance(table, Table):
                table.show_edge = False
                for column in table.columns:
                    column.overflow = "fold"
            yield table


class _CourseMarkdown(Markdown):
    elements: ClassVar[dict[str, type[MarkdownElement]]] = {
        **Markdown.elements,
        "paragraph_open": _Paragraph,
        "heading_open": _Heading,
        "fence": _Code,
        "table_open": _Table,
        "code_block": _Code,
    }


def course_markdown(text: str) -> Markdown:
    """The text as something that rich can draw."""
    return _CourseMarkdown(text, hyperlinks=False)
