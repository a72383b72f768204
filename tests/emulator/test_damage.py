"""A state that gets damaged under a running local Azure."""

import os
import sqlite3
from contextlib import closing

import pytest

from labrunner.emulator.client import ControlError
from labrunner.emulator.damage import DATABASE, STATUS, told
from tests.emulator.running import start


def test_it_ends_and_says_which_file_it_is(tmp_path):
    emulator = start(tmp_path)
    try:
        emulator.control.inventory()
        file = tmp_path / "azure" / DATABASE
        with closing(sqlite3.connect(file)) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            db.execute("PRAGMA user_version=1")  # so that it reads the file anew
            with file.open("r+b") as raw:
                raw.seek(4096)
                raw.write(os.urandom(file.stat().st_size - 4096))
            with pytest.raises(ControlError):
                emulator.control.inventory()
            assert emulator.process.wait(10) == STATUS
        assert told(emulator.log) == f"{file}: database disk image is malformed"
    finally:
        emulator.end()
