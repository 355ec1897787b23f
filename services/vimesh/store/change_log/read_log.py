"""Reads the change log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, func, select

from vimesh.domain.errors import EventUnreadable, RevisionCompacted, RevisionUnknown
from vimesh.domain.events import MAINTENANCE_KINDS, EventKind, LogSpan, VimEvent
from vimesh.domain.vims import Engine, Status
from vimesh.store.rows.maintenance_documents import maintenance_of_document
from vimesh.store.rows.page_budget import PageBudget
from vimesh.store.rows.vim_rows import changed_fields_of, omitted_fields, stopped_views_of, vim_of_document
from vimesh.store.schema.event_documents import as_text, size_of
from vimesh.store.schema.tables import events, revisions, segments
from vimesh.store.schema.timestamps import moment
from vimesh.store.shown_vims.condition_rows import certificate_of_document, conditions_of_document
from vimesh.store.shown_vims.view_rows import view_of_document
from vimesh.store.sql.page_tokens import position_of, token_of

_NO_END = 2**62
_EXAMINED = 20_000
"""Changes that a page for a caller of some projects looks at; after that, it ends."""
_SPAN = select(revisions.c.oldest, revisions.c.newest, revisions.c.log_id)
_DOCUMENT = as_text(events.c.document)
_EVENTS = select(*(column for column in events.c if column.name != "document"), _DOCUMENT.label("document"))
# A page ends with its segment at the latest, so it never has many more bytes than a segment.
_END = (
    select(segments.c.revision)
    .where(segments.c.revision > bindparam("revision"))
    .order_by(segments.c.revision)
    .limit(1)
    .scalar_subquery()
)
_AFTER = (
    _EVENTS.where(events.c.revision > bindparam("revision"), events.c.revision <= func.coalesce(_END, _NO_END))
    .order_by(events.c.revision)
    .limit(bindparam("count"))
)


def read_span(connection: Connection) -> LogSpan:
    return LogSpan(*connection.execute(_SPAN).one())


def read_events_after(connection: Connection, revision: int, limit: int, log_id: str = "") -> list[VimEvent]:
    """Return changes in order; `log_id`: the log that the revision is of, if that is known.

    Raises RevisionCompacted, RevisionUnknown (also if the log is another one), EventUnreadable.
    """
    rows = connection.execute(_AFTER, {"revision": revision, "count": limit}).mappings().all()
    # Read after the rows: if the log was compacted in between, the rows may have a gap, and this detects it.
    log_span = read_span(connection)
    if log_id and log_id != log_span.log_id:
        raise RevisionUnknown(log_span.newest, is_of_other_log=True)
    if revision < log_span.oldest - 1:
        raise RevisionCompacted(log_span.oldest)
    if revision > log_span.newest:
        raise RevisionUnknown(log_span.newest)
    return [_event_of(row) for row in rows]


def read_events_page(
    connection: Connection, vim_id: str, page_size: int, page_token: str, projects: frozenset[str] | None = None
) -> tuple[list[VimEvent], str]:
    """Return changes in these projects, newest first, fewer if they are large, and the token of the next page.

    Raises PageTokenInvalid, EventUnreadable.
    """
    key = ("events", vim_id)
    before = int(position_of(page_token, key, (int,))[0]) if page_token else _NO_END
    conditions = [events.c.vim_id == vim_id] if vim_id else []
    lowest = 0
    if projects is not None:
        conditions.append(events.c.project_id.in_(sorted(projects)))
    if projects is not None and not vim_id:
        # No index has the changes of a project: see decision 46.
        log_span = read_span(connection)
        before = min(before, log_span.newest + 1)
        lowest = before - _EXAMINED if before - _EXAMINED > log_span.oldest else 0
        conditions.append(events.c.revision >= lowest)
    statement = _EVENTS.where(*conditions).order_by(events.c.revision.desc())
    budget = PageBudget()
    page: list[VimEvent] = []
    while True:
        count = min(page_size + 1 - len(page), budget.next_count())
        rows = connection.execute(statement.where(events.c.revision < before).limit(count)).mappings().all()
        for row in rows:
            size_bytes = size_of(row["detail"], row["document"], row["actor"])
            if len(page) == page_size or not budget.fits(size_bytes, (row["document"] or "",)):
                return page, token_of(key, (before,))
            page.append(_event_of(row))
            before = row["revision"]
        if len(rows) < count:
            return page, token_of(key, (lowest,)) if lowest else ""


def _event_of(row: RowMapping) -> VimEvent:
    """Convert a row. Raises EventUnreadable for an event of a newer version: skipping it would leave a gap (G8)."""
    try:
        return _event_with(row, None if row["document"] is None else json.loads(row["document"]))
    except (KeyError, TypeError, ValueError) as error:
        raise EventUnreadable(row["revision"]) from error


def _event_with(row: RowMapping, document: Mapping[str, Any] | None) -> VimEvent:
    if row["kind"] in MAINTENANCE_KINDS and document is not None:
        return replace(_event_with(row, None), maintenance=maintenance_of_document(document))
    if row["kind"] == EventKind.CONDITION_CHANGED and document is not None:
        return replace(
            _event_with(row, None),
            conditions=conditions_of_document(document),
            certificate=certificate_of_document(document),
        )
    if document is not None and (view := view_of_document(document)) is not None:
        return replace(_event_with(row, None), view=view)
    changed_fields = None if document is None else changed_fields_of(document)
    return VimEvent(
        revision=row["revision"],
        kind=EventKind(row["kind"]),
        vim_id=row["vim_id"],
        time=moment(row["time"]),
        engine=Engine(row["engine"]),
        action_id=row["action_id"],
        stopped_action_id=row["stopped_action_id"],
        stopped_engine=Engine(row["stopped_engine"] or row["engine"]),
        status=Status(row["status"]),
        previous_status=Status(row["previous_status"]),
        reason=row["reason"],
        detail=row["detail"],
        vim=None if document is None else vim_of_document(document),
        changed_fields=changed_fields or (),
        omitted_fields=frozenset() if changed_fields is None else omitted_fields(changed_fields),
        size_bytes=size_of(row["detail"], row["document"], row["actor"]),
        project_id=row["project_id"],
        actor=row["actor"],
        stopped_views=() if document is None else stopped_views_of(document),
    )
