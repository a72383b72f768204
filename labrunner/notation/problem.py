"""What keeps a command from being carried out."""

__all__ = ["NotationError", "RegistryError"]


class NotationError(Exception):
    """The message is for the person who gave the command, as it stands after `Error: `."""


class RegistryError(NotationError):
    """The registry could not be asked, or refused. status: of its answer, 0 if there was none."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
