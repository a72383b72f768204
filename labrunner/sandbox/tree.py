"""Makes a folder of unpacked packages usable: the links that maintainer scripts would have made, and `bin/`.

`bin/` holds one small script per program. It sets what that program alone needs to find its own libraries and files,
so that a PATH is all that anybody else has to know, and the machine's programs never meet the tree's libraries.
A program in Python runs with the tree's own Python, which is offered to nobody else. Standard library only.
"""

import contextlib
import os
import shlex
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

__all__ = ["finish"]

_PROGRAM_FOLDERS = ("usr/bin", "usr/sbin", "bin", "sbin")
_MULTI = "xtables-nft-multi"
_MULTI_NAMES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")
_PYTHON = "usr/bin/python3"
_PYTHON_PATH = "usr/lib/python3/dist-packages"
_IN_PYTHON = ("docker-compose",)
"""The programs in Python that are wanted for themselves; the others come with libraries."""
_PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose"
"""Compose from version 2 on: Docker's own, and by its file a program too."""
_WARMING_SECONDS = 60


def finish(root: Path, *, programs: Path, final: Path) -> None:
    """Complete the tree `root` and fill the folder `programs`.

    final: where the folder that holds both will be at last; scripts name their programs there.
    Raises OSError.
    """
    _mend_links(root)
    _name_multi_call_programs(root)
    settings = _settings(root, final / root.name)
    programs.mkdir()
    for name, place in _programs(root).items():
        line = [str(final / root.name / place)]
        needs = _needs(name, settings)
        if _is_in_python(root / place):
            line = [str(final / root.name / _PYTHON), "-sS", *line]
            needs["PYTHONPATH"] = str(final / root.name / _PYTHON_PATH)
        plugin = str(final / root.name / _PLUGIN) if name == "docker" and (root / _PLUGIN).exists() else ""
        path = programs / name
        path.write_text(_script(line, needs, compose=plugin), encoding="utf-8")
        path.chmod(0o755)
    _compile_python(root)


def _walk_links(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink():
                yield path


def _mend_links(root: Path) -> None:
    """A link to an absolute path of the package means a path of the tree, where the tree has it."""
    for link in _walk_links(root):
        target = str(link.readlink())
        if target.startswith("/") and os.path.lexists(root / target[1:]):
            link.unlink()
            link.symlink_to(os.path.relpath(root / target[1:], link.parent))


def _name_multi_call_programs(root: Path) -> None:
    """The package makes these names by update-alternatives, which is the system's."""
    for folder in _PROGRAM_FOLDERS:
        if (root / folder / _MULTI).exists():
            for name in _MULTI_NAMES:
                link = root / folder / name
                if not os.path.lexists(link):
                    link.symlink_to(_MULTI)


def _programs(root: Path) -> dict[str, str]:
    """Name -> path in the tree, of every program."""
    found: dict[str, str] = {}
    for folder in _PROGRAM_FOLDERS:
        if (root / folder).is_dir():
            for path in sorted((root / folder).iterdir()):
                if path.is_file() and os.access(path, os.X_OK) and _is_offered(path):
                    found.setdefault(path.name, f"{folder}/{path.name}")
    if (root / _PLUGIN).exists():
        found.setdefault("docker-compose", _PLUGIN)
    return found


def _is_offered(program: Path) -> bool:
    """Whether others may find it: not a Python, which would hide the machine's, nor what comes with its libraries."""
    if program.name.startswith("python3"):
        return False
    return program.name in _IN_PYTHON or not _is_in_python(program)


def _is_in_python(program: Path) -> bool:
    with program.open("rb") as file:
        return file.read(2) == b"#!" and b"python" in file.readline(200)


def _compile_python(root: Path) -> None:
    """Have the Python programs leave their compiled modules: inside, where the tree is read-only, they could not.

    Without them each start takes seconds, so one that does not run here is no failure.
    """
    python, libraries = root / _PYTHON, ":".join(str(root / folder) for folder in sorted(_library_folders(root)))
    env = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": libraries, "PYTHONPATH": str(root / _PYTHON_PATH)}
    for name in _IN_PYTHON:
        program = root / "usr/bin" / name
        if python.exists() and program.exists():
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    [str(python), "-sS", str(program), "version"],
                    env=env,
                    stdin=subprocess.DEVNULL,
                    capture_output=True,
                    check=False,
                    timeout=_WARMING_SECONDS,
                )


def _settings(root: Path, final: Path) -> dict[str, str]:
    """What programs of the tree may need to be told."""
    libraries = sorted(_library_folders(root))
    settings = {"LD_LIBRARY_PATH": ":".join(str(final / folder) for folder in libraries)}
    for folder in libraries:
        if (root / folder / "xtables").is_dir():
            settings["XTABLES_LIBDIR"] = str(final / folder / "xtables")
    for name, place in (("GIT_EXEC_PATH", "usr/lib/git-core"), ("GIT_TEMPLATE_DIR", "usr/share/git-core/templates")):
        if (root / place).is_dir():
            settings[name] = str(final / place)
    return settings


def _library_folders(root: Path) -> set[str]:
    """Folders that hold shared libraries: `lib` and its one level of folders per architecture."""
    found = set()
    for pattern in ("usr/lib/*.so.*", "usr/lib/*-linux-gnu*/*.so.*", "lib/*.so.*", "lib/*-linux-gnu*/*.so.*"):
        found |= {str(path.parent.relative_to(root)) for path in root.glob(pattern)}
    return found


def _needs(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    wanted = {"LD_LIBRARY_PATH"}
    if "tables" in name:
        wanted.add("XTABLES_LIBDIR")
    if name == "git" or name.startswith("git-"):
        wanted |= {"GIT_EXEC_PATH", "GIT_TEMPLATE_DIR"}
    return {key: value for key, value in settings.items() if key in wanted and value}


def _script(line: Sequence[str], settings: Mapping[str, str], *, compose: str = "") -> str:
    """compose: the plugin that `docker compose` is; Docker itself would look for it in the system's folders."""
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())
    plugin = f'[ "${{1-}}" != compose ] || {{ shift; exec {shlex.quote(compose)} "$@"; }}\n' if compose else ""
    return f'#!/bin/sh\n{exports}{plugin}exec {shlex.join(line)} "$@"\n'
