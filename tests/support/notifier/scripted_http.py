"""An HTTP server that answers as a test says: it also hangs, closes half-way, and never ends."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

_CHUNK = b"x" * 65536


@dataclass(frozen=True)
class Answer:
    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    """It never comes."""
    is_cut: bool = False
    """The connection is closed in the midst of its head."""
    is_endless: bool = False
    """Its body has no end."""
    trickles: bool = False
    """Its head has no end."""


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    """Their names in lower case."""
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


class ScriptedHttp:
    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.answers: deque[Answer] = deque()
        """Each is given once; after them, 204."""
        self.port = 0
        self._talks: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/notify"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._talks[writer] = asyncio.current_task()
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    self.requests.append(await _read(reader))
                    await self._answer(self.answers.popleft() if self.answers else Answer(), reader, writer)
        finally:
            del self._talks[writer]
            writer.close()

    async def _answer(self, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer.hangs:
            await reader.readexactly(1)  # until the client has had enough
        length = "" if answer.is_endless else "Content-Length: 0\r\n"
        head = f"HTTP/1.1 {answer.status} Scripted\r\n{length}"
        head += "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
        if answer.is_cut:
            writer.write(head[:-3].encode())
            await writer.drain()
            raise ConnectionResetError
        writer.write(head.encode())
        while answer.trickles:
            writer.write(b"x-more: more\r\n" * 1000)
            await writer.drain()
        writer.write(b"\r\n")
        while answer.is_endless:
            writer.write(_CHUNK)
            await writer.drain()
        await writer.drain()

    async def hang_up(self) -> None:
        """End all connections."""
        talks = [task for task in self._talks.values() if task is not None]
        for writer in self._talks:
            writer.transport.abort()
        await asyncio.gather(*talks)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


@asynccontextmanager
async def scripted_http(
    *answers: Answer, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncGenerator[ScriptedHttp]:
    scripted = ScriptedHttp()
    scripted.answers.extend(answers)
    server = await asyncio.start_server(scripted.serve, host, 0, ssl=tls)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        await scripted.hang_up()
        await server.wait_closed()
