"""Rise, fall, confirm: what the probes of one VIM say about it. Pure: neither clock nor socket."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Self

from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status

UNSURE_ROUNDS = 2
"""So many rounds in a row may stay undecided because of local faults; then the verdict is UNKNOWN."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a ping action thinks of its VIM since `seen_at`."""

    vim_id: str
    action_id: str
    status: Status
    reason: str
    detail: str
    round_trip_s: float | None
    seen_at: float
    """By the monotonic clock of the host."""


class Step(Enum):
    """What the round needs next."""

    WAIT = "a probe under way decides"
    AGAIN = "send another probe"
    SETTLED = "the round is over, the verdict stands"
    CHANGED = "the round is over with another verdict"


class Track:
    """The verdict on one VIM, and how far its present round is.

    A VIM that is not down gets up to `fall` probes in a round, and one answer clears it. One that is down gets a
    single probe, and `rise` answers in a row to come back. Local faults are not the VIM's: they never count as
    failures (G12).
    """

    __slots__ = (
        "_answers",
        "_detail",
        "_drift",
        "_drift_rounds",
        "_failed",
        "_fall",
        "_fault",
        "_faults",
        "_needed",
        "_reason",
        "_rise",
        "_unsure",
        "_wanted",
        "detail",
        "reason",
        "sent",
        "status",
    )

    def __init__(self, *, fall: int, rise: int) -> None:
        self._fall = fall
        self._rise = rise
        self.status: Status | None = None
        self.reason = ""
        self.detail = ""
        self._drift = ""
        self._drift_rounds = 0
        self._unsure = 0
        self.begin()

    @classmethod
    def of_reachable(cls, *, fall: int, rise: int) -> Self:
        """Return the track of a VIM that is reachable and steady."""
        track = cls(fall=fall, rise=rise)
        track.status = Status.REACHABLE
        return track

    @property
    def down(self) -> bool:
        return self.status is Status.UNREACHABLE

    @property
    def steady(self) -> bool:
        """Whether an answer to the first probe of the next round would say nothing new."""
        return self.status is Status.REACHABLE and not self._unsure

    @property
    def hedged(self) -> bool:
        """Whether silence is answered with further probes before it is judged."""
        return self._needed > 1

    @property
    def confirming(self) -> bool:
        """Whether the VIM is coming back: only the newest probe's answer counts."""
        return self._wanted > 1

    @property
    def has_more(self) -> bool:
        """Whether the round may send another probe before it judges."""
        return self.sent < self._needed and self._faults <= self._needed and not self._answers

    def begin(self) -> None:
        """Open a round."""
        self._needed, self._wanted = (1, self._rise) if self.down else (self._fall, 1)
        self.sent = self._failed = self._faults = self._answers = 0
        self._reason = Reason.TIMEOUT
        self._detail = ""
        self._fault = ("", "")

    def cover(self, addresses: int) -> None:
        """See that each address of the VIM is tried before it is called unreachable."""
        if addresses > self._needed and not self.down:
            self._needed = addresses

    def answered(self) -> Step:
        if self.status is Status.REACHABLE:
            self._unsure = 0
            return Step.SETTLED  # what nearly every round of a healthy fleet comes to
        self._answers += 1
        if self._answers < self._wanted:
            return Step.AGAIN
        return self._settle(Status.REACHABLE, "", "")

    def failed(self, reason: str, detail: str) -> Step:
        """Note that one probe came back with a failure."""
        self._failed += 1
        self._reason, self._detail = reason, detail
        if self._answers or self._failed >= self._needed:
            return self._settle(Status.UNREACHABLE, reason, detail)
        return Step.AGAIN if self.has_more else Step.WAIT

    def faulted(self, reason: str, detail: str) -> Step:
        """Note that one probe could not be sent, for a reason of our own."""
        self._faults += 1
        self._fault = (reason, detail)
        if self._faults <= self._needed:
            return Step.AGAIN
        return Step.WAIT if self.sent else self._settle(Status.UNKNOWN, reason, detail)

    def blind(self, reason: str, detail: str) -> Step:
        """Note that the round was given up, for a reason of our own."""
        return self._settle(Status.UNKNOWN, reason, detail)

    def silent(self) -> Step:
        """Note that the time for an answer to the newest probe is over."""
        if self.has_more:
            return Step.AGAIN
        if self.sent >= self._needed:
            return self._settle(Status.UNREACHABLE, self._reason, self._detail)
        return self._undecided()

    def _undecided(self) -> Step:
        self._unsure += 1
        if self.sent and self._unsure < UNSURE_ROUNDS:
            return Step.SETTLED
        return self._settle(Status.UNKNOWN, *self._fault)

    def _settle(self, status: Status, reason: str, detail: str) -> Step:
        if status is not Status.UNKNOWN:
            self._unsure = 0
        if status is self.status and not self._drifted(reason):
            return Step.SETTLED
        self.status, self.reason, self.detail = status, reason, detail
        self._drift_rounds = 0
        return Step.CHANGED

    def _drifted(self, reason: str) -> bool:
        """Say whether the same other reason was given for `fall` rounds in a row."""
        if reason == self.reason:
            self._drift_rounds = 0
            return False
        self._drift_rounds = self._drift_rounds + 1 if reason == self._drift else 1
        self._drift = reason
        return self._drift_rounds >= self._fall
