"""A course's folder -> a Course, or every Diagnostic. An unchanged course comes from the cache."""

import io
import pickle
from dataclasses import dataclass, replace

from labrunner.content import cache as private
from labrunner.content.files import CourseFilesError, course_digest, stamp
from labrunner.model import Course, Diagnostic

__all__ = ["Loaded", "load"]

_KIND = "course"
_PROTOCOL = 5


@dataclass(frozen=True, slots=True)
class Loaded:
    """course: None if a diagnostic is an error. diagnostics: in the order of the course's files."""

    course: Course | None
    diagnostics: tuple[Diagnostic, ...] = ()


def load(folder: str, *, cache: str | None, keep: bool = True) -> Loaded:
    """Load the course in `folder` (as `find_course` gives it). Executes nothing of it.

    cache: a private folder for read courses (`places.cache_dir`), None for none. keep: False looks into it and writes
    nothing. Raises LibyamlMissingError.
    """
    try:
        state = stamp(folder)
        known = _recalled(folder, state, cache)
        if known is not None:
            return Loaded(known)
        digest = course_digest(folder)
    except CourseFilesError as error:
        return Loaded(None, (Diagnostic(error.name, 1, 1, str(error)),))
    from labrunner.content.read import read_course

    course, problems = read_course(folder)
    if course is None or problems:
        return Loaded(None, tuple(problems))
    course = replace(course, path=folder, digest=digest)
    if cache is not None and keep:
        private.store(cache, private.file_name(folder, _KIND), pickle.dumps((state, course), protocol=_PROTOCOL))
    return Loaded(course)


class _OurValues(pickle.Unpickler):
    """Makes nothing but the model's own classes, whatever the file says."""

    def find_class(self, module: str, name: str) -> type:
        if module.startswith("labrunner.model."):
            from labrunner import model

            if name in model.__all__:
                return getattr(model, name)  # type: ignore[no-any-return]
        raise pickle.UnpicklingError(f"{module}.{name} is no value of a course")


def _recalled(folder: str, state: list[object], cache: str | None) -> Course | None:
    content = private.recall(cache, private.file_name(folder, _KIND)) if cache is not None else None
    if content is None:
        return None
    try:
        stored, course = _OurValues(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, IndexError, ImportError, TypeError, ValueError, KeyError):
        return None
    return course if stored == state and isinstance(course, Course) else None
