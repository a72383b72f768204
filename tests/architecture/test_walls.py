"""The direction of imports and the walls around libraries, as docs/architecture.md states them."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from labrunner import model

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
    {"emulator", "notation"},
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
    "cryptography": {"emulator", "notation"},
    "sqlite3": {"emulator"},
}


def _level(folder: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if folder in names)


def _folder(path: Path) -> str:
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


@cache
def _imports(path: Path) -> tuple[tuple[str, str], ...]:
    """(place, imported module) of each import of a file."""
    return tuple((f"{path.relative_to(ROOT)}:{line}", name) for name, line in _found(path))


def _statements(within: ast.AST) -> Iterator[ast.AST]:
    """Those of a module or statement, at any depth: no expression, most of what `ast.walk` gives, imports anything."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for node in getattr(within, part, ()):
            yield node
            yield from _statements(node)


def _found(path: Path) -> Iterator[tuple[str, int]]:
    for node in _statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module or "", node.lineno
            if node.module == "labrunner":
                yield from ((f"labrunner.{alias.name}", node.lineno) for alias in node.names)


@cache
def _is_ours(name: str) -> bool:
    return (PACKAGE / name).exists() or (PACKAGE / f"{name}.py").exists()


MODULES = sorted(PACKAGE.rglob("*.py"))


def test_imports_run_one_way() -> None:
    wrong = []
    for path in MODULES:
        folder = _folder(path)
        for place, name in _imports(path):
            if not name.startswith("labrunner."):
                continue
            target = name.split(".")[1]
            if target == folder or not _is_ours(target):
                continue
            if not (_level(target) > _level(folder) or (folder, target) in ALSO):
                wrong.append(f"{place}: {folder} must not import {target}")
    assert wrong == []


def test_libraries_stay_in_their_rooms() -> None:
    wrong = []
    for path in MODULES:
        folder = _folder(path)
        for place, name in _imports(path):
            allowed = LIBRARIES.get(name.split(".")[0])
            if allowed is not None and folder not in allowed:
                wrong.append(f"{place}: {folder} must not import {name}")
    assert wrong == []


def test_the_model_imports_nothing_of_ours_and_is_entered_by_its_door() -> None:
    inside = [path for path in MODULES if _folder(path) == "model"]
    assert len(inside) > 1
    found = [(path in inside, place, name) for path in MODULES for place, name in _imports(path)]
    out = [item for item in found if item[0] and item[2].startswith("labrunner") and "model" not in item[2].split(".")]
    round_the_door = [item for item in found if not item[0] and item[2].startswith("labrunner.model.")]
    assert out + round_the_door == []


def test_the_door_of_the_model_names_all_that_is_public_behind_it() -> None:
    modules = [
        importlib.import_module(f"labrunner.model.{path.stem}") for path in (PACKAGE / "model").glob("[a-z]*.py")
    ]
    public = [name for module in modules for name in module.__all__]
    assert sorted(public) == model.__all__
    assert [getattr(model, name) for name in public] == [
        getattr(module, name) for module in modules for name in module.__all__
    ]


def test_content_is_never_imported() -> None:
    imports = [found for path in MODULES for found in _imports(path)]
    assert [found for found in imports if found[1].split(".")[0] in ("labs", "checks")] == []


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


def test_commands_that_run_nothing_start_without_what_runs_labs() -> None:
    """`status`, `hint` and the like are asked often: they wait for none of it."""
    loaded = _loaded_by(
        "labrunner.cli.sessions, labrunner.cli.opening, labrunner.cli.options, labrunner.sandbox.machine"
    )
    heavy = {"http.client", "yaml", "labrunner.engine.runner", "labrunner.matching", "labrunner.targets.sandbox"}
    assert not loaded & (heavy | {"concurrent.futures", "labrunner.sandbox.azure_cli"})


@pytest.mark.parametrize("alone", ["emulator", "notation"])
def test_what_is_usable_alone_knows_nothing_of_labs(alone: str) -> None:
    inside = [path for path in MODULES if _folder(path) == alone]
    assert inside
    ours = [found for path in inside for found in _imports(path) if found[1].startswith("labrunner.")]
    assert [found for found in ours if found[1].split(".")[1] not in (alone, "__version__")] == []
