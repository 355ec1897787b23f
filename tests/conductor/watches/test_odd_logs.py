"""What watchers are told of a log that went back, as after a restored backup, or that a newer version wrote into."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterable
from pathlib import Path

import grpc
import pytest
from sqlalchemy import Connection, delete, insert, literal, select, update

from tests.conductor.watches.watching import Vim, begun, change_often, events, followed, never, watch
from tests.support.deployments.conductors import Client, conductor_over
from tests.support.sql.stores import record, registration, report, sqlite_url, store_at
from tests.support.timing.waiting import until
from vimesh.domain.vims import Status
from vimesh.store.backup.restore import make_other_log
from vimesh.store.schema.tables import events as log
from vimesh.store.schema.tables import revisions
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import conductor_service_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import failure_of


async def test_a_revision_from_the_future_is_out_of_range(client: Client) -> None:
    vim = await client.register()

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await begun(watch(client, vim.revision + 2))

    failure = failure_of(failed.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.OUT_OF_RANGE, "REVISION_UNKNOWN")
    assert failure.metadata == {"newest_revision": str(vim.revision)}


async def go_back(store: SqlStore, revision: int) -> None:
    """Leave the log as a backup of that time would."""
    await store._database.write(lambda c: c.execute(delete(log).where(log.c.revision > revision)))
    await store._database.write(lambda c: c.execute(update(revisions).values(newest=revision)))


async def test_live_watchers_are_told_when_the_log_goes_back(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vim = await client.register()
        vims = watch(client)
        await begun(vims)
        request = conductor_service_pb2.WatchActionsRequest()
        actions = client.conductor.WatchActions(request, timeout=20)
        await change_often(client, vim, 20)
        await events(vims, lambda seen: len(seen) == 20)

        await go_back(store, vim.revision + 5)

        for stream in (vims, actions):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                async for _ in stream:
                    pass
            failure = failure_of(failed.value)
            assert (failure.code, failure.reason) == (grpc.StatusCode.OUT_OF_RANGE, "REVISION_UNKNOWN")
            assert failure.metadata == {"newest_revision": str(vim.revision + 5)}
        again = watch(client, snapshot=True)
        await begun(again)
        await client.register()
        assert [event.revision for event in await events(again, bool)] == [vim.revision + 6]


async def test_a_log_that_went_back_while_nobody_watched_is_followed_as_it_is(tmp_path: Path) -> None:
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, followed(store) as feed:
        vim = await store.register(registration())
        oldest = (await store.span()).newest
        for number in range(20):
            await record(store, [report(vim, (Status.UNREACHABLE, Status.REACHABLE)[number % 2], number)])
        with feed.watching(oldest):
            await until(lambda: feed.newest == oldest + 20, within_s=10)
        await until(lambda: not feed.newest, within_s=10)  # it has noticed that nobody watches any more

        await go_back(store, oldest + 5)
        with feed.watching(oldest + 5) as generation:
            other = await store.register(registration())
            changes = await feed.next_events(oldest + 5, 100, generation=generation, wait_s=10)

    assert [(event.vim_id, event.revision) for event in changes] == [(other.id, oldest + 6)]


async def test_a_change_of_a_newer_version_ends_a_watch_and_is_never_left_out(tmp_path: Path) -> None:
    """Not even the conductor that cannot read it goes on as if it had not been."""
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vim = await client.register()
        live = watch(client)
        await begun(live)
        await client.report(vim, Vim.REACHABLE, 1)
        await events(live, bool)
        strange = update(log).where(log.c.revision == vim.revision + 2).values(kind="RENAMED")

        def change(connection: Connection) -> None:
            connection.execute(
                insert(log).from_select(
                    [column.name for column in log.c],
                    select(
                        *(literal(vim.revision + 2) if column is log.c.revision else column for column in log.c)
                    ).where(log.c.revision == vim.revision + 1),
                )
            )
            connection.execute(strange)
            connection.execute(update(revisions).values(newest=vim.revision + 2))

        await store._database.write(change)

        past = client.vims.ListVimEvents(pb.ListVimEventsRequest(), timeout=30)
        for call in (events(live, never), events(watch(client, vim.revision + 1), never), past):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await call
            failure = failure_of(failed.value)
            assert (failure.code, failure.reason) == (grpc.StatusCode.UNAVAILABLE, "EVENT_UNREADABLE")
            assert failure.metadata == {"revision": str(vim.revision + 2)}

        later = watch(client, snapshot=True)
        await begun(later)
        await client.report(vim, Vim.UNREACHABLE, 2)
        assert [event.status for event in await events(later, bool)] == [Vim.UNREACHABLE]


async def begun_after(
    revision: int,
    stream: AsyncIterable[pb.WatchVimsResponse] | AsyncIterable[conductor_service_pb2.WatchActionsResponse],
) -> None:
    """Read until the stream has come further than a revision."""
    async for response in stream:
        if response.revision > revision:
            return


async def test_a_log_that_is_another_one_ends_watches_although_it_has_come_further(tmp_path: Path) -> None:
    """G8. As after a backup was restored, and changed since."""
    url = sqlite_url(tmp_path / "vimesh.sqlite")
    async with store_at(url) as store, conductor_over(store) as client:
        vim = await client.register()
        vims = watch(client)
        [begin] = await begun(vims)
        actions = client.conductor.WatchActions(conductor_service_pb2.WatchActionsRequest(), timeout=20)
        assert begin.log_id == (await store.span()).log_id
        await client.report(vim, Vim.REACHABLE, 1)
        assert (await events(vims, bool))[-1].revision == vim.revision + 1

        await make_other_log(url)
        await client.report(vim, Vim.UNREACHABLE, 2)

        for stream in (vims, actions):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await begun_after(vim.revision + 1, stream)
            assert failure_of(failed.value).reason == "REVISION_UNKNOWN"


async def test_a_watch_is_resumed_only_in_the_log_that_it_was_in(tmp_path: Path) -> None:
    """G8."""
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vim = await client.register()
        log_id, other = (await store.span()).log_id, str(uuid.uuid4())

        for resumed in (
            watch(client, vim.revision, log_id=other),
            client.conductor.WatchActions(
                conductor_service_pb2.WatchActionsRequest(start_revision=vim.revision, log_id=other), timeout=20
            ),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as failed:
                await begun_after(0, resumed)
            failure = failure_of(failed.value)
            assert (failure.code, failure.reason) == (grpc.StatusCode.OUT_OF_RANGE, "REVISION_UNKNOWN")
        for given in (log_id, log_id.upper(), ""):  # one of an earlier version gives none
            seen = await events(watch(client, vim.revision, log_id=given), bool)
            assert [event.revision for event in seen] == [vim.revision]
