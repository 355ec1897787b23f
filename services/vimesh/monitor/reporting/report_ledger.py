"""What is to be reported, and when. Pure but for the random spread of contacts: time is passed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from vimesh.domain.vims import Report, Status
from vimesh.monitor.scheduling.timing_wheel import Timed, TimingWheel
from vimesh.monitor.targets.verdict import Verdict

TAKEOVER_STEP = 2**20
"""Reports of an action's former host that are still on their way are older than any of ours."""
CONTACT_TICK_S = 0.25
"""Contacts that fall due together travel together."""
EARLIEST_CONTACT, LATEST_CONTACT = 0.5, 0.75
"""In which part of the granted time an action makes contact."""
CONTACT_LIMITS_S = (0.5, 60.0)
INSIST_S = 0.5
"""When another report was believed, ours is repeated after this long: two hosts at odds must not flood the fleet."""
POISON_PAUSE_S = 60.0


class LedgerEntry(Timed):
    """One action's side of the story."""

    __slots__ = ("action_id", "expected", "in_flight", "line", "observation", "verdict", "vim_id")

    def __init__(self, vim_id: str, action_id: str, observation: int) -> None:
        super().__init__()
        self.vim_id = vim_id
        self.action_id = action_id
        self.observation = observation
        """The number of the verdict."""
        self.verdict: Verdict | None = None
        self.expected = True
        """False when it is reported no more."""
        self.line: deque[LedgerEntry] | None = None
        """Where it waits to be sent."""
        self.in_flight = False


class Sent(NamedTuple):
    """A report on its way: as little as there can be of it, for thousands of contacts a second."""

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
        """Expect no more of it; what is on its way is its last."""
        entry = self._entries.pop((vim_id, action_id), None)
        if entry is not None:
            entry.expected = False
            self._contacts.cancel(entry)

    def note(self, verdict: Verdict) -> None:
        """Take down a new verdict, to be reported at once."""
        entry = self._entries.get((verdict.vim_id, verdict.action_id))
        if entry is None:
            return
        entry.observation += 1
        entry.verdict = verdict
        self._queue(entry, self._news)

    def has_ready(self, now: float) -> bool:
        """Say whether there is anything to report now."""
        for entry in self._contacts.take(now):
            self._queue(entry, self._due)
        return bool(self._due or self._news)

    def next_contact(self) -> float | None:
        return self._contacts.next_due()

    def take(self, now: float, most: int) -> list[Sent]:
        """Return reports to be sent; each must be given back by one of the four methods below.

        Contacts that are due take up to three of four places, however much news there is: a lease ends while its
        contact waits. Each takes what the other leaves.
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
        """The report is on record."""
        self._land(sent, now, contact_within_s)

    def late(self, sent: Sent, now: float, contact_within_s: float, status: Status, newest: int) -> None:
        """Another observation is on record. If it says something else, insist."""
        entry = sent.entry
        told_newest = entry.observation == sent.observation
        entry.observation = max(entry.observation, newest + 1)
        if not told_newest or status is sent.verdict.status:
            self._land(sent, now, contact_within_s, told_newest=told_newest)
        else:
            entry.in_flight = False
            self._schedule(entry, now + INSIST_S)

    def bounced(self, sent: Sent) -> None:
        """Nobody knows what became of it: the newest verdict is reported instead."""
        sent.entry.in_flight = False
        self._queue(sent.entry, self._due)

    def refused(self, sent: Sent, now: float) -> None:
        """The report breaks a rule, and would be refused again."""
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
        # Spread anew each time: what was reported together does not stay together.
        self._schedule(entry, now + within_s * self._random.uniform(EARLIEST_CONTACT, LATEST_CONTACT))

    def _schedule(self, entry: LedgerEntry, when: float) -> None:
        if entry.expected:
            self._contacts.set(entry, when)

    def _queue(self, entry: LedgerEntry, line: deque[LedgerEntry]) -> None:
        # Once is enough, however often the verdict changes while the conductors are away. News whose contact falls due
        # go with the contacts.
        if not entry.in_flight and entry.line is not line and entry.line is not self._due:
            entry.line = line
            line.append(entry)
