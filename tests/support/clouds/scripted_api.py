"""An API whose answers are given as bytes, and in pieces."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from tests.support.clouds.targets import LoopbackApi
from tests.support.probers.verdicts import PATIENCE_S


class ScriptedApi(LoopbackApi):
    """Answers each request with the same pieces. `None` among them waits for `go_on`, once for each."""

    def __init__(self, host: str, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, tls)
        self.pieces: Sequence[bytes | None] = ()
        self.closes = False
        """Whether it closes after an answer."""
        self.go_on = asyncio.Semaphore(0)
        self._news = asyncio.Event()

    def answer(self, code: int, body: bytes) -> None:
        """Answer in one piece from now on."""
        self.pieces = [head(code, len(body)) + body]

    async def asked(self, times: int) -> None:
        """Wait until this many requests have arrived in total."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.requests) < times:
                self._news.clear()
                await self._news.wait()

    async def _talk(self, connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG002 - one is like the other
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            self.requests.append(request.decode())
            self._news.set()
            for piece in self.pieces:
                if piece is None:
                    await self.go_on.acquire()
                else:
                    writer.write(piece)
                    await writer.drain()
            if self.closes:
                return


def head(code: int, body_bytes: int) -> bytes:
    """Return the start of an answer."""
    return f"HTTP/1.1 {code} Words\r\nContent-Type: text/plain\r\nContent-Length: {body_bytes}\r\n\r\n".encode()


@asynccontextmanager
async def scripted_api(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncGenerator[ScriptedApi]:
    """Run an API that listens on a free port."""
    api = ScriptedApi(host, tls)
    await api.listen()
    try:
        yield api
    finally:
        await api.refuse()
        await api.hang_up()
