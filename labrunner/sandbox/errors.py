"""What can go wrong with a private machine, as errors that say what to do next."""

__all__ = ["AzureDamaged", "SandboxBusy", "SandboxError", "SandboxGone", "SandboxHung"]


class SandboxError(Exception):
    """The private machine cannot be had, asked or removed. `remedy` says what to do next."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


class SandboxBusy(SandboxError):  # noqa: N818 - the design's word
    """Somebody else holds the sandbox; the message says who."""


class SandboxGone(SandboxError):  # noqa: N818 - the design's word
    """It ended while it was used; starting it again may help."""


class AzureDamaged(SandboxError):  # noqa: N818 - as the others
    """What the local Azure knew is damaged on the disk: it cannot start until that is given up."""


class SandboxHung(SandboxError):  # noqa: N818 - the design's word
    """The supervisor is there and does not answer. pid: its process id on this machine; 0: not known."""

    def __init__(self, message: str, remedy: str = "", *, pid: int = 0) -> None:
        super().__init__(message, remedy)
        self.pid = pid
