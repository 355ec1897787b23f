"""Asks HTTP servers on unix sockets of this machine."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Final

_PART_BYTES: Final = 256 * 1024


class NoAnswer(Exception):
    """The server did not answer as it should. The message says why."""


class _UnixConnection(HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


async def read_unix(path: Path, target: str, *, timeout_s: float, max_bytes: int) -> AsyncIterator[bytes]:
    """Yield the body of the answer to a GET, in parts. Each step takes at most `timeout_s`. Raises NoAnswer."""
    connection = _UnixConnection(path, timeout_s)
    try:
        answer = await asyncio.to_thread(_ask, connection, target)
        left = max_bytes
        while part := await asyncio.to_thread(answer.read, _PART_BYTES):
            left -= len(part)
            if left < 0:
                raise NoAnswer(f"{path} answered with more than {max_bytes} bytes")
            yield part
    except (OSError, HTTPException) as error:
        raise NoAnswer(f"{path} did not answer: {error}") from error
    finally:
        connection.close()


def _ask(connection: HTTPConnection, target: str) -> HTTPResponse:
    """Send the request. Raises NoAnswer unless the answer is 200."""
    connection.request("GET", target, headers={"Connection": "close"})
    answer = connection.getresponse()
    if answer.status != 200:
        reason = answer.read(1000).decode(errors="replace").strip()
        raise NoAnswer(f"{target} was answered with {answer.status}: {reason}")
    return answer
