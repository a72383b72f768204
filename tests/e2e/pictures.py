"""The pictures of the README: screens of the real program in a real sandbox, as SVG files in docs/screens.

    python -m tests.e2e.pictures

A learner takes Lab 4 on a terminal of 80x24, and makes a mistake. Each run gives the same files, until the program, the
lab or a tool says something else: what differs between two runs (how long it took, an id) is replaced.
"""

import io
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.commandline import ROOT, Terminal, User, command

if TYPE_CHECKING:
    from pyte.screens import Char
    from rich.style import Style

FOLDER = ROOT / "docs" / "screens"
PICTURES: Mapping[str, str] = {
    "step": "a step and its first command",
    "mistake": "a command that failed, and what the mistake was",
    "correction": "a command, and where the text of the course is wrong about it",
    "passed": "a step that has passed, and a question about it",
    "summary": "the end of a lab",
}
"""What each file shows, by its name without .svg."""

LAB = "lab-4"
COLUMNS, ROWS = 80, 24
PROMPT = "q quit: "
END = "labrunner sandbox down"
TITLE = f"labrunner run {LAB}"
SECONDS = 120.0
VOLATILE = (
    (re.compile(r"(?<= in )[0-9.]+ (?:s|min)(?: [0-9]+ s)?(?=\.)"), "… s"),
    (re.compile(r"(?<=sandbox \()[0-9a-f-]{36}(?=\))"), "00000000-0000-0000-0000-000000000000"),  # the subscription
)
"""What differs between two runs, and what is shown for it."""
DIM, GREY = "\x1b[2m", "\x1b[90m"  # pyte knows no dim
APART = 'mkdir -p /run/labrunner && mount -t tmpfs none /run/labrunner && exec "$@"'
"""Where nobody else's sandbox has the usual name."""


def main() -> int:
    """Write all of them; what they show must have come."""
    if os.environ.pop("PICTURES_APART", "") != "yes":
        line = ["unshare", "--mount", "sh", "-c", APART, "sh", sys.executable, "-m", "tests.e2e.pictures"]
        os.execvpe(line[0], line, os.environ | {"PICTURES_APART": "yes"})
    cache = os.environ.get("XDG_CACHE_HOME") or f"{os.environ['HOME']}/.cache"
    with tempfile.TemporaryDirectory() as folder:
        user = User.at(Path(folder, "home"), cache)
        user.env["PATH"] = f"{Path(command()[0]).parent}:{user.env['PATH']}"
        user.names.append("default")
        try:
            shown = take(user)
        finally:
            user.end()
    FOLDER.mkdir(exist_ok=True)
    for name, output in shown.items():
        (FOLDER / f"{name}.svg").write_text(picture(output, name), encoding="utf-8")
        print(f"{(FOLDER / name).relative_to(ROOT)}.svg: {PICTURES[name]}")
    return 0


def take(user: User) -> dict[str, str]:
    """All that the terminal has got when there was something to show, by the name of the picture."""
    shown: dict[str, str] = {}
    with Terminal(user, ["run", LAB], columns=COLUMNS, rows=ROWS) as learner:

        def type_until(keys: str, *texts: str) -> None:
            """Type, then press Enter at every question, until one of the texts and a question after it have come."""
            learner.type(keys)
            while learner.expect(*texts, PROMPT, seconds=SECONDS) == PROMPT:
                learner.type("\n")
            learner.expect(PROMPT)

        def keep(name: str) -> None:
            shown[name] = learner.text
            for pattern, instead in VOLATILE:
                shown[name] = pattern.sub(instead, shown[name])

        learner.expect(PROMPT, seconds=SECONDS)
        type_until("\n", "Show what the registry knows of the repository.")
        keep("step")
        type_until("! ACR_NAME=progressacr\n", "Looks familiar:")
        keep("mistake")
        type_until("! ACR_NAME=progressacr12345678\n", 'Repositories with "api"')
        keep("correction")
        type_until("\n", "5 of 5 steps of this lab are done.")
        keep("passed")
        learner.type("\n")
        learner.expect(END)
        learner.end()
        keep("summary")
    assert list(shown) == list(PICTURES)
    return shown


def picture(output: str, name: str) -> str:
    """What a terminal shows after that output, as SVG that fetches nothing."""
    import pyte
    from rich._export_format import CONSOLE_SVG_FORMAT
    from rich.console import Console
    from rich.text import Text

    screen = pyte.Screen(COLUMNS, ROWS)
    pyte.Stream(screen).feed(output.replace(DIM, GREY))
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    for row in range(ROWS):
        line = Text(no_wrap=True)
        cells = (screen.buffer[row][column] for column in range(COLUMNS))
        for style, alike in groupby(cells, key=style_of):
            line.append("".join(cell.data for cell in alike), style)
        console.print(line, crop=False, soft_wrap=True)
    form = re.sub(r"@font-face \{\{.*?\}\}", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    drawn = console.export_svg(title=TITLE, code_format=form, unique_id=name)
    return "\n".join(filter(None, map(str.rstrip, drawn.splitlines()))) + "\n"


def style_of(cell: "Char") -> "Style":
    """rich's for pyte's."""
    from rich.style import Style

    def colour(name: str) -> str | None:
        if name == "default":
            return None
        if re.fullmatch(r"[0-9a-f]{6}", name):
            return f"#{name}"
        return name.replace("brown", "yellow").replace("bright", "bright_")

    return Style(
        color=colour(cell.fg),
        bgcolor=colour(cell.bg),
        bold=cell.bold,
        italic=cell.italics,
        underline=cell.underscore,
        reverse=cell.reverse,
    )


if __name__ == "__main__":
    sys.exit(main())
