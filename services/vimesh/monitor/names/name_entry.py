"""What is kept of one name. There may be 100,000."""

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

RENEW_MIN_S, RENEW_MAX_S = 5.0, 60.0
"""Whatever its TTL, an address is asked for again when it is older than the one, and never before the other."""
DOUBT_S = 1.0
"""So old must an address be, or as old as its TTL if that is shorter, to be doubted when the VIM does not answer.

Less than any usual TTL: who moves a service ends the old server while the old address may still be kept.
"""

Waiter = Callable[[Outcome], None]
_UNHEARD = Trouble("the name servers do not answer", silent=True)


_T = TypeVar("_T")
Pair = tuple[_T | None, _T | None]


class _Timer(Protocol):
    def cancel(self) -> object: ...


class NameEntry:
    __slots__ = (
        "_answers",
        "_asked_at",
        "_found",
        "asked",
        "asking",
        "doubt_at",
        "hasty",
        "hosts",
        "missing",
        "name",
        "patient",
        "positive",
        "renew_at",
        "timer",
        "urgent",
        "used_at",
        "zone",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.zone = sys.intern(name.partition(".")[2])
        self.hosts: Hosts = ()
        """Of both families."""
        self.hasty: dict[object, Waiter] | None = None
        """Those who do with one family. Most of the time nobody waits, and there are many names: so no empty dict."""
        self.patient: dict[object, Waiter] | None = None
        """Those who wait for both."""
        self.timer: _Timer | None = None
        """Until then they wait at most."""
        self.asking = False
        """A question is under way, or stands in line."""
        self.urgent = False
        """It stands in the better line."""
        self.asked = False
        """A question is under way."""
        self.missing: frozenset[int] = frozenset()
        """The families that the question under way has not been answered for."""
        self.positive = False
        """The question under way has been answered with addresses, if only for one family."""
        self.used_at = self.renew_at = self.doubt_at = self._asked_at = 0.0
        # Of both families, in the order of FAMILIES.
        self._answers: Pair[FamilyAnswer] = (None, None)
        self._found: Pair[NameAddresses] = (None, None)

    @property
    def awaited(self) -> bool:
        return bool(self.hasty or self.patient)

    def add_hasty(self, who: object, waiter: Waiter) -> None:
        if self.hasty is None:
            self.hasty = {}
        self.hasty[who] = waiter

    def add_patient(self, who: object, waiter: Waiter) -> None:
        if self.patient is None:
            self.patient = {}
        self.patient[who] = waiter

    def tell_hasty(self) -> None:
        waiters, self.hasty = self.hasty, None
        self._tell(waiters)

    def tell_all(self) -> None:
        """Tell both kinds. One who is told may ask again at once: that is a waiter of the next question."""
        waiters, self.hasty, self.patient = {**(self.hasty or {}), **(self.patient or {})}, None, None
        self._tell(waiters)

    def cancel(self, who: object) -> None:
        for waiters in (self.hasty, self.patient):
            if waiters is not None:
                waiters.pop(who, None)

    def line_up(self, *, urgent: bool) -> None:
        """A question stands in line."""
        self.asking = True
        self.urgent = urgent

    def begin(self, now: float) -> None:
        """A question begins."""
        self.asked = True
        self.missing = frozenset(FAMILIES)
        self.positive = False
        self._answers = (None, None)
        self._asked_at = now

    def take(self, family: int, answer: FamilyAnswer, now: float) -> None:
        """Take the answer for one family in at once; trouble takes nothing away."""
        self.missing -= {family}
        self._answers = _with(self._answers, family, answer)
        if isinstance(answer, NameAddresses):
            self.positive = True
            self._found = _with(self._found, family, answer)
        elif isinstance(answer, Empty):
            self._found = _with(self._found, family, None)
        six, four = self._found
        self.hosts = interleave(six.hosts if six else (), four.hosts if four else ())
        self._age(now)

    def end(self, now: float) -> bool:
        """The question is over for both families; return whether it met with nothing but trouble and silence."""
        positive = self.positive
        self.asking = self.asked = self.positive = False
        troubles = [answer for answer in self._answers if isinstance(answer, Trouble)]
        if len(troubles) == len(FAMILIES):
            self.renew_at = now + RENEW_MIN_S
        return not positive and any(trouble.silent for trouble in troubles)

    def outcome(self) -> Outcome:
        """Say what is known by now."""
        if self.hosts:
            return self.hosts
        answers = [answer or _UNHEARD for answer in self._answers]
        for answer in answers:
            if isinstance(answer, Trouble):
                return LookupFailed(answer.detail)
        return NoSuchName(next(answer.detail for answer in answers if isinstance(answer, Empty)))

    def gap(self) -> str:
        """Say why the addresses of one family may be missing; empty if none can be."""
        pairs = zip(self._answers, self._found, strict=True)
        missing = (answer or _UNHEARD for answer, found in pairs if found is None)
        return next((answer.detail for answer in missing if isinstance(answer, Trouble)), "")

    def _age(self, now: float) -> None:
        ttls_s = [found.ttl_s for found in self._found if found is not None and found.ttl_s is not None]
        ttl_s = min(ttls_s, default=RENEW_MAX_S)
        self.renew_at = self._asked_at + min(max(ttl_s, RENEW_MIN_S), RENEW_MAX_S)
        # From now on, not from when it was asked for: an answer that took its time is no older than a fast one.
        self.doubt_at = now + min(ttl_s, DOUBT_S)
        if any(found is not None and found.costly for found in self._found):
            # Whoever makes its name servers send so much is asked as rarely as anybody.
            self.renew_at = self.doubt_at = self._asked_at + RENEW_MAX_S

    def _tell(self, waiters: dict[object, Waiter] | None) -> None:
        if waiters:
            outcome = self.outcome()
            for waiter in waiters.values():
                waiter(outcome)


def _with(pair: Pair[_T], family: int, value: _T | None) -> Pair[_T]:
    six, four = pair
    return (value, four) if family == FAMILIES[0] else (six, value)
