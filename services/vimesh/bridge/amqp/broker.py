"""The connection to RabbitMQ: made again whenever it breaks, at any of the nodes."""

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

from vimesh.bridge.amqp.broker_refusals import reason
from vimesh.bridge.amqp.guarded_transport import GuardedConnection
from vimesh.bridge.config.transport_url import Node
from vimesh.runtime.backoff import Backoff
from vimesh.runtime.peer_log import PeerLog

_log = structlog.get_logger()

_MOST_REASONS = 20
AMQP_FAULTS = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)
"""What a connection or a channel that breaks raises, whatever was asked of it. None of them says more than that."""


class BrokerAway(Exception):
    """There is no connection, or it broke before the work was done."""

    def __init__(self, why: str = "") -> None:
        """`why` may be logged; empty: what caused this exception says it."""
        super().__init__("the message broker is away")
        self.why = why


@contextmanager
def broker_faults() -> Generator[None]:
    """Raise BrokerAway for whatever the AMQP library raises when a channel or the connection closes meanwhile.

    What was under way then ends by an exception without a class of its own, or as if this task had been cancelled.
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
    """Say whether the running task is to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@dataclass(frozen=True, slots=True)
class BrokerLimits:
    connect_timeout_s: float = 10.0
    close_timeout_s: float = 2.0
    call_timeout_s: float = 10.0
    """For whatever is asked of the broker."""
    heartbeat_s: int = 10
    """How often a sign of life is wanted; 0: never. A peer that vanished is noticed after three times of it."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0
    least_pause_s: float = 0.0
    """Beside the others, before each attempt."""


class BrokerConnections(Protocol):
    """Where a connection comes from that others use, too."""

    @property
    def limits(self) -> BrokerLimits: ...

    async def connection(self, within_s: float) -> GuardedConnection:
        """Return it as soon as there is one. Raises BrokerAway."""


Dial = Callable[[Node], Awaitable[GuardedConnection]]
"""Opens a connection. Raises BrokerAway that says why there is none."""
Work = Callable[[AbstractConnection, Callable[[], None]], Awaitable[None]]
"""Works with a connection until that breaks; says when it is at work."""


class Broker:
    """One connection at a time. All work of this process shares it, each part with channels of its own."""

    def __init__(self, nodes: Sequence[Node], dial: Dial, *, random: Random, limits: BrokerLimits) -> None:
        self._dial = dial
        self._nodes = cycle(nodes)
        self.node = nodes[0]
        """Where the connection is, or was tried last."""
        self.limits = limits
        self._outage = _Outage()
        self._backoff = Backoff(first_s=limits.first_pause_s, longest_s=limits.longest_pause_s, random=random)
        self._connection: AbstractConnection | None = None
        self._connected = asyncio.Event()

    async def run(self, work: Work) -> Never:
        """Connect, have the work done until the connection breaks, and begin again. Ends by cancellation."""
        while True:
            self.node = next(self._nodes)
            try:
                why = await self._attempt(work)
            except BrokerAway as away:
                why = away.why
            self._outage.failed(why)
            await asyncio.sleep(self.limits.least_pause_s + self._backoff.pause_s())

    async def _attempt(self, work: Work) -> str:
        """Return why the connection ended. Raises BrokerAway that says why."""
        connection = await self._dial(self.node)
        try:
            with broker_faults():
                async with self._offered(connection):
                    await work(connection, self._at_work)
        except BrokerAway as away:
            cause = away.__cause__ or away
            raise BrokerAway(away.why or reason(cause, connection.closing)) from cause
        return str(connection.closing or "the connection broke")

    async def connection(self, within_s: float) -> AbstractConnection:
        """Return the connection, as soon as there is one. Raises BrokerAway."""
        try:
            async with asyncio.timeout(within_s):
                await self._connected.wait()
        except TimeoutError:
            raise BrokerAway from None
        assert self._connection is not None, "told by _connected"  # noqa: S101 - for the type checker
        return self._connection

    def _at_work(self) -> None:
        self._outage.ended()
        self._backoff.reset()

    @asynccontextmanager
    async def _offered(self, connection: AbstractConnection) -> AsyncGenerator[None]:
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
    """Says that the broker is lost, each reason for it once, and that it is back."""

    def __init__(self) -> None:
        self._link = PeerLog("broker", "AMQP", meanwhile="calls and kills wait")
        self._reasons: set[str] = set()

    def failed(self, why: str) -> None:
        self._link.failed(why)
        if self._reasons and why not in self._reasons and len(self._reasons) < _MOST_REASONS:
            _log.warning("the broker cannot be used: another reason", why=why)
        self._reasons.add(why)

    def ended(self) -> None:
        self._link.worked()
        self._reasons.clear()


async def close(connection: AbstractConnection, limits: BrokerLimits) -> None:
    """Close a connection that may be broken."""
    with suppress(*AMQP_FAULTS):
        async with asyncio.timeout(limits.close_timeout_s):
            await connection.close()


def silence_the_client() -> None:
    """Keep the AMQP library from logging each attempt: what matters is said once, here."""
    for name in ("aio_pika", "aiormq"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
