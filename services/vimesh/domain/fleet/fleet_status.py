"""Defines a fleet at one look: its processes and database, counts of VIMs and to-dos, and what is wrong with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from vimesh.domain.fleet.process_announcements import FleetProcess, ProcessKind
from vimesh.domain.todos import TodoKind
from vimesh.domain.vims import Engine, Status

LATE_LOOP_S: Final = 1.0
"""A loop that is this late delays every call that it serves; a single call delays it for far less."""
STUCK_TASK_S: Final = 300.0
"""Retries of a task are at most a minute apart: by now several have failed."""
SLOW_DATABASE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class VimCount:
    """A number of VIMs that have all of this in common."""

    status: Status
    engine: Engine
    unwatched: bool
    """Whether the wanted action has let its lease, or the time for its first report, run out."""
    count: int


@dataclass(frozen=True, slots=True)
class OpenTodos:
    kind: TodoKind
    count: int
    oldest_age_s: float


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    product: str
    version: str
    latency_s: float


@dataclass(frozen=True, slots=True)
class FleetTrouble:
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class WholeFleet:
    """What is only for those who run the fleet."""

    processes: Sequence[FleetProcess]
    database: DatabaseFacts
    todos: Sequence[OpenTodos]
    receivers: int = 0
    """Those that are to be notified."""


@dataclass(frozen=True, slots=True)
class FleetStatus:
    time: dt.datetime
    """By the database's clock."""
    vims: Sequence[VimCount]
    whole: WholeFleet | None = None

    @property
    def troubles(self) -> list[FleetTrouble]:
        """What is wrong with the fleet. VIMs that cannot be reached are what it reports, and no trouble of its own."""
        return list(_troubles(self))

    @property
    def total(self) -> int:
        return sum(count.count for count in self.vims)

    @property
    def unwatched(self) -> int:
        return sum(count.count for count in self.vims if count.unwatched)

    def with_status(self, status: Status) -> int:
        return sum(count.count for count in self.vims if count.status is status)


def _troubles(status: FleetStatus) -> Iterator[FleetTrouble]:
    if status.unwatched:
        yield FleetTrouble(
            "VIMS_UNWATCHED", f"{status.unwatched} of {status.total} VIMs have no ping action in contact"
        )
    if status.whole is None:
        return
    yield from _process_troubles(status, status.whole.processes)
    has_notifier = any(one.kind is ProcessKind.NOTIFIER and not one.missing for one in status.whole.processes)
    if status.whole.receivers and not has_notifier:
        yield FleetTrouble("NO_NOTIFIER", "no notifier runs, and there are receivers to notify")
    for todos in status.whole.todos:
        if todos.oldest_age_s >= STUCK_TASK_S:
            yield FleetTrouble("TASKS_STUCK", f"the oldest {todos.kind} task is {_rounded(todos.oldest_age_s)} old")
    if (latency_s := status.whole.database.latency_s) >= SLOW_DATABASE_S:
        yield FleetTrouble("DATABASE_SLOW", f"the database takes {latency_s:.1f} s to answer")


def _process_troubles(status: FleetStatus, processes: Sequence[FleetProcess]) -> Iterator[FleetTrouble]:
    needs_monitor = any(count.engine is Engine.EMBEDDED for count in status.vims)
    if needs_monitor and not any(one.kind is ProcessKind.MONITOR and not one.missing for one in processes):
        yield FleetTrouble("NO_MONITOR", "no monitor runs, and there are VIMs for one to probe")
    for process in processes:
        name = f"{process.kind.lower()} {process.pid} on {process.host}"
        if process.missing:
            since = _rounded((status.time - process.seen_time).total_seconds())
            yield FleetTrouble("PROCESS_MISSING", f"{name} was last heard of {since} ago, and did not end in order")
        elif process.loop_lag_s >= LATE_LOOP_S:
            yield FleetTrouble("LOOP_LATE", f"{name} was held up for {process.loop_lag_s:.1f} s")


def _rounded(age_s: float) -> str:
    return f"{age_s:.0f} s" if age_s < 2 * 60 else f"{age_s / 60:.0f} min"
