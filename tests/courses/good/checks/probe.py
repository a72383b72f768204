"""Checks of a fixture course. Never run: reading a course executes nothing of it."""

from labrunner.checking.api import Context, Finding, check, passed


@check("probe.state")
def state(
    ask: Context,
    *,
    name: str,
    count: int = 1,
    ready: bool = True,
    tags: list[str] | None = None,
    env: dict[str, str] | None = None,
    share: float = 0.5,
) -> Finding:
    """The probe is in that state."""
    return passed("It is.")
