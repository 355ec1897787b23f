"""Receives the answer that a browser brings back from the issuer to a loopback port (RFC 8252, section 7.3)."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import parse_qsl, urlsplit

_HOST: Final = "127.0.0.1"
_MAX_HEAD_BYTES: Final = 16 * 1024
_MAX_FIELDS: Final = 20
_REQUEST_S: Final = 10.0
_HEADERS: Final = (
    "content-type: text/plain; charset=utf-8\r\ncache-control: no-store\r\nreferrer-policy: no-referrer\r\n"
)
_DONE: Final = "The command line goes on. You may close this page.\n"
_STRANGE: Final = "This is not the answer that the command line waits for.\n"


class RedirectListener:
    """Takes the one request that has the state of this login. Any page and program of this machine can send others."""

    def __init__(self, state: str) -> None:
        self._state = state
        self._answer: asyncio.Future[Mapping[str, str]] = asyncio.get_running_loop().create_future()
        self.redirect_uri = ""

    async def answer(self) -> Mapping[str, str]:
        """Wait for the fields that the issuer sends."""
        return await self._answer

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_S):
                head = await reader.readuntil(b"\r\n\r\n")
                expected = self._take(head.partition(b"\r\n")[0].decode("latin-1"))
                status, text = ("200 OK", _DONE) if expected else ("400 Bad Request", _STRANGE)
                headers = f"{_HEADERS}content-length: {len(text)}\r\nconnection: close\r\n"
                writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n{text}".encode("ascii"))
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # not a browser; the right request may come yet
        finally:
            writer.close()

    def _take(self, request_line: str) -> bool:
        """Keep the fields of the request; return False if it is not the one."""
        method, _, rest = request_line.partition(" ")
        try:
            query = urlsplit(rest.partition(" ")[0]).query
            fields = dict(parse_qsl(query, max_num_fields=_MAX_FIELDS))
        except ValueError:
            return False
        if method != "GET" or not hmac.compare_digest(fields.get("state", "").encode(), self._state.encode()):
            return False
        if not self._answer.done():
            self._answer.set_result(fields)
        return True


@asynccontextmanager
async def listening(state: str) -> AsyncGenerator[RedirectListener]:
    """Listen on a free loopback port. Raises OSError."""
    listener = RedirectListener(state)
    server = await asyncio.start_server(listener.handle, _HOST, 0, limit=_MAX_HEAD_BYTES)
    async with server:
        listener.redirect_uri = f"http://{_HOST}:{server.sockets[0].getsockname()[1]}/"
        yield listener
