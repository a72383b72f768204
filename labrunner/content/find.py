"""Where the bundled courses and checks are, and which course a path means. Light: `list` imports it."""

# pathlib costs the start-up that `list` may not spend
# ruff: noqa: PTH100, PTH110, PTH112, PTH113, PTH119, PTH120, PTH208

import os

__all__ = ["COURSE_FILE", "CourseNotFoundError", "bundled_courses", "checks_folder", "courses_folder", "find_course"]

COURSE_FILE = "course.yaml"


class CourseNotFoundError(Exception):
    """There is no course where one was asked for. The message says where, and what to do."""


def _root() -> str:
    """The folder that holds `labs` and `checks`: inside the package in a wheel, beside it in a checkout."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    bundled = f"{package}/_bundled"
    return bundled if os.path.isdir(bundled) else os.path.dirname(package)


def courses_folder() -> str:
    """The folder of the bundled courses."""
    return f"{_root()}/labs"


def checks_folder() -> str:
    """The folder of the bundled checks."""
    return f"{_root()}/checks"


def bundled_courses() -> list[str]:
    """The folders of the bundled courses, sorted."""
    base = courses_folder()
    try:
        names = sorted(os.listdir(base))
    except OSError:
        return []
    return [f"{base}/{name}" for name in names if _is_course(f"{base}/{name}")]


def find_course(path: str | None) -> str:
    """The absolute folder of a course. `path` is its folder, a YAML file in it, the name of a bundled course, or None
    for the bundled one. Raises CourseNotFoundError.
    """
    bundled = bundled_courses()
    if path is None:
        return _only(bundled)
    folder = os.path.realpath(path)
    if os.path.isfile(folder):
        folder = os.path.dirname(folder)
    if _is_course(folder):
        return folder
    for known in bundled:
        if os.path.basename(known) == path:
            return known
    if os.path.exists(path):
        raise CourseNotFoundError(
            f"'{path}' is not a course: it holds no {COURSE_FILE}. Give the folder that holds one."
        )
    raise CourseNotFoundError(f"There is no course '{path}': no such folder. Give the folder of a course.")


def _only(bundled: list[str]) -> str:
    if len(bundled) == 1:
        return bundled[0]
    if not bundled:
        message = (
            f"No course is installed in {courses_folder()}. Reinstall labrunner, or give a course with --course PATH."
        )
        raise CourseNotFoundError(message)
    names = ", ".join(os.path.basename(folder) for folder in bundled)
    raise CourseNotFoundError(f"Several courses are installed ({names}). Say which with --course NAME.")


def _is_course(folder: str) -> bool:
    return os.path.isfile(f"{folder}/{COURSE_FILE}")
