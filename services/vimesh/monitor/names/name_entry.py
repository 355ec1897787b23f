"""Holds the state of one name. There may be 100,000."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Protocol, TypeVar

from vimesh.monitor.names.name_answers import (
    FAMILIES,
    Empty,
    FamilyAnswer,
    Hosts,
    LookupFailed,
    NameAddresses,
    NoSuchName,
    Outcome,
    Trouble,
    interleave,
)
from vimesh.monitor.statistics.probe_statistics import LookupResult

RENEW_MIN_S, RENEW_MAX_S = 5.0, 60.0
"""An address in use is renewed when it is as old as its TTL, within these bounds; if in doubt, earlier: see DOUBT_S."""
DOUBT_S = 1.0
"""Age from which an address is doubted when its VIM does not answer; its TTL, if that is shorter.

Less than any usual TTL: when a service moves, the old server may stop while its address is still cached.
"""

Waiter = Callable[[Outcome], None]
_NO_ANSWER = Trouble("the name servers do not answer", silent=True)


_T = TypeVar("_T")
Pair = tuple[_T | None, _T | None]


class _Timer(Protocol):
    def cancel(self) -> object: ...


class NameEntry:
    __slots__ = (
        "_addresses",
        "_answers",
        "_asked_at",
        "doubt_at",
        "has_addresses",
        "has_question",
        "hasty_waiters",
        "hosts",
        "is_under_way",
        "is_urgent",
        "missing_families",
        "name",
        "patient_waiters",
        "renew_at",
        "timer",
        "used_at",
        "zone",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.zone = sys.intern(name.partition(".")[2])
        self.hosts: Hosts = ()
        """The addresses of both families."""
        self.hasty_waiters: dict[object, Waiter] | None = None
        """Waiters for which one family suffices. None, not an empty dict: there are many names, mostly without any."""
        self.patient_waiters: dict[object, Waiter] | None = None
        """Waiters for both families."""
        self.timer: _Timer | None = None
        """Ends the wait of both kinds."""
        self.has_question = False
        """A question is queued or under way."""
        self.is_urgent = False
        """The question is in the urgent queue."""
        self.is_under_way = False
        """A question is under way."""
        self.missing_families: frozenset[int] = frozenset()
        """The families for which the question under way has no answer yet."""
        self.has_addresses = False
        """The question under way has been answered with addresses, for one family at least."""
        self.used_at = self.renew_at = self.doubt_at = self._asked_at = 0.0
        # One value per family, in the order of FAMILIES.
        self._answers: Pair[FamilyAnswer] = (None, None)
        self._addresses: Pair[NameAddresses] = (None, None)

    @property
    def is_awaited(self) -> bool:
        return bool(self.hasty_waiters or self.patient_waiters)

    def add_hasty(self, caller: object, waiter: Waiter) -> None:
        if self.hasty_waiters is None:
            self.hasty_waiters = {}
        self.hasty_waiters[caller] = waiter

    def add_patient(self, caller: object, waiter: Waiter) -> None:
        if self.patient_waiters is None:
            self.patient_waiters = {}
        self.patient_waiters[caller] = waiter

    def notify_hasty(self) -> None:
        waiters, self.hasty_waiters = self.hasty_waiters, None
        self._notify(waiters)

    def notify_all(self) -> None:
        """Notify both kinds of waiters. One that asks again while it is notified waits for the next question."""
        waiters, self.hasty_waiters, self.patient_waiters = (
            {**(self.hasty_waiters or {}), **(self.patient_waiters or {})},
            None,
            None,
        )
        self._notify(waiters)

    def cancel(self, caller: object) -> None:
        for waiters in (self.hasty_waiters, self.patient_waiters):
            if waiters is not None:
                waiters.pop(caller, None)

    def mark_queued(self, *, urgent: bool) -> None:
        """Note that a question is queued."""
        self.has_question = True
        self.is_urgent = urgent

    def begin_question(self, now: float) -> None:
        """Note that a question starts."""
        self.is_under_way = True
        self.missing_families = frozenset(FAMILIES)
        self.has_addresses = False
        self._answers = (None, None)
        self._asked_at = now

    def apply_answer(self, family: int, answer: FamilyAnswer, now: float) -> None:
        """Apply the answer for one family at once; trouble removes no addresses."""
        self.missing_families -= {family}
        self._answers = _with(self._answers, family, answer)
        if isinstance(answer, NameAddresses):
            self.has_addresses = True
            self._addresses = _with(self._addresses, family, answer)
        elif isinstance(answer, Empty):
            self._addresses = _with(self._addresses, family, None)
        six, four = self._addresses
        self.hosts = interleave(six.hosts if six else (), four.hosts if four else ())
        self._age(now)

    def question_result(self) -> LookupResult:
        """Return what the question under way came to, once both families are answered."""
        if self.has_addresses:
            return LookupResult.ADDRESSES
        if any(isinstance(answer, Trouble) for answer in self._answers):
            return LookupResult.FAILED
        return LookupResult.NO_SUCH_NAME

    def end_question(self, now: float) -> bool:
        """End the question; return whether it brought no addresses and some family was not answered in time."""
        had_addresses = self.has_addresses
        self.has_question = self.is_under_way = self.has_addresses = False
        troubles = [answer for answer in self._answers if isinstance(answer, Trouble)]
        if len(troubles) == len(FAMILIES):
            self.renew_at = now + RENEW_MIN_S
        return not had_addresses and any(trouble.silent for trouble in troubles)

    def outcome(self) -> Outcome:
        """Return what is known so far."""
        if self.hosts:
            return self.hosts
        answers = [answer or _NO_ANSWER for answer in self._answers]
        for answer in answers:
            if isinstance(answer, Trouble):
                return LookupFailed(answer.detail)
        return NoSuchName(next(answer.detail for answer in answers if isinstance(answer, Empty)))

    def why_incomplete(self) -> str:
        """Return why the addresses of one family may be missing; empty if none can be."""
        pairs = zip(self._answers, self._addresses, strict=True)
        missing = (answer or _NO_ANSWER for answer, found in pairs if found is None)
        return next((answer.detail for answer in missing if isinstance(answer, Trouble)), "")

    def _age(self, now: float) -> None:
        ttls_s = [found.ttl_s for found in self._addresses if found is not None and found.ttl_s is not None]
        ttl_s = min(ttls_s, default=RENEW_MAX_S)
        self.renew_at = self._asked_at + min(max(ttl_s, RENEW_MIN_S), RENEW_MAX_S)
        # Counted from the answer, not from the question: a slow answer is as fresh as a fast one.
        self.doubt_at = now + min(ttl_s, DOUBT_S)
        if any(found is not None and found.costly for found in self._addresses):
            # A name with so many addresses is asked for as rarely as possible.
            self.renew_at = self.doubt_at = self._asked_at + RENEW_MAX_S

    def _notify(self, waiters: dict[object, Waiter] | None) -> None:
        if waiters:
            outcome = self.outcome()
            for waiter in waiters.values():
                waiter(outcome)


def _with(pair: Pair[_T], family: int, value: _T | None) -> Pair[_T]:
    six, four = pair
    return (value, four) if family == FAMILIES[0] else (six, value)
