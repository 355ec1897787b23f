"""The exchange and the queues of Tacker's RPC, and how this side looks at them.

Whatever is there is used as it is, so that old conductors and actions go on working beside the bridge. To ask
the broker for something that is missing breaks the channel: such questions have channels of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed, DeliveryError, PublishError

from vimesh.bridge.broker import AMQP_FAULTS
from vimesh.bridge.topology import EXCHANGE
from vimesh.bridge.wire import CONTENT_ENCODING, CONTENT_TYPE

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


async def delete_if_idle(connection: AbstractConnection, queue: str, timeout_s: float) -> bool:
    """Delete a classic queue; say whether it is gone. It is not if somebody consumes it, or something is in it.

    Asked for such conditions, a broker ends the whole connection if it is a quorum queue: for these see delete_left.
    """
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            await channel.queue_delete(queue, if_unused=True, if_empty=True)
    except ChannelPreconditionFailed:
        return False
    except ChannelNotFoundEntity:
        return True
    return True


async def delete_left(
    connection: AbstractConnection, queue: str, timeout_s: float, *, with_messages: bool = True
) -> bool:
    """Delete a queue of any kind, whoever declared it; say whether it is gone. It is not if somebody consumes it.

    Without `with_messages` it stays, too, while something is in it. What comes between question and deletion is lost.
    """
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            there = await channel.declare_queue(queue, passive=True)
            counts = there.declaration_result
            if counts.consumer_count or (counts.message_count and not with_messages):
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
