"""What keeps a command from being carried out."""

__all__ = ["NotationError"]


class NotationError(Exception):
    """The message is for the person who gave the command, as it stands after `Error: `."""
