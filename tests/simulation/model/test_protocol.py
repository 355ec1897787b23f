"""Explores the protocol of fence, leases and replacements: see docs/evidence/model.md."""

from __future__ import annotations

import pytest

from tests.simulation.model.exploring import LIMIT_S, Explored, explore, healthy
from tests.support.sql.databases import SERVERS, server


@pytest.mark.timeout(LIMIT_S)
async def test_whatever_happens_in_whatever_order_the_protocol_holds(database_url: str) -> None:
    """G1, G2, G3, G4, G5, G6, G7, G8, G11."""
    await explore(database_url, healthy(60), Explored())


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize("kind", SERVERS)
async def test_the_protocol_holds_on_servers_too(kind: str) -> None:
    """G1, G2, G3, G4, G5, G6, G7, G8, G11."""
    async with server(kind) as running:
        await explore(running.url, healthy(10), Explored())
