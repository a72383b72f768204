"""What a handler raises instead of answering: a status and an error that its service renders in its own shape."""

from collections.abc import Mapping
from typing import Any

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """status: HTTP. code, message: as Azure names and words them. detail: what that service's errors carry beside."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        detail: Any = None,  # noqa: ANN401 - JSON
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = detail
        self.headers = dict(headers or {})
