"""Follows which certificates targets show, and when these end."""

from __future__ import annotations

import datetime as dt
import heapq
import itertools
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from vimesh.domain.conditions.conditions import Certificate
from vimesh.monitor.conditions.certificate_reader import Unreadable, read_certificate
from vimesh.monitor.conditions.certificate_validity import (
    Verification,
    certificate_condition,
    next_change,
    with_verification,
)
from vimesh.monitor.conditions.condition_book import ConditionBook
from vimesh.monitor.probes.base.sightings import Handshake
from vimesh.monitor.targets.target import Target

READ_AGAIN_S: Final = 2.0
"""The shortest time between two readings for one target: a server that shows another one each time gets no more."""
_MOST_REMEMBERED: Final = 512
"""Certificates that were read lately: many VIMs may have one in common."""
_LONGEST_WAIT_S: Final = 3600.0
"""Timers are set anew at least as often, because the clock of the day may be set."""

_FEW: Final = 64

ReadCertificate = Callable[[tuple[bytes, ...]], Certificate | Unreadable]
RunApart = Callable[[Callable[[], None]], None]
"""Runs a job in another thread."""


@dataclass(slots=True)
class _Shown:
    """What a target has shown last."""

    digest: bytes
    verification: Verification
    read_at: float
    """When its bytes were given away to be read, by the monotonic clock."""
    certificate: Certificate | Unreadable | None = None
    is_read: bool = False


class CertificateWatch:
    """Parses a certificate only if it is another one than before, in another thread. Use it only in the loop."""

    def __init__(  # noqa: PLR0913 - clocks, threads and timers are passed in
        self,
        book: ConditionBook,
        *,
        clock: Callable[[], float],
        now: Callable[[], dt.datetime],
        run_apart: RunApart,
        call_in_loop: Callable[[Callable[[], None]], object],
        call_later: Callable[[float, Callable[[], None]], object],
        read: ReadCertificate = read_certificate,
    ) -> None:
        """`clock`: monotonic seconds. `now`: the time of day, in UTC. `call_in_loop` may be called by any thread."""
        self._book = book
        self._clock = clock
        self._now = now
        self._run_apart = run_apart
        self._call_in_loop = call_in_loop
        self._call_later = call_later
        self._read = read
        self._shown: dict[Target, _Shown] = {}
        self._remembered: OrderedDict[bytes, Certificate | Unreadable] = OrderedDict()
        """By the digests of whole chains."""
        self._changes: list[tuple[dt.datetime, int, Target, _Shown]] = []
        """A heap of when certificates begin or end."""
        self._count = itertools.count()
        self._wakes_at: dt.datetime | None = None
        self._timer = 0
        """Number of the newest timer: only that one counts."""

    def note_handshake(self, target: Target, handshake: Handshake) -> None:
        """Note the certificate of a handshake."""
        digest = sha256(handshake.certificate).digest()
        verification = Verification.of(handshake)
        known = self._shown.get(target)
        if known is not None and known.digest == digest:
            if known.verification != verification:
                known.verification = verification
                self._tell(target, known)
            return
        now = self._clock()
        if known is not None and now - known.read_at < READ_AGAIN_S:
            return  # the next handshake shows it again
        shown = self._shown[target] = _Shown(digest, verification, now)
        if not handshake.certificate:
            shown.is_read = True
            self._tell(target, shown)
            return
        chain = handshake.whole_chain()
        key = sha256(b"".join(chain)).digest()
        if (remembered := self._remembered.get(key)) is not None:
            self._take(target, shown, remembered)
            return
        self._run_apart(lambda: self._read_apart(target, shown, key, chain))

    def forget(self, target: Target) -> None:
        """Forget a target that is no longer probed."""
        self._shown.pop(target, None)

    def _read_apart(self, target: Target, shown: _Shown, key: bytes, chain: tuple[bytes, ...]) -> None:
        certificate = self._read(chain)
        with suppress(RuntimeError):  # the loop has ended meanwhile
            self._call_in_loop(lambda: self._take_read(target, shown, key, certificate))

    def _take_read(self, target: Target, shown: _Shown, key: bytes, certificate: Certificate | Unreadable) -> None:
        self._remembered[key] = certificate
        if len(self._remembered) > _MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        self._take(target, shown, certificate)

    def _take(self, target: Target, shown: _Shown, certificate: Certificate | Unreadable) -> None:
        if self._shown.get(target) is not shown:
            return  # it has shown another one meanwhile, or is not probed any more
        shown.certificate, shown.is_read = certificate, True
        self._tell(target, shown)
        self._await_change(target, shown)

    def _tell(self, target: Target, shown: _Shown) -> None:
        if not shown.is_read:
            return
        verification, certificate = shown.verification, shown.certificate
        if isinstance(certificate, Certificate):
            self._book.note_certificate(target, with_verification(certificate, verification))
        self._book.note_of_target(target, certificate_condition(certificate, verification, self._now()))

    def _await_change(self, target: Target, shown: _Shown) -> None:
        when = next_change(shown.certificate, self._now())
        if when is not None:
            heapq.heappush(self._changes, (when, next(self._count), target, shown))
            if len(self._changes) > 2 * len(self._shown) + _FEW:
                self._drop_outdated()
            self._wake_in_time()

    def _drop_outdated(self) -> None:
        """Drop what is awaited of certificates that are shown no longer: they may end in years."""
        self._changes = [each for each in self._changes if self._shown.get(each[2]) is each[3]]
        heapq.heapify(self._changes)

    def _wake_in_time(self) -> None:
        if not self._changes:
            return
        when = self._changes[0][0]
        if self._wakes_at is not None and self._wakes_at <= when:
            return
        now = self._now()
        self._wakes_at = min(when, now + dt.timedelta(seconds=_LONGEST_WAIT_S))
        self._timer += 1
        number = self._timer
        self._call_later(max(0.0, (self._wakes_at - now).total_seconds()), lambda: self._wake_up(number))

    def _wake_up(self, timer: int) -> None:
        if timer != self._timer:
            return  # a later one was to come earlier: this one would only set others
        self._wakes_at = None
        now = self._now()
        while self._changes and self._changes[0][0] <= now:
            _, _, target, shown = heapq.heappop(self._changes)
            if self._shown.get(target) is shown:
                self._tell(target, shown)
                self._await_change(target, shown)
        self._wake_in_time()
