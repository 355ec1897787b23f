from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.cli.targets import Target, target
from tests.support.callers.commands import Command
from tests.support.callers.running import Fleet, fleet


@pytest.fixture
def vimesh(tmp_path: Path) -> Command:
    """Give the command without a fleet."""
    return Command(tmp_path)


@pytest.fixture(scope="session")
def shared_fleet(tmp_path_factory: pytest.TempPathFactory) -> Generator[Fleet]:
    """Give a fleet for tests that leave it as it was, but for VIMs with names of their own."""
    with fleet(tmp_path_factory.mktemp("fleet"), "--channelz") as up:
        yield up


@pytest.fixture
def user(shared_fleet: Fleet, tmp_path: Path) -> Command:
    """Give the command of somebody who uses that fleet."""
    return Command(tmp_path, {"VIMESH_ADDRESS": shared_fleet.address})


@pytest.fixture
def cloud() -> Generator[Target]:
    with target() as made:
        yield made
