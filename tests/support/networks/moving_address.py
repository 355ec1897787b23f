"""Forwards connections like a virtual IP that moves: new connections go to its target, old ones stay where they are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

_PIECE = 65_536
_HOST = "127.0.0.1"


class _Link:
    """One connection, from a client to the address's target when it was opened."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.ends = (client, server)
        self.silent = False
        self.answers_left: int | None = None
        """Number of answers that still pass before it falls silent; None: it does not fall silent."""

    def cut(self) -> None:
        for end in self.ends:
            end.transport.abort()


class MovingAddress:
    def __init__(self, leads_to: int) -> None:
        self._leads_to = leads_to
        self._links: set[_Link] = set()
        self._last_word: tuple[bytes, bool] | None = None
        self._last_question: bytes | None = None
        self.port = 0

    def lead_to(self, port: int) -> None:
        self._leads_to = port

    def silence(self) -> None:
        """Let nothing pass any more on the open connections, and close none, as if the server had vanished."""
        for link in self._links:
            link.silent = True

    def cut(self) -> None:
        """Reset all open connections."""
        for link in tuple(self._links):
            link.cut()

    def end_at(self, word: bytes, *, passed_on: bool) -> None:
        """End the next connection on which a client sends the word; with `passed_on`, the server still receives it."""
        self._last_word = word, passed_on

    def silence_after(self, word: bytes) -> None:
        """Silence the next connection on which a client sends the word, as soon as the server has answered it."""
        self._last_question = word

    async def serve(self, client_reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        try:
            server_reader, server = await asyncio.open_connection(_HOST, self._leads_to)
        except OSError:
            client.transport.abort()
            return
        link = _Link(client, server)
        self._links.add(link)
        try:
            await asyncio.gather(self._ask(link, client_reader, server), self._answer(link, server_reader, client))
        finally:
            self._links.discard(link)
            link.cut()

    async def _ask(self, link: _Link, reader: asyncio.StreamReader, server: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_PIECE):
                if self._last_word is not None and self._last_word[0] in data:
                    (_, passed_on), self._last_word = self._last_word, None
                    link.silent = True
                    link.ends[0].transport.abort()
                    if passed_on:
                        server.write(data)
                    break
                if self._last_question is not None and self._last_question in data:
                    self._last_question, link.answers_left = None, 1
                if not link.silent:
                    server.write(data)
                    await server.drain()
        server.close()

    async def _answer(self, link: _Link, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_PIECE):
                if not link.silent:
                    client.write(data)
                    await client.drain()
                if link.answers_left is not None:
                    link.answers_left -= 1
                    link.silent = link.silent or link.answers_left <= 0
        client.close()


@asynccontextmanager
async def moving_address(leads_to: int) -> AsyncGenerator[MovingAddress]:
    """Listen on a free port, which leads to another port at first."""
    address = MovingAddress(leads_to)
    server = await asyncio.start_server(address.serve, _HOST, 0)
    address.port = server.sockets[0].getsockname()[1]
    try:
        yield address
    finally:
        server.close()
        address.cut()
