"""Decides what to report, and when. Pure except for the random spread of contacts: time is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from vimesh.domain.vims import Report, Status
from vimesh.monitor.scheduling.timing_wheel import Timed, TimingWheel
from vimesh.monitor.targets.verdict import Verdict

TAKEOVER_STEP = 2**20
"""Step in observation numbers that makes reports of a former host, still on their way, older than any of ours."""
CONTACT_TICK_S = 0.25
"""Contacts that fall due together travel together."""
EARLIEST_CONTACT, LATEST_CONTACT = 0.5, 0.75
"""The fractions of the granted time between which an action makes contact."""
CONTACT_LIMITS_S = (0.5, 60.0)
INSIST_S = 0.5
"""Pause before our report is repeated if a different one won: two hosts that disagree must not flood the fleet."""
POISON_PAUSE_S = 60.0


class LedgerEntry(Timed):
    """The newest verdict of one action, and the state of its reports."""

    __slots__ = ("action_id", "expected", "in_flight", "line", "observation", "verdict", "vim_id")

    def __init__(self, vim_id: str, action_id: str, observation: int) -> None:
        super().__init__()
        self.vim_id = vim_id
        self.action_id = action_id
        self.observation = observation
        """The number of the verdict."""
        self.verdict: Verdict | None = None
        self.expected = True
        """False once the action is no longer reported."""
        self.line: deque[LedgerEntry] | None = None
        """The queue in which it waits to be sent."""
        self.in_flight = False


class Sent(NamedTuple):
    """A report on its way. As small as possible: there are thousands of contacts per second."""

    entry: LedgerEntry
    verdict: Verdict
    observation: int
    age_s: float

    @property
    def report(self) -> Report:
        verdict = self.verdict
        return Report(
            vim_id=self.entry.vim_id,
            action_id=self.entry.action_id,
            status=verdict.status,
            observation=self.observation,
            reason=verdict.reason,
            detail=verdict.detail,
            round_trip_s=verdict.round_trip_s,
            age_s=self.age_s,
        )


class ReportLedger:
    """Keeps the newest verdict of each action. At most one report of an action is on its way at any time."""

    def __init__(self, *, random: Random, recheck: Callable[[str, str], object]) -> None:
        """`recheck` is called with (vim_id, action_id) before each report is made: it may note another verdict."""
        self._recheck = recheck
        self._entries: dict[tuple[str, str], LedgerEntry] = {}
        self._due: deque[LedgerEntry] = deque()
        self._news: deque[LedgerEntry] = deque()
        self._contacts: TimingWheel[LedgerEntry] = TimingWheel(CONTACT_TICK_S)
        self._random = random

    def adopt(self, vim_id: str, action_id: str, observation: int) -> None:
        """Expect verdicts of an action."""
        self.forget(vim_id, action_id)
        self._entries[vim_id, action_id] = LedgerEntry(vim_id, action_id, observation + TAKEOVER_STEP)

    def forget(self, vim_id: str, action_id: str) -> None:
        """Expect no more verdicts; a report on its way is the last one."""
        entry = self._entries.pop((vim_id, action_id), None)
        if entry is not None:
            entry.expected = False
            self._contacts.cancel(entry)

    def note(self, verdict: Verdict) -> None:
        """Store a new verdict and queue it, to be reported at once."""
        entry = self._entries.get((verdict.vim_id, verdict.action_id))
        if entry is None:
            return
        entry.observation += 1
        entry.verdict = verdict
        self._queue(entry, self._news)

    def has_ready(self, now: float) -> bool:
        """Return whether there is anything to report now."""
        for entry in self._contacts.take(now):
            self._queue(entry, self._due)
        return bool(self._due or self._news)

    def next_contact(self) -> float | None:
        return self._contacts.next_due()

    def take(self, now: float, most: int) -> list[Sent]:
        """Return reports to send. Pass each to one of the four methods below, unless its action is forgotten.

        Due contacts get up to three quarters of the batch, however much news there is, because a lease runs out while
        its contact waits. Places that one kind leaves free go to the other.
        """
        batch: list[Sent] = []
        while (self._due or self._news) and len(batch) < most:
            line = self._due if self._due and (len(batch) < most * 3 // 4 or not self._news) else self._news
            entry = line.popleft()
            if entry.line is not line:
                continue
            entry.line = None
            if entry.in_flight or entry.verdict is None or not entry.expected:
                continue
            self._recheck(entry.vim_id, entry.action_id)
            self._contacts.cancel(entry)
            entry.in_flight = True
            verdict = entry.verdict
            batch.append(Sent(entry, verdict, entry.observation, max(0.0, now - verdict.seen_at)))
        return batch

    def recorded(self, sent: Sent, now: float, contact_within_s: float) -> None:
        """Note that the report is on record."""
        self._land(sent, now, contact_within_s)

    def late(self, sent: Sent, now: float, contact_within_s: float, status: Status, newest: int) -> None:
        """Note that another observation is on record. If its status differs, repeat ours with a newer number."""
        entry = sent.entry
        told_newest = entry.observation == sent.observation
        entry.observation = max(entry.observation, newest + 1)
        if not told_newest or status is sent.verdict.status:
            self._land(sent, now, contact_within_s, told_newest=told_newest)
        else:
            entry.in_flight = False
            self._schedule(entry, now + INSIST_S)

    def bounced(self, sent: Sent) -> None:
        """Note that the outcome is unknown: the newest verdict is reported instead."""
        sent.entry.in_flight = False
        self._queue(sent.entry, self._due)

    def refused(self, sent: Sent, now: float) -> None:
        """Note that the report breaks a rule and would be refused again: repeat it only after POISON_PAUSE_S."""
        sent.entry.in_flight = False
        if sent.entry.observation != sent.observation:
            self._queue(sent.entry, self._news)
        else:
            self._schedule(sent.entry, now + POISON_PAUSE_S)

    def _land(self, sent: Sent, now: float, contact_within_s: float, *, told_newest: bool | None = None) -> None:
        entry = sent.entry
        entry.in_flight = False
        if told_newest is None:
            told_newest = entry.observation == sent.observation
        if not told_newest:
            self._queue(entry, self._news)
            return
        shortest, longest = CONTACT_LIMITS_S
        within_s = min(max(contact_within_s, shortest), longest)
        # A new random spread each time, so that actions that were reported together do not stay together.
        self._schedule(entry, now + within_s * self._random.uniform(EARLIEST_CONTACT, LATEST_CONTACT))

    def _schedule(self, entry: LedgerEntry, when: float) -> None:
        if entry.expected:
            self._contacts.set(entry, when)

    def _queue(self, entry: LedgerEntry, line: deque[LedgerEntry]) -> None:
        # Queue each entry once; only its newest verdict is sent. News whose contact falls due goes with the contacts.
        if not entry.in_flight and entry.line is not line and entry.line is not self._due:
            entry.line = line
            line.append(entry)
