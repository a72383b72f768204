"""What is asked about the state that commands leave."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question put to the target: `kind` names a function of the checks folder, `args` are its arguments.

    host: where it is asked: its engine, its files, its localhost.
    after: the `ref` of the command after which it is asked; None: after the step's last command.
    within: seconds to go on asking until it passes (0: ask once).
    lasts: whether it still holds when the course has gone on. What a later command may rightly undo (a login that
        the next one replaces) does not last: it is asked in the step alone, not by `labrunner check`.
    """

    kind: str
    args: Mapping[str, object] = field(default_factory=dict)
    host: str = "local"
    after: str | None = None
    within: float = 2.0
    lasts: bool = True
    at: str = ""
