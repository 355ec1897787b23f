"""Each contract runs on every database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.databases import SERVERS, empty, server
from tests.support.stores import registration, sqlite_url, store_at
from vimesh.domain.ports import VimStore
from vimesh.domain.vims import Vim


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers() -> AsyncGenerator[dict[str, str]]:
    """Run a server of each kind for as long as the tests run; yields the URLs of their databases."""
    async with AsyncExitStack() as running:
        yield {kind: (await running.enter_async_context(server(kind))).url for kind in SERVERS}


@pytest.fixture(params=["sqlite", *SERVERS])
async def database_url(request: pytest.FixtureRequest, tmp_path: Path, servers: dict[str, str]) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "vimesh.sqlite")
    url = servers[request.param]
    await empty(url)
    return url


@pytest.fixture
async def store(database_url: str) -> AsyncGenerator[VimStore]:
    async with store_at(database_url) as opened:
        yield opened


@pytest.fixture
async def vim(store: VimStore) -> Vim:
    return await store.register(registration())
