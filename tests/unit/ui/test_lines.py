"""Where lines of words break."""

import pytest

from labrunner.ui.lines import broken, folded, width_of

IMAGE = "progressacr12345678.azurecr.io/mywebapi@sha256:" + "0123456789abcdef" * 4
TEXTS = (
    "There is no browser here. Press Enter, and ABCDEF123 is entered for you.",
    f"The manifest {IMAGE} is not there, but mywebapi:latest is.",
    "  an item whose indentation stays\n    and another line of its own, which is long too\n\nthe end",
    "one  two   three    four",
    "café ✓ naïve 漢字漢字漢字 and so on until the line is full of it",
    "",
    "x" * 200,
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("width", [20, 40, 79])
@pytest.mark.parametrize("hanging", [0, 4])
def test_nothing_is_lost_and_every_line_fits(text: str, width: int, hanging: int) -> None:
    parts = broken(text, width, hanging=hanging)
    assert "".join("".join(text[start:end].split()) for start, end in parts) == "".join(text.split())
    assert all(width_of(line) <= width for line in folded(text, width, hanging=hanging))


def test_words_that_fit_are_never_broken() -> None:
    text = f"{TEXTS[0]} See some/path, key=value and a,b,c."
    for width in range(14, 80):
        assert " ".join(folded(text, width)) == text


def test_a_word_that_no_line_holds_breaks_behind_a_separator() -> None:
    lines = folded(f"The manifest {IMAGE} is gone.", 70)
    assert lines == [
        "The manifest progressacr12345678.azurecr.io/mywebapi@sha256:",
        f"{'0123456789abcdef' * 4} is",
        "gone.",
    ]


def test_what_goes_on_is_indented_and_lines_of_the_texts_own_are_not() -> None:
    assert folded("az acr show --name x\n  echo done", 16, hanging=4) == ["az acr show", "    --name x", "  echo done"]
