"""Rounds of probes: when each target is probed, and what follows from the answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import structlog

from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.addresses import Address
from vimesh.monitor.cohorts import MAX_VOLLEY_SERIAL, Cohorts
from vimesh.monitor.pace import Pace
from vimesh.monitor.probes import LocalFault, Prober
from vimesh.monitor.resolver import LookupFailed, NoSuchName, Outcome, Resolver, Waiter
from vimesh.monitor.running_clock import Clock, RunningClock
from vimesh.monitor.target import Stage, Target, next_round_at
from vimesh.monitor.verdict import Step, Verdict
from vimesh.monitor.wheel import Wheel

_log = structlog.get_logger()

NAMING_LIMIT_S = 2.0
"""A resolver that takes longer is out of order."""
STUCK_MARGIN_S = 5.0
"""An overdue round gives itself up. One that is still open after this long never will."""


class Rounds:
    """Sends through the probers, listens to them, and calls `on_verdict` when a verdict changes.

    Everything that sends starts from the wheel, never from an answer: so answers can be read at any moment. Each
    target is on the wheel from its first round on, whatever it waits for: none is ever left to an answer alone.
    """

    def __init__(  # noqa: PLR0913 - clocks and bounds are passed in
        self,
        *,
        wheel: Wheel[Target],
        running: RunningClock,
        clock: Clock,
        resolver: Resolver,
        on_verdict: Callable[[Verdict], None],
        pace: Pace | None = None,
    ) -> None:
        self._wheel = wheel
        self._running = running
        self._clock = clock
        self._resolver = resolver
        self._on_verdict = on_verdict
        self._pace = pace or Pace()
        self._probers: Mapping[Method, Prober] = {}
        self._cohorts: Cohorts | None = None
        self._serials = itertools.count(MAX_VOLLEY_SERIAL + 1)
        self.open = 0
        """How many rounds are open."""

    def use(self, probers: Mapping[Method, Prober], cohorts: Cohorts | None = None) -> None:
        """With cohorts, targets that answer pings leave for them, and come back when they do not."""
        self._probers = probers
        self._cohorts = cohorts

    # What the host and the wheel ask for.

    def enlist(self, target: Target, first_at: float) -> None:
        """Begin the target's first round at `first_at`; the later ones follow in a phase of its own."""
        target.begin_phase(first_at)
        target.ended_at = first_at
        self._wheel.set(target, first_at)

    def dismiss(self, target: Target) -> None:
        """Probe the target no more."""
        self._close(target)
        self._wheel.cancel(target)
        self._probers[target.policy.method].dismiss(target)

    def skip(self, target: Target) -> None:
        """Drop what is left of the open round."""
        self._close(target)
        self._await_next_round(target, self._running.now())

    def recheck(self, target: Target) -> bool:
        """See that no verdict is held up although rounds do not end any more (G6); True if that was so.

        No known fault leads here: it is the net under those that nobody has thought of.
        """
        now = self._running.now()
        if target.cohort is not None:
            target.ended_at = target.cohort.ended_at
        if now < target.overdue_at(self._pace.stretch) + STUCK_MARGIN_S:
            return False
        silent_s = now - target.ended_at
        _log.error("rounds do not end", vim_id=target.vim_id, stage=target.stage.name, for_s=round(silent_s))
        self.skip(target)
        target.ended_at = now
        if target.track.blind(Reason.LOCAL_STUCK, f"no round has ended for {silent_s:.0f} s") is Step.CHANGED:
            self._on_verdict(self._verdict(target, None))
        return True

    def due(self, target: Target) -> None:
        """Do what the target has waited for."""
        stage = target.stage
        if stage is Stage.IDLE:
            self._begin(target)
        elif stage is Stage.AWAITING:
            self._follow(target, target.track.silent(), None)
        elif stage is Stage.SPACING:
            self._probe(target)
        elif stage is Stage.NAMING:
            self._name_late(target)
        else:
            self._queue_long(target)

    # What the cohorts tell.

    def begin(self, target: Target) -> None:
        """Begin a round as soon as possible."""
        self._wheel.set(target, self._running.now())

    def resume(self, target: Target, serial: int, sent_at: float) -> None:
        """Go on with a round of which one probe was sent."""
        self._open_round(target, serial)
        target.track.sent = target.number = 1
        target.first_sent = target.last_sent = sent_at
        target.stage = Stage.AWAITING
        self._wheel.set(target, target.judged_at())

    # What the probers tell.

    def answered(self, target: Target, number: int, round_trip_s: float) -> None:
        track = target.track
        if number != target.number and track.confirming:
            return
        target.preferred += number - 1
        target.round_trip_s = round_trip_s
        self._follow(target, track.answered(), round_trip_s)

    def failed(self, target: Target, reason: str, detail: str) -> None:
        self._follow(target, target.track.failed(reason, detail), None)

    def departs(self, target: Target) -> int:
        track = target.track
        target.number += 1
        track.sent += 1
        target.last_sent = now = self._running.now()
        if track.sent == 1:
            target.first_sent = now
        target.stage = Stage.AWAITING
        self._wheel.set(target, target.judged_at())
        return target.number

    def faulted(self, target: Target, reason: str, detail: str) -> None:
        target.track.sent -= 1
        self._follow(target, target.track.faulted(reason, detail), None)

    # The round.

    def _begin(self, target: Target) -> None:
        self._open_round(target, next(self._serials))
        self._probe(target)

    def _open_round(self, target: Target, serial: int) -> None:
        target.serial = serial
        target.number = 0
        target.stage = Stage.SPACING
        target.track.begin()
        self.open += 1

    def _probe(self, target: Target) -> None:
        if target.address is not None:
            self._send(target, (target.address,))
            return
        hosts = self._resolver.known(target.endpoint.host)
        if hosts is None:
            self._ask(target)
        else:
            self._send(target, [host.address(target.port) for host in hosts])

    def _ask(self, target: Target) -> None:
        target.stage = Stage.NAMING
        # Until its lookup begins, it waits for those of other VIMs: that says nothing about the resolver.
        self._wheel.set(target, target.overdue_at(self._pace.stretch))
        waiter = Waiter(begun=lambda: self._naming(target), landed=lambda outcome: self._named(target, outcome))
        self._resolver.ask(target.endpoint.host, target, waiter)

    def _naming(self, target: Target) -> None:
        if target.stage is Stage.NAMING:
            self._wheel.set(target, self._running.now() + NAMING_LIMIT_S)

    def _named(self, target: Target, outcome: Outcome) -> None:
        if target.stage is not Stage.NAMING:
            return
        if isinstance(outcome, NoSuchName):
            self.departs(target)
            self.failed(target, Reason.DNS, outcome.detail)
        elif isinstance(outcome, LookupFailed):
            self._unnamed(target, outcome.detail)
        else:
            target.stage = Stage.SPACING
            self._wheel.set(target, self._running.now())

    def _name_late(self, target: Target) -> None:
        if self._running.now() < target.overdue_at(self._pace.stretch):
            self._unnamed(target, "the resolver does not answer")
        else:
            self._give_up(target, Reason.LOCAL_RESOLVER, "too many names are waiting to be looked up")

    def _unnamed(self, target: Target, detail: str) -> None:
        target.stage = Stage.SPACING
        target.last_sent = self._running.now()
        self._follow(target, target.track.faulted(Reason.LOCAL_RESOLVER, detail), None)

    def _send(self, target: Target, addresses: Sequence[Address]) -> None:
        prober = self._probers[target.policy.method]
        target.track.cover(len(addresses))
        fault: LocalFault | None = None
        # An address that cannot be sent to from here, such as IPv6 without a route, must not hide the next one.
        for _ in addresses:
            previous_s = target.last_sent
            number = self.departs(target)
            try:
                gone = prober.send(target, number, addresses[(target.preferred + number - 1) % len(addresses)])
            except LocalFault as error:
                fault = error
                target.track.sent -= 1
                continue
            if not gone:
                self._stand_in_line(target, previous_s)
            return
        fault = fault or LocalFault(Reason.LOCAL_RESOURCES, "no address to send to")
        self._follow(target, target.track.faulted(fault.reason, fault.detail), None)

    def _stand_in_line(self, target: Target, previous_s: float) -> None:
        """Take back a departure: waiting for a socket is not the VIM's time."""
        target.number -= 1
        target.track.sent -= 1
        target.last_sent = previous_s
        target.stage = Stage.QUEUED
        self._wheel.set(
            target, previous_s + target.policy.timeout_s if target.track.sent else target.overdue_at(self._pace.stretch)
        )

    def _queue_long(self, target: Target) -> None:
        if self._running.now() >= target.overdue_at(self._pace.stretch):
            self._give_up(target, Reason.LOCAL_RESOURCES, "too many probes are waiting for a socket")
            return
        # What is under way has had its time; the sockets are needed by those in the queue.
        self._wheel.set(target, target.overdue_at(self._pace.stretch))
        self._probers[target.policy.method].hang_up(target)

    def _give_up(self, target: Target, reason: str, detail: str) -> None:
        self._follow(target, target.track.blind(reason, detail), None)

    def _follow(self, target: Target, step: Step, round_trip_s: float | None) -> None:
        if step is Step.SETTLED or step is Step.CHANGED:
            self._close(target)
            if target.track.status is not Status.REACHABLE:
                self._doubt_address(target)
            target.ended_at = now = self._running.now()
            verdict = self._verdict(target, round_trip_s) if step is Step.CHANGED else None
            if target.track.steady and self._cohorts is not None and self._cohorts.join(target):
                self._wheel.cancel(target)
            else:
                self._await_next_round(target, now)
            if verdict is not None:
                self._on_verdict(verdict)
        elif step is Step.AGAIN:
            if target.stage is Stage.AWAITING or target.stage is Stage.SPACING:
                target.stage = Stage.SPACING
                self._wheel.set(target, target.last_sent + target.spacing_s)
        elif target.stage is not Stage.QUEUED:
            target.stage = Stage.AWAITING
            self._wheel.set(target, target.judged_at())

    def _close(self, target: Target) -> None:
        if target.stage is Stage.IDLE:
            return
        if self._cohorts is not None and target.cohort is not None:
            self._cohorts.leave(target)
            return
        target.stage = Stage.IDLE
        self.open -= 1
        self._probers[target.policy.method].forget(target)

    def _await_next_round(self, target: Target, now: float) -> None:
        target.round_at = next_round_at(target.round_at, target.policy.interval_s * self._pace.stretch, now)
        self._wheel.set(target, target.round_at)

    def _doubt_address(self, target: Target) -> None:
        if target.address is None:
            target.preferred += 1
            self._resolver.refresh(target.endpoint.host)

    def _verdict(self, target: Target, round_trip_s: float | None) -> Verdict:
        track = target.track
        status = track.status or Status.UNKNOWN
        seen_at = self._clock()
        return Verdict(target.vim_id, target.action_id, status, track.reason, track.detail, round_trip_s, seen_at)
