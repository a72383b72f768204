"""Talks to the control socket from outside. Standard library only."""

import contextlib
import json
import select
import socket
from collections.abc import Sequence
from typing import Any

__all__ = ["ControlClient", "ControlError", "SecretsFeed"]

_SECONDS = 10.0


class ControlError(Exception):
    """The local Azure does not answer, or refuses; the text says which."""


class ControlClient:
    """Each call is one request. path: the socket's. Every method raises ControlError."""

    def __init__(self, path: str, *, timeout: float = _SECONDS) -> None:
        self._path = path
        self._timeout = timeout

    def status(self) -> dict[str, Any]:
        """See `control`."""
        found: dict[str, Any] = self._ask("GET", "/status")
        return found

    def operator(self) -> tuple[str, str]:
        """The identity that checks ask with: its id and secret."""
        found = self._ask("GET", "/operator")
        return found["client_id"], found["client_secret"]

    def seed(self, wanted: dict[str, Any]) -> None:
        """Make what is missing of it (`seed.apply`)."""
        self._ask("POST", "/seed", wanted)

    def arrange(self, wanted: dict[str, Any]) -> str:
        """Have a registry, and what roles the user has at it (`seed.arrange`): "", or one sentence why not."""
        return str(self._ask("POST", "/seed/registry", wanted)["refused"])

    def seed_images(self, wanted: dict[str, Any]) -> str:
        """Have in a repository what it has from the past (`past.bring_about`): "", or one sentence why not."""
        return str(self._ask("POST", "/seed/images", wanted)["refused"])

    def reset(self) -> None:
        """As new."""
        self._ask("POST", "/reset")

    def inventory(self) -> list[tuple[str, str, str]]:
        """(kind, name, immutable id) of everything."""
        return [(kind, name, identity) for kind, name, identity in self._ask("GET", "/inventory")]

    def remove(self, things: Sequence[tuple[str, str, str]]) -> list[str]:
        """Remove what these (kind, name, id) still are: for each "" when it is gone, else one sentence why it stays."""
        return [str(why) for why in self._ask("POST", "/remove", [list(thing) for thing in things])]

    def device_codes(self) -> list[str]:
        """The codes of sign-ins that wait for somebody to approve them."""
        return list(self._ask("GET", "/device-codes")["pending"])

    def approve(self, code: str) -> None:
        """Let the sandbox's user sign in with that code."""
        self._ask("POST", f"/device-codes/{code}/approve")

    def set_clock(self, offset: float) -> None:
        """Move the emulator's clock: so many seconds ahead of the machine's."""
        self._ask("POST", "/clock", {"offset": offset})

    def set_fault(self, name: str, *, seconds: float | None = None, **parameters: object) -> dict[str, Any]:
        """Have the local Azure do badly (`faults`). seconds: how long by its clock; None: until it is cleared."""
        found: dict[str, Any] = self._ask("POST", "/faults", {"name": name, "seconds": seconds, **parameters})
        return found

    def faults(self) -> list[dict[str, Any]]:
        """Those that are set now."""
        return list(self._ask("GET", "/faults")["faults"])

    def clear_faults(self, name: str = "") -> list[str]:
        """End that one, or all; the names of those that there were."""
        return list(self._ask("DELETE", f"/faults/{name}" if name else "/faults")["cleared"])

    def end_step_faults(self) -> list[str]:
        """End those that a step of a lab wanted; the names of those that there were."""
        return list(self._ask("DELETE", "/faults?of=step")["cleared"])

    def trouble(self, since: int = 0) -> dict[str, Any]:
        """What was answered amiss after that number, and what will settle by itself (`control`)."""
        found: dict[str, Any] = self._ask("GET", f"/trouble?since={since}")
        return found

    def secrets(self) -> "SecretsFeed":
        """All secrets that were issued, and those to come."""
        return SecretsFeed(self._path, self._timeout)

    def _ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        import http.client  # costs a tenth of the start of a command that asks nothing

        connection = http.client.HTTPConnection("localhost")
        try:
            connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.sock.settimeout(self._timeout)
            connection.sock.connect(self._path)
            connection.request(method, path, body=None if body is None else json.dumps(body))
            answer = connection.getresponse()
            found = json.loads(answer.read() or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ControlError(f"the local Azure does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise ControlError(f"the local Azure refuses: {found.get('error', answer.status)}")
        return found


class SecretsFeed:
    """The stream of issued secrets. A secret is here before the answer that holds it has left the local Azure."""

    def __init__(self, path: str, timeout: float) -> None:
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._channel.settimeout(timeout)
        self._raw = bytearray()
        self._known: list[str] = []
        self.ended = False
        """The local Azure is gone, or has closed the stream: there will be nothing new."""
        try:
            self._channel.connect(path)
            self._channel.sendall(b"GET /secrets HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while b"\r\n\r\n" not in self._raw:
                self._receive()
            head, _, rest = bytes(self._raw).partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                self._channel.close()
                raise ControlError("the local Azure does not tell its secrets")
            self._raw = bytearray(rest)
            self._complete = False
            self._known += self._lines()
            while not self._complete:
                self._receive()
                self._known += self._lines()
            self._channel.setblocking(False)  # noqa: FBT003
        except OSError as error:
            self._channel.close()
            raise ControlError(f"the local Azure does not answer: {error}") from error

    def new(self) -> list[str]:
        """The secrets since the last call, at once; of a local Azure that is gone, none."""
        try:
            while True:
                self._receive()
        except BlockingIOError:
            pass
        except OSError:
            self.ended = True
        found, self._known = [*self._known, *self._lines()], []
        return found

    def wait(self, seconds: float) -> None:
        """Until there may be something new, at most so long."""
        poll = select.poll()
        with contextlib.suppress(OSError, ValueError):  # closed by another thread
            poll.register(self._channel, select.POLLIN)
            poll.poll(seconds * 1000)

    def close(self) -> None:
        """Idempotent."""
        self._channel.close()

    def _receive(self) -> None:
        part = self._channel.recv(65536)
        if not part:
            raise ConnectionResetError("the stream of secrets has ended")
        self._raw += part

    def _lines(self) -> list[str]:
        """The whole chunks (RFC 9112, 7.1) that have come: each is a secret, or an empty line after the known ones."""
        found = []
        while (end := self._raw.find(b"\r\n")) >= 0:
            size = int(bytes(self._raw[:end]), 16)
            if len(self._raw) < end + 2 + size + 2:
                break
            line = bytes(self._raw[end + 2 : end + 2 + size]).strip()
            del self._raw[: end + 2 + size + 2]
            if line:
                found.append(str(json.loads(line)))
            else:
                self._complete = True
        return found
