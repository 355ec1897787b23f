"""Stores that tell of what other processes commit."""

from __future__ import annotations

import asyncio

import pytest

from tests.support.sql.stores import LOCK_TIMEOUT_S, registration, store_at
from vimesh.domain.vim_store import VimStore
from vimesh.runtime.background import beside


@pytest.mark.parametrize("database_url", ["postgresql", "pgbouncer-session"], indirect=True)
async def test_a_commit_elsewhere_is_heard_of(store: VimStore, database_url: str) -> None:
    heard = asyncio.Event()
    async with (
        store_at(database_url, lock_timeout_s=LOCK_TIMEOUT_S) as other,
        beside(store.watch_commits(heard.set)),
        asyncio.timeout(50),
    ):
        await heard.wait()  # that it listens
        heard.clear()

        await other.register(registration())

        await heard.wait()
