"""Declares the exchange and the queue of Tacker's calls. Those that others declared are used as they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import ChannelClosed, ChannelNotFoundEntity, ChannelPreconditionFailed
from aiormq.exceptions import ChannelAccessRefused

from vimesh.bridge.amqp.broker import BrokerAway, BrokerConnections, broker_faults
from vimesh.bridge.amqp.broker_refusals import TRANSIENT_DENIED, advice_on, failure_reason, refusal_text
from vimesh.bridge.amqp.close_reasons import CloseReason
from vimesh.bridge.amqp.rpc_queues import channel_of_its_own
from vimesh.bridge.config.topology import CALLS, EXCHANGE, WITHOUT_TRANSIENT, Topology

_log = structlog.get_logger()

Ask = Callable[[AbstractChannel], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class QueueState:
    """The outcome of a declaration."""

    topology: Topology
    is_ours: bool
    """Whether the queue has the wanted `topology`. Otherwise its kind is unknown."""


class TransientDenied(Exception):
    """The broker no longer supports queues that are neither durable nor exclusive."""


class QueueDeclarer:
    """Declares over the second connection: some brokers close the connection over a declaration that they refuse."""

    def __init__(self, topology: Topology, enquiries: BrokerConnections) -> None:
        self._topology = topology
        self._enquiries = enquiries
        self._logged_refusals: set[str] = set()
        """Refusals that have been logged already: each new connection meets the same ones."""

    async def declare(self) -> QueueState:
        """Ensure that calls find their queue. Raises BrokerAway with the reason if they cannot."""
        try:
            return await self._declare(self._topology)
        except TransientDenied:
            self._log_once(
                "the broker does not allow transient queues: a quorum queue is declared instead", TRANSIENT_DENIED
            )
            self._topology = WITHOUT_TRANSIENT
            return await self._declare(self._topology)

    async def _declare(self, wanted: Topology) -> QueueState:
        durable, auto_delete = wanted.durable, wanted.auto_delete
        # The queue comes first: if it is denied, no exchange is left behind that others could not use.
        ours = await self._ensure(
            lambda channel: channel.declare_queue(
                CALLS, durable=durable, auto_delete=auto_delete, arguments=dict(wanted.arguments)
            ),
            lambda channel: channel.declare_queue(CALLS, passive=True),
        )
        await self._ensure(
            lambda channel: channel.declare_exchange(
                EXCHANGE, ExchangeType.TOPIC, durable=durable, auto_delete=auto_delete
            ),
            lambda channel: channel.declare_exchange(EXCHANGE, ExchangeType.TOPIC, passive=True),
        )
        await self._run_on_channel(_bind)
        return QueueState(wanted, ours)

    async def _ensure(self, declare: Ask, check: Ask) -> bool:
        """Declare something; return whether it is as wanted.

        It is not if others declared it differently, or if only others may declare it.
        """
        try:
            await self._run_on_channel(declare)
        except (ChannelPreconditionFailed, ChannelAccessRefused) as error:
            await self._check_exists(check, error)
            if isinstance(error, ChannelPreconditionFailed):
                self._log_once("a queue or exchange is used as others have declared it", refusal_text(error))
        else:
            return True
        return False

    async def _check_exists(self, check: Ask, refused: ChannelClosed) -> None:
        """Check that it exists. If it does not, raise BrokerAway with the reason why it could not be declared."""
        try:
            await self._run_on_channel(check)
        except BrokerAway as away:
            if isinstance(away.__cause__, ChannelNotFoundEntity):
                raise BrokerAway(failure_reason(refused, None)) from refused
            raise

    async def _run_on_channel(self, ask: Ask) -> None:
        limits = self._enquiries.limits
        connection = await self._enquiries.connection(limits.call_timeout_s)
        try:
            with broker_faults():
                async with channel_of_its_own(connection, limits.call_timeout_s) as channel:
                    await ask(channel)
        except BrokerAway as away:
            cause = away.__cause__ or away
            if isinstance(cause, ChannelPreconditionFailed | ChannelAccessRefused):
                raise cause from None
            raise self._as_failure(cause, connection.close_reason) from cause

    def _as_failure(self, cause: BaseException, close_reason: CloseReason | None) -> Exception:
        if close_reason is not None and TRANSIENT_DENIED in close_reason.text and not self._topology.durable:
            return TransientDenied()
        return BrokerAway(failure_reason(cause, close_reason))

    def _log_once(self, event: str, words: str) -> None:
        if words not in self._logged_refusals:
            self._logged_refusals.add(words)
            _log.warning(event, why=words, hint=advice_on(words))


async def _bind(channel: AbstractChannel) -> None:
    exchange = await channel.get_exchange(EXCHANGE, ensure=False)
    queue = await channel.get_queue(CALLS, ensure=False)
    await queue.bind(exchange, CALLS)
