"""An API that keeps its connections, and may treat each of them in another way."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

from tests.support.verdicts import PATIENCE_S

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Reply = bytes | None
"""What to send; None: nothing, and the connection is closed. Empty bytes: silence."""


class KeepingApi:
    """`reply` says what becomes of a request, given the number of its connection and its own on that connection."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.reply: Callable[[int, int], Reply] = lambda _, __: PLAIN
        self.idle_limit_s: float | None = None
        self.asked: list[int] = []
        """The connection of each request, in order."""
        self.requests: list[str] = []
        self.connections = 0
        self.most_open = 0
        self.tls = tls
        self.port = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/v3"

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Take no new connections; those that stand are served on."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def hang_up(self) -> None:
        """End the connections that stand."""
        for task in self._serving:
            task.cancel()
        while self._serving:
            await asyncio.wait(self._serving)

    async def say_unasked(self, words: bytes) -> None:
        """Send something on every connection, and wait until the prober has closed it."""
        for writer in self._open:
            writer.write(words)
        await self.has_open(0)

    async def was_asked(self, times: int) -> None:
        await self._until(lambda: len(self.asked) >= times)

    async def has_open(self, connections: int) -> None:
        await self._until(lambda: len(self._open) == connections)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(holds)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        self.connections += 1
        self._open.add(writer)
        self.most_open = max(self.most_open, len(self._open))
        try:
            await self._answer_all(self.connections, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the prober closed it, or was idle for too long
        finally:
            self._open.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            await self._tell()

    async def _answer_all(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while True:
            async with asyncio.timeout(self.idle_limit_s):
                request = await reader.readuntil(b"\r\n\r\n")
            number += 1
            self.asked.append(connection)
            self.requests.append(request.decode())
            await self._tell()
            reply = self.reply(connection, number)
            if reply is None:
                return
            writer.write(reply)
            await writer.drain()


@asynccontextmanager
async def keeping_api(tls: ssl.SSLContext | None = None) -> AsyncGenerator[KeepingApi]:
    api = KeepingApi(tls)
    await api.listen()
    try:
        yield api
    finally:
        await api.refuse()
        await api.hang_up()
