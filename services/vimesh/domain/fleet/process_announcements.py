"""Defines the processes of a fleet, which make themselves known: there is no leader that would know them otherwise."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from vimesh.domain.pool.pool_members import PoolPlace

REPORT_WITHIN_S: Final = 15.0
"""How often a process makes itself known."""
MISSING_AFTER_S: Final = 60.0
"""Three reports may be lost, and the fourth one late, before a process counts as missing."""
FORGET_AFTER_S: Final = 3600.0
MAX_OF_IDENTITY: Final = 200
"""Processes of one identity. One more takes the place of the one that was heard of least recently, so a caller that
announces many shuts out only processes that share its identity."""
MAX_SHOWN: Final = 1000


class ProcessKind(StrEnum):
    """Kinds of process, in the order in which they are listed."""

    CONDUCTOR = "CONDUCTOR"
    MONITOR = "MONITOR"
    API = "API"
    BRIDGE = "BRIDGE"
    NOTIFIER = "NOTIFIER"
    EXECUTOR = "EXECUTOR"
    CONSOLE = "CONSOLE"


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a process says of itself."""

    process_id: str
    kind: ProcessKind
    host: str
    pid: int
    version: str
    uptime_s: float
    """An age and not a time of day, because the clocks of two machines are never compared."""
    loop_lag_s: float
    """By how much its loop was late, at worst, since its previous announcement."""
    facts: Mapping[str, str]
    pool: PoolPlace | None = None
    """What it offers to the pool; None: it is no monitor, or does not watch now, and does not renew its lease."""


@dataclass(frozen=True, slots=True)
class FleetProcess:
    """A process as the fleet knows it. Times are by the database's clock."""

    process_id: str
    kind: ProcessKind
    host: str
    pid: int
    version: str
    identity: str
    start_time: dt.datetime
    seen_time: dt.datetime
    loop_lag_s: float
    facts: Mapping[str, str]
    missing: bool = False

    @property
    def place(self) -> tuple[str, str, str]:
        """What a process has in common with the one that is started in its place."""
        return self.kind, self.host, self.identity


def present_processes(announced: Sequence[FleetProcess], now: dt.datetime) -> list[FleetProcess]:
    """Return those to show, by kind and host: the living, and each missing one that no other has replaced since."""
    longest = dt.timedelta(seconds=MISSING_AFTER_S)
    living = [process for process in announced if now - process.seen_time <= longest]
    missing = [
        replace(process, missing=True)
        for process in announced
        # Mistral ends its executors without a word, so one that is silent may have ended in order.
        if now - process.seen_time > longest and process.kind is not ProcessKind.EXECUTOR
    ]
    starts = sorted((process.start_time, process.place) for process in living)
    # The one that went first is replaced by the first that came after it.
    unreplaced = [
        process for process in sorted(missing, key=lambda one: one.seen_time) if not _replace(process, starts)
    ]
    kinds = list(ProcessKind)
    return sorted(
        (*living, *unreplaced), key=lambda one: (kinds.index(one.kind), one.host, one.start_time, one.process_id)
    )


def _replace(process: FleetProcess, starts: list[tuple[dt.datetime, tuple[str, str, str]]]) -> bool:
    """Take the first start in its place since it was last seen out of `starts`; False if there is none."""
    for number, (start_time, place) in enumerate(starts):
        if place == process.place and start_time >= process.seen_time:
            del starts[number]
            return True
    return False
