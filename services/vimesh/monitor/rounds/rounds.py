"""Runs the rounds of probes: when each target is probed, and what follows from the answers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from vimesh.domain.probing import Method, Reason
from vimesh.domain.vims import Status
from vimesh.monitor.loop_guard.quarantine import Quarantine
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.net.ip_addresses import ProbeAddress
from vimesh.monitor.probes.base.prober import LocalFault, Prober
from vimesh.monitor.references.uplink import Uplink
from vimesh.monitor.rounds.address_budget import AddressBudget
from vimesh.monitor.rounds.naming_steps import NamingSteps, set_route
from vimesh.monitor.rounds.reference_steps import ReferenceSteps
from vimesh.monitor.scheduling.local_health import LocalHealth
from vimesh.monitor.scheduling.round_budget import RoundBudget
from vimesh.monitor.scheduling.stall_clock import Clock, StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics
from vimesh.monitor.targets.address_route import AddressRoute
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import ActionKey, Stage, Target, next_round_at
from vimesh.monitor.targets.verdict import NextStep, Verdict

_log = structlog.get_logger()

STUCK_MARGIN_S = 5.0
"""An overdue round gives up by itself. One that is still open this much later never will."""
# Looking up an enum member costs 0.1 us in Python 3.11, and a round needs a dozen.
_IDLE, _AWAITING, _SPACING, _NAMING = Stage.IDLE, Stage.AWAITING, Stage.SPACING, Stage.NAMING
_QUEUED, _RENAMING, _HELD = Stage.QUEUED, Stage.RENAMING, Stage.HELD
_AGAIN, _DOUBT, _SETTLED, _CHANGED = NextStep.AGAIN, NextStep.DOUBT, NextStep.SETTLED, NextStep.CHANGED


class Rounds:
    """Sends probes through the probers, takes their answers, and calls `on_verdict` when a verdict changes.

    All sending starts from the wheel, never from an answer, so answers can be read at any moment. From its first round
    on, each target is on the wheel, by itself or with its cohort, whatever it waits for: none depends on an answer
    alone.
    """

    def __init__(  # noqa: PLR0913 - clocks and bounds are passed in
        self,
        *,
        wheel: TimingWheel[Target],
        running: StallClock,
        clock: Clock,
        resolver: Resolver,
        on_verdict: Callable[[Verdict], None],
        pace: RoundBudget | None = None,
        address_budget: AddressBudget | None = None,
        quarantine: Quarantine | None = None,
        statistics: ProbeStatistics | None = None,
        history: RoundHistory | None = None,
        health: LocalHealth | None = None,
        uplink: Uplink | None = None,
    ) -> None:
        """`history`: gets what each round comes to; None: that is not wanted. `uplink`: None: without references."""
        self._wheel = wheel
        self._stall_clock = running
        self._clock = clock
        self._resolver = resolver
        self._on_verdict = on_verdict
        self._round_budget = pace or RoundBudget()
        self._naming = NamingSteps(
            resolver,
            rounds=self,
            wheel=wheel,
            stall_clock=running,
            round_budget=self._round_budget,
            always_in_doubt=uplink is not None,
        )
        self._address_budget = address_budget or AddressBudget()
        self._quarantine = quarantine or Quarantine()
        self._statistics = statistics or ProbeStatistics()
        self._by_method = self._statistics.by_method
        self._history = history
        self._health = health or LocalHealth()
        self._references: ReferenceSteps | None = None
        if uplink is not None:
            self._references = ReferenceSteps(uplink, rounds=self, wheel=wheel, stall_clock=running, resolver=resolver)
        self._probers: Mapping[Method, Prober] = {}
        self._serials = itertools.count(1)
        self._without_turns: set[Target] = set()
        self.open_rounds = 0
        """Number of open rounds."""

    def use(self, probers: Mapping[Method, Prober]) -> None:
        """Set the probers, once. They come after the rounds, because they tell them what becomes of their probes."""
        self._probers = probers

    # Called by the host and the wheel.

    def enlist_once(self, target: Target, first_at: float) -> None:
        """Start a round of a target that takes no turns at its address: who wants it bounds it."""
        self._without_turns.add(target)
        self.enlist(target, first_at)

    def enlist(self, target: Target, first_at: float) -> None:
        """Start the target's first round at `first_at`; later rounds follow in the target's own phase."""
        target.begin_phase(first_at)
        target.ended_at = first_at
        self._quarantine.enlist(target)
        self._wheel.set(target, first_at)

    def announce_to(self, target: Target, action: ActionKey) -> None:
        """Announce the current verdict to an action that shares the target's probes from now on.

        Unless the verdict is REACHABLE, a round starts at once: the user may have just fixed the VIM.
        """
        status = Status.REACHABLE if target.cohort is not None else target.track.status
        if status is None:
            return
        reason, detail = ("", "") if target.cohort is not None else (target.track.reason, target.track.detail)
        self._on_verdict(Verdict(*action, status, reason, detail, None, self._clock()))
        if status is not Status.REACHABLE and target.stage is _IDLE:
            self.schedule_round(target)

    def dismiss(self, target: Target) -> None:
        """Stop probing the target."""
        self._without_turns.discard(target)
        self._quarantine.dismiss(target)
        self._close_round(target)
        if self._references is not None:
            self._references.dismiss(target)
        self._wheel.cancel(target)
        self._probers[target.policy.method].dismiss(target)

    def skip(self, target: Target) -> None:
        """Drop the rest of the open round."""
        self._close_round(target)
        self._await_next_round(target, self._stall_clock.now())

    def recheck(self, target: Target) -> bool:
        """Make the verdict UNKNOWN if rounds no longer end, so that a stale one is not kept alive (G6); True if so.

        No known fault leads here: it is a safety net for unforeseen ones.
        """
        now = self._stall_clock.now()
        if target.cohort is not None:
            target.ended_at = target.cohort.ended_at
        if now < target.overdue_at(self._round_budget.stretch) + STUCK_MARGIN_S:
            return False
        silent_s = now - target.ended_at
        _log.error("rounds do not end", vim_id=target.vim_id, stage=target.stage.name, for_s=round(silent_s))
        self.skip(target)
        target.ended_at = now
        self._count_failure(target, Reason.LOCAL_STUCK)
        if target.track.give_up(Reason.LOCAL_STUCK, f"no round has ended for {silent_s:.0f} s") is _CHANGED:
            self._announce(target, self._verdict(target, None))
        return True

    def loop_was_held(self, target: Target, held_s: float) -> None:
        """Note that work on the target blocked the loop. After HOLDS_UNTIL_ASIDE times it is probed rarely."""
        if not self._quarantine.note_hold(target, held_s):
            return
        if target.slot < 0 and target.cohort is None:
            self._quarantine.dismiss(target)  # the target was dismissed before the hold was reported
            return
        self._close_round(target)
        self._probers[target.policy.method].dismiss(target)
        target.forget_verdict()
        self.schedule_round(target)

    def advance(self, target: Target) -> None:
        """Take the step for which the target has waited."""
        stage = target.stage
        if stage is _IDLE:
            self._begin_round(target)
        elif stage is _AWAITING:
            self._judge_silence(target)
        elif stage is _SPACING:
            self._probe(target)
        elif stage is _NAMING:
            self._naming.give_up(target)
        elif stage is _RENAMING or stage is _HELD:
            self.accept_failure(target)
        else:
            self._judge_queued(target)

    # Called by the cohorts.

    def schedule_round(self, target: Target) -> None:
        """Start a round as soon as possible."""
        self._wheel.set(target, self._stall_clock.now())

    def resume_round(self, target: Target, sent_at: float) -> None:
        """Continue a round whose first probe was sent at `sent_at`."""
        self._open_round(target)
        target.track.sent = target.number = 1
        target.first_sent = target.last_sent = target.track.begun_at = sent_at
        target.stage = _AWAITING
        self._wheel.set(target, self._judged_at(target))

    # Called by the probers.

    def record_answer(self, target: Target, number: int, round_trip_s: float) -> None:
        track = target.track
        # An answer after the timeout does not count, even if the round is still open for other probes: otherwise the
        # verdict would depend on the VIM's previous status.
        timeout_s = target.policy.timeout_s
        if round_trip_s > timeout_s and round_trip_s > timeout_s + self._added_s(target):
            return
        if number != target.number and track.is_recovering:
            return
        if target.route is not None:
            target.route.record_answer(number)
        target.round_trip_s = round_trip_s
        self._by_method[target.policy.method].round_trips.observe(round_trip_s)
        step = track.record_answer()
        if self._history is not None and (step is _SETTLED or step is _CHANGED):
            self._history.note_answer(target, round_trip_s, max(0, number - max(1, track.answers)))
        self._apply_step(target, step, round_trip_s)

    def _judge_silence(self, target: Target) -> None:
        track = target.track
        fault = None if track.has_more else self._probers[target.policy.method].find_local_fault(target)
        if fault is not None:
            self.give_up(target, fault.reason, fault.detail)
            return
        step = track.record_silence(self._stall_clock.now())
        if step is not _AGAIN:
            # Until then, a late answer to one of them could still end the round well.
            self._by_method[target.policy.method].count_failures(Reason.TIMEOUT, track.silent_probes)
        self._apply_step(target, step, None)

    def record_failure(self, target: Target, number: int, reason: str, detail: str) -> None:
        if number == target.number or not target.track.is_recovering:
            self._count_failure(target, reason)
            self._apply_step(target, target.track.record_failure(self._stall_clock.now(), reason, detail), None)

    def record_departure(self, target: Target) -> int:
        self._by_method[target.policy.method].probes += 1
        return self._depart(target)

    def _depart(self, target: Target) -> int:
        track = target.track
        target.number += 1
        track.sent += 1
        target.last_sent = now = self._stall_clock.now()
        if track.sent == 1:
            target.first_sent = track.begun_at = now
        target.stage = _AWAITING
        self._wheel.set(target, self._judged_at(target))
        return target.number

    def record_fault(self, target: Target, reason: str, detail: str) -> None:
        target.track.sent -= 1
        self.apply_fault(target, reason, detail)

    def apply_fault(self, target: Target, reason: str, detail: str) -> None:
        self._count_failure(target, reason)
        self._apply_step(target, target.track.record_fault(reason, detail), None)

    def _count_failure(self, target: Target, reason: str) -> None:
        self._by_method[target.policy.method].count_failures(reason)

    # The round.

    def _begin_round(self, target: Target) -> None:
        if self._quarantine.aside and not self._admits(target):
            self._await_retry(target)
            return
        self._statistics.rounds += 1
        self._open_round(target)
        address = target.address if target.route is None else target.route.preferred
        takes_turn = address is not None and not (self._without_turns and target in self._without_turns)
        delay_s = self._address_budget.take_turn(address.sockaddr[0], self._clock()) if address and takes_turn else 0.0
        if delay_s:
            self._delay(target, delay_s)
        else:
            self._probe(target)

    def _admits(self, target: Target) -> bool:
        """Return whether a round may begin now although VIMs are set aside."""
        if target in self._without_turns:
            # The retry is the VIM's own: it has one in an hour, of which nothing is told.
            return target not in self._quarantine
        return self._quarantine.admits(target)

    def _delay(self, target: Target, delay_s: float) -> None:
        begins_at = self._stall_clock.now() + delay_s
        if begins_at < target.overdue_at(self._round_budget.stretch):
            self._wheel.set(target, begins_at)
        else:
            self.give_up(target, Reason.LOCAL_RESOURCES, "too many VIMs have this address")

    def _open_round(self, target: Target) -> None:
        target.serial = next(self._serials)
        target.number = 0
        target.stage = _SPACING
        target.track.begin()
        if target.route is not None:
            target.route.clear()
            target.track.in_doubt = True
        elif self._references is not None:
            target.track.in_doubt = True
        self.open_rounds += 1

    def _probe(self, target: Target) -> None:
        if target.route is None:
            self._send_to_address(target)
        elif target.route or self._find_route(target, target.route):
            self._send_by_route(target, target.route)
        else:
            self._naming.look_up(target)

    def _find_route(self, target: Target, route: AddressRoute) -> bool:
        hosts = self._resolver.cached_hosts(target.endpoint.host)
        if hosts is None:
            return False
        set_route(target, route, [host.address(target.port) for host in hosts])
        return True

    def accept_failure(self, target: Target, reason: str = "", detail: str = "") -> None:
        """Accept the bad news of a round, unless the references say that it may be our network."""
        if reason:
            target.track.explain(reason, detail)
        if self._references is None or self._references.may_accuse(target):
            self._apply_step(target, target.track.accept_failure(self._stall_clock.now()), None)

    def repeat_round(self, target: Target, reason: str, detail: str) -> None:
        """Leave the verdict as it is, and begin another round at once; when that is in doubt, too: UNKNOWN."""
        self._count_failure(target, reason)
        step = target.track.leave_undecided(reason, detail)
        self._apply_step(target, step, None)
        if step is _SETTLED and target.stage is _IDLE:
            self.schedule_round(target)

    def _added_s(self, target: Target) -> float:
        """Return how much longer an answer may take, because this process is late itself.

        That only protects VIMs from being accused: to be called reachable, each one has to answer within its timeout.
        """
        if target.track.status is not Status.REACHABLE:
            return 0.0
        return self._health.added_s(target.policy.timeout_s, self._stall_clock.now())

    def _judged_at(self, target: Target) -> float:
        return target.judged_at(0.0 if target.track.has_more else self._added_s(target))

    def _send_to_address(self, target: Target) -> None:
        address = target.address
        # The interface of a link-local address may have changed its number by now, or have reappeared.
        if address is not None and "%" in target.endpoint.host:
            address = target.address = target.fixed_address()
        fault = None if address is None else self._send(target, address)
        if fault is not None:
            self.apply_fault(target, fault.reason, fault.detail)

    def _send_by_route(self, target: Target, route: AddressRoute) -> None:
        while True:
            address, number = route.next(to_answering=target.track.is_recovering), target.number + 1
            fault = self._send(target, address)
            if fault is None:
                route.record_sent(number, address)
                return
            if len(route) < 2 or target.track.is_recovering:
                break
            # An address that this machine cannot send to, such as IPv6 without a route, must not hide the next one.
            route.drop(address)
            target.track.cover(len(route))
        self.apply_fault(target, fault.reason, fault.detail)

    def _send(self, target: Target, address: ProbeAddress) -> LocalFault | None:
        """Send or queue the next probe; return the local fault if it cannot be sent from here."""
        previous_s = target.last_sent
        number = self._depart(target)
        method = target.policy.method
        try:
            gone = self._probers[method].send(target, number, address)
        except LocalFault as fault:
            self._by_method[method].probes += 1
            target.track.sent -= 1
            return fault
        if gone:
            self._by_method[method].probes += 1
        else:
            self._mark_queued(target, previous_s)
        return None

    def _mark_queued(self, target: Target, previous_s: float) -> None:
        """Undo a departure: the wait for a socket must not count against the VIM."""
        target.number -= 1
        target.track.sent -= 1
        target.last_sent = previous_s
        target.stage = _QUEUED
        self._wheel.set(
            target,
            previous_s + target.policy.timeout_s
            if target.track.sent
            else target.overdue_at(self._round_budget.stretch),
        )

    def _judge_queued(self, target: Target) -> None:
        if self._stall_clock.now() >= target.overdue_at(self._round_budget.stretch):
            self.give_up(target, Reason.LOCAL_RESOURCES, "too many probes are waiting for a socket")
            return
        # The probes under way have had their time; those in the queue need their sockets.
        self._wheel.set(target, target.overdue_at(self._round_budget.stretch))
        self._probers[target.policy.method].abandon_sent(target)

    def give_up(self, target: Target, reason: str, detail: str) -> None:
        self._count_failure(target, reason)
        self._apply_step(target, target.track.give_up(reason, detail), None)

    def _apply_step(self, target: Target, step: NextStep, round_trip_s: float | None) -> None:
        if step is _SETTLED or step is _CHANGED:
            self._end_round(target, round_trip_s, is_news=step is _CHANGED)
        elif step is _DOUBT:
            self._doubt(target)
        elif step is _AGAIN:
            if target.stage is _AWAITING or target.stage is _SPACING:
                target.stage = _SPACING
                self._wheel.set(target, target.last_sent + target.stagger_s)
            self._foresee(target)
        elif target.stage is not _QUEUED:
            target.stage = _AWAITING
            self._wheel.set(target, self._judged_at(target))

    def _end_round(self, target: Target, round_trip_s: float | None, *, is_news: bool) -> None:
        if self._history is not None and target.track.has_failed:
            self._history.note_failure(target, target.track.sent)
        self._close_round(target)
        if self._quarantine.aside and target in self._quarantine:
            self._end_retry(target)
            return
        target.ended_at = now = self._stall_clock.now()
        verdict = self._verdict(target, round_trip_s) if is_news else None
        if target.track.is_steady and self._probers[target.policy.method].join_cohort(target):
            self._wheel.cancel(target)
        else:
            self._await_next_round(target, now)
            if self._references is not None and target.track.status is Status.UNKNOWN:
                self._references.note_unknown(target)
        if verdict is not None:
            self._announce(target, verdict)

    def _doubt(self, target: Target) -> None:
        if target.route is None:
            self.accept_failure(target)
        else:
            self._naming.renew(target)

    def _foresee(self, target: Target) -> None:
        if self._references is not None:
            self._references.foresee(target)

    def _await_retry(self, target: Target) -> None:
        # No round ends before the retry. Counted from there, `recheck` does not take the target for stuck.
        target.ended_at = retry_at = self._stall_clock.now() + self._quarantine.retry_in_s(target)
        self._wheel.set(target, retry_at)
        if target.track.give_up(Reason.LOCAL_SET_ASIDE, self._quarantine.detail(target)) is _CHANGED:
            self._announce(target, self._verdict(target, None))

    def _end_retry(self, target: Target) -> None:
        # The retry's result is not reported: as a verdict it would stay unconfirmed until the next retry in an hour.
        self._quarantine.note_clean_retry(target)
        target.forget_verdict()
        self.schedule_round(target)

    def _close_round(self, target: Target) -> None:
        if target.stage is _IDLE:
            return
        if target.cohort is not None:
            self._probers[target.policy.method].leave_cohort(target)
            return
        if self._references is not None:
            self._references.forget(target)
        if target.stage is _NAMING or target.stage is _RENAMING:
            self._resolver.cancel(target.endpoint.host, target)
        target.stage = _IDLE
        self.open_rounds -= 1
        self._probers[target.policy.method].end_round(target)

    def _await_next_round(self, target: Target, now: float) -> None:
        target.round_at = next_at = next_round_at(
            target.round_at, target.policy.interval_s * self._round_budget.stretch, now
        )
        if target.track.failing_since is not None:
            # Failures tolerated for `fail_for_s` are judged when that time is over, not up to an interval later.
            tolerated_until = target.track.tolerated_until
            next_at = tolerated_until if now < tolerated_until < next_at else next_at
        self._wheel.set(target, next_at)

    def _verdict(self, target: Target, round_trip_s: float | None) -> Verdict:
        track = target.track
        status = track.status or Status.UNKNOWN
        return Verdict(*target.owner, status, track.reason, track.detail, round_trip_s, self._clock())

    def _announce(self, target: Target, verdict: Verdict) -> None:
        self._on_verdict(verdict)
        for vim_id, action_id in tuple(target.sharers or ()):
            self._on_verdict(replace(verdict, vim_id=vim_id, action_id=action_id))
