"""Forwards AMQP, and records what clients request of the broker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pamqp.frame
from pamqp import commands

_PROTOCOL_HEADER_BYTES = 8
_HEAD_BYTES = 7
_ASKED = (commands.Exchange.Declare, commands.Queue.Declare, commands.Queue.Bind)


@dataclass
class Tap:
    port: int = 0
    asked: list[Any] = field(default_factory=list)
    """Methods that declare or bind something, from all clients."""
    deleted: list[commands.Queue.Delete] = field(default_factory=list)

    def note(self, frame: bytes) -> None:
        _, _, method = pamqp.frame.unmarshal(frame)
        if isinstance(method, _ASKED):
            self.asked.append(method)
        elif isinstance(method, commands.Queue.Delete):
            self.deleted.append(method)


@asynccontextmanager
async def tapped(broker_port: int) -> AsyncGenerator[Tap]:
    """Listen in front of a broker."""
    tap = Tap()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", broker_port)
        for each in (_pass(there, writer), _pass_and_note(reader, back, tap)):
            tasks.add(asyncio.create_task(each))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    tap.port = server.sockets[0].getsockname()[1]
    try:
        yield tap
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while some := await reader.read(65536):
            writer.write(some)
    finally:
        writer.close()


async def _pass_and_note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tap: Tap) -> None:
    try:
        writer.write(await reader.readexactly(_PROTOCOL_HEADER_BYTES))
        while True:
            head = await reader.readexactly(_HEAD_BYTES)
            frame = head + await reader.readexactly(int.from_bytes(head[3:], "big") + 1)
            tap.note(frame)
            writer.write(frame)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the client has disconnected
    finally:
        writer.close()
