"""Course text (Markdown) as plain lines, for screen readers and terminals that can show nothing else."""

import re
import textwrap
from collections.abc import Iterator

__all__ = ["code_pieces", "first_sentence", "plain_prose", "without_marks"]

_ITEM = re.compile(r"(\s*(?:[-*+]|\d+[.)])\s+)(.*)")
_HEADING = re.compile(r"#{1,6}\s+(.*?)\s*#*$")
_RULE = re.compile(r"\s*(?:[-*_]\s*){3,}$|\s*\|?[\s:|-]+\|[\s:|-]*$")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
_STRONG = re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1")
_SENTENCE = re.compile(r"[.!?](?=\s+(?:\Z|[A-Z\"(]))")
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]*[^\s*])\*(?![\w*])")


def code_pieces(text: str) -> Iterator[tuple[str, bool]]:
    """A short text in pieces: what stands between two backticks is code (True), without them.

    Backticks that do not pair are text like any other.
    """
    parts = text.split("`")
    if len(parts) % 2 == 0:
        yield text, False
        return
    for number, part in enumerate(parts):
        if part:
            yield part, number % 2 == 1


def first_sentence(text: str) -> str:
    """The first sentence of a short text; what stands between backticks ends none."""
    at = 0
    for piece, is_code in code_pieces(text):
        start = text.index(piece, at)
        if not is_code and (end := _SENTENCE.search(piece)):
            return text[: start + end.end()]
        at = start + len(piece)
    return text


def without_marks(text: str) -> str:
    """A short text without the backticks around code."""
    return "".join(piece for piece, _ in code_pieces(text))


def _inline(text: str) -> str:
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return text
    for number in range(0, len(parts), 2):  # what stands between backticks is code
        part = _STRONG.sub(r"\2", _LINK.sub(r"\1 (\2)", parts[number]))
        parts[number] = _EMPHASIS.sub(r"\1", part)
    return "`".join(parts)


def _fold(text: str, width: int, *, hanging: str = "") -> list[str]:
    return textwrap.wrap(text, width, subsequent_indent=hanging, break_on_hyphens=False, break_long_words=False)


def plain_prose(markdown: str, width: int) -> list[str]:
    """Lines of at most `width` columns (words and code that are longer aside). Paragraphs and list items are
    folded anew, code is kept and indented by 4, table rows are one line each."""
    lines: list[str] = []
    paragraph: list[str] = []
    hanging = ""
    fence = ""

    def end_paragraph() -> None:
        nonlocal hanging
        if paragraph:
            lines.extend(_fold(_inline(" ".join(paragraph)), width, hanging=hanging))
        paragraph.clear()
        hanging = ""

    for line in markdown.strip().splitlines():
        bare = line.strip()
        if fence:
            if bare == fence:
                fence = ""
            else:
                lines.append(f"    {line}".rstrip())
        elif bare.startswith(("```", "~~~")):
            end_paragraph()
            fence = bare[:3]
        elif not bare:
            end_paragraph()
            if lines and lines[-1]:
                lines.append("")
        elif _RULE.match(line):
            end_paragraph()
        elif heading := _HEADING.match(bare):
            end_paragraph()
            lines.append(_inline(heading[1]))
        elif bare.startswith("|"):
            end_paragraph()
            lines.append(_inline("; ".join(cell.strip() for cell in bare.strip("|").split("|"))))
        elif item := _ITEM.match(line):
            end_paragraph()
            hanging = " " * len(item[1])
            paragraph.append(item[1].lstrip("\n") + item[2])
        else:
            paragraph.append(bare)
    end_paragraph()
    return lines
