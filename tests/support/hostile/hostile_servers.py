"""Serves hostile kinds: each has a name, and the status that its VIMs should get."""

from __future__ import annotations

import asyncio
import socket
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

REACHABLE = "REACHABLE"
PROTOCOL, RESET, TIMEOUT, TLS = (f"UNREACHABLE {reason}" for reason in ("PROTOCOL", "RESET", "TIMEOUT", "TLS"))

Talk = Callable[[StreamReader, StreamWriter], Awaitable[None]]

_LONGEST_S = 30.0
"""Maximum time for one connection: it ends even if the prober does not close it."""


@dataclass(frozen=True, slots=True)
class Service:
    """What happens on a connection; with a context, after a proper TLS handshake."""

    talk: Talk
    context: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One way to be hostile, or merely odd."""

    name: str
    expected: frozenset[str]
    """The statuses that such a VIM may have, each followed by a blank and the reason."""
    prepare: Callable[[Path], Service]
    """Makes the service. It may leave files in the folder."""
    scheme: str = "http"
    method: str = "HTTP"
    silenced: bool = False
    """Whether nothing sent to the VIM's address arrives: any answer is forged."""
    zone: str = ""
    """The zone in which the VIMs are names; empty: they are addresses."""


@asynccontextmanager
async def serving(kinds: Iterable[Kind], folder: Path, host: str = "127.0.0.1") -> AsyncGenerator[dict[str, int]]:
    """Serve each kind on a free port; yields the ports by name. Connections still open at the end are cut."""
    async with AsyncExitStack() as servers:
        yield {one.name: await servers.enter_async_context(_serving(one, folder, host)) for one in kinds}


@asynccontextmanager
async def _serving(one: Kind, folder: Path, host: str) -> AsyncGenerator[int]:
    service = one.prepare(folder)
    talking: set[asyncio.Task[None]] = set()

    def begin(reader: StreamReader, writer: StreamWriter) -> None:
        # Our own task: asyncio logs an error when its own tasks are cancelled.
        task = asyncio.create_task(_talk(service, reader, writer))
        talking.add(task)
        task.add_done_callback(talking.discard)
        # Not by the task: it may be cancelled before it begins.
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(begin, host, 0, ssl=service.context, backlog=512)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
        await asyncio.sleep(0)  # connections close in the next iteration


async def _talk(service: Service, reader: StreamReader, writer: StreamWriter) -> None:
    try:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        async with asyncio.timeout(_LONGEST_S):
            await service.talk(reader, writer)
    except (OSError, EOFError, TimeoutError):
        pass  # the prober has closed the connection, as it may
