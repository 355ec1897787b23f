"""Steady VIMs, probed many at a time.

Nearly every round of a healthy fleet comes to one ping and one answer, after which nothing is to be said. VIMs of which
that may be expected are kept in cohorts: a cohort has one place on the wheel and one phase, and sends its pings in one
volley. Nothing is judged here: a VIM that does not answer in time leaves its cohort, and its round, begun by the
volley, goes on in `Rounds` like any other.
"""

from __future__ import annotations

import math
import os
from array import array
from typing import NamedTuple, Protocol

from vimesh.monitor.net.icmp_packet import TOKEN_BYTES
from vimesh.monitor.net.ip_addresses import name_of
from vimesh.monitor.scheduling.round_budget import RoundBudget
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.targets.target import ProbeGroup, Target, next_round_at

MOST_MEMBERS = 128
"""A volley takes about a millisecond, in which the loop does nothing else."""
WIDTH_S = 0.1
"""VIMs whose own phases differ by no more may share a cohort: small fleets, too, shall have volleys."""
_STEPS = 10
"""Cohorts of the same tenth of a second begin one after the other."""


class VolleyProber(Protocol):
    """Who sends volleys."""

    def reaches(self, family: int) -> bool:
        """Say whether volleys can be sent to addresses of the family."""

    def send_volley(self, family: int, tokens: array[int], names: bytes) -> list[int]:
        """Send the first probe of a round with each token, and return the places of those that could not be sent.

        `names` are the addresses as the kernel takes them, one after the other. Answers take their tokens out of
        `awaiting`.
        """

    def adopt(self, target: Target, token: int, sent_at: float) -> None:
        """Count what comes in for the token as the first probe of the target's round, from now on."""


class _NoProber:
    """Until there is one, nobody joins a cohort."""

    def reaches(self, family: int) -> bool:  # noqa: ARG002 - as the protocol says
        return False

    def send_volley(self, family: int, tokens: array[int], names: bytes) -> list[int]:  # noqa: ARG002 - as above
        return list(range(len(tokens)))

    def adopt(self, target: Target, token: int, sent_at: float) -> None:
        """Nobody has anything to adopt."""


class SingleRounds(Protocol):
    """Where targets go that leave their cohort."""

    def resume(self, target: Target, sent_at: float) -> None:
        """Go on with a round of which one probe was sent."""

    def begin(self, target: Target) -> None:
        """Begin a round soon."""


class CohortKey(NamedTuple):
    """What the members of a cohort have in common."""

    family: int
    interval_s: float
    patience_s: float
    """How long each may take to answer."""
    phase_s: float


class Cohort(ProbeGroup):
    """Targets with the same interval, patience and family of addresses: on the wheel for all of them.

    It is due in turn to send a volley and to see who has not answered.
    """

    __slots__ = ("key", "members", "names", "probed", "round_at", "sent_at", "tokens")

    def __init__(self, key: CohortKey, round_at: float) -> None:
        super().__init__()
        self.key = key
        self.members: list[Target] = []
        self.names = bytearray()
        """The addresses of the members, in the same order."""
        self.tokens = array("Q")
        """Of the volley under way."""
        self.probed = self.members
        """Whom it was sent to, in the order of the tokens."""
        self.round_at = round_at
        self.sent_at = 0.0

    def has_room_for(self, name: bytes) -> bool:
        """One address is not probed twice in a volley, whatever VIMs it stands for."""
        return len(self.members) < MOST_MEMBERS and not self._holds(name)

    def _holds(self, name: bytes) -> bool:
        at = self.names.find(name)
        while at >= 0 and at % len(name):
            at = self.names.find(name, at + 1)
        return at >= 0

    def add(self, target: Target, name: bytes) -> None:
        target.cohort, target.place = self, len(self.members)
        self.members.append(target)
        self.names += name

    def remove(self, target: Target) -> None:
        """Let the last member take the place."""
        if self.tokens and self.probed is self.members:
            self.members = self.members.copy()  # the tokens stay with those who had them
        size = len(self.names) // len(self.members)
        place, last = target.place, self.members.pop()
        if last is not target:
            self.members[place], last.place = last, place
            self.names[place * size : (place + 1) * size] = self.names[-size:]
        del self.names[-size:]
        target.cohort = None

    def begin_volley(self, now: float) -> None:
        """Give each member a token that no other one can guess: else a VIM could answer for its neighbours."""
        self.tokens = array("Q", os.urandom(TOKEN_BYTES * len(self.members)))
        self.probed, self.sent_at = self.members, now

    def member_probed(self, token: int) -> Target | None:
        """Return the member that the token was sent to; None if it has left since."""
        target = self.probed[self.tokens.index(token)]
        return target if target.cohort is self else None


class Cohorts:
    """All cohorts of a host."""

    def __init__(
        self, *, wheel: TimingWheel[Cohort], running: StallClock, singly: SingleRounds, pace: RoundBudget | None = None
    ) -> None:
        self._wheel = wheel
        self._running = running
        self._singly = singly
        self._pace = pace or RoundBudget()
        self._prober: VolleyProber = _NoProber()
        self._by_key: dict[CohortKey, list[Cohort]] = {}
        self.awaiting: dict[int, Cohort] = {}
        """The cohorts by the tokens that are not answered yet. A member that answers is not even looked at: of
        100,000, each has left the processor's caches when its turn comes. Should one token be drawn twice, one of the
        two counts as answered, and has its next volley."""

    def use(self, prober: VolleyProber) -> None:
        self._prober = prober

    def join(self, target: Target) -> bool:
        """Probe the target in a cohort from now on, near its own phase; False if it must be probed by itself."""
        address = target.address
        if address is None or not target.pings or not self._prober.reaches(address.family):
            return False
        name = name_of(address)
        cohort = self._cohort_for(self._key_of(target, address.family), name)
        cohort.add(target, name)
        target.settle_down()
        if cohort.slot < 0:
            cohort.ended_at = self._running.now()
            # The target has just had its round.
            interval_s = cohort.key.interval_s
            cohort.round_at = next_round_at(cohort.round_at, interval_s, cohort.ended_at + interval_s)
            self._wheel.set(cohort, cohort.round_at)
        return True

    def leave(self, target: Target) -> None:
        """Take the target out of its cohort."""
        cohort = target.cohort
        if isinstance(cohort, Cohort):
            cohort.remove(target)
            target.rise_up(round_at=cohort.sent_at + WIDTH_S, ended_at=cohort.ended_at)

    def due(self, cohort: Cohort) -> None:
        """Do what the cohort has waited for."""
        if cohort.tokens:
            self._judge(cohort)
        elif cohort.members:
            self._send(cohort)
        else:
            self._by_key[cohort.key].remove(cohort)

    def rouse(self, token: int) -> None:
        """Have the target that was silent, or of which something is known, go on with its round by itself."""
        if (cohort := self.awaiting.pop(token, None)) and (target := cohort.member_probed(token)):
            self.leave(target)
            self._singly.resume(target, cohort.sent_at)
            self._prober.adopt(target, token, cohort.sent_at)

    @staticmethod
    def _key_of(target: Target, family: int) -> CohortKey:
        interval_s, spacing_s = target.policy.interval_s, target.spacing_s
        # A few steps of patience, so that few cohorts do for all.
        patience_s = min(spacing_s * math.ceil(target.patience_s / spacing_s), target.policy.timeout_s)
        width_s = min(WIDTH_S, interval_s / _STEPS)
        return CohortKey(family, interval_s, patience_s, int(target.phase_s / width_s) * width_s)

    def _cohort_for(self, key: CohortKey, name: bytes) -> Cohort:
        siblings = self._by_key.setdefault(key, [])
        for cohort in siblings:
            if cohort.has_room_for(name):
                return cohort
        step_s = min(WIDTH_S, key.interval_s / _STEPS) / _STEPS
        cohort = Cohort(key, key.phase_s + len(siblings) % _STEPS * step_s)
        siblings.append(cohort)
        return cohort

    def _send(self, cohort: Cohort) -> None:
        now = self._running.now()
        key = cohort.key
        cohort.begin_volley(now)
        self.awaiting.update(dict.fromkeys(cohort.tokens, cohort))
        cohort.round_at = next_round_at(cohort.round_at, key.interval_s * self._pace.stretch, now)
        # Whatever breaks in what follows, they will be seen to.
        self._wheel.set(cohort, now + key.patience_s)
        unsent = self._prober.send_volley(key.family, cohort.tokens, bytes(cohort.names))
        cohort.sent_at = self._running.now()
        self._wheel.set(cohort, cohort.sent_at + key.patience_s)
        for place in unsent:
            self._send_singly(cohort.tokens[place])

    def _send_singly(self, token: int) -> None:
        if (cohort := self.awaiting.pop(token, None)) and (target := cohort.member_probed(token)):
            self.leave(target)
            self._singly.begin(target)

    def _judge(self, cohort: Cohort) -> None:
        cohort.ended_at = self._running.now()
        self._wheel.set(cohort, cohort.round_at)
        awaiting = self.awaiting
        for token in [token for token in cohort.tokens if token in awaiting]:
            self.rouse(token)
        cohort.tokens = array("Q")
