"""The environment of everything that runs in a sandbox: by allow-list, nothing else is inherited."""

from collections.abc import Mapping

__all__ = ["machine_environment"]

_PASSED_ON = ("TERM", "TZ", "COLORTERM")
"""What describes the person's terminal and clock, and no machine or account."""


def machine_environment(outer: Mapping[str, str], *, path: str, home: str, user: str = "root") -> dict[str, str]:
    """The whole environment. outer: labrunner's own, of which only what describes the terminal is taken over."""
    chosen = {name: outer[name] for name in _PASSED_ON if outer.get(name)}
    return {
        "PATH": path,
        "HOME": home,
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        **chosen,
    }
