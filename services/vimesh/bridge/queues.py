"""The exchange and the queues of Tacker's RPC, and how this side looks at them.

Whatever is there is used as it is, so that old conductors and actions go on working beside the bridge. To ask
the broker for something that is missing breaks the channel: such questions have channels of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from aio_pika import ExchangeType, Message
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed, DeliveryError, PublishError

from vimesh.bridge.broker import AMQP_FAULTS
from vimesh.bridge.wire import CONTENT_ENCODING, CONTENT_TYPE

EXCHANGE = "tacker"
CALLS = "TACKER_CONDUCTOR"
"""Queue, and routing key, of the calls."""
KILLS = "KILL_ACTION"
"""Every old action consumes the queue of this name, and one of its own: see kill_queue."""


def kill_queue(vim_id: str) -> str:
    """Return the queue, and routing key, of the kills of a VIM's old action."""
    return f"{KILLS}.{vim_id}"


@asynccontextmanager
async def channel_of_its_own(connection: AbstractConnection, timeout_s: float) -> AsyncGenerator[AbstractChannel]:
    """Open a channel that may break. Everything in the block has to be done in time."""
    channel = connection.channel(publisher_confirms=True, on_return_raises=True)
    try:
        async with asyncio.timeout(timeout_s):
            await channel.initialize()
            yield channel
    finally:
        with suppress(*AMQP_FAULTS):
            async with asyncio.timeout(timeout_s):
                await channel.close()


async def consumers_of(connection: AbstractConnection, queue: str, timeout_s: float) -> int | None:
    """Count who consumes a queue. None: there is no such queue."""
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            found = await channel.declare_queue(queue, passive=True)
            return found.declaration_result.consumer_count or 0
    except ChannelNotFoundEntity:
        return None


async def delete_unused(connection: AbstractConnection, queue: str, timeout_s: float, *, if_empty: bool) -> bool:
    """Delete a queue; say whether it is gone. It is not if somebody consumes it.

    Only for a queue that this side has declared: asked for conditions, the broker ends the whole connection if it is a
    quorum queue.
    """
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            await channel.queue_delete(queue, if_unused=True, if_empty=if_empty)
    except ChannelPreconditionFailed:
        return False
    except ChannelNotFoundEntity:
        return True
    return True


async def delete_left(connection: AbstractConnection, queue: str, timeout_s: float) -> bool:
    """Delete a queue of any kind, whoever declared it; say whether it is gone. It is not if somebody consumes it."""
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            there = await channel.declare_queue(queue, passive=True)
            if there.declaration_result.consumer_count:
                return False
            await channel.queue_delete(queue)
    except ChannelNotFoundEntity:
        return True
    return True


async def publish_cast(  # noqa: PLR0913 - where, what, how often, and the limits of it
    connection: AbstractConnection, routing_key: str, body: bytes, *, times: int, expires_s: float, timeout_s: float
) -> bool:
    """Publish to the queues that are bound with the key; say whether there is one."""
    message = Message(body, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, expiration=expires_s)
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            exchange = await channel.get_exchange(EXCHANGE, ensure=False)
            for _ in range(times):
                await exchange.publish(message, routing_key=routing_key, mandatory=True)
    except (DeliveryError, PublishError, ChannelNotFoundEntity):
        return False
    return True


async def declare_calls(connection: AbstractConnection, timeout_s: float) -> None:
    """See that calls find their queue, which is as an oslo.messaging server would make it."""
    await _declare_exchange(connection, timeout_s)
    async with channel_of_its_own(connection, timeout_s) as channel:
        exchange = await channel.get_exchange(EXCHANGE, ensure=False)
        if await consumers_of(connection, CALLS, timeout_s) is None:
            await channel.declare_queue(CALLS, durable=False, auto_delete=False)
        queue = await channel.get_queue(CALLS, ensure=False)
        await queue.bind(exchange, CALLS)


async def _declare_exchange(connection: AbstractConnection, timeout_s: float) -> AbstractExchange:
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            return await channel.get_exchange(EXCHANGE, ensure=True)
    except ChannelNotFoundEntity:
        async with channel_of_its_own(connection, timeout_s) as channel:
            return await channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, durable=False, auto_delete=False)
