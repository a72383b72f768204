"""A sign-in by device code: noticed in the output, approved by Enter, or by nobody's asking when nobody is there."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from labrunner.engine.signing_in import SignIn
from labrunner.record.events import Event, SignInApproved, SignInWaiting

SAID = b"To sign in, use a web browser to open the page https://x/ and enter the code %s to authenticate.\r\n"


@dataclass
class Desk:
    """A target with codes that wait, and a policy that is shown what happens."""

    codes: tuple[str, ...] = ("ABC123",)
    keyboard: int | None = 0
    approved: list[str] = field(default_factory=list)
    shown: list[Event] = field(default_factory=list)

    def sign_in_codes(self) -> tuple[str, ...]:
        return self.codes

    def approve(self, code: str) -> None:
        self.approved.append(code)

    def show(self, event: Event) -> None:
        self.shown.append(event)

    def sign_in(self) -> SignIn:
        session: Any = SimpleNamespace(target=self, policy=self)
        return SignIn(session)


def test_enter_approves_and_is_not_the_commands() -> None:
    desk = Desk()
    made = desk.sign_in()
    assert made.keys(b"\r") == b"\r"
    made.feed(SAID % b"ABC123")
    assert desk.shown == [SignInWaiting(code="ABC123")]
    assert made.keys(b"ABC\x03123") == b"\x03"
    assert desk.approved == []
    assert made.keys(b"y\r") == b""
    assert (desk.approved, desk.shown[1:]) == (["ABC123"], [SignInApproved()])
    assert made.keys(b"y\r") == b"y\r"


def test_with_nobody_at_the_keyboard_it_is_approved_at_once() -> None:
    desk = Desk(keyboard=None)
    desk.sign_in().feed(SAID % b"ABC123")
    assert desk.approved == ["ABC123"]


@pytest.mark.parametrize("size", [1, 7, 40])
def test_a_code_that_comes_in_pieces_is_offered_once(size: int) -> None:
    desk = Desk()
    made = desk.sign_in()
    said = b"noise" * 500 + SAID % b"ABC123" + b"more\r\n"
    for at in range(0, len(said), size):
        made.feed(said[at : at + size])
    assert desk.shown == [SignInWaiting(code="ABC123")]


def test_a_second_code_is_offered_too() -> None:
    desk = Desk(codes=("ABC123", "DEF456"))
    made = desk.sign_in()
    for code in (b"ABC123", b"DEF456"):
        made.feed(SAID % code)
        made.keys(b"\n")
    assert desk.approved == ["ABC123", "DEF456"]


def test_a_code_that_nobody_waits_for_is_only_text() -> None:
    desk = Desk(keyboard=None)
    desk.sign_in().feed(SAID % b"OTHER")
    assert (desk.approved, desk.shown) == ([], [])
