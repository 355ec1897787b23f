"""Publishes AMQP messages whose properties and bodies are given byte by byte: no library restricts them."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, closing
from urllib.parse import urlsplit

from pamqp import commands, frame
from pamqp.header import ProtocolHeader

_WITHIN_S = 20
_CHANNEL = 1
_FRAME_BYTES = 100_000
_METHOD, _HEADER, _BODY = 1, 2, 3
EXCHANGE, CALLS = "tacker", b"TACKER_CONDUCTOR"


class Refused(Exception):
    """The broker closed the connection or the channel because of the message."""


class RawPublisher:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def publish(
        self, body: bytes, properties: bytes = b"\0\0", *, exchange: str = EXCHANGE, routing_key: bytes = CALLS
    ) -> None:
        """Publish a message, and return when the broker has accepted it. Raises Refused.

        `properties` are their flags and values as in a frame.
        """
        route = _short(exchange.encode()) + _short(routing_key)
        self._write(_METHOD, struct.pack(">HHH", 60, 40, 0) + route + b"\0")
        self._write(_HEADER, struct.pack(">HHQ", 60, 0, len(body)) + properties)
        for start in range(0, len(body), _FRAME_BYTES):
            self._write(_BODY, body[start : start + _FRAME_BYTES])
        answer = await self._read()
        if not isinstance(answer, commands.Basic.Ack):
            raise Refused(getattr(answer, "reply_text", repr(answer)))

    async def open(self, user: str, password: str) -> None:
        self._writer.write(ProtocolHeader().marshal())
        await self._read()
        self._send(0, commands.Connection.StartOk({}, "PLAIN", f"\0{user}\0{password}", "en_US"))
        await self._read()
        self._send(0, commands.Connection.TuneOk(_CHANNEL, 131072, 0))
        self._send(0, commands.Connection.Open("/"))
        await self._read()
        self._send(_CHANNEL, commands.Channel.Open())
        await self._read()
        self._send(_CHANNEL, commands.Confirm.Select())
        await self._read()

    def _send(self, channel: int, method: frame.FrameTypes) -> None:
        self._writer.write(frame.marshal(method, channel))

    def _write(self, kind: int, payload: bytes) -> None:
        self._writer.write(struct.pack(">BHI", kind, _CHANNEL, len(payload)) + payload + b"\xce")

    async def _read(self) -> frame.FrameTypes:
        async with asyncio.timeout(_WITHIN_S):
            try:
                head = await self._reader.readexactly(7)
                rest = await self._reader.readexactly(int.from_bytes(head[3:], "big") + 1)
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise Refused("the broker hung up") from error
        return frame.unmarshal(head + rest)[2]


@asynccontextmanager
async def raw_publisher(url: str) -> AsyncGenerator[RawPublisher]:
    """Connect to the broker of a URL such as rabbit://user:password@host:port/."""
    parts = urlsplit(url)
    async with asyncio.timeout(_WITHIN_S):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    with closing(writer):
        publisher = RawPublisher(reader, writer)
        async with asyncio.timeout(_WITHIN_S):
            await publisher.open(parts.username or "", parts.password or "")
        yield publisher


def _short(text: bytes) -> bytes:
    return bytes((len(text),)) + text
