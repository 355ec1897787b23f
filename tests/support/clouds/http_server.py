"""Serves HTTP as a test says: an API of a cloud that answers whatever is wanted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, closing

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.requests: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def server(answer: Callable[[bytes], bytes | Awaitable[bytes]], *, keeps: bool = True) -> AsyncGenerator[Server]:
    """Serve what a function makes of each request's head and body."""
    running = Server()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running.connections += 1
        with closing(writer):
            while True:
                try:
                    head = await reader.readuntil(b"\r\n\r\n")
                except (asyncio.IncompleteReadError, ConnectionError):
                    return
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:")), 0
                )
                request = head + await reader.readexactly(length)
                running.requests.append(request)
                answered = answer(request)
                writer.write(answered if isinstance(answered, bytes) else await answered)
                try:
                    await writer.drain()
                except ConnectionError:
                    return
                if not keeps:
                    return

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    running.port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield running


def token(*services: tuple[str, str]) -> bytes:
    """Return what Keystone answers to a login, with services and their URLs."""
    catalog = [
        {"type": kind, "endpoints": [{"interface": "public", "region": "one", "url": url}]} for kind, url in services
    ]
    body = json.dumps({"token": {"catalog": catalog}}).encode()
    return b"HTTP/1.1 201 Created\r\nX-Subject-Token: t\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
