"""Caches the addresses of names for all targets, and never delays those that are given by address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vimesh.monitor.names.lookup_queue import MOST_OPEN, LookupQueue, Turn
from vimesh.monitor.names.name_answers import FamilyAnswer, Hosts, LookUp, Outcome
from vimesh.monitor.names.name_entry import NameEntry, Waiter
from vimesh.monitor.scheduling.stall_clock import Clock
from vimesh.monitor.statistics.probe_statistics import ProbeStatistics

LOOKUP_LIMIT_S = 2.0
"""Longest wait for an outcome once the question is under way, whatever the name servers do."""
RESOLUTION_DELAY_S = 0.05
"""How long to wait for the other family once one has answered with addresses (RFC 8305)."""
FORGET_S = 180.0
"""A name that was not used for this long is dropped."""
_SWEEP_MIN = 1024


class Timer(Protocol):
    """A scheduled call."""

    def cancel(self) -> object: ...


CallLater = Callable[[float, Callable[[], None]], Timer]


class Resolver:
    """Asks for a name once at a time, however many targets need it. Runs entirely in the loop's thread.

    The addresses of a family are kept while no definite answer can be obtained (trouble), and dropped on a definite
    answer that there are none. A waiter is never called before the call that passed it in has returned.
    """

    def __init__(  # noqa: PLR0913 - it gets all its collaborators here
        self,
        *,
        look_up: LookUp,
        call_later: CallLater,
        clock: Clock,
        most_open: int = MOST_OPEN,
        statistics: ProbeStatistics | None = None,
        resolution_delay_s: float = RESOLUTION_DELAY_S,
    ) -> None:
        """Look up at most `most_open` names at once; the others are queued.

        `resolution_delay_s`: how long to wait for the other family once one has answered with addresses.
        """
        self._look_up = look_up
        self._call_later = call_later
        self._clock = clock
        self._queue = LookupQueue(call_later, most_open)
        self._lookups = (statistics or ProbeStatistics()).lookups
        self._names: dict[str, NameEntry] = {}
        self._resolution_delay_s = resolution_delay_s
        self._silent_zones: set[str] = set()
        """Zones whose newest question was not answered."""
        self._sweep_at = _SWEEP_MIN

    def cached_hosts(self, name: str) -> Hosts | None:
        """Return the addresses if there are any. Those due for renewal are looked up again in the background."""
        entry = self._names.get(name)
        if entry is None or not entry.hosts:
            return None
        entry.used_at = now = self._clock()
        if now >= entry.renew_at:
            self._queue_question(entry)
        return entry.hosts

    def last_outcome(self, name: str) -> Outcome:
        """Return the outcome of the last lookup, however old it is."""
        return self._entry(name).outcome()

    def why_incomplete(self, name: str) -> str:
        """Return why the name may have more addresses than are known; empty if it cannot."""
        return self._entry(name).why_incomplete()

    def look_up(self, name: str, caller: object, waiter: Waiter) -> None:
        """Call `waiter` with the outcome of a lookup. If `caller` asks again, only its last waiter is called.

        This takes at most LOOKUP_LIMIT_S, plus the time in the queue if very many names are looked up at once. Once
        one family has answered with addresses, the other one is awaited for at most RESOLUTION_DELAY_S.
        """
        entry = self._entry(name)
        entry.add_hasty(caller, waiter)
        if entry.has_addresses:
            self._hurry(entry)
        self._wait(entry)

    def renew(self, name: str, caller: object, waiter: Waiter) -> bool:
        """Look up again before bad news is accepted. False: the addresses are fresh enough, `waiter` is not called.

        Waits for both families, at most LOOKUP_LIMIT_S plus the time in the queue. In case of trouble, the outcome is
        the addresses known before.
        """
        entry = self._entry(name)
        if not entry.has_question and self._clock() < entry.doubt_at:
            return False
        entry.add_patient(caller, waiter)
        self._wait(entry)
        return True

    def cancel(self, name: str, caller: object) -> None:
        """Drop the waiter of `caller`."""
        entry = self._names.get(name)
        if entry is not None:
            entry.cancel(caller)

    def _entry(self, name: str) -> NameEntry:
        entry = self._names.get(name)
        if entry is None:
            self._sweep()
            entry = self._names[name] = NameEntry(name)
        entry.used_at = self._clock()
        return entry

    def _wait(self, entry: NameEntry) -> None:
        if entry.is_under_way:
            self._limit(entry)
        self._queue_question(entry)

    def _queue_question(self, entry: NameEntry) -> None:
        """Queue a question, as urgent if it is awaited. Names of silent zones give way to the others."""
        urgent = entry.is_awaited and entry.zone not in self._silent_zones
        if entry.is_under_way or (entry.has_question and entry.is_urgent >= urgent):
            return
        entry.mark_queued(urgent=urgent)
        self._queue.add(lambda: self._begin_question(entry), urgent=urgent)

    def _begin_question(self, entry: NameEntry) -> Turn:
        if entry.is_under_way or not entry.has_question:
            return Turn.DROPPED  # it was in both queues
        if entry.is_urgent and entry.zone in self._silent_zones:
            entry.is_urgent = False
            return Turn.PASSED
        entry.begin_question(self._clock())
        if entry.is_awaited:
            self._limit(entry)
        self._look_up(entry.name, lambda family, answer: self._apply_answer(entry, family, answer))
        return Turn.BEGUN

    def _apply_answer(self, entry: NameEntry, family: int, answer: FamilyAnswer) -> None:
        entry.apply_answer(family, answer, self._clock())
        if not entry.missing_families:
            self._lookups[entry.question_result()] += 1
            silent = entry.end_question(self._clock())
            (self._silent_zones.add if silent else self._silent_zones.discard)(entry.zone)
            self._end_waits(entry)
            self._queue.finish_job()
        elif entry.has_addresses and entry.hasty_waiters:
            self._hurry(entry)

    def _limit(self, entry: NameEntry) -> None:
        if entry.timer is None:
            entry.timer = self._call_later(LOOKUP_LIMIT_S, lambda: self._end_waits(entry))

    def _hurry(self, entry: NameEntry) -> None:
        self._call_later(self._resolution_delay_s, lambda: entry.notify_hasty() if entry.hosts else None)

    @staticmethod
    def _end_waits(entry: NameEntry) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        entry.notify_all()

    def _sweep(self) -> None:
        if len(self._names) < self._sweep_at:
            return
        now = self._clock()
        self._names = {n: e for n, e in self._names.items() if e.has_question or now - e.used_at < FORGET_S}
        self._silent_zones &= {entry.zone for entry in self._names.values()}
        self._sweep_at = max(_SWEEP_MIN, 2 * len(self._names))
