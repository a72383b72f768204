"""The courses that are run: written by the bench, thrown away after it."""

from collections.abc import Sequence
from pathlib import Path

__all__ = ["IMAGE", "image_course", "one_command_course", "trivial_course"]

_READS = "    reads_only: true\n    wrong: {run: 'true', says: nothing}\n"
IMAGE = "labrunner-bench:1"


def trivial_course(folder: Path, outputs: Sequence[str]) -> Path:
    """Steps that count on, each from the number of the one before; their expected outputs are given."""
    return _course(
        folder,
        "".join(
            f"  - id: step-{number}\n    title: Step {number}\n    text: Count on.\n{_READS}"
            f"    commands:\n      - run: PREV=$((PREV+1)); echo step-$PREV\n        expect: {{exact: {output}}}\n"
            for number, output in enumerate(outputs, 1)
        ),
    )


def one_command_course(folder: Path, command: str, output: str) -> Path:
    """One step with one command, on whose output a text must occur."""
    return _course(
        folder,
        f"  - id: only-step\n    title: One command\n    text: Run it.\n{_READS}"
        f"    commands:\n      - run: {command}\n        timeout: 300\n        expect: {{contains: [{output}]}}\n",
    )


def image_course(folder: Path) -> Path:
    """A course with one stand-in image, `IMAGE`."""
    course = _course(
        folder,
        f"  - id: only-step\n    title: One image\n    text: Look.\n    commands:\n      - run: docker images\n"
        f"    checks:\n      - docker.image: {{image: '{IMAGE}'}}\n",
        more=f"images:\n  - names: ['{IMAGE}']\n    says: A stand-in.\n    files: {{/start.sh: start.sh}}\n"
        "    entrypoint: [/bin/sh, /start.sh]\n",
    )
    (folder / "start.sh").write_text("exec sleep 60\n", encoding="utf-8")
    return course


def _course(folder: Path, steps: str, *, more: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "course.yaml").write_text(
        f"format: 1\nid: bench\ntitle: Bench\n{more}labs: [lab.yaml]\n", encoding="utf-8"
    )
    (folder / "lab.yaml").write_text(f"id: lab\nname: lab-1\ntitle: Bench\nsteps:\n{steps}", encoding="utf-8")
    return folder
