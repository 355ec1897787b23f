"""Serves endpoints to probe, whose behaviour can be switched while they run."""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from enum import Enum
from typing import assert_never

from tests.support.probers.verdicts import PATIENCE_S


class Behaviour(Enum):
    ANSWER = "answers what `status_line` says"
    HANG = "reads the request, and answers only when `release` is set"
    CLOSE = "reads the request and closes"
    RESET = "reads the request and resets"
    GARBAGE = "answers something that is not HTTP"


class LoopbackApi(ABC):
    """A cloud API on a loopback port."""

    def __init__(self, host: str, tls: ssl.SSLContext | None) -> None:
        self.requests: list[str] = []
        self.connections = 0
        self.host = host
        self.port = 0
        self.tls = tls
        """TLS for the connections that the next `listen` accepts."""
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}/v3"

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port, ssl=self.tls, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Stop listening: new connections are refused until `listen` is called; open ones continue."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def hang_up(self) -> None:
        """Close the connections that are still open: if the loop ended first, they would never be closed."""
        while self._serving:
            for task in self._serving:
                task.cancel()
            await asyncio.wait(self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            await self._talk(self.connections, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the prober closed the connection, or was idle for too long
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    @abstractmethod
    async def _talk(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the connection with this number."""


class FakeApi(LoopbackApi):
    """An API that answers once on each connection, unless it is told otherwise."""

    def __init__(self, host: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, tls)
        self.behaviour = Behaviour.ANSWER
        self.status_line = "HTTP/1.1 300 Multiple Choices"
        self.release = asyncio.Event()
        self._news = asyncio.Event()

    async def asked(self, times: int) -> None:
        """Wait until this many requests have arrived in total."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.requests) < times:
                self._news.clear()
                await self._news.wait()

    async def _talk(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002 - one is like the other
        request = await reader.readuntil(b"\r\n\r\n")
        self.requests.append(request.decode())
        self._news.set()
        await self._behave(writer)

    async def _behave(self, writer: asyncio.StreamWriter) -> None:
        match self.behaviour:
            case Behaviour.ANSWER:
                await self._answer(writer)
            case Behaviour.HANG:
                await self.release.wait()
                await self._answer(writer)
            case Behaviour.CLOSE:
                pass
            case Behaviour.RESET:
                writer.transport.abort()
            case Behaviour.GARBAGE:
                writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
                await writer.drain()
            case other:
                assert_never(other)

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self.status_line}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()


@asynccontextmanager
async def fake_api(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncGenerator[FakeApi]:
    """Run an API that listens on a free port, and answers."""
    api = FakeApi(host, tls)
    await api.listen()
    try:
        yield api
    finally:
        api.release.set()
        await api.refuse()
        await api.hang_up()


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port on which nothing listens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


async def listens(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a server accepts connections there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
