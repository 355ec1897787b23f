"""What a server does on a connection that it should not: the parts of which hostile kinds are made."""

from __future__ import annotations

import asyncio
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Callable, Iterable

from tests.support.hostile.hostile_servers import Talk

START = b"HTTP/1.1 200 OK\r\n"
ANSWER = START + b"Content-Length: 2\r\n\r\nok"
PAUSE_S = 0.01
"""Between the pieces of those that drip: a hundred a second load the prober, and not the test."""
PIECE_BYTES = 64 * 1024


async def pour(writer: StreamWriter, piece: bytes) -> None:
    """Send the same for ever, as fast as it is taken."""
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)  # to drain is not to wait: behind TLS, nothing would be heard of an end


async def drip(writer: StreamWriter, pieces: Iterable[bytes], pause_s: float = PAUSE_S) -> None:
    for piece in pieces:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause_s)


def forever(piece: bytes) -> Iterable[bytes]:
    while True:
        yield piece


def reset(writer: StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(answer: bytes, *, stays: bool = True) -> Talk:
    """Answer each request with these bytes; `stays`: on a connection that stays open."""

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if not stays:
                return

    return talk


def pours(begin: bytes, piece: bytes) -> Talk:
    """Answer with a begin, and then with one piece for ever."""

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        await pour(writer, piece)

    return talk


def drips(begin: bytes, pieces: Callable[[], Iterable[bytes]], pause_s: float = PAUSE_S) -> Talk:
    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begin)
        await drip(writer, pieces(), pause_s)

    return talk


async def silent(reader: StreamReader, writer: StreamWriter) -> None:  # noqa: ARG001 - one signature for all
    while await reader.read(PIECE_BYTES):
        pass
