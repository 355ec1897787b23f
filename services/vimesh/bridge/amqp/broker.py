"""Keeps one connection to RabbitMQ, and reconnects to the next node whenever it breaks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Never, Protocol

import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError

from vimesh.bridge.amqp.broker_refusals import failure_reason
from vimesh.bridge.amqp.guarded_transport import GuardedConnection
from vimesh.bridge.config.transport_url import Node
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.outage_log import OutageLog

_log = structlog.get_logger()

_MOST_REASONS = 20
AMQP_FAULTS = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)
"""Raised by any operation on a connection or channel that breaks. The type reveals nothing more than that."""


class BrokerAway(Exception):
    """There is no connection, or it broke before the work was done."""

    def __init__(self, why: str = "") -> None:
        """`why` is safe to log; if it is empty, the exception's cause holds the reason."""
        super().__init__("the message broker is unavailable")
        self.why = why


@contextmanager
def broker_faults() -> Generator[None]:
    """Convert whatever the AMQP library raises when a channel or the connection closes into BrokerAway.

    Operations under way then end with a bare Exception, or with CancelledError as if this task had been cancelled.
    """
    try:
        yield
    except AMQP_FAULTS as error:
        raise BrokerAway from error
    except asyncio.CancelledError as error:
        if is_cancelled():
            raise
        raise BrokerAway from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise BrokerAway from error


def is_cancelled() -> bool:
    """Return whether the running task itself is being cancelled."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    connect_timeout_s: float = 10.0
    close_timeout_s: float = 2.0
    call_timeout_s: float = 10.0
    """For each operation on the broker."""
    heartbeat_s: int = 10
    """The heartbeat interval; 0: no heartbeats. A peer that vanished is noticed after three intervals."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0
    least_pause_s: float = 0.0
    """Added to the other pauses, before each further attempt."""


class BrokerConnections(Protocol):
    """A source of a shared connection."""

    @property
    def limits(self) -> BrokerLimits: ...

    async def connection(self, within_s: float) -> GuardedConnection:
        """Return the connection as soon as there is one. Raises BrokerAway."""


Dial = Callable[[Node], Awaitable[GuardedConnection]]
"""Opens a connection. Raises BrokerAway with the reason."""
Work = Callable[[AbstractConnection, Callable[[], None]], Awaitable[None]]
"""Uses a connection until it breaks; calls the second argument once it is at work."""


class Broker:
    """Holds one connection at a time. Calls and their answers share it, over separate channels."""

    def __init__(self, nodes: Sequence[Node], dial: Dial, *, random: Random, limits: BrokerLimits) -> None:
        self._dial = dial
        self._nodes = cycle(nodes)
        self.node = nodes[0]
        """The node of the current connection, or of the last attempt."""
        self.limits = limits
        self._outage = _Outage()
        self._backoff = Backoff(first_s=limits.first_pause_s, longest_s=limits.longest_pause_s, random=random)
        self._connection: AbstractConnection | None = None
        self._connected = asyncio.Event()

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self._connection is not None

    async def run(self, work: Work) -> Never:
        """Connect, run the work until the connection breaks, and start over, until cancelled."""
        while True:
            self.node = next(self._nodes)
            try:
                why = await self._attempt(work)
            except BrokerAway as away:
                why = away.why
            self._outage.failed(why)
            await asyncio.sleep(self.limits.least_pause_s + self._backoff.pause_s())

    async def _attempt(self, work: Work) -> str:
        """Run the work over one connection; return why the connection ended. Raises BrokerAway with the reason."""
        connection = await self._dial(self.node)
        try:
            with broker_faults():
                async with self._shared(connection):
                    await work(connection, self._on_working)
        except BrokerAway as away:
            cause = away.__cause__ or away
            raise BrokerAway(away.why or failure_reason(cause, connection.close_reason)) from cause
        return str(connection.close_reason or "the connection broke")

    async def connection(self, within_s: float) -> AbstractConnection:
        """Return the connection as soon as there is one. Raises BrokerAway if there is none in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._connected.wait()
        except TimeoutError:
            raise BrokerAway from None
        assert self._connection is not None, "told by _connected"  # noqa: S101 - for the type checker
        return self._connection

    def _on_working(self) -> None:
        self._outage.ended()
        self._backoff.reset()

    @asynccontextmanager
    async def _shared(self, connection: AbstractConnection) -> AsyncGenerator[None]:
        self._connection = connection
        self._connected.set()
        _log.debug("connected", broker=f"{self.node.host}:{self.node.port}")
        try:
            yield
        finally:
            self._connected.clear()
            self._connection = None
            await close(connection, self.limits)


class _Outage:
    """Logs an outage: its start, each new reason once, and its end."""

    def __init__(self) -> None:
        self._outage_log = OutageLog("broker", "AMQP", meanwhile="calls and kills wait")
        self._reasons: set[str] = set()

    def failed(self, why: str) -> None:
        self._outage_log.note_failure(why)
        if self._reasons and why not in self._reasons and len(self._reasons) < _MOST_REASONS:
            _log.warning("the broker still cannot be used, for another reason", why=why)
        self._reasons.add(why)

    def ended(self) -> None:
        self._outage_log.note_success()
        self._reasons.clear()


async def close(connection: AbstractConnection, limits: BrokerLimits) -> None:
    """Close a connection that may be broken."""
    with suppress(*AMQP_FAULTS):
        async with asyncio.timeout(limits.close_timeout_s):
            await connection.close()


def silence_the_client() -> None:
    """Keep the AMQP library from logging each attempt: this module logs an outage once."""
    for name in ("aio_pika", "aiormq"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
