"""A clock that stands still until it is moved."""

from labrunner.emulator.clock import Clock


class Still(Clock):
    """Its offset moves it, and nothing else."""

    def now(self) -> float:
        return 1_800_000_000.0 + self.offset
