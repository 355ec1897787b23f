"""Provides a database whose commits cost no disk: thousands are made, and none has to survive the machine."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.support.sql.stores import create_file, sqlite_url

_MEMORY = Path("/dev/shm")


@pytest.fixture
def folder(tmp_path: Path) -> Generator[Path]:
    with TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else tmp_path) as made:
        yield Path(made)


@pytest.fixture
def database_url(folder: Path) -> str:
    create_file(file := folder / "vimesh.sqlite")
    return sqlite_url(file)
