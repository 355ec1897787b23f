from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
import pytest_asyncio

from tests.bridge.bridges import Bridge
from tests.bridge.site import Site, site_in


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Site]:
    async with site_in(tmp_path_factory.mktemp("bridge")) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge(site: Site) -> AsyncGenerator[Bridge]:
    async with site.bridge() as running:
        yield running
