"""Limits how many requests a process serves at a time, and how long a caller may stall one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = structlog.get_logger()

_READS: Final[Collection[str]] = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class RequestAdmissionLimits:
    requests: int = 64
    """Maximum number of requests in progress; others get 503 at once."""
    reads: int = 48
    """Maximum number of reads among them, which leaves room for changes."""
    stalled_s: float = 30.0
    """If a caller reads nothing of its answer for this long, the answer is dropped."""


class _Stalled(Exception):
    """The caller does not read its answer."""


class RequestAdmission:
    """Wraps the application, and serves its requests within the limits."""

    def __init__(self, app: ASGIApp, limits: RequestAdmissionLimits, refusal: ASGIApp) -> None:
        """`refusal`: answers what is above the limits."""
        self._app = app
        self._refusal = refusal
        self._requests_left = limits.requests
        self._reads_left = limits.reads
        self._stalled_s = limits.stalled_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reads = int(scope["method"] in _READS)
        if not self._requests_left or self._reads_left < reads:
            await self._refusal(scope, receive, send)
            return
        self._requests_left -= 1
        self._reads_left -= reads
        try:
            await self._serve(scope, receive, send)
        finally:
            self._requests_left += 1
            self._reads_left += reads

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            try:
                async with asyncio.timeout(self._stalled_s):
                    await send(message)
            except TimeoutError:
                raise _Stalled from None

        try:
            await self._app(scope, receive, send_in_time)
        except _Stalled:
            # The response is not ended, which breaks the connection.
            _log.warning("a client did not read its answer", method=scope["method"], path=scope["path"][:100])
