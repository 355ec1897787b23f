"""How many requests the REST door serves at a time, and how long a caller may keep one there."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vimesh.api.rest.errors.error_answers import answer, unavailable

_log = structlog.get_logger()

_READS: Final[Collection[str]] = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class RequestAdmissionLimits:
    requests: int = 64
    """How many may be under way; others hear 503 at once."""
    reads: int = 48
    """How many of them may read: they leave room for those that change something."""
    stalled_s: float = 30.0
    """A caller that takes nothing of its answer for so long gets no more of it."""


class _Stalled(Exception):
    """The caller does not take its answer."""


class RequestAdmission:
    """The application, within limits."""

    def __init__(self, app: ASGIApp, limits: RequestAdmissionLimits) -> None:
        self._app = app
        self._requests_left = limits.requests
        self._reads_left = limits.reads
        self._stalled_s = limits.stalled_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reads = int(scope["method"] in _READS)
        if not self._requests_left or self._reads_left < reads:
            refusal = answer(unavailable("too many requests are under way; try again later"))
            await refusal(scope, receive, send)
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
            # Left without its end, the answer breaks the connection.
            _log.warning("answer not taken", method=scope["method"], path=scope["path"][:100])
