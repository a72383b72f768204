"""Secrets that a tool has wrapped into lines: at any column, in any writing, cut into chunks anywhere."""

import base64
import itertools
import random
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest

from labrunner.record.redaction import MARK, Redactor
from labrunner.record.wrapping import COLUMNS, Forms, Lines

PASSWORD = "Q8z?>~pAss\xffW0rd-of.52/characters+as=Azure_makes&them!"
SHORT = "hunter22"
BREAKS = ["\n", "\r\n", "\r\r\n", "\n    ", "\r\n\t\t  ", "\\n", "\\r\\n", "\\\n  "]


def redactor(*values: str) -> Redactor:
    made = Redactor()
    for value in values:
        made.add(value)
    return made


def streamed(made: Redactor, chunks: list[str]) -> str:
    stream = made.stream()
    return "".join(stream.feed(chunk) for chunk in chunks) + stream.finish()


def wrapped(text: str, columns: int, line_break: str) -> str:
    return line_break.join(text[at : at + columns] for at in range(0, len(text), columns))


def in_base64(text: str, *, safe: bool = False) -> str:
    code = base64.urlsafe_b64encode if safe else base64.b64encode
    return code(text.encode()).decode()


def joined(text: str) -> str:
    """What of a text a reader could put together again."""
    return "".join(text.replace("\\n", "").replace("\\r", "").replace("\\", "").split())


@pytest.mark.parametrize("line_break", BREAKS)
@pytest.mark.parametrize("secret", [PASSWORD, SHORT, "abcd"])
@pytest.mark.parametrize("safe", [False, True])
def test_wrapped_base64_is_hidden_wherever_the_secret_is_in_it(secret: str, line_break: str, safe: bool) -> None:
    made = redactor(secret)
    for columns, before in itertools.product((COLUMNS, 57, 64, 76), range(0, 70, 4)):
        neighbours = ":" + "u" * before, ":tail" * 12
        text = in_base64(secret.join(neighbours), safe=safe)
        shown = made.redact(f"it is {line_break}{wrapped(text, columns, line_break)}\n")
        assert shown.count(MARK) == 1, (before, shown)
        begin, end = joined(shown.removeprefix("it is ")).split(MARK)
        # what is left decides at most the neighbours and a part of one character of the secret
        assert len(begin) <= len(in_base64(neighbours[0])) + 1, before
        assert len(end) <= len(in_base64(neighbours[1])) + 4, before


@pytest.mark.parametrize("line_break", BREAKS)
@pytest.mark.parametrize("form", [PASSWORD, quote(PASSWORD), "eyJhbGciOi" + "x.Y" * 70], ids=["raw", "url", "token"])
def test_every_long_writing_is_hidden_when_it_is_wrapped(form: str, line_break: str) -> None:
    made = redactor(PASSWORD, "eyJhbGciOi" + "x.Y" * 70)
    for columns in (20, 40, 64):
        assert made.redact_values(f"a {wrapped(form, columns, line_break)} b") == f"a {MARK} b"


def test_what_stands_before_the_first_line_may_leave_it_short() -> None:
    text = in_base64(PASSWORD)
    assert redactor(PASSWORD).redact(f"password of it: {text[:9]}\n  {text[9:]}") == f"password of it: {MARK}"
    assert redactor(SHORT).redact("x: aHVudGVy\nMjI=") == f"x: {MARK}I="


def test_lines_that_only_follow_each_other_stay() -> None:
    made = redactor("abcd", SHORT, "0123", "status: Succeeded", "latest")
    coded = in_base64(SHORT).rstrip("=")
    texts = [
        f"{coded[:5]}\n{coded[5:]}",  # a short line is not wrapped
        f"the word {coded[:4]}\n{coded[4:]}",
        "/usr/share/labrunner/hunt\ner22",  # a short value that is not base64 may be a word
        "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaa01\n23bbbbbb",
        "digest-of-the-image status:\nSucceeded",
        f"{'x' * 40}{coded[:5]}\n\n{' ' * 90}{coded[5:]}",  # too far away
        f"{'x' * 40}{coded[:5]}{chr(10) * 101}{coded[5:]}",
        f"{'x' * 40}{coded[:5]} \n{coded[5:]}",
    ]
    for text in texts:
        assert made.redact(text) == text
        assert streamed(made, list(text)) == text


def test_every_border_gives_what_the_whole_text_gives() -> None:
    made = redactor(PASSWORD, SHORT, "abcd")
    coded = in_base64(f"user:{PASSWORD}{SHORT}")
    for line_break in BREAKS:
        text = f"x {wrapped(coded, 20, line_break)}{line_break}{wrapped(PASSWORD, 18, line_break)}{line_break}end\\"
        whole = made.redact(text)
        assert whole.count(MARK) == 3
        assert streamed(made, list(text)) == whole
        for border in range(len(text) + 1):
            assert streamed(made, [text[:border], text[border:]]) == whole, border


@pytest.mark.parametrize("seed", range(30))
def test_random_lines_of_secrets_and_near_secrets_cut_at_random(seed: int) -> None:
    choose = random.Random(seed)
    made = redactor(PASSWORD, SHORT, "abcd", "aabaabaacaabaabaab", "nrnrnrnrnrnrnrnr\\nnr")
    parts = ["aabaabaac", "aabaabaab", "nrnrnrnr", "\\", "\\n", "x" * 16, " ", "=", in_base64(SHORT), in_base64("abcd")]
    parts += [in_base64("u" * skipped + PASSWORD) for skipped in range(3)]
    for _ in range(12):
        text = "".join(choose.choice(parts)[choose.randint(0, 3) :][:60] for _ in range(choose.randint(1, 9)))
        text = wrapped(text, choose.choice([3, 15, 16, 17, 30]), choose.choice([*BREAKS, "\n\n", "\n" + " " * 80]))
        cuts = sorted(choose.randint(0, len(text)) for _ in range(choose.randint(0, 6)))
        chunks = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
        whole = made.redact(text)
        assert streamed(made, chunks) == whole
        assert streamed(made, list(text)) == whole


def test_the_end_of_a_line_is_shown_as_soon_as_it_cannot_be_in_a_secret() -> None:
    stream = redactor(SHORT).stream()
    assert stream.feed("Continue a\n") == "Continue a\n"  # "aHVudGVyMjI": of a short line
    assert stream.feed(f"{'x' * 20}aHV\n") == "x" * 20
    assert stream.feed("  uck") == "aHV\n  uck"
    assert stream.feed(f"{'x' * 20}aHV\r\n") == "x" * 20
    assert stream.feed(" " * 99) == f"aHV\r\n{' ' * 99}"  # a break of any length is none
    assert stream.finish() == ""


def test_time_is_linear_in_hostile_lines() -> None:
    """Lines that all but hold a secret, at each place anew."""
    same = "a" * 300
    made = redactor(PASSWORD, same, in_base64(same))
    coded = in_base64(f"user:{PASSWORD}")

    def seconds(text: str) -> float:
        begin = time.process_time()
        made.redact(text)
        return time.process_time() - begin

    hostile: list[Callable[[int], str]] = [
        lambda times: f"{'x' * 16}\n" * times,
        lambda times: f"{'a' * 17}\n{'a' * 17}\n  b" * times,
        lambda times: f"{coded[:-8]}\n{coded[8:40]}\n" * times,
        lambda times: "\n" * (20 * times),
        lambda times: "\n    " * (5 * times),
        lambda times: "\\" * (20 * times),
        lambda times: "\\n" * (10 * times),
        lambda times: f"{coded}" * times,
        lambda times: f"{' ' * 90}\n" * times,
    ]
    for text in hostile:
        limit = 24 * min(seconds(text(250)) for _ in range(3)) + 0.1
        assert any(seconds(text(2000)) < limit for _ in range(3)), text(1)


def test_usual_output_costs_little_more_than_without_secrets() -> None:
    made, text = (
        redactor(*(f"{number}-{PASSWORD}" for number in range(100))),
        "=> exporting to image 0.0s done\n" * 5000,
    )
    begin = time.process_time()
    assert made.redact(text) == text
    assert time.process_time() - begin < 2.0


def test_the_longest_of_the_forms_is_followed() -> None:
    text = f"{'a' * 20}\n{'a' * 10}"
    assert Lines(text).follow(0, ("a" * 30, "a" * 25)) == (len(text), False)
    assert Lines(text).follow(0, ("a" * 31, "a" * 25)) == (26, True)
    assert Lines(text).follow(0, ("a" * 20,)) == (None, False)
    assert Forms().plus([]) == Forms()
