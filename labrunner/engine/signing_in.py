"""A sign-in by device code (RFC 8628), as a command of the learner's begins it: the person's part of it.

On a real Azure a person opens the page in a browser and types the code. The sandbox has no browser: at the keyboard the
learner approves with Enter, without one the sandbox does it by itself.
"""

import re
from codecs import getincrementaldecoder

from labrunner.engine.session import Session
from labrunner.record.events import SignInApproved, SignInWaiting

__all__ = ["SignIn"]

_CODE = re.compile(r"enter the code (\S+) to authenticate")
_KEPT = 1000
_SIGNALS = b"\x03\x1a\x1c"
"""Ctrl-C, Ctrl-Z and Ctrl-\\."""


class SignIn:
    """Looks for a code in what one command writes."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._text = ""
        self._waiting = ""

    def feed(self, data: bytes) -> None:
        """The next piece of its output."""
        self._text = f"{self._text}{self._decode(data)}"[-_KEPT:]
        found = _CODE.search(self._text)
        if found is None or found[1] == self._waiting:
            return
        self._text = self._text[found.end() :]
        if found[1] not in self._session.target.sign_in_codes():
            return
        self._waiting = found[1]
        if self._session.policy.keyboard is None:
            self._approve()
        else:
            self._session.policy.show(SignInWaiting(code=self._waiting))

    def keys(self, data: bytes) -> bytes:
        """What was typed: Enter approves. Until then the command gets the keys that end or stop it, and nothing else:
        the code, typed here, would stand in the middle of what it prints."""
        if not self._waiting:
            return data
        if b"\r" in data or b"\n" in data:
            self._approve()
        return bytes(key for key in data if key in _SIGNALS)

    def _approve(self) -> None:
        self._session.target.approve(self._waiting)
        self._waiting = ""
        self._session.policy.show(SignInApproved())
