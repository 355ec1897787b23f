"""Judges reports and writes what they change, with the fence and the write in one transaction (G1 to G6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection

from vimesh.domain.events import EventKind
from vimesh.domain.vims import UNCHANGED, Outcome, Recorded, Report, judge
from vimesh.store.change_log.transaction import Changes, Previous
from vimesh.store.leases.extend_leases import extend_leases
from vimesh.store.leases.lapse_leases import record_silence
from vimesh.store.reports.group_commit import Contact
from vimesh.store.reports.judge_views import ViewedReports, ViewKey, read_view_rows, viewed_in, viewed_reports
from vimesh.store.reports.read_standings import read_rows, standings_of, uncached_vims
from vimesh.store.reports.standing_cache import CachedStanding, LeaseGrants, LogPosition, StandingCache
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.rows.visible_rows import Row
from vimesh.store.schema.tables import OF_ACTION, leases, standings
from vimesh.store.schema.timestamps import MICROS, micros_of_age

# The action is matched although this transaction has read it or knows it: so the statement alone keeps G1, on any
# database. The observation is matched because it may have changed since it was cached: see `standing_cache`.
_EXPECTED = (*OF_ACTION, "observation")
_STATUS_COLUMNS = ("status", "reason", "detail", "round_trip_s", "status_time", "observation", "unheard", "revision")
_UPDATE_STATUS = BatchUpdate(standings, _EXPECTED, _STATUS_COLUMNS)
_UPDATE_OBSERVATION = BatchUpdate(standings, _EXPECTED, ("observation", "detail", "round_trip_s"))
_RESET_UNHEARD = BatchUpdate(standings, OF_ACTION, ("unheard",))
_UPDATE_LEASE = BatchUpdate(leases, ("number",), ("holds", "contact_time", "lease_until"))


class Overtaken(Exception):
    """The observation on record differs from the cached one."""


@dataclass(frozen=True, slots=True)
class ReportsWritten:
    """The result of a writing transaction, valid once it is committed."""

    outcomes: list[Outcome]
    log_position: LogPosition
    """The state that the transaction found, with the newest change, which may be its own."""
    standings: Mapping[str, CachedStanding]
    """The standings that the transaction has read or changed."""
    lease_ends: Mapping[str, int]
    """The new end of each extended lease, by VIM."""
    change_ages_s: Sequence[float]
    """The age that each report with a new status had when it was sent, except those that end a silence."""
    leases_left_s: Sequence[float]
    """What was left of the leases that were extended; negative for those that had ended."""


def judge_reports(
    contacts: Sequence[Contact],
    committed: Mapping[str, CachedStanding],
    now: int,
    views: Mapping[ViewKey, CachedStanding] = MappingProxyType({}),
) -> list[Outcome | None]:
    """Judge reports against committed standings, and those on VIMs with several vantages against their views.

    An outcome is None if something must be written: use `judge_and_write` then.
    """
    outcomes: list[Outcome | None] = []
    # Other reports on the same VIM in this call have to be judged after that write.
    changing: set[str] = set()
    grants = LeaseGrants(now)
    for report, contact_within_s in contacts:
        standing, grant = committed.get(report.vim_id), grants[contact_within_s]
        if standing is not None and not standing.action_id:
            standing = views.get((report.vim_id, report.action_id))
            if standing is None:
                # The views were read after the VIM, whose own action this one may have become in between (G3).
                outcomes.append(None)
                changing.add(report.vim_id)
                continue
        if standing is not None and standing.is_unchanged_by(report, grant):
            outcomes.append(UNCHANGED[standing.status])
            continue
        outcome = judge(standing, report)
        outcomes.append(outcome)
        if standing is not None and standing.needs_write(outcome, grant):
            changing.add(report.vim_id)
    if not changing:
        return outcomes
    return [None if c[0].vim_id in changing else outcome for c, outcome in zip(contacts, outcomes, strict=True)]


def judge_and_write(
    connection: Connection, contacts: Sequence[Contact], cache: StandingCache, *, trust_cache: bool = True
) -> ReportsWritten:
    """Judge the reports in order and write what they change, in a few statements however many reports there are.

    Raises Overtaken, unless `trust_cache` is false: then nothing is taken from the cache.
    """
    snapshot = cache.snapshot
    changes = Changes.begin(connection)
    log_position = LogPosition.begin(changes, snapshot)
    trusted = log_position.trusted_standings(contacts) if trust_cache else {}
    return judge_and_write_rows(
        trusted, read_rows(connection, uncached_vims(contacts, trusted)), contacts, changes, log_position
    )


def judge_and_write_rows(
    trusted: Mapping[str, CachedStanding],
    rows: Mapping[str, Row],
    contacts: Sequence[Contact],
    changes: Changes,
    log_position: LogPosition,
) -> ReportsWritten:
    """Judge and write as `judge_and_write` does, given the trusted standings and the rows of the others.

    Raises Overtaken.
    """
    view_standings = standings_of(read_view_rows(changes.connection, rows), changes.now)
    viewed = viewed_reports(changes, viewed_in(rows), view_standings)
    group = _Group(changes, LeaseGrants(changes.now), trusted, rows, standings_of(rows, changes.now), viewed)
    outcomes = [group.apply(contact) for contact in contacts]
    group.write()
    final_position = replace(log_position, newest=changes.newest, stamp=changes.stamp)
    return ReportsWritten(
        outcomes,
        final_position,
        group.standings,
        group.lease_ends,
        group.change_ages_s + group.viewed.change_ages_s,
        group.leases_left_s(),
    )


@dataclass(slots=True)
class _Group:
    """Applies reports in order to standings, and collects the rows to write."""

    changes: Changes
    grants: LeaseGrants
    trusted: Mapping[str, CachedStanding]
    rows: Mapping[str, Row]
    """The rows of the VIMs that were not cached; a silence that ends is recorded from them."""
    standings: dict[str, CachedStanding]
    """The standings that were read or have changed."""
    viewed: ViewedReports
    lease_ends: dict[str, int] = field(default_factory=dict)
    change_ages_s: list[float] = field(default_factory=list)
    _previous: dict[str, CachedStanding] = field(default_factory=dict)
    """The previous standing of each VIM that is written."""
    _status_rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    _observations: dict[str, Report] = field(default_factory=dict)

    def apply(self, contact: Contact) -> Outcome:
        report, contact_within_s = contact
        vim_id, grant = report.vim_id, self.grants[contact_within_s]
        standing = self.standings.get(vim_id) or self.trusted.get(vim_id)
        if standing is not None and not standing.action_id:
            return self.viewed.apply(report, grant, self.changes.now)
        outcome = judge(standing, report)
        if standing is None or not standing.needs_write(outcome, grant):
            return outcome
        recorded = isinstance(outcome, Recorded)
        if not recorded and vim_id in self.lease_ends:
            return outcome
        self._previous.setdefault(vim_id, standing)
        self.lease_ends[vim_id] = max(grant.until, self.lease_ends.get(vim_id, 0))
        if not standing.holds:
            standing = self._end_silence(vim_id, standing)
        # A late report proves that the action is alive, but nothing about the VIM: after a silence it stays UNKNOWN.
        if recorded:
            self.standings[vim_id] = self._record_report(report, standing)
        return outcome

    def _end_silence(self, vim_id: str, standing: CachedStanding) -> CachedStanding:
        """Record the silence that ends now, unless it is on record already."""
        row = self.rows[vim_id]
        if row["holds"] and vim_id not in self._status_rows:
            after = record_silence(row, self.changes)
            self._status_rows[vim_id] = {**{name: after[name] for name in _STATUS_COLUMNS}, "unheard": 0}
            standing = replace(standing, reason=after["reason"], status_time=after["status_time"])
        standing = self.standings[vim_id] = replace(standing, has_reported=True)
        return standing

    def _record_report(self, report: Report, standing: CachedStanding) -> CachedStanding:
        vim_id, changes = report.vim_id, self.changes
        status, reason, observation = report.status, report.reason, report.observation or standing.observation
        is_new_status = status is not standing.status
        status_time = changes.now - micros_of_age(report.age_s) if is_new_status else standing.status_time
        after = CachedStanding(
            *(standing.action_id, status, reason, observation, True),
            number=standing.number,
            engine=standing.engine,
            project_id=standing.project_id,
            status_time=status_time,
            has_reported=True,
            lease_until=self.lease_ends[vim_id],
        )
        if is_new_status and (standing.holds or not self._previous[vim_id].has_reported):
            self.change_ages_s.append(report.age_s)
        status_row = self._status_rows.get(vim_id)
        if is_new_status or reason != standing.reason:
            revision = changes.next_revision()
            changed_row = {"id": vim_id, "engine": standing.engine, "action_id": standing.action_id}
            changed_row |= {
                "project_id": standing.project_id,
                "status": status,
                "reason": reason,
                "detail": report.detail,
            }
            kind = EventKind.STATUS_CHANGED if is_new_status else EventKind.REASON_CHANGED
            seen = status_time if is_new_status else changes.now - micros_of_age(report.age_s)
            previous = Previous(standing.status, standing.reason, standing.status_time)
            changes.add(kind, changed_row, previous=previous, actor=report.reporter, seen=seen)
        elif status_row is not None:
            revision = status_row["revision"]
        elif standing.holds:
            self._observations[vim_id] = report
            return after
        else:
            revision = self.rows[vim_id]["revision"]
        self._status_rows[vim_id] = {
            "status": status,
            "reason": reason,
            "detail": report.detail,
            "round_trip_s": report.round_trip_s,
            "status_time": status_time,
            "observation": observation,
            "unheard": 0,
            "revision": revision,
        }
        return after

    def leases_left_s(self) -> list[float]:
        """Return what was left of the leases that are extended: negative for those that had ended."""
        now = self.changes.now
        left_s = [(one.lease_until - now) / MICROS for one in self._previous.values() if one.has_reported]
        return left_s + self.viewed.leases_left_s

    def write(self) -> None:
        """Write all that was collected. Raises Overtaken."""
        connection, previous_of = self.changes.connection, self._previous
        status_rows = [
            (*row.values(), *_expected_keys(previous_of[vim_id])) for vim_id, row in self._status_rows.items()
        ]
        observation_rows = [
            (
                self.standings[vim_id].observation,
                report.detail,
                report.round_trip_s,
                *_expected_keys(previous_of[vim_id]),
            )
            for vim_id, report in self._observations.items()
            if vim_id not in self._status_rows
        ]
        for batch_update, rows in ((_UPDATE_STATUS, status_rows), (_UPDATE_OBSERVATION, observation_rows)):
            if batch_update.run(connection, rows) != len(rows):
                raise Overtaken
        if not self.viewed.write(connection):
            raise Overtaken
        self._extend_leases()
        if any(not previous.holds for previous in previous_of.values()):
            self._write_new_leases()
        self.changes.write()

    def _extend_leases(self) -> None:
        """Extend the leases of the VIMs whose status holds."""
        numbers: dict[int, list[int]] = {}
        for vim_id, until in self.lease_ends.items():
            if (previous := self._previous[vim_id]).holds:
                numbers.setdefault(until, []).append(previous.number)
        extend_leases(self.changes.connection, self.changes.now, numbers)

    def _write_new_leases(self) -> None:
        """Write the leases of the VIMs whose status did not hold, and reset their `unheard` counts."""
        connection, now = self.changes.connection, self.changes.now
        previous_of = {vim_id: previous for vim_id, previous in self._previous.items() if not previous.holds}
        _UPDATE_LEASE.run(
            connection,
            [
                (self.standings[vim_id].holds, now, self.lease_ends[vim_id], previous.number)
                for vim_id, previous in previous_of.items()
            ],
        )
        _RESET_UNHEARD.run(
            connection,
            [
                (0, previous.number, previous.action_id)
                for vim_id, previous in previous_of.items()
                if vim_id not in self._status_rows
            ],
        )


def _expected_keys(previous: CachedStanding) -> tuple[int, str, int]:
    return previous.number, previous.action_id, previous.observation
