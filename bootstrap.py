"""Sets labrunner up in this checkout, then runs a command of it. Called by the Makefile with the system's own Python.

    python3 bootstrap.py [engine] [dev] [bench] [-- COMMAND ...]
    python3 bootstrap.py doctor [OPTIONS]

Says first what the machine lacks (exit status 4). Then it makes what is not there yet: a virtual environment `.venv`
with labrunner and the libraries of the named groups, and, for `engine`, the Docker Engine and other tools, unpacked
privately. What is done is stamped, stamps are written last: a run that was cut is taken up again by the next one, and a
run that finds everything only starts the command. `doctor` is `labrunner doctor`, and sets nothing up. Standard library
only; readable by Python 3.7, which can so be told what it lacks.
"""

import contextlib
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(HERE, ".venv")
GROUPS = ("dev", "bench")


class SetupError(Exception):
    """Something could not be had; `remedy` says what to do."""

    def __init__(self, message, remedy):
        super().__init__(message)
        self.remedy = remedy


def main(arguments):
    """Prepare what `arguments` name, then become the command."""
    if arguments[:1] == ["doctor"]:
        return doctor(arguments[1:])
    split = arguments.index("--") if "--" in arguments else len(arguments)
    wanted, command = arguments[:split], arguments[split + 1 :]
    unknown = set(wanted) - {"engine", *GROUPS}
    if unknown:
        sys.stderr.write("bootstrap.py: unknown part: %s\n%s" % (", ".join(sorted(unknown)), __doc__))
        return 2
    groups = [name for name in GROUPS if name in wanted]
    sys.dont_write_bytecode = True  # nothing of another Python, or of root, is left in the checkout
    found = lacking(groups, engine="engine" in wanted)
    if found:
        sys.stderr.write(found)
        return 4
    # From here on this is a current Python.
    try:
        programs = prepare(groups, engine="engine" in wanted)
    except KeyboardInterrupt:
        sys.stderr.write("\nInterrupted. Run the same command again: it goes on from here.\n")
        return 130
    if not command:
        sys.stderr.write("labrunner is set up: make lab starts it, and so does .venv/bin/labrunner.\n")
        return 0
    path = [os.path.join(VENV, "bin"), *programs, os.environ.get("PATH", os.defpath)]
    environment = dict(os.environ, PATH=":".join(path), VIRTUAL_ENV=VENV)
    if shutil.which("labrunner") is None:
        # for the advice that labrunner gives: what can be typed here
        environment["LABRUNNER_COMMAND"] = os.path.relpath(os.path.join(VENV, "bin", "labrunner"))
    environment.pop("PYTHONHOME", None)
    sys.stderr.flush()
    try:
        os.execvpe(command[0], command, environment)  # noqa: S606 - becoming the command is the point
    except OSError as error:
        raise SetupError("%s cannot be run: %s" % (command[0], error.strerror), "Run `make setup` again.") from error


def doctor(options):
    """`labrunner doctor`, by the Python of the virtual environment if there is a whole one, else by this one."""
    sys.dont_write_bytecode = True
    from labrunner.sandbox import preflight

    if sys.version_info[:2] < preflight.PYTHON:
        sys.stdout.write(lacking([], engine=True))
        return 4
    if are_installed([]):
        line = os.path.relpath(os.path.join(VENV, "bin", "labrunner"))
        environment = dict(os.environ) if shutil.which("labrunner") else dict(os.environ, LABRUNNER_COMMAND=line)
        sys.stdout.flush()
        os.execve(os.path.join(VENV, "bin", "labrunner"), [line, "doctor", *options], environment)  # noqa: S606
    from labrunner.cli import main as labrunner

    # for its advice: there is no .venv/bin/labrunner yet
    os.environ["LABRUNNER_COMMAND"] = "python3 %s" % os.path.relpath(os.path.abspath(__file__))
    return labrunner(["doctor", *options])


def lacking(groups, *, engine):
    """What the machine lacks, as text; empty if nothing."""
    from labrunner.sandbox import preflight

    folders, install = [HERE], True
    if sys.version_info[:2] >= preflight.PYTHON:
        from labrunner.places import cache_dir, state_dir
        from labrunner.sandbox import tools

        install = not are_installed(groups) or (engine and tools.ready(os.environ) is None)
        folders += [cache_dir(os.environ), state_dir(os.environ)] if engine else [cache_dir(os.environ)]
    found = preflight.problems(preflight.look(folders), engine=engine, install=install)
    return preflight.explain(found) if found else ""


def prepare(groups, *, engine):
    """Make the virtual environment and get the tools, where they are not there.

    Returns folders of further programs that the groups want on PATH. Raises SetupError.
    """
    from pathlib import Path

    from labrunner.places import cache_dir
    from labrunner.sandbox import tools
    from labrunner.sandbox.progress import Meter

    with Meter() as meter:
        if not are_installed(groups):
            with alone(meter):
                have = installed_groups()
                if not are_installed(groups):
                    install_libraries(sorted({*groups, *(have or ())}), meter, fresh=have is None)
        try:
            if engine:
                tools.ensure(os.environ, meter.show)
            if "bench" not in groups:
                return []
            return [
                str(tools.unpack_extra("bats", Path(cache_dir(os.environ), "extra", "bats"), os.environ, meter.show))
            ]
        except tools.ToolsError as error:
            raise SetupError(str(error), error.remedy) from error


@contextlib.contextmanager
def alone(meter):
    """One set-up of this checkout at a time."""
    import fcntl

    from labrunner.sandbox.progress import Progress

    descriptor = os.open(HERE, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            meter.show(Progress("waiting for another set-up of this checkout"))
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def stamp_path():
    """Written when the virtual environment is whole, gone while it is being changed."""
    return os.path.join(VENV, "whole.json")


def stamp_key():
    """Names a virtual environment by all that decides what is in it."""
    import hashlib
    import json

    project = pyproject()
    what = [project["project"], project["build-system"], project["tool"]["hatch"]]
    what += [sys.version, os.path.realpath(sys.executable), VENV]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def pyproject():
    """pyproject.toml, read."""
    import tomllib

    with open(os.path.join(HERE, "pyproject.toml"), "rb") as file:
        return tomllib.load(file)


def installed_groups():
    """The groups of libraries that are installed; None if there is no whole virtual environment."""
    import json

    try:
        with open(stamp_path(), encoding="utf-8") as file:
            stamp = json.load(file)
    except (OSError, ValueError):
        return None
    return stamp["groups"] if stamp.get("key") == stamp_key() else None


def are_installed(groups):
    """Whether the virtual environment is whole and has the groups."""
    have = installed_groups()
    return have is not None and set(groups) <= set(have)


def install_libraries(groups, meter, *, fresh):
    """Make `.venv` whole; wheels that an earlier run downloaded are used again. Raises SetupError."""
    import hashlib
    import json
    import shutil
    from pathlib import Path

    from labrunner.places import cache_dir
    from labrunner.sandbox import libraries
    from labrunner.sandbox.progress import Progress

    with contextlib.suppress(FileNotFoundError):
        os.unlink(stamp_path())
    downloads = os.path.join(cache_dir(os.environ), "wheels-" + hashlib.sha256(VENV.encode()).hexdigest()[:16])
    pip = [os.path.join(VENV, "bin", "python"), "-m", "pip", "install", "--no-input", "--disable-pip-version-check"]
    try:
        if fresh:
            meter.show(Progress("making a virtual environment"))
            shutil.rmtree(VENV, ignore_errors=True)
            command = [sys.executable, "-m", "venv", VENV]
            libraries.run_followed(command, os.environ, "the virtual environment could not be made")
        libraries.install_libraries(pip, requirements(groups), Path(downloads), os.environ, meter.show)
        meter.show(Progress("installing labrunner"))
        editable = ["--no-deps", "--no-index", "--no-build-isolation", "--editable", HERE]
        libraries.run_followed([*pip, *editable], os.environ, "labrunner itself could not be installed")
    except libraries.LibrariesError as error:
        remedy = (
            "Check this machine's network, proxy and PIP settings, then run the same command again: it goes on here."
        )
        raise SetupError(str(error), remedy) from error
    partial = stamp_path() + ".partial"
    with open(partial, "w", encoding="utf-8") as file:
        json.dump({"key": stamp_key(), "groups": groups}, file)
    os.sync()  # a power cut must not leave the stamp without what it vouches for
    os.replace(partial, stamp_path())
    shutil.rmtree(downloads, ignore_errors=True)


def requirements(groups):
    """What pyproject.toml asks for: to build an editable labrunner, to run it, and for each group."""
    project = pyproject()
    wanted = [*project["build-system"]["requires"], "editables", *project["project"]["dependencies"]]
    for group in groups:
        wanted += project["project"]["optional-dependencies"][group]
    return wanted


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SetupError as error:
        sys.stderr.write("%s\n%s\n" % (error, error.remedy))
        sys.exit(4)
