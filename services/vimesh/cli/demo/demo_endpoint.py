"""Provides an HTTP endpoint of the demo, which comes and goes on request."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from vimesh.cli.demo.demo_script import Scene

HOST = "127.0.0.1"
_REQUEST_WITHIN_S = 5.0
_STATUS_LINES = {Scene.SERVES: b"200 OK", Scene.FAILS: b"503 Service Unavailable"}


class DemoEndpoint:
    def __init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._scene = Scene.GONE
        self._port = 0

    @property
    def auth_url(self) -> str:
        return f"http://{HOST}:{self._port}/v3"

    async def play(self, scene: Scene) -> None:
        """Serve, fail or go away. Raises OSError if the port was taken while the endpoint was away."""
        self._scene = scene
        if scene is Scene.GONE and self._server is not None:
            self._server.close()
            self._server = None
        elif scene is not Scene.GONE and self._server is None:
            self._server = await asyncio.start_server(self._answer, HOST, self._port)
            self._port = self._server.sockets[0].getsockname()[1]

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_REQUEST_WITHIN_S):
                await reader.readuntil(b"\r\n\r\n")
            status = _STATUS_LINES.get(self._scene, _STATUS_LINES[Scene.FAILS])
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        writer.close()


@asynccontextmanager
async def endpoint() -> AsyncGenerator[DemoEndpoint]:
    """Yield an endpoint that serves, and close it when the block ends."""
    made = DemoEndpoint()
    await made.play(Scene.SERVES)
    try:
        yield made
    finally:
        await made.play(Scene.GONE)
