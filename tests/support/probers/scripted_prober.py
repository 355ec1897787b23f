"""Simulates a host without sockets and waits: the test sets the time and scripts the network."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import Final

from tests.support.probers.verdicts import Verdicts
from vimesh.domain.actions import Action
from vimesh.domain.probing import Method
from vimesh.domain.vims import Status
from vimesh.monitor.loop_guard.quarantine import Quarantine
from vimesh.monitor.names.name_answers import (
    FAMILIES,
    Empty,
    FamilyAnswer,
    LookupFailed,
    NameAddresses,
    NoSuchName,
    OnAnswer,
    Outcome,
    Trouble,
)
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.prober import LocalFault
from vimesh.monitor.references.uplink import Uplink
from vimesh.monitor.rounds.rounds import Rounds
from vimesh.monitor.scheduling.local_health import LocalHealth
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import Target

TICK_S = 0.01
NEVER = math.inf


class Line(Enum):
    """The probe is not sent because there is no socket for it."""

    WAIT = auto()


IN_LINE: Final = Line.WAIT
Reply = float | tuple[float, str] | LocalFault | Line | None
"""Seconds until the answer; or seconds and reason of a failure; a local fault; no socket for it; or silence."""
Network = Callable[[float, ProbeAddress], Reply]
References = Callable[[float], float | None]
"""Given the time of a question: seconds until the first answer; None: no reference answers."""
NameService = Callable[[float, str], tuple[float, Outcome]]
"""Given the start of a lookup and the name: seconds until the outcome, and the outcome."""


@dataclass(slots=True)
class Timer:
    """A callback at a simulated time."""

    at: float
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


def answer_of(outcome: Outcome, family: int) -> FamilyAnswer:
    """Return the name server's answer for one family that leads to this outcome."""
    if isinstance(outcome, NoSuchName):
        return Empty(outcome.detail)
    if isinstance(outcome, LookupFailed):
        return Trouble(outcome.detail)
    hosts = tuple(host for host in outcome if host.family == family)
    return NameAddresses(hosts, None) if hosts else Empty("no address of this family")


class SimulatedHost:
    """Rounds in simulated time. `network` decides the outcome of a probe, given the time and the address."""

    def __init__(
        self,
        network: Network,
        *,
        names: Mapping[str, Outcome] | None = None,
        name_service: NameService | None = None,
        ageing: float = 1,
        quarantine: Quarantine | None = None,
        history: RoundHistory | None = None,
        references: References | None = None,
    ) -> None:
        """`ageing` is the factor by which addresses age faster than usual. `references`: None: there are none."""
        self.network = network
        self.names = dict(names or {})
        self.name_service = name_service or (lambda _, name: (0.0, self.names[name]))
        self.time = 1000.0
        self.unsent_fault: LocalFault | None = None
        """The local fault that keeps silent probes from leaving this machine, if any."""
        self.sent: list[tuple[float, ProbeAddress]] = []
        self.verdicts = Verdicts()
        self._replies: list[tuple[float, float, Target, int, int, str | None]] = []
        self._timers: list[Timer] = []
        self._wheel: TimingWheel[Target] = TimingWheel(TICK_S)
        self.health = LocalHealth()
        self._running = StallClock(self._clock, self.health)
        self.references = references
        self.uplink = None if references is None else Uplink(self._running.now())
        self.asked: list[float] = []
        """When the references were asked."""
        self._reference_answers: list[tuple[float, float]] = []
        self.statistics = ProbeStatistics()
        self.rounds = Rounds(
            wheel=self._wheel,
            running=self._running,
            clock=self._clock,
            resolver=Resolver(
                look_up=self._look_up,
                call_later=self._call_later,
                clock=lambda: ageing * self.time,
                statistics=self.statistics,
            ),
            on_verdict=self.verdicts.note,
            quarantine=quarantine,
            statistics=self.statistics,
            history=history,
            health=self.health,
            uplink=self.uplink,
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
            self._run_timers()
            self._deliver()
            self._ask_references()
            for target in self._wheel.take_due(self.time):
                self.rounds.advance(target)

    def stall(self, seconds: float) -> None:
        """Let time pass in which nothing is done."""
        self._running.expect_reading(self._running.now())
        self.time += seconds
        self._running.now()
        self._running.expect_reading(None)

    def statuses(self, vim_id: str = "vim") -> list[Status]:
        return [verdict.status for verdict in self.verdicts.of(vim_id)]

    def waits(self, target: Target) -> bool:
        """Return whether the target has a time at which it is next handled."""
        return target.slot >= 0

    def lose(self, target: Target) -> None:
        """Let the target wait for nothing any more, as a defect might."""
        self._wheel.cancel(target)

    def send(self, target: Target, number: int, address: ProbeAddress) -> bool:
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

    def find_local_fault(self, target: Target) -> LocalFault | None:  # noqa: ARG002 - as probers do
        return self.unsent_fault

    def abandon_sent(self, target: Target) -> None:
        self.end_round(target)

    def end_round(self, target: Target) -> None:
        self._replies = [reply for reply in self._replies if reply[2] is not target]

    def dismiss(self, target: Target) -> None:
        """Do nothing: nothing is kept between rounds."""

    def join_cohort(self, target: Target) -> bool:  # noqa: ARG002 - as probers do
        return False

    def leave_cohort(self, target: Target) -> None:
        """Do nothing: there are no cohorts."""

    def _deliver(self) -> None:
        for reply in sorted(self._replies, key=lambda reply: reply[1]):
            sent_at, at, target, serial, number, reason = reply
            if at > self.time or reply not in self._replies or target.serial != serial:
                continue
            self._replies.remove(reply)
            if reason is None:
                self.rounds.record_answer(target, number, at - sent_at)
            else:
                self.rounds.record_failure(target, number, reason, "")

    def _ask_references(self) -> None:
        uplink, references, now = self.uplink, self.references, self._running.now()
        if uplink is None or references is None:
            return
        for asked_at, at in [answer for answer in self._reference_answers if answer[1] <= now]:
            self._reference_answers.remove((asked_at, at))
            uplink.note_answer(asked_at, at - asked_at, now)
        if now >= uplink.due_at and uplink.advance(now):
            self.asked.append(now)
            if (after_s := references(now)) is not None:
                self._reference_answers.append((now, now + after_s))

    def _clock(self) -> float:
        return self.time

    def _call_later(self, delay_s: float, call: Callable[[], None]) -> Timer:
        timer = Timer(self.time + delay_s, call)
        self._timers.append(timer)
        return timer

    def _run_timers(self) -> None:
        due = [timer for timer in self._timers if timer.at <= self.time]
        self._timers = [timer for timer in self._timers if timer.at > self.time]
        for timer in due:
            if not timer.cancelled:
                timer.call()

    def _look_up(self, name: str, tell: OnAnswer) -> None:
        after_s, outcome = self.name_service(self.time, name)
        for family in FAMILIES:
            self._call_later(after_s, partial(tell, family, answer_of(outcome, family)))
