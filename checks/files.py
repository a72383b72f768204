"""Checks of files. A path is meant from the work folder; `~/` is the learner's HOME; none may leave those two."""

import json
import os
import stat

from labrunner.checking.api import Context, Finding, check, failed, passed
from labrunner.checking.wording import MISSING, has_text, look_up, shown

LARGEST = 10 * 1024 * 1024


@check("file.exists")
def exists(ask: Context, *, path: str, mode: str = "", contains: str = "") -> Finding:
    """A file is there, with its permissions (`mode: "0755"`) and a text in it.

    Without `contains` a folder counts too.
    """
    place = _place(ask, path)
    try:
        about = os.stat(place)  # noqa: PTH116
        text = _text(place) if contains else ""
    except OSError as error:
        return failed(_missing(path, error))
    if mode and stat.S_IMODE(about.st_mode) != int(mode, 8):
        return failed(f"`{path}` has the permissions {stat.S_IMODE(about.st_mode):04o}, not {int(mode, 8):04o}.")
    if contains not in text:
        return failed(f"`{path}` does not contain `{contains}`.")
    return passed(f"`{path}` is there, and as it should be." if mode or contains else f"`{path}` is there.")


@check("file.absent")
def absent(ask: Context, *, path: str) -> Finding:
    """Nothing has that path: no file, no folder, no link."""
    place = _place(ask, path)
    return failed(f"`{path}` is still there.") if os.path.lexists(place) else passed(f"`{path}` is not there.")


@check("file.json")
def json_value(ask: Context, *, path: str, has: str, equals: str = "") -> Finding:
    """A JSON file has a value at a path of keys (`has: auths.localhost.auth`), any value or a certain one."""
    try:
        document = json.loads(_text(_place(ask, path)))
    except OSError as error:
        return failed(_missing(path, error))
    except json.JSONDecodeError as error:
        return failed(f"`{path}` is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}.")
    value = look_up(document, has)
    if value is MISSING:
        return failed(f"`{path}` has no `{has}`.")
    if equals and not has_text(value, equals):
        return failed(f"In `{path}`, `{has}` is {shown(has, value)}, not `{equals}`.")
    return passed(f"`{path}` has `{has}`" + (f", and it is `{equals}`." if equals else "."))


def _place(ask: Context, path: str) -> str:
    """The full path. Raises ValueError for one that leaves work folder and HOME: a defect of the course."""
    base, rest = (ask.home, path[2:]) if path.startswith("~/") else (ask.work, path)
    place = os.path.normpath(os.path.join(base, rest))  # noqa: PTH118
    if not any(os.path.commonpath([folder, place]) == os.path.normpath(folder) for folder in (ask.work, ask.home)):
        raise ValueError(f"the path {path} leaves the work folder")
    return place


def _text(place: str) -> str:
    """Raises OSError; bytes that are not UTF-8 are replaced."""
    if not os.path.isfile(place):  # noqa: PTH113 - a pipe or device would be waited for
        raise FileNotFoundError if not os.path.exists(place) else IsADirectoryError  # noqa: PTH110
    with open(place, "rb") as stream:  # noqa: PTH123
        return stream.read(LARGEST).decode(errors="replace")


def _missing(path: str, error: OSError) -> str:
    match error:
        case FileNotFoundError() | NotADirectoryError():
            return f"There is no file `{path}`."
        case IsADirectoryError():
            return f"`{path}` is not a file."
        case _:
            return f"`{path}` cannot be read: {error.strerror}."
