"""Takes calls from the queue, has them served, and acknowledges each once it has been answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage

from vimesh.bridge.amqp.broker import BrokerAway, broker_faults
from vimesh.bridge.amqp.declare_queues import QueueDeclarer, QueueState
from vimesh.bridge.amqp.deliveries import AmqpDelivery
from vimesh.bridge.calls.amqp_statistics import AmqpStatistics, CallOutcome, outcome_of
from vimesh.bridge.calls.redeliveries import Redeliveries
from vimesh.bridge.calls.reply_sender import ReplySender
from vimesh.bridge.config.topology import CALLS
from vimesh.bridge.messages.caller_exceptions import BridgeFault, CallFailed
from vimesh.bridge.messages.oslo_messages import Call, Malformed, build_reply, fingerprint, parse_call
from vimesh.bridge.messages.plain_bodies import read_plain_body, unusual_headers
from vimesh.runtime.complaint_log import ComplaintLog
from vimesh.runtime.task_crew import TaskCrew
from vimesh.tracing.current_request import enter_request, new_request_id
from vimesh.tracing.spans import TRACEPARENT, Tracer, root_span

_log = structlog.get_logger()

DEFAULT_TIMEOUT_S = 60.0
"""How long oslo.messaging's callers wait by default."""
_LOOK_EVERY_S = 1.0
_BROKER_S = 10.0
_LEAST_S = 1.0

Serve = Callable[[Call], Awaitable[str]]
"""Returns the answer to a call. Raises CallFailed."""


class CallConsumer:
    """Holds the calls that are not answered yet. They outlive the connection that delivered them."""

    def __init__(  # noqa: PLR0913 - its collaborators and two numbers
        self,
        serve: Serve,
        replies: ReplySender,
        declarer: QueueDeclarer,
        crew: TaskCrew,
        *,
        concurrency: int,
        default_timeout_s: float = DEFAULT_TIMEOUT_S,
        tracer: Tracer | None = None,
    ) -> None:
        """`default_timeout_s`: how long callers that state no timeout wait. `tracer`: None: no call is traced."""
        self._serve = serve
        self._declarer = declarer
        self.queue_state: QueueState | None = None
        """The queue from which the newest connection takes calls."""
        self._default_timeout_s = default_timeout_s
        self._replies = replies
        self._crew = crew
        self._concurrency = concurrency
        self._tracer = tracer
        self._calls: dict[bytes, list[AmqpDelivery]] = {}
        """The deliveries to acknowledge, by fingerprint: the same message may be delivered twice."""
        self.unanswered = 0
        """How many calls are being served or acknowledged."""
        self.statistics = AmqpStatistics()
        self._redeliveries = Redeliveries()
        self._dropped = ComplaintLog("a message is not a call: dropped")
        self._failed = ComplaintLog("call failed")
        self._late = ComplaintLog("a call is given up: nobody waits for its answer any longer")
        self._idle = asyncio.Event()
        self._idle.set()
        self._stopping = asyncio.Event()
        self._stopped = asyncio.Event()

    async def work(self, connection: AbstractConnection, on_working: Callable[[], None]) -> None:
        """Take calls until the connection breaks or the consumer is lost; none after `stop`."""
        if not self._stopping.is_set():
            await self._consume(connection, on_working)
        if self._stopping.is_set():
            self._stopped.set()
            # Keep the connection open: answers, kills and acknowledgements of calls under way still need it.
            await connection.closed()

    async def _consume(self, connection: AbstractConnection, on_working: Callable[[], None]) -> None:
        self.queue_state = await self._declarer.declare()
        # Closed with the connection, not here: calls under way are still acknowledged over this channel.
        channel = connection.channel(publisher_confirms=False)
        async with asyncio.timeout(_BROKER_S):
            await channel.initialize()
            await channel.set_qos(prefetch_count=self._concurrency)
            queue = await channel.get_queue(CALLS, ensure=False)
            consumer = await queue.consume(
                self._handle_delivery, arguments=dict(self.queue_state.topology.consumer_arguments)
            )
        on_working()
        _log.info("calls are taken", queue=CALLS)
        while not channel.is_closed and not connection.is_closed and await _is_consuming(channel, consumer):
            if self._stopping.is_set():
                await queue.cancel(consumer, timeout=_BROKER_S)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await _wait_for_any(connection.closed(), self._stopping.wait())

    async def stop(self, within_s: float) -> None:
        """Take no more calls; wait at most `within_s` for the consumer to be cancelled."""
        self._stopping.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._stopped.wait()

    async def wait_until_idle(self, within_s: float) -> bool:
        """Wait until every call is answered; return whether that happened in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _handle_delivery(self, message: AbstractIncomingMessage) -> None:
        # Acknowledge every message, even a faulty one: otherwise it takes up a part of the prefetch count, and is
        # redelivered over the next connection.
        delivery, digest = AmqpDelivery(message), fingerprint(message.body, message.user_id or "")
        try:
            call = await self._parse_call(message, digest)
        except Malformed as error:
            self.statistics.calls[CallOutcome.MALFORMED] += 1
            self._dropped.add(why=str(error), bytes=len(message.body), **unusual_headers(message))
        except Exception:  # noqa: BLE001 - a faulty message must not stop the others
            self.statistics.calls[CallOutcome.DEFECT] += 1
            _log.exception("defect", bytes=len(message.body))
        else:
            self._start_call(digest, call, delivery, str(message.headers.get(TRACEPARENT, "")))
            return
        await delivery.acknowledge()

    async def _parse_call(self, message: AbstractIncomingMessage, digest: bytes) -> Call:
        if message.redelivered and self._redeliveries.exceeds_limit(digest):
            raise Malformed("the connection broke each time it was delivered")
        return parse_call(await read_plain_body(message), _expiration_s(message), message.user_id or "")

    def _start_call(self, digest: bytes, call: Call, delivery: AmqpDelivery, traceparent: str) -> None:
        if deliveries := self._calls.get(digest):
            deliveries.append(delivery)  # it is already being served
            return
        self._calls[digest] = [delivery]
        self.unanswered += 1
        self._idle.clear()
        self._crew.start(self._serve_one(digest, call, traceparent))

    async def _serve_one(self, digest: bytes, call: Call, traceparent: str) -> None:
        enter_request(request_id := call.request_id or new_request_id())
        try:
            try:
                with (
                    suppress(BrokerAway),
                    broker_faults(),
                    root_span(self._tracer, "AMQP call", request_id, traceparent),
                ):
                    await self._serve_and_reply(call)
            except Exception:  # noqa: BLE001 - a faulty call must not stop the others
                _log.exception("defect", method=call.method[:100])
            finally:
                # Deliveries from now on are served as a new call.
                deliveries = self._calls.pop(digest)
            for delivery in deliveries:
                await delivery.acknowledge()
        finally:
            self.unanswered -= 1
            if not self.unanswered:
                self._idle.set()

    async def _serve_and_reply(self, call: Call) -> None:
        now = asyncio.get_running_loop().time
        arrived_at = now()
        deadline = arrived_at + (self._default_timeout_s if call.timeout_s is None else call.timeout_s)
        try:
            async with asyncio.timeout_at(max(deadline, arrived_at + _LEAST_S)):
                outcome = await self._serve_call(call)
        except TimeoutError:
            self._count(CallOutcome.LATE, now() - arrived_at)
            self._late.add(method=call.method[:100])
            return
        self._count(outcome_of(outcome), now() - arrived_at)
        if call.call_id:
            await self._replies.send(call.reply_to, build_reply(call, outcome), max(_LEAST_S, deadline - now()))

    def _count(self, outcome: CallOutcome, took_s: float) -> None:
        self.statistics.calls[outcome] += 1
        self.statistics.durations.observe(took_s)

    async def _serve_call(self, call: Call) -> str | CallFailed:
        try:
            return await self._serve(call)
        except CallFailed as failure:
            self._failed.add(method=call.method[:100], why=str(failure))
            return failure
        except Exception:  # noqa: BLE001 - a faulty call must not stop the others
            _log.exception("defect", method=call.method[:100])
            return BridgeFault()


async def _is_consuming(channel: AbstractChannel, consumer: str) -> bool:
    """Return whether the broker still delivers: it stops without an error when the queue is deleted."""
    underlay: Any = await channel.get_underlay_channel()
    return consumer in underlay.consumers


async def _wait_for_any(*happenings: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(each) for each in happenings]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def _expiration_s(message: AbstractIncomingMessage) -> float | None:
    expiration = message.expiration
    return float(expiration) if isinstance(expiration, int | float) and expiration > 0 else None
