"""`python -m labrunner.notation`: what the sandbox's `notation` runs where the machine has none."""

import os
import sys
from datetime import UTC, datetime

from labrunner.notation.commands import AGENT, run
from labrunner.notation.desk import Desk

__all__ = ["main"]


def main() -> int:
    """Carry out the command line of this process."""
    os.umask(0o022)
    try:
        return run(
            Desk(
                env=os.environ,
                answers=sys.stdin,
                out=sys.stdout,
                err=sys.stderr,
                now=lambda: datetime.now(UTC),
                agent=AGENT,
            ),
            sys.argv[1:],
        )
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


if __name__ == "__main__":
    sys.exit(main())
