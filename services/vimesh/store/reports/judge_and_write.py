"""Judges reports and writes what they change, with the fence and the write in one transaction (G1 to G6)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, select

from vimesh.domain.events import EventKind
from vimesh.domain.vims import UNCHANGED, Outcome, Recorded, Report, Status, judge
from vimesh.store.change_log.transaction import Changes
from vimesh.store.leases.extend_leases import renew
from vimesh.store.leases.lapse_leases import SILENCE, with_its_silence
from vimesh.store.reports.group_commit import Contact
from vimesh.store.reports.standing_cache import CachedStanding, LeaseGrants, LogPosition, StandingCache
from vimesh.store.rows.batch_update import BatchUpdate
from vimesh.store.rows.visible_rows import STOOD, Row
from vimesh.store.schema.tables import OF_ACTION, leases, standings
from vimesh.store.schema.timestamps import micros_of_age
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_READ = ("engine", "action_id", *SILENCE, "observation", "unheard")
_ROWS = PreparedStatement(
    select(standings.c.vim_id, *(standings.c[name] for name in _READ), *leases.c)
    .select_from(STOOD)
    .where(among(standings.c.vim_id, "ids"))
)
_NAMES = (*_READ, *leases.c.keys())
# The action is matched although this transaction has read it or knows it: so the statement alone keeps G1, on any
# database. The observation is matched because it may have changed since it was cached: see `standing_cache`.
_BELIEVED = (*OF_ACTION, "observation")
_TOLD = ("status", "reason", "detail", "round_trip_s", "status_time", "observation", "unheard", "revision")
_TELL = BatchUpdate(standings, _BELIEVED, _TOLD)
_OBSERVE = BatchUpdate(standings, _BELIEVED, ("observation", "detail", "round_trip_s"))
_HEAR = BatchUpdate(standings, OF_ACTION, ("unheard",))
_HOLD = BatchUpdate(leases, ("number",), ("holds", "contact_time", "lease_until"))


class Overtaken(Exception):
    """The observation on record differs from the cached one."""


@dataclass(frozen=True, slots=True)
class StandingsRead:
    """The committed standings of the VIMs of a group of reports."""

    found: LogPosition
    known: Mapping[str, CachedStanding]
    read: Mapping[str, CachedStanding]


@dataclass(frozen=True, slots=True)
class ReportsWritten:
    """The result of a writing transaction, valid once it is committed."""

    outcomes: list[Outcome]
    found: LogPosition
    """The state that the transaction found, with the newest change, which may be its own."""
    held: Mapping[str, CachedStanding]
    """The standings that the transaction has read or changed."""
    renewed: Mapping[str, int]
    """The new end of each extended lease, by VIM."""


def look(connection: Connection, contacts: Sequence[Contact], known: StandingCache) -> StandingsRead | None:
    """Read the standings needed to judge reports. Return None on a read-only server: use `write` then."""
    found = LogPosition.read(connection, known.state)
    if found is None:
        return None
    held = found.known(contacts)
    # Read after the head: rows that include a later change do no harm.
    return StandingsRead(found, held, _held_of(_rows(connection, _others(contacts, held)), found.now))


def settled(contacts: Sequence[Contact], held: Mapping[str, CachedStanding], now: int) -> list[Outcome | None]:
    """Judge reports against committed standings. An outcome is None if something must be written: use `write` then."""
    outcomes: list[Outcome] = []
    # Other reports on the same VIM in this call have to be judged after that write.
    moving: set[str] = set()
    grants = LeaseGrants(now)
    for report, contact_within_s in contacts:
        standing, grant = held.get(report.vim_id), grants[contact_within_s]
        if standing is not None and standing.stays(report, grant):
            outcomes.append(UNCHANGED[standing.status])
            continue
        outcome = judge(standing, report)
        outcomes.append(outcome)
        if standing is not None and standing.moved_by(outcome, grant):
            moving.add(report.vim_id)
    if not moving:
        return outcomes  # type: ignore[return-value]  # none of them is None
    return [None if c[0].vim_id in moving else said for c, said in zip(contacts, outcomes, strict=True)]


def write(
    connection: Connection, contacts: Sequence[Contact], known: StandingCache, *, believing: bool = True
) -> ReportsWritten:
    """Judge the reports in order and write what they change, in a few statements however many reports there are.

    Raises Overtaken, unless `believing` is false: then nothing is taken from the cache.
    """
    state = known.state
    changes = Changes.begin(connection)
    found = LogPosition.begin(connection, state, changes.newest, changes.stamp, changes.now)
    held = found.known(contacts) if believing else {}
    return write_onto(held, _rows(connection, _others(contacts, held)), contacts, changes, found)


def write_onto(
    known: Mapping[str, CachedStanding],
    rows: Mapping[str, Row],
    contacts: Sequence[Contact],
    changes: Changes,
    found: LogPosition,
) -> ReportsWritten:
    """Judge and write as `write` does, given the cached standings and the rows that were read. Raises Overtaken."""
    group = _Group(changes, LeaseGrants(changes.now), known, rows, _held_of(rows, changes.now))
    outcomes = [group.take(contact) for contact in contacts]
    group.write()
    left = replace(found, newest=changes.newest, stamp=changes.stamp)
    return ReportsWritten(outcomes, left, group.held, group.renewed)


def _others(contacts: Sequence[Contact], found: Mapping[str, CachedStanding]) -> list[str]:
    return list({report.vim_id: None for report, _ in contacts if report.vim_id not in found})


def _rows(connection: Connection, vim_ids: Collection[str]) -> dict[str, Row]:
    if not vim_ids:
        return {}
    found = _ROWS.rows(connection, {"ids": list(vim_ids)})
    return {vim_id: {"id": vim_id, **dict(zip(_NAMES, rest, strict=True))} for vim_id, *rest in found}


def _held_of(rows: Mapping[str, Row], now: int) -> dict[str, CachedStanding]:
    """Return the standings of rows as of `now`: the status of a silent action is UNKNOWN."""
    return {vim_id: _held(row, lapsed=bool(row["holds"]) and row["lease_until"] < now) for vim_id, row in rows.items()}


def _held(row: Row, *, lapsed: bool) -> CachedStanding:
    return CachedStanding(
        row["action_id"],
        Status.UNKNOWN if lapsed else Status.__members__[row["status"]],
        row["reason"],
        row["observation"],
        bool(row["holds"]) and not lapsed,
        number=row["number"],
        engine=row["engine"],
        status_time=row["status_time"],
        heard=row["contact_time"] is not None,
        lease_until=row["lease_until"],
    )


@dataclass(slots=True)
class _Group:
    """Applies reports in order to standings, and collects the rows to write."""

    changes: Changes
    grants: LeaseGrants
    known: Mapping[str, CachedStanding]
    rows: Mapping[str, Row]
    """The rows of the VIMs that were not cached; a silence that ends is recorded from them."""
    held: dict[str, CachedStanding]
    """The standings that were read or have changed."""
    renewed: dict[str, int] = field(default_factory=dict)
    _before: dict[str, CachedStanding] = field(default_factory=dict)
    """The previous standing of each VIM that is written."""
    _told: dict[str, dict[str, Any]] = field(default_factory=dict)
    _observed: dict[str, Report] = field(default_factory=dict)

    def take(self, contact: Contact) -> Outcome:
        report, contact_within_s = contact
        vim_id, grant = report.vim_id, self.grants[contact_within_s]
        held = self.held.get(vim_id) or self.known.get(vim_id)
        outcome = judge(held, report)
        if held is None or not held.moved_by(outcome, grant):
            return outcome
        recorded = isinstance(outcome, Recorded)
        if not recorded and vim_id in self.renewed:
            return outcome
        self._before.setdefault(vim_id, held)
        self.renewed[vim_id] = max(grant.until, self.renewed.get(vim_id, 0))
        if not held.holds:
            held = self._heard(vim_id, held)
        # A late report proves that the action is alive, but nothing about the VIM: after a silence it stays UNKNOWN.
        if recorded:
            self.held[vim_id] = self._record(report, held)
        return outcome

    def _heard(self, vim_id: str, held: CachedStanding) -> CachedStanding:
        """Record the silence that ends now, unless it is on record already."""
        row = self.rows[vim_id]
        if row["holds"] and vim_id not in self._told:
            after = with_its_silence(row, self.changes)
            self._told[vim_id] = {**{name: after[name] for name in _TOLD}, "unheard": 0}
            held = replace(held, reason=after["reason"], status_time=after["status_time"])
        held = self.held[vim_id] = replace(held, heard=True)
        return held

    def _record(self, report: Report, held: CachedStanding) -> CachedStanding:
        vim_id, changes = report.vim_id, self.changes
        status, reason, observation = report.status, report.reason, report.observation or held.observation
        moved = status is not held.status
        status_time = changes.now - micros_of_age(report.age_s) if moved else held.status_time
        after = CachedStanding(
            *(held.action_id, status, reason, observation, True),
            number=held.number,
            engine=held.engine,
            status_time=status_time,
            heard=True,
            lease_until=self.renewed[vim_id],
        )
        told = self._told.get(vim_id)
        if moved or reason != held.reason:
            revision = changes.next_revision()
            said = {"id": vim_id, "engine": held.engine, "action_id": held.action_id}
            said |= {"status": status, "reason": reason, "detail": report.detail}
            kind = EventKind.STATUS_CHANGED if moved else EventKind.REASON_CHANGED
            changes.add(kind, said, previous_status=held.status)
        elif told is not None:
            revision = told["revision"]
        elif held.holds:
            self._observed[vim_id] = report
            return after
        else:
            revision = self.rows[vim_id]["revision"]
        self._told[vim_id] = {
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

    def write(self) -> None:
        """Write all that was collected. Raises Overtaken."""
        connection, before = self.changes.connection, self._before
        told = [(*row.values(), *_believed(before[vim_id])) for vim_id, row in self._told.items()]
        observed = [
            (self.held[vim_id].observation, report.detail, report.round_trip_s, *_believed(before[vim_id]))
            for vim_id, report in self._observed.items()
            if vim_id not in self._told
        ]
        for rewrite, rows in ((_TELL, told), (_OBSERVE, observed)):
            if rewrite.run(connection, rows) != len(rows):
                raise Overtaken
        self._write_renewed()
        if any(not was.holds for was in before.values()):
            self._write_heard()
        self.changes.write()

    def _write_renewed(self) -> None:
        """Extend the leases of the VIMs whose status holds."""
        numbers: dict[int, list[int]] = {}
        for vim_id, until in self.renewed.items():
            if (was := self._before[vim_id]).holds:
                numbers.setdefault(until, []).append(was.number)
        renew(self.changes.connection, self.changes.now, numbers)

    def _write_heard(self) -> None:
        """Write the leases of the VIMs whose status did not hold, and reset their `unheard` counts."""
        connection, now = self.changes.connection, self.changes.now
        heard = {vim_id: was for vim_id, was in self._before.items() if not was.holds}
        _HOLD.run(
            connection,
            [(self.held[vim_id].holds, now, self.renewed[vim_id], was.number) for vim_id, was in heard.items()],
        )
        _HEAR.run(
            connection,
            [(0, was.number, was.action_id) for vim_id, was in heard.items() if vim_id not in self._told],
        )


def _believed(was: CachedStanding) -> tuple[int, str, int]:
    return was.number, was.action_id, was.observation
