"""Undoes the changes that were made to VIMs since a point in time.

Only changes after the point are looked at: those before it may be gone. The first one says what the status was. Each
modification says what it replaced: of several, the first counts.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, func, or_, select

from vimesh.domain.events import EventKind
from vimesh.domain.leases import silence_detail
from vimesh.domain.probing import Reason
from vimesh.domain.vims import Status
from vimesh.store.as_of.point_in_time import PointInTime
from vimesh.store.rows.page_budget import PageBudget
from vimesh.store.rows.vim_rows import REPLACED
from vimesh.store.rows.visible_rows import Row, silent_columns
from vimesh.store.schema.event_documents import as_text
from vimesh.store.schema.tables import events
from vimesh.store.schema.timestamps import moment
from vimesh.store.sql.prepared_statements import PreparedStatement
from vimesh.store.sql.sql_functions import among

_DOCUMENTS_AT_ONCE: Final = 20
"""Documents that are in memory at a time: each may have megabytes."""
_UNRECORDED: Final = {
    "detail": "",
    "round_trip_s": None,
    "contact_time": None,
    "lease_until": None,
    "monitor_error": "",
    "holds": False,
    "lapsed": False,
    "waiting": False,
}
"""What no change records, or not each time."""
_AFTER = (among(events.c.vim_id, "ids"), events.c.revision > bindparam("since"))
_COUNTS = PreparedStatement(
    select(events.c.vim_id, func.min(events.c.revision), func.count()).where(*_AFTER).group_by(events.c.vim_id)
)
_LAST = PreparedStatement(
    select(events.c.vim_id, func.max(events.c.revision))
    .where(among(events.c.vim_id, "ids"), events.c.revision <= bindparam("since"))
    .group_by(events.c.vim_id)
)
_FIRST = select(
    *(events.c[name] for name in ("vim_id", "previous_status", "previous_reason", "previous_status_time")),
    *(events.c[name] for name in ("reason", "detail", "seen_time")),
).where(among(events.c.revision, "revisions"))
_LIFECYCLE = (
    select(*(events.c[name] for name in ("revision", "vim_id", "kind", "stopped_action_id", "stopped_engine")))
    .where(
        *_AFTER,
        or_(
            events.c.kind.in_([EventKind.MODIFIED, EventKind.DEREGISTERED]),
            # One with a document replaced the action of a vantage, and the VIM has none of its own.
            and_(events.c.kind == EventKind.ACTION_REPLACED, events.c.document.is_(None)),
        ),
    )
    .order_by(events.c.revision)
)
_DOCUMENTS = select(events.c.revision, events.c.vim_id, as_text(events.c.document).label("document")).where(
    among(events.c.revision, "revisions")
)


@dataclass(frozen=True, slots=True)
class ChangesSince:
    """How many changes VIMs have had since a point, and the first of each. VIMs without one are left out."""

    counts: Mapping[str, int]
    first: Mapping[str, int]


def count_changes_since(connection: Connection, vim_ids: Collection[str], point: PointInTime) -> ChangesSince:
    rows = _COUNTS.rows(connection, {"ids": list(vim_ids), "since": point.revision}) if vim_ids else []
    return ChangesSince({row[0]: row[2] for row in rows}, {row[0]: row[1] for row in rows})


def undo_changes(
    connection: Connection, rows: Sequence[Row], since: ChangesSince, point: PointInTime
) -> list[dict[str, Any]]:
    """Return the rows of VIMs as they were, given those of now, or of when they were deregistered.

    Each row needs `end`, the revision of that change, or None. Once what is put back is more than a page may have, no
    further rows follow; the first one always does.
    """
    past = {row["id"]: _PastRow(row, point) for row in rows}
    if changed := [vim_id for vim_id in past if vim_id in since.first]:
        _undo_statuses(connection, past, [since.first[vim_id] for vim_id in changed])
        past = _undo_modifications(connection, past, changed, point)
        _restore_revisions(connection, past, [vim_id for vim_id in changed if vim_id in past], point)
    return [row.visible() for row in past.values()]


@dataclass(slots=True)
class _PastRow:
    base: Row
    point: PointInTime
    status: Mapping[str, Any] | None = None
    """None: the status has not changed since."""
    undone: dict[str, Any] = field(default_factory=dict)

    def is_of_it(self, revision: int) -> bool:
        """Return whether a change of a VIM with this id was one of this VIM: a later one may have the id, too."""
        end = self.base["end"]
        return end is None or revision <= end

    def visible(self) -> dict[str, Any]:
        status = self._unchanged_status() if self.status is None else self.status
        return {**self.base, **self.undone, **status, **_UNRECORDED, "now": self.point.time}

    def _unchanged_status(self) -> Mapping[str, Any]:
        base = self.base
        # A silence that is not on record yet: readers saw it from the end of the lease.
        return silent_columns(base) if base["holds"] and base["lease_until"] < self.point.time else {}


def _undo_statuses(connection: Connection, past: Mapping[str, _PastRow], revisions: Sequence[int]) -> None:
    for event in connection.execute(_FIRST, {"revisions": list(revisions)}).mappings():
        row = past[event["vim_id"]]
        row.status = _silence(event) if _was_silent(event, row.point.time) else _previous(event)


def _previous(event: Row) -> dict[str, Any]:
    return {
        "status": event["previous_status"],
        "reason": event["previous_reason"],
        "status_time": event["previous_status_time"],
    }


def _was_silent(event: Row, time: int) -> bool:
    """Return whether the event records a silence that had begun by then: readers saw it before it was on record."""
    ended = event["seen_time"]
    return (
        event["reason"] == Reason.SILENT
        and ended is not None
        and ended < time
        and event["detail"] == silence_detail(moment(ended))
    )


def _silence(event: Row) -> dict[str, Any]:
    was_unknown = event["previous_status"] == Status.UNKNOWN
    return {
        "status": Status.UNKNOWN,
        "reason": Reason.SILENT,
        "status_time": event["previous_status_time"] if was_unknown else event["seen_time"],
    }


def _undo_modifications(
    connection: Connection, past: dict[str, _PastRow], vim_ids: Sequence[str], point: PointInTime
) -> dict[str, _PastRow]:
    """Put back what was replaced; return the first of the rows, as many as fit into a page with that."""
    modifications: dict[str, list[int]] = {vim_id: [] for vim_id in vim_ids}
    for event in connection.execute(_LIFECYCLE, {"ids": list(vim_ids), "since": point.revision}):
        row = past[event.vim_id]
        if not row.is_of_it(event.revision):
            continue
        if event.kind == EventKind.MODIFIED:
            modifications[event.vim_id].append(event.revision)
        if event.stopped_action_id and "action_id" not in row.undone:
            row.undone |= {"action_id": event.stopped_action_id, "engine": event.stopped_engine}
    order = list(past)
    budget, revisions = PageBudget(), list(chain.from_iterable(modifications.values()))
    for begin in range(0, len(revisions), _DOCUMENTS_AT_ONCE):
        batch = revisions[begin : begin + _DOCUMENTS_AT_ONCE]
        documents = {event.revision: event for event in connection.execute(_DOCUMENTS, {"revisions": batch})}
        for event in (documents[revision] for revision in batch if revision in documents):
            if not budget.fits(len(event.document), (event.document,)) and event.vim_id != order[0]:
                return {vim_id: past[vim_id] for vim_id in order[: order.index(event.vim_id)]}
            undone = past[event.vim_id].undone
            for name, value in json.loads(event.document)[REPLACED].items():
                undone.setdefault(name, value)
    return past


def _restore_revisions(
    connection: Connection, past: Mapping[str, _PastRow], vim_ids: Sequence[str], point: PointInTime
) -> None:
    last = {row[0]: row[1] for row in _LAST.rows(connection, {"ids": list(vim_ids), "since": point.revision})}
    for vim_id in vim_ids:
        past[vim_id].undone["revision"] = last.get(vim_id, 0)
