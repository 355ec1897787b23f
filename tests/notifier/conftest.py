from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.deployments.conductors import Client, conductor_over
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.domain.leases import LONGEST_CONTACT_WITHIN_S
from vimesh.store.sql_store import SqlStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        yield store


@pytest.fixture
async def client(store: SqlStore) -> AsyncGenerator[Client]:
    # Nothing probes these VIMs, and none of them is to fall silent meanwhile.
    settings = ConductorSettings(contact_within_s=LONGEST_CONTACT_WITHIN_S, drain_s=0, grace_s=1)
    async with conductor_over(store, settings) as client:
        yield client
