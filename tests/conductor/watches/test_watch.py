"""A watcher sees every change once, in order, and goes on where it stopped, at any conductor (G8)."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.conductor.watches.watching import Kind, Vim, begun, change_often, events, watch, without
from tests.support.deployments.conductors import Client, conductor_at
from vimesh.conductor.conductor_process import ConductorSettings
from vimesh.conductor.watches.watch_streams import WatchLimits
from vimesh.domain.vims import BULKY_FIELDS
from vimesh.v1 import vim_pb2
from vimesh.v1 import vim_service_pb2 as pb


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


async def test_a_snapshot_of_a_vim_that_is_gone_is_empty(client: Client) -> None:
    vim = await client.register()
    await client.deregister(vim.id)

    stream = watch(client, vim_id=vim.id, snapshot=True)

    [beginning] = await begun(stream)
    assert (beginning.revision, list(beginning.vims)) == (vim.revision + 1, [])


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
