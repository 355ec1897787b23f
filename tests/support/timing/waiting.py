"""Waiting for what no event tells: the state of other processes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import TypeVar

import grpc

_LOOK_EVERY_S = 0.02
_LATER = (grpc.StatusCode.UNAVAILABLE,)
_T = TypeVar("_T")


async def until(holds: Callable[[], bool], within_s: float) -> None:
    """Look again and again until it holds. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110 - another process sets no event here
            await asyncio.sleep(_LOOK_EVERY_S)


async def once_available(
    call: Callable[[], Awaitable[_T]], within_s: float, *, later: Collection[grpc.StatusCode] = _LATER
) -> _T:
    """Make a call again and again while the answer is UNAVAILABLE, or one of `later`. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while True:
            try:
                return await call()
            except grpc.aio.AioRpcError as error:
                if error.code() not in later:
                    raise
            await asyncio.sleep(_LOOK_EVERY_S)


async def eventually(holds: Callable[[], Awaitable[bool]], within_s: float) -> None:
    """Ask again and again until the answer is yes. Raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - another process sets no event here
            await asyncio.sleep(_LOOK_EVERY_S)
