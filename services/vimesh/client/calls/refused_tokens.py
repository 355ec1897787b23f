"""Makes a call again that was refused for its token, if there is another one by now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc

from vimesh.rpc.renewing_channel import ShownCredentials

_T = TypeVar("_T")


async def with_renewed_token(method: object, attempt: Callable[[], Awaitable[_T]]) -> _T:
    """Make a call of a method, and once more if it is refused. Raises AioRpcError.

    A call that is refused has done nothing, so any may be made again.
    """
    shown = ShownCredentials(method)
    try:
        return await attempt()
    except grpc.aio.AioRpcError as error:
        if not is_outdated(error, shown):
            raise
    return await attempt()


def is_outdated(error: grpc.aio.AioRpcError, shown: ShownCredentials) -> bool:
    """Return whether a call was refused for what it has shown, and there is something else to show by now."""
    return error.code() is grpc.StatusCode.UNAUTHENTICATED and shown.are_outdated()
