"""The agent: runs what a task says. Of all that tasks can do, it can do `acr purge`, and says so for the rest."""

from labrunner.emulator.agent.work import execute

__all__ = ["execute"]
