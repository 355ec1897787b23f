from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.api.site import Site, site_in
from tests.support.deployments.conductors import Client, conductor_at
from tests.support.deployments.rest_doors import Door, door_to


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    async with site_in(tmp_path) as made:
        yield made


@pytest.fixture
async def client(tmp_path: Path) -> AsyncGenerator[Client]:
    async with conductor_at(tmp_path / "vimesh.sqlite") as client:
        yield client


@pytest.fixture
async def door(client: Client) -> AsyncGenerator[Door]:
    async with door_to(client.address) as opened:
        yield opened
