"""Parts of the local Azure's state, on a file of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.emulator.tenant import Tenant


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    made = Tenant(tmp_path / "state.sqlite")
    yield made
    made.store.close()
