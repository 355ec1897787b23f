"""Holds what a store counts about itself since its process began, and what it reads of the database for metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from vimesh.domain.errors import QuotaExceeded
from vimesh.domain.vims import CauseKind, Status
from vimesh.runtime.histogram import CALL_SECONDS, COUNTS, LONG_SECONDS, Histogram


class TodoState(StrEnum):
    DUE = "due"
    """It can be claimed."""
    CLAIMED = "claimed"
    """Somebody carries it out."""
    DELAYED = "delayed"
    """It failed, or was put off, and is due later."""


class ReceiverState(StrEnum):
    CLAIMED = "claimed"
    """A notifier works for it."""
    UNCLAIMED = "unclaimed"
    """None does, although it is to be notified."""
    DISABLED = "disabled"


@dataclass(slots=True)
class QueueStatistics:
    """One kind of transactions."""

    waiting: int = 0
    """The number of transactions that wait for their turn."""
    waits_s: Histogram = field(default_factory=lambda: Histogram(CALL_SECONDS))
    durations_s: Histogram = field(default_factory=lambda: Histogram(CALL_SECONDS))
    """How long transactions took, without their wait, whatever their outcome."""


@dataclass(slots=True)
class ReportStatistics:
    """Reports that were answered. Each transaction counts once, however many reports it judged."""

    changed: int = 0
    confirmed: int = 0
    late: int = 0
    """A newer observation was on record."""
    bad_action: int = 0
    group_sizes: Histogram = field(default_factory=lambda: Histogram(COUNTS))
    detection_delays_s: Histogram = field(default_factory=lambda: Histogram(LONG_SECONDS))
    """The age of changed statuses at their commit: the age in the report, and the wait since it arrived here."""
    contact_lags_s: Histogram = field(default_factory=lambda: Histogram(LONG_SECONDS))
    """By how much actions were late at least: see `domain.leases.certain_lag_s`."""


@dataclass(slots=True)
class BulkStatistics:
    """Work on many VIMs at once: what callers asked for, and what maintenance did."""

    bulk_changes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """VIMs of changes of many, by `modify` or `deregister`, and by `changed` or `refused`."""
    availability_s: Histogram = field(default_factory=lambda: Histogram(CALL_SECONDS))
    """How long pages of availability took, with their wait."""
    digests: Counter[str] = field(default_factory=Counter)
    """Digests of history that monitors delivered, by `recorded` or `refused`."""
    announcements: Counter[str] = field(default_factory=Counter)
    """Events of maintenance, by `started` or `ended`."""


@dataclass(slots=True)
class StoreStatistics:
    reports: ReportStatistics = field(default_factory=ReportStatistics)
    bulk: BulkStatistics = field(default_factory=BulkStatistics)
    queues: Mapping[str, QueueStatistics] = field(
        default_factory=lambda: {kind: QueueStatistics() for kind in ("write", "read", "browse")}
    )
    commits: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    """By kind: what made the store raise StoreUnavailable or Overloaded."""
    quota_refusals: Counter[str] = field(default_factory=Counter)
    """Changes that were refused because a project has reached a quota, by the name of the `Quota`."""

    def count_quota_refusals(self, outcomes: Iterable[object]) -> None:
        """Count those of the outcomes that are refusals for a quota."""
        self.quota_refusals.update(outcome.quota for outcome in outcomes if isinstance(outcome, QuotaExceeded))


class VimSample(NamedTuple):
    """What metrics say of one VIM, as it reads at one moment."""

    number: int
    """Its place in the order of registration."""
    revision: int
    """Its newest change: as long as it stays, so do its labels."""
    status: str
    """The name of a `Status`."""
    round_trip_s: float | None
    valid_until: int | None
    """When its lease ends, in microseconds since 1970, by the database's clock; None before the first report."""


class VimLabels(NamedTuple):
    """What tells the metrics of one VIM from those of others."""

    number: int
    vim_id: str
    name: str
    project_id: str
    type: str


@dataclass(frozen=True, slots=True)
class DatabaseGauges:
    """What metrics say of the database, at one moment."""

    dialect: str
    version: str
    vims: Mapping[Status, int]
    todos: Mapping[TodoState, int]
    oldest_todo_s: float
    """Age of the oldest open to-do; 0 if there is none."""
    receivers: Mapping[ReceiverState, int]
    maintenance_windows: int
    """Those that are open or planned."""
    causes: Mapping[CauseKind, int]
    """Those that last."""
