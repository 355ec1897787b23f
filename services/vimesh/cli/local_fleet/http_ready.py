"""Waits until Tacker's REST API answers at an address."""

from __future__ import annotations

import asyncio
import contextlib

_PATH = "/v1.0/"
_ASK_EVERY_S = 0.05
_ANSWER_WITHIN_S = 1.0


async def until_answering(address: str) -> None:
    """Return as soon as the API answers with 200."""
    while not await _answers(address):  # noqa: ASYNC110 - another process cannot set an event here
        await asyncio.sleep(_ASK_EVERY_S)


async def _answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                writer.write(f"GET {_PATH} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    return False
