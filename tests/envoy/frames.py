"""HTTP/2 frame by frame, for callers that no library would be."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import hpack

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
CANCEL = struct.pack(">I", 8)


def frame(kind: int, flags: int = 0, stream: int = 0, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + content


def grpc_headers(path: str, *more: tuple[str, str]) -> bytes:
    """Return the header block of a call. It uses no table: the same bytes are good for every stream."""
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "front"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        *more,
    ]
    encoder = hpack.Encoder()
    encoder.header_table_size = 0
    return bytes(encoder.encode(fields, huffman=False))


@dataclass(frozen=True, slots=True)
class Frame:
    kind: int
    flags: int
    stream: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, frames: Iterable[bytes]) -> bool:
        """Send until all is sent, or until the other side has closed. Say whether all was sent."""
        try:
            for one in frames:
                self.writer.write(one)
                await self.writer.drain()
        except OSError:
            return False
        return True

    async def frames(self) -> AsyncGenerator[Frame]:
        """Yield what comes until the other side closes."""
        try:
            while True:
                head = await self.reader.readexactly(9)
                content = await self.reader.readexactly(int.from_bytes(head[:3]))
                yield Frame(head[3], head[4], int.from_bytes(head[5:9]) & 0x7FFFFFFF, content)
        except (asyncio.IncompleteReadError, OSError):
            return

    async def until_closed(self) -> list[Frame]:
        """Read until the other side closes; return what came last of each kind."""
        return list({one.kind: one async for one in self.frames()}.values())


@asynccontextmanager
async def connection(address: str) -> AsyncGenerator[Connection]:
    """Speak HTTP/2 to `ip:port`. The preface has been sent. What is not read soon waits at the other side."""
    host, _, port = address.rpartition(":")
    plug = socket.socket()
    plug.setblocking(False)
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.get_running_loop().sock_connect(plug, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=plug, limit=4096)
    try:
        opened = Connection(reader, writer)
        await opened.send([PREFACE, frame(SETTINGS)])
        yield opened
    finally:
        writer.transport.abort()
