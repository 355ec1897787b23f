"""The connection to RabbitMQ: made again whenever it breaks, at any of the nodes."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from random import Random
from typing import Never

import aio_pika
import structlog
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, AuthenticationError, ProbableAuthenticationError
from aiormq.exceptions import ConnectionNotAllowed, InvalidFrameError

from vimesh.bridge.guarded_transport import GuardedConnection
from vimesh.bridge.transport_url import SETTING, Node, TransportUrl
from vimesh.domain.backoff import Backoff
from vimesh.domain.errors import BadSetting
from vimesh.rpc.link import Link

_log = structlog.get_logger()

AMQP_FAULTS = (AMQPError, OSError, TimeoutError, RuntimeError, asyncio.InvalidStateError)
"""What a connection or a channel that breaks raises, whatever was asked of it. None of them says more than that."""


class BrokerAway(Exception):
    """There is no connection, or it broke before the work was done."""

    def __init__(self) -> None:
        super().__init__("the message broker is away")


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
    """A peer that vanished without a word is noticed within twice of it."""
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0


Work = Callable[[AbstractConnection, Callable[[], None]], Awaitable[None]]
"""Works with a connection until that breaks; says when it is at work."""


class Broker:
    """One connection at a time. All work of this process shares it, each part with channels of its own."""

    def __init__(self, url: TransportUrl, *, random: Random, limits: BrokerLimits | None = None) -> None:
        self._url = url
        self._nodes = cycle(url.nodes)
        self.limits = limits or BrokerLimits()
        self._link = Link("broker", "AMQP", meanwhile="calls and kills wait")
        self._backoff = Backoff(first_s=self.limits.first_pause_s, longest_s=self.limits.longest_pause_s, random=random)
        self._connection: AbstractConnection | None = None
        self._connected = asyncio.Event()

    async def run(self, work: Work) -> Never:
        """Connect, have the work done until the connection breaks, and begin again. Ends by cancellation."""
        while True:
            try:
                with broker_faults():
                    async with self._opened(next(self._nodes)) as connection:
                        await work(connection, self._at_work)
            except BrokerAway as away:
                self._link.failed(_why(away.__cause__ or away, self._url.virtual_host))
            else:
                self._link.failed("the connection broke")
            await asyncio.sleep(self._backoff.pause_s())

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
        self._link.worked()
        self._backoff.reset()

    @asynccontextmanager
    async def _opened(self, node: Node) -> AsyncGenerator[AbstractConnection]:
        connection = await self._connect(node)
        self._connection = connection
        self._connected.set()
        _log.debug("connected", broker=f"{node.host}:{node.port}", virtual_host=self._url.virtual_host)
        try:
            yield connection
        finally:
            self._connected.clear()
            self._connection = None
            with suppress(*AMQP_FAULTS):
                async with asyncio.timeout(self.limits.close_timeout_s):
                    await connection.close()

    async def _connect(self, node: Node) -> AbstractConnection:
        return await aio_pika.connect(
            host=node.host,
            port=node.port,
            login=node.user,
            password=node.password,
            virtualhost=self._url.virtual_host,
            ssl=self._url.tls,
            ssl_context=_tls_context(self._url),
            timeout=self.limits.connect_timeout_s,
            heartbeat=self.limits.heartbeat_s,
            connection_class=GuardedConnection,
        )


def check_ca_file(url: TransportUrl) -> None:
    """Raise BadSetting for a file that no connection could be made with."""
    try:
        _tls_context(url)
    except ssl.SSLError:
        raise BadSetting(SETTING, f"ssl_ca_file {url.ca_file} holds no certificates in PEM format") from None
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        raise BadSetting(SETTING, f"ssl_ca_file {url.ca_file} cannot be read: {what}") from None


def _tls_context(url: TransportUrl) -> ssl.SSLContext | None:
    # Made anew for each connection: the file may have been replaced.
    return ssl.create_default_context(cafile=url.ca_file or None) if url.tls else None


def silence_the_client() -> None:
    """Keep the AMQP library from logging each attempt: what matters is said once, here."""
    for name in ("aio_pika", "aiormq"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _why(error: BaseException, virtual_host: str) -> str:
    # What the library says holds the whole URL at times: only what is known to be harmless is passed on.
    if isinstance(error, AuthenticationError | ProbableAuthenticationError):
        return "the broker refused the login"
    if _refuses_virtual_host(error):
        return f"virtual host {virtual_host}: not found, or not allowed"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


def _refuses_virtual_host(error: BaseException) -> bool:
    # The client does not tell one refusal from another: only its text says that the broker closed the connection in
    # place of opening the virtual host.
    closed_instead = isinstance(error, InvalidFrameError) and all(
        frame in str(error) for frame in ("Connection.OpenOk", "Connection.Close")
    )
    return closed_instead or isinstance(error, ConnectionNotAllowed)
