"""Inspects the queues of Tacker's RPC, publishes to them and deletes them.

Existing queues are used as they are, so that old conductors and actions continue to work next to the bridge. Asking the
broker for a missing queue closes the channel: such requests use a channel of their own.
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
"""Every old action consumes the queue of this name, and one of its own: see `kill_queue`."""
_CERTAIN_WITHIN_S = 0.2
"""RabbitMQ waits 250 ms for the leader of a quorum queue, and then reports neither messages nor consumers."""


def kill_queue(vim_id: str) -> str:
    """Return the queue, and routing key, for kills of a VIM's old action."""
    return f"{KILLS}.{vim_id}"


@asynccontextmanager
async def channel_of_its_own(connection: AbstractConnection, timeout_s: float) -> AsyncGenerator[AbstractChannel]:
    """Open a channel that may break. The block must end within `timeout_s`."""
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
    """The broker's counts for a queue."""

    consumers: int
    messages: int
    is_certain: bool
    """Whether the counts are reliable: a broker reports a quorum queue whose leader does not answer as idle."""


async def read_usage(connection: AbstractConnection, queue: str, timeout_s: float) -> Usage | None:
    """Ask the broker how a queue is used; return None if there is no such queue."""
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
    return Usage(
        consumers, counts.message_count or 0, is_certain=bool(consumers) or now() - asked_at < _CERTAIN_WITHIN_S
    )


async def delete_if_idle(connection: AbstractConnection, queue: str, timeout_s: float) -> bool:
    """Delete a classic queue, unless it has consumers or messages; return whether it is gone.

    For a quorum queue, these conditions make the broker close the whole connection: use `delete_unused`.
    """
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            await channel.queue_delete(queue, if_unused=True, if_empty=True)
    except ChannelPreconditionFailed:
        return False
    except ChannelNotFoundEntity:
        return True
    return True


async def delete_unused(
    connection: AbstractConnection, queue: str, timeout_s: float, *, with_messages: bool = True
) -> bool:
    """Delete a queue of any kind, unless it may have consumers; return whether it is gone.

    Without `with_messages`, a queue with messages stays, too. Messages that arrive between check and deletion are lost.
    """
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            usage = await _usage(channel, queue)
            if usage.consumers or not usage.is_certain or (usage.messages and not with_messages):
                return False
            await channel.queue_delete(queue)
    except ChannelNotFoundEntity:
        return True
    return True


async def publish_cast(  # noqa: PLR0913 - the queue, the message, how often, and its limits
    connection: AbstractConnection, queue: str, body: bytes, *, times: int, expires_s: float, timeout_s: float
) -> bool:
    """Publish directly to a queue, whatever its bindings; return whether it exists and accepted the message."""
    message = Message(body, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING, expiration=expires_s)
    try:
        async with channel_of_its_own(connection, timeout_s) as channel:
            for _ in range(times):
                await channel.default_exchange.publish(message, routing_key=queue, mandatory=True)
    except (DeliveryError, PublishError):
        return False
    return True


async def delete_unconsumed(connection: AbstractConnection, queue: str, timeout_s: float) -> bool:
    """Delete a queue if it holds messages that a consumer would have taken; return whether it is gone.

    Unlike the number of consumers, the number of purged messages comes from the queue itself.
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
