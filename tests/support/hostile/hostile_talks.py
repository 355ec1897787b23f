"""Defines what a server does on a connection that it should not do: the parts from which hostile kinds are made."""

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
"""Pause between the pieces of servers that drip: a hundred per second load the prober, but not the test."""
PIECE_BYTES = 64 * 1024


async def pour(writer: StreamWriter, piece: bytes) -> None:
    """Send the same bytes forever, as fast as they are accepted."""
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)  # draining does not wait: behind TLS, the end of the connection would go unnoticed


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
    """Answer each request with these bytes; with `stays`, on a connection that stays open."""

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if not stays:
                return

    return talk


def pours(begin: bytes, piece: bytes) -> Talk:
    """Answer with a first piece, and then with another piece forever."""

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
