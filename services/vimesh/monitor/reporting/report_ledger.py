"""Decides what to report, and when. Pure except for the random spread of contacts: time is passed in."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from random import Random
from typing import NamedTuple

from vimesh.domain.vims import Report, Status
from vimesh.monitor.scheduling.timing_wheel import Timed, TimingWheel
from vimesh.monitor.statistics.report_statistics import ReportingStatistics
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
YIELD_S = 10.0
"""How long another host that has taken an action over is left alone: so long it takes at most to be told here that the
action is not ours any more. After that we insist, for the other one may be what is wrong."""
POISON_PAUSE_S = 60.0


class LedgerEntry(Timed):
    """The newest verdict of one action, and the state of its reports."""

    __slots__ = (
        "action_id",
        "in_flight",
        "is_expected",
        "observation",
        "queue",
        "verdict",
        "vim_id",
        "waits_since",
        "yields_until",
    )

    def __init__(self, vim_id: str, action_id: str, observation: int) -> None:
        super().__init__()
        self.vim_id = vim_id
        self.action_id = action_id
        self.observation = observation
        """The number of the verdict."""
        self.verdict: Verdict | None = None
        self.is_expected = True
        """False once the action is no longer reported."""
        self.queue: deque[LedgerEntry] | None = None
        """The queue in which it waits to be sent."""
        self.in_flight = False
        self.waits_since: float | None = None
        """When the report became due that is not on record yet."""
        self.yields_until: float | None = None
        """Until when another host that has taken the action over is left alone."""


class SentReport(NamedTuple):
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

    def __init__(self, *, random: Random) -> None:
        self.news = asyncio.Event()
        """Set by each new verdict."""
        self._entries: dict[tuple[str, str], LedgerEntry] = {}
        self._due_contacts: deque[LedgerEntry] = deque()
        self._new_verdicts: deque[LedgerEntry] = deque()
        self._contact_wheel: TimingWheel[LedgerEntry] = TimingWheel(CONTACT_TICK_S)
        self._random = random
        self.statistics = ReportingStatistics()
        self.queued = 0
        """Number of reports that wait to be sent."""

    def oldest_waits_since(self) -> float | None:
        """Return when the report that has waited longest became due; None: none waits. Any thread may ask.

        The head of each queue stands for it: a report that failed is queued again behind others that are little newer.
        """
        heads = [entry.waits_since for queue in (self._due_contacts, self._new_verdicts) for entry in _head_of(queue)]
        return min((since for since in heads if since is not None), default=None)

    def add_action(self, vim_id: str, action_id: str, observation: int) -> None:
        """Expect verdicts of an action."""
        self.remove_action(vim_id, action_id)
        self._entries[vim_id, action_id] = LedgerEntry(vim_id, action_id, observation + TAKEOVER_STEP)

    def reclaim_action(self, vim_id: str, action_id: str, observation: int) -> None:
        """Report anew, and at once, if another host has taken the action over, which is this one's again.

        `observation`: the number on record.
        """
        entry = self._entries.get((vim_id, action_id))
        if entry is None or observation - entry.observation < TAKEOVER_STEP // 2:
            return
        entry.observation = observation + TAKEOVER_STEP
        entry.yields_until = None
        if entry.verdict is not None:
            self._enqueue(entry, self._new_verdicts, entry.verdict.decided_at)
            self.news.set()

    def remove_action(self, vim_id: str, action_id: str) -> None:
        """Expect no more verdicts; a report on its way is the last one."""
        entry = self._entries.pop((vim_id, action_id), None)
        if entry is not None:
            entry.is_expected = False
            self._contact_wheel.cancel(entry)

    def queue_verdict(self, verdict: Verdict) -> None:
        """Store a new verdict and queue it, to be reported at once."""
        entry = self._entries.get((verdict.vim_id, verdict.action_id))
        if entry is None:
            return
        entry.observation += 1
        entry.verdict = verdict
        self.statistics.verdicts[verdict.status] += 1
        self._enqueue(entry, self._new_verdicts, verdict.decided_at)
        self.news.set()

    def has_ready(self, now: float) -> bool:
        """Return whether there is anything to report now."""
        for entry in self._contact_wheel.take_due(now):
            self._enqueue(entry, self._due_contacts, now)
        return bool(self._due_contacts or self._new_verdicts)

    def next_contact(self) -> float | None:
        return self._contact_wheel.next_due()

    def take_batch(self, now: float, most: int, recheck: Callable[[str, str], object]) -> list[SentReport]:
        """Return reports to send. Pass each to one of the four methods below, unless its action is forgotten.

        `recheck` is called with (vim_id, action_id) before each report is made: it may queue another verdict.

        Due contacts get up to three quarters of the batch, however much news there is, because a lease runs out while
        its contact waits. Places that one kind leaves free go to the other.
        """
        batch: list[SentReport] = []
        while (self._due_contacts or self._new_verdicts) and len(batch) < most:
            queue = (
                self._due_contacts
                if self._due_contacts and (len(batch) < most * 3 // 4 or not self._new_verdicts)
                else self._new_verdicts
            )
            entry = queue.popleft()
            if entry.queue is not queue:
                continue
            entry.queue = None
            self.queued -= 1
            if entry.in_flight or entry.verdict is None or not entry.is_expected:
                continue
            recheck(entry.vim_id, entry.action_id)
            self._contact_wheel.cancel(entry)
            entry.in_flight = True
            verdict = entry.verdict
            batch.append(SentReport(entry, verdict, entry.observation, max(0.0, now - verdict.decided_at)))
        return batch

    def handle_recorded(self, sent: SentReport, now: float, contact_within_s: float) -> None:
        """Note that the report is on record."""
        self._end_flight(sent, now, contact_within_s)

    def handle_late(self, sent: SentReport, now: float, contact_within_s: float, status: Status, newest: int) -> None:
        """Note that another observation is on record. If its status differs, repeat ours with a newer number.

        If another host has taken the action over, that is first given YIELD_S, in which it stays the one on record.
        """
        entry = sent.entry
        if newest - sent.observation >= TAKEOVER_STEP // 2:
            if entry.yields_until is None:
                entry.yields_until = now + YIELD_S
            if now < entry.yields_until:
                entry.in_flight = False
                entry.waits_since = None
                self._schedule(entry, entry.yields_until)
                return
        # The other one yields in its turn: two hosts that both mean to run the action take turns of YIELD_S.
        step = 1 if entry.yields_until is None else TAKEOVER_STEP
        entry.yields_until = None
        is_newest = entry.observation == sent.observation
        entry.observation = max(entry.observation, newest + step)
        if not is_newest or status is sent.verdict.status:
            self._end_flight(sent, now, contact_within_s, is_newest=is_newest)
        else:
            entry.in_flight = False
            entry.waits_since = None
            self._schedule(entry, now + INSIST_S)

    def handle_bounced(self, sent: SentReport) -> None:
        """Note that the outcome is unknown: the newest verdict is reported instead."""
        sent.entry.in_flight = False
        self._enqueue(sent.entry, self._due_contacts, sent.verdict.decided_at)

    def handle_refused(self, sent: SentReport, now: float) -> None:
        """Note that the report breaks a rule and would be refused again: repeat it only after POISON_PAUSE_S."""
        sent.entry.in_flight = False
        sent.entry.waits_since = None
        if sent.entry.observation != sent.observation:
            self._enqueue(sent.entry, self._new_verdicts, now)
        else:
            self._schedule(sent.entry, now + POISON_PAUSE_S)

    def _end_flight(
        self, sent: SentReport, now: float, contact_within_s: float, *, is_newest: bool | None = None
    ) -> None:
        entry = sent.entry
        entry.in_flight = False
        entry.waits_since = None
        if is_newest is None:
            is_newest = entry.observation == sent.observation
        if not is_newest:
            self._enqueue(entry, self._new_verdicts, now)
            return
        shortest, longest = CONTACT_LIMITS_S
        within_s = min(max(contact_within_s, shortest), longest)
        # A new random spread each time, so that actions that were reported together do not stay together.
        self._schedule(entry, now + within_s * self._random.uniform(EARLIEST_CONTACT, LATEST_CONTACT))

    def _schedule(self, entry: LedgerEntry, when: float) -> None:
        if entry.is_expected:
            self._contact_wheel.set(entry, when)

    def _enqueue(self, entry: LedgerEntry, queue: deque[LedgerEntry], due_at: float) -> None:
        if entry.waits_since is None:
            entry.waits_since = due_at
        # Queue each entry once; only its newest verdict is sent. News whose contact falls due goes with the contacts.
        if not entry.in_flight and entry.queue is not queue and entry.queue is not self._due_contacts:
            self.queued += entry.queue is None
            entry.queue = queue
            queue.append(entry)


def _head_of(queue: deque[LedgerEntry]) -> tuple[LedgerEntry, ...]:
    try:
        return (queue[0],)
    except IndexError:
        return ()
