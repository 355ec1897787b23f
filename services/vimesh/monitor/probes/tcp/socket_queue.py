"""Probes that wait for a socket."""

from __future__ import annotations

from collections import OrderedDict

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.targets.target import Target


class SocketQueue(OrderedDict[int, tuple[Target, ProbeAddress]]):
    """First come, first served; one place for each open round, by its serial."""

    def join(self, target: Target, address: ProbeAddress) -> None:
        self[target.serial] = (target, address)

    def take(self) -> tuple[Target, ProbeAddress]:
        """Take out the first. Raises KeyError if there is none."""
        _, place = self.popitem(last=False)
        return place

    def put_back(self, target: Target, address: ProbeAddress) -> None:
        """Let a probe that was taken out be the first again."""
        self.join(target, address)
        self.move_to_end(target.serial, last=False)
