"""Probes steady VIMs in batches.

Nearly every round of a healthy fleet is one ping and one answer, with nothing to report. VIMs of which that can be
expected are kept in cohorts: a cohort has one place on the wheel and one phase, and sends its pings in one volley.
Nothing is judged here: a VIM that does not answer in time leaves its cohort, and its round, which the volley started,
continues in `Rounds` like any other.
"""

from __future__ import annotations

import math
import os
from array import array
from collections.abc import Sequence
from itertools import repeat
from typing import NamedTuple, Protocol

from vimesh.domain.probing import Method
from vimesh.monitor.net.icmp_packet import TOKEN_BYTES
from vimesh.monitor.net.ip_addresses import pack_sockaddr
from vimesh.monitor.scheduling.round_budget import RoundBudget
from vimesh.monitor.scheduling.stall_clock import StallClock
from vimesh.monitor.scheduling.timing_wheel import TimingWheel
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics
from vimesh.monitor.targets.round_history import RoundHistory
from vimesh.monitor.targets.target import ProbeGroup, Target, next_round_at

MOST_MEMBERS = 128
"""A volley of this size blocks the loop for about a millisecond."""
WIDTH_S = 0.1
"""VIMs whose own phases differ by no more than this may share a cohort, so that small fleets batch too."""
_STEPS = 10
"""Cohorts with the same phase are staggered over this many steps."""


class VolleyProber(Protocol):
    """Sends volleys."""

    def reaches(self, family: int) -> bool:
        """Return whether volleys can be sent to addresses of the family."""

    def send_volley(self, family: int, tokens: array[int], sockaddrs: bytes) -> list[int]:
        """Send the first probe of a round with each token; return the indices of those that could not be sent.

        `sockaddrs`: the addresses in the kernel's format, concatenated. An answer removes its token from `open_tokens`.
        """

    def adopt(self, target: Target, token: int, sent_at: float) -> None:
        """From now on, count answers with the token as those to the first probe of the target's round."""


class SingleRounds(Protocol):
    """Takes the targets that leave their cohort."""

    def resume_round(self, target: Target, sent_at: float) -> None:
        """Continue a round whose first probe was sent at `sent_at`."""

    def schedule_round(self, target: Target) -> None:
        """Start a round as soon as possible."""


class CohortKey(NamedTuple):
    """What the members of a cohort have in common."""

    family: int
    interval_s: float
    patience_s: float
    """How long each member may take to answer."""
    phase_s: float


class Cohort(ProbeGroup):
    """Targets with the same interval, patience, phase and address family, which share one place on the wheel.

    A cohort is due alternately to send a volley and to find the members that have not answered.
    """

    __slots__ = (
        "begun_at",
        "key",
        "members",
        "round_at",
        "round_trips",
        "sent_at",
        "sockaddrs",
        "tokens",
        "volley_targets",
    )

    def __init__(self, key: CohortKey, round_at: float) -> None:
        super().__init__()
        self.key = key
        self.members: list[Target] = []
        self.sockaddrs = bytearray()
        """The addresses of the members, in the same order."""
        self.tokens = array("Q")
        """The tokens of the volley under way."""
        self.volley_targets = self.members
        """The targets it was sent to, in the order of the tokens."""
        self.round_trips: dict[int, float] = {}
        """How many seconds its answers took, by token: only for a history."""
        self.round_at = round_at
        self.begun_at = 0.0
        """When the volley under way began to be sent: its first answers come before `sent_at`."""
        self.sent_at = 0.0

    def has_room_for(self, sockaddr: bytes) -> bool:
        """Return whether the address can join. No address is probed twice in a volley, even for different VIMs."""
        return len(self.members) < MOST_MEMBERS and not self._has_address(sockaddr)

    def _has_address(self, sockaddr: bytes) -> bool:
        at = self.sockaddrs.find(sockaddr)
        while at >= 0 and at % len(sockaddr):
            at = self.sockaddrs.find(sockaddr, at + 1)
        return at >= 0

    def add(self, target: Target, sockaddr: bytes) -> None:
        target.cohort, target.place = self, len(self.members)
        self.members.append(target)
        self.sockaddrs += sockaddr

    def remove(self, target: Target) -> None:
        """Remove a member; the last one takes its place."""
        if self.volley_targets is self.members:
            # `volley_targets` must keep the order of the tokens, for the history, too.
            self.members = self.members.copy()
        size = len(self.sockaddrs) // len(self.members)
        place, last = target.place, self.members.pop()
        if last is not target:
            self.members[place], last.place = last, place
            self.sockaddrs[place * size : (place + 1) * size] = self.sockaddrs[-size:]
        del self.sockaddrs[-size:]
        target.cohort = None

    def begin_volley(self, now: float) -> None:
        """Give each member a token that the others cannot guess: otherwise a VIM could answer for its neighbours."""
        self.tokens = array("Q", os.urandom(TOKEN_BYTES * len(self.members)))
        self.volley_targets, self.begun_at, self.sent_at = self.members, now, now
        self.round_trips = {}

    def member_by_token(self, token: int) -> Target | None:
        """Return the member that the token was sent to; None if it has left the cohort since."""
        target = self.volley_targets[self.tokens.index(token)]
        return target if target.cohort is self else None


class Cohorts:
    """All cohorts of a prober."""

    def __init__(  # noqa: PLR0913 - everything it uses is passed in
        self,
        *,
        prober: VolleyProber,
        singly: SingleRounds,
        wheel: TimingWheel[Cohort],
        running: StallClock,
        pace: RoundBudget | None = None,
        statistics: ProbeStatistics | None = None,
        history: RoundHistory | None = None,
    ) -> None:
        """`history`: gets what each volley comes to; None: that is not wanted."""
        self._prober = prober
        self._single_rounds = singly
        self._wheel = wheel
        self._stall_clock = running
        self._round_budget = pace or RoundBudget()
        self._statistics = statistics or ProbeStatistics()
        self._pings = self._statistics.by_method[Method.PING]
        self._history = history
        self._by_key: dict[CohortKey, list[Cohort]] = {}
        self.open_tokens: dict[int, Cohort] = {}
        """The cohorts by unanswered token. An answer only removes its token and does not touch the member: with
        100,000, each one has left the processor's caches by its turn. If the same token is drawn twice, one of the two
        members counts as answered until the next volley."""

    def join(self, target: Target) -> bool:
        """Probe the target in a cohort from now on, near its own phase; False if it must be probed singly."""
        address = target.address
        if address is None or not target.pings or not self._prober.reaches(address.family):
            return False
        sockaddr = pack_sockaddr(address)
        cohort = self._cohort_for(self._key_of(target, address.family), sockaddr)
        cohort.add(target, sockaddr)
        target.settle_down()
        if cohort.slot < 0:
            cohort.ended_at = self._stall_clock.now()
            # The target has just had its round.
            interval_s = cohort.key.interval_s
            cohort.round_at = next_round_at(cohort.round_at, interval_s, cohort.ended_at + interval_s)
            self._wheel.set(cohort, cohort.round_at)
        return True

    def leave(self, target: Target) -> None:
        """Remove the target from its cohort."""
        cohort = target.cohort
        if isinstance(cohort, Cohort):
            cohort.remove(target)
            target.rise_up(round_at=cohort.sent_at + WIDTH_S, ended_at=cohort.ended_at)

    def advance(self, cohort: Cohort) -> None:
        """Send the cohort's volley or judge it; drop a cohort without members."""
        if cohort.tokens:
            self._judge(cohort)
        elif cohort.members:
            self._send(cohort)
        else:
            self._by_key[cohort.key].remove(cohort)

    def take_answers(self, tokens: Sequence[int], now: float) -> list[Cohort | None]:
        """Take answers that were read at the same time; return whose volley each token is of, None if of none.

        Thousands of steady VIMs answer each second, so the loops are those of the interpreter's own functions.
        """
        answered = list(map(self.open_tokens.pop, tokens, repeat(None)))
        if self._history is not None:
            _note_round_trips(answered, tokens, now)
        return answered

    def continue_singly(self, token: int) -> None:
        """Make a target that was silent, or for which an ICMP error has arrived, continue its round singly."""
        if (cohort := self.open_tokens.pop(token, None)) and (target := cohort.member_by_token(token)):
            self.leave(target)
            self._single_rounds.resume_round(target, cohort.sent_at)
            self._prober.adopt(target, token, cohort.sent_at)

    @staticmethod
    def _key_of(target: Target, family: int) -> CohortKey:
        interval_s, spacing_s = target.policy.interval_s, target.spacing_s
        # Patience is rounded up to a few steps, so that few cohorts suffice.
        patience_s = min(spacing_s * math.ceil(target.patience_s / spacing_s), target.policy.timeout_s)
        width_s = min(WIDTH_S, interval_s / _STEPS)
        return CohortKey(family, interval_s, patience_s, int(target.phase_s / width_s) * width_s)

    def _cohort_for(self, key: CohortKey, sockaddr: bytes) -> Cohort:
        siblings = self._by_key.setdefault(key, [])
        for cohort in siblings:
            if cohort.has_room_for(sockaddr):
                return cohort
        step_s = min(WIDTH_S, key.interval_s / _STEPS) / _STEPS
        cohort = Cohort(key, key.phase_s + len(siblings) % _STEPS * step_s)
        siblings.append(cohort)
        return cohort

    def _send(self, cohort: Cohort) -> None:
        now = self._stall_clock.now()
        key = cohort.key
        cohort.begin_volley(now)
        self.open_tokens.update(dict.fromkeys(cohort.tokens, cohort))
        cohort.round_at = next_round_at(cohort.round_at, key.interval_s * self._round_budget.stretch, now)
        # Before sending: if that raises, the members are still judged.
        self._wheel.set(cohort, now + key.patience_s)
        unsent = self._prober.send_volley(key.family, cohort.tokens, bytes(cohort.sockaddrs))
        cohort.sent_at = self._stall_clock.now()
        self._wheel.set(cohort, cohort.sent_at + key.patience_s)
        sent = len(cohort.tokens) - len(unsent)
        self._statistics.rounds += sent
        self._pings.probes += sent
        for place in unsent:
            self._restart_singly(cohort.tokens[place])

    def _restart_singly(self, token: int) -> None:
        if (cohort := self.open_tokens.pop(token, None)) and (target := cohort.member_by_token(token)):
            self.leave(target)
            self._single_rounds.schedule_round(target)

    def _judge(self, cohort: Cohort) -> None:
        cohort.ended_at = self._stall_clock.now()
        self._wheel.set(cohort, cohort.round_at)
        if self._history is not None:
            self._history.note_volley(cohort, cohort.volley_targets, cohort.tokens, cohort.round_trips)
        open_tokens = self.open_tokens
        for token in [token for token in cohort.tokens if token in open_tokens]:
            self.continue_singly(token)
        cohort.tokens = array("Q")


def _note_round_trips(answered: Sequence[Cohort | None], tokens: Sequence[int], now: float) -> None:
    first = answered[0]
    if first is not None and answered.count(first) == len(answered):
        # All answers are to one volley, as most are that come quickly.
        first.round_trips.update(dict.fromkeys(tokens, now - first.begun_at))
        return
    for cohort, token in zip(answered, tokens, strict=True):
        if cohort is not None:
            cohort.round_trips[token] = now - cohort.begun_at
