"""A door before Mistral that lets nobody execute anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class Gatekeeper:
    def __init__(self, mistral_url: str) -> None:
        self._mistral = urlsplit(mistral_url)
        self.held_back = asyncio.Event()
        """Somebody wanted to execute a workflow, and waits."""
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_mistral, to_mistral = await asyncio.open_connection(self._mistral.hostname, self._mistral.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                answers = tasks.create_task(_pass_on(from_mistral, writer))
                await self._pass_requests(reader, to_mistral)
                answers.cancel()
        finally:
            to_mistral.close()
            writer.close()

    async def _pass_requests(self, reader: asyncio.StreamReader, to_mistral: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await _request(reader)
                if request.startswith(b"POST /v2/executions"):
                    self.held_back.set()
                else:
                    to_mistral.write(request)


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line.partition(b":")[2] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return head + (await reader.readexactly(int(lengths[0])) if lengths else b"")


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while some := await reader.read(65536):
            writer.write(some)


@asynccontextmanager
async def gatekeeper(mistral_url: str) -> AsyncGenerator[Gatekeeper]:
    made = Gatekeeper(mistral_url)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    async with server:
        made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{made._mistral.path}"
        yield made
