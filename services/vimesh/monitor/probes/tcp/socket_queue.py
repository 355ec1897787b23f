"""Queues the probes that wait for a socket."""

from __future__ import annotations

from collections import OrderedDict

from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.targets.target import Target


class SocketQueue(OrderedDict[int, tuple[Target, ProbeAddress]]):
    """First in, first out; one place per open round, keyed by its serial."""

    def join(self, target: Target, address: ProbeAddress) -> None:
        self[target.serial] = (target, address)

    def take(self) -> tuple[Target, ProbeAddress]:
        """Remove and return the first entry. Raises KeyError if the queue is empty."""
        _, place = self.popitem(last=False)
        return place

    def put_back(self, target: Target, address: ProbeAddress) -> None:
        """Return a probe that was taken out to the head of the queue."""
        self.join(target, address)
        self.move_to_end(target.serial, last=False)
