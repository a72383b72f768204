"""Markdown as plain lines."""

from labrunner.ui.prose import plain_prose

TEXT = """# Title #

A **bold** and *slanted* word, `code *stays* so`, a
[link](https://example.org) and __more__ of it. snake_case_word stays.

- one item that is long enough to be folded at the width
- two
  goes on
1. first

| A | B |
|---|:-:|
| `x` | y |

---

```bash
docker images --format '{{.ID}}'   # a comment that is longer than the width is kept

  indented
```
After."""


def test_plain_prose() -> None:
    assert plain_prose(TEXT, 40) == [
        "Title",
        "",
        "A bold and slanted word, `code *stays*",
        "so`, a link (https://example.org) and",
        "more of it. snake_case_word stays.",
        "",
        "- one item that is long enough to be",
        "  folded at the width",
        "- two goes on",
        "1. first",
        "",
        "A; B",
        "`x`; y",
        "",
        "    docker images --format '{{.ID}}'   # a comment that is longer than the width is kept",
        "",
        "      indented",
        "After.",
    ]
