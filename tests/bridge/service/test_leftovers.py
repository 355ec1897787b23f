"""What old actions and bridges leave in the broker: nothing that grows."""

from __future__ import annotations

import asyncio
import os

import aio_pika
import pytest

from tests.bridge.bridges import queues
from tests.bridge.site import PATIENCE_S, Site, Vim
from tests.support.timing.waiting import eventually, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

_ROUNDS = int(os.environ.get("VIMESH_BRIDGE_ROUNDS", "10"))
_AT_ONCE = 5
_CALLS = "TACKER_CONDUCTOR"


@pytest.mark.timeout(60 + 5 * _ROUNDS)
async def test_rounds_of_registering_and_deregistering_leave_nothing(site: Site) -> None:
    gone: list[str] = []

    async def round_() -> None:
        vim = await site.register()
        gone.append(vim.id)
        await site.old.start(vim.id)
        await site.until(vim, Vim.REACHABLE)
        await site.client.deregister(vim.id)
        await site.old.ended(vim.id)

    async def as_before() -> bool:
        return await _lasting(site) <= before

    async with site.bridge():
        await round_()
        before = await _lasting(site) - {f"KILL_ACTION.{vim_id}" for vim_id in gone}
        for _ in range(_ROUNDS // _AT_ONCE):
            await asyncio.gather(*(round_() for _ in range(_AT_ONCE)))

        await eventually(as_before, PATIENCE_S)


async def test_what_a_dead_action_left_is_removed_and_kills_no_later_one(site: Site) -> None:
    vim = await site.register()
    name = f"KILL_ACTION.{vim.id}"
    async with await aio_pika.connect(_amqp(site)) as connection, connection.channel() as channel:
        await channel.declare_queue(name, durable=False, auto_delete=False)

    async def gone() -> bool:
        return name not in await queues(site.broker)

    async with site.bridge() as bridge:
        # What happens before that is found out by the calls of an action, and there is none.
        await until(lambda: bool(bridge.said("actions are followed")), PATIENCE_S)
        await site.client.deregister(vim.id)
        await eventually(gone, PATIENCE_S)


async def test_the_last_bridge_takes_its_queue_along(site: Site) -> None:
    async with site.bridge():
        async with site.bridge():
            assert (await queues(site.broker))[_CALLS] == 2
        assert (await queues(site.broker))[_CALLS] == 1

    async def gone() -> bool:
        return _CALLS not in await queues(site.broker)

    await eventually(gone, PATIENCE_S)


async def test_the_queue_stays_while_there_are_old_actions(site: Site) -> None:
    vim = await site.register()
    async with site.bridge():
        await site.old.start(vim.id)
        await site.until(vim, Vim.REACHABLE)

    assert _CALLS in await queues(site.broker)
    await site.client.deregister(vim.id)
    async with site.bridge():
        assert (await site.old.ended(vim.id))["result"] == "KILLED"


async def test_what_others_have_declared_is_used_as_it_is(site: Site) -> None:
    async with await aio_pika.connect(_amqp(site)) as connection, connection.channel() as channel:
        await channel.queue_delete(_CALLS)
        await channel.exchange_delete("tacker")
        await channel.declare_exchange("tacker", aio_pika.ExchangeType.TOPIC, durable=True)
        await channel.declare_queue(_CALLS, durable=True)

        exchange = await channel.get_exchange("tacker")
        async with site.bridge() as bridge:
            await exchange.publish(aio_pika.Message(b"hello"), routing_key=_CALLS)
            await until(lambda: bridge.said("not a call") == 1, PATIENCE_S)
            assert not bridge.said("lost")
        await channel.queue_delete(_CALLS)
        await channel.exchange_delete("tacker")


async def _lasting(site: Site) -> set[str]:
    """Return the queues that nobody but a bridge would remove. Others have names of their own, and an end."""
    return {name for name in await queues(site.broker) if "fanout" not in name and not name.startswith("reply_")}


def _amqp(site: Site) -> str:
    return site.broker.url.replace("rabbit://", "amqp://")
