"""Counts what others said of VIMs that a monitor could not reach."""

from __future__ import annotations

from dataclasses import dataclass, field

from vimesh.domain.vims import Status
from vimesh.runtime.histogram import CALL_SECONDS, Histogram


@dataclass(slots=True)
class OpinionCounts:
    """VIMs by what others said of them."""

    confirmed: int = 0
    """Another monitor could not reach it, either."""
    denied: int = 0
    """Another monitor reached it."""
    unknown: int = 0
    """Nobody could tell in time."""

    def note(self, status: Status, vims: int) -> None:
        if status is Status.UNREACHABLE:
            self.confirmed += vims
        elif status is Status.REACHABLE:
            self.denied += vims
        else:
            self.unknown += vims


@dataclass(slots=True)
class ConfirmationStatistics:
    """The VIMs about which others were asked, each time that they were."""

    all: OpinionCounts = field(default_factory=OpinionCounts)
    of_host: OpinionCounts = field(default_factory=OpinionCounts)
    """Those of them that were not probed, because many of their host were lost together."""
    delays_s: Histogram = field(default_factory=lambda: Histogram(CALL_SECONDS))
    """How long it took until somebody could tell."""

    def note(self, status: Status, vims: int, delay_s: float, *, of_host: bool) -> None:
        """Count what was said of a number of VIMs; UNKNOWN: nothing."""
        self.all.note(status, vims)
        if of_host:
            self.of_host.note(status, vims)
        if status is not Status.UNKNOWN:
            self.delays_s.observe(delay_s, vims)
