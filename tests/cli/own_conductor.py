"""Fixtures of tests whose command calls a conductor of its own, with an empty store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.support.callers.commands import AsyncUser, Command
from tests.support.deployments.conductors import conductor_over
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.store.sql_store import SqlStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        yield store


@pytest.fixture
async def user(store: SqlStore, tmp_path: Path) -> AsyncGenerator[AsyncUser]:
    # What the conductor logs would stand between what the command prints.
    with capture_logs():
        async with conductor_over(store) as client:
            command = Command(tmp_path, {"VIMESH_ADDRESS": client.address})
            yield lambda *words: asyncio.to_thread(command, *words)
