"""Reads the committed standings against which reports are judged, except those that are cached."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import Connection, select

from vimesh.domain.vims import Status
from vimesh.store.leases.lapse_leases import SILENCE_COLUMNS
from vimesh.store.reports.group_commit import Contact
from vimesh.store.reports.judge_views import ViewKey, read_view_rows
from vimesh.store.reports.standing_cache import CachedStanding, LogPosition, StandingCache
from vimesh.store.rows.visible_rows import WHOLE_VIM, Row
from vimesh.store.schema.tables import leases, standings, vims
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_STANDING_COLUMNS = ("engine", "action_id", *SILENCE_COLUMNS, "observation", "unheard")
_SELECT = PreparedStatement(
    select(standings.c.vim_id, *(standings.c[name] for name in _STANDING_COLUMNS), vims.c.project_id, *leases.c)
    .select_from(WHOLE_VIM)
    .where(among(standings.c.vim_id, "ids"))
)
_COLUMN_NAMES = (*_STANDING_COLUMNS, "project_id", *leases.c.keys())

K = TypeVar("K")
"""What a row is found by: a VIM, or a VIM and an action."""


@dataclass(frozen=True, slots=True)
class StandingsRead:
    """The committed standings of the VIMs of a group of reports."""

    log_position: LogPosition
    trusted: Mapping[str, CachedStanding]
    read: Mapping[str, CachedStanding]
    views: Mapping[ViewKey, CachedStanding]
    """Those of the actions of VIMs that several vantages look at."""


def read_standings(connection: Connection, contacts: Sequence[Contact], cache: StandingCache) -> StandingsRead | None:
    """Read the standings needed to judge reports. Return None on a read-only server: use `judge_and_write` then."""
    log_position = LogPosition.read(connection, cache.snapshot)
    if log_position is None:
        return None
    trusted = log_position.trusted_standings(contacts)
    # Read after the head: rows that include a later change do no harm.
    rows = read_rows(connection, uncached_vims(contacts, trusted))
    return StandingsRead(
        log_position,
        trusted,
        standings_of(rows, log_position.now),
        standings_of(read_view_rows(connection, rows), log_position.now),
    )


def uncached_vims(contacts: Sequence[Contact], trusted: Mapping[str, CachedStanding]) -> list[str]:
    """Return the ids of the reported VIMs whose standings have to be read."""
    return list({report.vim_id: None for report, _ in contacts if report.vim_id not in trusted})


def read_rows(connection: Connection, vim_ids: Collection[str]) -> dict[str, Row]:
    """Return the rows of the VIMs that exist, by id, with what a report is judged against and may change."""
    if not vim_ids:
        return {}
    rows = _SELECT.rows(connection, {"ids": list(vim_ids)})
    return {vim_id: {"id": vim_id, **dict(zip(_COLUMN_NAMES, rest, strict=True))} for vim_id, *rest in rows}


def standings_of(rows: Mapping[K, Row], now: int) -> dict[K, CachedStanding]:
    """Return the standings of rows as of `now`: the status of a silent action is UNKNOWN."""
    return {key: _standing_of(row, lapsed=bool(row["holds"]) and row["lease_until"] < now) for key, row in rows.items()}


def _standing_of(row: Row, *, lapsed: bool) -> CachedStanding:
    return CachedStanding(
        row["action_id"],
        Status.UNKNOWN if lapsed else Status.__members__[row["status"]],
        row["reason"],
        row["observation"],
        bool(row["holds"]) and not lapsed,
        number=row["number"],
        engine=row["engine"],
        # Few projects have many VIMs.
        project_id=sys.intern(row["project_id"]),
        status_time=row["status_time"],
        has_reported=row["contact_time"] is not None,
        lease_until=row["lease_until"],
    )
