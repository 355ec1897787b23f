"""The prober for pings."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from vimesh.monitor.addresses import Address
from vimesh.monitor.cohorts import Cohorts
from vimesh.monitor.icmp_socket import open_icmp_socket
from vimesh.monitor.packet_batches import batch_calls
from vimesh.monitor.pinger import Pinger
from vimesh.monitor.probes import Listener, LocalFault
from vimesh.monitor.running_clock import Clock
from vimesh.monitor.target import Target


class Icmp:
    """The prober for PING, over whichever families this process may use."""

    def __init__(self, *, nonce: bytes, listener: Listener, cohorts: Cohorts, clock: Clock) -> None:
        self._nonce = nonce
        self._listener = listener
        self._cohorts = cohorts
        self._clock = clock
        self._open: dict[int, Target] = {}
        self.pingers: Mapping[int, Pinger] = {}
        self.faults: Mapping[int, LocalFault] = {}

    def __enter__(self) -> Self:
        pingers, faults = {}, {}
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                calls, opened = batch_calls(), open_icmp_socket(family)
            except LocalFault as fault:
                faults[int(family)] = fault
            else:
                pingers[int(family)] = Pinger(
                    opened,
                    calls,
                    nonce=self._nonce,
                    listener=self._listener,
                    clock=self._clock,
                    under_way=self._open,
                    cohorts=self._cohorts,
                )
        self.pingers, self.faults = pingers, faults
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for pinger in self.pingers.values():
            pinger.close()

    def send(self, target: Target, number: int, address: Address) -> bool:
        pinger = self.pingers.get(address.family)
        if pinger is None:
            fault = self.faults[address.family]
            raise LocalFault(fault.reason, fault.detail)
        pinger.send(target, number, address)
        return True

    def reaches(self, family: int) -> bool:
        return family in self.pingers

    def send_volley(self, family: int, serials: range, names: bytes) -> list[int]:
        return self.pingers[family].send_volley(serials, names)

    def adopt(self, target: Target) -> None:
        self._open[target.serial] = target

    def hang_up(self, target: Target) -> None:
        """Nothing is held open for a ping."""

    def forget(self, target: Target) -> None:
        self._open.pop(target.serial, None)

    def dismiss(self, target: Target) -> None:
        """There is nothing that lasts longer than a round."""
