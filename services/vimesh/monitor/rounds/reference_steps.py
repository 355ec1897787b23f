"""Takes the steps of a round that is about to end badly: the references are asked before a VIM is accused (G16)."""

from __future__ import annotations

from typing import Protocol

from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.monitor.names.resolver import Resolver
from vimesh.monitor.references.uplink import HOLD_LIMIT_S, Testimony, Uplink
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.targets.target import Stage, Target

ROUNDS_PER_S = 10_000
"""How many VIMs that were lost with our network are probed per second when it is back: as many as new actions."""
_OF_NETWORK = frozenset({Reason.LOCAL_NETWORK, Reason.LOCAL_NO_ROUTE, Reason.LOCAL_RESOLVER})
"""What is said of VIMs while our network is away: of a link that is down, there is no route."""
_DETAIL = "none of the references of the monitor answers: its own network may be away"


class DoubtedRounds(Protocol):
    """What follows from the word of the references: see Rounds."""

    def give_up(self, target: Target, reason: str, detail: str) -> None: ...

    def repeat_round(self, target: Target, reason: str, detail: str) -> None: ...


class ReferenceSteps:
    """Holds bad news until the references were asked after the failure began."""

    def __init__(
        self,
        uplink: Uplink,
        *,
        rounds: DoubtedRounds,
        wheel: TimingWheel[Target],
        stall_clock: StallClock,
        resolver: Resolver,
    ) -> None:
        self._uplink = uplink
        self._rounds = rounds
        self._wheel = wheel
        self._stall_clock = stall_clock
        self._resolver = resolver
        self._held: dict[Target, float] = {}
        """The targets whose bad news is held, and since when."""
        self._lost: dict[Target, None] = {}
        """The targets that read UNKNOWN because of our network, in the order in which they were lost."""
        self._without_route: dict[Target, None] = {}
        """Those that read UNKNOWN by another local reason, which our network may explain."""
        self._was_failing = False
        self._next_at = 0.0
        uplink.notify(self._use_news)

    def foresee(self, target: Target) -> None:
        """Ask before the last probe of a round that goes badly: the answers are there before it ends."""
        if target.track.is_at_last_chance:
            self._uplink.ask(self._stall_clock.now())

    def may_accuse(self, target: Target) -> bool:
        """Return whether the round failed because of the VIM. If not, or not yet, what follows has been arranged."""
        track, now = target.track, self._stall_clock.now()
        since = self._held.pop(target, now)
        if track.is_down and not self._uplink.is_failing:
            return True  # nothing new is said, for which they would have to be asked
        # So much later, the answer to the first probe might still have been lost.
        word = self._uplink.judge(min(track.begun_at + target.patience_s / 2, since), target.last_sent)
        if word is Testimony.VOUCHED:
            return True
        if word is Testimony.UNDECIDED and now < since + HOLD_LIMIT_S:
            self._hold(target, since)
            self._uplink.ask(now)
        elif word is Testimony.DOUBTFUL:
            self._rounds.repeat_round(target, Reason.LOCAL_NETWORK, _DETAIL)
            self._remember_lost(target)
        else:
            self._rounds.give_up(target, Reason.LOCAL_NETWORK, _DETAIL)
            self._remember_lost(target)
        return False

    def forget(self, target: Target) -> None:
        """Drop what is held of a target whose round is over."""
        if self._held:
            self._held.pop(target, None)

    def note_unknown(self, target: Target) -> None:
        """Note that a round has ended in a local fault."""
        if target.track.reason != Reason.LOCAL_NETWORK and _is_lost(target):
            self._without_route[target] = None

    def dismiss(self, target: Target) -> None:
        """Drop a target that is not probed any more."""
        self._lost.pop(target, None)
        self._without_route.pop(target, None)

    def _hold(self, target: Target, since: float) -> None:
        if target.stage is Stage.RENAMING:
            self._resolver.cancel(target.endpoint.host, target)
        self._held[target] = since
        target.stage = Stage.HELD
        self._wheel.set(target, since + HOLD_LIMIT_S)

    def _remember_lost(self, target: Target) -> None:
        if _is_lost(target):
            self._lost[target] = None

    def _use_news(self) -> None:
        """Have those judged and probed whom it concerns, by the wheel: this may be called while answers are read."""
        now = self._stall_clock.now()
        for target in self._held:
            self._wheel.set(target, now)
        if self._was_failing and not self._uplink.is_failing:
            # Without an outage of ours, each answer of a reference would have them probed again.
            self._lost |= self._without_route
            self._without_route = {}
        self._was_failing = self._uplink.is_failing
        if self._lost and not self._uplink.is_failing:
            self._probe_lost(now)

    def _probe_lost(self, now: float) -> None:
        """Begin a round of each that was lost: it would read UNKNOWN until its next one otherwise, for an interval."""
        lost, self._lost = self._lost, {}
        at = max(now, self._next_at)
        for target in lost:
            if _is_lost(target):
                track = target.track
                due_at = target.round_at if track.failing_since is None else min(target.round_at, track.tolerated_until)
                self._wheel.set(target, min(at, due_at))
                at += 1 / ROUNDS_PER_S
        self._next_at = at


def _is_lost(target: Target) -> bool:
    """Return whether the target waits for its next round, and reads UNKNOWN because of our network."""
    if target.cohort is not None or target.stage is not Stage.IDLE:
        return False
    return target.track.status is Status.UNKNOWN and target.track.reason in _OF_NETWORK
