"""Keeps the addresses of names: shared by all targets, and never in the way of those that are given by address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from vimesh.monitor.names.lookup_queue import MOST_OPEN, LookupQueue, Turn
from vimesh.monitor.names.name_answers import FamilyAnswer, Hosts, LookUp, Outcome
from vimesh.monitor.names.name_entry import NameEntry, Waiter
from vimesh.monitor.scheduling.stall_clock import Clock

LOOKUP_LIMIT_S = 2.0
"""So long after a question begins there is an outcome, whatever the name servers do."""
RESOLUTION_DELAY_S = 0.05
"""So long is the other family waited for when one has answered with addresses (RFC 8305)."""
FORGET_S = 180.0
"""A name that nobody used for so long is dropped."""
_SWEEP_MIN = 1024


class Timer(Protocol):
    """Something that will be called."""

    def cancel(self) -> object: ...


CallLater = Callable[[float, Callable[[], None]], Timer]


class Resolver:
    """A name is asked for once at a time, whoever needs it. All of this happens in one thread, that of the loop.

    Addresses of a family are kept while nobody who knows can be asked for them (trouble), and dropped when a name
    server that knows says that there are none. A waiter is never called before the call that handed it over returns.
    """

    def __init__(self, *, look_up: LookUp, call_later: CallLater, clock: Clock, most_open: int = MOST_OPEN) -> None:
        """`most_open`: so many names are asked for at once; the others wait in line."""
        self._look_up = look_up
        self._call_later = call_later
        self._clock = clock
        self._line = LookupQueue(call_later, most_open)
        self._names: dict[str, NameEntry] = {}
        self._silent_zones: set[str] = set()
        """Of which the newest question was not answered."""
        self._sweep_at = _SWEEP_MIN

    def known(self, name: str) -> Hosts | None:
        """Return the addresses if there are any. Those older than their TTL are asked for again, in the background."""
        entry = self._names.get(name)
        if entry is None or not entry.hosts:
            return None
        entry.used_at = now = self._clock()
        if now >= entry.renew_at:
            self._start(entry)
        return entry.hosts

    def outcome(self, name: str) -> Outcome:
        """Return what the last lookup came to, however old that is."""
        return self._entry(name).outcome()

    def gap(self, name: str) -> str:
        """Say why addresses of the name may be missing beside those that are there; empty if none can be."""
        return self._entry(name).gap()

    def ask(self, name: str, who: object, waiter: Waiter) -> None:
        """Call the waiter with the outcome of a lookup. Of one who asks again, only the last waiter is called.

        That takes LOOKUP_LIMIT_S at most, and the time in line if very many names are asked for at once. When one
        family has answered with addresses, the other one is waited for no longer than RESOLUTION_DELAY_S.
        """
        entry = self._entry(name)
        entry.add_hasty(who, waiter)
        if entry.positive:
            self._hurry(entry)
        self._wait(entry)

    def renew(self, name: str, who: object, waiter: Waiter) -> bool:
        """Look again before bad news is believed; False: the addresses are fresh enough, and nobody is called.

        Both families are waited for, LOOKUP_LIMIT_S at most. If there is trouble, the outcome is the addresses that
        were there.
        """
        entry = self._entry(name)
        if not entry.asking and self._clock() < entry.doubt_at:
            return False
        entry.add_patient(who, waiter)
        self._wait(entry)
        return True

    def cancel(self, name: str, who: object) -> None:
        """Let whoever waits hear nothing any more."""
        entry = self._names.get(name)
        if entry is not None:
            entry.cancel(who)

    def _entry(self, name: str) -> NameEntry:
        entry = self._names.get(name)
        if entry is None:
            self._sweep()
            entry = self._names[name] = NameEntry(name)
        entry.used_at = self._clock()
        return entry

    def _wait(self, entry: NameEntry) -> None:
        if entry.asked:
            self._limit(entry)
        self._start(entry)

    def _start(self, entry: NameEntry) -> None:
        """Stand in line, in the better one if somebody waits. Names of silent zones let the others pass."""
        urgent = entry.awaited and entry.zone not in self._silent_zones
        if entry.asked or (entry.asking and entry.urgent >= urgent):
            return
        entry.line_up(urgent=urgent)
        self._line.add(lambda: self._begin(entry), urgent=urgent)

    def _begin(self, entry: NameEntry) -> Turn:
        if entry.asked or not entry.asking:
            return Turn.DROPPED  # it stood in both lines
        if entry.urgent and entry.zone in self._silent_zones:
            entry.urgent = False
            return Turn.PASSED
        entry.begin(self._clock())
        if entry.awaited:
            self._limit(entry)
        self._look_up(entry.name, lambda family, answer: self._take(entry, family, answer))
        return Turn.BEGUN

    def _take(self, entry: NameEntry, family: int, answer: FamilyAnswer) -> None:
        entry.take(family, answer, self._clock())
        if not entry.missing:
            silent = entry.end(self._clock())
            (self._silent_zones.add if silent else self._silent_zones.discard)(entry.zone)
            self._settle(entry)
            self._line.leave()
        elif entry.positive and entry.hasty:
            self._hurry(entry)

    def _limit(self, entry: NameEntry) -> None:
        if entry.timer is None:
            entry.timer = self._call_later(LOOKUP_LIMIT_S, lambda: self._settle(entry))

    def _hurry(self, entry: NameEntry) -> None:
        self._call_later(RESOLUTION_DELAY_S, lambda: entry.tell_hasty() if entry.hosts else None)

    @staticmethod
    def _settle(entry: NameEntry) -> None:
        if entry.timer is not None:
            entry.timer.cancel()
            entry.timer = None
        entry.tell_all()

    def _sweep(self) -> None:
        if len(self._names) < self._sweep_at:
            return
        now = self._clock()
        self._names = {n: e for n, e in self._names.items() if e.asking or now - e.used_at < FORGET_S}
        self._silent_zones &= {entry.zone for entry in self._names.values()}
        self._sweep_at = max(_SWEEP_MIN, 2 * len(self._names))
