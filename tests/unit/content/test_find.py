"""Which folder a course's path means."""

from pathlib import Path

import pytest

from labrunner.content.find import CourseNotFoundError, bundled_courses, checks_folder, courses_folder, find_course

GOOD = Path(__file__).parents[2] / "courses" / "good"


@pytest.mark.parametrize("part", ["", "course.yaml", "lab.yaml"])
def test_a_course_is_its_folder_or_a_file_in_it(part: str):
    assert find_course(str(GOOD / part)) == str(GOOD)


def test_the_bundled_course_needs_no_path():
    (bundled,) = bundled_courses()
    assert bundled.startswith(courses_folder())
    assert find_course(None) == bundled
    assert find_course(Path(bundled).name) == bundled


def test_the_bundled_checks_are_beside_the_courses():
    assert Path(checks_folder()).parent == Path(courses_folder()).parent
    assert (Path(checks_folder()) / "docker_engine.py").is_file()


def test_a_folder_without_a_course_says_what_is_missing(tmp_path: Path):
    with pytest.raises(CourseNotFoundError, match=r"is not a course: it holds no course\.yaml"):
        find_course(str(tmp_path))


def test_no_such_folder(tmp_path: Path):
    with pytest.raises(CourseNotFoundError, match="no such folder"):
        find_course(str(tmp_path / "none"))
