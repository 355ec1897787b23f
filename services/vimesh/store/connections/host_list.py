"""Tries the hosts of a URL one after the other."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from vimesh.store.connections.connection_errors import CannotConnect, ServerRefused, cause_of
from vimesh.store.transactions.driver_errors import ErrorCodes
from vimesh.store.urls.server_addresses import ServerAddress

T = TypeVar("T")

_CONNECT_S: Final = 4.0
"""For all hosts together: a call has five seconds, and one must be left for its own work."""
_LEAST_CONNECT_S: Final = 1.0


class HostList:
    """Starts with the host that accepted the last connection, so that an absent host delays only one caller."""

    def __init__(
        self,
        addresses: Sequence[ServerAddress],
        description: str,
        limit_s: float | None,
        certificate: str,
        codes: ErrorCodes,
    ) -> None:
        """Give each host `limit_s`; None: its share of 4 s, at least 1 s. `certificate` is our certificate file."""
        self.addresses = tuple(addresses)
        self.description = description
        self._limit_s = limit_s or max(_LEAST_CONNECT_S, _CONNECT_S / len(addresses))
        self._certificate = certificate
        self._codes = codes
        self._order = deque(addresses)

    @property
    def preferred(self) -> ServerAddress:
        """The host that accepted the last connection; before that, the first one."""
        return self._order[0]

    async def first(self, connect: Callable[[ServerAddress], Awaitable[T]]) -> T:
        """Return the result of the first host that accepts a connection. Raises CannotConnect."""
        causes: dict[ServerAddress, str] = {}
        last: Exception | None = None
        for address in tuple(self._order):
            try:
                return await self._in_time(connect, address)
            except Exception as error:  # noqa: BLE001 - any error means that this host does not accept us
                causes[address] = cause_of(error, self._codes, self._certificate)
                last = error
        raise CannotConnect(self.description, [(each, causes[each]) for each in self.addresses]) from last

    async def _in_time(self, connect: Callable[[ServerAddress], Awaitable[T]], address: ServerAddress) -> T:
        try:
            async with asyncio.timeout(self._limit_s):
                return await connect(address)
        except BaseException as error:
            # Also when the caller gives up: the next caller must not wait for the same host again.
            if self._order[0] == address:
                self._order.rotate(-1)
            if isinstance(error, TimeoutError):
                raise ServerRefused(f"no answer within {self._limit_s:g} s") from error
            raise
