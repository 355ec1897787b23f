"""Acknowledges deliveries without keeping their messages, which may be large."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from aio_pika.abc import AbstractIncomingMessage
from aiormq.abc import AbstractChannel

from vimesh.bridge.amqp.broker import BrokerAway, broker_faults

_WITHIN_S = 10.0


class AmqpDelivery:
    """One delivery of a message, over one channel."""

    def __init__(self, message: AbstractIncomingMessage) -> None:
        self._channel: AbstractChannel = message.channel
        self._tag = message.delivery_tag or 0

    async def acknowledge(self) -> None:
        """Acknowledge it to the broker. If its connection is gone, the broker has already requeued it."""
        with suppress(BrokerAway), broker_faults():
            async with asyncio.timeout(_WITHIN_S):
                await self._channel.basic_ack(self._tag)
