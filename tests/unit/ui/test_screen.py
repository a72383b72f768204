"""What the screen does to texts that are wider than the terminal."""

import re

import pytest

from labrunner.ui.screen import Screen
from tests.unit.ui.test_guide import FullScreen

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
IMAGE = "progressacr12345678.azurecr.io/mywebapi@sha256:" + "0123456789abcdef" * 4
WORDS = (
    "labrunner tells what it has found in progressacr12345678.azurecr.io/mywebapi, about mywebapi:latest and"
    " progressacr12345678.azurecr.io/mywebapi:1.0.0, and of the two (`docker images`) whether they are one image."
)


class Page:
    """A screen of so many columns, and the lines on it."""

    def __init__(self, columns: int) -> None:
        self._out = FullScreen()
        self.screen = Screen(self._out, env={"TERM": "xterm", "COLUMNS": str(columns), "LINES": "24"})

    @property
    def lines(self) -> list[str]:
        return COLOUR.sub("", self._out.getvalue()).rstrip("\n").split("\n")


@pytest.fixture(params=[80, 60, 58])
def page(request: pytest.FixtureRequest) -> Page:
    return Page(request.param)


def whole(lines: list[str], mark: str = "") -> str:
    return " ".join(" ".join(line.removeprefix(mark) for line in lines).split())


def test_words_stay_whole_wherever_they_stand(page: Page) -> None:
    bare = WORDS.replace("`", "")
    page.screen.line(WORDS, indent=4)
    assert all(line.startswith("    ") for line in page.lines)
    assert whole(page.lines) == bare
    shown = len(page.lines)
    page.screen.labelled("PASSED", WORDS)
    assert whole(page.lines[shown:]) == f"PASSED {bare}"
    assert all(line.startswith(" " * 9) for line in page.lines[shown + 1 :])
    shown = len(page.lines)
    page.screen.bar("Title", [("Cause:", WORDS), ("Fix:", WORDS)], style="red")
    assert whole(page.lines[shown + 1 :], "  ▌") == f"Title Cause: {bare} Fix: {bare}"
    shown = len(page.lines)
    page.screen.markdown(f"{WORDS}\n\n- {WORDS}")
    assert whole(page.lines[shown:]) == f"{bare} • {bare}"
    assert max(map(len, page.lines)) <= page.screen.columns


def test_a_path_is_broken_at_its_parts_and_a_digest_only_where_it_has_to_be() -> None:
    page = Page(80)
    page.screen.labelled("FAILED", f"There is no {IMAGE} here.")
    page.screen.markdown(f"There is no {IMAGE} here.")
    assert page.lines == [
        "  FAILED There is no progressacr12345678.azurecr.io/mywebapi@sha256:",
        f"         {'0123456789abcdef' * 4} here.",
        "There is no progressacr12345678.azurecr.io/mywebapi@sha256:",
        f"{'0123456789abcdef' * 4} here.",
    ]


def test_shell_text_in_a_box_goes_on_under_its_own_line() -> None:
    page = Page(60)
    page.screen.bar(
        "Title", [("It says:", "az acr show \\\n  --name progressacr12345678 --output table")], style="red", raw=True
    )
    assert page.lines == [
        "",
        "  ▌ Title",
        "  ▌ It says: az acr show \\",
        "  ▌            --name progressacr12345678 --output table",
    ]
    page.screen.bar(
        "Title", [("It says:", "az acr show --name progressacr12345678 --query name")], style="red", raw=True
    )
    assert page.lines[-2:] == [
        "  ▌ It says: az acr show --name progressacr12345678 --query",
        "  ▌              name",
    ]


def test_code_in_a_text_can_be_copied() -> None:
    page = Page(60)
    command = "az acr repository update --name progressacr12345678 --image mywebapi:1.0.0"
    output = "Digest: sha256:" + "0123456789abcdef" * 6
    page.screen.markdown(f"Do:\n\n```bash\n{command}\n```\n\n```\n{output}\n```\n")
    assert page.lines == [
        "Do:",
        "",
        "    az acr repository update --name progressacr12345678 \\",
        "        --image mywebapi:1.0.0",
        "",
        f"    {output}",
    ]


def test_a_table_has_one_empty_line_around_it_and_every_cell_whole() -> None:
    page = Page(60)
    page.screen.markdown(f"See:\n\n| a | b |\n|---|---|\n| one | {'x' * 90} |\n\nEnd.")
    lines = page.lines
    assert lines[0:2] == ["See:", ""]
    assert lines[2].split() == ["a", "b"]
    assert lines[-2:] == ["", "End."]
    assert lines[-3]
    assert "".join(lines).count("x") == 90


def test_nothing_is_lost_of_code_in_a_list() -> None:
    page = Page(60)
    output = "Digest: sha256:" + "0123456789abcdef" * 6
    page.screen.markdown(f"- Look:\n\n  ```\n  {output}\n  ```\n")
    assert whole(page.lines).replace(" ", "") == f"•Look:{output}".replace(" ", "")
    assert max(map(len, page.lines)) <= 60


def test_a_line_to_type_is_folded_so_that_it_can_be_copied() -> None:
    page = Page(60)
    page.screen.to_type("labrunner run lab-1 --sandbox some-name --course /srv/courses/of/somebody")
    assert page.lines == [
        "    labrunner run lab-1 --sandbox some-name \\",
        "        --course /srv/courses/of/somebody",
    ]


def test_the_lines_of_a_command_are_folded() -> None:
    page = Page(60)
    page.screen.command("for tag in a b; do\n  docker push --quiet progressacr.azurecr.io/mywebapi:$tag || exit\ndone")
    assert page.lines == [
        "  $ for tag in a b; do",
        "      docker push \\",
        "          --quiet progressacr.azurecr.io/mywebapi:$tag \\",
        "          || exit",
        "    done",
    ]
