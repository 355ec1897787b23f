"""HTTP servers that are no Mistral, or one that is not well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    code: int
    body: str = ""
    headers: tuple[str, ...] = ()


def json_answer(code: int, body: str, *headers: str) -> Answer:
    return Answer(code, body, ("Content-Type: application/json", *headers))


@asynccontextmanager
async def http_server(answer: Callable[[str, str], Answer]) -> AsyncGenerator[str]:
    """Answer as told by a function of request line and body. Gives the URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            lengths = [line.split(":")[1] for line in head if line.lower().startswith("content-length:")]
            body = await reader.readexactly(int(lengths[0])) if lengths else b""
            said = answer(head[0], body.decode())
            lines = (f"HTTP/1.1 {said.code} So", f"Content-Length: {len(said.body)}", "Connection: close")
            writer.write("\r\n".join((*lines, *said.headers, "", said.body)).encode())
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client hung up
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def silent_server() -> AsyncGenerator[str]:
    """Accept connections, and never answer. Gives the URL."""
    writers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in writers:
            writer.close()
