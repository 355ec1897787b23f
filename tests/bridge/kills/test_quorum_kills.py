"""Kill queues that are quorum queues: the broker says that nobody consumes them when it does not hear from them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from tests.bridge.bridges import Bridge, administer, queues
from tests.bridge.site import PATIENCE_S, Site
from tests.support.amqp.brokers import Broker
from tests.support.timing.waiting import eventually, until
from vimesh.bridge.amqp.rpc_queues import delete_unused, kill_queue, read_usage

pytestmark = pytest.mark.asyncio(loop_scope="module")

_QUORUM: dict[str, Any] = {"x-queue-type": "quorum"}


class Action:
    """As much of an action as a kill can reach."""

    def __init__(self, queue: str) -> None:
        self.queue = queue
        self.told = asyncio.Event()

    async def hear(self, message: AbstractIncomingMessage) -> None:
        assert b"killAction" in message.body
        await message.ack()
        self.told.set()


async def test_an_action_hears_its_kill_though_the_broker_says_that_it_is_gone(site: Site, bridge: Bridge) -> None:
    vim = await site.register()
    await until(lambda: bool(bridge.said("actions are followed")), PATIENCE_S)

    async with _action(site, vim.id) as action:
        async with _silent(site.broker, action.queue):
            await site.client.deregister(vim.id)
            await until(lambda: bool(bridge.said("the kill is sent anyway")), PATIENCE_S)

        async with asyncio.timeout(PATIENCE_S):
            await action.told.wait()
        assert not bridge.said("lost")


async def test_a_queue_that_does_not_answer_is_not_deleted(site: Site) -> None:
    async with _action(site, "silent") as action, _connected(site) as connection:
        async with _silent(site.broker, action.queue):
            usage = await read_usage(connection, action.queue, PATIENCE_S)
            deleted = await delete_unused(connection, action.queue, PATIENCE_S)

        assert usage is not None
        assert usage.consumers == 0  # so says the broker
        assert not usage.is_certain
        assert not deleted
        found = await read_usage(connection, action.queue, PATIENCE_S)
        assert found is not None
        assert found.consumers == 1


async def test_the_queue_of_a_dead_action_is_deleted_and_costs_no_connection(site: Site, bridge: Bridge) -> None:
    vim = await site.register()
    await until(lambda: bool(bridge.said("actions are followed")), PATIENCE_S)
    async with _action(site, vim.id) as action:
        pass  # it dies

    await site.client.deregister(vim.id)

    async def gone() -> bool:
        return action.queue not in await queues(site.broker)

    await eventually(gone, PATIENCE_S)
    assert not bridge.said("lost")
    assert not bridge.kills_of(vim.id)


@asynccontextmanager
async def _action(site: Site, vim_id: str) -> AsyncGenerator[Action]:
    """Consume the kill queue of a VIM."""
    action = Action(kill_queue(vim_id))
    async with _connected(site) as connection, connection.channel() as channel:
        queue = await channel.declare_queue(action.queue, durable=True, arguments=_QUORUM)
        await queue.consume(action.hear)
        yield action


@asynccontextmanager
async def _connected(site: Site) -> AsyncGenerator[AbstractConnection]:
    async with await aio_pika.connect(site.broker.url.replace("rabbit://", "amqp://")) as connection:
        yield connection


@asynccontextmanager
async def _silent(broker: Broker, queue: str) -> AsyncGenerator[None]:
    """Keep the leader of a quorum queue from answering, as a busy machine does for a while."""
    leader = f"whereis('%2F_{queue}')"
    await administer(broker, "eval", f"sys:suspend({leader}).")
    try:
        yield
    finally:
        await administer(broker, "eval", f"sys:resume({leader}).")
