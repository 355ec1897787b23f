"""What QueryAvailability answers, to whom, and what it refuses."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.support.deployments.conductors import Client, conductor_over
from tests.support.deployments.secured_conductors import ADMIN, READER, client_as, secured
from tests.support.sql.stores import elapse, record, registration, report, sqlite_url, store_at
from vimesh.domain.vims import Status
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import availability_service_pb2 as pb
from vimesh.v1.vim_pb2 import Vim
from vimesh.wire.error_statuses import failure_of

WITHIN_S = 30
_STATUSES = ("reachable", "unreachable", "unknown", "pending", "maintenance")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncGenerator[SqlStore]:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as opened:
        yield opened


async def today(store: SqlStore) -> dt.datetime:
    return (await store.clock()).replace(hour=0, minute=0, second=0, microsecond=0)


async def ask(
    client: Client,
    start: dt.datetime,
    by: Sequence[str] = (),
    **fields: Any,  # noqa: ANN401 - any field
) -> pb.QueryAvailabilityResponse:
    request = pb.QueryAvailabilityRequest(by=by, **fields)
    request.start_time.FromDatetime(start)
    return await client.availability.QueryAvailability(request, timeout=WITHIN_S)


def micros(row: pb.AvailabilityRow, status: str) -> int:
    return int(getattr(row, status).ToMicroseconds())


async def test_the_durations_of_a_vim_add_up_to_its_time(store: SqlStore) -> None:
    start = await today(store) - dt.timedelta(days=3)
    async with conductor_over(store) as client:
        vim = await store.register(registration(labels={"region": "eu"}))
        await record(store, [report(vim, Status.REACHABLE, 1)])
        await record(store, [report(vim, Status.UNREACHABLE, 2, reason="TIMEOUT")])

        answer = await ask(client, start, ["id", "labels.region", "labels.tier", "month"])

    [row] = answer.rows
    assert list(row.group) == [vim.id, "eu", "", f"{vim.create_time:%Y-%m}"]
    assert row.vim_name == vim.name
    created = round(vim.create_time.timestamp() * 1_000_000)
    assert sum(micros(row, status) for status in _STATUSES) == answer.time.ToMicroseconds() - created
    assert [micros(row, status) > 0 for status in _STATUSES] == [True, True, False, True, False]
    causes = {(cause.status, cause.reason): cause.duration.ToMicroseconds() for cause in row.causes}
    assert causes[Vim.UNREACHABLE, "TIMEOUT"] == micros(row, "unreachable")


async def test_a_report_counts_from_when_it_was_seen_and_a_silence_from_the_end_of_its_lease(store: SqlStore) -> None:
    start = await today(store) - dt.timedelta(days=3)
    async with conductor_over(store) as client:
        vim = await store.register(registration())
        await record(store, [report(vim, Status.REACHABLE, 1)], contact_within_s=1)
        # Its lease ended long ago, and nothing has recorded that.
        await elapse(store, 3600)
        [silent] = (await ask(client, start)).rows

        await record(store, [report(vim, Status.UNREACHABLE, 2, age_s=1e6)])
        [row] = (await ask(client, start)).rows

    assert micros(silent, "unknown") > 0
    assert [(cause.reason, cause.duration) for cause in silent.causes if cause.reason] == [("SILENT", silent.unknown)]
    # Seen before all else, so the silence was none.
    assert micros(row, "unknown") == 0
    assert micros(row, "unreachable") > micros(silent, "unknown")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"start_time": dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)}, "start_time"),
        ({"end_time": dt.datetime(2026, 2, 1, 0, 0, 1, tzinfo=dt.UTC)}, "end_time"),
        ({"end_time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}, "end_time"),
        ({"end_time": dt.datetime(2029, 1, 1, tzinfo=dt.UTC)}, "end_time"),
        ({"by": ["name"]}, "by[0]"),
        ({"by": ["labels."]}, "by[0]"),
        ({"by": ["day", "day"]}, "by[1]"),
        ({"by": ["day", "month"]}, "by"),
        ({"filter": "nonsense"}, "filter"),
        ({"page_token": "nonsense"}, "page_token"),
    ],
)
async def test_what_is_refused(store: SqlStore, fields: dict[str, Any], field: str) -> None:
    known = {"start_time": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}
    async with conductor_over(store) as client:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await client.availability.QueryAvailability(
                pb.QueryAvailabilityRequest(**(known | fields)), timeout=WITHIN_S
            )

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(failure_of(refused.value))


async def test_callers_are_told_of_the_vims_of_their_projects(store: SqlStore, tmp_path: Path) -> None:
    start = await today(store)
    async with secured(store, tmp_path) as address:
        for project in ("a", "b", "b"):
            await store.register(registration(project_id=project))
        async with client_as(address, READER) as reader, client_as(address, ADMIN) as admin:
            seen = [row.group[0] for row in (await ask(reader, start, ["project_id"])).rows]
            everything = [row.group[0] for row in (await ask(admin, start, ["project_id"])).rows]
            filtered = (await ask(reader, start, ["id"], filter='project_id = "b"')).rows

    assert (seen, everything) == (["a"], ["a", "b"])
    assert not filtered


async def test_a_vim_that_is_registered_again_begins_anew(store: SqlStore) -> None:
    start = await today(store)
    async with conductor_over(store) as client:
        first = await store.register(registration())
        await record(store, [report(first, Status.REACHABLE, 1)])
        await store.deregister(first.id)
        assert not (await ask(client, start)).rows

        again = await store.register(registration(vim_id=first.id))
        answer = await ask(client, start, ["id"])

    [row] = answer.rows
    created = round(again.create_time.timestamp() * 1_000_000)
    assert micros(row, "pending") == answer.time.ToMicroseconds() - created
