"""Live output, seen through a terminal model of the learner's size."""

import pyte
import pytest

from labrunner.ui.live import LiveOutput


class Seen:
    def __init__(self, *, columns: int = 80, lines: int = 24, redraw: bool = True) -> None:
        self.written = ""
        self._screen = pyte.Screen(columns, lines)
        self._screen.set_mode(pyte.modes.LNM)
        self._stream = pyte.Stream(self._screen)
        self.live = LiveOutput(self._write, columns=columns, rows=lines, redraw=redraw)

    def _write(self, text: str) -> None:
        self.written += text
        self._stream.feed(text)

    @property
    def lines(self) -> list[str]:
        return "\n".join(map(self._line, range(self._screen.lines))).rstrip().split("\n")

    def _line(self, y: int) -> str:
        """As the model's own `display` gives it, to the last cell written: the rest is blank, and most of it."""
        cells = self._screen.buffer.get(y, {})
        return "".join(cells[x].data for x in range(max(cells, default=-1) + 1)).rstrip()

    @property
    def cursor(self) -> tuple[int, int]:
        return self._screen.cursor.y, self._screen.cursor.x


def progress(layers: int = 3) -> str:
    """What `docker push` draws."""
    text = "The push refers to repository [x]\r\n" + "".join(f"layer{n}: Preparing\r\n" for n in range(layers))
    for percent in (10, 50, 100):
        for up in range(layers, 0, -1):
            text += f"\x1b[{up}A\x1b[2K\rlayer{layers - up}: Pushing {percent}%\r\x1b[{up}B"
    for up in range(layers, 0, -1):
        text += f"\x1b[{up}A\x1b[2K\rlayer{layers - up}: Pushed\r\x1b[{up}B"
    return text + "1.0.0: digest: sha256:abc\r\n"


PUSHED = (
    "The push refers to repository [x]\nlayer0: Pushed\nlayer1: Pushed\nlayer2: Pushed\n1.0.0: digest: sha256:abc\n"
)


def test_lines_are_passed_on_indented() -> None:
    seen = Seen()
    seen.live.feed("one\r\ntwo")
    assert seen.lines == ["  one", "  two"]
    seen.live.feed(" and more\r\n\r\nlast\r\n")
    seen.live.finish("ignored, it was seen live")
    assert seen.lines == ["  one", "  two and more", "", "  last"]


def test_a_question_without_line_end_is_seen_at_once() -> None:
    seen = Seen()
    seen.live.feed("Password: ")
    assert seen.lines == ["  Password:"]
    seen.live.finish("Password:")
    assert seen.cursor == (1, 0)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_pieces_of_any_size_give_the_same_screen(size: int) -> None:
    data = "\x1b]0;title\x07a\x1b[31mred\x1b[0m\r\n10%\r20%\r100%\r\nbell\x07 \x1b[1mend\x1b[0m\r\n\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\r\n"
    seen = Seen()
    for start in range(0, len(data), size):
        seen.live.feed(data[start : start + size])
    seen.live.finish("")
    assert seen.lines == ["  ared", "  100%", "  bell end", "  link"]


def test_nothing_that_a_terminal_obeys_gets_through() -> None:
    seen = Seen(redraw=False)
    seen.live.feed("\x1b]52;c;ZXZpbA==\x07\x1b[31mred\x1b[0m\x1b[?25l\x1bPq#0\x1b\\\x9b31mx\x07\x0e\r\n")
    seen.live.finish("")
    assert seen.written == "  red31mx\n"


def test_line_editing_is_redrawn() -> None:
    seen = Seen()
    for piece in ("$ ls -x", "\b\x1b[K", "l", "\x1b[3D\x1b[1@ ", "\x1b[C", "\x1b[1P"):
        seen.live.feed(piece)
    assert seen.lines == ["  $ ls  l"]
    seen.live.feed("\r\n")
    assert seen.cursor == (1, 0)


def test_progress_over_several_lines_becomes_one_status_line_then_the_result() -> None:
    data = progress()
    seen = Seen()
    half = data.index("50%")
    seen.live.feed(data[:half])
    assert seen.lines == ["  layer0: Pushing"]
    seen.live.feed(data[half:])
    seen.live.finish(PUSHED)
    assert seen.lines == [f"  {line}" for line in PUSHED.splitlines()]


def test_progress_taller_than_the_terminal_keeps_what_was_shown() -> None:
    seen = Seen(lines=10)
    layers = 20
    seen.live.feed(progress(layers))
    final = "The push refers to repository [x]\n" + "".join(f"layer{n}: Pushed\n" for n in range(layers))
    seen.live.finish(final)
    assert seen.lines[-1] == "  layer19: Pushed"
    assert seen.written.count("The push refers") == 1


def test_a_terminal_that_cannot_redraw_gets_plain_lines_only() -> None:
    seen = Seen(redraw=False)
    seen.live.feed("10%\r")
    seen.live.feed("20%\r")
    seen.live.feed("100%\r\n")
    seen.live.feed(progress())
    seen.live.finish("100%\n" + PUSHED)
    assert "\x1b" not in seen.written
    assert "\r" not in seen.written
    assert seen.written.endswith("  layer2: Pushed\n  1.0.0: digest: sha256:abc\n")
    assert "100%\n" in seen.written


def test_long_lines_are_left_to_the_terminal_so_that_they_can_be_copied() -> None:
    seen = Seen(columns=40)
    text = "x" * 100
    seen.live.feed(text)
    seen.live.feed(f"\rshort {text}\r\n")
    seen.live.finish("")
    assert f"  short {text}\n" in seen.written


def test_output_that_was_not_seen_live_is_shown_at_the_end() -> None:
    seen = Seen()
    seen.live.finish("one\n\ntwo\n")
    assert seen.lines == ["  one", "", "  two"]


MANY = [f"line {number}" for number in range(1, 101)]


@pytest.mark.parametrize("size", [1, 3, 10, 64, 5000])
def test_of_a_long_output_the_first_and_the_last_lines_are_shown(size: int) -> None:
    seen = Seen()
    data = "\r\n".join(MANY) + "\r\n"
    for start in range(0, len(data), size):
        seen.live.feed(data[start : start + size])
    seen.live.finish("\n".join(MANY))
    head, tail = [f"  {line}" for line in MANY[:12]], [f"  {line}" for line in MANY[-5:]]
    assert seen.lines == [*head, "  [... 83 lines left out ...]", *tail]
    assert seen.live.left_out == 83


def test_an_output_that_is_a_little_too_long_is_shown_whole() -> None:
    seen = Seen(lines=40)
    lines = MANY[: 28 + 5 + 13]
    seen.live.feed("\r\n".join(lines))
    seen.live.finish("\n".join(lines))
    assert [line for line in seen.written.replace("\r\x1b[K", "\n").split("\n") if line in {"  line 28", "  line 46"}]
    assert "left out" not in seen.written
    assert seen.live.left_out == 0
    assert seen.lines[-1] == "  line 46"


def test_lines_that_fold_count_as_the_rows_they_take() -> None:
    seen = Seen(columns=40)
    lines = [f"{number} " + "x" * 70 for number in range(1, 31)]
    seen.live.feed("\r\n".join(lines) + "\r\n")
    seen.live.finish("\n".join(lines))
    assert "\n  6 x" in seen.written
    assert "\n  7 x" not in seen.written
    assert seen.live.left_out == 19


def test_while_lines_wait_the_latest_is_seen_and_so_is_a_question() -> None:
    seen = Seen()
    seen.live.feed("\n".join(MANY[:13]) + "\n")
    assert seen.lines[-1] == "  [1 more line] line 13"
    seen.live.feed("\n".join(MANY[13:50]) + "\n")
    assert seen.lines[-1] == "  [38 more lines] line 50"
    seen.live.feed("Are you sure? ")
    assert seen.lines[-1] == "  Are you sure?"
    seen.live.feed("y\r\ndone\r\n")
    assert seen.lines[-1] == "  [40 more lines] done"
    seen.live.finish("")
    assert seen.lines[-2:] == ["  Are you sure? y", "  done"]


def test_progress_after_a_long_output_shows_the_end_of_the_result() -> None:
    seen = Seen()
    seen.live.feed("\r\n".join(MANY) + "\r\n" + progress())
    seen.live.finish("\n".join(MANY) + "\n" + PUSHED)
    assert seen.lines[-1] == "  1.0.0: digest: sha256:abc"
    assert seen.live.left_out == 88
    assert seen.written.count("  line 12\n") == 1


def test_a_terminal_that_cannot_redraw_gets_every_line() -> None:
    seen = Seen(redraw=False)
    seen.live.feed("\n".join(MANY) + "\n")
    seen.live.finish("\n".join(MANY))
    assert seen.written == "".join(f"  {line}\n" for line in MANY)
    assert seen.live.left_out == 0


def test_wide_characters_do_not_break_the_redraw() -> None:
    seen = Seen(columns=20)
    for count in range(1, 15):
        seen.live.feed("\r" + "日" * count)
    seen.live.feed("\rend\x1b[K\r\n")
    assert seen.lines[-1] == "  end"
