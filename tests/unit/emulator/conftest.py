"""Parts of the local Azure's state, on a file of the test's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from labrunner.emulator.clock import Clock
from labrunner.emulator.store import Store
from labrunner.emulator.world import World, open_world
from tests.unit.emulator.pushed import Part
from tests.unit.emulator.tenant import Tenant


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "state.sqlite")
    yield made
    made.close()


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    made = Tenant(tmp_path / "state.sqlite")
    yield made
    made.store.close()


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    found = Part(tmp_path)
    yield found
    found.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A whole one, with the group "labs"."""
    made = open_world(tmp_path / "azure", Clock())
    made.resources.ensure_group("labs", "eastus")
    yield made
    made.close()
