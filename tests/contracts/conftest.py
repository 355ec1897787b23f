"""Each contract runs on every database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.stores import registration, sqlite_url, store_at
from vimesh.domain.ports import VimStore
from vimesh.domain.vims import Vim


@pytest.fixture(params=["sqlite"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    urls = {"sqlite": sqlite_url(tmp_path / "vimesh.sqlite")}
    return urls[request.param]


@pytest.fixture
async def store(database_url: str) -> AsyncGenerator[VimStore]:
    async with store_at(database_url) as opened:
        yield opened


@pytest.fixture
async def vim(store: VimStore) -> Vim:
    return await store.register(registration())
