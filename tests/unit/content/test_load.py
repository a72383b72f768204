"""Loading, the digest, and the cache that an unchanged course comes from."""

import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest

import labrunner
from labrunner.content import cache as private
from labrunner.content.files import course_digest, stamp
from labrunner.content.load import load

GOOD = Path(__file__).parents[2] / "courses" / "good"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOOD, tmp_path / "course"))


def read_modules(folder: Path, cache: Path) -> set[str]:
    """What a fresh Python has imported after loading."""
    code = (
        "import sys; from labrunner.content.load import load;"
        "assert load(sys.argv[1], cache=sys.argv[2]).course; print(*sys.modules)"
    )
    argv = [sys.executable, "-c", code, str(folder), str(cache)]
    return set(subprocess.run(argv, capture_output=True, text=True, check=True, timeout=30).stdout.split())


def test_path_and_digest_are_filled(folder: Path):
    course = load(str(folder), cache=None).course
    assert course is not None
    assert course.path == str(folder)
    assert course.digest == course_digest(str(folder))
    assert len(course.digest) == 64


def test_an_unchanged_course_is_read_back_without_yaml_or_pydantic(folder: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    first = load(str(folder), cache=str(cache))
    assert load(str(folder), cache=str(cache)) == first
    assert not {"yaml", "pydantic", "labrunner.content.read"} & read_modules(folder, cache)
    (folder / "files" / "more").touch()
    assert "yaml" in read_modules(folder, cache)


@pytest.mark.parametrize("change", ["content", "name", "check", "new"])
def test_a_changed_course_is_read_again(folder: Path, tmp_path: Path, change: str):
    cache = str(tmp_path / "cache")
    before = load(str(folder), cache=cache).course
    if change == "content":
        text = (folder / "lab.yaml").read_text(encoding="utf-8")
        (folder / "lab.yaml").write_text(text.replace("All Forms", "New Forms"), encoding="utf-8")
    elif change == "name":
        (folder / "lab.yaml").rename(folder / "lab-1.yaml")
        course = (folder / "course.yaml").read_text(encoding="utf-8")
        (folder / "course.yaml").write_text(course.replace("lab.yaml", "lab-1.yaml"), encoding="utf-8")
    elif change == "check":
        (folder / "checks" / "probe.py").unlink()
    else:
        (folder / "files" / ".hidden").touch()
    after = load(str(folder), cache=cache)
    assert after == load(str(folder), cache=None)
    assert after.course is None or (before is not None and after.course.digest != before.digest)
    assert (after.course is None) == (change == "check")


def test_a_course_is_read_again_when_what_made_it_has_changed(folder: Path):
    """By another labrunner, of the same version: its modules are part of the stamp."""
    made_by = {str(state[0]) for state in cast("list[list[object]]", stamp(str(folder))[-1])}
    package = Path(labrunner.__file__).parent
    parts = [path for part in ("model", "content", "matching") for path in (package / part).glob("*.py")]
    assert made_by == {str(path.relative_to(package)) for path in parts}
    assert {"model/course.py", "content/read.py", "matching/lines.py"} < made_by


def test_the_digest_sees_names_bytes_and_links_but_no_bytecode(folder: Path):
    digests = {course_digest(str(folder))}
    (folder / "files" / "run.sh").write_text("x", encoding="utf-8")
    digests.add(course_digest(str(folder)))
    (folder / "files" / "run.sh").rename(folder / "files" / "run2.sh")
    digests.add(course_digest(str(folder)))
    (folder / "link").symlink_to("a")
    digests.add(course_digest(str(folder)))
    (folder / "link").unlink()
    (folder / "link").symlink_to("b")
    digests.add(course_digest(str(folder)))
    assert len(digests) == 5
    (folder / "checks" / "__pycache__").mkdir()
    (folder / "checks" / "__pycache__" / "x.pyc").touch()
    assert course_digest(str(folder)) in digests


def entry(cache: Path) -> Path:
    (found,) = (cache / "courses").iterdir()
    return found


def test_the_cache_is_private(folder: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    cache.mkdir(mode=0o755)
    load(str(folder), cache=str(cache))
    assert (cache / "courses").stat().st_mode & 0o777 == 0o700
    assert entry(cache).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "open file", "open folder", "link", "folder"])
def test_a_cache_that_cannot_be_trusted_is_not_used(folder: Path, tmp_path: Path, damage: str):
    cache = tmp_path / "cache"
    good = load(str(folder), cache=str(cache))
    path = entry(cache)
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-10])
    elif damage == "flipped":
        path.write_bytes(data[:100] + bytes([data[100] ^ 1]) + data[101:])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "open file":
        path.chmod(0o644)
    elif damage == "open folder":
        path.parent.chmod(0o770)
    elif damage == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
    else:
        path.unlink()
        path.mkdir()
    assert private.recall(str(cache), path.name) is None
    assert load(str(folder), cache=str(cache)) == good


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_cache_of_somebody_else_is_not_used(folder: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    load(str(folder), cache=str(cache))
    path = entry(cache)
    os.chown(path, 65534, 65534)
    assert private.recall(str(cache), path.name) is None


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_the_cache_makes_nothing_but_our_values(folder: Path, tmp_path: Path):
    cache = tmp_path / "cache"
    good = load(str(folder), cache=str(cache))
    private.store(str(cache), entry(cache).name, pickle.dumps(([], Evil(tmp_path / "ran")), protocol=5))
    assert load(str(folder), cache=str(cache)) == good
    assert not (tmp_path / "ran").exists()


def test_no_cache_can_be_written_and_the_course_still_loads(folder: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    assert load(str(folder), cache=str(tmp_path / "file" / "cache")).course is not None


def test_a_pipe_by_the_name_of_a_lab_does_not_hang(folder: Path):
    (folder / "lab.yaml").unlink()
    os.mkfifo(folder / "lab.yaml")
    (found,) = load(str(folder), cache=None).diagnostics
    assert str(found) == "course.yaml:22:7: error: the file 'lab.yaml' is no regular file"


def test_a_course_with_too_many_files_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("labrunner.content.files.LIMIT_FILES", 3)
    loaded = load(str(folder), cache=None)
    assert loaded.course is None
    assert "more than 3 files" in str(loaded.diagnostics[0])
