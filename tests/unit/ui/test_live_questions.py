"""Questions of a command that has moved over its lines, through a terminal model of the learner's size."""

import time
from pathlib import Path

import pytest

from labrunner.shell.screen import rendered
from tests.unit.ui.test_live import MANY, PUSHED, Seen, progress

SIGNING = Path(__file__).with_name("signing.txt").read_bytes().decode()
"""A push with content trust, the first one for its repository, at a terminal: Docker 20.10.24."""
SHORT = (
    "To [x]\n\n\x1b[1A\x1b[2K\ra: Waits \r\x1b[1B\n\x1b[1A\x1b[2K\rb: Waits \r\x1b[1B\x1b[2A\x1b[2K\ra: Pushed \r"
    "\x1b[2B\x1b[1A\x1b[2K\rb: Pushed \r\x1b[1B1: digest: c\nSigns\nKey: \nToo short.\nKey: \n\n\x1b[1A\x1b[2K\r"
    "d: Pushed \r\x1b[1B2: digest: e\nIs: \x1b[1mit?\x1b[0m y\n"
)
"""The same in short, and pushed again."""
QUESTION = "Enter passphrase for new root key with ID 1234567: "
TOLD = ["Signing and pushing trust metadata", "You are about to create a new root signing key passphrase."]


def indented(text: str) -> list[str]:
    return [f"  {line}" if line else "" for line in text.rstrip().split("\n")]


def asked() -> str:
    return progress() + "".join(f"{line}\r\n" for line in TOLD) + QUESTION


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_all_that_a_question_is_about_is_shown_with_it(size: int) -> None:
    seen = Seen()
    data = asked()
    for start in range(0, len(data), size):
        seen.live.feed(data[start : start + size])
    assert seen.lines == [*indented(PUSHED), *indented("\n".join(TOLD)), f"  {QUESTION.rstrip()}"]
    assert seen.cursor == (len(seen.lines) - 1, 2 + len(QUESTION))


def test_what_comes_after_it_is_seen_as_it_comes() -> None:
    seen = Seen()
    seen.live.feed(asked())
    seen.live.feed("\r\n")
    seen.live.feed("Passphrase is too short.\r\n" + QUESTION)
    assert seen.lines[-3:] == [f"  {QUESTION.rstrip()}", "  Passphrase is too short.", f"  {QUESTION.rstrip()}"]
    seen.live.feed("\r\nSuccessfully signed\r\n")
    before = seen.written
    seen.live.finish("the whole, as it was\n")
    assert seen.written == before
    assert seen.lines[-1] == "  Successfully signed"


def test_a_second_progress_takes_back_its_own_lines_alone() -> None:
    seen = Seen(lines=40)
    seen.live.feed(asked())
    seen.live.feed("\r\nSigned\r\n")
    second = progress().replace("layer", "other")
    half = second.index("50%")
    seen.live.feed(second[:half])
    first = [*indented(PUSHED), *indented("\n".join(TOLD)), f"  {QUESTION.rstrip()}"]
    assert seen.lines == [*first, "  other0: Pushing"]
    seen.live.feed(second[half:])
    seen.live.finish("never mind")
    assert seen.lines == [*first, "  Signed", *indented(PUSHED.replace("layer", "other"))]


@pytest.mark.parametrize(("data", "step"), [(SHORT, 1), (SHORT.replace("\n", "\r\n"), 5), (SIGNING, 211)])
def test_no_split_of_a_stream_makes_a_difference(data: str, step: int) -> None:
    whole = rendered(data.encode())
    for at in range(0, len(data), step):
        seen = Seen(lines=40, columns=150)
        seen.live.feed(data[:at])
        seen.live.feed(data[at:])
        seen.live.finish(whole)
        assert seen.lines == indented(whole), at


@pytest.mark.parametrize("size", [1, 2, 3, 5, 11, 64, 100_000])
def test_pieces_of_any_size_of_a_recorded_stream_give_the_same_screen(size: int) -> None:
    whole = rendered(SIGNING.encode())
    seen = Seen(lines=50, columns=200)
    for start in range(0, len(SIGNING), size):
        seen.live.feed(SIGNING[start : start + size])
    seen.live.finish(whole)
    assert seen.lines == indented(whole)


@pytest.mark.parametrize(
    "line",
    ["Password: ", "\x1b[1mGo on?\x1b[0m ", "Are you sure? [y/N] ", "Remove it? (y/n): ", "\x07Pass: "],
)
def test_what_is_a_question(line: str) -> None:
    seen = Seen()
    seen.live.feed(progress() + line)
    assert seen.lines[:-1] == indented(PUSHED)


@pytest.mark.parametrize("line", ["layer0: Pushing", '"name": ', "\rPassword: \x1b[K", "50%\rDone: ", ": \x1b[5D"])
def test_what_is_none_does_not_end_the_progress(line: str) -> None:
    seen = Seen()
    seen.live.feed(progress() + line)
    assert len(seen.lines) == 1


def test_text_above_the_last_line_is_no_question() -> None:
    seen = Seen()
    seen.live.feed("one\r\ntwo\r\nName: \r\n\x1b[3A\nName: ")
    assert len(seen.lines) == 1
    seen.live.finish("one\nName: \nName: \n")
    assert seen.lines == ["  one", "  Name:", "  Name:"]


def test_lines_that_were_shown_for_good_and_are_moved_over_all_the_same_are_redrawn() -> None:
    seen = Seen()
    seen.live.feed("\x1b[1Aone: 1\r\ntwo: ")
    assert seen.lines == ["  one: 1", "  two:"]
    seen.live.feed("1\r\n\x1b[2Aone: 2\r\ntwo: ")
    seen.live.feed("2\r\n\x1b[2Aone: 3\r\ntwo: 3\r\n")
    seen.live.finish("one: 3\ntwo: 3\n")
    assert seen.lines == ["  one: 3", "  two: 3"]


def test_a_terminal_that_cannot_redraw_gets_the_question_and_what_it_is_about() -> None:
    seen = Seen(redraw=False)
    seen.live.feed(asked())
    assert "\x1b" not in seen.written
    assert "\r" not in seen.written
    assert seen.written.endswith("\n".join([*indented("\n".join(TOLD)), f"  {QUESTION}"]))
    seen.live.feed("\r\nDone\r\n")
    seen.live.finish("x")
    assert seen.written.endswith(f"  {QUESTION}\n  Done\n")


def test_a_long_progress_is_cut_like_any_long_output() -> None:
    seen = Seen()
    seen.live.feed(progress(layers=30) + QUESTION)
    assert seen.lines[-7:] == [
        "  [... 15 lines left out ...]",
        *(f"  layer{number}: Pushed" for number in (26, 27, 28, 29)),
        "  1.0.0: digest: sha256:abc",
        f"  {QUESTION.rstrip()}",
    ]
    seen.live.feed("\r\nSigned\r\n")
    seen.live.finish("x")
    assert seen.live.left_out == 15
    assert seen.lines[-1] == "  Signed"


def test_progress_after_a_long_output_then_a_question() -> None:
    seen = Seen()
    seen.live.feed("\r\n".join(MANY) + "\r\n" + progress() + QUESTION)
    assert seen.lines[-7:] == ["  [... 88 lines left out ...]", *indented(PUSHED), f"  {QUESTION.rstrip()}"]
    assert seen.written.count("  line 12\n") == 1


def test_of_a_long_talk_every_question_is_seen_with_what_it_is_about() -> None:
    seen = Seen()
    seen.live.feed(asked())
    for number in range(30):
        seen.live.feed(f"\r\nReason {number}.\r\n{QUESTION}")
        assert seen.lines[-2:] == [f"  Reason {number}.", f"  {QUESTION.rstrip()}"]
    seen.live.feed("\r\n" + "\r\n".join(MANY) + "\r\nSure? ")
    assert seen.lines[-3:] == ["  line 99", "  line 100", "  Sure?"]
    seen.live.feed("y\r\n")
    seen.live.finish("x")
    assert seen.lines[-1] == "  Sure? y"


@pytest.mark.parametrize("size", [1, 5, 100_000])
def test_an_output_that_has_long_gone_on_below_its_progress_is_passed_on_again(size: int) -> None:
    seen = Seen(lines=200)
    log = "".join(f"log {number}\r\n" for number in range(120))
    data = progress() + log
    for start in range(0, len(data), size):
        seen.live.feed(data[start : start + size])
    assert seen.lines == [*indented(PUSHED), *indented(log.replace("\r", ""))]


def test_much_plain_output_after_progress_costs_little() -> None:
    seen = Seen(lines=10)
    seen.live._write = lambda _text: None
    seen.live.feed(progress())
    piece = "a line of some length, as logs have them\n" * 1500
    seen.live.feed(piece)
    began = time.process_time()
    for _ in range(100):
        seen.live.feed(piece)
    assert time.process_time() - began < 3  # 6 MB; the screen model would take 6 s and more


def test_the_memory_that_moving_takes_is_bounded() -> None:
    seen = Seen(lines=10)
    for number in range(4000):
        seen.live.feed(f"line {number}\r\n\x1b[1A\x1b[1B")
    assert seen.live._moving is not None
    assert len(seen.live._moving.rows()) < 1500
    seen.live.finish("x")
    assert seen.lines[-1] == "  line 3999"
