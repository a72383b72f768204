import sys

import pytest

from labrunner.shell.capture import HEAD_BYTES
from labrunner.shell.screen import MODEL_CHARACTERS, Growing, rendered


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (b"", ""),
        (b"a\n\n  b  \n", "a\n\n  b  \n"),
        (b"no newline", "no newline"),
        (b"a\tb\tc\n", "a\tb\tc\n"),
        (b"\xc3\xa9 \xff\xfe \xe2\x82\n", "é \ufffd\ufffd \ufffd\n"),
        (b"a\x00b\x07c\x0e\x7f\n", "abc\n"),
        (b"one\r\ntwo\r\n", "one\ntwo\n"),
        (b"[1m not an escape\n", "[1m not an escape\n"),
    ],
)
def test_plain(output, text):
    assert rendered(output) == text


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (b"10%\r50%\r100%\n", "100%\n"),
        (b"downloading\rdone\n", "doneloading\n"),
        (b"downloading\r           \rdone\n", "done\n"),
        (b"abc\rX", "Xbc"),
        (b"abc\r", "abc"),
        (b"a\r\r\nb\n", "a\nb\n"),
        (b"a\rlonger\rbb\n", "bbnger\n"),
        (b"spin |\b/\b-\n", "spin -\n"),
        (b"\b\bx\n", "x\n"),
        (b"kept  \nover\rX\n", "kept  \nXver\n"),
        (b"downloading\r\x1b[Kdone\n", "done\n"),
        (b"abcdef\x1b[3D\x1b[K\n", "abc\n"),
        (b"abcdef\x1b[3D\x1b[1K\n", "    ef\n"),
        (b"abcdef\x1b[2K\rx\n", "x\n"),
        (b"abc\x1b[2Cd\n", "abc  d\n"),
        (b"abc\x1b[6Gd\n", "abc  d\n"),
        (b"abcdef\r\x1b[2P\n", "cdef\n"),
        (b"abcdef\r\x1b[2@\n", "  abcdef\n"),
        (b"abcdef\r\x1b[2X\n", "  cdef\n"),
        (b"a\x1b[999999999999Cb\n", "a" + 4096 * " " + "b\n"),
    ],
)
def test_lines_that_overwrite_themselves(output, text):
    assert rendered(output) == text


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (b"\x1b[1;31mred\x1b[0m\n", "red\n"),
        (b"\x1b[38;5;12mred\x1b[m \x1b[38:2::1:2:3mx\n", "red x\n"),
        (b"\x1b]0;title\x07text\n", "text\n"),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", "link\n"),
        (b"\x1b[?25lhidden\x1b[?25h\x1b[?2004h\n", "hidden\n"),
        (b"\x1b(B\x1b[m\x1b=x\x1b>\n", "x\n"),
        (b"red\r\x1b[0m\nnext\n", "red\nnext\n"),
        (b"x  \x1b[0m\n", "x  \n"),
        (b"a\x1b]0;never ended", "a"),
        (b"shell\n\x1b[?1049h\x1b[Hless\x1b[2J\x1b[?1049lback\n", "shell\nback\n"),
    ],
)
def test_what_does_not_show(output, text):
    assert rendered(output) == text


def test_none_of_these_needs_the_model():
    import subprocess

    code = (
        "import sys; from labrunner.shell.screen import rendered;"
        r"rendered(b'a\r\x1b[K\x1b[31mb\x1b[0m\b\x1b]0;t\x07\n'); assert 'pyte' not in sys.modules;"
        r"rendered(b'a\n\x1b[Ab\n'); assert 'pyte' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_progress_of_several_lines_is_redrawn_in_place():
    layers = b"1.0: Pulling from x\n"
    layers += b"aaa: Waiting\nbbb: Waiting\n"
    for percent in (10, 50, 90):
        layers += b"\x1b[2A\x1b[2K\raaa: Downloading %d%%\x1b[2B\r" % percent
        layers += b"\x1b[1A\x1b[2K\rbbb: Downloading %d%%\x1b[1B\r" % percent
    layers += b"\x1b[2A\x1b[2K\raaa: Pull complete\x1b[2B\r\x1b[1A\x1b[2K\rbbb: Pull complete\x1b[1B\r"
    layers += b"Digest: sha256:abc\n"
    assert rendered(layers) == "1.0: Pulling from x\naaa: Pull complete\nbbb: Pull complete\nDigest: sha256:abc\n"


def test_lines_scrolled_away_and_lines_after_the_movement_are_kept():
    before = "".join(f"before {number}  \n" for number in range(300))
    after = "".join(f"after {number}  \n" for number in range(300))
    shown = rendered(f"{before}x\n\x1b[1A\x1b[2Ky\n{after}".encode())
    lines = shown.splitlines()
    assert [line.rstrip() for line in lines] == [line.rstrip() for line in (before + "y\n" + after).splitlines()]
    # Away from the movement the text is exact, its trailing white space too.
    assert lines[0] == "before 0  "
    assert lines[-1] == "after 299  "
    assert shown.endswith("\n")


def test_clearing_the_screen_starts_again_from_the_top():
    assert rendered(b"a\nb\n\x1b[H\x1b[2Jc\n").strip() == "c"


def test_a_cut_sequence_at_the_end_shows_nothing():
    assert rendered(b"a\n\x1b[Ab\n\x1b[") == "b\n"
    assert rendered(b"a\x1b") == "a"


def test_long_lines_are_not_wrapped():
    line = "x" * 5000
    assert rendered(f"{line}\n".encode(), columns=80) == f"{line}\n"
    assert rendered(f"\x1b[32m{line}\x1b[0m\n".encode(), columns=80) == f"{line}\n"
    assert rendered(f"a\n{line[:600]}\n\x1b[1A\x1b[1Ab\n".encode(), columns=80).startswith(f"b\n{line[:600]}")


def test_a_gap_is_shown_where_it_is():
    head = b"first\n" * (HEAD_BYTES // 6 + 1)
    output = head[:HEAD_BYTES] + b"st\nlast\n"
    shown = rendered(output, dropped=1000)
    assert shown.startswith("first\nfirst\n")
    assert shown.endswith("bytes left out]\nlast\n")
    gap = [line for line in shown.splitlines() if line not in ("first", "last")]
    assert gap == [f"[{1000 + HEAD_BYTES % 6 + 3} bytes left out]"]


def test_screen_updates_beyond_the_models_reach_are_left_out_and_counted():
    update = b"\x1b[1A\x1b[2K\rstep %07d\n"
    output = b"start\n\n" + b"".join(update % number for number in range(2 * MODEL_CHARACTERS // 20))
    lines = rendered(output).splitlines()
    assert "characters of screen updates left out]" in lines[0] + lines[1]
    assert lines[-1].startswith("step 00")


@pytest.mark.parametrize(
    "sequence",
    [
        "1;2;3A",
        ";A",
        "5;5;5J",
        "9K",
        "9;9;9H",
        ";;r",
        "2;2;2@",
        "99999999999A",
        "1$w",
        "1\n?A",
        "?1\x07A",
        "\x9b1;2;3A",
    ],
)
def test_sequences_that_nobody_should_write_do_no_harm(sequence):
    shown = rendered(f"one\ntwo\n\x1b[1A\x1b[{sequence}\nend\n".encode())
    assert "end" in shown


def test_an_output_that_goes_on_is_shown_as_it_would_be_at_its_end():
    data = (
        "".join(f"line {number}\n" for number in range(80)) + "a\nb\n\x1b[2A\x1b[2Kc\r\x1b[2B\x1b[?1049hx\n\x1b[?1049l"
    )
    data += "\x1b[1md\x1b[0m\te\x07\n"
    growing = Growing(["0", "1"], "2", 0)
    shown = []
    for start in range(0, len(data), 1000):
        growing.feed(data[start : start + 1000])
        shown = growing.rows()
    assert "\n".join(["0", "1", *shown[2:]]) == rendered(f"0\n1\n2\r{data}".encode())
    assert growing.is_at_end()
    assert growing.scrolled_away(1000) == []
    assert growing.scrolled_away(10)[:3] == ["0", "1", "line 0"]
    growing.feed("\x1b[2A")
    assert not growing.is_at_end()
