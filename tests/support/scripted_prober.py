"""A host without sockets and without waiting: time is set by hand, and the network does what a test says."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from enum import Enum, auto
from typing import Final

from tests.support.verdicts import Verdicts
from vimesh.domain.actions import Action
from vimesh.domain.probing import Method
from vimesh.domain.vims import Status
from vimesh.monitor.addresses import Address
from vimesh.monitor.probes import LocalFault
from vimesh.monitor.resolver import Outcome, Resolver
from vimesh.monitor.rounds import Rounds
from vimesh.monitor.running_clock import RunningClock
from vimesh.monitor.target import Target
from vimesh.monitor.wheel import Wheel

TICK_S = 0.01
NEVER = math.inf


class Line(Enum):
    """For want of a socket a probe is not sent."""

    WAIT = auto()


IN_LINE: Final = Line.WAIT
Reply = float | tuple[float, str] | LocalFault | Line | None
"""Seconds until the answer; or until a failure, and its reason; a fault of our own; no socket for it; or silence."""
Network = Callable[[float, Address], Reply]
NameService = Callable[[float, str], tuple[float, Outcome]]
"""Seconds until the outcome of a lookup that begins at a time, and the outcome."""


class SimulatedHost:
    """Rounds in simulated time. `network` says what becomes of a probe that is sent at a time to an address."""

    def __init__(
        self,
        network: Network,
        *,
        names: Mapping[str, Outcome] | None = None,
        name_service: NameService | None = None,
        lookup_threads: int = 8,
        ageing: float = 1,
    ) -> None:
        """`ageing`: how many times as fast as usual addresses grow old."""
        self.network = network
        self.names = dict(names or {})
        self.name_service = name_service or (lambda _, name: (0.0, self.names[name]))
        self.time = 1000.0
        self.sent: list[tuple[float, Address]] = []
        self.verdicts = Verdicts()
        self._replies: list[tuple[float, float, Target, int, int, str | None]] = []
        self._lookups: deque[Callable[[], None]] = deque()
        self._free_threads = lookup_threads
        self._landings: list[tuple[float, Callable[[], None]]] = []
        self._lookup_s: float | None = None
        self._wheel: Wheel[Target] = Wheel(TICK_S)
        self.rounds = Rounds(
            wheel=self._wheel,
            running=RunningClock(self._clock),
            clock=self._clock,
            resolver=Resolver(
                submit=self._lookups.append,
                call_back=self._call_back,
                clock=lambda: ageing * self.time,
                look_up=self._look_up,
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
            self._run_lookups()
            self._deliver()
            for target in self._wheel.take(self.time):
                self.rounds.due(target)

    def statuses(self, vim_id: str = "vim") -> list[Status]:
        return [verdict.status for verdict in self.verdicts.of(vim_id)]

    def waits(self, target: Target) -> bool:
        """Say whether there is a time at which the target will be seen to."""
        return target.slot >= 0

    def lose(self, target: Target) -> None:
        """Let the target wait for nothing any more, as a defect might."""
        self._wheel.cancel(target)

    def send(self, target: Target, number: int, address: Address) -> bool:
        self.sent.append((self.time, address))
        match self.network(self.time, address):
            case LocalFault() as fault:
                raise fault
            case (after_s, reason):
                self._replies.append((self.time, self.time + after_s, target, target.serial, number, reason))
            case float() as after_s:
                self._replies.append((self.time, self.time + after_s, target, target.serial, number, None))
            case Line():
                self.sent.pop()
                return False
            case None:
                pass
        return True

    def hang_up(self, target: Target) -> None:
        self.forget(target)

    def forget(self, target: Target) -> None:
        self._replies = [reply for reply in self._replies if reply[2] is not target]

    def dismiss(self, target: Target) -> None:
        """Nothing is kept between rounds."""

    def _deliver(self) -> None:
        for reply in sorted(self._replies, key=lambda reply: reply[1]):
            sent_at, at, target, serial, number, reason = reply
            if at > self.time or reply not in self._replies or target.serial != serial:
                continue
            self._replies.remove(reply)
            if reason is None:
                self.rounds.answered(target, number, at - sent_at)
            else:
                self.rounds.failed(target, reason, "")

    def _clock(self) -> float:
        return self.time

    def _run_lookups(self) -> None:
        landed = [landing for landing in self._landings if landing[0] <= self.time]
        self._landings = [landing for landing in self._landings if landing[0] > self.time]
        for _, land in landed:
            self._free_threads += 1
            land()
        while self._lookups and self._free_threads:
            self._free_threads -= 1
            self._lookups.popleft()()

    def _look_up(self, name: str) -> Outcome:
        self._lookup_s, outcome = self.name_service(self.time, name)
        return outcome

    def _call_back(self, call: Callable[[], None]) -> None:
        if self._lookup_s is None:
            call()  # a lookup begins
        else:
            self._landings.append((self.time + self._lookup_s, call))
            self._lookup_s = None
