"""Remembers which target has a kept connection at which server, and which servers should not have one."""

from __future__ import annotations

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

UNWILLING_S = 600.0
"""For this long, no connection is kept at a server that could not bear an idle one."""
LATE_S = 60.0
"""The same if it was only late, which it may have been because many other things happened at that moment."""
MOST_UNWILLING_S = 86_400.0
_MOST_REFUSALS = 65_536
"""Beyond this, the oldest refusal is forgotten, and its server is tried once too often."""


class ServerMemory:
    """Keyed by address and port: at each, at most one target has a kept connection."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self.holders: dict[ProbeAddress, Target] = {}
        self._refusals: dict[ProbeAddress, tuple[float, float]] = {}
        """Until when no connection may be kept there, and the length of that period in seconds; oldest first."""

    def claim(self, address: ProbeAddress, target: Target) -> bool:
        """Take the only place at the address; False: another target has it, or the server is refused."""
        if self._refusals and address in self._refusals and self._clock() < self._refusals[address][0]:
            return False
        return self.holders.setdefault(address, target) is target

    def vacate(self, address: ProbeAddress, target: Target) -> None:
        """Free the place, if the target has it."""
        if self.holders.get(address) is target:
            del self.holders[address]

    def holder(self, address: ProbeAddress) -> Target | None:
        return self.holders.get(address)

    def refuse(self, address: ProbeAddress, for_s: float = UNWILLING_S) -> None:
        """Keep no connection there for a while: `for_s`, or twice as long as last time, if that was recent."""
        now = self._clock()
        until, lasting_s = self._refusals.get(address, (0.0, 0.0))
        if now < until:
            return
        self._refusals.pop(address, None)
        lasting_s = min(2 * lasting_s, MOST_UNWILLING_S) if now < until + lasting_s else for_s
        self._refusals[address] = (now + lasting_s, lasting_s)
        if len(self._refusals) > _MOST_REFUSALS:
            del self._refusals[next(iter(self._refusals))]
