"""Serves TLS over buffers, so that tests decide how the bytes are sent."""

from __future__ import annotations

import asyncio
import ssl
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

Send = Callable[[StreamWriter, bytes], Awaitable[None]]

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


async def byte_by_byte(writer: StreamWriter, data: bytes) -> None:
    """Send each byte on its own, as fast as possible."""
    for position in range(len(data)):
        writer.write(data[position : position + 1])
        await writer.drain()
        await asyncio.sleep(0)


async def half_and_close(writer: StreamWriter, data: bytes) -> None:
    """Close in the middle of the first flight."""
    writer.write(data[: len(data) // 2])
    await writer.drain()
    writer.close()


@asynccontextmanager
async def answering(context: ssl.SSLContext, send: Send) -> AsyncGenerator[str]:
    """Answer each request, and send all bytes in this way; yields the URL."""

    async def talk(reader: StreamReader, writer: StreamWriter) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        try:
            await _until_done(tls.do_handshake, reader, writer, (incoming, outgoing), send)
            while await _until_done(lambda: tls.read(16_384), reader, writer, (incoming, outgoing), send):
                tls.write(_ANSWER)
        except (OSError, EOFError):
            pass  # the prober has closed the connection, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()


async def _until_done(
    step: Callable[[], bytes | None],
    reader: StreamReader,
    writer: StreamWriter,
    bios: tuple[ssl.MemoryBIO, ssl.MemoryBIO],
    send: Send,
) -> bytes | None:
    """Repeat a step until it needs nothing more from the client."""
    incoming, outgoing = bios
    while True:
        try:
            return step()
        except ssl.SSLWantReadError:
            if outgoing.pending:
                await send(writer, outgoing.read())
            received = await reader.read(16_384)
            if not received:
                raise EOFError from None
            incoming.write(received)
