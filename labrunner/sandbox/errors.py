"""What can go wrong with a private machine, as errors that say what to do next."""

__all__ = ["SandboxBusy", "SandboxError"]


class SandboxError(Exception):
    """The private machine cannot be had, asked or removed. `remedy` says what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class SandboxBusy(SandboxError):  # noqa: N818 - the design's word
    """Somebody else holds the sandbox; the message says who."""
