"""docs/emulator.md says what the operations say."""

from pathlib import Path

from labrunner.emulator.reference import page
from labrunner.emulator.server import services

PAGE = Path(__file__).parents[2] / "docs" / "emulator.md"


def test_the_page_is_what_the_operations_give() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(services()), (
        "run `python -m labrunner.emulator.reference > docs/emulator.md`"
    )


def test_every_operation_names_its_source_and_no_two_are_alike() -> None:
    for service in services():
        places = [(operation.method, operation.path) for operation in service.operations]
        assert len(places) == len(set(places)), service.name
        for operation in service.operations:
            assert operation.source.strip(), operation.name
