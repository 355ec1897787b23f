"""Waits for states that no event announces, such as those of other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import grpc

_LOOK_EVERY_S = 0.02
_LATER = (grpc.StatusCode.UNAVAILABLE,)
_T = TypeVar("_T")


async def until(holds: Callable[[], bool], within_s: float) -> None:
    """Poll until the condition holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - another process sets no event here
            await asyncio.sleep(_LOOK_EVERY_S)


async def once_available(
    call: Callable[[], Awaitable[_T]], within_s: float, *, later: Collection[grpc.StatusCode] = _LATER
) -> _T:
    """Repeat a call while its answer is UNAVAILABLE, or one of `later`. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() not in later:
                    raise
            await asyncio.sleep(_LOOK_EVERY_S)


async def eventually(holds: Callable[[], Awaitable[bool]], within_s: float) -> None:
    """Repeat a question until the answer is true. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - another process sets no event here
            await asyncio.sleep(_LOOK_EVERY_S)
