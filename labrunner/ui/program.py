"""How this user starts labrunner: the word, or the path, that advice of all kinds begins with."""

import os
import re
import sys
from collections.abc import Mapping

__all__ = ["as_typed", "known_program", "program"]

_NAME = "labrunner"
_COMMAND = "LABRUNNER_COMMAND"
_ADVICE = re.compile(r"(?<!`)`labrunner(?=\s)")


def program(env: Mapping[str, str], started: str = "") -> str:
    """What can be typed. started: what this process was started as (`sys.argv[0]`).

    `make lab` tells it in the environment, as it alone knows the PATH of its caller.
    """
    if told := env.get(_COMMAND):
        return told
    if os.path.basename(started) != _NAME or not os.path.isfile(started):  # noqa: PTH113, PTH119 - start-up time
        return _NAME
    for folder in env.get("PATH", os.defpath).split(os.pathsep):
        found = f"{folder}/{_NAME}"
        if os.access(found, os.X_OK):
            if os.path.samefile(found, started):  # noqa: PTH121 - start-up time
                return _NAME
            break
    near = os.path.relpath(started)
    return near if os.sep in near and not near.startswith(os.pardir) else os.path.abspath(started)  # noqa: PTH100


def known_program(env: Mapping[str, str]) -> dict[str, str]:
    """The environment, in which the program is named for all that reads it later."""
    return {**env, _COMMAND: program(env, sys.argv[0])}


def as_typed(text: str, env: Mapping[str, str]) -> str:
    """A text of ours, or of a course, with each command in backticks that begins with `labrunner` as this user types
    it."""
    name = program(env)
    return text if name == _NAME else _ADVICE.sub(lambda _: f"`{name}", text)
