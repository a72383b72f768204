"""Where labrunner keeps its own files (XDG base directories). The only module that knows.

Written by hand: `list` may cost little more than starting Python, and the library for this doubles that.
"""

from collections.abc import Mapping

__all__ = ["cache_dir", "run_dir", "sandbox_dir", "sessions_dir", "state_dir", "tools_dir"]


def _base(env: Mapping[str, str], name: str, default: str) -> str:
    value = env.get(name, "")
    if not value.startswith("/"):
        value = f"{env.get('HOME') or '/root'}/{default}"
    return f"{value}/labrunner"


def cache_dir(env: Mapping[str, str]) -> str:
    """What can be made again: read courses, downloaded tools."""
    return _base(env, "XDG_CACHE_HOME", ".cache")


def state_dir(env: Mapping[str, str]) -> str:
    """What a learner would miss: sessions, sandboxes, trust."""
    return _base(env, "XDG_STATE_HOME", ".local/state")


def tools_dir(env: Mapping[str, str]) -> str:
    """The unpacked engine and tools."""
    return f"{cache_dir(env)}/tools"


def sessions_dir(env: Mapping[str, str]) -> str:
    """One folder per session, with its transcript."""
    return f"{state_dir(env)}/sessions"


def sandbox_dir(env: Mapping[str, str], name: str) -> str:
    """One sandbox's own folder: engine data, HOME, work folder, logs."""
    return f"{state_dir(env)}/sandboxes/{name}"


def run_dir(name: str) -> str:
    """Sockets of one sandbox, short enough for an address of 107 bytes, gone after a restart of the machine."""
    return f"/run/labrunner/{name}"
