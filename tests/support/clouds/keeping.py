"""An API that keeps its connections, and may treat each of them in another way."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum

from tests.support.clouds.targets import LoopbackApi
from tests.support.probers.verdicts import PATIENCE_S

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Reply = bytes | None
"""What to send; None: nothing, and the connection is closed. Empty bytes: silence."""


class Ending(Enum):
    """What becomes of a connection after each answer, without a word about it."""

    NONE = "it stands"
    CLOSE = "it is closed"
    RESET = "it is reset"


class KeepingApi(LoopbackApi):
    """`reply` says what becomes of a request, given the number of its connection and its own on that connection."""

    def __init__(self, host: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, tls)
        self.reply: Callable[[int, int], Reply] = lambda _, __: PLAIN
        self.idle_limit_s: float | None = None
        self.last_words = b""
        """What is said to a connection that was idle for too long."""
        self.ending = Ending.NONE
        self.asked: list[int] = []
        """The connection of each request, in order."""
        self.most_open = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._news = asyncio.Condition()

    async def say_unasked(self, words: bytes) -> None:
        """Send something on every connection, and wait until the prober has closed it."""
        for writer in self._open:
            writer.write(words)
        await self.has_open(0)

    async def was_asked(self, times: int) -> None:
        await self.until(lambda: len(self.asked) >= times)

    async def was_asked_again(self, times: int) -> None:
        """Wait for so many requests on connections that had answered before.

        How many new connections come between them is up to the machine: a round that begins before the trial of a
        connection has ended takes another one.
        """
        await self.until(lambda: self.asked_again >= times)

    async def was_told_to_close(self, times: int) -> None:
        await self.until(lambda: sum(self.told_to_close) >= times)

    @property
    def told_to_close(self) -> list[bool]:
        """For each request, in order, whether it asks for the connection to be closed after the answer."""
        return ["Connection: close" in request for request in self.requests]

    @property
    def asked_again(self) -> int:
        return len(self.asked) - len(set(self.asked))

    @property
    def open(self) -> int:
        """How many connections stand."""
        return len(self._open)

    async def has_open(self, connections: int) -> None:
        await self.until(lambda: len(self._open) == connections)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(holds)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    async def _talk(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        self.most_open = max(self.most_open, len(self._open))
        try:
            await self._answer_all(connection, reader, writer)
        finally:
            self._open.discard(writer)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            await self._tell()

    async def _answer_all(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = 0
        while True:
            try:
                async with asyncio.timeout(self.idle_limit_s):
                    request = await reader.readuntil(b"\r\n\r\n")
            except TimeoutError:
                writer.write(self.last_words)
                return
            number += 1
            self.asked.append(connection)
            self.requests.append(request.decode())
            await self._tell()
            reply = self.reply(connection, number)
            if reply is None:
                return
            writer.write(reply)
            await writer.drain()
            if self.ending is Ending.RESET:
                peer = writer.get_extra_info("socket")
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if self.ending is not Ending.NONE:
                return


@asynccontextmanager
async def keeping_api(tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> AsyncGenerator[KeepingApi]:
    api = KeepingApi(host, tls)
    await api.listen()
    try:
        yield api
    finally:
        await api.refuse()
        await api.hang_up()
