"""Golden files: `pytest tests/golden --update-golden` writes them anew; the difference is reviewed like code."""

from collections.abc import Callable
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files instead of comparing")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the golden file of that name (its case and format)."""
    update = request.config.getoption("--update-golden", default=False)

    def compare(name: str, text: str) -> None:
        file = Path(__file__).parent / name
        if update:
            file.write_text(text, encoding="utf-8")
        assert file.exists(), f"{name} is missing: run pytest tests/golden --update-golden"
        assert text.splitlines() == file.read_text(encoding="utf-8").splitlines()

    return compare
