"""The hosts of a URL, tried one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from vimesh.store.connections.connection_errors import CannotConnect, ServerRefused, cause_of
from vimesh.store.urls.server_addresses import ServerAddress

T = TypeVar("T")

_CONNECT_S: Final = 4.0
"""For all hosts together: a call has five seconds, and there shall be one left for what it is about."""
_LEAST_CONNECT_S: Final = 1.0


class HostList:
    """Begins with the host that took the last connection: one that is away keeps nobody waiting twice."""

    def __init__(self, addresses: Sequence[ServerAddress], what: str, limit_s: float | None, certificate: str) -> None:
        """Give each host `limit_s`; None: its share of four seconds. `certificate` is the file that we show."""
        self.addresses = tuple(addresses)
        self.what = what
        self._limit_s = limit_s or max(_LEAST_CONNECT_S, _CONNECT_S / len(addresses))
        self._certificate = certificate
        self._order = deque(addresses)

    async def first(self, connect: Callable[[ServerAddress], Awaitable[T]]) -> T:
        """Return what the first host gives that gives anything. Raises CannotConnect."""
        causes: dict[ServerAddress, str] = {}
        last: Exception | None = None
        for address in tuple(self._order):
            try:
                return await self._in_time(connect, address)
            except Exception as error:  # noqa: BLE001 - whatever answers there, it is no server that lets us in
                causes[address] = cause_of(error, self._certificate)
                last = error
        raise CannotConnect(self.what, [(each, causes[each]) for each in self.addresses]) from last

    async def _in_time(self, connect: Callable[[ServerAddress], Awaitable[T]], address: ServerAddress) -> T:
        try:
            async with asyncio.timeout(self._limit_s):
                return await connect(address)
        except BaseException as error:
            # Also when the caller gives up: the next one shall not wait for the same host again.
            if self._order[0] == address:
                self._order.rotate(-1)
            if isinstance(error, TimeoutError):
                raise ServerRefused(f"no answer within {self._limit_s:g} s") from error
            raise
