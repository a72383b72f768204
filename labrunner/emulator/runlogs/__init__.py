"""The logs of runs, as blobs of Azure Storage that a shared access signature opens."""

from labrunner.emulator.routing import Service
from labrunner.emulator.runlogs.blobs import OPERATIONS, admit, render

__all__ = ["SERVICE"]

SERVICE = Service(
    name="runlogs",
    title="Azure Storage (logs of runs)",
    hosts=("*.blob.core.windows.net",),
    operations=OPERATIONS,
    admit=admit,
    render=render,
)
