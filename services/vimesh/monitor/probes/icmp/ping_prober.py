"""Probes by ICMP echo."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Mapping
from types import TracebackType
from typing import Protocol, Self

from vimesh.domain.probing import Method
from vimesh.monitor.net.ip_addresses import ProbeAddress, pack_ip
from vimesh.monitor.probes.base.prober import Listener, LocalFault
from vimesh.monitor.probes.base.target_gate import TargetGate
from vimesh.monitor.probes.icmp.echo_sockets import ROTATE_S
from vimesh.monitor.probes.icmp.icmp_socket import open_icmp_socket
from vimesh.monitor.probes.icmp.open_pings import NO_IDENTIFIER, OpenPings
from vimesh.monitor.probes.icmp.packet_batches import batch_calls
from vimesh.monitor.probes.icmp.pinger import Pinger
from vimesh.monitor.scheduling.round_budget import RoundBudget
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics
from vimesh.monitor.targets.cohorts import Cohort, Cohorts, SingleRounds
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import Target


class PingListener(Listener, SingleRounds, Protocol):
    """Receives the outcomes of pings, and the targets that leave their cohort."""


class PingProber:
    """The prober for PING, over the address families that this process may use."""

    def __init__(  # noqa: PLR0913 - everything it uses is passed in
        self,
        *,
        gate: TargetGate,
        listener: PingListener,
        wheel: TimingWheel[Cohort],
        running: StallClock,
        pace: RoundBudget | None = None,
        rotate_s: float = ROTATE_S,
        statistics: ProbeStatistics | None = None,
        history: RoundHistory | None = None,
    ) -> None:
        """`wheel`: of the cohorts. `rotate_s`: how many seconds pings keep an ICMP identifier."""
        statistics = statistics or ProbeStatistics()
        self.cohorts = Cohorts(
            prober=self,
            singly=listener,
            wheel=wheel,
            running=running,
            pace=pace,
            statistics=statistics,
            history=history,
        )
        self._round_trips = statistics.by_method[Method.PING].round_trips
        self._gate = gate
        self._listener = listener
        self._clock = running.now
        self._rotate_s = rotate_s
        self._pings = OpenPings()
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
                    pings=self._pings,
                    listener=self._listener,
                    clock=self._clock,
                    cohorts=self.cohorts,
                    rotate_s=self._rotate_s,
                    round_trips=self._round_trips,
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

    def send(self, target: Target, number: int, address: ProbeAddress) -> bool:
        self._gate.check(address)
        pinger = self.pingers.get(address.family)
        if pinger is None:
            fault = self.faults[address.family]
            raise LocalFault(fault.reason, fault.detail)
        pinger.send(target, number, address)
        return True

    def reaches(self, family: int) -> bool:
        return family in self.pingers

    def send_volley(self, family: int, tokens: array[int], sockaddrs: bytes) -> list[int]:
        return self.pingers[family].send_volley(tokens, sockaddrs)

    def adopt(self, target: Target, token: int, sent_at: float) -> None:
        if target.address is not None:
            self._pings.add((target, 1, token, pack_ip(target.address), NO_IDENTIFIER, sent_at))

    def find_local_fault(self, target: Target) -> LocalFault | None:  # noqa: ARG002 - has the signature of the other probers
        """Return None: the call that sends a ping raises whatever keeps it on this machine."""
        return None

    def abandon_sent(self, target: Target) -> None:
        """Do nothing: pings hold nothing open."""

    def end_round(self, target: Target) -> None:
        self._pings.remove_target(target)

    def dismiss(self, target: Target) -> None:
        """Do nothing: pings keep nothing between rounds."""

    def join_cohort(self, target: Target) -> bool:
        return self.cohorts.join(target)

    def leave_cohort(self, target: Target) -> None:
        self.cohorts.leave(target)
