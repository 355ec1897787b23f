"""Answers on their way back to the callers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

import structlog
from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import DeliveryError, PublishError

from vimesh.bridge.broker import AMQP_FAULTS, Broker, BrokerAway
from vimesh.bridge.wire import CONTENT_ENCODING, CONTENT_TYPE
from vimesh.domain.backoff import Backoff

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    unclaimed_s: float = 20.0
    """A caller's queue may need so long to come back after the broker was away."""
    first_pause_s: float = 0.1
    longest_pause_s: float = 2.0


class Replies:
    """Publishes answers, on whatever connection there is."""

    def __init__(self, broker: Broker, *, random: Random, limits: ReplyLimits | None = None) -> None:
        self._broker = broker
        self._random = random
        self._limits = limits or ReplyLimits()
        self._opening = asyncio.Lock()
        self._used: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None

    async def send(self, queue: str, body: bytes, within_s: float) -> bool:
        """Publish an answer; say whether the caller's queue took it. Tries again until the caller has given up."""
        now = asyncio.get_running_loop().time
        deadline = now() + within_s
        unclaimed_until = now() + min(within_s, self._limits.unclaimed_s)
        backoff = Backoff(
            first_s=self._limits.first_pause_s, longest_s=self._limits.longest_pause_s, random=self._random
        )
        while (left_s := deadline - now()) > 0:
            try:
                await self._publish(queue, body, left_s)
            except (DeliveryError, PublishError):
                # Nobody has the queue: the caller is gone, or has not come back yet.
                if now() > unclaimed_until:
                    break
            except (BrokerAway, *AMQP_FAULTS):
                pass  # the broker says so itself
            else:
                return True
            await asyncio.sleep(backoff.pause_s())
        _log.debug("nobody took the answer", queue=queue)
        return False

    async def _publish(self, queue: str, body: bytes, left_s: float) -> None:
        channel = await self._open_channel(left_s)
        message = Message(body, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING)
        timeout_s = min(left_s, self._broker.limits.call_timeout_s)
        await channel.default_exchange.publish(message, routing_key=queue, mandatory=True, timeout=timeout_s)

    async def _open_channel(self, left_s: float) -> AbstractChannel:
        async with self._opening:
            connection = await self._broker.connection(left_s)
            if self._channel is None or self._channel.is_closed or self._used is not connection:
                channel = connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.initialize(self._broker.limits.call_timeout_s)
                self._channel, self._used = channel, connection
            return self._channel
