"""Small foreign courses, written where a test wants them."""

from pathlib import Path

COURSE = """\
format: 1
id: small
title: A Small Course
labs: [lab.yaml]
"""
LAB = """\
id: small-lab
name: lab-1
title: Small
steps:
  - id: first
    title: First
    text: Make a file.
    commands:
      - run: touch made-by-small
    checks:
      - file.exists: {path: made-by-small}
    cleanup:
      - run: rm -f made-by-small
"""


def write(folder: Path, lab: str | bytes = LAB) -> Path:
    """A course in that folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "course.yaml").write_text(COURSE)
    (folder / "lab.yaml").write_bytes(lab.encode() if isinstance(lab, str) else lab)
    return folder
