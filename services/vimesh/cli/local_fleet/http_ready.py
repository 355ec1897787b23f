"""Waits until Tacker's REST API answers at an address."""

from __future__ import annotations

import asyncio
import contextlib

_PATH = "/v1.0/"
_ASK_EVERY_S = 0.05
_ANSWER_WITHIN_S = 1.0


async def until_answering(address: str) -> None:
    """Return as soon as the API at `host:port`, or at `unix:` and a path, answers with 200."""
    while not await _answers(address):  # noqa: ASYNC110 - another process cannot set an event here
        await asyncio.sleep(_ASK_EVERY_S)


async def _answers(address: str) -> bool:
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            reader, writer = await _connect(address)
            try:
                host = "localhost" if address.startswith("unix:") else address
                writer.write(f"GET {_PATH} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    return False


async def _connect(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if address.startswith("unix:"):
        return await asyncio.open_unix_connection(address.removeprefix("unix:"))
    host, _, port = address.rpartition(":")
    return await asyncio.open_connection(host.strip("[]"), int(port))
