"""What is kept of a sandbox's sessions, whatever their course: found without the engine, for `sandbox`."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from labrunner import places
from labrunner.record.progress import Progress, ProgressError
from labrunner.record.snapshots import Snapshots

__all__ = ["folder_of", "forget_labs", "shells_of"]


def folder_of(session: str, env: Mapping[str, str]) -> Path:
    """The session's own folder."""
    return Path(places.sessions_dir(env), session)


def shells_of(name: str, env: Mapping[str, str]) -> list[Snapshots]:
    """The shells that are kept of the sessions in that sandbox, of any course."""
    found: list[str] = []
    for path in Path(places.sandbox_dir(env, name)).glob("progress-*.json"):
        with suppress(ProgressError):  # it is kept aside; nobody knows then what was held there
            found += Progress(str(path)).sessions()
    return [Snapshots(str(folder_of(session, env))) for session in found]


def forget_labs(name: str, env: Mapping[str, str]) -> None:
    """The sandbox is emptied: nothing has been done or made in it."""
    folder = Path(places.sandbox_dir(env, name))
    for path in (*folder.glob("progress-*.json"), *folder.glob("ledger-*.json")):
        path.unlink(missing_ok=True)
