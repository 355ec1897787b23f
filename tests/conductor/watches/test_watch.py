"""A watcher sees every change once, in order, and goes on where it stopped, at any conductor (G8)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from pathlib import Path

import grpc
import pytest
from sqlalchemy import Connection, delete, insert, literal, select, update

from tests.support.deployments.conductors import Client, conductor_at, conductor_over
from tests.support.sql.stores import sqlite_url, store_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.watches.watch_streams import WatchLimits
from vimesh.domain.events import BULKY_FIELDS
from vimesh.store.schema.tables import events as log
from vimesh.store.schema.tables import revisions
from vimesh.store.sql_store import SqlStore
from vimesh.v1 import action_pb2, conductor_service_pb2, vim_pb2
from vimesh.v1 import vim_service_pb2 as pb
from vimesh.wire.error_statuses import failure_of

Kind, Vim = vim_pb2.VimEvent, vim_pb2.Vim


def watch(
    client: Client, start: int = 0, **fields: object
) -> grpc.aio.UnaryStreamCall[pb.WatchVimsRequest, pb.WatchVimsResponse]:
    request = pb.WatchVimsRequest(start_revision=start, **fields)  # type: ignore[arg-type]  # fields by name
    return client.vims.WatchVims(request, timeout=20)


async def begun(stream: AsyncIterable[pb.WatchVimsResponse]) -> list[pb.WatchVimsResponse]:
    """Read until the stream says from where it goes on."""
    seen = []
    async for response in stream:
        seen.append(response)
        if response.revision:
            return seen
    return seen


async def events(
    stream: AsyncIterable[pb.WatchVimsResponse], until: Callable[[list[vim_pb2.VimEvent]], bool]
) -> list[vim_pb2.VimEvent]:
    seen: list[vim_pb2.VimEvent] = []
    async for response in stream:
        seen += response.events
        if until(seen):
            break
    return seen


def never(_seen: list[vim_pb2.VimEvent]) -> bool:
    return False


async def change_often(client: Client, vim: vim_pb2.Vim, times: int) -> None:
    for n in range(times):
        await client.report(vim, Vim.UNREACHABLE if n % 2 else Vim.REACHABLE, n + 1)


def without(vim: vim_pb2.Vim, *fields: str, **others: int) -> vim_pb2.Vim:
    """Return it as an event holds it that says nothing of these fields."""
    left = Vim()
    left.CopyFrom(vim)
    for field in fields:
        left.ClearField(field)  # type: ignore[arg-type]  # a field by name
    left.MergeFrom(Vim(**others))  # type: ignore[arg-type]  # fields by name
    return left


async def test_every_kind_of_change_is_seen_once_and_in_order(client: Client) -> None:
    stream = watch(client)
    await begun(stream)

    vim = await client.register()
    await client.report(vim, Vim.REACHABLE, 1)
    await client.report(vim, Vim.REACHABLE, 1)
    await client.report(vim, Vim.UNREACHABLE, 2, reason="TIMEOUT")
    await client.report(vim, Vim.UNREACHABLE, 3, reason="REFUSED")
    changed = await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=vim.id, description="d")), timeout=5)
    await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=vim.id, description="d")), timeout=5)
    moved = await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=vim.id, auth_url="http://b/")), timeout=5)
    await client.deregister(vim.id)

    seen = await events(stream, lambda seen: seen[-1:] != [] and seen[-1].kind == Kind.DEREGISTERED)
    assert [event.kind for event in seen] == [
        Kind.REGISTERED,
        Kind.STATUS_CHANGED,
        Kind.STATUS_CHANGED,
        Kind.REASON_CHANGED,
        Kind.MODIFIED,
        Kind.MODIFIED,
        Kind.DEREGISTERED,
    ]
    assert [event.revision for event in seen] == list(range(vim.revision, vim.revision + 7))
    assert (seen[2].previous_status, seen[2].status, seen[2].reason) == (Vim.REACHABLE, Vim.UNREACHABLE, "TIMEOUT")
    assert seen[0].vim == vim
    assert seen[4].vim == without(changed.vim, "vim_project", "auth_cred", "placement_attr", "extra")
    assert seen[4].changed_fields.paths == ["description"]
    assert seen[5].vim == without(moved.vim, *BULKY_FIELDS)
    assert seen[5].changed_fields.paths == ["auth_url"]
    assert seen[6].vim == without(moved.vim, *BULKY_FIELDS, revision=seen[6].revision)
    assert not any(event.HasField("changed_fields") for event in (*seen[:4], seen[6]))
    assert (seen[5].stopped_action_id, seen[5].action_id) == (vim.monitor.action_id, moved.vim.monitor.action_id)
    assert seen[6].stopped_action_id == moved.vim.monitor.action_id


async def test_a_watcher_goes_on_at_another_conductor_without_gap_or_repeat(tmp_path: Path) -> None:
    database = tmp_path / "vimesh.sqlite"
    async with conductor_at(database) as one, conductor_at(database) as other:
        vim = await one.register()
        writing = asyncio.create_task(change_often(one, vim, 200))
        seen: list[int] = []
        clients = [one, other]
        while len(seen) < 200:
            stream = watch(clients[0], seen[-1] + 1 if seen else vim.revision + 1)
            async for response in stream:
                seen += [event.revision for event in response.events]
                if response.events:
                    break
            stream.cancel()
            clients.reverse()
        await writing

    assert seen == list(range(vim.revision + 1, vim.revision + 201))


async def test_changes_made_by_another_conductor_are_seen(tmp_path: Path) -> None:
    database = tmp_path / "vimesh.sqlite"
    async with conductor_at(database) as one, conductor_at(database) as other:
        stream = watch(other)
        await begun(stream)
        vim = await one.register()

        [event] = await events(stream, bool)

        assert event.vim == vim


async def test_a_snapshot_comes_first_and_changes_join_on_without_a_gap(client: Client) -> None:
    vims = {vim.id: vim for vim in [await client.register() for _ in range(7)]}
    stream = watch(client, snapshot=True)
    first = await begun(stream)

    await client.deregister(next(iter(vims)))

    assert {vim.id: vim for response in first for vim in response.vims} == vims
    assert [response.revision for response in first[:-1]] == [0] * (len(first) - 1)
    [event] = await events(stream, bool)
    assert event.revision == first[-1].revision + 1


async def test_a_watch_of_one_vim_shows_no_other(client: Client) -> None:
    mine, other = await client.register(), await client.register()
    stream = watch(client, vim_id=mine.id, snapshot=True)
    first = await begun(stream)

    await client.report(other, Vim.REACHABLE)
    await client.report(mine, Vim.REACHABLE)

    assert [vim.id for response in first for vim in response.vims] == [mine.id]
    assert [event.vim_id for event in await events(stream, bool)] == [mine.id]


async def test_many_watchers_all_see_all_changes(client: Client) -> None:
    vim = await client.register()
    streams = [watch(client, vim.revision + 1) for _ in range(50)]

    await change_often(client, vim, 100)

    for stream in streams:
        seen = await events(stream, lambda seen: len(seen) >= 100)
        assert [event.revision for event in seen] == list(range(vim.revision + 1, vim.revision + 101))


async def test_a_revision_from_the_future_is_out_of_range(client: Client) -> None:
    vim = await client.register()

    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await begun(watch(client, vim.revision + 2))

    failure = failure_of(failed.value)
    assert (failure.code, failure.reason) == (grpc.StatusCode.OUT_OF_RANGE, "REVISION_UNKNOWN")
    assert failure.metadata == {"newest_revision": str(vim.revision)}


async def test_a_snapshot_of_a_vim_that_is_gone_is_empty(client: Client) -> None:
    vim = await client.register()
    await client.deregister(vim.id)

    stream = watch(client, vim_id=vim.id, snapshot=True)

    assert await begun(stream) == [pb.WatchVimsResponse(revision=vim.revision + 1)]


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
    async with store_at(sqlite_url(tmp_path / "vimesh.sqlite")) as store, conductor_over(store) as client:
        vim = await client.register()
        await change_often(client, vim, 20)
        stream = watch(client, vim.revision + 1)
        await events(stream, lambda seen: len(seen) == 20)
        stream.cancel()
        await asyncio.sleep(0.5)  # the conductor notices by and by that nobody watches any more

        await go_back(store, vim.revision + 5)
        stream = watch(client, snapshot=True)
        await begun(stream)
        other = await client.register()

        assert [event.vim_id for event in await events(stream, bool)] == [other.id]


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


async def test_a_stream_shows_signs_of_life_and_ends_when_it_is_old(tmp_path: Path) -> None:
    limits = WatchLimits(beat_s=0.05, max_age_s=0.3)
    settings = ConductorSettings(drain_s=0, grace_s=1, watch=limits)
    async with conductor_at(tmp_path / "vimesh.sqlite", settings) as client:
        vim = await client.register()

        seen = [response async for response in watch(client)]

    assert len(seen) > 2
    assert {response.revision for response in seen} == {vim.revision}
    assert [response.end for response in seen[:-1]] == [vim_pb2.WATCH_END_UNSPECIFIED] * (len(seen) - 1)
    assert seen[-1].end == vim_pb2.WATCH_END_AGED


async def test_a_stream_shows_signs_of_life_although_much_happens_that_does_not_concern_it(tmp_path: Path) -> None:
    settings = ConductorSettings(drain_s=0, grace_s=1, watch=WatchLimits(beat_s=0.05))
    async with conductor_at(tmp_path / "vimesh.sqlite", settings) as client:
        mine, busy = await client.register(), await client.register()
        writing = asyncio.create_task(change_often(client, busy, 1_000_000))
        signs = 0
        async for response in watch(client, vim_id=mine.id):
            assert not response.events
            signs += 1
            if signs == 5:
                break
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    assert response.revision > busy.revision


async def test_an_engine_lists_and_follows_its_actions(client: Client) -> None:
    first = await client.register()
    stream = client.conductor.WatchActions(conductor_service_pb2.WatchActionsRequest(), timeout=20)
    listed: list[action_pb2.Action] = []
    async for response in stream:
        listed += response.wanted
        if response.revision:
            break
    assert [(action.vim_id, action.action_id) for action in listed] == [(first.id, first.monitor.action_id)]

    second = await client.register(auth_url="http://user:secret@127.0.0.1:9/")
    await client.report(second, Vim.REACHABLE, 3)
    moved = (
        await client.vims.ModifyVim(pb.ModifyVimRequest(vim=Vim(id=first.id, auth_url="http://b/")), timeout=5)
    ).vim
    await client.deregister(first.id)

    wanted: list[action_pb2.Action] = []
    unwanted: list[tuple[str, str]] = []
    async for response in stream:
        wanted += response.wanted
        unwanted += [(action.vim_id, action.action_id) for action in response.unwanted]
        if len(unwanted) == 2:
            break
    assert unwanted == [(first.id, first.monitor.action_id), (first.id, moved.monitor.action_id)]
    assert (wanted[0].action_id, wanted[0].auth_url) == (second.monitor.action_id, "http://127.0.0.1:9/")


async def test_shards_share_the_actions_without_overlap(client: Client) -> None:
    vims = [await client.register() for _ in range(20)]

    shards = []
    for index in range(3):
        request = conductor_service_pb2.WatchActionsRequest(shard_index=index, shard_count=3)
        mine: list[str] = []
        async for response in client.conductor.WatchActions(request, timeout=20):
            mine += [action.vim_id for action in response.wanted]
            if response.revision:
                break
        shards.append(mine)

    assert sorted(vim_id for shard in shards for vim_id in shard) == sorted(vim.id for vim in vims)
