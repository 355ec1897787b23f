"""Lists of VIMs as they were, over the wire."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator

import grpc
import pytest
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.timestamp_pb2 import Timestamp

from tests.support.deployments.conductors import Client, conductor_over
from tests.support.sql.random_histories import History, now_between_changes
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.v1.vim_pb2 import Monitor, Vim
from vimesh.wire.error_statuses import failure_of
from vimesh.wire.wire_durations import timestamp


async def test_a_list_shows_vims_as_they_were(store: SqlStore, client: Client) -> None:
    vim = await client.register(description="old", labels={"region": "eu"})
    time = timestamp(await now_between_changes(store))
    await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=vim.id, description="new")), timeout=30)
    await client.vims.DeregisterVim(pb.DeregisterVimRequest(vim_id=vim.id), timeout=30)

    past = await client.vims.ListVims(pb.ListVimsRequest(as_of=time, filter="labels.region = eu"), timeout=30)

    # No change records what the monitor does.
    vim.monitor.state = Monitor.STATE_UNSPECIFIED
    assert list(past.vims) == [vim]
    masked = await client.vims.ListVims(pb.ListVimsRequest(as_of=time, read_mask=FieldMask(paths=["name"])), timeout=30)
    assert list(masked.vims) == [Vim(name=vim.name)]


async def test_every_list_that_a_client_got_comes_back(store: SqlStore, client: Client) -> None:
    history = History(store, random.Random(11))
    for _ in range(3):
        await client.register(labels={"region": "eu"})
    seen: list[tuple[Timestamp, list[Vim]]] = []
    for _ in range(30):
        await history.step()
        time = timestamp(await now_between_changes(store))
        answer = await client.vims.ListVims(pb.ListVimsRequest(page_size=1000), timeout=30)
        seen.append((time, [as_recorded(vim) for vim in answer.vims]))

    for time, vims in seen:
        past = await client.vims.ListVims(pb.ListVimsRequest(page_size=1000, as_of=time), timeout=30)
        assert [as_recorded(vim) for vim in past.vims] == vims
    assert len({tuple(vim.revision for vim in vims) for _, vims in seen}) > 10


def as_recorded(vim: Vim) -> Vim:
    """Return what of a VIM its changes record."""
    recorded = Vim()
    recorded.CopyFrom(vim)
    for field in ("detail", "round_trip", "valid_until"):
        recorded.ClearField(field)
    for part in ("state", "last_error", "contact_time"):
        recorded.monitor.ClearField(part)
    # A window that is ended early has ended then, whatever was planned.
    recorded.maintenance.ClearField("end_time")
    return recorded


@pytest.fixture
async def client(store: SqlStore) -> AsyncGenerator[Client]:
    async with conductor_over(store) as client:
        yield client


@pytest.mark.parametrize("wrong", [Timestamp(seconds=-1), Timestamp(seconds=2**62), Timestamp(nanos=-5)])
async def test_what_is_no_time_is_refused(client: Client, wrong: Timestamp) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.vims.ListVims(pb.ListVimsRequest(as_of=wrong), timeout=30)

    failure = failure_of(refused.value)
    assert (failure.reason, failure.violations[0].field) == ("BAD_INPUT", "as_of")
