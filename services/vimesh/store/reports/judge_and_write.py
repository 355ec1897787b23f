"""Recording reports: the fence and the write are one transaction (G1 to G6)."""

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
# The action is matched although it was read, or is known, in this transaction: the statement alone keeps G1, on any
# database. The observation is matched because it may have moved since it was known: see `known`.
_BELIEVED = (*OF_ACTION, "observation")
_TOLD = ("status", "reason", "detail", "round_trip_s", "status_time", "observation", "unheard", "revision")
_TELL = BatchUpdate(standings, _BELIEVED, _TOLD)
_OBSERVE = BatchUpdate(standings, _BELIEVED, ("observation", "detail", "round_trip_s"))
_HEAR = BatchUpdate(standings, OF_ACTION, ("unheard",))
_HOLD = BatchUpdate(leases, ("number",), ("holds", "contact_time", "lease_until"))


class Overtaken(Exception):
    """Another observation is on record than was known."""


@dataclass(frozen=True, slots=True)
class StandingsRead:
    """What is committed."""

    found: LogPosition
    known: Mapping[str, CachedStanding]
    read: Mapping[str, CachedStanding]


@dataclass(frozen=True, slots=True)
class ReportsWritten:
    """What a transaction leaves, once it is committed."""

    outcomes: list[Outcome]
    found: LogPosition
    """What others have left before it, and the newest change, which may be its own."""
    held: Mapping[str, CachedStanding]
    """The standings that it has read or changed."""
    renewed: Mapping[str, int]
    """Until when leases go on."""


def look(connection: Connection, contacts: Sequence[Contact], known: StandingCache) -> StandingsRead | None:
    """Read what it takes to judge reports. None: this server cannot tell, ask `write`."""
    found = LogPosition.read(connection, known.state)
    if found is None:
        return None
    held = found.known(contacts)
    # Read after the head: that they may know of a later change is no harm.
    return StandingsRead(found, held, _held_of(_rows(connection, _others(contacts, held)), found.now))


def settled(contacts: Sequence[Contact], held: Mapping[str, CachedStanding], now: int) -> list[Outcome | None]:
    """Judge with what is committed. None: there is something to write, ask `write`."""
    outcomes: list[Outcome] = []
    # What else is said of a VIM in the same call has to be judged after that was written.
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
    """Judge the reports one after the other and write what they change, in few statements however many they are.

    Raises Overtaken; not so if nothing that is known is believed.
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
    """Do so, given what is known and what was read. Raises Overtaken."""
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
    """Return what rows say by that time: nobody knows the status of an action that is silent."""
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
    """What reports, one after the other, leave of the standings, and what of it has to be written."""

    changes: Changes
    grants: LeaseGrants
    known: Mapping[str, CachedStanding]
    rows: Mapping[str, Row]
    """Of those that were not known: what has ended in silence is told from them."""
    held: dict[str, CachedStanding]
    """What was read, or has changed."""
    renewed: dict[str, int] = field(default_factory=dict)
    _before: dict[str, CachedStanding] = field(default_factory=dict)
    """As it was, of all that is written."""
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
        # A late report proves that the action lives, and nothing of the VIM: after a silence it reads UNKNOWN still.
        if recorded:
            self.held[vim_id] = self._record(report, held)
        return outcome

    def _heard(self, vim_id: str, held: CachedStanding) -> CachedStanding:
        """Tell of the silence that ends now, if nobody has told of it yet."""
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
        """Raises Overtaken."""
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
        """Let the leases go on of those whose status holds."""
        numbers: dict[int, list[int]] = {}
        for vim_id, until in self.renewed.items():
            if (was := self._before[vim_id]).holds:
                numbers.setdefault(until, []).append(was.number)
        renew(self.changes.connection, self.changes.now, numbers)

    def _write_heard(self) -> None:
        """Write the leases of those whose status did not hold."""
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
