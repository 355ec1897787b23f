"""Publishes answers to the callers' queues."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from random import Random

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelClosed, DeliveryError, PublishError

from vimesh.bridge.amqp.broker import Broker, BrokerAway, broker_faults
from vimesh.bridge.amqp.broker_refusals import failure_reason
from vimesh.bridge.messages.oslo_messages import CONTENT_ENCODING, CONTENT_TYPE
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.complaint_log import ComplaintLog
from vimesh.runtime.task_crew import TaskCrew


@dataclass(frozen=True, slots=True)
class ReplyLimits:
    unclaimed_s: float = 20.0
    """How long a caller's queue may take to reappear after the broker was away."""
    unclaimed: int = 1000
    """How many answers may wait for that. Further ones are dropped: most such callers are gone."""
    first_pause_s: float = 0.1
    longest_pause_s: float = 2.0


class ReplySender:
    """Publishes answers over the current connection, whichever one delivered their calls."""

    def __init__(self, broker: Broker, crew: TaskCrew, *, random: Random, limits: ReplyLimits | None = None) -> None:
        self._broker = broker
        self._crew = crew
        self._random = random
        self._limits = limits or ReplyLimits()
        self._opening = asyncio.Lock()
        self._channel_connection: AbstractConnection | None = None
        self._channel: AbstractChannel | None = None
        self._unclaimed = 0
        self._dropped = ComplaintLog("an answer is dropped: its caller is gone")
        self._refused = ComplaintLog("the broker refuses an answer: trying again")

    async def send(self, queue: str, body: bytes, within_s: float) -> None:
        """Publish an answer as soon as there is a broker; if the queue is missing, retry in the background.

        Return when the call can be acknowledged: a caller that is gone must not take up room for others.
        """
        deadline = asyncio.get_running_loop().time() + within_s
        if await self._deliver(queue, body, deadline):
            return
        if self._unclaimed < self._limits.unclaimed:
            self._unclaimed += 1
            self._crew.start(self._wait_for_queue(queue, body, min(within_s, self._limits.unclaimed_s)))
        else:
            self._dropped.add(queue=queue)

    async def _wait_for_queue(self, queue: str, body: bytes, within_s: float) -> None:
        now = asyncio.get_running_loop().time
        deadline = now() + within_s
        backoff = self._backoff()
        try:
            while now() < deadline:
                await asyncio.sleep(backoff.pause_s())
                if await self._deliver(queue, body, deadline):
                    return
            self._dropped.add(queue=queue)
        finally:
            self._unclaimed -= 1

    async def _deliver(self, queue: str, body: bytes, deadline: float) -> bool:
        """Return whether the caller's queue accepted the answer. Wait for a broker that is away, until the deadline."""
        now = asyncio.get_running_loop().time
        backoff = self._backoff()
        is_logged = False
        while (left_s := deadline - now()) > 0:
            try:
                with broker_faults():
                    return await self._publish(queue, body, left_s)
            except BrokerAway as away:
                if isinstance(away.__cause__, ChannelClosed) and not is_logged:
                    is_logged = True
                    self._refused.add(queue=queue, why=failure_reason(away.__cause__, None))
                await asyncio.sleep(backoff.pause_s())  # the outage itself is logged by the Broker
        return False

    def _backoff(self) -> Backoff:
        limits = self._limits
        return Backoff(first_s=limits.first_pause_s, longest_s=limits.longest_pause_s, random=self._random)

    async def _publish(self, queue: str, body: bytes, left_s: float) -> bool:
        channel = await self._open_channel(left_s)
        message = Message(body, content_type=CONTENT_TYPE, content_encoding=CONTENT_ENCODING)
        timeout_s = min(left_s, self._broker.limits.call_timeout_s)
        try:
            await channel.default_exchange.publish(message, routing_key=queue, mandatory=True, timeout=timeout_s)
        except (DeliveryError, PublishError):
            # The queue does not exist: the caller is gone, or has not reconnected yet.
            return False
        return True

    async def _open_channel(self, left_s: float) -> AbstractChannel:
        async with self._opening:
            connection = await self._broker.connection(left_s)
            if self._channel is None or self._channel.is_closed or self._channel_connection is not connection:
                channel = connection.channel(publisher_confirms=True, on_return_raises=True)
                await channel.initialize(self._broker.limits.call_timeout_s)
                self._channel, self._channel_connection = channel, connection
            return self._channel
