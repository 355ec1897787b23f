"""Whoever runs actions lists and follows those that are wanted."""

from __future__ import annotations

from tests.conductor.watches.watching import Vim
from tests.support.deployments.conductors import Client
from vimesh.v1 import action_pb2, conductor_service_pb2
from vimesh.v1 import vim_service_pb2 as pb


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
