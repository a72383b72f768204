"""The direction of imports and the walls around libraries, as docs/architecture.md states them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "labrunner"

# every folder (or module) of the package, from the top down; a module may import what stands below it
LAYERS = [
    {"__main__"},
    {"cli"},
    {"ui", "authoring", "report"},
    {"engine"},
    {"targets"},
    {"checking", "shell", "record", "sandbox"},
    {"emulator"},
    {"content", "matching"},
    {"model", "places", "__init__"},
]
ALSO = {("sandbox", "shell"), ("checking", "shell"), ("content", "matching")}
"""Sideways imports that are meant: (from, to)."""

LIBRARIES = {
    "rich": {"ui"},
    "questionary": {"ui"},
    "prompt_toolkit": {"ui"},
    "yaml": {"content", "authoring"},
    "pydantic": {"content", "authoring"},
    "pydantic_core": {"content", "authoring"},
    "markdown_it": {"content", "authoring"},
    "docker": {"targets", "sandbox"},
    "pyte": {"shell"},
    "subprocess": {"shell", "sandbox"},
    "pty": {"shell", "sandbox"},
    "multiprocessing": {"shell", "sandbox"},
    "azure": {"targets"},
    "aiohttp": {"emulator"},
    "jwt": {"emulator"},
    "cryptography": {"emulator"},
    "sqlite3": {"emulator"},
}


def _level(folder: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if folder in names)


def _folder(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def _imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module or "", node.lineno
            if node.module == "labrunner":
                yield from ((f"labrunner.{alias.name}", node.lineno) for alias in node.names)


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    folder = _folder(path)
    for name, line in _imports(path):
        if not name.startswith("labrunner."):
            continue
        target = name.split(".")[1]
        if target == folder or (not (PACKAGE / target).exists() and not (PACKAGE / f"{target}.py").exists()):
            continue
        downwards = _level(target) > _level(folder) or (folder, target) in ALSO
        assert downwards, f"{path.relative_to(ROOT)}:{line}: {folder} must not import {target}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_libraries_stay_in_their_rooms(path: Path) -> None:
    folder = _folder(path)
    for name, line in _imports(path):
        allowed = LIBRARIES.get(name.split(".")[0])
        assert allowed is None or folder in allowed, f"{path.relative_to(ROOT)}:{line}: {folder} must not import {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_content_is_never_imported(path: Path) -> None:
    assert not [name for name, _ in _imports(path) if name.split(".")[0] in ("labs", "checks")]


def _loaded_by(module: str) -> set[str]:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_the_engine_starts_without_heavy_libraries() -> None:
    loaded = _loaded_by("labrunner.engine.runner")
    assert not loaded & {"rich", "questionary", "docker", "azure", "pydantic", "yaml", "pyte", "requests"}


def test_the_command_line_starts_with_next_to_nothing() -> None:
    loaded = _loaded_by("labrunner.cli")
    assert not loaded & {"argparse", "dataclasses", "pathlib", "json", "re", "typing"}


def test_the_emulator_knows_nothing_of_labs() -> None:
    for path in (PACKAGE / "emulator").rglob("*.py"):
        others = [
            name for name, _ in _imports(path) if name.startswith("labrunner.") and name.split(".")[1] != "emulator"
        ]
        assert not others, f"{path.relative_to(ROOT)} imports {others}"
