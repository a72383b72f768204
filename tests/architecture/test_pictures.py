"""The pictures of the README: all that the script makes and no other, each with words for who cannot see it."""

import re
from pathlib import Path

from tests.e2e.pictures import FOLDER, PICTURES, picture

ROOT = Path(__file__).parents[2]
FOUND = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))


def shown(drawn: str) -> list[str]:
    """The texts of a picture."""
    texts = (text.replace("&#160;", " ").rstrip() for text in re.findall(r"<text [^>]*>([^<]*)</text>", drawn))
    return [text for text in texts if text]


def test_the_readme_shows_what_the_script_makes() -> None:
    assert [Path(target) for _, target in FOUND] == [Path("docs/screens", f"{name}.svg") for name in PICTURES]
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.svg" for name in PICTURES}
    assert len(PICTURES) == 5


def test_each_has_words_for_who_cannot_see_it() -> None:
    assert all(len(words.split()) > 5 for words, _ in FOUND)
    assert len({words for words, _ in FOUND}) == len(FOUND)


def test_they_fetch_nothing_and_name_no_machine() -> None:
    for name in PICTURES:
        text = (FOLDER / f"{name}.svg").read_text(encoding="utf-8")
        assert set(re.findall(r"(?:https?:)?//[^\s\"'<)]+", text)) <= {
            "http://www.w3.org/2000/svg",
            "https://www.textualize.io",
            "https://progressacr.azurecr.io/v2",
        }
        assert re.search(r"<(?:script|image|foreignObject)|/root/|/tmp/|/home/", text) is None
        assert any("quit:" in line or "labrunner sandbox down" in line for line in shown(text))


def test_a_picture_is_what_the_terminal_shows_in_the_end() -> None:
    output = "one\r\n" * 30 + "\x1b[1;32mPASSED\x1b[0m wrong\x1b[5Dright\x1b[2m dim\x1b[0m <&>"
    drawn = picture(output, "step")
    assert shown(drawn)[-4:] == ["PASSED", " right", " dim", " &lt;&amp;&gt;"]
    assert shown(drawn).count("one") == 23
    assert "wrong" not in drawn
    assert picture(output, "step") == drawn
