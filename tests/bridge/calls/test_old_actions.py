"""Old ping actions as they were shipped: they know no action id, speak of changes only, and end by any error."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from tests.bridge.bridges import Bridge, queues
from tests.bridge.site import LEASE_S, PATIENCE_S, Site, Vim
from tests.support.amqp.oslo_client import shipped_action
from tests.support.timing.waiting import eventually
from vimesh.v1 import vim_pb2

pytestmark = pytest.mark.asyncio(loop_scope="module")

_TARGET = "127.1.2.3"
AT_ONCE_S = 2.0
"""What an administrator may expect of a kill."""


@pytest.mark.usefixtures("bridge")
async def test_what_an_old_action_sees_is_what_its_vim_reads(site: Site) -> None:
    vim = await site.register()
    await site.old.start(vim.id)
    await site.until(vim, Vim.REACHABLE)

    site.old.ping(vim.id, "UNREACHABLE")
    seen = await site.until(vim, Vim.UNREACHABLE)
    site.old.ping(vim.id, "REACHABLE")
    await site.until(vim, Vim.REACHABLE)

    assert seen.monitor.action_id == vim.id
    await site.client.deregister(vim.id)
    await site.old.ended(vim.id, AT_ONCE_S)


@pytest.mark.usefixtures("bridge")
async def test_an_old_action_without_news_is_no_silence(site: Site) -> None:
    vim = await site.register()
    await site.old.start(vim.id)
    await site.until(vim, Vim.REACHABLE)
    began = asyncio.get_running_loop().time()

    # It calls again and again, because the answer is not what its pings say.
    while asyncio.get_running_loop().time() - began < 1.5 * LEASE_S:
        await site.old.answered(vim.id, "REACHABLE", after=len(site.old.events))
        assert (await site.client.get(vim.id)).status == Vim.REACHABLE

    await site.client.deregister(vim.id)
    ended = await site.old.ended(vim.id, AT_ONCE_S)
    assert ended["result"] == "KILLED"
    assert ended["pings"] < 50  # it waits for answers, instead of pinging 50 times a second


@pytest.mark.usefixtures("bridge")
async def test_an_old_action_that_dies_reads_unknown_and_is_not_replaced(site: Site) -> None:
    vim = await site.register()
    await site.old.call_with({"cast": True}, vim_id=vim.id, status="REACHABLE")
    await site.until(vim, Vim.REACHABLE)

    silent = await site.until(vim, Vim.UNKNOWN)

    assert silent.monitor.action_id == vim.id
    await site.client.deregister(vim.id)


@pytest.mark.usefixtures("bridge")
async def test_an_action_that_comes_after_its_vim_is_gone_leaves_no_orphan(site: Site) -> None:
    vim = await site.register()
    await site.client.deregister(vim.id)

    await site.old.start(vim.id)

    assert (await site.old.ended(vim.id, PATIENCE_S))["result"] == "KILLED"


@pytest.mark.usefixtures("bridge")
async def test_a_new_target_ends_the_old_action_which_never_writes_again(site: Site) -> None:
    vim = await site.register()
    await site.old.start(vim.id)
    await site.until(vim, Vim.REACHABLE)

    site.old.ping(vim.id, "UNREACHABLE")
    changed = await site.change(vim, auth_url="http://127.0.0.1:5001/v3")
    await site.old.ended(vim.id, AT_ONCE_S)

    assert changed.monitor.action_id != vim.id
    new = await site.old.call(vim_id=vim.id, status="REACHABLE", action_id=changed.monitor.action_id)
    late = await site.old.call(vim_id=vim.id, status="UNREACHABLE")
    assert new["answer"] == "REACHABLE"
    assert late.get("answer") == "KILLED" or late.get("error") == "NotWanted"
    assert (await site.client.get(vim.id)).status == Vim.REACHABLE
    await site.client.deregister(vim.id)


async def test_after_a_new_target_an_old_action_may_report_again_when_that_is_said(site: Site, bridge: Bridge) -> None:
    vim = await site.register()
    await site.change(vim, auth_url="http://127.0.0.1:5001/v3")

    asked = await site.change(vim, engine=vim_pb2.Monitor.EXTERNAL)
    await site.old.start(vim.id)
    await site.until(vim, Vim.REACHABLE)

    assert asked.monitor.action_id == vim.id
    assert not bridge.kills_of(vim.id)
    await site.client.deregister(vim.id)
    await site.old.ended(vim.id, AT_ONCE_S)


@pytest.mark.usefixtures("bridge")
async def test_a_vim_that_moves_to_another_engine_ends_its_old_action(site: Site) -> None:
    vim = await site.register()
    await site.old.start(vim.id)
    await site.until(vim, Vim.REACHABLE)

    await site.change(vim, engine=vim_pb2.Monitor.EMBEDDED)

    assert (await site.old.ended(vim.id, AT_ONCE_S))["result"] == "KILLED"


@pytest.mark.parametrize("end", [Bridge.stop, Bridge.kill], ids=["stopped", "killed"])
async def test_a_vim_that_goes_while_the_bridge_is_down_loses_its_action_when_that_is_back(
    site: Site, bridge: Bridge, end: object
) -> None:
    vim = await site.register()
    await site.old.start(vim.id)
    await site.until(vim, Vim.REACHABLE)
    assert callable(end)

    await end(bridge)
    await site.client.deregister(vim.id)
    await bridge.start()

    assert (await site.old.ended(vim.id, AT_ONCE_S))["result"] == "KILLED"


async def test_old_actions_live_on_while_the_bridge_restarts(site: Site, bridge: Bridge) -> None:
    vim = await site.register()
    await site.old.start(vim.id)
    await site.until(vim, Vim.REACHABLE)

    await bridge.stop()
    site.old.ping(vim.id, "UNREACHABLE")
    await bridge.start()

    await site.until(vim, Vim.UNREACHABLE)
    await site.client.deregister(vim.id)
    assert (await site.old.ended(vim.id, AT_ONCE_S))["result"] == "KILLED"


@pytest.mark.usefixtures("bridge")
async def test_tackers_own_action_works_as_it_is(site: Site) -> None:
    vim = await site.register()
    async with shipped_action(site.folder, site.broker.url, vim.id, _TARGET) as action:
        await site.until(vim, Vim.REACHABLE)
        action.answer_pings(_TARGET, answer=False)
        await site.until(vim, Vim.UNREACHABLE)
        action.answer_pings(_TARGET)
        first = (await site.until(vim, Vim.REACHABLE)).valid_until.ToMilliseconds()

        def renewed(read: vim_pb2.Vim) -> bool:
            return read.status == Vim.REACHABLE and read.valid_until.ToMilliseconds() > first + 1000

        await site.client.until(vim.id, renewed, PATIENCE_S)
        await site.client.deregister(vim.id)

        assert (await action.ended(vim.id, AT_ONCE_S))["result"] == "KILLED"

    async def queue_gone() -> bool:
        return f"KILL_ACTION.{vim.id}" not in await queues(site.broker)

    # Its process consumed the queue until now.
    await eventually(queue_gone, PATIENCE_S)


@pytest.mark.usefixtures("bridge")
async def test_an_action_that_does_not_hear_its_kills_ends_by_an_error(site: Site) -> None:
    vim = await site.register()
    await site.old.start(vim.id, deaf=True)
    await site.until(vim, Vim.REACHABLE)

    await site.client.deregister(vim.id)

    assert (await site.old.ended(vim.id))["result"] == "FAILED"


async def test_an_answer_that_is_not_held_is_the_status(site: Site, bridge: Bridge) -> None:
    await bridge.stop()
    vim = await site.register()
    async with site.bridge("--hold", "0"):
        called = await site.old.call(vim_id=vim.id, status="REACHABLE")
    await bridge.start()

    assert called["answer"] == "REACHABLE"
    await site.client.deregister(vim.id)


@pytest.mark.usefixtures("bridge")
async def test_a_held_answer_leaves_its_caller_time(site: Site) -> None:
    vim = await site.register()

    called = await site.old.call_with({"timeout_s": 1}, vim_id=vim.id, status="REACHABLE")

    assert called["answer"] == "PENDING"
    assert called["after_s"] < 0.9
    await site.client.deregister(vim.id)


async def test_an_unknown_vim_id_is_nobodys(site: Site, bridge: Bridge) -> None:
    vim_id = str(uuid4())

    await site.old.start(vim_id)

    assert (await site.old.ended(vim_id))["result"] == "KILLED"
    assert bridge.said(f"KILL_ACTION.{vim_id}")
