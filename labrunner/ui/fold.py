"""Shell text folded for a narrow terminal in a way that a shell reads as the same text."""

__all__ = ["fold_command"]


def _breaks(text: str) -> list[int]:
    """Positions of single spaces outside quotes and comments, where a backslash and a line end may stand."""
    found: list[int] = []
    if "$'" in text:  # its own quoting rules: not worth a fold
        return found
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            at += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"`":
            quote = char
        elif char == "#" and (at == 0 or text[at - 1] in " \t;|&("):
            break
        elif char == " " and 0 < at < len(text) - 1:
            found.append(at)
        at += 1
    return found if not quote else []


def fold_command(text: str, width: int) -> list[str]:
    """The command as lines of at most `width` columns where that can be had: further lines are indented by 4,
    broken lines end in a backslash. Pasted into a shell, the lines are the same command.

    Text with several lines of its own is left as it is, and so is a word that is too long.
    """
    text = text.rstrip("\n")
    if "\n" in text or len(text) <= width:
        return text.split("\n")
    breaks = _breaks(text)
    lines: list[str] = []
    start, indent = 0, ""
    while len(indent) + len(text) - start > width:
        room = start + width - len(indent) - 2
        ahead = [at for at in breaks if at > start]
        fitting = [at for at in ahead if at <= room]
        if not ahead:
            break
        at = fitting[-1] if fitting else ahead[0]
        lines.append(f"{indent}{text[start:at]} \\")
        start, indent = at + 1, "    "
    lines.append(indent + text[start:])
    return lines
