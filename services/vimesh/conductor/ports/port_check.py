"""Checks that the port for calls still accepts connections, because gRPC's own loop can end silently.

A call whose path is not UTF-8 ends the loop in which gRPC accepts calls, and nothing else. The process would serve no
calls and still look healthy. Envoy refuses such a call, but a conductor can be reached without Envoy.
"""

from __future__ import annotations

import asyncio
from typing import Final, Never

_CHECK_INTERVAL_S: Final = 2.0
_RECHECK_S: Final = 0.2
_WITHIN_S: Final = 5.0
_TRIES: Final = 2
"""Refused connections in a row after which the server counts as dead."""
_ANY_HOST: Final = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}  # noqa: S104 - compared only, not bound


class NotAccepting(Exception):
    """The gRPC server has ended by itself: this process no longer serves calls."""

    def __init__(self) -> None:
        super().__init__("the gRPC server has stopped unexpectedly")


async def require_accepting(listen: str, port: int) -> Never:
    """Connect to the server at intervals. Runs until cancelled; raises NotAccepting.

    `listen`: `host:port` or `unix:path`, as given to the server; `port`: the port it was bound to.
    """
    refused = 0
    while True:
        await asyncio.sleep(_RECHECK_S if refused else _CHECK_INTERVAL_S)
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
        # The server is busy, or this process lacks a resource such as file descriptors: neither proves it dead.
        return True
    writer.close()
    return True
