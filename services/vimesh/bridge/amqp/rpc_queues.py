"""The exchange and the queues of Tacker's RPC, and how this side looks at them.

Whatever is there is used as it is, so that old conductors and actions go on working beside the bridge. To ask
the broker for something that is missing breaks the channel: such questions have channels of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed, DeliveryError, PublishError

from vimesh.bridge.amqp.broker import AMQP_FAULTS
from vimesh.bridge.messages.oslo_messages import CONTENT_ENCODING, CONTENT_TYPE

KILLS = "KILL_ACTION"
"""Every old action consumes the queue of this name, and one of its own: see kill_queue."""
_CERTAIN_WITHIN_S = 0.2
"""RabbitMQ waits 250 ms for the leader of a quorum queue, and then says that nothing and nobody is there."""


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


@dataclass(frozen=True, slots=True)
class Usage:
    """What the broker says of a queue."""

    consumers: int
    messages: int
    certain: bool
    """Whether there are no more of them: a broker takes a quorum queue that it does not hear from for an idle one."""


async def usage_of(connection: AbstractConnection, queue: str, timeout_s: float) -> Usage | None:
    """Ask how a queue is used. None: there is no such queue."""
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            return await _usage(channel, queue)
    except ChannelNotFoundEntity:
        return None


async def _usage(channel: AbstractChannel, queue: str) -> Usage:
    now = asyncio.get_running_loop().time
    asked_at = now()
    counts = (await channel.declare_queue(queue, passive=True)).declaration_result
    consumers = counts.consumer_count or 0
    return Usage(consumers, counts.message_count or 0, certain=bool(consumers) or now() - asked_at < _CERTAIN_WITHIN_S)


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
    """Delete a queue of any kind; say whether it is gone. It is not if somebody may consume it.

    Without `with_messages` it stays, too, while something is in it. What comes between question and deletion is lost.
    """
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            usage = await _usage(channel, queue)
            if usage.consumers or not usage.certain or (usage.messages and not with_messages):
                return False
            await channel.queue_delete(queue)
    except ChannelNotFoundEntity:
        return True
    return True


async def publish_cast(  # noqa: PLR0913 - where, what, how often, and the limits of it
    connection: AbstractConnection, queue: str, body: bytes, *, times: int, expires_s: float, timeout_s: float
) -> bool:
    """Publish to a queue, however it is bound; say whether it is there and took it."""
    message = Message(body, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, expiration=expires_s)
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            for _ in range(times):
                await channel.default_exchange.publish(message, routing_key=queue, mandatory=True)
    except (DeliveryError, PublishError):
        return False
    return True


async def delete_untaken(connection: AbstractConnection, queue: str, timeout_s: float) -> bool:
    """Delete a queue in which something waits that would have gone to a consumer, and say whether that is so.

    Other than the number of consumers, that of purged messages is one that the queue itself gives.
    """
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            purged = await (await channel.get_queue(queue, ensure=False)).purge()
            if not purged.message_count:
                return False
            await channel.queue_delete(queue)
    except ChannelNotFoundEntity:
        return True
    return True
