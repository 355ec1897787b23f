"""Keeps the addresses of the fleet itself: those of this machine, and those of the front."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Container
from contextlib import suppress
from ipaddress import ip_address
from typing import Never

import structlog

from vimesh.target_rules.interface_addresses import interface_addresses

_log = structlog.get_logger()

READ_AGAIN_S = 10.0
"""How long the addresses of this machine are used until they are read again, which takes some 50 us."""
LOOK_UP_AGAIN_S = 60.0
_LOOKUP_LIMIT_S = 5.0


class FleetAddresses(Container[bytes]):
    """The packed addresses of this machine and of the front."""

    def __init__(
        self, *, clock: Callable[[], float], read: Callable[[], frozenset[bytes]] = interface_addresses
    ) -> None:
        """`read`: returns the addresses of this machine. Raises OSError."""
        self._clock = clock
        self._read = read
        self._of_machine: frozenset[bytes] = frozenset()
        self._read_again_at = clock()
        self._of_front: frozenset[bytes] = frozenset()

    def __contains__(self, ip: object) -> bool:
        """Raises OSError if the addresses of this machine cannot be read."""
        if (now := self._clock()) >= self._read_again_at:
            self._of_machine = self._read()
            self._read_again_at = now + READ_AGAIN_S
        return ip in self._of_machine or ip in self._of_front

    async def look_up_front(self, address: str) -> None:
        """Look up the front, `host:port` or `unix:` and a path; keep what is there if that fails."""
        if address.startswith("unix:"):
            return
        host = address.rpartition(":")[0].strip("[]")
        with suppress(ValueError):  # it is a name
            self._of_front = frozenset((ip_address(host).packed,))
            return
        try:
            async with asyncio.timeout(_LOOKUP_LIMIT_S):
                found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError) as error:
            _log.warning("cannot look up the front, to keep probes away from it", address=address, error=repr(error))
            return
        # Without the zone, which is no part of the packed address.
        self._of_front = frozenset(ip_address(str(to[0]).partition("%")[0]).packed for *_, to in found)

    async def follow_front(self, address: str) -> Never:
        """Look up the front again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_UP_AGAIN_S)
            await self.look_up_front(address)
