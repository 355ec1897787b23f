"""What is remembered of servers: whose connection stands at which address, and where none had better stand."""

from __future__ import annotations

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.targets.target import Target

UNWILLING_S = 600.0
"""A server that could not bear a connection that stands idle is not asked to for so long."""
MOST_UNWILLING_S = 86_400.0
_MOST_REFUSALS = 65_536
"""Of those that would be more, the oldest is forgotten: the server is then tried once too often."""


class ServerMemory:
    """By address and port: at each, one target at most has a connection that stands between probes."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self.holders: dict[ProbeAddress, Target] = {}
        self._refusals: dict[ProbeAddress, tuple[float, float]] = {}
        """Until when no connection is to stand there, and how long that is in all. In the order in which they came."""

    def claim(self, address: ProbeAddress, target: Target) -> bool:
        """Take the one place at the address; False: another target has it, or nobody may."""
        if self._refusals and address in self._refusals and self._clock() < self._refusals[address][0]:
            return False
        return self.holders.setdefault(address, target) is target

    def vacate(self, address: ProbeAddress, target: Target) -> None:
        """Give the place back, if the target has it."""
        if self.holders.get(address) is target:
            del self.holders[address]

    def holder(self, address: ProbeAddress) -> Target | None:
        return self.holders.get(address)

    def refuse(self, address: ProbeAddress) -> None:
        """Let no connection stand there for a while: twice as long as last time, if that is not long ago."""
        now = self._clock()
        until, lasting_s = self._refusals.get(address, (0.0, 0.0))
        if now < until:
            return
        self._refusals.pop(address, None)
        lasting_s = min(2 * lasting_s, MOST_UNWILLING_S) if now < until + lasting_s else UNWILLING_S
        self._refusals[address] = (now + lasting_s, lasting_s)
        if len(self._refusals) > _MOST_REFUSALS:
            del self._refusals[next(iter(self._refusals))]
