"""Keeps the requests of a stream open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import TypeVar

T = TypeVar("T")


async def open_requests(*requests: T) -> AsyncGenerator[T]:
    """Yield the requests, and do not end.

    If the end of the requests is under way when a server refuses the call, gRPC cancels it, and its answer is lost.
    """
    for request in requests:
        yield request
    await asyncio.Event().wait()
