"""A host without sockets and without waiting: time is set by hand, and the network does what a test says."""

from __future__ import annotations

from collections.abc import Callable

from tests.support.verdicts import Verdicts
from vimesh.domain.actions import Action
from vimesh.domain.probing import Method
from vimesh.monitor.addresses import Address
from vimesh.monitor.probes import LocalFault
from vimesh.monitor.resolver import Outcome, Resolver
from vimesh.monitor.rounds import Rounds
from vimesh.monitor.running_clock import RunningClock
from vimesh.monitor.target import Target
from vimesh.monitor.wheel import Wheel

TICK_S = 0.01

Reply = float | tuple[float, str] | LocalFault | None
"""Seconds until the answer; or until a failure, and its reason; or a fault of our own; or silence."""
Network = Callable[[float, Address], Reply]


class SimulatedHost:
    """Rounds in simulated time. `network` says what becomes of a probe that is sent at a time to an address."""

    def __init__(self, network: Network, *, names: dict[str, Outcome] | None = None) -> None:
        self.network = network
        self.names = names or {}
        self.time = 1000.0
        self.sent: list[tuple[float, Address]] = []
        self.verdicts = Verdicts()
        self._replies: list[tuple[float, Target, int, int, str | None]] = []
        self._lookups: list[Callable[[], None]] = []
        self._wheel: Wheel[Target] = Wheel(TICK_S)
        self.rounds = Rounds(
            wheel=self._wheel,
            running=RunningClock(self._clock),
            clock=self._clock,
            resolver=Resolver(
                submit=self._lookups.append, call_back=lambda f: f(), clock=self._clock, look_up=self._look_up
            ),
            on_verdict=self.verdicts.note,
        )
        self.rounds.use(dict.fromkeys(Method, self))

    def start(self, action: Action) -> Target:
        target = Target(action)
        self.rounds.enlist(target, self.time)
        return target

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.time + seconds
        while self.time < end:
            self.time += TICK_S
            lookups, self._lookups[:] = self._lookups[:], []
            for lookup in lookups:
                lookup()
            self._deliver()
            for target in self._wheel.take(self.time):
                self.rounds.due(target)

    def send(self, target: Target, number: int, address: Address) -> bool:
        self.sent.append((self.time, address))
        match self.network(self.time, address):
            case LocalFault() as fault:
                raise fault
            case (after_s, reason):
                self._replies.append((self.time + after_s, target, target.serial, number, reason))
            case float() as after_s:
                self._replies.append((self.time + after_s, target, target.serial, number, None))
            case None:
                pass
        return True

    def hang_up(self, target: Target) -> None:
        self.forget(target)

    def forget(self, target: Target) -> None:
        self._replies = [reply for reply in self._replies if reply[1] is not target]

    def _deliver(self) -> None:
        for reply in sorted(self._replies, key=lambda reply: reply[0]):
            at, target, serial, number, reason = reply
            if at > self.time or reply not in self._replies or target.serial != serial:
                continue
            self._replies.remove(reply)
            if reason is None:
                self.rounds.answered(target, number, 0.001)
            else:
                self.rounds.failed(target, reason, "")

    def _clock(self) -> float:
        return self.time

    def _look_up(self, name: str) -> Outcome:
        return self.names[name]
