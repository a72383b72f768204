"""Makes a folder of unpacked packages usable: the links that maintainer scripts would have made, and `bin/`.

`bin/` holds one small script per program. It sets what that program alone needs to find its own libraries and files,
so that a PATH is all that anybody else has to know, and the machine's programs never meet the tree's libraries.
Standard library only.
"""

import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["finish"]

_PROGRAM_FOLDERS = ("usr/bin", "usr/sbin", "bin", "sbin")
_MULTI = "xtables-nft-multi"
_MULTI_NAMES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")


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
        script = _script(final / root.name / place, _needs(name, settings))
        path = programs / name
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)


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
                if path.is_file() and os.access(path, os.X_OK):
                    found.setdefault(path.name, f"{folder}/{path.name}")
    return found


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


def _script(program: Path, settings: Mapping[str, str]) -> str:
    exports = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in settings.items())
    return f'#!/bin/sh\n{exports}exec {shlex.quote(str(program))} "$@"\n'
