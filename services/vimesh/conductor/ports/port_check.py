"""Whether the port for calls still takes connections: gRPC's own loop can end without a word.

A call whose path is not UTF-8 ends the loop in which gRPC accepts calls, and nothing else: a process would be left that
serves nobody and still looks healthy. Envoy refuses such a call, but a conductor can be reached without it.
"""

from __future__ import annotations

import asyncio
from typing import Final, Never

_LOOK_EVERY_S: Final = 2.0
_LOOK_AGAIN_S: Final = 0.2
_WITHIN_S: Final = 5.0
_TRIES: Final = 2
"""So many refused connections in a row are no accident."""
_ANY_HOST: Final = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}  # noqa: S104 - nothing listens there because of this


class NotAccepting(Exception):
    """The gRPC server has ended by itself: this process serves nobody any more."""

    def __init__(self) -> None:
        super().__init__("the gRPC server has ended by itself")


async def require_accepting(listen: str, port: int) -> Never:
    """Connect to the server again and again. Runs until cancelled; raises NotAccepting.

    `listen`: `host:port` or `unix:path` as the server was given it; `port`: the one that it got.
    """
    refused = 0
    while True:
        await asyncio.sleep(_LOOK_AGAIN_S if refused else _LOOK_EVERY_S)
        refused = 0 if await _accepts(listen, port) else refused + 1
        if refused == _TRIES:
            raise NotAccepting


async def _accepts(listen: str, port: int) -> bool:
    kind, _, path = listen.partition(":")
    host = listen.rpartition(":")[0]
    try:
        async with asyncio.timeout(_WITHIN_S):
            if kind == "unix":
                _, writer = await asyncio.open_unix_connection(path)
            else:
                _, writer = await asyncio.open_connection(_ANY_HOST.get(host, host.strip("[]")), port)
    except (ConnectionRefusedError, FileNotFoundError):
        return False
    except (OSError, TimeoutError):
        # It is busy, or this process is short of something: that says nothing about the server.
        return True
    writer.close()
    return True
