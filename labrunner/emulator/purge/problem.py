"""Why a purge cannot go on."""

__all__ = ["PurgeProblem"]


class PurgeProblem(Exception):  # noqa: N818 - an answer
    """What acr says after "Error: ", and where this program has a limit that acr does not have, what that is."""
