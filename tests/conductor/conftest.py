from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.deployments.conductors import Client, conductor_at


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[Client]:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        yield client
