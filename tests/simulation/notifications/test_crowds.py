"""G19: VIMs that are lost together or that flap, at a real conductor and a notifier that is a process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select, update

from tests.simulation.notifications import dark, flapping
from tests.support.callers.running import Running
from tests.support.deployments.conductors import Client, conductor_over
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.domain.history.flapping import MINUTES
from vimesh.domain.leases import LONGEST_CONTACT_WITHIN_S
from vimesh.store.schema.tables import events
from vimesh.store.schema.timestamps import micros
from vimesh.store.sql_store import SqlStore
from vimesh.v1.vim_service_pb2 import WatchVimsRequest, WatchVimsResponse

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store:
        yield store


@pytest.fixture
async def client(store: SqlStore, tmp_path: Path) -> AsyncGenerator[Client]:
    settings = ConductorSettings(contact_within_s=LONGEST_CONTACT_WITHIN_S, drain_s=0, grace_s=1)
    async with conductor_over(store, settings) as client:
        notifier = Running(tmp_path, "notify", "--address", client.address, "--target-allow", "127.0.0.0/8")
        try:
            yield client
        finally:
            await asyncio.to_thread(notifier.close)  # it says good-bye to the conductor, which is in this thread


async def test_vims_that_are_lost_together_are_one_notification_and_one_when_they_are_back(
    client: Client, tmp_path: Path
) -> None:
    aftermath = await dark.play(client, dark.Darkness(vims=100, spread_s=0.0, group_wait_s=5), tmp_path)

    assert list(aftermath.faults) == []
    assert aftermath.notifications == {"by reason": 4, "together": 2, "e-mail": 4}


async def test_nothing_is_sent_while_vims_flap_and_what_is_true_afterwards_is_sent_once(
    client: Client, store: SqlStore
) -> None:
    watch = client.vims.WatchVims(WatchVimsRequest())
    await watch.read()  # from now on it says what is new

    async def pass_minute() -> None:
        """Let everything in the log be a minute older but its newest change, by which the conductor knows the log."""
        newest = (await client.register()).id
        while isinstance(read := await watch.read(), WatchVimsResponse):
            if newest in {event.vim_id for event in read.events}:
                break
        await store._database.write(_age)

    outcome = await flapping.play(client, pass_minute)

    watch.cancel()
    assert list(outcome.faults) == []
    assert outcome.flapped_for > MINUTES / 2


def _age(connection: Connection) -> None:
    older = events.c.revision < select(func.max(events.c.revision)).scalar_subquery()
    connection.execute(update(events).where(older).values(time=events.c.time - micros(60)))
