"""Serves an API that keeps its connections open, and can treat each of them differently."""

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
"""The bytes to send; None: send nothing and close the connection. Empty bytes: stay silent."""


class Ending(Enum):
    """How a connection ends after each answer, without announcing it."""

    NONE = "it stands"
    CLOSE = "it is closed"
    RESET = "it is reset"


class KeepingApi(LoopbackApi):
    """`reply` returns the answer to a request, given the number of its connection and its own on that connection."""

    def __init__(self, host: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, tls)
        self.reply: Callable[[int, int], Reply] = lambda _, __: PLAIN
        self.idle_limit_s: float | None = None
        self.last_words = b""
        """Sent on a connection that was idle for too long."""
        self.ending = Ending.NONE
        self.asked: list[int] = []
        """The connection of each request, in order."""
        self.most_open = 0
        self._open: set[asyncio.StreamWriter] = set()
        self._news = asyncio.Condition()

    async def say_unasked(self, words: bytes) -> None:
        """Send bytes on every connection, and wait until the prober has closed all of them."""
        for writer in self._open:
            writer.write(words)
        await self.has_open(0)

    async def was_asked(self, times: int) -> None:
        await self.until(lambda: len(self.asked) >= times)

    async def was_asked_again(self, times: int) -> None:
        """Wait for this many requests on connections that had answered before.

        How many new connections are opened in between depends on the machine: a round that starts before the trial of a
        connection has ended uses another one.
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
        """Number of open connections."""
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
